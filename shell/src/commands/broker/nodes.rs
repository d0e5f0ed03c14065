//! Broker ids of a command as nodes.

use kafsh_model::plan::Node;
use kafsh_model::{BrokerId, Error, Result};

use crate::call::Call;
use crate::spec::{ArgSpec, Arity, Kind};

pub const BROKER: ArgSpec =
    ArgSpec { name: "broker", kind: Kind::Broker, arity: Arity::One, help: "the broker's id" };

pub const BROKERS: ArgSpec =
    ArgSpec { name: "broker", kind: Kind::Broker, arity: Arity::Many, help: "ids of brokers" };

/// The brokers named, each once.
///
/// # Errors
/// `bad-value`.
pub fn named(call: &Call) -> Result<Vec<Node>> {
    let mut nodes = Vec::new();
    for text in call.args.texts("broker") {
        let id: BrokerId = text
            .parse()
            .map_err(|_| Error::usage("bad-value", format!("`{text}` is no broker id")))?;
        if !nodes.contains(&Node::Broker(id)) {
            nodes.push(Node::Broker(id));
        }
    }
    Ok(nodes)
}
