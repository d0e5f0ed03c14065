//! `cluster doctor [CLUSTER]`: what is wrong, why, and the command that mends it.

use kafsh_model::plan::{Finding, Severity};
use kafsh_model::{Error, Result};
use serde_json::{Value, json};

use super::common::{self, CLUSTER_ARG, DRY_RUN};
use super::orphans;
use crate::call::Call;
use crate::flow::{Column, Output, Show, View, column, column_as};
use crate::spec::{CommandSpec, Effect, Example, FlagSpec};

const COLUMNS: &[Column] = &[
    column("severity", "severity"),
    column("subject", "subject"),
    column("message", "finding"),
    column_as("evidence", "evidence", Show::Sentences),
    column("cause", "because"),
    column_as("next", "try", Show::Sentences),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "doctor"],
    summary: "find what is wrong with a cluster and its host, and say what mends it",
    detail: "Looks at ports, Java, memory, disk, data folders, registrations, the ends of the \
             logs of nodes that died, and the settings. --fix does what is safe: starts nodes \
             that died, wakes paused ones, waits for old registrations to expire. It never moves \
             data and never touches a process that is not ours. An ephemeral cluster whose shell \
             was killed is ended. The status is 1 while a problem stands.",
    args: &[CLUSTER_ARG],
    flags: &[FlagSpec::switch("fix", "mend what is safe to mend"), DRY_RUN],
    effect: Effect::Write,
    reads: |args| !args.has("fix") || args.has("dry-run"),
    examples: &[
        Example { line: "cluster doctor demo", about: "findings, worst first" },
        Example { line: "cluster doctor demo --fix", about: "start what died" },
    ],
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let spec = common::managed(&call)?;
    let engine = common::engine(&call)?;
    let fix = call.args.switch("fix");
    if !fix || call.args.switch("dry-run") {
        let findings = engine.doctor(&spec).await?;
        let mut output = shown(&findings)?;
        output.notes.extend(orphans::notes(&call));
        if !fix {
            return Ok(output);
        }
        let safe = findings.iter().filter(|finding| finding.safe_to_fix);
        let notes = safe.map(|finding| format!("would mend: {}", finding.message));
        output.notes.extend(notes);
        return Ok(output);
    }
    let report = engine.doctor_fix(&spec).await?;
    if !call.context.store.exists(&spec.name) {
        call.session.forget_ephemeral(spec.name.as_str());
        let notes = report.done.iter().map(|done| format!("mended: {done}")).collect();
        return Ok(Output { notes, ..Output::value(json!([]), View::Blocks(COLUMNS)) });
    }
    // Looked at anew: what was mended is gone, and so is what came of it.
    let left = engine.doctor(&spec).await?;
    let problems = left.iter().any(|finding| finding.severity == Severity::Problem);
    let mut output = shown(&left)?;
    output.notes = report.done.iter().map(|done| format!("mended: {done}")).collect();
    if report.done.is_empty() {
        output.notes.push(match problems {
            true => "nothing of this is mended without being asked".to_string(),
            false => "nothing was there to mend".to_string(),
        });
    }
    Ok(output)
}

fn shown(findings: &[Finding]) -> Result<Output> {
    let rows: Vec<Value> = findings
        .iter()
        .map(serde_json::to_value)
        .collect::<Result<_, _>>()
        .map_err(|e| Error::bug(format!("a finding cannot be written: {e}")))?;
    let problems = findings.iter().filter(|f| f.severity == Severity::Problem).count();
    let output = Output {
        failed_as: Some(("problem found", "problems found")),
        ..Output::value(json!(rows), View::Blocks(COLUMNS)).failed(problems)
    };
    Ok(match findings.is_empty() {
        true => output.note("nothing found"),
        false => output,
    })
}
