//! Undoes what a run did, from its end to its beginning. Only the engine undoes: a step that broke
//! cannot be asked to.

use std::time::Duration;

use kafsh_model::plan::Node;
use kafsh_model::snapshot::Snapshot;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Error, Result};

use super::Engine;
use super::actions::{Did, Run};
use super::data::holds_data;
use super::observe::none_if_absent;
use super::patience::bounded;
use super::prove::PROBE_TOPIC;
use super::report::StopOptions;
use crate::cancel::Cancel;
use crate::store::{Event, Journal, JournalEnd};

/// Longest that a server being undone may take to end in order, before it is killed. It has served
/// nobody.
const UNDO_STOP_DEADLINE: Duration = Duration::from_secs(20);

/// Longest that one question may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);

/// What came of undoing.
#[derive(Debug, Default)]
pub(super) struct Undone {
    pub done: Vec<String>,
    pub left: Vec<String>,
}

impl Undone {
    fn put(&mut self, what: String, outcome: Result<()>) {
        match outcome {
            Ok(()) => self.done.push(what),
            Err(error) => self.left.push(format!("not {what}: {error}")),
        }
    }
}

impl Engine {
    /// Undoes a run and closes its journal. `old` is the spec from before; `None`: the cluster is
    /// new.
    pub(super) async fn undo(
        &self,
        run: Run<'_>,
        old: Option<&ClusterSpec>,
        mut journal: Journal,
    ) -> Undone {
        // The interrupt that led here must not end the way back, too.
        let engine = self.clone().with_cancel(Cancel::new());
        let keep_data = engine.may_hold_records(&run).await;
        let new = old.is_none() && is_untouched(run.before);
        let mut undone = Undone::default();
        let spec = run.spec;
        let mut again = Vec::new();
        for did in run.did.iter().rev() {
            match did {
                Did::Topic(topic) => {
                    let deleted = bounded(ASK_TIMEOUT, engine.delete_topic(spec, topic)).await;
                    undone.put(format!("deleted topic {topic}"), deleted);
                }
                Did::Started(nodes) => engine.stop_started(spec, nodes, &mut undone).await,
                Did::Properties(node, before) if !new && !before.is_empty() => {
                    // The runtime lets a file say only what its spec says.
                    let of = old.filter(|old| old.nodes().contains(node)).unwrap_or(spec);
                    let written = engine.runtime.write_properties(of, *node, before).await;
                    undone.put(format!("restored the properties of {node}"), written);
                }
                Did::Directories(node) if !new && !keep_data && is_new(run.before, *node) => {
                    let wiped = engine.runtime.wipe(spec, *node).await;
                    undone.put(format!("removed the new data of {node}"), wiped);
                }
                Did::Archived(unit) if keep_data => {
                    undone.left.push(format!("the earlier data is in the archive `{unit}`"));
                }
                Did::Archived(unit) => {
                    let restored = engine.bring_back(spec, unit).await;
                    undone.put(format!("restored the data of `{unit}`"), restored);
                }
                Did::Stopped(nodes) => again.extend(nodes.iter().copied()),
                Did::Properties(..) | Did::Directories(_) | Did::Served => {}
            }
        }
        if !again.is_empty() {
            let started = engine.restart_stopped(spec, &again).await;
            undone.put(format!("started again: {}", list(&again)), started);
        }
        for line in &undone.done {
            // The work is done; that it cannot be written down changes nothing about it.
            let _ = journal.write(Event::Undone { what: line.clone() });
        }
        let end = if undone.left.is_empty() { JournalEnd::Undone } else { JournalEnd::Left };
        let _ = journal.write(Event::Ended { end });
        engine.put_back(spec, old, new && !keep_data, &mut undone).await;
        if keep_data {
            undone
                .left
                .push(format!("the data, since topics were made in it: {}", folder(self, spec)));
        }
        undone
    }

    /// Everything that was there is in the unit: what is there now was made by this run, holds no
    /// records, and would be in the way.
    async fn bring_back(&self, spec: &ClusterSpec, unit: &str) -> Result<()> {
        for facts in self.node_facts(spec).await?.iter().filter(|facts| holds_data(facts)) {
            self.runtime.wipe(spec, facts.node).await?;
        }
        self.runtime.restore(spec, unit).await
    }

    async fn stop_started(&self, spec: &ClusterSpec, nodes: &[Node], undone: &mut Undone) {
        let options = StopOptions { force: true, deadline: Some(UNDO_STOP_DEADLINE) };
        let outcome = match self.node_facts(spec).await {
            Ok(facts) => self.stop_nodes(spec, nodes, &facts, &options).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(report) => {
                for stopped in report.stopped {
                    let during = match stopped.recovering {
                        true => ", in the middle of its log recovery (begins again at its start)",
                        false => "",
                    };
                    undone.done.push(format!("stopped {}{during}", stopped.node));
                }
            }
            Err(error) => undone.left.push(format!("{}: {error}", list(nodes))),
        }
    }

    async fn restart_stopped(&self, spec: &ClusterSpec, nodes: &[Node]) -> Result<()> {
        if nodes.contains(&Node::ZooKeeper) {
            self.launch(spec, &[Node::ZooKeeper]).await?;
            self.await_ready(spec, &[Node::ZooKeeper]).await?;
        }
        let brokers: Vec<Node> =
            nodes.iter().copied().filter(|node| *node != Node::ZooKeeper).collect();
        self.launch(spec, &brokers).await
    }

    /// The spec from before; of a cluster that was new, nothing at all.
    async fn put_back(
        &self,
        spec: &ClusterSpec,
        old: Option<&ClusterSpec>,
        remove: bool,
        undone: &mut Undone,
    ) {
        if let Some(old) = old {
            if old != spec {
                undone.put("restored the spec".to_string(), self.store.save_spec(old));
            }
            return;
        }
        let all_stopped = match self.node_facts(spec).await {
            Ok(facts) => super::nodes::alive(&facts).next().is_none(),
            Err(_) => false,
        };
        if !remove || !all_stopped {
            undone.left.push(format!("cluster `{}` in {}", spec.name, folder(self, spec)));
            return;
        }
        let outcome = match self.runtime.destroy(spec, false).await {
            Ok(()) => self.store.remove(&spec.name),
            Err(error) => Err(error),
        };
        undone.put("removed the new cluster's folders".to_string(), outcome);
    }

    /// True where somebody may have written records that an undo would delete.
    async fn may_hold_records(&self, run: &Run<'_>) -> bool {
        let brokers = |did: &Did| match did {
            Did::Started(nodes) => nodes.iter().any(|node| matches!(node, Node::Broker(_))),
            _ => false,
        };
        if !run.did.iter().any(brokers) {
            return false;
        }
        let chroot = run.spec.zookeeper.chroot.as_deref().unwrap_or("");
        let path = format!("{chroot}/brokers/topics");
        let ask = async {
            let zookeeper = self.zookeeper(run.spec)?;
            zookeeper.status(ASK_TIMEOUT).await?;
            none_if_absent(zookeeper.children(&path).await)
        };
        match bounded(ASK_TIMEOUT, ask).await {
            Ok(topics) => {
                topics.unwrap_or_default().iter().any(|topic| !topic.starts_with(PROBE_TOPIC))
            }
            // Nobody tells; then only brokers that never served are known to hold nothing.
            Err(_) => run.did.contains(&Did::Served),
        }
    }
}

/// An error with what was undone, what is left, and how to go on.
pub(super) fn explain(mut error: Error, undone: &Undone, spec: &ClusterSpec) -> Error {
    if !undone.done.is_empty() {
        error.evidence.push(format!("undone: {}", undone.done.join(", ")));
    }
    for left in &undone.left {
        error.evidence.push(format!("left: {left}"));
    }
    let again = format!("cluster up {}", spec.name);
    let mut go_on = vec![again];
    if !undone.left.is_empty() {
        go_on.push(format!("cluster destroy {}", spec.name));
    }
    for next in go_on {
        if error.next.len() < 3 && !error.next.contains(&next) {
            error.next.push(next);
        }
    }
    error
}

fn list(nodes: &[Node]) -> String {
    nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

pub(super) fn folder(engine: &Engine, spec: &ClusterSpec) -> String {
    let own = engine.store.cluster_dir(&spec.name).display().to_string();
    spec.data_dir.clone().map_or(own.clone(), |data| format!("{own} and {data}"))
}

/// No node had data, or ran, before.
fn is_untouched(before: &Snapshot) -> bool {
    before.nodes.iter().all(|facts| is_new(before, facts.node) && !facts.process.is_alive())
}

fn is_new(before: &Snapshot, node: Node) -> bool {
    before.node(node).is_none_or(|facts| facts.data.iter().all(|dir| !dir.exists || dir.empty))
}
