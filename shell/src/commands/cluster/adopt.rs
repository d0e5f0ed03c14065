//! `cluster adopt CLUSTER FILE…`: servers that somebody else started become a managed cluster.

use kafsh_cluster::engine::{AdoptReport, AdoptRequest, AdoptedNode};
use kafsh_cluster::spec::server_file;
use kafsh_model::snapshot::ServerFile;
use kafsh_model::{ClusterName, Error, Result};
use serde_json::{Value, json};

use super::common::{self, DRY_RUN};
use super::request::KAFKA;
use crate::call::Call;
use crate::commands::kafka::provide;
use crate::context::KAFKA_VERSION;
use crate::files;
use crate::flow::{Column, Output, Section, View, column};
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, Example, FlagSpec, Kind};

/// Largest properties file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

const FIELDS: &[Column] = &[
    column("bootstrap", "bootstrap"),
    column("zookeeper", "zookeeper"),
    column("cluster_id", "cluster id"),
    column("kafka", "kafka"),
    column("next", "next"),
];

const SECTIONS: &[Section] = &[Section {
    key: "nodes",
    title: "",
    columns: &[
        column("node", "NODE"),
        column("state", "STATE"),
        column("pid", "PID"),
        column("file", "FILE"),
        column("data", "DATA"),
    ],
}];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "adopt"],
    summary: "manage brokers that somebody else started from server.properties files",
    detail: "Give the file of every broker; ZooKeeper's is that of the process at \
             `zookeeper.connect`, or is named with --zookeeper. Who listens at their ports must be \
             a Kafka broker or ZooKeeper of this user, work in the folders of its file, and be \
             registered under its id; who does not run is adopted as stopped. Every setting is \
             kept as it stands; files and data are never changed, moved or deleted by kafsh, not \
             even by `cluster destroy`. From then on all of `cluster` and `broker` works on them. \
             Servers that kafsh starts later run with its own options of the JVM (the heap is \
             kept) and log to the cluster's folder. Refused are KRaft, ensembles, brokers without \
             a plaintext listener, and servers of other hosts.",
    args: &[
        ArgSpec {
            name: "cluster",
            kind: Kind::Cluster,
            arity: Arity::One,
            help: "the name it gets here",
        },
        ArgSpec {
            name: "file",
            kind: Kind::Path,
            arity: Arity::Many,
            help: "a broker's server.properties",
        },
    ],
    flags: &[
        FlagSpec::value("zookeeper", "FILE", Kind::Path, "ZooKeeper's zookeeper.properties"),
        KAFKA,
        DRY_RUN,
    ],
    effect: Effect::Write,
    examples: &[
        Example {
            line: "cluster adopt old server.properties --zookeeper zookeeper.properties --dry-run",
            about: "what would be adopted",
        },
        Example {
            line: "cluster adopt old server.properties --zookeeper zookeeper.properties",
            about: "manage it from here on; what runs goes on running",
        },
    ],
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let name = ClusterName::new(call.args.text("cluster")?)?;
    if call.context.store.attached_cluster(&name)?.is_some() {
        let message = format!("`{name}` is the name of an attached cluster");
        return Err(Error::usage("cluster-attached", message)
            .with_cause("a name is either managed or attached")
            .with_next(format!("cluster detach {name}")));
    }
    let files = call.args.texts("file");
    let request = AdoptRequest {
        brokers: files.iter().map(|file| read(&call, file)).collect::<Result<_>>()?,
        zookeeper: call.args.opt_text("zookeeper").map(|file| read(&call, &file)).transpose()?,
        kafka: call.args.opt_text("kafka"),
        kafka_default: KAFKA_VERSION.to_string(),
        name,
    };
    let dry_run = call.args.switch("dry-run");
    let report = common::engine(&call)?.adopt(&request, dry_run).await?;
    let mut output = shown(&report);
    output.notes.clone_from(&report.notes);
    if provide::missing(&call, &report.spec.kafka)? {
        let version = &report.spec.kafka;
        output.notes.push(format!(
            "Kafka {version} is not installed here; before a server can be started: \
             kafka install {version}"
        ));
    }
    if dry_run {
        return Ok(output.note("nothing was adopted (--dry-run)"));
    }
    let name = &report.spec.name;
    call.session.use_cluster(Some(name.to_string()));
    if call.session.is_prompt() {
        call.context.store.set_current(Some(name))?;
    }
    Ok(output)
}

fn shown(report: &AdoptReport) -> Output {
    let spec = &report.spec;
    let value = json!({
        "name": spec.name.to_string(),
        "bootstrap": spec.bootstrap(),
        "zookeeper": spec.zookeeper_connect(),
        "cluster_id": report.cluster_id,
        "kafka": spec.kafka,
        "nodes": report.nodes.iter().map(row).collect::<Vec<_>>(),
        "next": format!("cluster status {}", spec.name),
    });
    Output::value(value, View::Record { fields: FIELDS, sections: SECTIONS })
}

fn row(adopted: &AdoptedNode) -> Value {
    json!({
        "node": adopted.node.to_string(),
        "state": if adopted.pid.is_some() { "running" } else { "stopped" },
        "pid": adopted.pid,
        "file": adopted.file,
        "data": adopted.data,
    })
}

/// A file as Java reads it, under the name that its process would show.
fn read(call: &Call, file: &str) -> Result<ServerFile> {
    let path = call.directory.join(file);
    let fail = |e: &std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => {
            Error::not_found("file-not-found", format!("there is no `{file}`"))
                .with_next("help cluster adopt")
        }
        _ => Error::io(format!("`{file}` cannot be read"), e),
    };
    let path = path.canonicalize().map_err(|e| fail(&e))?;
    let Some(bytes) = files::read_at_most(&path, FILE_BYTES_MAX).map_err(|e| fail(&e))? else {
        let message = format!("`{file}` is too large for a properties file");
        return Err(Error::usage("bad-properties", message)
            .with_cause(format!("one has at most {FILE_BYTES_MAX} bytes")));
    };
    server_file(&path.display().to_string(), &bytes)
}
