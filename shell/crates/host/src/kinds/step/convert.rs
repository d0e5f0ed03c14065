//! What is the same in both directions.

use kafsh_model::plan::Node;

use super::types;

pub(super) fn lower_node(node: Node) -> types::Node {
    match node {
        Node::ZooKeeper => types::Node::Zookeeper,
        Node::Broker(id) => types::Node::Broker(id),
    }
}

/// `None`: a node of a kind that this host does not know.
pub(super) fn lift_node(node: &types::Node) -> Option<Node> {
    match node {
        types::Node::Zookeeper => Some(Node::ZooKeeper),
        types::Node::Broker(id) => Some(Node::Broker(*id)),
        types::Node::Other(_) => None,
    }
}
