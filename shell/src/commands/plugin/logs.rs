//! `plugin logs NAME`: what a plugin logged, and what went wrong with it.

use kafsh_model::Result;
use serde_json::Value;

use super::rows::{NAME, in_background};
use crate::call::Call;
use crate::flow::{Column, Output, Show, View, column, column_as};
use crate::spec::{CommandSpec, Example, FlagSpec, Kind};

const COLUMNS: &[Column] =
    &[column_as("time_ms", "TIME", Show::Time), column("level", "LEVEL"), column("text", "TEXT")];

/// Lines that are shown where no number is given.
const LINES: usize = 100;
/// Lines that may be asked for: more than both files of a plugin hold.
const LINES_MAX: i64 = 100_000;

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "logs"],
    summary: "show the last lines that a plugin logged",
    detail: "The lines of all clusters and scripts of this user, the oldest first; at most 2 MiB \
             of them are kept for each plugin.",
    args: &[NAME],
    flags: &[FlagSpec::value("count", "N", Kind::Int(1, LINES_MAX), "so many lines (default 100)")
        .short('n')],
    examples: &[Example { line: "plugin logs preflight", about: "the last 100 lines" }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let name = call.args.text("name")?;
    let count = call.args.opt_int("count")?.and_then(|count| usize::try_from(count).ok());
    let plugins = call.context.plugins.clone();
    let shown = name.clone();
    let lines = in_background(move || {
        if plugins.bundled(&name)?.is_none() {
            plugins.store.get(&name)?;
        }
        plugins.logs.read(&name, count.unwrap_or(LINES))
    });
    let lines = lines.await?;
    let empty = lines.is_empty();
    let output = Output::value(Value::Array(lines), View::Rows(COLUMNS));
    Ok(if empty { output.note(format!("`{shown}` logged nothing")) } else { output })
}
