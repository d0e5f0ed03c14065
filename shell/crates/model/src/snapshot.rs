//! What was observed of a host and a cluster, at one moment: the only thing steps and doctor see.

use serde::{Deserialize, Serialize};

use crate::name::BrokerId;
use crate::plan::Node;

#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    pub host: HostFacts,
    pub nodes: Vec<NodeFacts>,
    pub ports: Vec<PortFacts>,
    /// `None` while no ZooKeeper of the cluster serves
    pub zookeeper: Option<ZooKeeperFacts>,
    /// Brokers that answered ApiVersions and whose Metadata names every broker of the spec
    pub ready_brokers: Vec<BrokerId>,
    /// A record went through all replicas with these settings, and no server died since
    pub proven: bool,
    /// Words that mark topics as the probe's, for a step to name its own
    pub probe_topics: Vec<String>,
}

impl Snapshot {
    pub fn node(&self, node: Node) -> Option<&NodeFacts> {
        self.nodes.iter().find(|facts| facts.node == node)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostFacts {
    /// The Java that would run the servers; `None`: none found
    pub java: Option<JavaFacts>,
    pub memory_available_mib: u64,
    /// Of the file system that holds the cluster's data
    pub disk_free_mib: u64,
    /// Hard limit of open files (HotSpot raises the soft one to it)
    pub open_files_max: u64,
    /// `vm.max_map_count`: each log segment needs two
    pub memory_maps_max: u64,
    /// Ports the kernel hands out to clients, first and last
    pub ephemeral_ports: (u16, u16),
    /// Ports somebody listens at, or that other clusters keep: not to be offered instead
    #[serde(default)]
    pub busy_ports: Vec<u16>,
    pub cpus: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JavaFacts {
    pub path: String,
    /// 17 for 17.0.15
    pub major: u32,
    pub version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFacts {
    pub node: Node,
    pub process: ProcessState,
    /// Since when it is stopped, paused or gone; ms since 1970-01-01 UTC. `None`: it runs, or it is
    /// not known. Where somebody else ended it, when it last wrote something
    #[serde(default)]
    pub since_ms: Option<i64>,
    /// The properties file as it is on disk now, without the keys the engine adds; empty: none
    pub properties: Vec<(String, String)>,
    /// Properties were written after the process started, so they are not in force yet
    pub restart_needed: bool,
    /// ZooKeeper: its data folder. Broker: each of its log.dirs
    pub data: Vec<DataDirFacts>,
    /// A registration of this broker that no live process of ours owns
    pub stale_registration: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum ProcessState {
    /// Never started, or stopped in order
    Absent,
    /// Ours and alive
    Running { pid: u32, uptime_ms: u64 },
    /// Ours and stopped by SIGSTOP
    Paused { pid: u32 },
    /// Was started and is gone without being stopped by us
    Died { pid: u32 },
}

impl ProcessState {
    pub fn is_alive(&self) -> bool {
        matches!(self, ProcessState::Running { .. } | ProcessState::Paused { .. })
    }

    pub fn pid(&self) -> Option<u32> {
        match self {
            ProcessState::Absent => None,
            ProcessState::Running { pid, .. }
            | ProcessState::Paused { pid }
            | ProcessState::Died { pid } => Some(*pid),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataDirFacts {
    pub path: String,
    pub exists: bool,
    pub empty: bool,
    pub writable: bool,
    /// Allocated, not apparent, size
    pub bytes: u64,
    /// From `meta.properties` of a log.dirs
    pub cluster_id: Option<String>,
    pub broker_id: Option<BrokerId>,
    /// 0: ZooKeeper mode, 1: KRaft
    pub meta_version: Option<u32>,
    /// Who holds the folder's `.lock`, if not ours
    pub foreign_lock: Option<String>,
    /// `.kafka_cleanshutdown` is there (or there is nothing to recover)
    pub clean: bool,
    /// ZooKeeper: transaction logs without a snapshot
    pub logs_without_snapshot: bool,
    /// ZooKeeper: zxid of its newest snapshot, where there is no transaction log
    #[serde(default)]
    pub snapshot_without_logs: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortFacts {
    pub node: Node,
    /// `client`, or the listener's name
    pub purpose: String,
    pub bind: String,
    pub port: u16,
    pub owner: PortOwner,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "owner")]
pub enum PortOwner {
    Free,
    /// The node of this cluster that should have it
    Ours,
    /// Another process: what is known of it in one line, `pid 4121 java kafka.Kafka … (kim, 3h)`
    Foreign {
        description: String,
        pid: Option<u32>,
    },
    /// Free now, but kept for another cluster of ours
    Reserved {
        cluster: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ZooKeeperFacts {
    /// `standalone`, `leader`, `follower`
    pub mode: String,
    pub cluster_id: Option<String>,
    pub controller: Option<BrokerId>,
    /// Without those that are being deleted
    pub topics: u32,
    pub registrations: Vec<Registration>,
}

/// `/brokers/ids/N`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    pub broker: BrokerId,
    /// `NAME://host:port`
    pub endpoints: Vec<String>,
    /// ZooKeeper session that owns the znode
    pub session: i64,
    /// One of its endpoints answers ApiVersions
    pub answers: bool,
}

/// Who listens at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listener {
    /// It is no address of this host
    Elsewhere,
    Nobody,
    /// Somebody about whom this user is told nothing: one line
    Hidden(String),
    Process(Server),
}

/// A process that listens, as the host shows it: perhaps a server that somebody else started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    pub pid: u32,
    /// `pid 4121 java kafka.Kafka server2.properties (kim, 3h 2m)`
    pub description: String,
    /// By its main class; `None`: neither ZooKeeper nor a broker
    pub kind: Option<ServerKind>,
    /// The cluster it was started for, where kafsh started it
    pub cluster: Option<String>,
    /// The properties file that its command line names, where it can be read
    pub file: Option<ServerFile>,
    /// Where relative paths of its settings begin
    pub directory: Option<String>,
    /// Version of Kafka, by the jars of its class path
    pub kafka: Option<String>,
    /// `-Xmx`
    pub heap_mib: Option<u32>,
    /// This user may signal it
    pub ours_to_signal: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKind {
    ZooKeeper,
    Broker,
}

/// A `server.properties` or `zookeeper.properties`, as Java reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFile {
    /// Absolute
    pub path: String,
    pub properties: Vec<(String, String)>,
}

impl ServerFile {
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.properties.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }
}
