//! `cluster list`: the clusters of this host and those attached, each with its state now.

use std::sync::Arc;
use std::time::Duration;

use kafsh_cluster::Engine;
use kafsh_cluster::store::Attached;
use kafsh_model::snapshot::ProcessState;
use kafsh_model::{ClusterName, Error, Result};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{common, orphans};
use crate::call::Call;
use crate::context::Context;
use crate::flow::{Column, Output, Show, View, column, column_as};
use crate::spec::{CommandSpec, Example};

/// Longest that one cluster is asked for its state.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

const COLUMNS: &[Column] = &[
    column("name", "NAME"),
    column_as("current", "CURRENT", Show::Tick),
    column("kind", "KIND"),
    column("state", "STATE"),
    column("nodes_up", "UP"),
    column("nodes", "OF"),
    column("kafka", "KAFKA"),
    column("bootstrap", "BOOTSTRAP"),
    column("remark", "REMARK"),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "list"],
    summary: "list the clusters of this host and those attached, with their state now",
    detail: "For clusters of this host, processes are looked at; attached ones are asked, for at \
             most two seconds. `cluster status` says more.",
    examples: &[
        Example { line: "cluster list", about: "all of them" },
        Example {
            line: "cluster list | jq '[.[] | select(.state == \"running\") | .name]'",
            about: "names of those that run",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let current = match call.session.cluster() {
        Some(name) => Some(name),
        None if call.session.is_prompt() => call.context.store.current()?.map(|n| n.to_string()),
        None => None,
    };
    let engine = common::engine(&call);
    // Asked while our own are looked at: one that is silent costs its whole time-out.
    let mut asked = JoinSet::new();
    for attached in call.context.store.attached()? {
        let context = Arc::clone(&call.context);
        asked.spawn(async move { theirs(&context, &attached).await });
    }
    let mut rows = Vec::new();
    for name in call.context.store.list()? {
        rows.push(ours(&call, engine.as_ref().ok(), &name).await);
    }
    let mut others = Vec::new();
    while let Some(row) = asked.join_next().await {
        others.push(row.map_err(|e| Error::bug(format!("a cluster could not be asked: {e}")))?);
    }
    others.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    rows.extend(others);
    for row in &mut rows {
        row["current"] = json!(row["name"].as_str() == current.as_deref());
    }
    let empty = rows.is_empty();
    let notes = orphans::notes(&call);
    let output = Output { notes, ..Output::value(Value::Array(rows), View::Rows(COLUMNS)) };
    Ok(if empty { output.note("no clusters yet; start with: cluster up demo") } else { output })
}

/// One that cannot be read is shown as such: it must not hide the others.
async fn ours(call: &Call, engine: Option<&Engine>, name: &ClusterName) -> Value {
    let spec = match call.context.store.load_spec(name) {
        Ok(spec) => spec,
        Err(error) => {
            return json!({
                "name": name.to_string(), "kind": "managed", "state": "damaged",
                "reason": error.to_string(),
            });
        }
    };
    let facts = match engine {
        Some(engine) => common::facts(engine, &spec, &spec.nodes()).await.ok(),
        None => None,
    };
    let up = facts.as_ref().map(|all| {
        let running = |process: &ProcessState| matches!(process, ProcessState::Running { .. });
        all.iter().filter(|facts| running(&facts.process)).count()
    });
    let nodes = spec.nodes().len();
    let state = match up {
        None => "unknown",
        Some(0) => "stopped",
        Some(up) if up == nodes => "running",
        Some(_) => "partial",
    };
    let orphaned = spec.ephemeral && call.context.store.lost_owner(name).is_some();
    json!({
        "name": name.to_string(),
        "kind": "managed",
        "state": state,
        "nodes_up": up,
        "nodes": nodes,
        "kafka": spec.kafka,
        "bootstrap": spec.bootstrap(),
        "ephemeral": spec.ephemeral,
        "orphaned": orphaned,
        "remark": match (spec.ephemeral, orphaned) {
            (false, _) => Value::Null,
            (true, false) => json!("ephemeral"),
            (true, true) => json!("ephemeral, its shell is gone"),
        },
    })
}

async fn theirs(context: &Context, attached: &Attached) -> Value {
    let asked = async {
        let target = context.target(attached.name.as_str())?;
        context.admin(&target)?.cluster().await
    };
    let view = tokio::time::timeout(PROBE_TIMEOUT, asked).await;
    let (state, up) = match &view {
        Ok(Ok(view)) => match (&attached.cluster_id, &view.cluster_id) {
            (Some(pinned), Some(now)) if pinned != now => ("another-cluster", None),
            _ => ("running", Some(view.brokers.len())),
        },
        _ => ("unreachable", None),
    };
    json!({
        "name": attached.name.to_string(),
        "kind": if attached.read_only { "attached, read-only" } else { "attached" },
        "state": state,
        "nodes_up": up,
        "nodes": Value::Null,
        "kafka": Value::Null,
        "bootstrap": attached.bootstrap,
        "ephemeral": false,
        "orphaned": false,
    })
}
