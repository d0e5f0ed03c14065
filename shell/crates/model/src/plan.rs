//! Plans: what steps return, what the engine shows, runs, records and undoes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::BrokerId;
use crate::snapshot::Snapshot;
use crate::spec::ClusterSpec;

/// A server process of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Node {
    #[serde(rename = "zookeeper")]
    ZooKeeper,
    Broker(BrokerId),
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::ZooKeeper => f.write_str("zookeeper"),
            Node::Broker(id) => write!(f, "broker {id}"),
        }
    }
}

/// One thing for the engine to do. Actions name nodes and roles, never argv or free paths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "action")]
pub enum Action {
    /// The node's data and log folders
    CreateDirectories {
        node: Node,
    },
    /// The node's properties file; the engine adds the paths it owns and checks the result
    WriteProperties {
        node: Node,
        properties: Vec<(String, String)>,
    },
    /// Moves ZooKeeper's data and every log.dirs aside, as one unit
    ArchiveData {
        reason: String,
    },
    /// Waits until the ephemeral znode of a broker that is gone has expired
    AwaitExpiry {
        broker: BrokerId,
    },
    /// Starts these nodes at the same time
    Start {
        nodes: Vec<Node>,
    },
    /// Stops these nodes: brokers together, ZooKeeper last
    Stop {
        nodes: Vec<Node>,
    },
    /// Waits until every gate of these nodes is green
    AwaitReady {
        nodes: Vec<Node>,
    },
    CreateTopic {
        topic: String,
        partitions: i32,
        replication_factor: i16,
        configs: Vec<(String, String)>,
    },
    /// One record in with acks=all and out again, in every partition
    ProveTopic {
        topic: String,
        partitions: i32,
    },
    DeleteTopic {
        topic: String,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list =
            |nodes: &[Node]| nodes.iter().map(Node::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Action::CreateDirectories { node } => write!(f, "create the folders of {node}"),
            Action::WriteProperties { node, properties } => {
                write!(f, "write the properties of {node} ({} keys)", properties.len())
            }
            Action::ArchiveData { reason } => write!(f, "move all data aside ({reason})"),
            Action::AwaitExpiry { broker } => {
                write!(f, "wait until the old registration of broker {broker} has expired")
            }
            Action::Start { nodes } => write!(f, "start {}", list(nodes)),
            Action::Stop { nodes } => write!(f, "stop {}", list(nodes)),
            Action::AwaitReady { nodes } => write!(f, "wait until ready: {}", list(nodes)),
            Action::CreateTopic { topic, partitions, replication_factor, .. } => {
                let noun = if *partitions == 1 { "partition" } else { "partitions" };
                let counts =
                    format!("{partitions} {noun}, replication factor {replication_factor}");
                write!(f, "create topic {topic} ({counts})")
            }
            Action::ProveTopic { topic, .. } => write!(f, "a record through {topic}, in and out"),
            Action::DeleteTopic { topic } => write!(f, "delete topic {topic}"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; changes nothing
    Note,
    Warning,
    /// Nothing is started while it stands
    Problem,
}

/// Something found wrong, or worth knowing, about a spec, a host or a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub severity: Severity,
    /// Stable, kebab-case: `port-taken`, `cluster-id-mismatch`, …
    pub code: String,
    /// What it is about: `broker 2`, `zookeeper`, `host`
    pub subject: String,
    pub message: String,
    pub evidence: Vec<String>,
    pub cause: Option<String>,
    /// Commands that mend it, as they can be typed
    pub next: Vec<String>,
    /// `doctor --fix` may do the first of `next` by itself: no data is moved, no process that is
    /// not ours is touched
    pub safe_to_fix: bool,
}

/// What a step is told: the wish, what is there, and what earlier steps have planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepInput {
    pub spec: ClusterSpec,
    pub observed: Snapshot,
    pub planned: Vec<Action>,
}

/// What a step answers.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StepPlan {
    /// One line for people
    pub summary: String,
    pub actions: Vec<Action>,
    pub findings: Vec<Finding>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    Met,
    NotYet { reason: String },
    Failed(Finding),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInfo {
    pub name: String,
    pub version: String,
    pub summary: String,
}

/// A step's part of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    pub step: String,
    #[serde(flatten)]
    pub plan: StepPlan,
}

/// What `cluster up` would do, in order.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    pub steps: Vec<PlannedStep>,
}

impl Plan {
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.steps.iter().flat_map(|step| &step.plan.actions)
    }

    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.steps.iter().flat_map(|step| &step.plan.findings)
    }

    /// Nothing left to do: reality matches the spec.
    pub fn is_empty(&self) -> bool {
        self.actions().next().is_none()
    }
}
