//! `kafka remove VERSION`.

use kafsh_cluster::distribution::Source;
use kafsh_model::{Error, Result};
use serde_json::json;

use super::list::users;
use crate::call::Call;
use crate::commands::cluster::common::DRY_RUN;
use crate::flow::{Column, Output, View, column};
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, Example, FlagSpec, Kind, LocalFuture};

const FIELDS: &[Column] = &[column("version", "removed"), column("folder", "folder")];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["kafka", "remove"],
    summary: "delete an installed version of Kafka",
    detail: "Refuses while a cluster uses it. A release in KAFKA_HOME is not ours to delete.",
    args: &[ArgSpec {
        name: "version",
        kind: Kind::Text,
        arity: Arity::One,
        help: "a version of `kafka list`",
    }],
    flags: &[FlagSpec::switch("if-exists", "no error where it is not installed"), DRY_RUN],
    effect: Effect::Destructive,
    examples: &[Example { line: "kafka remove 3.9.1 --if-exists --yes", about: "make room" }],
    question: Some(|call| -> LocalFuture<'_, Result<Option<String>>> { Box::pin(question(call)) }),
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

/// The folder of a version that may be removed; `None`: there is none, and that is no error.
fn removable(call: &Call) -> Result<Option<String>> {
    let version = call.args.text("version")?;
    let installed = call.context.distributions.list()?;
    let ours = installed.iter().find(|d| d.version == version && d.source == Source::Store);
    let Some(ours) = ours else {
        if call.args.switch("if-exists") {
            return Ok(None);
        }
        let message = format!("Kafka `{}` is not installed", version.escape_debug());
        return Err(Error::not_found("kafka-not-installed", message).with_next("kafka list"));
    };
    let users = users(call, &version)?;
    if let Some(first) = users.first() {
        return Err(Error::refused("kafka-in-use", format!("Kafka {version} is in use"))
            .with_evidence(format!("by {}", users.join(", ")))
            .with_cause("a cluster could not be started without the jars it was made with")
            .with_next(format!("cluster destroy {first}")));
    }
    let folder = ours.libs.parent().unwrap_or(&ours.libs);
    Ok(Some(folder.display().to_string()))
}

async fn question(call: &Call) -> Result<Option<String>> {
    Ok(removable(call)?.map(|folder| format!("delete {folder}?")))
}

async fn run(mut call: Call) -> Result<Output> {
    let version = call.args.text("version")?;
    let Some(folder) = removable(&call)? else {
        return Ok(Output::nothing().note(format!("Kafka {version} is not installed")));
    };
    let value = json!({ "version": version, "folder": folder });
    let output = Output::value(value, View::Record { fields: FIELDS, sections: &[] });
    if call.args.switch("dry-run") {
        return Ok(output.note("nothing was deleted (--dry-run)"));
    }
    let _spent = call.confirmed()?;
    call.context.distributions.remove(&version)?;
    Ok(output)
}
