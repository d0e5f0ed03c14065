//! Does one action of a plan, and remembers what it takes to undo it.

use kafsh_model::Result;
use kafsh_model::plan::{Action, Node};
use kafsh_model::port::ProgressEvent;
use kafsh_model::snapshot::Snapshot;
use kafsh_model::spec::ClusterSpec;

use super::Engine;
use super::prove::PROBE_TOPIC;
use super::report::StopOptions;

/// What a run has done, in order: undone from its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Did {
    Directories(Node),
    /// The properties that were there before
    Properties(Node, Vec<(String, String)>),
    Archived(String),
    Started(Vec<Node>),
    Stopped(Vec<Node>),
    /// Every gate of brokers was green: from here on, somebody may have written to them
    Served,
    Topic(String),
}

/// A run that is under way.
pub(super) struct Run<'a> {
    pub spec: &'a ClusterSpec,
    /// As it was before the run
    pub before: &'a Snapshot,
    pub did: Vec<Did>,
}

impl Run<'_> {
    /// This run started or stopped the node.
    pub(super) fn handled(&self, node: Node) -> bool {
        self.did.iter().any(|did| match did {
            Did::Started(nodes) | Did::Stopped(nodes) => nodes.contains(&node),
            _ => false,
        })
    }
}

impl Engine {
    /// Does an action. What an interrupt could leave half done is put on the record first.
    pub(super) async fn act(&self, run: &mut Run<'_>, step: &str, action: &Action) -> Result<()> {
        let spec = run.spec;
        let words = action.to_string();
        self.progress.event(ProgressEvent::Began { step, action: &words });
        match action {
            Action::CreateDirectories { node } => {
                run.did.push(Did::Directories(*node));
                self.runtime.create_directories(spec, *node).await
            }
            Action::WriteProperties { node, properties } => {
                let before = run.before.node(*node).map(|facts| facts.properties.clone());
                run.did.push(Did::Properties(*node, before.unwrap_or_default()));
                self.runtime.write_properties(spec, *node, properties).await
            }
            Action::ArchiveData { reason } => {
                self.store.clear_proven(&spec.name)?;
                self.store.clear_cluster_id(&spec.name)?;
                let unit = self.runtime.archive(spec, reason).await?;
                self.note(&format!("data moved aside as `{unit}`"));
                run.did.push(Did::Archived(unit));
                Ok(())
            }
            Action::AwaitExpiry { broker } => {
                self.cancel.run(self.await_expiry(spec, *broker)).await
            }
            Action::Start { nodes } => {
                let facts = self.node_facts(spec).await?;
                let down =
                    |node: &&Node| !facts.iter().any(|f| f.node == **node && f.process.is_alive());
                let down: Vec<Node> = nodes.iter().filter(down).copied().collect();
                run.did.push(Did::Started(down.clone()));
                self.launch(spec, &down).await
            }
            Action::Stop { nodes } => {
                let facts = self.node_facts(spec).await?;
                let stopping: Vec<Node> =
                    super::nodes::alive(&facts).filter(|node| nodes.contains(node)).collect();
                run.did.push(Did::Stopped(stopping));
                let options = StopOptions::default();
                self.stop_nodes(spec, nodes, &facts, &options).await.map(|_| ())
            }
            Action::AwaitReady { nodes } => {
                self.await_ready(spec, nodes).await?;
                if nodes.iter().any(|node| matches!(node, Node::Broker(_))) {
                    run.did.push(Did::Served);
                }
                Ok(())
            }
            Action::CreateTopic { topic, partitions, replication_factor, configs } => {
                let made =
                    self.create_topic(spec, topic, *partitions, *replication_factor, configs);
                if topic.starts_with(PROBE_TOPIC) {
                    run.did.push(Did::Topic(topic.clone()));
                    return self.cancel.run(made).await.map(|_| ());
                }
                // Ours to undo only once it is known that it was not there before.
                if self.cancel.run(made).await? {
                    run.did.push(Did::Topic(topic.clone()));
                }
                Ok(())
            }
            Action::ProveTopic { topic, partitions } => {
                self.cancel.run(self.prove_topic(spec, topic, *partitions)).await
            }
            Action::DeleteTopic { topic } => {
                self.delete_topic(spec, topic).await?;
                run.did.retain(|did| *did != Did::Topic(topic.clone()));
                Ok(())
            }
        }
    }
}
