//! Nodes by themselves: which there are, and which of them live.

use kafsh_model::plan::Node;
use kafsh_model::snapshot::NodeFacts;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Error, Result};

/// That every node is one of the spec's.
pub(super) fn known(spec: &ClusterSpec, nodes: &[Node]) -> Result<()> {
    let all = spec.nodes();
    match nodes.iter().find(|node| !all.contains(node)) {
        None => Ok(()),
        Some(node) => Err(Error::not_found(
            "broker-not-found",
            format!("cluster `{}` has no {node}", spec.name),
        )
        .with_next(format!("@{} broker list", spec.name))),
    }
}

/// Those with a process, paused ones too.
pub(super) fn alive(facts: &[NodeFacts]) -> impl Iterator<Item = Node> {
    facts.iter().filter(|facts| facts.process.is_alive()).map(|facts| facts.node)
}
