//! `topic add-partitions NAME --total N`.

use kafsh_model::{Error, Result};
use serde_json::json;

use super::describe::missing;
use super::settle::{lacks_partitions, on_every_broker};
use crate::call::Call;
use crate::flow::{Column, Output, View, column};
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, Example, FlagSpec, Kind, Needs};

const COLUMNS: &[Column] =
    &[column("name", "NAME"), column("before", "BEFORE"), column("partitions", "PARTITIONS")];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["topic", "add-partitions"],
    summary: "give a topic more partitions",
    detail: "Partitions cannot be taken away again. Keys move: the partition of a key is its hash \
             modulo their number, so that records of one key are then in two partitions, and their \
             order across both is lost.",
    args: &[ArgSpec { name: "name", kind: Kind::Topic, arity: Arity::One, help: "the topic" }],
    flags: &[
        FlagSpec::value("total", "N", Kind::Int(1, 100_000), "how many there are to be in all")
            .alias(&["to", "partitions"]),
        FlagSpec::switch("dry-run", "let the brokers check it, change nothing"),
    ],
    effect: Effect::Write,
    needs: Needs::Cluster,
    examples: &[Example {
        line: "topic add-partitions test --total 20 --dry-run",
        about: "checked only",
    }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let name = call.args.text("name")?;
    let total = call.args.opt_int("total")?.and_then(|n| i32::try_from(n).ok());
    let total = total.ok_or_else(|| {
        Error::usage("missing-argument", "how many partitions in all?")
            .with_next(format!("topic add-partitions {name} --total 20"))
    })?;
    let dry_run = call.args.switch("dry-run");
    if !dry_run {
        call.check_writable().await?;
    }
    let admin = call.admin()?;
    let names = [name.clone()];
    let found = admin.topics(Some(&names)).await?;
    let before = found.first().map(|topic| topic.partitions.len()).ok_or_else(|| missing(&name))?;
    let wanted = usize::try_from(total).unwrap_or(0);
    if wanted <= before {
        let message = format!("topic `{name}` has {before} partitions already");
        return Err(Error::usage("invalid-partitions", message)
            .with_cause("their number can only grow")
            .with_next(format!("topic add-partitions {name} --total {}", before + 1)));
    }
    // Policies may have made another number of it.
    let total = admin.add_partitions(&name, total, dry_run).await?;
    if !dry_run {
        let wanted = usize::try_from(total).unwrap_or(0);
        let lacks = |_: &str, topic: Option<&_>| lacks_partitions(topic, Some(wanted));
        let mut late = on_every_broker(admin.as_ref(), &names, lacks).await?;
        if let Some((_, error)) = late.pop() {
            return Err(error);
        }
    }
    let row = json!({ "name": name, "before": before, "partitions": total });
    let output = Output::value(row, View::Rows(COLUMNS));
    Ok(match dry_run {
        true => output.note("dry run: the brokers would take this; nothing was changed"),
        false => output.note("keys move: records of one key may now be in two partitions"),
    })
}
