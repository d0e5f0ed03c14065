//! What lies in a cluster's way that only the host can tell, not a sandboxed step: names that do
//! not resolve, and what ZooKeeper's data folder lacks.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::join_all;
use kafsh_model::plan::{Action, Finding, Node, Plan, Severity};
use kafsh_model::snapshot::{NodeFacts, Snapshot};
use kafsh_model::spec::{BrokerSpec, ClusterSpec, ListenerSpec};

use super::Engine;
use super::data::holds_data;

/// Longest that a name is looked up.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(2);

impl Engine {
    /// Findings over a snapshot: `advertised-host-unknown`, `zookeeper-rolled-back`.
    pub(super) async fn ground_findings(
        &self,
        spec: &ClusterSpec,
        snapshot: &Snapshot,
    ) -> Vec<Finding> {
        let mut findings = self.unknown_hosts(spec, snapshot).await;
        findings.extend(rolled_back(spec, snapshot));
        findings
    }

    /// Adds them to a plan; data that is moved aside anyway is not judged.
    pub(super) async fn add_ground(&self, spec: &ClusterSpec, seen: &Snapshot, plan: &mut Plan) {
        let mut findings = self.ground_findings(spec, seen).await;
        if plan.actions().any(|action| matches!(action, Action::ArchiveData { .. })) {
            findings.retain(|finding| finding.code != ROLLED_BACK);
        }
        if let Some(first) = plan.steps.first_mut() {
            first.plan.findings.extend(findings);
        }
    }

    /// Every advertised name is looked up once, all at the same time.
    async fn unknown_hosts(&self, spec: &ClusterSpec, snapshot: &Snapshot) -> Vec<Finding> {
        let mut hosts: BTreeMap<&str, Vec<(&BrokerSpec, &ListenerSpec)>> = BTreeMap::new();
        for broker in &spec.brokers {
            for listener in &broker.listeners {
                let host = listener.advertised_host.as_str();
                if host.trim_matches(['[', ']']).parse::<IpAddr>().is_err() {
                    hosts.entry(host).or_default().push((broker, listener));
                }
            }
        }
        let lookups = hosts.iter().map(|(host, used)| async move {
            let why = self.runtime.resolve(host, RESOLVE_TIMEOUT).await.err()?;
            Some(unknown_host(spec, snapshot, host, used, &why.message))
        });
        join_all(lookups).await.into_iter().flatten().collect()
    }
}

/// Brokers reach each other by it: then none of them leads anything. Of a name for clients alone,
/// another host may know more.
fn unknown_host(
    spec: &ClusterSpec,
    snapshot: &Snapshot,
    host: &str,
    used: &[(&BrokerSpec, &ListenerSpec)],
    why: &str,
) -> Finding {
    let is_down = |id| snapshot.node(Node::Broker(id)).is_none_or(|f| !f.process.is_alive());
    let stops = used.iter().any(|(broker, listener)| {
        let marked = broker.listeners.iter().find(|l| l.inter_broker).or(broker.listeners.first());
        is_down(broker.id) && marked.is_some_and(|own| own.name == listener.name)
    });
    let (severity, cause) = match stops {
        true => (Severity::Problem, "brokers find each other by this name, and none could"),
        false => (Severity::Warning, "clients on this host will not find the brokers by it"),
    };
    let names = used.iter().map(|(broker, listener)| {
        format!("broker {}: {}://{host}:{}", broker.id, listener.name, listener.advertised_port)
    });
    Finding {
        severity,
        code: "advertised-host-unknown".to_string(),
        subject: "cluster".to_string(),
        message: format!("the advertised host `{host}` is not known on this machine"),
        evidence: names.chain([why.to_string()]).collect(),
        cause: Some(cause.to_string()),
        next: vec![
            format!("cluster up {} --advertise localhost --apply", spec.name),
            format!("!getent hosts {host}"),
        ],
        safe_to_fix: false,
    }
}

const ROLLED_BACK: &str = "zookeeper-rolled-back";

/// ZooKeeper starts from such a folder without a word, with the tree as it was at the snapshot.
fn rolled_back(spec: &ClusterSpec, snapshot: &Snapshot) -> Option<Finding> {
    let zookeeper = snapshot.node(Node::ZooKeeper).filter(|facts| !facts.process.is_alive())?;
    let (dir, zxid) =
        zookeeper.data.iter().find_map(|dir| Some((dir, dir.snapshot_without_logs?)))?;
    let with_data = |facts: &&NodeFacts| facts.node != Node::ZooKeeper && holds_data(facts);
    // Before a first broker has run there are no logs, and nothing to lose.
    snapshot.nodes.iter().find(with_data)?;
    let name = &spec.name;
    let (severity, cause) = match zxid {
        0 => (
            Severity::Problem,
            "ZooKeeper would start empty and make a new cluster id, and no broker with data would \
             start",
        ),
        _ => (
            Severity::Warning,
            "ZooKeeper starts all the same, and has forgotten every topic made since the snapshot",
        ),
    };
    Some(Finding {
        severity,
        code: ROLLED_BACK.to_string(),
        subject: Node::ZooKeeper.to_string(),
        message: "zookeeper has a snapshot and none of the transaction logs that follow it"
            .to_string(),
        evidence: vec![format!("{}: snapshot of zxid 0x{zxid:x}, no log", dir.path)],
        cause: Some(cause.to_string()),
        next: vec![
            format!("cluster restore {name}"),
            format!("cluster archive {name}; cluster up {name}"),
        ],
        safe_to_fix: false,
    })
}
