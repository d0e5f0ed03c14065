//! Reading as a member of a group: the group assigns partitions, we say where each begins and stop
//! at its end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use kafsh_model::Result;
use kafsh_model::port::{ConsumeOptions, From, Target, To};
use kafsh_model::topic::TopicPartition;
use tokio::runtime::Handle as Runtime;

use super::fetch::{Source, Thread};
use super::plain::existing_topics;
use super::range::{Log, Progress, Range, logs};
use super::{conf, isolation};
use crate::admin::{Isolation, KafkaAdmin};
use crate::native::error::native_error;
use crate::native::handle::{Handle, Kind};
use crate::native::partitions::{COMMITTED, Rebalanced};

/// A log of which nothing is known: everything from the committed offset on, without an end.
const UNKNOWN: Log = Log { start: 0, end: 0, from_time: None, to_time: None };

struct Member {
    admin: Arc<KafkaAdmin>,
    runtime: Runtime,
    progress: Arc<Mutex<Progress>>,
    from: From,
    to: To,
    isolation: Isolation,
    /// `from` holds for the first assignment: after a rebalance the group's commits are the truth,
    /// or records would be read again
    first: AtomicBool,
}

pub(super) async fn start(
    target: &Target,
    admin: &Arc<KafkaAdmin>,
    options: &ConsumeOptions,
    group: &str,
) -> Result<Thread> {
    let conf = conf(target, options, Some(group))?;
    let isolation = isolation(&conf);
    existing_topics(admin, &options.topics).await?;
    let progress = Arc::new(Mutex::new(Progress::new(options.to)));
    let member = Member {
        admin: admin.clone(),
        runtime: Runtime::current(),
        progress: progress.clone(),
        from: options.from,
        to: options.to,
        isolation,
        first: AtomicBool::new(true),
    };
    let handle = Handle::new(Kind::Consumer, conf, 0, Some(Arc::new(member)))?;
    handle
        .subscribe(&options.topics)
        .map_err(|code| native_error(code, None, format!("cannot join group `{group}`"), group))?;
    let queue = Arc::new(handle.consumer_queue()?);
    let (started, since) = (Vec::new(), Instant::now());
    Thread::start(Source { handle, queue, progress, started, in_group: true, since })
}

impl Member {
    fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rebalanced for Member {
    /// Blocks the consumer's own thread for one round of ListOffsets, within the admin's deadline.
    fn assigned(&self, partitions: &[TopicPartition]) -> Vec<i64> {
        let from = match self.first.swap(false, Ordering::AcqRel) {
            true => self.from,
            false => From::Committed,
        };
        let needs_logs = from != From::Committed || self.to != To::Never;
        let known = match needs_logs && !partitions.is_empty() {
            true => {
                self.runtime.block_on(logs(&self.admin, partitions, from, self.to, self.isolation))
            }
            false => Ok(Default::default()),
        };
        let mut progress = self.progress();
        let known = known.unwrap_or_else(|error| {
            progress.fail(error);
            Default::default()
        });
        progress.begin();
        let begin = |partition: &TopicPartition| {
            let log = known.get(partition).copied();
            let mut range = Range::new(from, self.to, log.unwrap_or(UNKNOWN));
            if log.is_none() && self.to != To::Never {
                // Without an answer of the leader no end is known: none is better than a wrong one.
                range.stop = None;
            }
            if from == From::Committed || log.is_none() {
                range.first = 0;
                progress.add(partition, range);
                return COMMITTED;
            }
            progress.add(partition, range);
            range.fetch
        };
        partitions.iter().map(begin).collect()
    }

    fn revoked(&self, partitions: &[TopicPartition]) {
        self.progress().revoke(partitions);
    }
}
