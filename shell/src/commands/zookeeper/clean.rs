//! `zookeeper clean`: deletes ZooKeeper's data, and only while no broker has any.

use kafsh_model::plan::Node;
use kafsh_model::units::show_size;
use kafsh_model::{Error, Result};
use serde_json::{Value, json};

use crate::call::Call;
use crate::commands::cluster::common::{self, DRY_RUN};
use crate::flow::{Column, Output, Show, View, column, column_as};
use crate::spec::{CommandSpec, Effect, Example, LocalFuture, Needs};

const COLUMNS: &[Column] = &[
    column("node", "NODE"),
    column("action", "ACTION"),
    column("path", "PATH"),
    column_as("bytes", "SIZE", Show::Size),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["zookeeper", "clean"],
    summary: "delete ZooKeeper's snapshots and logs of an earlier life",
    detail: "Refuses while brokers hold data: a new ZooKeeper makes a new cluster id, and no \
             broker starts with data of another. `cluster archive` moves both aside together.",
    flags: &[DRY_RUN],
    effect: Effect::Destructive,
    needs: Needs::Cluster,
    examples: &[Example { line: "zookeeper clean --dry-run", about: "what would be deleted" }],
    question: Some(|call| -> LocalFuture<'_, Result<Option<String>>> { Box::pin(question(call)) }),
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

type Held = Vec<(Node, String, u64)>;

/// What ZooKeeper and what the brokers hold.
async fn held(call: &Call) -> Result<(Held, Held)> {
    let spec = common::managed(call)?;
    let facts = common::facts(&common::engine(call)?, &spec, &spec.nodes()).await?;
    Ok(common::held_data(&facts).into_iter().partition(|(node, _, _)| *node == Node::ZooKeeper))
}

/// Refused before it is asked: nobody should agree to what will not be done.
fn refuse(call: &Call, brokers: &Held) -> Result<()> {
    let Some((node, path, _)) = brokers.first() else { return Ok(()) };
    let name = common::managed(call)?.name;
    Err(Error::refused(
        "brokers-hold-data",
        "ZooKeeper's data is not deleted while brokers hold data",
    )
    .with_evidence(format!("{node}: {path}"))
    .with_cause("a new ZooKeeper makes a new cluster id, and no broker starts with data of another")
    .with_next(format!("cluster archive {name}"))
    .with_next(format!("cluster destroy {name}")))
}

async fn question(call: &Call) -> Result<Option<String>> {
    let (zookeeper, brokers) = held(call).await?;
    refuse(call, &brokers)?;
    let lines: Vec<String> = zookeeper
        .iter()
        .map(|(_, path, bytes)| format!("{path} ({})", show_size(*bytes)))
        .collect();
    Ok((!lines.is_empty()).then(|| format!("delete ZooKeeper's data: {}?", lines.join(", "))))
}

async fn run(mut call: Call) -> Result<Output> {
    let spec = common::managed(&call)?;
    let (zookeeper, brokers) = held(&call).await?;
    let dry = call.args.switch("dry-run");
    if !dry {
        refuse(&call, &brokers)?;
        let confirmed = call.confirmed()?;
        common::engine(&call)?.zookeeper_clean(&spec, confirmed).await?;
    }
    let action = if dry { "would be deleted" } else { "deleted" };
    let rows: Value = zookeeper
        .iter()
        .map(|(node, path, bytes)| {
            json!({ "node": node.to_string(), "action": action, "path": path, "bytes": bytes })
        })
        .collect();
    let output = Output::value(rows, View::Rows(COLUMNS));
    Ok(match (zookeeper.is_empty(), dry && !brokers.is_empty()) {
        (_, true) => output.note("it would be refused: brokers hold data (see `cluster archive`)"),
        (true, _) => output.note("ZooKeeper holds no data"),
        _ => output,
    })
}
