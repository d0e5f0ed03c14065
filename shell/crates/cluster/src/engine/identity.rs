//! Whether the brokers' data is that of this cluster, also while no ZooKeeper runs that could tell:
//! a broker with data of another cluster exits at the end of its start.

use kafsh_model::plan::{Action, Finding, Node, Plan, Severity};
use kafsh_model::quote::quoted;
use kafsh_model::snapshot::{NodeFacts, Snapshot};
use kafsh_model::spec::ClusterSpec;

use super::Engine;
use super::data::holds_data;

/// Preflight's own code for it, which compares log dirs with each other and with ZooKeeper.
const MISMATCH: &str = "cluster-id-mismatch";

/// Preflight's code for log dirs that are empty, which cannot know whether they ever were not.
const DATA_MISSING: &str = "broker-data-missing";

impl Engine {
    /// Brokers that do not run and whose `meta.properties` name another cluster than ZooKeeper
    /// does, or, where ZooKeeper does not serve, than this cluster was when it was last ready.
    pub(super) fn identity_findings(
        &self,
        spec: &ClusterSpec,
        snapshot: &Snapshot,
    ) -> Vec<Finding> {
        let (own, source) = match &snapshot.zookeeper {
            Some(facts) => (facts.cluster_id.clone(), "ZooKeeper's `/cluster/id`"),
            None => (self.store.cluster_id(&spec.name), "when it was last ready"),
        };
        let Some(own) = own else { return Vec::new() };
        let idle = snapshot.nodes.iter().filter(|facts| !facts.process.is_alive());
        let strays = idle.filter_map(|facts| mismatch(spec, facts, &own, source));
        let was_ready = self.store.cluster_id(&spec.name).is_some();
        let gone = was_ready.then(|| data_gone(spec, snapshot)).flatten();
        strays.chain(gone).collect()
    }

    /// Adds what is known of identities to a plan, unless it moves the data aside anyway.
    pub(super) fn add_identity(&self, spec: &ClusterSpec, snapshot: &Snapshot, plan: &mut Plan) {
        if plan.actions().any(|action| matches!(action, Action::ArchiveData { .. })) {
            return;
        }
        let mut own = self.identity_findings(spec, snapshot);
        let told = plan.findings().any(|finding| finding.code == MISMATCH);
        // Preflight knows which one is the stray only where ZooKeeper serves.
        own.retain(|finding| finding.code != MISMATCH || !told || snapshot.zookeeper.is_none());
        for step in &mut plan.steps {
            step.plan.findings.retain(|finding| own.iter().all(|own| own.code != finding.code));
        }
        if let Some(first) = plan.steps.first_mut() {
            first.plan.findings.extend(own);
        }
    }
}

fn mismatch(spec: &ClusterSpec, facts: &NodeFacts, own: &str, source: &str) -> Option<Finding> {
    let Node::Broker(_) = facts.node else { return None };
    let strange = |id: &&String| id.as_str() != own;
    let (dir, id) = facts
        .data
        .iter()
        .find_map(|dir| Some((dir, dir.cluster_id.as_ref().filter(|id| strange(id))?)))?;
    let (node, name) = (facts.node, &spec.name);
    Some(Finding {
        severity: Severity::Problem,
        code: MISMATCH.to_string(),
        subject: node.to_string(),
        message: format!("{node} holds data of cluster {id}; `{name}` is cluster {own}"),
        evidence: vec![
            format!("{}/meta.properties: cluster.id={id}", dir.path),
            format!("`{name}`: {own} ({source})"),
        ],
        cause: Some("the folder was swapped or restored by itself, and such a broker exits".into()),
        next: vec![
            format!("cluster restore {name}"),
            format!("cluster archive {name}; cluster up {name}"),
        ],
        safe_to_fix: false,
    })
}

/// A cluster that was ready once, of which ZooKeeper's data is there and no broker's: its disk may
/// not be mounted, and brokers that start beside it make every partition anew, empty.
fn data_gone(spec: &ClusterSpec, snapshot: &Snapshot) -> Option<Finding> {
    let (zookeepers, brokers): (Vec<&NodeFacts>, Vec<&NodeFacts>) =
        snapshot.nodes.iter().partition(|facts| facts.node == Node::ZooKeeper);
    let left = |facts: &&NodeFacts| facts.process.is_alive() || holds_data(facts);
    let kept = zookeepers.iter().any(|facts| holds_data(facts));
    let topics = snapshot.zookeeper.as_ref().map(|facts| facts.topics);
    if !kept || topics == Some(0) || brokers.is_empty() || brokers.iter().any(left) {
        return None;
    }
    let name = &spec.name;
    let dirs = brokers.iter().flat_map(|facts| {
        facts.data.iter().map(|dir| format!("{}  {}  no data", facts.node, dir.path))
    });
    let known = match topics {
        Some(topics) => format!("ZooKeeper knows {topics} topics"),
        None => "ZooKeeper has its data".to_string(),
    };
    let mut next: Vec<String> =
        spec.data_dir.iter().map(|dir| format!("!findmnt -T {}", quoted(dir))).collect();
    next.push(format!("cluster restore {name}"));
    next.push(format!("cluster archive {name}; cluster up {name}"));
    Some(Finding {
        severity: Severity::Problem,
        code: DATA_MISSING.to_string(),
        subject: "cluster".to_string(),
        message: "no broker has data, and they had some when the cluster was last ready".into(),
        evidence: dirs.chain([known]).collect(),
        cause: Some(
            "a disk that is not mounted, or folders that were deleted; brokers that start now \
             make every partition anew, empty"
                .into(),
        ),
        next,
        safe_to_fix: false,
    })
}
