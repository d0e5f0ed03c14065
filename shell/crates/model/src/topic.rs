//! Topics and partitions: wanted and observed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::BrokerId;

/// A topic to create. `None` leaves the choice to the brokers' defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicSpec {
    pub name: String,
    pub partitions: Option<i32>,
    pub replication_factor: Option<i16>,
    /// Replicas per partition, preferred leader first; instead of the two counts above
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignments: Vec<Vec<BrokerId>>,
    #[serde(default)]
    pub configs: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicDescription {
    pub name: String,
    /// Kafka's topic id as it prints it (KIP-516), where the broker tells one
    pub id: Option<String>,
    pub internal: bool,
    pub partitions: Vec<PartitionDescription>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionDescription {
    pub partition: i32,
    /// `None`: offline
    pub leader: Option<BrokerId>,
    pub leader_epoch: i32,
    /// In order of preference
    pub replicas: Vec<BrokerId>,
    pub isr: Vec<BrokerId>,
    pub offline_replicas: Vec<BrokerId>,
}

impl PartitionDescription {
    pub fn is_offline(&self) -> bool {
        self.leader.is_none()
    }

    pub fn is_under_replicated(&self) -> bool {
        self.isr.len() < self.replicas.len()
    }

    /// Whether a producer that waits for all replicas is refused. `min_isr` is the topic's
    /// `min.insync.replicas`; where there are fewer replicas, brokers count these
    /// (`Partition.effectiveMinIsr`, Kafka 3.9).
    pub fn is_under_min_isr(&self, min_isr: usize) -> bool {
        self.isr.len() < min_isr.min(self.replicas.len())
    }
}

impl TopicDescription {
    /// Whether a replica of some partition is out of sync.
    pub fn lacks_replicas(&self) -> bool {
        self.partitions.iter().any(|partition| partition.isr.len() < partition.replicas.len())
    }

    /// Takes brokers that do not run out of every ISR, and their leadership from them: metadata
    /// lists one that died until its session expires.
    pub fn without(&mut self, down: &[BrokerId]) {
        for partition in &mut self.partitions {
            partition.isr.retain(|id| !down.contains(id));
            partition.leader = partition.leader.filter(|id| !down.contains(id));
        }
    }

    /// The smallest number of replicas of any of its partitions.
    pub fn replication_factor(&self) -> usize {
        self.partitions.iter().map(|p| p.replicas.len()).min().unwrap_or(0)
    }
}

/// What one broker, asked for metadata, says of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct ClusterView {
    pub cluster_id: Option<String>,
    pub controller: Option<BrokerId>,
    pub brokers: Vec<BrokerView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerView {
    pub id: BrokerId,
    pub host: String,
    pub port: u16,
    pub rack: Option<String>,
}

/// `topic/partition`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TopicPartition {
    pub topic: String,
    pub partition: i32,
}

/// A point in a partition's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetAt {
    /// Log start
    Earliest,
    /// High watermark
    Latest,
    /// First record with at least this timestamp, ms since 1970-01-01 UTC
    Timestamp(i64),
}
