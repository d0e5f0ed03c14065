//! The five gates between "started" and "ready": the process lives, its listeners answer, it is
//! registered with the address it should have, it sees every other broker, and there is a
//! controller. Each gate watches the process too: when it ends, waiting ends at once.

use std::future::Future;
use std::time::{Duration, Instant};

use futures_util::future::{join_all, try_join_all};
use kafsh_model::plan::Node;
use kafsh_model::port::{Exit, ProgressEvent};
use kafsh_model::spec::{BrokerSpec, ClusterSpec};
use kafsh_model::{BrokerId, Class, Error, Result};

use super::observe::registration;
use super::patience::bounded;
use super::reach::{Probed, ask, greet};
use super::{Engine, POLL_FIRST, POLL_MAX};
use crate::logscan;

/// Longest that one question of a gate may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);

/// Time that brokers have at least to find each other, once the last of them answers: it may have
/// recovered its logs for longer than the others' deadline.
const TOGETHER_DEADLINE: Duration = Duration::from_secs(30);

/// Lines of a log that are looked at for the cause of a death.
const LOG_LINES: usize = 400;

/// Lines of a log that are shown where no cause was found.
const LOG_LINES_SHOWN: usize = 5;

impl Engine {
    /// Waits until every gate of `nodes` is green; returns the controller. Takes no lock.
    ///
    /// # Errors
    /// `node-died` at once when a process ends, with the lines of its log that say why, or the
    /// code of that cause; `timed-out` with the gate that stayed red; `interrupted`.
    pub async fn await_ready(
        &self,
        spec: &ClusterSpec,
        nodes: &[Node],
    ) -> Result<Option<BrokerId>> {
        self.cancel.run(self.gates(spec, nodes, Instant::now() + self.patience.ready)).await
    }

    async fn gates(
        &self,
        spec: &ClusterSpec,
        nodes: &[Node],
        deadline: Instant,
    ) -> Result<Option<BrokerId>> {
        let begin = Instant::now();
        if nodes.contains(&Node::ZooKeeper) {
            self.watched(spec, Node::ZooKeeper, deadline, self.zookeeper_gate(spec)).await?;
            self.ready_event(Node::ZooKeeper, begin.elapsed());
        }
        let brokers: Vec<&BrokerSpec> =
            spec.brokers.iter().filter(|b| nodes.contains(&Node::Broker(b.id))).collect();
        if brokers.is_empty() {
            self.ports_ours(spec, nodes).await?;
            return Ok(None);
        }
        let answers = brokers.iter().map(|broker| async {
            let node = Node::Broker(broker.id);
            self.watched(spec, node, deadline, self.answer_gate(spec, broker)).await?;
            self.ready_event(node, begin.elapsed());
            Ok(())
        });
        try_join_all(answers).await?;
        let deadline = deadline.max(Instant::now() + TOGETHER_DEADLINE);
        let expected = self.expected_brokers(spec, nodes).await?;
        let together = self.membership_gate(spec, &brokers, &expected);
        let seen = self.watched_all(spec, &brokers, deadline, together).await?;
        self.gate_event("registered", begin);
        let together = self.controller_gate(spec, &brokers, seen);
        let (controller, cluster_id) = self.watched_all(spec, &brokers, deadline, together).await?;
        // What answered has to be what was started: a port may have been taken in between.
        self.ports_ours(spec, nodes).await?;
        if let Some(id) = cluster_id {
            self.store.set_cluster_id(&spec.name, &id)?;
        }
        self.gate_event(&format!("controller {controller}"), begin);
        Ok(Some(controller))
    }

    fn gate_event(&self, what: &str, begin: Instant) {
        self.progress.event(ProgressEvent::Gate { what, elapsed: begin.elapsed() });
    }

    /// The brokers that each of them has to see: those waited for, and those that run besides.
    async fn expected_brokers(&self, spec: &ClusterSpec, nodes: &[Node]) -> Result<Vec<BrokerId>> {
        let facts = self.node_facts(spec).await?;
        let running = |id: BrokerId| {
            facts.iter().any(|f| {
                f.node == Node::Broker(id)
                    && matches!(f.process, kafsh_model::snapshot::ProcessState::Running { .. })
            })
        };
        let expected = spec.brokers.iter().map(|broker| broker.id);
        Ok(expected.filter(|id| nodes.contains(&Node::Broker(*id)) || running(*id)).collect())
    }

    async fn zookeeper_gate(&self, spec: &ClusterSpec) -> Result<()> {
        let zookeeper = self.zookeeper(spec)?;
        let status = || async { bounded(ASK_TIMEOUT, zookeeper.status(ASK_TIMEOUT)).await };
        poll(status).await.map(|_| ())
    }

    async fn answer_gate(&self, spec: &ClusterSpec, broker: &BrokerSpec) -> Result<()> {
        let admin = self.admin(spec)?;
        // Each listener by itself: what has answered is not asked again.
        let each = broker.listeners.iter().map(|listener| {
            let admin = &admin;
            poll(move || greet(&**admin, listener, ASK_TIMEOUT))
        });
        try_join_all(each).await?;
        match spec.is_open() {
            true => poll(|| ask(&*admin, broker, ASK_TIMEOUT)).await.map(drop),
            false => Ok(()),
        }
    }

    /// Registration and Metadata: each broker names all, and ZooKeeper has the right endpoints.
    async fn membership_gate(
        &self,
        spec: &ClusterSpec,
        brokers: &[&BrokerSpec],
        expected: &[BrokerId],
    ) -> Result<Vec<Probed>> {
        let seen = poll(|| async {
            let seen = self.ask_all(spec, brokers, ASK_TIMEOUT).await?;
            for broker in &seen {
                if let Some(missing) = expected.iter().find(|id| !broker.sees.contains(id)) {
                    let message = format!("broker {} does not see broker {missing}", broker.id);
                    return Err(Error::unavailable("not-registered", message));
                }
            }
            Ok(seen)
        });
        let seen = seen.await?;
        let zookeeper = self.zookeeper(spec)?;
        let chroot = spec.zookeeper.chroot.as_deref().unwrap_or("");
        // Where brokers cannot be asked for each other, registrations stand for that, too.
        let wanted: Vec<&BrokerSpec> = match spec.is_open() {
            true => brokers.to_vec(),
            false => spec.brokers.iter().filter(|b| expected.contains(&b.id)).collect(),
        };
        let registered = || async {
            let asks = wanted.iter().map(|b| registration(&*zookeeper, chroot, b.id));
            let found = bounded(ASK_TIMEOUT, try_join_all(asks)).await?;
            for (broker, found) in wanted.iter().zip(found) {
                let endpoints = found.map(|found| found.endpoints).unwrap_or_default();
                if let Some(missing) = missing_endpoint(broker, &endpoints) {
                    let message = format!("broker {} is not registered at {missing}", broker.id);
                    let error = Error::unavailable("not-registered", message);
                    return Err(error.with_evidence(endpoints.join(", ")));
                }
            }
            Ok(())
        };
        poll(registered).await?;
        Ok(seen)
    }

    /// A controller that Metadata (where it can be asked for) and `/controller` agree on, and the
    /// cluster's id.
    async fn controller_gate(
        &self,
        spec: &ClusterSpec,
        brokers: &[&BrokerSpec],
        seen: Vec<Probed>,
    ) -> Result<(BrokerId, Option<String>)> {
        let mut first = Some(seen);
        let mut pause = POLL_FIRST;
        loop {
            let seen = match first.take() {
                Some(seen) => Ok(seen),
                None => self.ask_all(spec, brokers, ASK_TIMEOUT).await,
            };
            let recorded = self.zookeeper_facts(spec).await;
            if let (Ok(seen), Ok(recorded)) = (seen, recorded) {
                let agreed = recorded.controller.filter(|controller| {
                    seen.iter().all(|broker| broker.controller == Some(*controller))
                });
                if let Some(controller) = agreed {
                    return Ok((controller, recorded.cluster_id));
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(POLL_MAX);
        }
    }

    /// Runs a gate until it is green, the process ends, or the deadline passes; a broker that
    /// recovers its logs moves its own.
    async fn watched<T>(
        &self,
        spec: &ClusterSpec,
        node: Node,
        deadline: Instant,
        gate: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let begin = Instant::now();
        let mut until = deadline;
        let mut recovery = None;
        tokio::pin!(gate);
        let longest = self.patience.ready + self.patience.recovery;
        let mut ended = self.runtime.wait_exit(spec, node, longest);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            tokio::select! {
                outcome = &mut gate => return outcome,
                exit = &mut ended => return match exit {
                    Ok(exit) => Err(self.died(spec, node, exit, begin.elapsed()).await),
                    Err(error) if error.class == Class::TimedOut => {
                        Err(self.late(spec, node, begin.elapsed()).await)
                    }
                    Err(error) => Err(error),
                },
                () = tokio::time::sleep(left) => {
                    match self.more_time(spec, node, begin, &mut recovery).await {
                        Some(more) => until = Instant::now() + more,
                        None => return Err(self.late(spec, node, begin.elapsed()).await),
                    }
                }
            }
        }
    }

    async fn watched_all<T>(
        &self,
        spec: &ClusterSpec,
        brokers: &[&BrokerSpec],
        deadline: Instant,
        gate: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let watch = brokers.iter().map(|broker| {
            let never = std::future::pending::<Result<()>>();
            self.watched(spec, Node::Broker(broker.id), deadline, never)
        });
        tokio::select! {
            outcome = gate => outcome,
            outcome = try_join_all(watch) => {
                outcome?;
                Err(Error::bug("a watch ended without a reason"))
            }
        }
    }

    /// Why a node is gone: by its exit and its log.
    pub(super) async fn died(
        &self,
        spec: &ClusterSpec,
        node: Node,
        exit: Exit,
        after: Duration,
    ) -> Error {
        self.node_event(node, "died", false, after);
        let how = match exit {
            Exit::Gone => String::new(),
            Exit::Status(status) => format!(" with exit status {status}"),
            Exit::Signal(signal) => format!(" by signal {signal}"),
        };
        let after = kafsh_model::units::show_duration(after);
        let message = format!("{node} ended{how} while it was starting, after {after}");
        self.with_log(spec, node, Error::failed("node-died", message)).await
    }

    async fn late(&self, spec: &ClusterSpec, node: Node, after: Duration) -> Error {
        self.node_event(node, "late", false, after);
        let after = kafsh_model::units::show_duration(after);
        let mut error = Error::timed_out(format!("{node} is not ready after {after}"));
        if let Node::Broker(id) = node
            && let Some(broker) = spec.broker(id)
        {
            error.evidence = self.silent_listeners(spec, broker, ASK_TIMEOUT).await;
        }
        self.with_log(spec, node, error).await
    }

    /// Adds what the node's log says, and which command shows more of it.
    async fn with_log(&self, spec: &ClusterSpec, node: Node, mut error: Error) -> Error {
        let lines = self.runtime.log_tail(spec, node, LOG_LINES).await.unwrap_or_default();
        let mut told = logscan::diagnose(node, &lines);
        logscan::name_cluster(&mut told, spec.name.as_str());
        match told.into_iter().next() {
            Some(finding) => {
                if error.code == "node-died" {
                    error.code = finding.code.into();
                }
                error.evidence.push(finding.message);
                error.evidence.extend(finding.evidence);
                error.cause = finding.cause;
                error.next.extend(finding.next);
            }
            None => {
                let telling = logscan::error_lines(&lines);
                let telling = if telling.is_empty() {
                    lines.iter().map(String::as_str).collect()
                } else {
                    telling
                };
                let from = telling.len().saturating_sub(LOG_LINES_SHOWN);
                error.evidence.extend(telling[from..].iter().map(ToString::to_string));
            }
        }
        let logs = match node {
            Node::Broker(id) => format!("@{} broker logs {id}", spec.name),
            Node::ZooKeeper => format!("@{} cluster logs --errors", spec.name),
        };
        if error.next.len() < 3 && !error.next.contains(&logs) {
            error.next.push(logs);
        }
        error
    }

    /// The logs of several nodes that are gone, as findings.
    pub(super) async fn diagnose(
        &self,
        spec: &ClusterSpec,
        nodes: &[Node],
    ) -> Vec<kafsh_model::plan::Finding> {
        let scans = nodes.iter().map(|node| async move {
            let lines = self.runtime.log_tail(spec, *node, LOG_LINES).await.unwrap_or_default();
            let mut told = logscan::diagnose(*node, &lines);
            logscan::name_cluster(&mut told, spec.name.as_str());
            told
        });
        join_all(scans).await.into_iter().flatten().collect()
    }
}

/// Asks again, from [`POLL_FIRST`] to [`POLL_MAX`] apart, until the answer is yes. What is not a
/// matter of time ends it at once.
async fn poll<T, F: Future<Output = Result<T>>>(mut ask: impl FnMut() -> F) -> Result<T> {
    let mut pause = POLL_FIRST;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if error.class.is_not_yet() || error.class == Class::Failed => {}
            Err(error) => return Err(error),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(POLL_MAX);
    }
}

/// A listener's advertised address that the registration lacks.
fn missing_endpoint(broker: &BrokerSpec, endpoints: &[String]) -> Option<String> {
    broker.listeners.iter().find_map(|listener| {
        let address = format!("{}:{}", listener.advertised_host, listener.advertised_port);
        let known = |endpoint: &String| {
            endpoint.split_once("://").is_some_and(|(_, registered)| {
                registered.replace(['[', ']'], "") == address.replace(['[', ']'], "")
            })
        };
        (!endpoints.iter().any(known)).then_some(address)
    })
}
