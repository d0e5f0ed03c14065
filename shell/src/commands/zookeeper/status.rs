//! `zookeeper status`: what `srvr` says, whose sessions there are, and whose data it is.

use std::collections::BTreeMap;
use std::time::Duration;

use kafsh_model::plan::Node;
use kafsh_model::port::ZooKeeper;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::units::show_duration;
use kafsh_model::{BrokerId, Result};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::sessions::{Connection, broker_rows, connections, owners, session_rows};
use crate::call::Call;
use crate::flow::{Column, Output, Section, Show, View, column, column_as};
use crate::spec::{CommandSpec, Example, Needs};

const FIELDS: &[Column] = &[
    column("address", "address"),
    column("chroot", "chroot"),
    column("mode", "mode"),
    column("version", "version"),
    column("znodes", "znodes"),
    column("connections", "connections"),
    column("outstanding", "outstanding"),
    column("latency_ms.min", "latency min ms"),
    column("latency_ms.avg", "latency avg ms"),
    column("latency_ms.max", "latency max ms"),
    column("zxid", "zxid"),
    column("cluster_id", "cluster id"),
];

const BROKERS: Section = Section {
    key: "brokers",
    title: "brokers",
    columns: &[
        column("broker", "BROKER"),
        column("state", "STATE"),
        column("session", "SESSION"),
        column("address", "FROM"),
        column_as("timeout_ms", "TIMEOUT", Show::Duration),
    ],
};

const CLUSTER_IDS: Section = Section {
    key: "cluster_ids",
    title: "cluster id in meta.properties",
    columns: &[
        column("broker", "BROKER"),
        column_as("agrees", "AGREES", Show::Tick),
        column("cluster_id", "CLUSTER ID"),
        column("dir", "DIRECTORY"),
    ],
};

const SESSIONS: Section = Section {
    key: "sessions",
    title: "sessions",
    columns: &[
        column("session", "SESSION"),
        column("broker", "BROKER"),
        column("address", "FROM"),
        column_as("timeout_ms", "TIMEOUT", Show::Duration),
        column("queued", "QUEUED"),
    ],
};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["zookeeper", "status"],
    summary: "ask ZooKeeper what it serves, to whom, and for which cluster",
    detail: "It serves only if it shows a mode (`srvr`); one that answers and has none is an \
             error. Each broker that is registered, or should be, is shown with the session that \
             owns its registration: `no connection` is a session whose client is gone and that has \
             not timed out, `no session` a broker that is not registered. Sessions are those with \
             a connection to this server (`cons`); null, with a note, where that word is not \
             allowed. The cluster's id is compared with every meta.properties of a cluster of \
             this host.",
    needs: Needs::Cluster,
    examples: &[
        Example { line: "zookeeper status", about: "mode, znodes, connections, latency" },
        Example {
            line: "wait 10s zookeeper status | jq '.mode == \"standalone\"'",
            about: "until it serves",
        },
        Example {
            line: "zookeeper status | jq '.brokers | map(select(.state != \"session\"))'",
            about: "brokers without a session",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let target = call.target()?;
    let (zookeeper, chroot) = call.context.zookeeper(&target)?;
    let status = zookeeper.status(target.timeout).await?;
    let spec = managed(&call);
    let looked = Looked::at(zookeeper.as_ref(), chroot.trim_end_matches('/'), target.timeout).await;
    let expected: Option<Vec<BrokerId>> =
        spec.as_ref().map(|spec| spec.brokers.iter().map(|broker| broker.id).collect());
    let mut notes = looked.notes;
    let (sessions, more) = match &looked.connections {
        Some(all) => {
            let (rows, more) =
                session_rows(all, looked.owners.as_ref().unwrap_or(&BTreeMap::new()));
            (Value::Array(rows), more)
        }
        None => (Value::Null, 0),
    };
    if more > 0 {
        notes.push(format!("{more} more sessions are not shown"));
    }
    let alone = status.mode == "standalone";
    let connections = looked.connections.as_deref();
    let rows = |owners| broker_rows(expected.as_deref(), owners, connections, alone);
    let cluster_ids = match &spec {
        Some(spec) => Some(cluster_ids(&call, spec, looked.cluster_id.as_deref()).await?),
        None => None,
    };
    let (min, avg, max) = status.latency_ms;
    let value = json!({
        "address": target.zookeeper.as_ref().map(|(address, _)| address),
        "chroot": chroot,
        "mode": status.mode,
        "version": status.version,
        "znodes": status.znodes,
        "connections": status.connections,
        "outstanding": status.outstanding,
        "latency_ms": { "min": min, "avg": avg, "max": max },
        "zxid": status.zxid,
        "cluster_id": looked.cluster_id,
        "brokers": looked.owners.as_ref().map(rows),
        "cluster_ids": cluster_ids,
        "sessions": sessions,
    });
    let view = View::Record { fields: FIELDS, sections: &[BROKERS, CLUSTER_IDS, SESSIONS] };
    let output = Output::value(value, view);
    Ok(notes.into_iter().fold(output, Output::note))
}

/// The spec of the cluster, where it is ours.
fn managed(call: &Call) -> Option<ClusterSpec> {
    match call.address() {
        Some(_) => None,
        None => call.context.managed(&call.cluster_name().ok()?).ok(),
    }
}

/// What more than `srvr` says; `None` is what could not be found out, and a note says why.
#[derive(Default)]
struct Looked {
    connections: Option<Vec<Connection>>,
    owners: Option<BTreeMap<BrokerId, i64>>,
    cluster_id: Option<String>,
    notes: Vec<String>,
}

impl Looked {
    async fn at(zookeeper: &dyn ZooKeeper, chroot: &str, within: Duration) -> Looked {
        let (answer, znodes) = tokio::join!(
            zookeeper.four_letter("cons", within),
            timeout(within, read(zookeeper, chroot)),
        );
        let mut looked = Looked::default();
        match answer {
            Ok(answer) => looked.connections = connections(&answer),
            Err(error) => looked.notes.push(format!("sessions: {error}")),
        }
        if looked.connections.is_none() && looked.notes.is_empty() {
            let words = "`4lw.commands.whitelist` of the server does not name `cons`";
            looked.notes.push(format!("sessions are not known: {words}"));
        }
        match znodes {
            Ok(Ok((owners, id))) => (looked.owners, looked.cluster_id) = (Some(owners), id),
            Ok(Err(error)) => looked.notes.push(format!("brokers and cluster id: {error}")),
            Err(_) => looked.notes.push(format!(
                "brokers and cluster id: no answer within {}",
                show_duration(within)
            )),
        }
        looked
    }
}

async fn read(
    zookeeper: &dyn ZooKeeper,
    chroot: &str,
) -> Result<(BTreeMap<BrokerId, i64>, Option<String>)> {
    let owners = owners(zookeeper, chroot).await?;
    let id = match zookeeper.get(&format!("{chroot}/cluster/id")).await {
        Err(error) if error.code == "znode-not-found" => None,
        znode => serde_json::from_slice::<Value>(&znode?.data).ok(),
    };
    let id = id.and_then(|value| value["id"].as_str().map(String::from));
    Ok((owners, id))
}

/// The cluster's id in `meta.properties` of every log.dirs, against ZooKeeper's.
async fn cluster_ids(call: &Call, spec: &ClusterSpec, own: Option<&str>) -> Result<Vec<Value>> {
    let mut rows = Vec::new();
    for broker in &spec.brokers {
        let facts = call.context.runtime.node(spec, Node::Broker(broker.id)).await?;
        rows.extend(facts.data.iter().map(|dir| {
            let stored = dir.cluster_id.as_deref();
            json!({
                "broker": broker.id,
                "dir": dir.path,
                "cluster_id": stored,
                "agrees": stored.zip(own).map(|(stored, own)| stored == own),
            })
        }));
    }
    Ok(rows)
}
