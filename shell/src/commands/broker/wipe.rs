//! `broker wipe ID`: deletes the data of one broker.

use kafsh_model::Result;
use kafsh_model::plan::Node;
use kafsh_model::units::show_size;
use serde_json::{Value, json};

use super::nodes::BROKER;
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
    path: &["broker", "wipe"],
    summary: "delete all data of one broker that is stopped, as a lost disk would",
    detail: "When it starts again it fetches its replicas from the others; partitions that had \
             their only replica here are lost.",
    args: &[BROKER],
    flags: &[DRY_RUN],
    effect: Effect::Destructive,
    needs: Needs::Cluster,
    examples: &[Example { line: "broker wipe 2 --dry-run", about: "what would be lost" }],
    question: Some(|call| -> LocalFuture<'_, Result<Option<String>>> { Box::pin(question(call)) }),
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

/// Folders and bytes of the broker.
async fn held(call: &Call) -> Result<Vec<(Node, String, u64)>> {
    let spec = common::managed(call)?;
    let node = Node::Broker(call.args.broker("broker")?);
    common::check_nodes(&spec, &[node])?;
    let facts = common::facts(&common::engine(call)?, &spec, &[node]).await?;
    Ok(common::held_data(&facts))
}

async fn question(call: &Call) -> Result<Option<String>> {
    let held = held(call).await?;
    let lines = held.iter().map(|(_, path, bytes)| format!("{path} ({})", show_size(*bytes)));
    let lines: Vec<String> = lines.collect();
    let id = call.args.broker("broker")?;
    let question = format!("delete all data of broker {id}: {}?", lines.join(", "));
    Ok((!lines.is_empty()).then_some(question))
}

async fn run(mut call: Call) -> Result<Output> {
    let spec = common::managed(&call)?;
    let held = held(&call).await?;
    let dry = call.args.switch("dry-run");
    let action = if dry { "would be deleted" } else { "deleted" };
    let rows: Value = held
        .iter()
        .map(|(node, path, bytes)| {
            json!({ "node": node.to_string(), "action": action, "path": path, "bytes": bytes })
        })
        .collect();
    if !dry {
        let confirmed = call.confirmed()?;
        let node = Node::Broker(call.args.broker("broker")?);
        common::engine(&call)?.wipe(&spec, node, confirmed).await?;
    }
    let output = Output::value(rows, View::Rows(COLUMNS));
    Ok(if held.is_empty() { output.note("it holds no data") } else { output })
}
