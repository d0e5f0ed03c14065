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

/// What a policy's word is worth where it is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyMode {
    /// What it denies is refused, what it amends is amended
    Enforce,
    /// What it would deny or amend is said
    Warn,
    /// Not asked
    Off,
}

impl PolicyMode {
    pub const ALL: [PolicyMode; 3] = [PolicyMode::Enforce, PolicyMode::Warn, PolicyMode::Off];

    pub fn name(self) -> &'static str {
        match self {
            PolicyMode::Enforce => "enforce",
            PolicyMode::Warn => "warn",
            PolicyMode::Off => "off",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        PolicyMode::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// A policy put in charge of topics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyBinding {
    /// Unique; the policy's own where none was given
    pub name: String,
    pub policy: String,
    pub mode: PolicyMode,
    /// Globs of cluster names, `!` excludes
    pub clusters: Vec<String>,
    /// Globs of topic names, `!` excludes
    pub topics: Vec<String>,
    /// As they were typed, so that a secret stays a reference
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<(String, String)>,
}

impl PolicyBinding {
    pub fn is_about_cluster(&self, cluster: &str) -> bool {
        crate::glob::fits_any(self.clusters.iter().map(String::as_str), cluster)
    }

    pub fn is_about_topic(&self, topic: &str) -> bool {
        crate::glob::fits_any(self.topics.iter().map(String::as_str), topic)
    }
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
