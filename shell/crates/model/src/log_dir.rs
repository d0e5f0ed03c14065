//! Log folders of brokers: what is left of their disks, and how large each replica is.

use serde::{Deserialize, Serialize};

use crate::topic::TopicPartition;

/// One entry of a broker's `log.dirs`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogDir {
    /// Absolute, as the broker names it
    pub path: String,
    /// Why the broker does not use it, in words
    pub error: Option<String>,
    /// Size of the volume it is on, bytes (KIP-827); `None` where the broker is older
    pub total_bytes: Option<u64>,
    /// What is left of that volume for the broker, bytes; `None` where the broker is older
    pub usable_bytes: Option<u64>,
    pub replicas: Vec<ReplicaSize>,
}

/// A replica in a log folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaSize {
    pub at: TopicPartition,
    /// All its segments, bytes
    pub size_bytes: u64,
    /// Offsets that it is behind the high watermark; of a future replica, behind the current one
    pub offset_lag: i64,
    /// It is being moved here from another folder of the same broker
    pub is_future: bool,
}
