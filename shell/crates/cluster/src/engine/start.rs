//! Starts nodes that have been laid out before.

use std::time::Instant;

use futures_util::future::join_all;
use kafsh_model::plan::{Finding, Node, Severity};
use kafsh_model::snapshot::{NodeFacts, PortOwner, ProcessState};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Class, Error, Result};

use super::doctor::PREFLIGHT;
use super::nodes::{alive, known};
use super::report::StartReport;
use super::{Engine, plan};

/// Preflight's code for too little memory.
const MEMORY_SHORT: &str = "memory-short";

/// Preflight's code for a ZooKeeper that lost what it knew while brokers have data.
pub(super) const ZOOKEEPER_WIPED: &str = "zookeeper-wiped";

impl Engine {
    /// Starts those of `nodes` that are not running, ZooKeeper before brokers, and waits for their
    /// gates. All nodes of the spec: `&spec.nodes()`. What was started stays when a gate fails.
    ///
    /// # Errors
    /// `not-laid-out` where properties are missing; what preflight finds in the way (`port-taken`,
    /// `broker-alive-elsewhere`, `cluster-id-mismatch` …; nothing was started);
    /// `zookeeper-not-serving`; `node-paused`; `node-died`; `timed-out`; `locked`; `interrupted`.
    pub async fn start(&self, spec: &ClusterSpec, nodes: &[Node]) -> Result<StartReport> {
        let _lock = self.store.lock(&spec.name, &self.command)?;
        self.start_locked(spec, nodes).await
    }

    pub(super) async fn start_locked(
        &self,
        spec: &ClusterSpec,
        nodes: &[Node],
    ) -> Result<StartReport> {
        known(spec, nodes)?;
        let before = self.node_facts(spec).await?;
        let mut started = Vec::new();
        let error = match self.start_down(spec, nodes, &before, &mut started).await {
            Err(error) if error.class != Class::Interrupted => error,
            outcome => return outcome,
        };
        // A server that ran when we looked and ended since is one of those to be started: so look
        // again, once.
        let now = self.node_facts(spec).await?;
        let lost = alive(&before)
            .filter(|node| nodes.contains(node))
            .any(|node| !alive(&now).any(|alive| alive == node));
        match lost {
            true => self.start_down(spec, nodes, &now, &mut started).await,
            false => Err(error),
        }
    }

    /// Starts those of `nodes` that do not run by `facts`; `started` has them also where it fails.
    async fn start_down(
        &self,
        spec: &ClusterSpec,
        nodes: &[Node],
        facts: &[NodeFacts],
        started: &mut Vec<Node>,
    ) -> Result<StartReport> {
        let state = |node: Node| facts.iter().find(|facts| facts.node == node);
        let down: Vec<Node> = nodes
            .iter()
            .copied()
            .filter(|node| !state(*node).is_some_and(|facts| facts.process.is_alive()))
            .collect();
        for facts in facts.iter().filter(|facts| nodes.contains(&facts.node)) {
            startable(spec, facts)?;
        }
        self.check_start(spec, &down).await?;
        let needs_zookeeper = nodes.iter().any(|node| matches!(node, Node::Broker(_)));
        if down.contains(&Node::ZooKeeper) {
            self.launch(spec, &[Node::ZooKeeper]).await?;
            started.push(Node::ZooKeeper);
            self.await_ready(spec, &[Node::ZooKeeper]).await?;
        } else if needs_zookeeper && self.zookeeper_facts(spec).await.is_err() {
            return Err(Error::unavailable(
                "zookeeper-not-serving",
                format!("ZooKeeper at {} does not serve", spec.zookeeper_address()),
            )
            .with_cause("a broker without ZooKeeper gives up after its session timeout")
            .with_next(format!("@{} zookeeper start", spec.name)));
        }
        let brokers: Vec<Node> =
            down.iter().copied().filter(|node| *node != Node::ZooKeeper).collect();
        self.launch(spec, &brokers).await?;
        started.extend(&brokers);
        let controller = self.await_ready(spec, nodes).await?;
        let started = std::mem::take(started);
        Ok(StartReport { started, controller, findings: Vec::new() })
    }

    /// What `up` would refuse, `start` refuses too, before the first server is started: whatever is
    /// in the way of one node, or of all.
    async fn check_start(&self, spec: &ClusterSpec, down: &[Node]) -> Result<()> {
        if down.is_empty() {
            return Ok(());
        }
        let snapshot = self.cancel.run(self.observe(spec)).await?;
        let mut findings = match spec.steps.iter().any(|step| step == PREFLIGHT) {
            true => self.preflight(spec, &snapshot).await?,
            false => {
                let mut own = self.identity_findings(spec, &snapshot);
                own.extend(self.ground_findings(spec, &snapshot).await);
                own
            }
        };
        // It counts the memory of every node that does not run.
        let some = spec.nodes().into_iter().any(|node| {
            !down.contains(&node)
                && snapshot.node(node).is_some_and(|facts| !facts.process.is_alive())
        });
        findings.retain(|finding| {
            let of = spec.nodes().into_iter().find(|node| node.to_string() == finding.subject);
            // A broker's start would write a new cluster's id.
            (of.is_none_or(|node| down.contains(&node)) || finding.code == ZOOKEEPER_WIPED)
                && !(some && finding.code == MEMORY_SHORT)
        });
        if let Some(error) = plan::refusal(findings.iter()) {
            return Err(error);
        }
        self.ports_ours(spec, down).await
    }

    /// Starts nodes at the same time and returns at once. A broker that is still registered from
    /// an earlier life is waited for first: it would exit at once (`NodeExists`).
    pub(super) async fn launch(&self, spec: &ClusterSpec, nodes: &[Node]) -> Result<()> {
        if nodes.is_empty() {
            return Ok(());
        }
        self.ports_ours(spec, nodes).await?;
        self.forget_ready(nodes);
        self.void_proof(spec, &self.node_facts(spec).await?)?;
        if !nodes.contains(&Node::ZooKeeper) {
            let expiries = nodes.iter().map(|node| async move {
                match node {
                    Node::Broker(id) => self.await_expiry(spec, *id).await,
                    Node::ZooKeeper => Ok(()),
                }
            });
            let all = async { join_all(expiries).await.into_iter().collect::<Result<()>>() };
            self.cancel.run(all).await?;
        }
        let begin = Instant::now();
        let starts = nodes.iter().map(|node| async move {
            let pid = self.runtime.start(spec, *node).await?;
            self.node_event(*node, &format!("started, pid {pid}"), true, begin.elapsed());
            Ok(())
        });
        // All of them, before the first failure is told: none may be under way unseen.
        join_all(starts).await.into_iter().collect()
    }

    /// What a server that died had proven, has to be proven again; an orderly stop changes nothing.
    pub(super) fn void_proof(&self, spec: &ClusterSpec, facts: &[NodeFacts]) -> Result<()> {
        let died = |facts: &NodeFacts| matches!(facts.process, ProcessState::Died { .. });
        if facts.iter().any(died) { self.store.clear_proven(&spec.name) } else { Ok(()) }
    }

    /// A port that somebody else has is found before a JVM is started, whatever the steps looked
    /// at: Kafka itself would tell only at the end of its start, and until then the stranger would
    /// answer in its place.
    ///
    /// # Errors
    /// `port-taken`.
    pub(super) async fn ports_ours(&self, spec: &ClusterSpec, nodes: &[Node]) -> Result<()> {
        let mut found = Vec::new();
        for port in self.runtime.ports(spec).await? {
            let (PortOwner::Foreign { description, .. }, true) =
                (&port.owner, nodes.contains(&port.node))
            else {
                continue;
            };
            found.push(Finding {
                severity: Severity::Problem,
                code: "port-taken".to_string(),
                subject: port.node.to_string(),
                message: format!("port {} is taken ({})", port.port, port.node),
                evidence: vec![format!("held by {description}")],
                cause: None,
                next: vec![format!("cluster doctor {}", spec.name)],
                safe_to_fix: false,
            });
        }
        plan::in_the_way(found.iter()).map_or(Ok(()), Err)
    }
}

fn startable(spec: &ClusterSpec, facts: &NodeFacts) -> Result<()> {
    let node = facts.node;
    if let ProcessState::Paused { pid } = facts.process {
        let next = match node {
            Node::Broker(id) => format!("@{} broker resume {id}", spec.name),
            Node::ZooKeeper => format!("cluster stop {}", spec.name),
        };
        return Err(Error::failed("node-paused", format!("{node} is paused (pid {pid})"))
            .with_cause("it was stopped by SIGSTOP: it holds its port and answers nobody")
            .with_next(next));
    }
    if facts.properties.is_empty() {
        return Err(Error::failed("not-laid-out", format!("{node} has no properties file"))
            .with_cause("it was never laid out, or its folder was deleted")
            .with_next(format!("cluster up {}", spec.name)));
    }
    Ok(())
}
