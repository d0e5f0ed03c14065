//! `cluster up [CLUSTER]`: from a wish to a cluster with every gate green.

use kafsh_cluster::engine::report::{UpOptions, UpReport};
use kafsh_cluster::spec::diff;
use kafsh_model::Result;
use serde_json::json;

use super::common::{self, DRY_RUN};
use super::orphans;
use super::plan::planned;
use super::request::{self, Wish, wish};
use crate::call::Call;
use crate::commands::kafka::provide;
use crate::flow::{Column, Output, View, column};
use crate::spec::{CommandSpec, Effect, Example};

const FIELDS: &[Column] =
    &[column("bootstrap", "bootstrap"), column("data", "data"), column("next", "next")];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "up"],
    summary: "make a cluster if it is missing, start it, and wait until every gate is green",
    detail: "Checks ports, Java, memory and disk first, and starts nothing while something is in \
             the way. A cluster that exists keeps what is not named: without flags, `up` makes it \
             run. With other settings it shows the difference and refuses; --apply makes it so. \
             What a failed run has done is undone, unless --keep. Brokers go on running when the \
             shell ends, unless the cluster was made with --ephemeral. Kafka itself is installed \
             where it is missing.",
    args: &[request::NAME_ARG],
    flags: request::wish_flags![request::EPHEMERAL, request::APPLY, request::KEEP, DRY_RUN],
    effect: Effect::Write,
    examples: &[
        Example { line: "cluster up demo", about: "make it run, whatever its state" },
        Example {
            line: "cluster up lab --brokers 3 --base-port 9191",
            about: "three brokers on 9191 to 9193",
        },
        Example {
            line: "cluster up lab --base-port auto --config num.partitions=3 --dry-run",
            about: "what would be done",
        },
    ],
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let Wish { spec, existing } = wish(&call)?;
    let engine = common::engine(&call)?;
    if call.args.switch("dry-run") {
        let missing = provide::missing(&call, &spec.kafka)?;
        let mut output = planned(&engine, &spec).await?;
        if let Some(old) = &existing {
            output.notes.extend(diff(old, &spec).iter().map(|line| format!("differs: {line}")));
        }
        if missing {
            output.notes.push(format!("Kafka {} would be installed first", spec.kafka));
        }
        return Ok(output);
    }
    provide::ensure(&call, &spec.kafka).await?;
    let options = UpOptions { apply: call.args.switch("apply"), keep: call.args.switch("keep") };
    let report = engine.up(&spec, &options).await?;
    let name = spec.name.to_string();
    // Only who made it ends it: what another shell made, or one before, is not ours to delete.
    if spec.ephemeral && report.made {
        call.session.forget_ephemeral(&name);
        call.session.push_ephemeral(name.clone());
    }
    let given = call.session.given_cluster().filter(|given| *given != name);
    call.session.use_cluster(Some(name.clone()));
    if call.session.is_prompt() {
        call.context.store.set_current(Some(&spec.name))?;
    }
    let output = shown(&call, &report);
    Ok(match given {
        Some(given) => output.note(format!(
            "`-C {given}` holds no longer: from here on commands work on `{name}`; `@{given}` \
             before one picks `{given}`"
        )),
        None => output,
    })
}

fn shown(call: &Call, report: &UpReport) -> Output {
    let spec = &report.spec;
    let replication = spec.brokers.len().min(3);
    let data = match &spec.data_dir {
        Some(folder) => format!("{folder}/{}", spec.name),
        None => call.context.store.cluster_dir(&spec.name).display().to_string(),
    };
    let next = match spec.client().is_empty() {
        true => format!("topic create test --partitions 10 --replication-factor {replication}"),
        // Topics are made over plain listeners.
        false => "cluster status".to_string(),
    };
    let value = json!({
        "name": spec.name.to_string(),
        "bootstrap": spec.bootstrap(),
        "zookeeper": spec.zookeeper_connect(),
        "data": data,
        "controller": report.controller,
        "ephemeral": spec.ephemeral,
        "changed": !report.plan.is_empty() || !report.applied.is_empty(),
        "elapsed_ms": common::millis(report.elapsed),
        "next": next,
    });
    let mut output = Output::value(value, View::Record { fields: FIELDS, sections: &[] });
    output.notes = common::notes(&report.findings);
    output.notes.extend(report.applied.iter().map(|line| format!("applied: {line}")));
    let ours = call.session.ends(spec.name.as_str());
    let lost = orphans::notes(call);
    let said = call.context.store.lost_owner(&spec.name).is_some();
    output.notes.extend(lost);
    if spec.ephemeral && !ours && !said {
        let name = &spec.name;
        output.notes.push(format!("`{name}` was there before: `cluster destroy {name}` ends it"));
    }
    if report.plan.is_empty() && report.applied.is_empty() {
        return output.note("nothing to do: every gate was green already");
    }
    match spec.ephemeral && ours {
        true => output.note("the cluster goes away when you leave"),
        false if call.context.rehearsing => output.note("a rehearsal: nothing of it stays"),
        false => output.note("brokers keep running when you leave"),
    }
}
