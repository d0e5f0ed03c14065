//! Whether the brokers' data is that of this cluster, also while no ZooKeeper runs that could tell:
//! a broker with data of another cluster exits at the end of its start.

use kafsh_model::plan::{Action, Finding, Node, Plan, Severity};
use kafsh_model::snapshot::{NodeFacts, Snapshot};
use kafsh_model::spec::ClusterSpec;

use super::Engine;

/// Preflight's own code for it, which compares log dirs with each other and with ZooKeeper.
const MISMATCH: &str = "cluster-id-mismatch";

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
        idle.filter_map(|facts| mismatch(spec, facts, &own, source)).collect()
    }

    /// Adds what is known of identities to a plan, unless it moves the data aside anyway.
    pub(super) fn add_identity(&self, spec: &ClusterSpec, snapshot: &Snapshot, plan: &mut Plan) {
        if plan.actions().any(|action| matches!(action, Action::ArchiveData { .. })) {
            return;
        }
        let own = self.identity_findings(spec, snapshot);
        let told = plan.findings().any(|finding| finding.code == MISMATCH);
        // Preflight knows which one is the stray only where ZooKeeper serves.
        if own.is_empty() || (told && snapshot.zookeeper.is_some()) {
            return;
        }
        for step in &mut plan.steps {
            step.plan.findings.retain(|finding| finding.code != MISMATCH);
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
