//! What the engine is asked for and what it answers.

use std::time::Duration;

use kafsh_model::BrokerId;
use kafsh_model::plan::{Finding, Node, Plan};
use kafsh_model::port::Exit;
use kafsh_model::snapshot::Snapshot;
use kafsh_model::spec::ClusterSpec;
use serde::{Deserialize, Serialize};

use crate::spec::Difference;

/// How `up` goes about it.
#[derive(Clone, Debug, Default)]
pub struct UpOptions {
    /// Make the differences to an existing cluster's spec so, instead of refusing
    pub apply: bool,
    /// Leave what a failed run has done, instead of undoing it
    pub keep: bool,
}

/// What `up` did.
#[derive(Clone, Debug, Serialize)]
pub struct UpReport {
    pub spec: ClusterSpec,
    /// What was planned; empty: everything was there already
    pub plan: Plan,
    /// Warnings and notes of the steps
    pub findings: Vec<Finding>,
    /// What an earlier run that did not come to its end had in flight
    pub resumed: Option<Resumed>,
    /// There was no cluster of this name before
    pub made: bool,
    /// Differences to the earlier spec that were applied
    pub applied: Vec<Difference>,
    /// The cluster as it was last observed
    pub snapshot: Snapshot,
    pub controller: Option<BrokerId>,
    #[serde(serialize_with = "as_ms", rename = "elapsed_ms")]
    pub elapsed: Duration,
}

/// A run that was cut off: its shell was killed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resumed {
    /// ms since 1970-01-01 UTC
    pub began_ms: i64,
    /// Actions it had completed
    pub done: u32,
    /// The action that was under way, in words
    pub in_flight: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct StopOptions {
    /// SIGKILL what has not ended by the deadline, and pass over the safety check
    pub force: bool,
    /// `None`: [`crate::engine::STOP_DEADLINE`]
    pub deadline: Option<Duration>,
}

/// How one node ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stopped {
    pub node: Node,
    /// Log recovery will not be needed
    pub clean: bool,
    /// It had to be killed
    pub killed: bool,
    /// Where its threads were written to before it was killed
    pub threads: Option<String>,
    /// It was recovering its logs: that begins again at its next start
    pub recovering: bool,
    #[serde(skip)]
    pub exit: Option<Exit>,
    #[serde(serialize_with = "as_ms", rename = "elapsed_ms")]
    pub elapsed: Duration,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StopReport {
    pub stopped: Vec<Stopped>,
    pub findings: Vec<Finding>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StartReport {
    /// Nodes that were not running before
    pub started: Vec<Node>,
    pub controller: Option<BrokerId>,
    pub findings: Vec<Finding>,
}

#[derive(Clone, Debug, Default)]
pub struct RestartOptions {
    /// One at a time, the controller last, each only when the partitions can spare it
    pub rolling: bool,
    pub force: bool,
    pub deadline: Option<Duration>,
}

/// The truth about a cluster, probed now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterStatus {
    pub name: String,
    /// Every node of the spec is ready, there is a controller, and no partition lacks a replica
    pub healthy: bool,
    /// One word: `healthy`, `degraded`, `stopped`, `partial`, `starting`
    pub state: String,
    pub cluster_id: Option<String>,
    pub controller: Option<BrokerId>,
    pub bootstrap: Vec<String>,
    pub zookeeper: String,
    pub brokers_ready: usize,
    pub brokers_total: usize,
    pub nodes: Vec<NodeStatus>,
    /// `None`: no broker could be asked
    pub partitions: Option<PartitionHealth>,
    /// A record went through every replica with these settings, and no server died since
    pub proven: bool,
    /// Where what is stored and what is there differ, in words
    pub drift: Vec<String>,
    /// Why it is not healthy, in words
    pub reasons: Vec<String>,
    /// It goes with the shell that made it
    pub ephemeral: bool,
    /// It is ephemeral, and the shell that made it, and was to end it, is gone
    pub orphaned: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// `zookeeper`, `broker 2`
    pub node: String,
    pub broker: Option<BrokerId>,
    /// `running`, `paused`, `died`, `stopped`
    pub state: String,
    pub ready: bool,
    pub pid: Option<u32>,
    pub uptime_ms: Option<u64>,
    /// Since when it is stopped, paused or gone; ms since 1970-01-01 UTC. `None`: it runs, or it is
    /// not known
    pub since_ms: Option<i64>,
    /// `NAME://host:port` as clients are told it; for ZooKeeper `host:port`
    pub endpoints: Vec<String>,
    pub controller: bool,
    pub data_bytes: u64,
    pub rack: Option<String>,
    pub restart_needed: bool,
}

/// Counts over all topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionHealth {
    pub topics: usize,
    pub partitions: usize,
    pub offline: usize,
    /// Fewer in sync than `min.insync.replicas`: acks=all writes fail
    pub under_min_isr: usize,
    pub under_replicated: usize,
}

/// How far partitions have caught up after a start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaughtUp {
    pub partitions: usize,
    /// With every replica
    pub in_sync: usize,
    /// `topic/partition` of those whose brokers run and that are not in sync yet
    pub behind: Vec<String>,
    /// Those that lack nothing but replicas of brokers that do not run
    pub without_broker: usize,
}

/// What `doctor --fix` did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FixReport {
    /// In words, in order
    pub done: Vec<String>,
    /// Findings that are for the user to mend
    pub left: Vec<Finding>,
}

fn as_ms<S: serde::Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}
