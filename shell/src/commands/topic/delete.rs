//! `topic delete NAME…`.

use std::collections::BTreeSet;
use std::time::Duration;

use kafsh_model::port::Admin;
use kafsh_model::{Error, Result};
use serde_json::{Value, json};

use super::describe::{missing, offsets};
use super::settle::{existing, on_every_broker};
use crate::call::Call;
use crate::flow::{Column, Output, View, column};
use crate::spec::{
    ArgSpec, Arity, CommandSpec, Effect, Example, FlagSpec, Kind, LocalFuture, Needs,
};

const COLUMNS: &[Column] =
    &[column("name", "NAME"), column("result", "RESULT"), column("error", "ERROR")];

/// How long counting records for the question may take.
const COUNT_WAIT: Duration = Duration::from_secs(2);

pub static SPEC: CommandSpec = CommandSpec {
    path: &["topic", "delete"],
    summary: "delete topics with all their records, and wait until every broker forgot them",
    args: &[ArgSpec { name: "name", kind: Kind::Topic, arity: Arity::Many, help: "the topics" }],
    flags: &[
        FlagSpec::switch("if-exists", "a topic that does not exist is no failure"),
        FlagSpec::switch("dry-run", "say what would be deleted, delete nothing"),
    ],
    effect: Effect::Destructive,
    needs: Needs::Cluster,
    examples: &[
        Example { line: "topic delete test --dry-run", about: "what would be lost" },
        Example { line: "topic delete old --if-exists --yes", about: "without a question" },
    ],
    question: Some(question),
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

fn question(call: &Call) -> LocalFuture<'_, Result<Option<String>>> {
    Box::pin(async move {
        call.check_writable().await?;
        let admin = call.admin()?;
        let names = names(call);
        let there = there(call, admin.as_ref(), &names).await?;
        if there.is_empty() {
            return Ok(None);
        }
        let loss = loss(admin.as_ref(), &there).await?;
        Ok(Some(format!("delete {loss}? They cannot be brought back")))
    })
}

/// Each once.
fn names(call: &Call) -> Vec<String> {
    call.args.texts("name").into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The named topics that exist; one that does not is an error, unless it may be missing.
async fn there(call: &Call, admin: &dyn Admin, names: &[String]) -> Result<Vec<String>> {
    let existing = existing(admin, names).await?;
    if let Some(name) = names.iter().find(|name| !existing.contains(*name))
        && !call.args.switch("if-exists")
    {
        return Err(missing(name));
    }
    Ok(existing.into_iter().collect())
}

/// `topics `a`, `b` (12 partitions, 1042 records)`
async fn loss(admin: &dyn Admin, names: &[String]) -> Result<String> {
    let topics = admin.topics(Some(names)).await?;
    let partitions: usize = topics.iter().map(|topic| topic.partitions.len()).sum();
    let counted = tokio::time::timeout(COUNT_WAIT, offsets(admin, &topics)).await;
    let records = match counted {
        Ok(Ok(offsets)) if offsets.len() == partitions => crate::records::sending::records(
            offsets.values().map(|(start, end)| (end - start).unsigned_abs()).sum(),
        ),
        _ => "an unknown number of records".to_string(),
    };
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let plural = if names.len() == 1 { "topic" } else { "topics" };
    let partitions = match partitions {
        1 => "1 partition".to_string(),
        many => format!("{many} partitions"),
    };
    let own = if topics.iter().any(|topic| topic.internal) { ", Kafka's own data" } else { "" };
    Ok(format!("{plural} {} ({partitions}, {records}{own})", quoted.join(", ")))
}

async fn run(mut call: Call) -> Result<Output> {
    let admin = call.admin()?;
    let names = names(&call);
    let there = there(&call, admin.as_ref(), &names).await?;
    if call.args.switch("dry-run") {
        let against = crate::policy::against_deletion(&call, &there).await?;
        let row = |name: &String| {
            let denied = against.iter().find(|(denied, _)| denied == name).map(|(_, error)| error);
            let result = match (denied, there.contains(name)) {
                (Some(_), _) => "denied",
                (None, true) => "would-be-deleted",
                (None, false) => "absent",
            };
            json!({ "name": name, "result": result, "error": denied.map(ToString::to_string) })
        };
        if let ([_], [(_, error)]) = (names.as_slice(), against.as_slice()) {
            return Err(error.clone());
        }
        let rows = Value::Array(names.iter().map(row).collect());
        let errors = against.iter().map(|(_, error)| error);
        let output = Output::value(rows, View::Rows(COLUMNS)).failed_by(errors);
        let denied = |name: &&String| against.iter().any(|(denied, _)| denied == *name);
        let gone: Vec<String> = there.iter().filter(|name| !denied(name)).cloned().collect();
        return Ok(match gone.is_empty() {
            true => output.note("dry run: nothing would be deleted"),
            false => {
                let loss = loss(admin.as_ref(), &gone).await?;
                output.note(format!("dry run: nothing was deleted; it would be {loss}"))
            }
        });
    }
    call.check_writable().await?;
    let _consent = call.confirmed()?;
    let mut failures: Vec<(String, Error)> = Vec::new();
    for (name, outcome) in admin.delete_topics(&there).await? {
        match outcome {
            // Somebody else was quicker.
            Err(error) if error.code == "topic-not-found" && call.args.switch("if-exists") => {}
            Err(error) => failures.push((name, error)),
            Ok(()) => {}
        }
    }
    let failed = |failures: &[(String, Error)], name: &str| failures.iter().any(|(n, _)| n == name);
    let gone: Vec<String> = there.iter().filter(|name| !failed(&failures, name)).cloned().collect();
    if !gone.is_empty() {
        let lacks = |_: &str, topic: Option<&_>| topic.map(|_| "still knows it".to_string());
        failures.extend(on_every_broker(admin.as_ref(), &gone, lacks).await?);
    }
    if let ([_], [(_, error)]) = (names.as_slice(), failures.as_slice()) {
        return Err(error.clone());
    }
    let row = |name: &String| {
        let error = failures.iter().find(|(failed, _)| failed == name).map(|(_, error)| error);
        let result = match (error, there.contains(name)) {
            (Some(_), _) => "failed",
            (None, true) => "deleted",
            (None, false) => "absent",
        };
        json!({ "name": name, "result": result, "error": error.map(ToString::to_string) })
    };
    let rows = Value::Array(names.iter().map(row).collect());
    let errors = failures.iter().map(|(_, error)| error);
    Ok(Output::value(rows, View::Rows(COLUMNS)).failed_by(errors))
}
