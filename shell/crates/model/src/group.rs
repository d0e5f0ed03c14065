//! Consumer groups.

use serde::{Deserialize, Serialize};

use crate::name::BrokerId;
use crate::topic::TopicPartition;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupListing {
    pub group: String,
    /// `consumer` for groups of consumers
    pub protocol_type: String,
    /// Kafka's own word: `Stable`, `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Dead`
    pub state: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupDescription {
    pub group: String,
    pub state: String,
    pub protocol_type: String,
    /// The assignor chosen
    pub protocol: String,
    pub coordinator: Option<BrokerId>,
    pub members: Vec<GroupMember>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMember {
    pub member_id: String,
    pub client_id: String,
    pub client_host: String,
    pub assignment: Vec<TopicPartition>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommittedOffset {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub metadata: Option<String>,
}
