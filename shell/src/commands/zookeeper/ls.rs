//! `zookeeper ls [PATH]`: the children of a znode.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafsh_model::Result;
use kafsh_model::port::{ZnodeData, ZooKeeper};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::path::open;
use super::sessions::shown;
use crate::call::Call;
use crate::flow::{Column, Output, Show, View, column, column_as};
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, FlagSpec, Kind, Needs};

const COLUMNS: &[Column] = &[
    column("name", "NAME"),
    column("children", "CHILDREN"),
    column("bytes", "BYTES"),
    column("ephemeral_owner", "OWNED BY SESSION"),
    column_as("modified_ms", "MODIFIED", Show::Time),
];

/// Children that `--long` reads: each is a request.
const LONG_MAX: usize = 1_000;
/// Of them side by side.
const AT_ONCE: usize = 16;

pub static SPEC: CommandSpec = CommandSpec {
    path: &["zookeeper", "ls"],
    summary: "list the children of a znode",
    detail: "Paths are below Kafka's chroot. Brokers are in /brokers/ids, topics in \
             /brokers/topics, the controller is /controller. With --long each child is read too, \
             at most 1000 of them: how many children it has, its size, and the session that it \
             goes away with.",
    args: &[ArgSpec {
        name: "path",
        kind: Kind::Znode,
        arity: Arity::Optional,
        help: "the znode; without it, `/`",
    }],
    flags: &[FlagSpec::switch("long", "read each child: children, size, owner, time").short('l')],
    needs: Needs::Cluster,
    examples: &[
        Example { line: "zookeeper ls /brokers/ids", about: "brokers that are registered" },
        Example { line: "zookeeper ls / --long", about: "which have children" },
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
    if call.args.switch("long") {
        return long(zookeeper, &whole, children, call.target()?.timeout).await;
    }
    let names = children.into_iter().map(Value::String).collect();
    Ok(Output::value(Value::Array(names), View::Plain))
}

/// A row for each child, in order; what was not read in time, or is beyond the bound, is null.
async fn long(
    zookeeper: Arc<dyn ZooKeeper>,
    parent: &str,
    children: Vec<String>,
    within: Duration,
) -> Result<Output> {
    let deadline = Instant::now() + within;
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (index, name) in children.iter().enumerate().take(LONG_MAX) {
        let (zookeeper, turns) = (zookeeper.clone(), turns.clone());
        let path = format!("{}/{name}", parent.trim_end_matches('/'));
        tasks.spawn(async move {
            let _turn = turns.acquire_owned().await.ok()?;
            Some((index, zookeeper.get(&path).await.ok()?))
        });
    }
    let mut found: BTreeMap<usize, ZnodeData> = BTreeMap::new();
    while let Ok(Some(joined)) = timeout_at(deadline, tasks.join_next()).await {
        found.extend(joined.ok().flatten());
    }
    let row = |(index, name): (usize, &String)| {
        let znode = found.get(&index);
        let owner = znode.map(|znode| znode.ephemeral_owner).filter(|owner| *owner != 0);
        json!({
            "name": name,
            "children": znode.map(|znode| znode.children),
            "ephemeral": znode.map(|znode| znode.ephemeral_owner != 0),
            "ephemeral_owner": owner.map(shown),
            "bytes": znode.map(|znode| znode.data.len()),
            "version": znode.map(|znode| znode.version),
            "modified_ms": znode.map(|znode| znode.modified_ms),
        })
    };
    let rows = children.iter().enumerate().map(row).collect();
    let output = Output::value(Value::Array(rows), View::Rows(COLUMNS));
    Ok(match children.len() - found.len() {
        0 => output,
        unread => output.note(format!("{unread} of {} znodes were not read", children.len())),
    })
}
