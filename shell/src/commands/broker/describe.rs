//! `broker describe ID`: one broker, in full.

use kafsh_model::plan::Node;
use kafsh_model::spec::{BrokerSpec, ClusterSpec};
use kafsh_model::{BrokerId, Error, Result, keys};
use serde_json::{Value, json};

use super::disks;
use super::list::rows;
use super::nodes::BROKER;
use crate::call::Call;
use crate::commands::cluster::common;
use crate::context::Known;
use crate::flow::{Column, Output, Section, Show, View, column, column_as};
use crate::spec::{CommandSpec, Example, Needs};

const FIELDS: &[Column] = &[
    column("broker", "broker"),
    column("state", "state"),
    column_as("controller", "controller", Show::Tick),
    column("endpoints", "clients use"),
    column("rack", "rack"),
    column("leaders", "leaders"),
    column("replicas", "replicas"),
    column("pid", "pid"),
    column_as("uptime_ms", "up", Show::Duration),
    column_as("since_ms", "not up since", Show::Time),
    column_as("rss_bytes", "memory", Show::Size),
    column_as("restart_needed", "needs a restart", Show::Tick),
];

const SECTIONS: &[Section] = &[
    Section {
        key: "listeners",
        title: "listeners",
        columns: &[
            column("name", "NAME"),
            column("protocol", "PROTOCOL"),
            column("bound", "BOUND TO"),
            column("advertised", "ADVERTISED AS"),
        ],
    },
    Section {
        key: "log_dirs",
        title: "log.dirs",
        columns: &[
            column("path", "PATH"),
            column_as("bytes", "SIZE", Show::Size),
            column("cluster_id", "CLUSTER ID"),
            column_as("clean", "CLEAN", Show::Tick),
            column("replicas", "REPLICAS"),
            column_as("disk_free_bytes", "DISK LEFT", Show::Size),
            column_as("disk_total_bytes", "OF", Show::Size),
            column("error", "ERROR"),
        ],
    },
    Section {
        key: "overrides",
        title: "settings of this cluster",
        columns: &[column("key", "KEY"), column("value", "VALUE"), column("scope", "OF")],
    },
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["broker", "describe"],
    summary: "show one broker: process, listeners, log folders, settings",
    detail: "Of a cluster that is not ours, what its brokers tell.",
    args: &[BROKER],
    needs: Needs::Cluster,
    examples: &[Example { line: "broker describe 1", about: "all about broker 1" }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let id = call.args.broker("broker")?;
    let (rows, disks) = tokio::join!(rows(&call), disks::ask(&call, true));
    let (rows, _) = rows?;
    let Some(mut value) = rows.iter().find(|row| row["broker"] == json!(id)).cloned() else {
        let ids: Vec<String> = rows.iter().map(|row| row["broker"].to_string()).collect();
        return Err(Error::not_found("broker-not-found", format!("no broker {id}"))
            .with_evidence(format!("its brokers: {}", ids.join(", ")))
            .with_next("broker list"));
    };
    if let Some(spec) = ours(&call) {
        add_own(&call, &spec, id, &mut value).await?;
    }
    disks::add(&mut value, &disks);
    disks::add_folders(&mut value, disks.get(&id).map_or(&[], Vec::as_slice));
    Ok(Output::value(value, View::Record { fields: FIELDS, sections: SECTIONS }))
}

/// The spec, where the cluster is ours; others have none.
fn ours(call: &Call) -> Option<ClusterSpec> {
    if common::unregistered(call) {
        return None;
    }
    match call.context.known(common::name(call).ok()?.as_str()) {
        Ok(Known::Managed(spec)) => Some(*spec),
        _ => None,
    }
}

async fn add_own(call: &Call, spec: &ClusterSpec, id: BrokerId, value: &mut Value) -> Result<()> {
    let Some(broker) = spec.broker(id) else { return Ok(()) };
    let facts = common::engine(call)?.runtime.node(spec, Node::Broker(id)).await?;
    let dirs = facts.data.iter().map(|dir| {
        json!({
            "path": dir.path,
            "bytes": dir.bytes,
            "cluster_id": dir.cluster_id,
            "clean": dir.clean,
        })
    });
    value["log_dirs"] = dirs.collect();
    value["listeners"] = listeners(broker);
    value["overrides"] = overrides(spec, broker);
    value["restart_needed"] = json!(facts.restart_needed);
    let pid = facts.process.pid().filter(|_| facts.process.is_alive() && !call.context.rehearsing);
    value["rss_bytes"] = json!(pid.and_then(resident_bytes));
    Ok(())
}

fn listeners(broker: &BrokerSpec) -> Value {
    let one = |l: &kafsh_model::spec::ListenerSpec| {
        json!({
            "name": l.name,
            "protocol": l.protocol.name(),
            "bound": format!("{}:{}", l.bind, l.port),
            "advertised": format!("{}:{}", l.advertised_host, l.advertised_port),
        })
    };
    broker.listeners.iter().map(one).collect()
}

/// What the spec sets, the broker's own over the cluster's.
fn overrides(spec: &ClusterSpec, broker: &BrokerSpec) -> Value {
    let common = spec.properties.iter().filter(|(key, _)| !broker.properties.contains_key(*key));
    let own = broker.properties.iter().map(|pair| (pair, "this broker"));
    let mut all: Vec<_> = common.map(|pair| (pair, "all brokers")).chain(own).collect();
    all.sort();
    all.into_iter()
        .map(|((key, value), scope)| {
            let shown = if keys::is_sensitive(key) { "***" } else { value };
            json!({ "key": key, "value": shown, "scope": scope })
        })
        .collect()
}

/// Resident memory of a process; `None` where it is gone.
fn resident_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
