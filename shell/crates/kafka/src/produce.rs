//! Records out: batches handed to librdkafka, their outcomes gathered from delivery reports.
//!
//! Idempotence and the first record. An idempotent producer of librdkafka 2.12 needs a producer id
//! before it sends. It looks for a broker to ask when Metadata has just come, else every 500 ms;
//! and just when the first Metadata comes, its broker counts as down for a moment. So the client is
//! warmed up first, beside our own look-up of the topic: see [`Handle::warm_up`]. Where that was
//! not enough, Metadata is asked for again while the first record is out: see [`FIRST_POLL_MS`].
//!
//! The first record of a new topic. Where replicas are asked to acknowledge it takes 0.45 s or
//! 1.1 s and nothing on this side shortens that. Measured with 3 brokers (Kafka 3.9) on loopback,
//! sent at once after the topic's creation, median of 25: 18 ms with one replica, 465 ms with
//! three; 24 ms with three once the topic is a second old. The followers do not fetch from the new
//! partition yet: their fetcher sits in a request of before, held for `replica.fetch.wait.max.ms`
//! (500), and one that asks before the leader knows that it leads comes again after
//! `replica.fetch.backoff.ms` (1000). With traffic on other topics, which ends held requests, it
//! took 21 to 262 ms or 990 to 1180 ms. Both are settings of the brokers: in a fresh cluster the
//! median was 1042 ms as they are, 117 ms with 100 for either. What this side can shorten is the
//! other wait, for a leader that has not heard of its partition: see [`RETRY_MS`].

mod apart;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kafsh_model::port::{BoxFuture, Delivered, Delivery, Producer, Target};
use kafsh_model::record::{RecordBatch, timestamp_zero};
use kafsh_model::{Class, Error, Result};
use tokio::sync::{Notify, oneshot};

use crate::admin::KafkaAdmin;
use crate::native::conf::Conf;
use crate::native::error::{NO_ERROR, QUEUE_FULL, native_error};
use crate::native::events::Report;
use crate::native::handle::{DELIVERIES, Handle, Kind, Topic};
use crate::native::message::produce;

/// How long a record may take to be acknowledged, retries included, where the target's own bound is
/// shorter: an election after a broker's death takes its session time-out (6 to 18 s).
const DELIVERY_MIN: Duration = Duration::from_secs(30);

/// A bound below this, the usual one, was chosen by the user and is kept.
const CHOSEN_SHORT: Duration = Duration::from_secs(10);

/// Largest record that is tried, in bytes: the broker's and the topic's limits are theirs to say.
const RECORD_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Bytes and records that wait in a producer; more make `send` wait.
const QUEUE_KIB_MAX: usize = 160 * 1024;
const QUEUE_RECORDS_MAX: usize = 100_000;

/// How long a record waits for others to share its request, in ms. A batch is handed over in one
/// go, so a moment is enough to gather it; every one-shot pays it once.
const LINGER_MS: f64 = 0.5;

/// Pause before a record is sent again that a broker has refused for now, in ms; it doubles up to
/// `retry.backoff.max.ms` (1000). The leader of a partition made a moment ago often knows of it
/// some ms after the controller has answered. First record of a new topic with one replica, 80
/// runs: with librdkafka's 100 one run in four took 110 to 216 ms, with 20 one took 101 ms and the
/// others 16 to 80; medians are the same.
const RETRY_MS: u32 = 20;

/// How long a topic may stay unknown after it was seen to exist: a broker may hear of a new topic
/// 100 ms after the controller has answered.
const PROPAGATION_MAX: Duration = Duration::from_secs(5);

/// Longest sleep of the thread that gathers reports, in ms. Reports wake it at once.
const POLL_MS: i32 = 1_000;

/// Longest such sleep, in ms, until the first record is acknowledged, twice as long each time.
/// After it Metadata is asked for: with the answer librdkafka looks for a producer id at once.
const FIRST_POLL_MS: i32 = 20;

/// Longest that such a question blocks the thread.
const FIRST_ASK_MAX: Duration = Duration::from_millis(100);

/// Longest wait for room before asking again whether there is some.
const ROOM_WAIT: Duration = Duration::from_millis(50);

/// What became of a record, and the partition that was chosen for it; -1: none.
type Outcome = (i32, Delivery);

/// What is still awaited of one batch.
struct Awaited {
    outcomes: Vec<Option<Outcome>>,
    missing: usize,
    /// Everything was handed over, so `missing` may end the wait
    complete: bool,
    done: Option<oneshot::Sender<Vec<Option<Outcome>>>>,
    /// Names of topics, for messages
    topics: Vec<Arc<str>>,
    topic_of: Vec<u32>,
}

#[derive(Default)]
struct Batches {
    next: u32,
    open: HashMap<u32, Awaited>,
}

struct Shared {
    handle: Arc<Handle>,
    batches: Mutex<Batches>,
    room: Notify,
    stop: AtomicBool,
    /// Its closing tells that the client is connected, or that this takes too long
    warm: tokio::sync::Semaphore,
}

pub(crate) struct KafkaProducer {
    shared: Arc<Shared>,
    admin: Arc<KafkaAdmin>,
    topics: Mutex<HashMap<String, Arc<Topic>>>,
    known: Mutex<HashSet<String>>,
    /// `max.message.bytes` of topics that got more than a little at once
    limits: Mutex<HashMap<String, usize>>,
}

impl Drop for KafkaProducer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        // Nobody waits for what is still queued: `send` returns only when all is reported, or was
        // given up. Without this the client would take its time to end.
        self.shared.handle.purge();
        self.shared.handle.main().wake();
    }
}

/// A batch's number and a record's place in it, as one tag.
fn tag(batch: u32, index: usize) -> usize {
    ((batch as usize) << 32) | index
}

fn untag(tag: usize) -> (u32, usize) {
    ((tag >> 32) as u32, tag & 0xffff_ffff)
}

const _: () = assert!(usize::BITS == 64, "tags are two numbers of 32 bits");

/// What a producer sets beside the user's properties.
pub(crate) fn conf(target: &Target) -> Result<Conf> {
    let delivery = match target.timeout < CHOSEN_SHORT {
        true => target.timeout,
        false => target.timeout.max(DELIVERY_MIN),
    };
    let delivery = delivery.as_millis().to_string();
    let ours = [
        ("enable.idempotence", "true".to_string()),
        ("partitioner", "murmur2_random".to_string()),
        ("linger.ms", LINGER_MS.to_string()),
        ("message.timeout.ms", delivery),
        ("retry.backoff.ms", RETRY_MS.to_string()),
        ("message.max.bytes", RECORD_BYTES_MAX.to_string()),
        ("queue.buffering.max.kbytes", QUEUE_KIB_MAX.to_string()),
        ("queue.buffering.max.messages", QUEUE_RECORDS_MAX.to_string()),
        ("topic.metadata.propagation.max.ms", PROPAGATION_MAX.as_millis().to_string()),
    ];
    let fixed = [
        ("acks", "-1"),
        ("request.required.acks", "-1"),
        // librdkafka lets brokers create topics for producers unless told otherwise.
        ("allow.auto.create.topics", "false"),
    ];
    Conf::build(target, &ours, &fixed)
}

impl KafkaProducer {
    pub fn new(target: &Target, admin: Arc<KafkaAdmin>) -> Result<Arc<Self>> {
        let handle = Handle::new(Kind::Producer, conf(target)?, DELIVERIES, None)?;
        let shared = Arc::new(Shared {
            handle,
            batches: Mutex::default(),
            room: Notify::new(),
            stop: AtomicBool::new(false),
            warm: tokio::sync::Semaphore::new(0),
        });
        let patience = target.timeout;
        let of_thread = shared.clone();
        std::thread::Builder::new()
            .name("kafsh-reports".to_string())
            .spawn(move || gather_reports(&of_thread, patience))
            .map_err(|error| Error::io("cannot start a thread", &error))?;
        let (topics, known, limits) = Default::default();
        Ok(Arc::new(KafkaProducer { shared, admin, topics, known, limits }))
    }

    /// Errors by topic for those of the batch that do not exist.
    async fn missing_topics(&self, batch: &RecordBatch) -> Result<HashMap<String, Error>> {
        let mut fresh: Vec<String> = Vec::new();
        {
            let known = lock(&self.known);
            let mut last = "";
            for record in batch.iter() {
                // Batches mostly hold one topic: compare before hashing.
                if record.topic != last
                    && !known.contains(record.topic)
                    && !fresh.iter().any(|name| name == record.topic)
                {
                    fresh.push(record.topic.to_string());
                }
                last = record.topic;
            }
        }
        let mut missing = HashMap::new();
        for name in fresh {
            match self.admin.topics_somewhere(std::slice::from_ref(&name)).await {
                Ok(_) => drop(lock(&self.known).insert(name)),
                Err(error) if error.class == Class::Unavailable => return Err(error),
                Err(error) => drop(missing.insert(name, error)),
            }
        }
        Ok(missing)
    }

    fn topic(&self, name: &str) -> Result<Arc<Topic>> {
        let mut topics = lock(&self.topics);
        if let Some(topic) = topics.get(name) {
            return Ok(topic.clone());
        }
        let topic = Arc::new(self.shared.handle.topic(name)?);
        topics.insert(name.to_string(), topic.clone());
        Ok(topic)
    }

    /// Hands over the records from `from` on; returns the index of the first that found no room.
    fn enqueue(
        &self,
        batch: &RecordBatch,
        from: usize,
        id: u32,
        missing: &HashMap<String, Error>,
    ) -> usize {
        let mut current: Option<(&str, Result<Arc<Topic>>)> = None;
        for index in from..batch.len() {
            let record = batch.get(index);
            let topic = match &current {
                Some((name, topic)) if *name == record.topic => topic,
                _ => {
                    let topic = match missing.get(record.topic) {
                        Some(error) => Err(error.clone()),
                        None => self.topic(record.topic),
                    };
                    &current.insert((record.topic, topic)).1
                }
            };
            let refused = match topic {
                Err(error) => error.clone(),
                Ok(_) if record.timestamp_ms == 0 => timestamp_zero(not_delivered(record.topic)),
                Ok(topic) => match produce(&self.shared.handle, topic, &record, tag(id, index)) {
                    Ok(()) => continue,
                    Err(QUEUE_FULL) => return index,
                    Err(code) => delivery_error(&self.shared, code, record.topic),
                },
            };
            self.shared.settle(id, index, Err(refused));
        }
        batch.len()
    }
}

fn failed_with(delivery: &Delivery, code: &str) -> bool {
    matches!(delivery, Err(error) if error.code == code)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_delivered(topic: &str) -> String {
    format!("a record to `{topic}` was not delivered")
}

fn delivery_error(shared: &Shared, code: i32, topic: &str) -> Error {
    let what = if code == crate::native::error::UNKNOWN_TOPIC || code == 3 {
        format!("no topic `{topic}`")
    } else {
        not_delivered(topic)
    };
    shared.handle.log.explain(native_error(code, None, what, topic))
}

impl Shared {
    fn open(&self, batch: &RecordBatch) -> (u32, oneshot::Receiver<Vec<Option<Outcome>>>) {
        let (done, receiver) = oneshot::channel();
        let mut topics: Vec<Arc<str>> = Vec::new();
        let topic_of = batch
            .iter()
            .map(|record| {
                let known = topics.iter().rposition(|name| **name == *record.topic);
                known.unwrap_or_else(|| {
                    topics.push(record.topic.into());
                    topics.len() - 1
                }) as u32
            })
            .collect();
        let mut batches = lock(&self.batches);
        let id = batches.next;
        batches.next = batches.next.wrapping_add(1);
        batches.open.insert(
            id,
            Awaited {
                outcomes: vec![None; batch.len()],
                missing: batch.len(),
                complete: false,
                done: Some(done),
                topics,
                topic_of,
            },
        );
        (id, receiver)
    }

    fn settle(&self, id: u32, index: usize, delivery: Delivery) {
        lock(&self.batches).settle(id, index, |_| (-1, delivery));
    }

    /// No more records of this batch will be handed over.
    fn complete(&self, id: u32) {
        let mut batches = lock(&self.batches);
        if let Some(awaited) = batches.open.get_mut(&id) {
            awaited.complete = true;
        }
        batches.finish(id);
    }
}

impl Batches {
    fn settle(&mut self, id: u32, index: usize, outcome: impl FnOnce(&str) -> Outcome) {
        let Some(awaited) = self.open.get_mut(&id) else { return };
        let topic = &awaited.topics[awaited.topic_of[index] as usize];
        let slot = &mut awaited.outcomes[index];
        if slot.is_none() {
            *slot = Some(outcome(topic));
            awaited.missing -= 1;
        }
        if awaited.missing == 0 {
            self.finish(id);
        }
    }

    fn finish(&mut self, id: u32) {
        if !self.open.get(&id).is_some_and(|awaited| awaited.complete && awaited.missing == 0) {
            return;
        }
        if let Some(awaited) = self.open.remove(&id)
            && let Some(done) = awaited.done
        {
            // A caller that was cancelled no longer listens.
            let _ = done.send(awaited.outcomes);
        }
    }
}

/// The thread of a producer: reports, errors and log lines until it is dropped.
fn gather_reports(shared: &Shared, patience: Duration) {
    shared.handle.warm_up(patience);
    shared.warm.close();
    let mut poll_ms = FIRST_POLL_MS;
    while !shared.stop.load(Ordering::Acquire) {
        let first_is_out = poll_ms < POLL_MS && !lock(&shared.batches).open.is_empty();
        let patience_ms = if first_is_out { poll_ms } else { POLL_MS };
        let Some(event) = shared.handle.main().event(patience_ms) else {
            if first_is_out {
                shared.handle.ask_for_metadata(FIRST_ASK_MAX);
                poll_ms *= 2;
            }
            continue;
        };
        event.log_into(&shared.handle.log);
        let mut batches = lock(&shared.batches);
        let mut any = false;
        event.deliveries(|report| {
            any = true;
            settle_report(shared, &mut batches, report);
        });
        drop(batches);
        if any {
            poll_ms = POLL_MS;
            shared.room.notify_waiters();
        }
    }
    // Dropping what is open tells those who still wait.
    lock(&shared.batches).open.clear();
}

fn settle_report(shared: &Shared, batches: &mut Batches, report: Report) {
    let (id, index) = untag(report.tag);
    batches.settle(id, index, |topic| {
        let delivery = match report.code {
            NO_ERROR => Ok(Delivered { partition: report.partition, offset: report.offset }),
            code => Err(delivery_error(shared, code, topic)),
        };
        (report.partition, delivery)
    });
}

/// Takes the batch out of the books when its `send` is dropped half-way.
struct Given<'a> {
    shared: &'a Shared,
    id: u32,
}

impl Drop for Given<'_> {
    fn drop(&mut self) {
        lock(&self.shared.batches).open.remove(&self.id);
    }
}

impl Producer for KafkaProducer {
    fn send<'a>(&'a self, batch: &'a RecordBatch) -> BoxFuture<'a, Result<Vec<Delivery>>> {
        Box::pin(async move {
            if batch.is_empty() {
                return Ok(Vec::new());
            }
            let warm = self.shared.warm.acquire();
            let (missing, closed) = tokio::join!(self.missing_topics(batch), warm);
            // There are no permits: it ends by being closed.
            drop(closed);
            let missing = missing?;
            let deliveries = self.deliver_in_order(batch, &missing).await?;
            self.forget_missing(&deliveries, batch);
            Ok(deliveries)
        })
    }
}

impl KafkaProducer {
    /// Hands the batch over and waits for every outcome.
    async fn deliver(
        &self,
        batch: &RecordBatch,
        missing: &HashMap<String, Error>,
    ) -> Result<Vec<Outcome>> {
        let (id, done) = self.shared.open(batch);
        let given = Given { shared: &self.shared, id };
        let mut next = 0;
        loop {
            let room = self.shared.room.notified();
            next = self.enqueue(batch, next, id, missing);
            if next == batch.len() {
                break;
            }
            // Waking is not certain (a report may come between the two lines above).
            let _ = tokio::time::timeout(ROOM_WAIT, room).await;
        }
        self.shared.complete(id);
        let outcomes = done.await.map_err(|_| {
            Error::failed("not-sent", "the producer was closed while records were under way")
        })?;
        drop(given);
        let lost = || (-1, Err(Error::bug("a record has no outcome")));
        Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(lost)).collect())
    }

    /// A topic that was deleted meanwhile is asked for again next time.
    fn forget_missing(&self, deliveries: &[Delivery], batch: &RecordBatch) {
        for (index, delivery) in deliveries.iter().enumerate() {
            if failed_with(delivery, "topic-not-found") {
                lock(&self.known).remove(batch.get(index).topic);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_carry_batch_and_index() {
        for pair in [(0, 0), (7, 9), (u32::MAX, u32::MAX as usize)] {
            assert_eq!(untag(tag(pair.0, pair.1)), pair);
        }
    }
}
