//! Restarts, all at once or one broker after the other.

use kafsh_model::plan::{Finding, Node};
use kafsh_model::snapshot::NodeFacts;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{BrokerId, Result};

use super::Engine;
use super::nodes::{alive, known};
use super::report::{RestartOptions, StartReport, StopOptions};

impl Engine {
    /// Stops and starts `nodes`. Rolling: one broker at a time, the controller last, each only when
    /// no partition would fall under its `min.insync.replicas`, and the next only when all are in
    /// sync again; ZooKeeper, if named, before them. All at once: while other brokers go on
    /// running, only what the partitions can spare, as [`Engine::stop`]; unless `force`.
    ///
    /// # Errors
    /// As [`Engine::stop`] and [`Engine::start`]; `not-in-sync` where partitions do not catch up.
    /// What was restarted before a failure stays so, and the error names it.
    pub async fn restart(
        &self,
        spec: &ClusterSpec,
        nodes: &[Node],
        options: &RestartOptions,
    ) -> Result<StartReport> {
        let _lock = self.store.lock(&spec.name, &self.command)?;
        known(spec, nodes)?;
        self.restart_locked(spec, nodes, options).await
    }

    pub(super) async fn restart_locked(
        &self,
        spec: &ClusterSpec,
        nodes: &[Node],
        options: &RestartOptions,
    ) -> Result<StartReport> {
        let stop = StopOptions { force: options.force, deadline: options.deadline };
        if options.rolling {
            return self.roll(spec, nodes, &stop).await;
        }
        let facts = self.node_facts(spec).await?;
        let mut findings = self.check_together(spec, nodes, &facts, options).await?;
        findings.extend(self.stop_nodes(spec, nodes, &facts, &stop).await?.findings);
        let mut report = self.start_locked(spec, nodes).await?;
        report.findings.splice(0..0, findings);
        Ok(report)
    }

    /// Brokers that go down together, while others serve, take their replicas with them. Where
    /// the whole cluster restarts, nobody is left to write.
    async fn check_together(
        &self,
        spec: &ClusterSpec,
        nodes: &[Node],
        facts: &[NodeFacts],
        options: &RestartOptions,
    ) -> Result<Vec<Finding>> {
        let (mut going, mut staying) = (Vec::new(), false);
        for node in alive(facts) {
            match node {
                Node::Broker(id) if nodes.contains(&node) => going.push(id),
                Node::Broker(_) => staying = true,
                Node::ZooKeeper => {}
            }
        }
        if options.force || going.is_empty() || !staying {
            return Ok(Vec::new());
        }
        self.check_spared(spec, &going, "restart").await
    }

    async fn roll(
        &self,
        spec: &ClusterSpec,
        nodes: &[Node],
        stop: &StopOptions,
    ) -> Result<StartReport> {
        let mut report = StartReport::default();
        if nodes.contains(&Node::ZooKeeper) {
            // Brokers live on without it for a session timeout; it is back well before.
            self.cycle(spec, Node::ZooKeeper, stop).await?;
            report.started.push(Node::ZooKeeper);
        }
        let mut left: Vec<BrokerId> = spec
            .brokers
            .iter()
            .map(|broker| broker.id)
            .filter(|id| nodes.contains(&Node::Broker(*id)))
            .collect();
        while !left.is_empty() {
            self.cancel.check()?;
            // Asked anew each time: the controller moves when its broker stops.
            let controller = self.zookeeper_facts(spec).await.ok().and_then(|f| f.controller);
            let at = left.iter().position(|id| Some(*id) != controller).unwrap_or(0);
            let broker = left.remove(at);
            match self.roll_one(spec, broker, stop, &mut report).await {
                Ok(controller) => report.controller = controller,
                Err(error) => {
                    return Err(report.started.iter().fold(error, |error, node| {
                        error.with_evidence(format!("{node} is restarted"))
                    }));
                }
            }
        }
        Ok(report)
    }

    async fn roll_one(
        &self,
        spec: &ClusterSpec,
        broker: BrokerId,
        stop: &StopOptions,
        report: &mut StartReport,
    ) -> Result<Option<BrokerId>> {
        if !stop.force {
            let findings = self.check_spared(spec, &[broker], "restart").await?;
            report.findings.extend(findings);
        }
        let controller = self.cycle(spec, Node::Broker(broker), stop).await?;
        report.started.push(Node::Broker(broker));
        let health = self.await_in_sync(spec).await?;
        self.note(&format!("broker {broker} restarted, {} partitions in sync", health.partitions));
        Ok(controller)
    }

    async fn cycle(
        &self,
        spec: &ClusterSpec,
        node: Node,
        stop: &StopOptions,
    ) -> Result<Option<BrokerId>> {
        let facts = self.node_facts(spec).await?;
        self.stop_nodes(spec, &[node], &facts, stop).await?;
        self.launch(spec, &[node]).await?;
        self.await_ready(spec, &[node]).await
    }
}
