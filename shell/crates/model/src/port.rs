//! The ports: object-safe traits, each with a real and a rehearsal implementation.
//!
//! Every call returns a boxed future and may be dropped at any await: that is how an interrupt ends
//! it. Deadlines are the caller's or, where a call takes none, the connection's own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{ConfigChange, ConfigEntry, ConfigResource};
use crate::error::{Error, Result};
use crate::group::{CommittedOffset, GroupDescription, GroupListing};
use crate::log_dir::LogDir;
use crate::name::BrokerId;
use crate::plan::{Node, StepInfo, StepInput, StepPlan, Verification};
use crate::policy::Policies;
use crate::record::RecordBatch;
use crate::snapshot::{HostFacts, Listener, NodeFacts, PortFacts, ProcessState};
use crate::spec::{ClusterSpec, SecurityProtocol};
use crate::topic::{ClusterView, OffsetAt, TopicDescription, TopicPartition, TopicSpec};
use crate::transform::Transforms;

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How to reach a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `host:port`, at least one
    pub bootstrap: Vec<String>,
    /// `host:port` of ZooKeeper, where it is known, and Kafka's chroot (`""` for none)
    pub zookeeper: Option<(String, String)>,
    /// Properties for librdkafka (`-X key=value`)
    pub client: Vec<(String, String)>,
    /// Bound on one administrative call
    pub timeout: Duration,
}

/// Makes connections; does no I/O itself. Connections are lazy and may be shared.
pub trait Connector: Send + Sync {
    fn admin(&self, target: &Target) -> Result<Arc<dyn Admin>>;
    fn records(&self, target: &Target) -> Result<Arc<dyn Records>>;
    /// `address` is `host:port`
    fn zookeeper(&self, address: &str) -> Result<Arc<dyn ZooKeeper>>;
}

/// The topics that one broker knows.
pub type TopicList = Vec<TopicDescription>;

/// A resource and its entries.
pub type ResourceConfigs = (ConfigResource, Vec<ConfigEntry>);

/// A partition and an offset in it; `None`: there is none.
pub type PartitionOffset = (TopicPartition, Option<i64>);

/// A broker and its log folders, or why it did not tell.
pub type BrokerLogDirs = (BrokerId, Result<Vec<LogDir>>);

/// A broker and the groups it coordinates, or why it did not tell.
pub type BrokerGroups = (BrokerId, Result<Vec<GroupListing>>);

/// The outcome of one item of a call that takes many.
pub type ItemResult<T = ()> = (String, Result<T>);

/// Administration of a Kafka cluster.
pub trait Admin: Send + Sync {
    /// The cluster as any reachable broker sees it.
    fn cluster(&self) -> BoxFuture<'_, Result<ClusterView>>;

    /// The cluster as the broker at `address` (`host:port`) sees it; also proves that it answers
    /// ApiVersions. `unavailable` where it refuses, is silent or is not ready within `timeout`.
    fn probe<'a>(
        &'a self,
        address: &'a str,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<ClusterView>>;

    /// That a listener of this protocol answers at `address` (`host:port`), asked without
    /// credentials: ApiVersions in plain text, also where SASL comes after; under TLS the server's
    /// first message, whatever it says. `unavailable` as for [`Admin::probe`].
    fn greet<'a>(
        &'a self,
        address: &'a str,
        protocol: SecurityProtocol,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<()>>;

    /// All topics, or the named ones; a named topic that does not exist is `topic-not-found`.
    fn topics<'a>(
        &'a self,
        names: Option<&'a [String]>,
    ) -> BoxFuture<'a, Result<Vec<TopicDescription>>>;

    /// The named topics as each live broker sees them: to wait for an effect on every broker.
    /// A topic that a broker does not know yet is absent from its list.
    fn topics_on_every_broker<'a>(
        &'a self,
        names: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<(BrokerId, TopicList)>>>;

    /// Returns when the controller has accepted; other brokers may show it later. Gives each topic
    /// as it was asked for, or as policies amended it.
    fn create_topics<'a>(
        &'a self,
        topics: &'a [TopicSpec],
        validate_only: bool,
    ) -> BoxFuture<'a, Result<Vec<ItemResult<TopicSpec>>>>;

    fn delete_topics<'a>(&'a self, names: &'a [String]) -> BoxFuture<'a, Result<Vec<ItemResult>>>;

    /// Raises the number of partitions of a topic to `total`; gives what it was raised to, which is
    /// another number where a policy amends it.
    fn add_partitions<'a>(
        &'a self,
        topic: &'a str,
        total: i32,
        validate_only: bool,
    ) -> BoxFuture<'a, Result<i32>>;

    fn describe_configs<'a>(
        &'a self,
        resources: &'a [ConfigResource],
    ) -> BoxFuture<'a, Result<Vec<ResourceConfigs>>>;

    /// The incremental call (KIP-339); never the one that resets keys not named. Gives the changes
    /// that were made: those that were asked for, or what policies made of them.
    fn alter_configs<'a>(
        &'a self,
        resource: &'a ConfigResource,
        changes: &'a [ConfigChange],
        validate_only: bool,
    ) -> BoxFuture<'a, Result<Vec<ConfigChange>>>;

    /// The groups that each broker that is up coordinates, by its id. All brokers are asked side by
    /// side, and one that has not answered within `timeout` is an error of its own: its groups are
    /// not known then. A group on the move may be told by two.
    fn list_groups(&self, timeout: Duration) -> BoxFuture<'_, Result<Vec<BrokerGroups>>>;

    /// A group that does not exist is `group-not-found`.
    fn describe_group<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<GroupDescription>>;

    fn committed_offsets<'a>(
        &'a self,
        group: &'a str,
    ) -> BoxFuture<'a, Result<Vec<CommittedOffset>>>;

    /// Offsets of the partitions at a point; `None` where a timestamp has no record after it.
    fn list_offsets<'a>(
        &'a self,
        partitions: &'a [TopicPartition],
        at: OffsetAt,
    ) -> BoxFuture<'a, Result<Vec<PartitionOffset>>>;

    /// The log folders of every broker that is up, by id, with the replicas of these partitions
    /// (`None`: of all; empty: of none). All brokers are asked side by side, and one that has not
    /// answered within `timeout` is an error of its own.
    fn log_dirs<'a>(
        &'a self,
        partitions: Option<&'a [TopicPartition]>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<BrokerLogDirs>>>;
}

/// Records in and out.
pub trait Records: Send + Sync {
    /// A producer that may be kept warm: acks=all, murmur2 on keys as the Java client does.
    fn producer(&self) -> Result<Arc<dyn Producer>>;

    fn consumer(&self, options: ConsumeOptions) -> BoxFuture<'_, Result<Box<dyn Consumer>>>;
}

/// What became of one record handed to a producer.
pub type Delivery = Result<Delivered>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    pub partition: i32,
    pub offset: i64,
}

pub trait Producer: Send + Sync {
    /// Sends the batch and waits until every record is acknowledged or has failed. Records of one
    /// partition keep their order; what is too large only together is sent apart. Results are in
    /// the order of the batch. A record with `partition` below 0 is partitioned by its key. Never
    /// creates a topic: a record to an unknown one fails with `topic-not-found`.
    fn send<'a>(&'a self, batch: &'a RecordBatch) -> BoxFuture<'a, Result<Vec<Delivery>>>;
}

/// Where reading starts, for each partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    Earliest,
    Latest,
    Offset(i64),
    /// So many records before the end of each partition
    Tail(u64),
    /// ms since 1970-01-01 UTC
    Timestamp(i64),
    /// The group's committed offset, else the earliest record
    Committed,
}

/// Where reading stops, for each partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// The end as it was when reading started
    End,
    /// Before this offset
    Offset(i64),
    /// Before the first record with at least this timestamp
    Timestamp(i64),
    /// Goes on until cancelled
    Never,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumeOptions {
    pub topics: Vec<String>,
    /// Empty: all
    pub partitions: Vec<i32>,
    pub from: From,
    pub to: To,
    /// Join this group and commit what was handed out; `None`: assign partitions, commit nothing
    pub group: Option<String>,
    /// A bound: at most so many records are handed out in all, and with the last of them (at once,
    /// for 0) reading is finished. In a group nothing beyond is committed. A small one also keeps
    /// fetches small, so that not much more crosses the wire than is needed.
    pub count_hint: Option<u64>,
    /// Partitions that begin at an offset of their own, whatever `from` says; without a group only
    pub starts: Vec<(TopicPartition, i64)>,
}

impl ConsumeOptions {
    /// Where a partition begins.
    pub fn from_of(&self, partition: &TopicPartition) -> From {
        let own = self.starts.iter().find(|(at, _)| at == partition);
        own.map_or(self.from, |(_, offset)| From::Offset(*offset))
    }
}

impl ConsumeOptions {
    /// Whether they can be, before anybody is asked.
    ///
    /// # Errors
    /// `no-topic`, `bad-topic-name`, `partitions-with-group`, `no-group`; class usage.
    pub fn check(&self) -> Result<()> {
        if self.topics.is_empty() {
            return Err(Error::usage("no-topic", "no topic was given").with_next("topic list"));
        }
        for topic in &self.topics {
            crate::name::check_topic_name(topic)?;
        }
        if self.group.is_some() && !self.partitions.is_empty() {
            let message = "a group's member cannot choose partitions";
            return Err(
                Error::usage("partitions-with-group", message).with_cause("the group assigns them")
            );
        }
        if self.group.is_none() && self.from == From::Committed {
            let message = "there is no committed offset without a group";
            return Err(Error::usage("no-group", message).with_next("group list"));
        }
        Ok(())
    }
}

/// A batch and whether it is the last.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    pub batch: RecordBatch,
    pub finished: bool,
}

pub trait Consumer: Send {
    /// The next records: waits up to `max_wait` for the first, may return an empty batch. Records
    /// of one partition come in order; those of several are interleaved as they arrive.
    fn next<'a>(
        &'a mut self,
        max_records: usize,
        max_wait: Duration,
    ) -> BoxFuture<'a, Result<Fetched>>;

    /// Commits everything handed out so far, where there is a group.
    fn commit(&mut self) -> BoxFuture<'_, Result<()>>;

    /// Leaves the group and closes the connections.
    fn close(self: Box<Self>) -> BoxFuture<'static, Result<()>>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZnodeData {
    pub data: Vec<u8>,
    /// Session that owns it; 0: persistent
    pub ephemeral_owner: i64,
    pub created_ms: i64,
    pub modified_ms: i64,
    pub version: i32,
    pub children: i32,
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ZooKeeperStatus {
    pub version: String,
    /// `standalone`, `leader`, `follower`, `observer`
    pub mode: String,
    pub zxid: String,
    pub znodes: u64,
    pub connections: u64,
    pub outstanding: u64,
    /// min/avg/max, ms
    pub latency_ms: (f64, f64, f64),
}

pub trait ZooKeeper: Send + Sync {
    /// `srvr`: serving only if it shows a `Mode:` line; `unavailable` otherwise.
    fn status(&self, timeout: Duration) -> BoxFuture<'_, Result<ZooKeeperStatus>>;
    /// Another four-letter word, raw.
    fn four_letter<'a>(&'a self, word: &'a str, timeout: Duration)
    -> BoxFuture<'a, Result<String>>;
    /// `znode-not-found` where there is none.
    fn get<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<ZnodeData>>;
    fn children<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Vec<String>>>;
    fn create<'a>(&'a self, path: &'a str, data: &'a [u8]) -> BoxFuture<'a, Result<()>>;
    fn delete<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<()>>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Terminate,
    Kill,
    Pause,
    Resume,
}

/// How a process that was watched ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Gone; how is unknown (it is not our child any more)
    Gone,
    Status(i32),
    Signal(i32),
}

/// Where server processes live. It knows files, processes and ports; the engine knows the order.
pub trait Runtime: Send + Sync {
    fn host<'a>(&'a self, spec: &'a ClusterSpec) -> BoxFuture<'a, Result<HostFacts>>;
    /// That this host finds an address for a name. `unknown-host` where it has none, or takes
    /// longer than `timeout`.
    fn resolve<'a>(&'a self, host: &'a str, timeout: Duration) -> BoxFuture<'a, Result<()>>;
    /// `stale_registration` is the engine's to fill in
    fn node<'a>(&'a self, spec: &'a ClusterSpec, node: Node) -> BoxFuture<'a, Result<NodeFacts>>;
    /// What [`Runtime::node`] says of the process, where that is all that is asked.
    fn process<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
    ) -> BoxFuture<'a, Result<ProcessState>> {
        Box::pin(async move { Ok(self.node(spec, node).await?.process) })
    }
    fn ports<'a>(&'a self, spec: &'a ClusterSpec) -> BoxFuture<'a, Result<Vec<PortFacts>>>;
    /// Who listens at each of these addresses (`host:port`), in their order.
    fn listeners<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, Result<Vec<Listener>>>;
    /// Takes a laid out node over as it is: from here on `pid`, which somebody else started, is its
    /// process; `None`: nothing runs. `not-running` where there is no such process.
    fn adopt<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        pid: Option<u32>,
    ) -> BoxFuture<'a, Result<()>>;
    fn create_directories<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
    ) -> BoxFuture<'a, Result<()>>;
    /// Replaces the node's properties file; adds the paths it owns, refuses what escapes them.
    fn write_properties<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        properties: &'a [(String, String)],
    ) -> BoxFuture<'a, Result<()>>;
    /// Writes the intent with a nonce, starts, records the pid. Returns at once.
    fn start<'a>(&'a self, spec: &'a ClusterSpec, node: Node) -> BoxFuture<'a, Result<u32>>;
    /// Only after the identity of the process was checked.
    fn signal<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        signal: Signal,
    ) -> BoxFuture<'a, Result<()>>;
    /// `timed-out` where it is still there after `timeout`.
    fn wait_exit<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Exit>>;
    /// Has a server write down what its threads do, and tells in which file. `no-thread-dump` where
    /// it does not.
    fn thread_dump<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
    ) -> BoxFuture<'a, Result<String>>;
    /// Forgets the record of a process that has ended in order.
    fn forget<'a>(&'a self, spec: &'a ClusterSpec, node: Node) -> BoxFuture<'a, Result<()>>;
    /// The last lines of the node's log, oldest first.
    fn log_tail<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        lines: usize,
    ) -> BoxFuture<'a, Result<Vec<String>>>;
    /// Lines of the node's log that contain `text`, oldest first, those of earlier starts too where
    /// they are kept; only its last `bytes` are looked at. `None`: it has no log.
    fn log_lines_with<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        text: &'a str,
        bytes: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<String>>>>;
    /// Moves the data of every node aside as one unit; returns the unit's name.
    fn archive<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<String>>;
    /// Names of the units moved aside, oldest first.
    fn archives<'a>(&'a self, spec: &'a ClusterSpec) -> BoxFuture<'a, Result<Vec<String>>>;
    fn restore<'a>(&'a self, spec: &'a ClusterSpec, unit: &'a str) -> BoxFuture<'a, Result<()>>;
    /// Deletes the data of one node (`broker wipe`).
    fn wipe<'a>(&'a self, spec: &'a ClusterSpec, node: Node) -> BoxFuture<'a, Result<()>>;
    /// Deletes everything of the cluster but its archives, or with them.
    fn destroy<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        archives_too: bool,
    ) -> BoxFuture<'a, Result<()>>;
}

/// A provisioning step. Calls are synchronous: a guest runs on a thread of its own.
pub trait Step: Send + Sync {
    fn info(&self) -> &StepInfo;
    fn plan(&self, input: &StepInput) -> Result<StepPlan>;
    fn verify(&self, input: &StepInput) -> Result<Verification>;
}

/// Finds steps by name.
pub trait Steps: Send + Sync {
    fn step(&self, name: &str) -> Result<Arc<dyn Step>>;
    fn list(&self) -> Vec<StepInfo>;
}

/// Asked before a topic is planned with a cluster: the policies that are bound to it.
pub trait TopicGate: Send + Sync {
    /// The topic as it may be created.
    ///
    /// # Errors
    /// `policy-denied` (refused).
    fn admit<'a>(
        &'a self,
        cluster: &'a str,
        topic: &'a TopicSpec,
    ) -> BoxFuture<'a, Result<TopicSpec>>;
}

/// All kinds of plugins by name.
pub trait Plugins: Steps + Policies + Transforms {}

impl<T: Steps + Policies + Transforms> Plugins for T {}

/// Told of progress; draws it or not.
pub trait Progress: Send + Sync {
    fn event(&self, event: ProgressEvent<'_>);
}

#[derive(Clone, Copy, Debug)]
pub enum ProgressEvent<'a> {
    /// An action of the plan begins
    Began {
        step: &'a str,
        action: &'a str,
    },
    /// A node reached a state worth a word: `✓ 0.3s`
    Node {
        node: Node,
        what: &'a str,
        ok: bool,
        elapsed: Duration,
    },
    /// Something to wait for: `registered`, `controller 1`
    Gate {
        what: &'a str,
        elapsed: Duration,
    },
    Note(&'a str),
    Ended {
        error: Option<&'a Error>,
    },
}
