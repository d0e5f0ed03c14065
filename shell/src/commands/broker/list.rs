//! `broker list`: the brokers there are, and those there should be.

use std::collections::BTreeMap;

use kafsh_cluster::engine::report::{ClusterStatus, NodeStatus};
use kafsh_model::topic::TopicDescription;
use kafsh_model::{BrokerId, Result};
use serde_json::{Value, json};

use super::disks;
use crate::call::Call;
use crate::commands::cluster::{common, foreign};
use crate::context::Known;
use crate::flow::{Column, Output, Show, View, column, column_as};
use crate::spec::{CommandSpec, Example, Needs};

const COLUMNS: &[Column] = &[
    column("broker", "ID"),
    column("state", "STATE"),
    column_as("ready", "READY", Show::Tick),
    column_as("controller", "CONTROLLER", Show::Tick),
    column("endpoints", "ENDPOINTS"),
    column("leaders", "LEADERS"),
    column("replicas", "REPLICAS"),
    column("pid", "PID"),
    column_as("uptime_ms", "UP", Show::Duration),
    column_as("data_bytes", "DATA", Show::Size),
    column("rack", "RACK"),
    column_as("disk_free_bytes", "DISK LEFT", Show::Size),
    column_as("since_ms", "NOT UP SINCE", Show::Time),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["broker", "list"],
    summary: "list brokers with their state, listeners, leaders and replicas",
    detail: "`disk_free_bytes` and `disk_total_bytes` are of the disk with the least left of those \
             that hold its log.dirs; null where a broker does not tell (before Kafka 3.3, or \
             silent). `since_ms` is since when a broker that does not run has been stopped, paused \
             or gone; where that was not kafsh's doing, when it last wrote a file, which a broker \
             does every few seconds; null where it runs, or nothing tells.",
    needs: Needs::Cluster,
    examples: &[
        Example { line: "broker list", about: "of the session's cluster" },
        Example {
            line: "broker list | jq '[.[] | select(.controller) | .broker]'",
            about: "the controller's id",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let (rows, disks) = tokio::join!(rows(&call), disks::ask(&call, false));
    let (mut rows, _) = rows?;
    rows.iter_mut().for_each(|row| disks::add(row, &disks));
    Ok(Output::value(Value::Array(rows), View::Rows(COLUMNS)))
}

/// A row for each broker, and the topics where a broker could be asked for them.
///
/// # Errors
/// `unavailable` where no broker of a cluster that is not ours answers.
pub async fn rows(call: &Call) -> Result<(Vec<Value>, Option<Vec<TopicDescription>>)> {
    if common::unregistered(call) {
        return over_admin(call).await;
    }
    match call.context.known(common::name(call)?.as_str())? {
        Known::Attached(_) => over_admin(call).await,
        Known::Managed(spec) => {
            let status = common::engine(call)?.status(&spec).await?;
            let topics = match status.brokers_ready {
                0 => None,
                _ => call.admin()?.topics(None).await.ok(),
            };
            let shares = topics.as_deref().map(foreign::shares);
            Ok((of_status(&status, shares.as_ref()), topics))
        }
    }
}

type Shares = BTreeMap<BrokerId, (usize, usize)>;

fn of_status(status: &ClusterStatus, shares: Option<&Shares>) -> Vec<Value> {
    let brokers = status.nodes.iter().filter(|node| node.broker.is_some());
    brokers.map(|node| of_node(node, shares)).collect()
}

fn of_node(node: &NodeStatus, shares: Option<&Shares>) -> Value {
    let share = |id: BrokerId| shares.map(|shares| shares.get(&id).copied().unwrap_or_default());
    let share = node.broker.and_then(share);
    json!({
        "broker": node.broker,
        "state": node.state,
        "ready": node.ready,
        "controller": node.controller,
        "endpoints": node.endpoints,
        "leaders": share.map(|(leaders, _)| leaders),
        "replicas": share.map(|(_, replicas)| replicas),
        "pid": node.pid,
        "uptime_ms": node.uptime_ms,
        "since_ms": node.since_ms,
        "data_bytes": node.data_bytes,
        "rack": node.rack,
    })
}

async fn over_admin(call: &Call) -> Result<(Vec<Value>, Option<Vec<TopicDescription>>)> {
    let admin = call.admin()?;
    let view = admin.cluster().await?;
    let topics = admin.topics(None).await?;
    let shares = foreign::shares(&topics);
    let mut brokers = view.brokers.clone();
    brokers.sort_by_key(|broker| broker.id);
    let rows = brokers.iter().map(|broker| {
        let (leaders, replicas) = shares.get(&broker.id).copied().unwrap_or_default();
        json!({
            "broker": broker.id,
            "state": "running",
            "ready": true,
            "controller": view.controller == Some(broker.id),
            "endpoints": [format!("{}:{}", broker.host, broker.port)],
            "leaders": leaders,
            "replicas": replicas,
            "pid": Value::Null,
            "uptime_ms": Value::Null,
            "since_ms": Value::Null,
            "data_bytes": Value::Null,
            "rack": broker.rack,
        })
    });
    Ok((rows.collect(), Some(topics)))
}
