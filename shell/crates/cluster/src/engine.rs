//! The engine: brings a cluster to its spec and keeps its promises while doing so. Every effect
//! goes through a port; what it did is in the journal; what fails is undone.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kafsh_model::Result;
use kafsh_model::plan::Node;
use kafsh_model::port::{Admin, Connector, Progress, ProgressEvent, Runtime, Steps, Target};
use kafsh_model::port::{Records, TopicGate, ZooKeeper};
use kafsh_model::spec::ClusterSpec;

use crate::cancel::Cancel;
use crate::store::Store;

mod actions;
mod admit;
mod adopt;
mod ailing;
mod apply;
mod catch_up;
mod data;
mod doctor;
mod expiry;
mod gates;
mod ground;
mod identity;
mod nodes;
mod observe;
mod outline;
mod patience;
mod plan;
mod prove;
mod reach;
pub mod report;
mod restart;
mod safety;
mod start;
mod status;
mod stop;
mod undo;
mod up;

pub use adopt::{AdoptReport, AdoptRequest, AdoptedNode};
pub use patience::Patience;
pub use safety::{MinIsr, Partitions};

/// Longest a server may take from its start to its last gate; one that recovers its logs is given
/// more: see [`Patience`].
pub const READY_DEADLINE: Duration = Duration::from_secs(60);

/// Longest an orderly stop may take (research: operators give brokers 180 s and more).
pub const STOP_DEADLINE: Duration = Duration::from_secs(180);

/// Longest a killed process may take to be gone.
pub const KILL_DEADLINE: Duration = Duration::from_secs(10);

/// Longest a step's verification may say "not yet".
pub const VERIFY_DEADLINE: Duration = Duration::from_secs(30);

/// Longest until every partition is in sync again, between two brokers of a rolling restart.
pub const IN_SYNC_DEADLINE: Duration = Duration::from_secs(300);

/// Bound on one administrative call.
pub const ADMIN_TIMEOUT: Duration = Duration::from_secs(10);

/// First and longest pause between two looks at something that is not there yet.
pub const POLL_FIRST: Duration = Duration::from_millis(20);
pub const POLL_MAX: Duration = Duration::from_millis(200);

/// The engine of one command: cheap to make, cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub runtime: Arc<dyn Runtime>,
    pub connector: Arc<dyn Connector>,
    pub steps: Arc<dyn Steps>,
    pub store: Store,
    pub progress: Arc<dyn Progress>,
    /// How long servers are waited for
    pub patience: Patience,
    /// Ctrl-C of the command this engine works for
    pub cancel: Cancel,
    /// The command line, with secrets masked: what another shell is told that finds the lock held
    pub command: String,
    /// Asked before a step's plan creates a topic
    gate: Option<Arc<dyn TopicGate>>,
    /// Nodes whose readiness was told of since they were last started: it is told once
    announced: Arc<Mutex<BTreeSet<Node>>>,
}

impl Engine {
    /// An engine that tells nobody of its progress and is never cancelled.
    pub fn new(
        runtime: Arc<dyn Runtime>,
        connector: Arc<dyn Connector>,
        steps: Arc<dyn Steps>,
        store: Store,
    ) -> Self {
        Engine {
            runtime,
            connector,
            steps,
            store,
            progress: Arc::new(Silent),
            patience: Patience::default(),
            cancel: Cancel::new(),
            command: String::new(),
            gate: None,
            announced: Arc::default(),
        }
    }

    #[must_use]
    pub fn with_progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.progress = progress;
        self
    }

    #[must_use]
    pub fn with_cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    #[must_use]
    pub fn with_command(mut self, command: impl Into<String>) -> Self {
        self.command = command.into();
        self
    }

    #[must_use]
    pub fn with_gate(mut self, gate: Arc<dyn TopicGate>) -> Self {
        self.gate = Some(gate);
        self
    }

    /// How clients reach a managed cluster.
    pub fn target(&self, spec: &ClusterSpec) -> Target {
        let chroot = spec.zookeeper.chroot.clone().unwrap_or_default();
        Target {
            bootstrap: spec.bootstrap(),
            zookeeper: Some((spec.zookeeper_address(), chroot)),
            client: Vec::new(),
            timeout: ADMIN_TIMEOUT,
        }
    }

    fn admin(&self, spec: &ClusterSpec) -> Result<Arc<dyn Admin>> {
        self.connector.admin(&self.target(spec))
    }

    fn records(&self, spec: &ClusterSpec) -> Result<Arc<dyn Records>> {
        self.connector.records(&self.target(spec))
    }

    fn zookeeper(&self, spec: &ClusterSpec) -> Result<Arc<dyn ZooKeeper>> {
        self.connector.zookeeper(&spec.zookeeper_address())
    }

    fn note(&self, text: &str) {
        self.progress.event(ProgressEvent::Note(text));
    }

    /// Tells that a node is ready, once for each of its starts.
    fn ready_event(&self, node: Node, elapsed: Duration) {
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        let first = announced.insert(node);
        drop(announced);
        if first {
            self.node_event(node, "ready", true, elapsed);
        }
    }

    /// What is started anew gets ready anew.
    fn forget_ready(&self, nodes: &[Node]) {
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        announced.retain(|node| !nodes.contains(node));
    }

    fn node_event(&self, node: Node, what: &str, ok: bool, elapsed: Duration) {
        self.progress.event(ProgressEvent::Node { node, what, ok, elapsed });
    }
}

struct Silent;

impl Progress for Silent {
    fn event(&self, _: ProgressEvent<'_>) {}
}
