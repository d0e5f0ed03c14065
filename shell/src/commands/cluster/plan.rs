//! `cluster plan [CLUSTER]`: what `up` would do, step by step.

use kafsh_cluster::Engine;
use kafsh_model::plan::{Node, Plan, Severity};
use kafsh_model::snapshot::{PortOwner, Snapshot};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Error, Result};
use serde_json::{Value, json};

use super::common;
use super::request::{self, wish};
use crate::call::Call;
use crate::flow::{Column, Output, Section, View, column};
use crate::spec::{CommandSpec, Example};

const FIELDS: &[Column] = &[column("name", "plan"), column("summary", "")];

const ACTIONS: &[Column] = &[column("step", "STEP"), column("does", "ACTION")];

const PORTS: &[Column] = &[
    column("node", "NODE"),
    column("purpose", "FOR"),
    column("address", "ADDRESS"),
    column("state", "STATE"),
];

const FINDINGS: &[Column] =
    &[column("severity", "SEVERITY"), column("subject", "SUBJECT"), column("message", "FINDING")];

const SECTIONS: &[Section] = &[
    Section { key: "ports", title: "", columns: PORTS },
    Section { key: "actions", title: "", columns: ACTIONS },
    Section { key: "findings", title: "", columns: FINDINGS },
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "plan"],
    summary: "show what `cluster up` would do, and do nothing",
    detail: "Takes the flags of `cluster up`. An empty plan means that the cluster is as it is \
             wished to be. Something in the way is shown as a finding of severity `problem`.",
    args: &[request::NAME_ARG],
    flags: request::wish_flags![request::EPHEMERAL],
    examples: &[
        Example { line: "cluster plan demo", about: "nothing, where it runs as wished" },
        Example { line: "cluster plan lab --brokers 5", about: "a cluster that is not there yet" },
        Example {
            line: "cluster plan demo -O json | jq '.actions | length == 0'",
            about: "is it as it should be?",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let wished = wish(&call)?;
    let mut output = planned(&common::planning_engine(&call)?, &wished.spec).await?;
    if let Some(old) = &wished.existing {
        let differences = kafsh_cluster::spec::diff(old, &wished.spec);
        output.notes.extend(differences.iter().map(|line| format!("differs: {line}")));
    }
    Ok(output)
}

/// The plan for a spec as a value and a table.
///
/// # Errors
/// What asking the steps says.
pub async fn planned(engine: &Engine, spec: &ClusterSpec) -> Result<Output> {
    let (snapshot, plan) = engine.dry_run(spec).await?;
    let value = value(spec, &snapshot, &plan)?;
    let output = Output::value(value, View::Record { fields: FIELDS, sections: SECTIONS });
    Ok(output)
}

/// Every port of the spec, and who has it now: `free`, `ours`, `kept for NAME`, or the stranger.
fn ports(spec: &ClusterSpec, snapshot: &Snapshot) -> Vec<Value> {
    let zookeeper = &spec.zookeeper;
    let mut wanted = vec![(Node::ZooKeeper, "client", &zookeeper.bind, zookeeper.port)];
    for broker in &spec.brokers {
        let listeners = broker.listeners.iter();
        wanted
            .extend(listeners.map(|l| (Node::Broker(broker.id), l.name.as_str(), &l.bind, l.port)));
    }
    let state = |node: Node, port: u16| {
        let seen = snapshot.ports.iter().find(|seen| (seen.node, seen.port) == (node, port))?;
        Some(match &seen.owner {
            PortOwner::Free => "free".to_string(),
            PortOwner::Ours => "ours".to_string(),
            PortOwner::Foreign { description, .. } => format!("held by {description}"),
            PortOwner::Reserved { cluster } => format!("kept for `{cluster}`"),
        })
    };
    let row = |(node, purpose, bind, port): (Node, &str, &String, u16)| {
        json!({
            "node": node.to_string(),
            "purpose": purpose,
            "address": format!("{bind}:{port}"),
            "port": port,
            "state": state(node, port),
        })
    };
    wanted.into_iter().map(row).collect()
}

fn value(spec: &ClusterSpec, snapshot: &Snapshot, plan: &Plan) -> Result<Value> {
    let bug = |e: serde_json::Error| Error::bug(format!("a plan cannot be written: {e}"));
    let mut actions = Vec::new();
    for step in &plan.steps {
        for action in &step.plan.actions {
            let mut object = serde_json::to_value(action).map_err(bug)?;
            object["step"] = json!(step.step);
            object["does"] = json!(action.to_string());
            actions.push(object);
        }
    }
    let problems = plan.findings().filter(|f| f.severity == Severity::Problem).count();
    let summary = match (actions.len(), problems) {
        (0, 0) => "nothing to do".to_string(),
        (count, 0) => common::counted(count, "action"),
        (_, problems) => format!("{} in the way", common::counted(problems, "problem")),
    };
    Ok(json!({
        "name": spec.name.to_string(),
        "summary": summary,
        "ports": ports(spec, snapshot),
        "actions": actions,
        "findings": plan.findings().collect::<Vec<_>>(),
        "steps": serde_json::to_value(&plan.steps).map_err(bug)?,
    }))
}
