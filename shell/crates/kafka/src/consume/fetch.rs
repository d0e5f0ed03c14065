//! The thread of a consumer: takes batches from librdkafka when asked.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use kafsh_model::record::RecordBatch;
use kafsh_model::topic::TopicPartition;
use kafsh_model::{Error, Result};
use tokio::sync::oneshot;

use super::range::Progress;
use crate::native::error::{self, Code, native_error};
use crate::native::handle::{Handle, Queue, Topic};
use crate::native::message::{Sign, take};

/// Bytes after which a batch is handed on although more records are asked for.
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// Records after which a batch is handed on, whatever was asked for.
const BATCH_RECORDS_MAX: usize = 100_000;

/// Longest single wait inside librdkafka: bounds how long a lost wake-up can hold a stop.
const WAIT_MAX: Duration = Duration::from_millis(500);

/// The same in a group, where waits are not woken: the sign that wakes one would, if it came a
/// moment later, end librdkafka's farewell to the group before the group has heard of it.
const WAIT_IN_GROUP_MAX: Duration = Duration::from_millis(20);

/// How long librdkafka may find a topic unknown that we saw to exist: the broker it asks may hear
/// of a new topic later than others.
const TOPIC_GRACE: Duration = Duration::from_secs(5);

/// A request for records.
pub(super) struct Asked {
    pub max_records: usize,
    pub max_wait: Duration,
    pub reply: oneshot::Sender<Result<Taken>>,
}

/// What was taken.
#[derive(Default)]
pub(super) struct Taken {
    pub batch: RecordBatch,
    pub finished: bool,
    /// Offsets after the last record of each partition in the batch
    pub positions: Vec<(TopicPartition, i64)>,
    /// Partitions that went to other members of the group
    pub revoked: HashSet<TopicPartition>,
    /// What is still to be read, where nothing came
    pub open: Vec<TopicPartition>,
}

impl Taken {
    /// Leaves at most `max` records; the rest, if any, is returned.
    pub fn split_off(&mut self, max: usize) -> Option<Taken> {
        if self.batch.len() <= max {
            return None;
        }
        let whole = std::mem::take(&mut self.batch);
        let mut rest = RecordBatch::new();
        for (index, record) in whole.iter().enumerate() {
            let half = if index < max { &mut self.batch } else { &mut rest };
            let pushed = half.push(record);
            debug_assert!(pushed, "a half is not larger than the whole");
        }
        let positions = std::mem::replace(&mut self.positions, positions_of(&self.batch));
        let finished = std::mem::take(&mut self.finished);
        Some(Taken { batch: rest, finished, positions, ..Taken::default() })
    }
}

fn positions_of(batch: &RecordBatch) -> Vec<(TopicPartition, i64)> {
    let mut positions: Vec<(TopicPartition, i64)> = Vec::new();
    for record in batch.iter() {
        let known = positions
            .iter_mut()
            .find(|(place, _)| place.partition == record.partition && place.topic == record.topic);
        match known {
            Some((_, next)) => *next = record.offset + 1,
            None => {
                let topic = record.topic.to_string();
                let place = TopicPartition { topic, partition: record.partition };
                positions.push((place, record.offset + 1));
            }
        }
    }
    positions
}

/// What the thread reads from.
pub(super) struct Source {
    pub handle: Arc<Handle>,
    pub queue: Arc<Queue>,
    pub progress: Arc<Mutex<Progress>>,
    /// Partitions started by hand, stopped at the end; none in a group
    pub started: Vec<(Topic, i32)>,
    pub in_group: bool,
    /// When the topics were seen to exist
    pub since: Instant,
}

/// The thread's other end.
pub(super) struct Thread {
    pub handle: Arc<Handle>,
    /// To be woken, where waits are long
    queue: Option<Arc<Queue>>,
    asks: Option<mpsc::Sender<Asked>>,
    stop: Arc<AtomicBool>,
    ended: Option<oneshot::Receiver<()>>,
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.asks = None;
        if let Some(queue) = &self.queue {
            queue.wake();
        }
    }
}

impl Thread {
    pub fn start(source: Source) -> Result<Thread> {
        let (asks, asked) = mpsc::channel();
        let (end, ended) = oneshot::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let thread = Thread {
            handle: source.handle.clone(),
            queue: (!source.in_group).then(|| source.queue.clone()),
            asks: Some(asks),
            stop: stop.clone(),
            ended: Some(ended),
        };
        std::thread::Builder::new()
            .name("kafsh-records".to_string())
            .spawn(move || {
                serve(&source, &asked, &stop);
                finish(source);
                // Nobody waits where the consumer was dropped without being closed.
                let _ = end.send(());
            })
            .map_err(|error| Error::io("cannot start a thread", &error))?;
        Ok(thread)
    }

    pub fn ask(&self, asked: Asked) -> Result<()> {
        let gone = || Error::bug("the consumer's thread is gone");
        self.asks.as_ref().ok_or_else(gone)?.send(asked).map_err(|_| gone())
    }

    /// Tells the thread to end; the future is ready when the group is left and fetching stopped.
    pub fn stop(mut self) -> impl Future<Output = ()> + Send + 'static {
        let ended = self.ended.take();
        drop(self);
        async move {
            if let Some(ended) = ended {
                let _ = ended.await;
            }
        }
    }
}

fn serve(source: &Source, asked: &mpsc::Receiver<Asked>, stop: &AtomicBool) {
    // In a group rebalances are answered inside a request for records too: a member that asks for
    // none holds its group up, for `max.poll.interval.ms` (5 minutes) at most.
    while let Ok(asked) = asked.recv() {
        let taken = fill(source, &asked, stop);
        source.handle.collect_log();
        // The receiver is kept by the consumer even when a call is cancelled; it is gone only with
        // the consumer itself.
        let _ = asked.reply.send(taken);
        if stop.load(Ordering::Acquire) {
            return;
        }
    }
}

fn fill(source: &Source, asked: &Asked, stop: &AtomicBool) -> Result<Taken> {
    let max = asked.max_records.min(BATCH_RECORDS_MAX);
    let deadline = Instant::now() + asked.max_wait;
    let mut taken = Taken::default();
    let mut trouble = None;
    loop {
        if let Some(error) = progress(source).take_trouble() {
            return Err(error);
        }
        if progress(source).is_finished() || stop.load(Ordering::Acquire) {
            break;
        }
        let room = max - taken.batch.len();
        if room == 0 || taken.batch.bytes() >= BATCH_BYTES {
            break;
        }
        // librdkafka waits until as many have come as asked for: wait for one, then take the rest.
        let left = deadline.saturating_duration_since(Instant::now());
        let (wait, most) = if taken.batch.is_empty() {
            (left.min(if source.in_group { WAIT_IN_GROUP_MAX } else { WAIT_MAX }), 1)
        } else {
            (Duration::ZERO, room)
        };
        // Rounded up, or the last millisecond would be spent turning.
        let wait_ms = wait.as_micros().div_ceil(1_000) as i32;
        let count = take_some(source, most, wait_ms, &mut taken.batch, &mut trouble);
        if let Some(error) = trouble {
            if taken.batch.is_empty() {
                return Err(error);
            }
            // What came before is handed on first; the trouble comes again.
            break;
        }
        let over = !taken.batch.is_empty() || Instant::now() >= deadline;
        if count == 0 && over {
            break;
        }
    }
    let mut progress = progress(source);
    taken.finished = progress.is_finished();
    taken.positions = progress.take_positions();
    taken.revoked = progress.take_revoked();
    if taken.batch.is_empty() && !taken.finished {
        taken.open = progress.open();
    }
    Ok(taken)
}

fn progress(source: &Source) -> std::sync::MutexGuard<'_, Progress> {
    source.progress.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take_some(
    source: &Source,
    most: usize,
    wait_ms: i32,
    batch: &mut RecordBatch,
    trouble: &mut Option<Error>,
) -> usize {
    let mut ends = Vec::new();
    let mut troubles = Vec::new();
    // Rebalances are told inside this call and need the lock: it is taken per record.
    let count = take(
        &source.queue,
        most,
        wait_ms,
        batch,
        |record| progress(source).record(record.topic, record.partition, record.offset),
        |sign| match sign {
            Sign::End { topic, partition, offset } => ends.push((topic, partition, offset)),
            Sign::Trouble { code, detail, topic } => troubles.push((code, detail, topic)),
        },
    );
    for (topic, partition, offset) in ends {
        progress(source).end(&topic, partition, offset);
    }
    for (code, detail, topic) in troubles {
        let is_news = matches!(code, 3 | error::UNKNOWN_TOPIC);
        if passes(code) || is_news && source.since.elapsed() < TOPIC_GRACE {
            continue;
        }
        let what = match code {
            3 | error::UNKNOWN_TOPIC => format!("no topic `{topic}`"),
            _ if topic.is_empty() => "cannot go on reading".to_string(),
            _ => format!("cannot go on reading topic `{topic}`"),
        };
        let error = native_error(code, Some(&detail), what, &topic);
        *trouble = Some(source.handle.log.explain(error));
    }
    count
}

/// Troubles that librdkafka gets over by itself when the brokers do.
fn passes(code: Code) -> bool {
    let moving = i16::try_from(code).is_ok_and(|code| {
        code != crate::kafka_error::UNKNOWN_TOPIC_OR_PARTITION
            && (crate::kafka_error::is_leader_moving(code)
                || crate::kafka_error::is_coordinator_moving(code))
    });
    moving
        || matches!(
            code,
            error::TRANSPORT | error::ALL_BROKERS_DOWN | error::TIMED_OUT | error::NO_OFFSET
        )
}

fn finish(source: Source) {
    if source.in_group {
        source.handle.leave();
    }
    for (topic, partition) in &source.started {
        topic.stop(*partition);
    }
    // Topics and queue go before the client, whose last reference ends it on a thread of its own.
    let Source { handle, queue, progress, started, .. } = source;
    drop((started, queue, progress));
    drop(handle);
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafsh_model::record::RecordView;

    #[test]
    fn what_is_over_the_limit_is_kept_with_its_positions_and_the_end() {
        let mut taken = Taken { finished: true, ..Taken::default() };
        for (partition, offset) in [(0, 5), (1, 8), (0, 6)] {
            let record = RecordView { partition, offset, ..RecordView::new("t", None, None) };
            assert!(taken.batch.push(record));
        }
        assert!(taken.split_off(3).is_none());
        let place = |partition| TopicPartition { topic: "t".into(), partition };
        taken.positions = vec![(place(0), 7), (place(1), 9)];
        let rest = taken.split_off(2).unwrap();
        assert_eq!((taken.batch.len(), rest.batch.len()), (2, 1));
        assert!(!taken.finished && rest.finished);
        assert_eq!(taken.positions, [(place(0), 6), (place(1), 9)]);
        assert_eq!(rest.positions, [(place(0), 7), (place(1), 9)]);
    }
}
