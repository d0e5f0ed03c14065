//! `cluster archive [CLUSTER]`: moves all data aside, as one unit.

use kafsh_model::Result;
use serde_json::{Value, json};

use super::common::{self, CLUSTER_ARG, DRY_RUN};
use crate::call::Call;
use crate::flow::{Column, Output, Show, View, column, column_as};
use crate::spec::{CommandSpec, Effect, Example, FlagSpec, Kind};

const FIELDS: &[Column] = &[
    column("unit", "archived"),
    column_as("bytes", "size", Show::Size),
    column("next", "to undo"),
];

/// The names alone: they are typed again, so none may be cut.
pub const UNITS: &[Column] = &[column("unit", "UNIT")];

const DATA: &[Column] =
    &[column("node", "NODE"), column("path", "PATH"), column_as("bytes", "SIZE", Show::Size)];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "archive"],
    summary: "move ZooKeeper's data and every log.dirs aside, as one unit",
    detail: "Nothing is deleted: the cluster starts empty, with a new cluster id, and `cluster \
             restore` brings the whole unit back. ZooKeeper and brokers belong together: one \
             without the other does not start. The cluster has to be stopped.",
    args: &[CLUSTER_ARG],
    flags: &[
        FlagSpec::value("reason", "TEXT", Kind::Text, "a word or two, to know the unit by"),
        FlagSpec::switch("list", "list the units there are"),
        DRY_RUN,
    ],
    effect: Effect::Write,
    reads: |args| args.has("list") || args.has("dry-run"),
    examples: &[
        Example { line: "cluster archive demo --list", about: "what was moved aside" },
        Example { line: "cluster archive demo --dry-run", about: "what would be moved" },
    ],
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let spec = common::managed(&call)?;
    let engine = common::engine(&call)?;
    if call.args.switch("list") {
        let units = units(&engine.archives(&spec).await?, spec.name.as_str());
        let some = units.as_array().is_some_and(|units| !units.is_empty());
        let note = match some {
            true => format!("to bring one back: cluster restore {} UNIT", spec.name),
            false => "nothing was moved aside".to_string(),
        };
        return Ok(Output::value(units, View::Rows(UNITS)).note(note));
    }
    let facts = common::facts(&engine, &spec, &spec.nodes()).await?;
    let held = common::held_data(&facts);
    if call.args.switch("dry-run") {
        let rows: Value = held
            .iter()
            .map(|(node, path, bytes)| {
                json!({ "node": node.to_string(), "path": path, "bytes": bytes })
            })
            .collect();
        let output = Output::value(rows, View::Rows(DATA));
        let running = facts.iter().any(|facts| facts.process.is_alive());
        return Ok(match (running, held.is_empty()) {
            (true, _) => output.note(format!("first: cluster stop {}", spec.name)),
            (_, true) => output.note("the cluster holds no data"),
            _ => output,
        });
    }
    let reason = call.args.opt_text("reason").unwrap_or_else(|| "by hand".to_string());
    let unit = engine.archive(&spec, &reason).await?;
    let bytes: u64 = held.iter().map(|(_, _, bytes)| bytes).sum();
    let next = format!("cluster restore {} {unit}", spec.name);
    let value =
        json!({ "name": spec.name.to_string(), "unit": unit, "bytes": bytes, "next": next });
    Ok(Output::value(value, View::Record { fields: FIELDS, sections: &[] }))
}

/// Rows of [`UNITS`], oldest first.
pub fn units(names: &[String], cluster: &str) -> Value {
    let row = |unit: &String| {
        let next = format!("cluster restore {cluster} {unit}");
        json!({ "unit": unit, "next": next })
    };
    names.iter().map(row).collect()
}
