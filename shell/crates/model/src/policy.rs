//! Policies: what they are asked, and what they answer. The contract is `sdk/wit/policy`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::plugin::{ClusterFacts, Manifest, Settings};

/// A topic as it is, or as it is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicState {
    pub partitions: u32,
    pub replication_factor: u32,
    /// Given for the topic itself
    pub configs: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    Create,
    Alter,
    Delete,
    /// Nothing is to be changed: a topic that exists is looked at
    Review,
}

/// A change that is wanted of one topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRequest {
    pub operation: Operation,
    pub topic: String,
    pub cluster: String,
    pub current: Option<TopicState>,
    /// The whole state after the change
    pub proposed: Option<TopicState>,
    /// Keys of `configs` that this request gives, changes or takes away
    #[serde(default)]
    pub touched: Vec<String>,
    /// `user`, `file`, `line`, `dry-run`
    #[serde(default)]
    pub extras: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicySeverity {
    Warn,
    Deny,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFinding {
    pub severity: PolicySeverity,
    pub rule: String,
    /// `name`, `partitions`, `replication-factor`, `config.KEY`
    pub field: Option<String>,
    pub message: String,
    pub suggestion: Option<String>,
}

/// A change to what is wanted, before it is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    /// `partitions`, `replication-factor`, `config.KEY`
    pub field: String,
    /// `None` takes a `config.KEY` away
    pub value: Option<String>,
    pub reason: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyResponse {
    pub findings: Vec<PolicyFinding>,
    pub amendments: Vec<Amendment>,
}

/// A policy plugin. Calls are synchronous: a guest runs on a thread of its own.
pub trait Policy: Send + Sync {
    fn manifest(&self) -> &Manifest;
    /// Whether it was granted `cluster-read`, so that `facts` are worth reading.
    fn wants_facts(&self) -> bool;
    /// # Errors
    /// `plugin-…`: it broke, took too long, answered nonsense or says that it cannot answer.
    fn check(
        &self,
        request: &PolicyRequest,
        settings: &Settings,
        facts: Option<&Arc<ClusterFacts>>,
    ) -> Result<PolicyResponse>;
}

/// Finds policies by name.
pub trait Policies: Send + Sync {
    fn policy(&self, name: &str) -> Result<Arc<dyn Policy>>;
}
