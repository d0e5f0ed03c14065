//! `zookeeper ls [PATH]`: the children of a znode.

use kafsh_model::Result;
use serde_json::Value;

use super::path::open;
use crate::call::Call;
use crate::flow::{Output, View};
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, Kind, Needs};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["zookeeper", "ls"],
    summary: "list the children of a znode",
    detail: "Paths are below Kafka's chroot. Brokers are in /brokers/ids, topics in \
             /brokers/topics, the controller is /controller.",
    args: &[ArgSpec {
        name: "path",
        kind: Kind::Znode,
        arity: Arity::Optional,
        help: "the znode; without it, `/`",
    }],
    needs: Needs::Cluster,
    examples: &[
        Example { line: "zookeeper ls /brokers/ids", about: "brokers that are registered" },
        Example { line: "zk ls /", about: "what Kafka keeps there" },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let path = call.args.opt_text("path").unwrap_or_else(|| "/".to_string());
    let (zookeeper, whole) = open(&call, &path).await?;
    let mut children = zookeeper.children(&whole).await?;
    children.sort();
    let names = children.into_iter().map(Value::String).collect();
    Ok(Output::value(Value::Array(names), View::Plain))
}
