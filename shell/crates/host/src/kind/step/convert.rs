//! What is the same in both directions.

use kafsh_model::plan::Node;

use super::types;

pub(super) fn lower_node(node: Node) -> types::Node {
    match node {
        Node::ZooKeeper => types::Node::Zookeeper,
        Node::Broker(id) => types::Node::Broker(id),
    }
}

pub(super) fn lift_node(node: types::Node) -> Node {
    match node {
        types::Node::Zookeeper => Node::ZooKeeper,
        types::Node::Broker(id) => Node::Broker(id),
    }
}
