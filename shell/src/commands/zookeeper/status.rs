//! `zookeeper status`: what `srvr` says.

use kafsh_model::Result;
use serde_json::json;

use crate::call::Call;
use crate::flow::{Column, Output, View, column};
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
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["zookeeper", "status"],
    summary: "ask ZooKeeper what it serves (`srvr`)",
    detail: "It serves only if it shows a mode; one that answers and has none is an error.",
    needs: Needs::Cluster,
    examples: &[
        Example { line: "zookeeper status", about: "mode, znodes, connections, latency" },
        Example {
            line: "wait 10s zookeeper status | jq '.mode == \"standalone\"'",
            about: "until it serves",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let target = call.target()?;
    let (zookeeper, chroot) = call.context.zookeeper(&target)?;
    let status = zookeeper.status(target.timeout).await?;
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
    });
    Ok(Output::value(value, View::Record { fields: FIELDS, sections: &[] }))
}
