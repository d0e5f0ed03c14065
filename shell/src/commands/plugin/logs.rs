//! `plugin logs [NAME]`: what plugins logged, and what went wrong with them.

use kafsh_model::Result;
use serde_json::{Value, json};

use super::rows::in_background;
use crate::call::Call;
use crate::flow::{Column, Output, Show, View, column, column_as};
use crate::plugins::PluginRegistry;
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, FlagSpec, Kind};

const COLUMNS: &[Column] = &[
    column_as("time_ms", "TIME", Show::Time),
    column("plugin", "PLUGIN"),
    column("level", "LEVEL"),
    column("text", "TEXT"),
];

/// Lines that are shown where no number is given.
const LINES: usize = 100;
/// Lines that may be asked for: more than both files of a plugin hold.
const LINES_MAX: i64 = 100_000;

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "logs"],
    summary: "show the last lines that plugins logged, and how calls of them failed",
    detail: "The lines of all clusters and scripts of this user, the oldest first; at most 2 MiB \
             of them are kept for each plugin. Without a name those of all plugins. --denied keeps \
             the lines of kafsh itself: calls that it ended (a trap, a limit of time, memory or \
             stack, a nonsensical answer) and transforms that it refused to run (not granted, \
             disabled, changed, not locked); `code` says which. What a policy refused, and steps \
             that were refused, are changes: `audit --failed` has them.",
    args: &[ArgSpec {
        name: "name",
        kind: Kind::AnyPlugin,
        arity: Arity::Optional,
        help: "a plugin of `plugin list`",
    }],
    flags: &[
        FlagSpec::value("count", "N", Kind::Int(1, LINES_MAX), "so many lines (default 100)")
            .short('n'),
        FlagSpec::value("since", "DURATION", Kind::Duration, "not older than this"),
        FlagSpec::switch("denied", "only calls that kafsh ended or refused"),
    ],
    examples: &[
        Example { line: "plugin logs preflight", about: "the last 100 lines" },
        Example { line: "plugin logs --denied --since 1h", about: "what was stopped, of any" },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

/// Which lines are wanted.
struct Wanted {
    name: Option<String>,
    count: usize,
    since_ms: Option<i64>,
    denied: bool,
}

async fn run(call: Call) -> Result<Output> {
    let count = call.args.opt_int("count")?.and_then(|count| usize::try_from(count).ok());
    let wanted = Wanted {
        name: call.args.opt_text("name"),
        count: count.unwrap_or(LINES),
        since_ms: call.args.opt_duration("since")?.map(crate::args::ago),
        denied: call.args.switch("denied"),
    };
    let plugins = call.context.plugins.clone();
    let empty = match (&wanted.name, wanted.denied) {
        (_, true) => "no call that fits was ended or refused".to_string(),
        (Some(name), false) => format!("`{name}` logged nothing"),
        (None, false) => "no plugin logged anything".to_string(),
    };
    let lines = in_background(move || lines(&plugins, &wanted)).await?;
    let is_empty = lines.is_empty();
    let output = Output::value(Value::Array(lines), View::Rows(COLUMNS));
    Ok(if is_empty { output.note(empty) } else { output })
}

fn lines(plugins: &PluginRegistry, wanted: &Wanted) -> Result<Vec<Value>> {
    let names = match &wanted.name {
        Some(name) => {
            if plugins.bundled(name)?.is_none() {
                plugins.store.get(name)?;
            }
            vec![name.clone()]
        }
        None => plugins.logs.names()?,
    };
    let fits = |line: &Value| {
        let time_ms = line["time_ms"].as_i64().unwrap_or(0);
        wanted.since_ms.is_none_or(|since| time_ms >= since)
            && (!wanted.denied || line["code"].is_string())
    };
    let mut kept = Vec::new();
    for name in names {
        let mut lines = plugins.logs.read(&name, usize::MAX)?;
        lines.retain(fits);
        // More of one plugin than are shown of all are never among the last.
        lines.drain(..lines.len().saturating_sub(wanted.count));
        lines.iter_mut().for_each(|line| line["plugin"] = json!(name));
        kept.extend(lines);
    }
    kept.sort_by_key(|line| line["time_ms"].as_i64());
    kept.drain(..kept.len().saturating_sub(wanted.count));
    Ok(kept)
}
