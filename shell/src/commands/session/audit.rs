//! `audit`: what was changed from here, and what was refused.

use kafsh_cluster::store::AuditQuery;
use kafsh_model::{Error, Result};
use serde_json::json;

use crate::call::Call;
use crate::flow::{Column, Output, Show, View, column, column_as};
use crate::spec::{CommandSpec, Example, FlagSpec, Kind};

const COLUMNS: &[Column] = &[
    column_as("time_ms", "TIME", Show::Time),
    column("cluster", "CLUSTER"),
    column("outcome", "OUTCOME"),
    column("command", "COMMAND"),
];

/// Entries that are shown where no number is given.
const COUNT: usize = 50;
/// Entries that may be asked for: more than both files of the log hold.
const COUNT_MAX: i64 = 100_000;

pub static SPEC: CommandSpec = CommandSpec {
    path: &["audit"],
    summary: "show the commands that changed something or were refused, the newest first",
    detail: "Every command that can change something leaves a line when it ends, of whatever \
             prompt or script of this user; dry runs and commands that only read leave none. \
             OUTCOME is `done` or the code of the error (`policy-denied`: a policy refused it; \
             `item-failed`: done for some and not for others). The log is bounded: about the \
             last 8 MiB are kept.",
    flags: &[
        FlagSpec::value("since", "DURATION", Kind::Duration, "not older than this"),
        FlagSpec::switch("failed", "only what failed or was refused"),
        FlagSpec::value("count", "N", Kind::Int(1, COUNT_MAX), "so many entries (default 50)")
            .short('n'),
        FlagSpec::value("cluster", "NAME", Kind::Text, "about this cluster alone").short('C'),
    ],
    examples: &[
        Example { line: "audit", about: "the last 50 changes" },
        Example {
            line: "audit --since 1h | jq '.[] | select(.outcome == \"policy-denied\")'",
            about: "what policies refused in the last hour",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let count = call.args.opt_int("count")?.and_then(|count| usize::try_from(count).ok());
    let since_ms = call.args.opt_duration("since")?.map(crate::args::ago);
    let failed = call.args.switch("failed");
    let cluster = call.args.opt_text("cluster");
    let wanted = AuditQuery { count: count.unwrap_or(COUNT), since_ms, failed, cluster };
    let store = call.context.store.clone();
    let read = tokio::task::spawn_blocking(move || store.audit_entries(&wanted)).await;
    let entries = read.map_err(|e| Error::bug(format!("reading the audit log broke: {e}")))??;
    let empty = entries.is_empty();
    let output = Output::value(json!(entries), View::Rows(COLUMNS));
    Ok(if empty { output.note("nothing that fits was done or refused") } else { output })
}
