//! `cluster status [CLUSTER]`: probed truth, one line per node and one for its health.

use kafsh_cluster::engine::report::{ClusterStatus, PartitionHealth};
use kafsh_model::{Error, Result};
use serde_json::{Value, json};

use super::common::{self, CLUSTER_ARG};
use super::{foreign, orphans};
use crate::call::Call;
use crate::context::Known;
use crate::flow::{Column, Output, Section, Show, View, column, column_as};
use crate::spec::{CommandSpec, Example};

const FIELDS: &[Column] = &[
    column("name", "cluster"),
    column("summary", "state"),
    column_as("reasons", "because", Show::Sentences),
    column_as("drift", "drift", Show::Sentences),
];

const NODES: &[Column] = &[
    column("node", "NODE"),
    column("state", "STATE"),
    column_as("ready", "READY", Show::Tick),
    column_as("controller", "CONTROLLER", Show::Tick),
    column("pid", "PID"),
    column_as("uptime_ms", "UP", Show::Duration),
    column("endpoints", "ENDPOINTS"),
    column_as("data_bytes", "DATA", Show::Size),
    column("rack", "RACK"),
    column_as("since_ms", "NOT UP SINCE", Show::Time),
];

const SECTIONS: &[Section] = &[Section { key: "nodes", title: "", columns: NODES }];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "status"],
    summary: "say what runs and whether it is healthy, probed now",
    detail: "Processes, ports, registrations, the controller and every partition are asked, not \
             remembered; where what is stored differs, `drift` says so. `healthy` is true when \
             every node serves, there is a controller and no partition lacks a replica.",
    args: &[CLUSTER_ARG],
    examples: &[
        Example { line: "cluster status", about: "the session's cluster" },
        Example {
            line: "wait 30s cluster status demo | jq '.healthy'",
            about: "until it is healthy",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let name = common::name(&call)?;
    let (status, managed) = match call.context.known(name.as_str())? {
        Known::Managed(spec) => (common::engine(&call)?.status(&spec).await?, true),
        Known::Attached(attached) => (foreign::status(&call, &attached).await?.0, false),
    };
    let value = value(&status, managed)?;
    let notes = if status.orphaned { orphans::note(&call, &name) } else { None };
    let output = Output::value(value, View::Record { fields: FIELDS, sections: SECTIONS });
    Ok(Output { notes: notes.into_iter().collect(), ..output })
}

fn value(status: &ClusterStatus, managed: bool) -> Result<Value> {
    let mut value = serde_json::to_value(status)
        .map_err(|e| Error::bug(format!("a status cannot be written: {e}")))?;
    value["managed"] = json!(managed);
    value["summary"] = json!(summary(status));
    if !managed {
        // Not known, which is not the same as none.
        value["proven"] = Value::Null;
        for node in value["nodes"].as_array_mut().into_iter().flatten() {
            node["data_bytes"] = Value::Null;
        }
    }
    Ok(value)
}

/// `healthy · 3/3 brokers · controller 1 · 30 partitions in sync`.
pub fn summary(status: &ClusterStatus) -> String {
    let mut parts = vec![status.state.clone()];
    if status.state == "stopped" {
        parts.extend(lifetime(status));
        return parts.join(" · ");
    }
    parts.push(format!("{}/{} brokers", status.brokers_ready, status.brokers_total));
    match status.controller {
        Some(controller) => parts.push(format!("controller {controller}")),
        None => parts.push("no controller".to_string()),
    }
    parts.extend(status.partitions.map(partitions));
    parts.extend(lifetime(status));
    parts.join(" · ")
}

/// How long it lives, where that is not until it is destroyed.
fn lifetime(status: &ClusterStatus) -> Option<String> {
    let gone = if status.orphaned { ", its shell is gone" } else { "" };
    status.ephemeral.then(|| format!("ephemeral{gone}"))
}

/// `30 partitions, 2 offline, 10 under-replicated`: what is not there is not told.
fn partitions(health: PartitionHealth) -> String {
    if health.partitions == 0 {
        return "no topics".to_string();
    }
    let mut parts = vec![common::counted(health.partitions, "partition")];
    let counts = [
        (health.offline, "offline"),
        (health.under_min_isr, "under min.isr"),
        (health.under_replicated, "under-replicated"),
    ];
    let some = counts.into_iter().filter(|(count, _)| *count > 0);
    parts.extend(some.map(|(count, what)| format!("{count} {what}")));
    if parts.len() == 1 {
        parts.push("all in sync".to_string());
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_tells_what_is_wrong_and_nothing_else() {
        let sound = PartitionHealth { topics: 1, partitions: 3, ..PartitionHealth::default() };
        assert_eq!(partitions(sound), "3 partitions, all in sync");
        assert_eq!(partitions(PartitionHealth::default()), "no topics");
        let lacking = PartitionHealth { offline: 1, under_replicated: 2, ..sound };
        assert_eq!(partitions(lacking), "3 partitions, 1 offline, 2 under-replicated");
    }
}
