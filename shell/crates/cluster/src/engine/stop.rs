//! Stops nodes in order, and the faults made on purpose: kill, pause, resume.

mod told;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use kafsh_model::plan::Node;
use kafsh_model::port::Signal;
use kafsh_model::snapshot::{NodeFacts, ProcessState};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{BrokerId, Class, Error, Result};

use self::told::Lost;
use super::nodes::{alive, known};
use super::report::{StopOptions, StopReport, Stopped};
use super::{Engine, KILL_DEADLINE, STOP_DEADLINE};

/// Longest that a broker is given to end by itself which nobody can take partitions from.
const LOST_DEADLINE: Duration = Duration::from_secs(5);

impl Engine {
    /// Stops `nodes`: the brokers together, ZooKeeper after the last broker is gone. When some
    /// brokers of the cluster go on running, refuses what would take a partition under its
    /// `min.insync.replicas`, unless `force`. Nodes that are not running are passed over.
    ///
    /// # Errors
    /// `under-min-isr` (refused); `stop-needs-zookeeper` (refused); `brokers-need-zookeeper`
    /// (refused) where ZooKeeper is to stop and a broker is not; `stop-timed-out` with `--force` as
    /// the way on; `locked`; `interrupted`.
    pub async fn stop(
        &self,
        spec: &ClusterSpec,
        nodes: &[Node],
        options: &StopOptions,
    ) -> Result<StopReport> {
        let _lock = self.store.lock(&spec.name, &self.command)?;
        known(spec, nodes)?;
        let facts = self.node_facts(spec).await?;
        let mut findings = Vec::new();
        let stopping = |node: Node| nodes.contains(&node);
        let staying: Vec<Node> = alive(&facts).filter(|node| !stopping(*node)).collect();
        let staying_broker = staying.iter().find(|node| matches!(node, Node::Broker(_)));
        if let (true, Some(broker), false) =
            (stopping(Node::ZooKeeper), staying_broker, options.force)
        {
            return Err(Error::refused(
                "brokers-need-zookeeper",
                format!("ZooKeeper is not stopped while {broker} runs"),
            )
            .with_cause("a broker that has lost ZooKeeper cannot hand over its partitions")
            .with_next(format!("cluster stop {}", spec.name)));
        }
        let brokers: Vec<BrokerId> = alive(&facts)
            .filter(|node| stopping(*node))
            .filter_map(|node| match node {
                Node::Broker(id) => Some(id),
                Node::ZooKeeper => None,
            })
            .collect();
        if staying_broker.is_some() && !brokers.is_empty() && !options.force {
            findings = self.check_spared(spec, &brokers, "stop").await?;
        }
        let mut report = self.stop_nodes(spec, nodes, &facts, options).await?;
        report.findings.splice(0..0, findings);
        Ok(report)
    }

    /// Whether brokers that end can hand over their partitions first, by the nodes' `facts`.
    pub(super) async fn lost_handover(
        &self,
        spec: &ClusterSpec,
        facts: &[NodeFacts],
    ) -> Option<Lost> {
        let lives = |f: &NodeFacts| f.node == Node::ZooKeeper && f.process.is_alive();
        let known = |f: &NodeFacts| f.data.iter().any(|dir| dir.cluster_id.is_some());
        match self.zookeeper_facts(spec).await {
            Err(_) if facts.iter().any(lives) => Some(Lost::Silent),
            Err(_) => Some(Lost::Gone),
            Ok(told) if told.cluster_id.is_none() && facts.iter().any(known) => Some(Lost::Wiped),
            Ok(_) => None,
        }
    }

    /// Brokers together, then ZooKeeper; no lock, and no check but that brokers can hand over their
    /// partitions, which `force` passes over.
    ///
    /// # Errors
    /// `stop-needs-zookeeper` (refused; nothing was stopped); `stop-timed-out`; `interrupted`.
    pub(super) async fn stop_nodes(
        &self,
        spec: &ClusterSpec,
        nodes: &[Node],
        facts: &[NodeFacts],
        options: &StopOptions,
    ) -> Result<StopReport> {
        let stopping: Vec<&NodeFacts> = facts.iter().filter(|f| nodes.contains(&f.node)).collect();
        let mut report = StopReport::default();
        let (zookeeper, brokers): (Vec<&NodeFacts>, Vec<&NodeFacts>) = stopping
            .iter()
            .filter(|f| f.process.is_alive())
            .partition(|f| f.node == Node::ZooKeeper);
        for facts in &zookeeper {
            // It is stopped last, and the brokers need it until then.
            if matches!(facts.process, ProcessState::Paused { .. }) {
                self.runtime.signal(spec, facts.node, Signal::Resume).await?;
            }
        }
        let mut deadline = options.deadline.unwrap_or(STOP_DEADLINE);
        if !brokers.is_empty()
            && let Some(lost) = self.lost_handover(spec, facts).await
        {
            if !options.force {
                return Err(lost.refusal(spec));
            }
            report.findings.push(told::without_zookeeper(spec, lost));
            self.note("brokers stop without handing over their partitions: ZooKeeper is gone");
            deadline = options.deadline.unwrap_or(LOST_DEADLINE);
        }
        let options = &StopOptions { deadline: Some(deadline), ..options.clone() };
        for wave in [brokers, zookeeper] {
            let stops = wave.into_iter().map(|facts| self.stop_node(spec, facts, options));
            let outcomes = self.cancel.run(async { Ok(join_all(stops).await) }).await?;
            let mut late: Vec<Error> = Vec::new();
            for outcome in outcomes {
                match outcome {
                    Ok(stopped) => {
                        report.findings.extend(
                            stopped.recovering.then(|| told::in_recovery(spec, stopped.node)),
                        );
                        report
                            .findings
                            .extend(stopped.killed.then(|| told::was_killed(spec, &stopped)));
                        report.stopped.push(stopped);
                    }
                    Err(error) => late.push(error),
                }
            }
            if let Some(first) = late.into_iter().next() {
                return Err(report.stopped.iter().fold(first, |error, stopped| {
                    error.with_evidence(format!("{} is stopped", stopped.node))
                }));
            }
        }
        self.void_proof(spec, facts)?;
        // What died before is told about once; a stop puts the record in order.
        for facts in stopping {
            if matches!(facts.process, ProcessState::Died { .. }) {
                self.runtime.forget(spec, facts.node).await?;
            }
        }
        Ok(report)
    }

    async fn stop_node(
        &self,
        spec: &ClusterSpec,
        facts: &NodeFacts,
        options: &StopOptions,
    ) -> Result<Stopped> {
        let node = facts.node;
        let begin = Instant::now();
        if matches!(facts.process, ProcessState::Paused { .. }) {
            // A stopped process does not see SIGTERM before it goes on.
            self.runtime.signal(spec, node, Signal::Resume).await?;
        }
        let recovering = self.recovery(spec, node).await.is_some();
        self.runtime.signal(spec, node, Signal::Terminate).await?;
        let deadline = options.deadline.unwrap_or(STOP_DEADLINE);
        let (mut killed, mut threads) = (false, None);
        let exit = match self.runtime.wait_exit(spec, node, deadline).await {
            Ok(exit) => exit,
            Err(error) if error.class == Class::TimedOut && options.force => {
                killed = true;
                threads = self.runtime.thread_dump(spec, node).await.ok();
                self.store.clear_proven(&spec.name)?;
                self.note(&format!("{node} did not end in time and is killed"));
                self.runtime.signal(spec, node, Signal::Kill).await?;
                self.runtime.wait_exit(spec, node, KILL_DEADLINE).await?
            }
            Err(error) if error.class == Class::TimedOut => {
                let after = begin.elapsed();
                let doing = match self.runtime.thread_dump(spec, node).await {
                    Ok(path) => format!("what its threads do: {path}"),
                    Err(error) => error.message,
                };
                return Err(told::stop_late(spec, node, facts, after).with_evidence(doing));
            }
            Err(error) => return Err(error),
        };
        let after = self.runtime.node(spec, node).await?;
        self.runtime.forget(spec, node).await?;
        let clean = !killed && (node == Node::ZooKeeper || after.data.iter().all(|dir| dir.clean));
        let elapsed = begin.elapsed();
        let what = if clean { "stopped" } else { "stopped, log recovery at its next start" };
        self.node_event(node, what, clean, elapsed);
        Ok(Stopped { node, clean, killed, threads, recovering, exit: Some(exit), elapsed })
    }

    /// SIGKILL, and waits until it is gone. The node then counts as died.
    ///
    /// # Errors
    /// `not-running`; `locked`.
    pub async fn kill(&self, spec: &ClusterSpec, node: Node) -> Result<Duration> {
        let _lock = self.store.lock(&spec.name, &self.command)?;
        self.alive_node(spec, node).await?;
        self.store.clear_proven(&spec.name)?;
        let begin = Instant::now();
        self.runtime.signal(spec, node, Signal::Kill).await?;
        self.runtime.wait_exit(spec, node, KILL_DEADLINE).await?;
        let elapsed = begin.elapsed();
        self.node_event(node, "killed", false, elapsed);
        Ok(elapsed)
    }

    /// SIGSTOP: the process stays and answers nothing.
    ///
    /// # Errors
    /// `not-running`; `locked`.
    pub async fn pause(&self, spec: &ClusterSpec, node: Node) -> Result<()> {
        let _lock = self.store.lock(&spec.name, &self.command)?;
        self.alive_node(spec, node).await?;
        self.runtime.signal(spec, node, Signal::Pause).await
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// `not-running`; `locked`.
    pub async fn resume(&self, spec: &ClusterSpec, node: Node) -> Result<()> {
        let _lock = self.store.lock(&spec.name, &self.command)?;
        self.alive_node(spec, node).await?;
        self.runtime.signal(spec, node, Signal::Resume).await
    }

    async fn alive_node(&self, spec: &ClusterSpec, node: Node) -> Result<NodeFacts> {
        known(spec, &[node])?;
        let facts = self.runtime.node(spec, node).await?;
        if facts.process.is_alive() {
            return Ok(facts);
        }
        Err(Error::failed("not-running", format!("{node} is not running"))
            .with_next(format!("cluster status {}", spec.name)))
    }
}
