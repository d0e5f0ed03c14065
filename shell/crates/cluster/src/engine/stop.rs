//! Stops nodes in order, and the faults made on purpose: kill, pause, resume.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use kafsh_model::plan::{Finding, Node, Severity};
use kafsh_model::port::Signal;
use kafsh_model::snapshot::{NodeFacts, ProcessState};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{BrokerId, Class, Error, Result};

use super::nodes::{alive, known};
use super::report::{StopOptions, StopReport, Stopped};
use super::{Engine, KILL_DEADLINE, STOP_DEADLINE};

impl Engine {
    /// Stops `nodes`: the brokers together, ZooKeeper after the last broker is gone. When some
    /// brokers of the cluster go on running, refuses what would take a partition under its
    /// `min.insync.replicas`, unless `force`. Nodes that are not running are passed over.
    ///
    /// # Errors
    /// `under-min-isr` (refused); `brokers-need-zookeeper` (refused) where ZooKeeper is to stop and
    /// a broker is not; `stop-timed-out` with `--force` as the way on; `locked`; `interrupted`.
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

    /// Brokers together, then ZooKeeper; no check, no lock.
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
        if !brokers.is_empty() && self.zookeeper_facts(spec).await.is_err() {
            report.findings.push(without_zookeeper(spec));
            self.note(
                "ZooKeeper does not serve: brokers stop without handing over their partitions",
            );
        }
        for wave in [brokers, zookeeper] {
            let stops = wave.into_iter().map(|facts| self.stop_node(spec, facts, options));
            let outcomes = self.cancel.run(async { Ok(join_all(stops).await) }).await?;
            let mut late: Vec<Error> = Vec::new();
            for outcome in outcomes {
                match outcome {
                    Ok(stopped) => {
                        report
                            .findings
                            .extend(stopped.recovering.then(|| in_recovery(spec, stopped.node)));
                        report.findings.extend(stopped.killed.then(|| was_killed(spec, &stopped)));
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
                return Err(stop_late(spec, node, facts, after).with_evidence(doing));
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

fn stop_late(spec: &ClusterSpec, node: Node, facts: &NodeFacts, after: Duration) -> Error {
    let after = kafsh_model::units::show_duration(after);
    let pid = facts.process.pid().map_or(String::new(), |pid| format!(" (pid {pid})"));
    let next = match node {
        Node::Broker(id) => format!("@{} broker stop {id} --force", spec.name),
        Node::ZooKeeper => format!("cluster stop {} --force", spec.name),
    };
    Error::new(
        Class::TimedOut,
        "stop-timed-out",
        format!("{node}{pid} has not ended {after} after SIGTERM"),
    )
    .with_cause(
        "it may still be handing over partitions; killed, it recovers its logs at its next start",
    )
    .with_next(next)
}

/// It got SIGKILL, as `--force` says; what it did instead of ending is worth a look.
fn was_killed(spec: &ClusterSpec, stopped: &Stopped) -> Finding {
    let node = stopped.node;
    let logs = match node {
        Node::Broker(id) => format!("@{} broker logs {id}", spec.name),
        Node::ZooKeeper => format!("@{} cluster logs --errors", spec.name),
    };
    Finding {
        severity: Severity::Warning,
        code: "stop-forced".to_string(),
        subject: node.to_string(),
        message: format!("{node} did not end in time and was killed"),
        evidence: vec![match &stopped.threads {
            Some(path) => format!("what its threads did: {path}"),
            None => "it did not show what its threads did".to_string(),
        }],
        cause: None,
        next: vec![logs],
        safe_to_fix: false,
    }
}

/// A broker that is still loading its logs does not wait for SIGTERM's end: it halts.
fn in_recovery(spec: &ClusterSpec, node: Node) -> Finding {
    Finding {
        severity: Severity::Warning,
        code: "stopped-in-recovery".to_string(),
        subject: node.to_string(),
        message: format!("{node} was ended in the middle of its log recovery"),
        evidence: Vec::new(),
        cause: Some("nothing is lost, and the recovery begins again at its next start".into()),
        next: vec![match node {
            Node::Broker(id) => format!("@{} broker start {id}", spec.name),
            Node::ZooKeeper => format!("@{} zookeeper start", spec.name),
        }],
        safe_to_fix: false,
    }
}

fn without_zookeeper(spec: &ClusterSpec) -> Finding {
    Finding {
        severity: Severity::Warning,
        code: "stopped-without-zookeeper".to_string(),
        subject: "zookeeper".to_string(),
        message: "ZooKeeper was gone before the brokers".to_string(),
        evidence: vec![format!("nothing serves at {}", spec.zookeeper_address())],
        cause: Some("the controlled part of a broker's shutdown needs ZooKeeper".to_string()),
        next: vec![format!("cluster stop {} --force", spec.name)],
        safe_to_fix: false,
    }
}
