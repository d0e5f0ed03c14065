//! `kafka verify [VERSION]`: holds every jar against the published list.

use kafsh_model::Result;
use kafsh_model::plan::Severity;
use serde_json::{Value, json};

use crate::call::Call;
use crate::flow::{Column, Output, Show, View, column, column_as};
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, Kind};

const COLUMNS: &[Column] = &[
    column("version", "VERSION"),
    column_as("ok", "OK", Show::Tick),
    column("jars", "JARS"),
    column_as("messages", "FOUND", Show::Sentences),
    column("libs", "FOLDER"),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["kafka", "verify"],
    summary: "hold every installed jar against the SHA-256 list that kafsh carries",
    detail: "Without a version, all of them. The status is 1 where a jar differs or is missing.",
    args: &[ArgSpec {
        name: "version",
        kind: Kind::Text,
        arity: Arity::Optional,
        help: "for example 3.9.2",
    }],
    examples: &[Example { line: "kafka verify", about: "all that are installed" }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let distributions = call.context.distributions.clone();
    let versions = match call.args.opt_text("version") {
        Some(version) => vec![version],
        None => distributions.list()?.into_iter().map(|found| found.version).collect(),
    };
    let mut rows = Vec::new();
    let mut failed = 0;
    for version in versions {
        let found = distributions.find(&version)?;
        let findings = distributions.verify(&version)?;
        let bad = findings.iter().any(|finding| finding.severity == Severity::Problem);
        failed += usize::from(bad);
        let messages: Vec<&String> = findings.iter().map(|finding| &finding.message).collect();
        rows.push(json!({
            "version": version,
            "ok": !bad,
            "jars": found.jars.len(),
            "messages": messages,
            "findings": findings,
            "libs": found.libs.display().to_string(),
        }));
    }
    let empty = rows.is_empty();
    let output = Output::value(Value::Array(rows), View::Rows(COLUMNS)).failed(failed);
    Ok(if empty { output.note("none is installed; start with: kafka install") } else { output })
}
