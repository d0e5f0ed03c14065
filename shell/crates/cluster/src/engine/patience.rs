//! How long a server is waited for. A broker that recovers its logs takes as long as there is data:
//! while its log goes on, it is given more time, up to a bound.

use std::future::Future;
use std::time::{Duration, Instant};

use kafsh_model::plan::Node;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::units::show_duration;
use kafsh_model::{Error, Result};

use super::{Engine, READY_DEADLINE};
use crate::logscan::{self, Recovery};

/// Longest that the log of a broker in recovery may stand still. Its largest step without a word is
/// one segment, 1 GiB by default, which a slow disk reads in less.
pub const STANDSTILL_MAX: Duration = Duration::from_secs(60);

/// Longest that a broker may recover its logs in all.
pub const RECOVERY_DEADLINE: Duration = Duration::from_secs(3_600);

/// Lines of a log in which a recovery is looked for.
const LOG_LINES: usize = 400;

/// The bounds on one server's start.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until its last gate is green, where it does not recover
    pub ready: Duration,
    /// Of a broker's log while it recovers
    pub standstill: Duration,
    /// Until a broker has recovered
    pub recovery: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { ready: READY_DEADLINE, standstill: STANDSTILL_MAX, recovery: RECOVERY_DEADLINE }
    }
}

/// Any port may be silent for longer than it was asked to be: the deadline is ours.
pub(super) async fn bounded<T>(
    timeout: Duration,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    match tokio::time::timeout(timeout, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::unavailable("no-answer", "no answer")
            .with_cause(format!("nothing came within {} ms", timeout.as_millis()))),
    }
}

impl Engine {
    /// The recovery that a broker is in, by its log.
    pub(super) async fn recovery(&self, spec: &ClusterSpec, node: Node) -> Option<Recovery> {
        if node == Node::ZooKeeper {
            return None;
        }
        let lines = self.runtime.log_tail(spec, node, LOG_LINES).await.ok()?;
        logscan::recovery(&lines)
    }

    /// How much longer a server is waited for whose time is up: not at all, unless it recovers its
    /// logs and has got on since `last`, or has ended that since.
    pub(super) async fn more_time(
        &self,
        spec: &ClusterSpec,
        node: Node,
        begin: Instant,
        last: &mut Option<Recovery>,
    ) -> Option<Duration> {
        let Some(now) = self.recovery(spec, node).await else {
            // It has recovered since: what is left takes as long as any other start.
            return last.take().map(|_| self.patience.ready);
        };
        let left = self.patience.recovery.saturating_sub(begin.elapsed());
        if left.is_zero() || last.as_ref() == Some(&now) {
            return None;
        }
        let far = now.done.map_or(String::new(), |(done, all)| format!(", {done} of {all} done"));
        let (waited, most) = (show_duration(begin.elapsed()), show_duration(left));
        self.note(&format!(
            "{node} recovers its logs{far}: waiting on after {waited}, for at most {most} more"
        ));
        *last = Some(now);
        Some(self.patience.standstill.min(left))
    }
}
