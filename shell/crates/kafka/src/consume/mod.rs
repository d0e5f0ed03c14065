//! Records in: where to start and stop is settled first, then a thread of the consumer's own takes
//! batches from librdkafka, which fetches ahead.
//!
//! Without a group, partitions are read one by one (librdkafka's simple consumer): no coordinator,
//! no group, a quick end. With one, the group assigns them. Records of aborted transactions are
//! left out (`isolation.level=read_committed`, librdkafka's default) unless the user says so.
//! The end of a partition is then its last stable offset, or an open transaction would make
//! reading to the end wait for it.

mod fetch;
mod group;
mod plain;
mod range;

use std::sync::Arc;
use std::time::Duration;

use kafsh_model::port::{
    BoxFuture, ConsumeOptions, Consumer, Fetched, Producer, Records, Target, To,
};
use kafsh_model::topic::TopicPartition;
use kafsh_model::{Class, Error, Result};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::admin::{Isolation, KafkaAdmin};
use crate::native::conf::Conf;
use crate::native::error::native_error;
use crate::native::handle::Handle;
use crate::produce::{self, KafkaProducer};
use fetch::{Asked, Taken, Thread};

/// How long `close` waits for the coordinator to be told; the rest goes on behind.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// How long a broker may hold a fetch that finds nothing, in ms: where reading ends, the end is
/// told only by such a fetch; where it goes on, a held fetch costs less.
const FETCH_WAIT_BOUNDED_MS: u32 = 10;
const FETCH_WAIT_ENDLESS_MS: u32 = 100;

/// Pause of a partition's fetcher when its queue is full, in ms. librdkafka's own 1000 makes fast
/// readers stall (8.7 thousand records a second against 780 thousand with 2).
const QUEUE_BACKOFF_MS: u32 = 2;

/// Bytes that a consumer may hold ahead of its reader, in KiB.
const QUEUE_KIB_MAX: u32 = 64 * 1024;

/// Pause between two heartbeats of a group's member, in ms.
const HEARTBEAT_MS: u32 = 1_000;

/// Up to so many wanted records, one small fetch is enough.
const FEW_RECORDS: u64 = 100;
/// Bytes of such a fetch for each partition; a larger first record still comes whole (KIP-74).
const FEW_RECORDS_FETCH_BYTES: u32 = 64 * 1024;

/// Records of one cluster.
pub(crate) struct KafkaRecords {
    target: Target,
    admin: Arc<KafkaAdmin>,
}

impl KafkaRecords {
    pub fn new(target: &Target) -> Result<Arc<Self>> {
        let admin = KafkaAdmin::new(target)?;
        // Bad `-X` properties are told before anything is tried.
        produce::conf(target)?;
        Ok(Arc::new(KafkaRecords { target: target.clone(), admin }))
    }
}

impl Records for KafkaRecords {
    fn producer(&self) -> Result<Arc<dyn Producer>> {
        let producer = KafkaProducer::new(&self.target, self.admin.clone())?;
        Ok(producer as Arc<dyn Producer>)
    }

    fn consumer(&self, options: ConsumeOptions) -> BoxFuture<'_, Result<Box<dyn Consumer>>> {
        Box::pin(async move {
            options.check()?;
            let thread = match &options.group {
                None => plain::start(&self.target, &self.admin, &options).await?,
                Some(group) => group::start(&self.target, &self.admin, &options, group).await?,
            };
            Ok(Box::new(KafkaConsumer::new(thread, &options, self)) as Box<dyn Consumer>)
        })
    }
}

/// A consumer's configuration. `group` is set for a member of one.
fn conf(target: &Target, options: &ConsumeOptions, group: Option<&str>) -> Result<Conf> {
    let wait = if options.to == To::Never { FETCH_WAIT_ENDLESS_MS } else { FETCH_WAIT_BOUNDED_MS };
    let mut ours = vec![
        ("fetch.wait.max.ms", wait.to_string()),
        ("fetch.queue.backoff.ms", QUEUE_BACKOFF_MS.to_string()),
        ("fetch.error.backoff.ms", "50".to_string()),
        ("queued.max.messages.kbytes", QUEUE_KIB_MAX.to_string()),
        ("auto.offset.reset", "earliest".to_string()),
        ("check.crcs", "true".to_string()),
    ];
    if let Some(count) = options.count_hint
        && count <= FEW_RECORDS
    {
        ours.push(("fetch.message.max.bytes", FEW_RECORDS_FETCH_BYTES.to_string()));
        ours.push(("queued.min.messages", count.max(1).to_string()));
    }
    let mut fixed = vec![
        ("enable.auto.commit", "false"),
        ("auto.commit.enable", "false"),
        ("enable.auto.offset.store", "false"),
        // How the end of a partition is known although its last offsets hold no record.
        ("enable.partition.eof", "true"),
        ("allow.auto.create.topics", "false"),
    ];
    if let Some(group) = group {
        // Members learn of a rebalance with a heartbeat: 3 s is long before a prompt.
        ours.push(("heartbeat.interval.ms", HEARTBEAT_MS.to_string()));
        fixed.push(("group.id", group));
    }
    Conf::build(target, &ours, &fixed)
}

fn isolation(conf: &Conf) -> Isolation {
    match conf.get("isolation.level").as_deref() {
        Some("read_uncommitted") => Isolation::ReadUncommitted,
        _ => Isolation::ReadCommitted,
    }
}

struct KafkaConsumer {
    thread: Thread,
    handle: Arc<Handle>,
    admin: Arc<KafkaAdmin>,
    /// The answer to a call that was cancelled, or its rest: the next call gets it
    under_way: Option<oneshot::Receiver<Result<Taken>>>,
    rest: Option<Taken>,
    /// Offsets after the last record handed out, and whether they are committed
    positions: Vec<(TopicPartition, i64)>,
    uncommitted: bool,
    group: Option<String>,
    /// How many records may still be handed out
    left: Option<u64>,
    bounded: bool,
    patience: Duration,
    last_news: Instant,
}

impl KafkaConsumer {
    fn new(thread: Thread, options: &ConsumeOptions, records: &KafkaRecords) -> Self {
        KafkaConsumer {
            handle: thread.handle.clone(),
            thread,
            admin: records.admin.clone(),
            under_way: None,
            rest: None,
            positions: Vec::new(),
            uncommitted: false,
            group: options.group.clone(),
            left: options.count_hint,
            bounded: options.to != To::Never,
            patience: records.target.timeout,
            last_news: Instant::now(),
        }
    }

    async fn taken(&mut self, max_records: usize, max_wait: Duration) -> Result<Taken> {
        if let Some(rest) = self.rest.take() {
            return Ok(rest);
        }
        let answer = match &mut self.under_way {
            Some(answer) => answer,
            None => {
                let (reply, answer) = oneshot::channel();
                self.thread.ask(Asked { max_records, max_wait, reply })?;
                self.under_way.insert(answer)
            }
        };
        let taken = answer.await;
        self.under_way = None;
        taken.unwrap_or_else(|_| Err(Error::bug("the consumer's thread is gone")))
    }

    async fn fetch(&mut self, max_records: usize, max_wait: Duration) -> Result<Fetched> {
        if self.left == Some(0) {
            return Ok(Fetched { finished: true, ..Fetched::default() });
        }
        let left = self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        // The thread takes no more than it is asked for: what lies beyond the count is neither
        // handed out nor, in a group, among the positions to be committed.
        let max_records = max_records.max(1).min(left);
        let mut taken = self.taken(max_records, max_wait).await?;
        // Only a call that was cancelled and came back with a smaller limit finds more.
        self.rest = taken.split_off(max_records);
        self.remember(&taken);
        self.left = self.left.map(|left| left.saturating_sub(taken.batch.len() as u64));
        let finished = taken.finished && self.rest.is_none() || self.left == Some(0);
        if !taken.batch.is_empty() || finished {
            self.last_news = Instant::now();
        } else if self.bounded && self.last_news.elapsed() > self.patience {
            self.explain_silence(&taken.open).await?;
            self.last_news = Instant::now();
        }
        Ok(Fetched { batch: taken.batch, finished })
    }

    fn remember(&mut self, taken: &Taken) {
        if self.group.is_none() {
            return;
        }
        // A partition that went to another member is not ours to commit any more.
        self.positions.retain(|(place, _)| !taken.revoked.contains(place));
        for (place, next) in &taken.positions {
            self.uncommitted = true;
            match self.positions.iter_mut().find(|(known, _)| known == place) {
                Some((_, known)) => *known = *next,
                None => self.positions.push((place.clone(), *next)),
            }
        }
    }

    /// Nothing came for longer than a call may take: fine if the brokers are there and every
    /// partition still to be read has a leader, else what is wrong.
    async fn explain_silence(&self, open: &[TopicPartition]) -> Result<()> {
        if let (Some(group), true) = (&self.group, open.is_empty()) {
            // Nothing assigned yet: is there a coordinator?
            return match self.admin.group(group).await {
                Err(error) if error.class.is_not_yet() && error.code != "group-not-found" => {
                    Err(self.handle.log.explain(error))
                }
                _ => Ok(()),
            };
        }
        let deadline = self.admin.client.deadline();
        let result = self.admin.offsets(
            open,
            kafsh_model::topic::OffsetAt::Latest,
            Isolation::ReadUncommitted,
            deadline,
        );
        result.await.map(drop).map_err(|error| self.handle.log.explain(error))
    }
}

impl Consumer for KafkaConsumer {
    fn next<'a>(
        &'a mut self,
        max_records: usize,
        max_wait: Duration,
    ) -> BoxFuture<'a, Result<Fetched>> {
        Box::pin(self.fetch(max_records, max_wait))
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let Some(group) = self.group.clone() else { return Ok(()) };
            if !self.uncommitted || self.positions.is_empty() {
                return Ok(());
            }
            let (handle, positions) = (self.handle.clone(), self.positions.clone());
            let commit = tokio::task::spawn_blocking(move || handle.commit(&positions));
            let what = format!("cannot commit the offsets of group `{group}`");
            match timeout(self.patience, commit).await {
                Ok(Ok(Ok(()))) => {
                    self.uncommitted = false;
                    Ok(())
                }
                Ok(Ok(Err(code))) => {
                    Err(self.handle.log.explain(native_error(code, None, what, &group)))
                }
                Ok(Err(error)) => Err(Error::bug(format!("a task of ours failed: {error}"))),
                Err(_) => Err(self.handle.log.explain(
                    Error::new(Class::Unavailable, "unavailable", what)
                        .with_cause("the group's coordinator did not answer in time")
                        .with_next("cluster status"),
                )),
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            let ended = self.thread.stop();
            // Leaving late is told to nobody: the group finds out by itself.
            let _ = timeout(CLOSE_WAIT, ended).await;
            Ok(())
        })
    }
}
