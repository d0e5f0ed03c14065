//! What ails a cluster that nothing is in the way of: nodes that were stopped, a controller that is
//! missing, and partitions that lack replicas or a leader.

use std::collections::BTreeSet;
use std::time::Duration;

use kafsh_model::BrokerId;
use kafsh_model::plan::{Finding, Node, Severity};
use kafsh_model::snapshot::{NodeFacts, ProcessState, Snapshot};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::topic::PartitionDescription;

use super::Engine;
use super::patience::bounded;
use super::safety::{MinIsr, Partitions, shortened};

const OFFLINE: &str = "partitions-offline";
const UNDER_MIN_ISR: &str = "partitions-under-min-isr";
const UNDER_REPLICATED: &str = "partitions-under-replicated";

pub(super) const NO_CONTROLLER: &str = "no-controller";

/// Codes of what partitions and the cluster lack while servers are down.
pub(super) const MENDED_BY_A_START: [&str; 4] =
    [OFFLINE, UNDER_MIN_ISR, UNDER_REPLICATED, NO_CONTROLLER];

/// Longest that brokers are asked for their partitions.
const PARTITIONS_TIMEOUT: Duration = Duration::from_secs(3);

/// Most next commands of a finding.
const NEXT_MAX: usize = 3;

impl Engine {
    /// Partitions without a leader, under `min.insync.replicas` and under-replicated, each told
    /// once, at its worst. Nobody who answers: nothing is known.
    pub(super) async fn ailing_partitions(
        &self,
        spec: &ClusterSpec,
        snapshot: &Snapshot,
    ) -> Vec<Finding> {
        let runs = snapshot.nodes.iter().any(|facts| {
            matches!(facts.node, Node::Broker(_))
                && matches!(facts.process, ProcessState::Running { .. })
        });
        if !runs {
            return Vec::new();
        }
        let asked = self.partitions(spec, &snapshot.nodes, MinIsr::OfLacking);
        match bounded(PARTITIONS_TIMEOUT, asked).await {
            Ok(partitions) => of_partitions(spec, snapshot, &partitions),
            Err(_) => Vec::new(),
        }
    }
}

/// Nodes that were stopped in order: all of them, or some while others run.
pub(super) fn of_nodes(spec: &ClusterSpec, snapshot: &Snapshot) -> Vec<Finding> {
    let finding = |code: &str, subject: String, message: String, next: String| Finding {
        severity: Severity::Note,
        code: code.to_string(),
        subject,
        message,
        evidence: Vec::new(),
        cause: None,
        next: vec![next],
        safe_to_fix: false,
    };
    let name = &spec.name;
    let laid_out = snapshot.nodes.iter().all(|facts| !facts.properties.is_empty());
    if snapshot.nodes.iter().all(|facts| facts.process == ProcessState::Absent) {
        let (message, next) = match laid_out {
            true => (format!("`{name}` is stopped"), format!("cluster start {name}")),
            false => (format!("`{name}` was never started"), format!("cluster up {name}")),
        };
        return vec![finding("cluster-stopped", "cluster".to_string(), message, next)];
    }
    let absent = snapshot.nodes.iter().filter(|facts| facts.process == ProcessState::Absent);
    let stopped = |node: Node| {
        finding("node-stopped", node.to_string(), format!("{node} is stopped"), start(spec, node))
    };
    absent.map(|facts| stopped(facts.node)).collect()
}

/// Brokers run, and nobody elects leaders or makes topics: ZooKeeper is away, or there is no
/// controller, or only the registration of one that is gone.
pub(super) fn of_controller(spec: &ClusterSpec, snapshot: &Snapshot) -> Option<Finding> {
    let name = &spec.name;
    let runs = |facts: &&NodeFacts| {
        matches!(facts.node, Node::Broker(_))
            && matches!(facts.process, ProcessState::Running { .. })
    };
    snapshot.nodes.iter().find(runs)?;
    let finding = |message: String, evidence: String, cause: &str, next: Vec<String>| Finding {
        severity: Severity::Problem,
        code: NO_CONTROLLER.to_string(),
        subject: "cluster".to_string(),
        message,
        evidence: vec![evidence],
        cause: Some(cause.to_string()),
        next,
        safe_to_fix: false,
    };
    let chroot = spec.zookeeper.chroot.as_deref().unwrap_or("");
    let look = format!("@{name} zookeeper get {chroot}/controller");
    let wait = format!("wait 60s cluster status {name} | jq '.controller != null'");
    let Some(zookeeper) = &snapshot.zookeeper else {
        let own = snapshot.node(Node::ZooKeeper);
        let next = match own.is_some_and(|facts| facts.process.is_alive()) {
            true => format!("cluster logs {name} --errors"),
            false => start(spec, Node::ZooKeeper),
        };
        return Some(finding(
            "brokers run without ZooKeeper".to_string(),
            format!("nothing serves at {}", spec.zookeeper_address()),
            "they go on serving what they lead; no leader is elected and no topic made or changed",
            vec![next],
        ));
    };
    let Some(id) = zookeeper.controller else {
        return Some(finding(
            "there is no controller".to_string(),
            format!("`{chroot}/controller` is not there"),
            "brokers that have just started elect one; where none does, see what they say",
            vec![wait, format!("cluster logs {name} --errors")],
        ));
    };
    let gone = snapshot.node(Node::Broker(id)).is_some_and(|facts| !facts.process.is_alive());
    gone.then(|| {
        finding(
            format!("the controller is broker {id}, which does not run"),
            format!("`{chroot}/controller` names it"),
            "its session has not timed out; another broker is elected when it does",
            vec![wait, look],
        )
    })
}

fn start(spec: &ClusterSpec, node: Node) -> String {
    match node {
        Node::Broker(id) => format!("@{} broker start {id}", spec.name),
        Node::ZooKeeper => format!("@{} zookeeper start", spec.name),
    }
}

fn of_partitions(spec: &ClusterSpec, snapshot: &Snapshot, partitions: &Partitions) -> Vec<Finding> {
    let kinds = [
        (OFFLINE, Severity::Problem, "offline, without a leader"),
        (UNDER_MIN_ISR, Severity::Problem, "under min.insync.replicas, refusing acks=all"),
        (UNDER_REPLICATED, Severity::Warning, "under-replicated"),
    ];
    let mut places = [Vec::new(), Vec::new(), Vec::new()];
    let mut names = [Vec::new(), Vec::new(), Vec::new()];
    let mut missing = [BTreeSet::new(), BTreeSet::new(), BTreeSet::new()];
    for topic in &partitions.topics {
        let min_isr = partitions.min_isr(&topic.name);
        for partition in &topic.partitions {
            let kind = match partition {
                p if p.is_offline() => 0,
                p if p.is_under_min_isr(min_isr) => 1,
                p if p.is_under_replicated() => 2,
                _ => continue,
            };
            places[kind].push(place(&topic.name, partition));
            names[kind].push(format!("{}/{}", topic.name, partition.partition));
            missing[kind].extend(lacking(partition));
        }
    }
    let all = kinds.into_iter().zip(places.into_iter().zip(names)).zip(missing);
    let some = all.filter(|((_, (places, _)), _)| !places.is_empty());
    some.map(|(((code, severity, what), (places, names)), missing)| {
        let noun = if places.len() == 1 { "partition is" } else { "partitions are" };
        let (cause, next) = why(spec, snapshot, &missing);
        Finding {
            severity,
            code: code.to_string(),
            subject: "topics".to_string(),
            message: format!("{} {noun} {what}: {}", places.len(), shortened(names).join(", ")),
            evidence: shortened(places),
            cause: Some(cause),
            next,
            safe_to_fix: false,
        }
    })
    .collect()
}

/// `orders/0: in sync 2 of 3, missing on 3`.
fn place(topic: &str, partition: &PartitionDescription) -> String {
    let ids: Vec<String> = lacking(partition).map(|id| id.to_string()).collect();
    let missing = match ids.is_empty() {
        true => String::new(),
        false => format!(", missing on {}", ids.join(", ")),
    };
    let (isr, all) = (partition.isr.len(), partition.replicas.len());
    format!("{topic}/{}: in sync {isr} of {all}{missing}", partition.partition)
}

fn lacking(partition: &PartitionDescription) -> impl Iterator<Item = BrokerId> {
    partition.replicas.iter().copied().filter(|id| !partition.isr.contains(id))
}

/// Brokers that do not run are the cause before any that lags.
fn why(
    spec: &ClusterSpec,
    snapshot: &Snapshot,
    missing: &BTreeSet<BrokerId>,
) -> (String, Vec<String>) {
    let name = &spec.name;
    let mut causes = Vec::new();
    let mut next = Vec::new();
    for id in missing {
        let node = Node::Broker(*id);
        let (state, mend) = match snapshot.node(node).map(|facts| &facts.process) {
            Some(ProcessState::Running { .. }) => continue,
            Some(ProcessState::Paused { .. }) => {
                ("is paused", format!("@{name} broker resume {id}"))
            }
            Some(ProcessState::Died { .. }) => ("has died", start(spec, node)),
            Some(ProcessState::Absent) => ("is stopped", start(spec, node)),
            None => ("is not one of this cluster", format!("@{name} broker list")),
        };
        causes.push(format!("broker {id} {state}"));
        next.push(mend);
    }
    if causes.is_empty() {
        let wait = format!("wait 60s cluster status {name} | jq '.healthy'");
        let logs = format!("cluster logs {name} --errors");
        return ("the brokers run, and are catching up".to_string(), vec![wait, logs]);
    }
    next.truncate(NEXT_MAX);
    (causes.join(", "), next)
}
