//! What a user wants a cluster to be.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::{BrokerId, ClusterName};
use crate::plan::Node;

/// Version of the written form of a spec.
pub const SPEC_SCHEMA: u32 = 1;

/// Steps of `cluster up`, in order, where a spec names none.
pub const DEFAULT_STEPS: [&str; 5] =
    ["preflight", "zookeeper-clean", "broker-layout", "launch", "prove"];

/// A cluster of one host: its servers, ports and properties.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterSpec {
    pub schema: u32,
    pub name: ClusterName,
    /// Version of Kafka, for example `3.9.2`
    pub kafka: String,
    #[serde(default)]
    pub preset: Preset,
    /// Gone with the script or prompt that made it
    #[serde(default)]
    pub ephemeral: bool,
    /// Made by somebody else: properties are those of its files and no preset's, and its data stays
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
    /// Absolute folder for the data of every server; by default the cluster's own folder
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<String>,
    #[serde(default = "default_steps")]
    pub steps: Vec<String>,
    pub zookeeper: ZooKeeperSpec,
    pub brokers: Vec<BrokerSpec>,
    /// Properties of every broker, over the preset's
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
}

fn default_steps() -> Vec<String> {
    DEFAULT_STEPS.map(String::from).to_vec()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Small heaps, few internal partitions, quick starts
    #[default]
    Dev,
    /// The seed document's own values
    Classic,
    /// Production-like settings
    Strict,
}

impl Preset {
    pub const ALL: [Preset; 3] = [Preset::Dev, Preset::Classic, Preset::Strict];

    pub fn name(self) -> &'static str {
        match self {
            Preset::Dev => "dev",
            Preset::Classic => "classic",
            Preset::Strict => "strict",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZooKeeperSpec {
    /// Address the client port is bound to
    pub bind: String,
    pub port: u16,
    /// `/path` under which Kafka keeps its znodes
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chroot: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap_mib: Option<u32>,
    /// Absolute folder of an adopted ZooKeeper's data; by default in the cluster's own
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<String>,
    /// Absolute folder of its transaction logs, where it has one of its own
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_log_dir: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerSpec {
    pub id: BrokerId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<String>,
    pub listeners: Vec<ListenerSpec>,
    /// Names of folders under the broker's own, or absolute paths; by default one, `data`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log_dirs: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap_mib: Option<u32>,
    /// Kept free beside the listeners, for a controller of a later KRaft mode
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller_port: Option<u16>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerSpec {
    /// For example `PLAINTEXT`, `INTERNAL`
    pub name: String,
    #[serde(default)]
    pub protocol: SecurityProtocol,
    /// Address it is bound to
    pub bind: String,
    pub port: u16,
    /// Address that clients are told
    pub advertised_host: String,
    pub advertised_port: u16,
    /// Brokers talk to each other over this one; by default the first
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inter_broker: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SecurityProtocol {
    #[default]
    Plaintext,
    Ssl,
    SaslPlaintext,
    SaslSsl,
}

impl SecurityProtocol {
    pub fn name(self) -> &'static str {
        match self {
            SecurityProtocol::Plaintext => "PLAINTEXT",
            SecurityProtocol::Ssl => "SSL",
            SecurityProtocol::SaslPlaintext => "SASL_PLAINTEXT",
            SecurityProtocol::SaslSsl => "SASL_SSL",
        }
    }
}

/// Heaps where a spec names none, MiB: (ZooKeeper, broker). Kafka's own, but in `dev`.
const HEAP_DEV_MIB: (u32, u32) = (96, 256);
const HEAP_FULL_MIB: (u32, u32) = (512, 1024);

/// Resident memory of servers that have just started with those heaps, MiB, measured and rounded
/// up. The step `preflight` refuses by the same numbers.
const RESIDENT_DEV_MIB: (u32, u32) = (70, 280);
const RESIDENT_FULL_MIB: (u32, u32) = (100, 450);

/// What a JVM takes beside its heap, of the heap, percent: as `preflight` has it.
const BESIDE_HEAP_PERCENT: u64 = 30;

impl ClusterSpec {
    /// Heap of a server, MiB.
    pub fn heap_mib(&self, node: Node) -> u32 {
        let (zookeeper, broker) = match self.preset {
            Preset::Dev => HEAP_DEV_MIB,
            Preset::Classic | Preset::Strict => HEAP_FULL_MIB,
        };
        match node {
            Node::ZooKeeper => self.zookeeper.heap_mib.unwrap_or(zookeeper),
            Node::Broker(id) => self.broker(id).and_then(|b| b.heap_mib).unwrap_or(broker),
        }
    }

    /// Memory that all servers take when they have just started, MiB: a heap grows later, so its
    /// size plays a part only where it is small.
    pub fn memory_mib(&self) -> u64 {
        let (zookeeper, broker) = match self.preset {
            Preset::Dev => RESIDENT_DEV_MIB,
            Preset::Classic | Preset::Strict => RESIDENT_FULL_MIB,
        };
        let of = |node: Node| {
            let heap = u64::from(self.heap_mib(node));
            let most = heap + heap * BESIDE_HEAP_PERCENT / 100;
            most.min(u64::from(if node == Node::ZooKeeper { zookeeper } else { broker }))
        };
        self.nodes().into_iter().map(of).sum()
    }

    pub fn broker(&self, id: BrokerId) -> Option<&BrokerSpec> {
        self.brokers.iter().find(|broker| broker.id == id)
    }

    /// Every broker has a listener that needs no credentials: kafsh can ask all of them.
    pub fn is_open(&self) -> bool {
        let plain = |listener: &ListenerSpec| listener.protocol == SecurityProtocol::Plaintext;
        self.brokers.iter().all(|broker| broker.listeners.iter().any(plain))
    }

    /// What a client has to say to be let in at [`ClusterSpec::bootstrap`], as properties of it;
    /// empty where a listener is plain.
    pub fn client(&self) -> Vec<(String, String)> {
        let mut protocols =
            self.brokers.iter().flat_map(|broker| &broker.listeners).map(|l| l.protocol);
        let first = protocols.next().unwrap_or_default();
        if first == SecurityProtocol::Plaintext
            || protocols.any(|p| p == SecurityProtocol::Plaintext)
        {
            return Vec::new();
        }
        vec![("security.protocol".to_string(), first.name().to_string())]
    }

    /// ZooKeeper first, then the brokers in the order of the spec.
    pub fn nodes(&self) -> Vec<Node> {
        let brokers = self.brokers.iter().map(|broker| Node::Broker(broker.id));
        std::iter::once(Node::ZooKeeper).chain(brokers).collect()
    }

    /// `host:port` of a client's first contact: of each broker the first listener that needs no
    /// credentials, else the first.
    pub fn bootstrap(&self) -> Vec<String> {
        self.brokers
            .iter()
            .filter_map(|broker| {
                let plain = |l: &&ListenerSpec| l.protocol == SecurityProtocol::Plaintext;
                broker.listeners.iter().find(plain).or(broker.listeners.first())
            })
            .map(|listener| format!("{}:{}", listener.advertised_host, listener.advertised_port))
            .collect()
    }

    /// `host:port` on which this host reaches ZooKeeper.
    pub fn zookeeper_address(&self) -> String {
        let host =
            if self.zookeeper.bind == "0.0.0.0" { "127.0.0.1" } else { &self.zookeeper.bind };
        format!("{host}:{}", self.zookeeper.port)
    }

    /// Kafka's `zookeeper.connect`: address and chroot.
    pub fn zookeeper_connect(&self) -> String {
        let chroot = self.zookeeper.chroot.as_deref().unwrap_or("");
        format!("{}{chroot}", self.zookeeper_address())
    }
}
