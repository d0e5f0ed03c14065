//! `cluster create [CLUSTER]`: writes everything and starts nothing.

use kafsh_cluster::engine::report::UpOptions;
use kafsh_model::Result;
use kafsh_model::plan::Action;
use serde_json::json;

use super::common::{self, DRY_RUN};
use super::request::{self, wish};
use crate::call::Call;
use crate::commands::kafka::provide;
use crate::flow::{Column, Output, View, column};
use crate::spec::{CommandSpec, Effect, Example};

const FIELDS: &[Column] =
    &[column("name", "created"), column("folder", "folder"), column("next", "next")];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "create"],
    summary: "write a cluster's spec, folders and properties, and start nothing",
    detail: "The properties can be read before anything runs; `cluster up` then starts it. Ports \
             are kept for the cluster from now on.",
    args: &[request::NAME_ARG],
    flags: request::wish_flags![request::APPLY, DRY_RUN],
    effect: Effect::Write,
    examples: &[Example {
        line: "cluster create lab --brokers 3 --base-port 9191",
        about: "look at its files before it runs",
    }],
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let spec = wish(&call)?.spec;
    let engine = common::engine(&call)?;
    let folder = call.context.store.cluster_dir(&spec.name).display().to_string();
    let value = |written: Vec<String>| {
        json!({
            "name": spec.name.to_string(),
            "folder": folder,
            "bootstrap": spec.bootstrap(),
            "zookeeper": spec.zookeeper_connect(),
            "written": written,
            "next": format!("cluster up {}", spec.name),
        })
    };
    let layout = |action: &&Action| {
        matches!(action, Action::CreateDirectories { .. } | Action::WriteProperties { .. })
    };
    let view = View::Record { fields: FIELDS, sections: &[] };
    if call.args.switch("dry-run") {
        let (_, plan) = engine.dry_run(&spec).await?;
        let would: Vec<String> = plan.actions().filter(layout).map(ToString::to_string).collect();
        let notes = would.iter().map(|line| format!("would {line}")).collect();
        return Ok(Output { notes, ..Output::value(value(would), view) });
    }
    provide::ensure(&call, &spec.kafka).await?;
    let options = UpOptions { apply: call.args.switch("apply"), keep: false };
    let report = engine.create(&spec, &options).await?;
    let written = report.plan.actions().filter(layout).map(ToString::to_string).collect();
    let notes = common::notes(&report.findings);
    Ok(Output { notes, ..Output::value(value(written), view) })
}
