//! How long records have been waiting: the time of the first unread record of each partition.
//!
//! Kafka has no request that gives the time of a record at an offset, so one record is read of each
//! partition, as any consumer would: it needs the right to read the topic, and large records cost
//! what they weigh.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kafsh_model::Result;
use kafsh_model::port::{ConsumeOptions, Consumer, From, Records, To};
use kafsh_model::topic::TopicPartition;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// Partitions that are read, those with the largest lag first.
pub const PARTITIONS_MAX: usize = 64;
/// Partitions that are read side by side: each has a consumer of its own.
const AT_ONCE: usize = 8;
/// Bound on reading them all.
const WAIT: Duration = Duration::from_secs(3);

/// A partition, the offset of its first unread record, and its lag.
pub type Unread = (TopicPartition, i64, i64);

/// Times of first unread records, in ms since 1970-01-01 UTC, by partition and offset. Those that
/// could not be read in time, or hold no time, are not among them.
#[derive(Default)]
pub struct Times {
    known: HashMap<(TopicPartition, i64), i64>,
    /// How many were wanted and are not known
    pub unknown: usize,
}

impl Times {
    /// How long the record at `offset` has been waiting, in ms.
    pub fn lag_ms(&self, place: &TopicPartition, offset: i64, now_ms: i64) -> Option<i64> {
        let time = self.known.get(&(place.clone(), offset))?;
        // A producer's clock may be ahead of ours.
        Some(now_ms.saturating_sub(*time).max(0))
    }
}

/// Reads the first unread record of each partition, within bounds.
pub async fn times(records: Arc<dyn Records>, unread: impl Iterator<Item = Unread>) -> Times {
    // Of several groups that stand at the same offset, one is enough.
    let wanted: BTreeMap<(TopicPartition, i64), i64> =
        unread.map(|(place, offset, lag)| ((place, offset), lag)).collect();
    let mut wanted: Vec<((TopicPartition, i64), i64)> = wanted.into_iter().collect();
    let count = wanted.len();
    wanted.sort_by_key(|(_, lag)| std::cmp::Reverse(*lag));
    wanted.truncate(PARTITIONS_MAX);
    let deadline = Instant::now() + WAIT;
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (at, _) in wanted {
        let (records, turns) = (records.clone(), turns.clone());
        tasks.spawn(async move {
            let _turn = turns.acquire_owned().await.ok()?;
            let time = first_time(records.as_ref(), &at.0, at.1).await.ok()??;
            Some((at, time))
        });
    }
    let mut known = HashMap::new();
    // What is late is dropped with the set.
    while let Ok(Some(joined)) = timeout_at(deadline, tasks.join_next()).await {
        known.extend(joined.ok().flatten());
    }
    Times { unknown: count - known.len(), known }
}

/// The time of the first record from `offset` on; `None` where there is none, or it has no time.
async fn first_time(
    records: &dyn Records,
    place: &TopicPartition,
    offset: i64,
) -> Result<Option<i64>> {
    let options = ConsumeOptions {
        topics: vec![place.topic.clone()],
        partitions: vec![place.partition],
        from: From::Offset(offset),
        to: To::End,
        group: None,
        count_hint: Some(1),
        starts: Vec::new(),
    };
    let mut consumer: Box<dyn Consumer> = records.consumer(options).await?;
    loop {
        let fetched = consumer.next(1, WAIT).await?;
        if let Some(record) = fetched.batch.iter().next() {
            return Ok(Some(record.timestamp_ms).filter(|time| *time >= 0));
        }
        if fetched.finished {
            return Ok(None);
        }
    }
}
