//! What the commands of `cluster`, `broker` and `zookeeper` share: names, engines, notes, rows.

use kafsh_cluster::Engine;
use kafsh_model::plan::{Finding, Node, Severity};
use kafsh_model::snapshot::NodeFacts;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{ClusterName, Error, Result};
use serde_json::{Value, json};

use crate::call::Call;
use crate::flow::{Column, Show, column, column_as};
use crate::policy::Asker;
use crate::spec::{ArgSpec, Arity, FlagSpec, Kind};

/// The cluster of a command that works on one; without it, the session's.
pub const CLUSTER_ARG: ArgSpec = ArgSpec {
    name: "cluster",
    kind: Kind::Cluster,
    arity: Arity::Optional,
    help: "the cluster; without it, the session's",
};

pub const DRY_RUN: FlagSpec = FlagSpec::switch("dry-run", "say what would be done, and do nothing");

pub const FORCE_STOP: FlagSpec = FlagSpec::switch(
    "force",
    "kill what has not ended by the deadline, and pass over the check of partitions",
);

pub const STOP_TIMEOUT: FlagSpec = FlagSpec::value(
    "stop-timeout",
    "DURATION",
    Kind::Duration,
    "longest an orderly stop may take (default 180s)",
);

/// A node, and what was or would be done with it.
pub const NODE_COLUMNS: &[Column] = &[
    column("node", "NODE"),
    column("action", "ACTION"),
    column("pid", "PID"),
    column_as("elapsed_ms", "TOOK", Show::Duration),
];

/// The name of the cluster; one that is named twice in different ways is an error, since the two
/// might differ by more than a slip.
pub fn name(call: &Call) -> Result<ClusterName> {
    if let (Some(at), Some(given)) = (&call.at, call.args.opt_text("cluster"))
        && *at != given
    {
        return Err(Error::usage("two-clusters", format!("both `@{at}` and `{given}` are named"))
            .with_cause("a command works on one cluster"));
    }
    ClusterName::new(call.cluster_name()?)
}

/// The spec of the cluster, which has to be ours.
pub fn managed(call: &Call) -> Result<ClusterSpec> {
    if unregistered(call) {
        return Err(Error::usage("cluster-not-managed", "`-B` names servers that are not ours")
            .with_cause("only a cluster that kafsh made has processes it can manage")
            .with_next("cluster list"));
    }
    call.context.managed(name(call)?.as_str())
}

/// `-B` names servers and no cluster.
pub fn unregistered(call: &Call) -> bool {
    let session = !call.args.has("cluster") && call.session.bootstrap().is_some();
    call.at.is_none() && (call.args.has("bootstrap") || session)
}

pub fn engine(call: &Call) -> Result<Engine> {
    engine_for(call, Asker::of(call))
}

/// An engine that only plans, whether `--dry-run` was given or not.
pub fn planning_engine(call: &Call) -> Result<Engine> {
    engine_for(call, Asker { dry_run: true, ..Asker::of(call) })
}

fn engine_for(call: &Call, asker: Asker) -> Result<Engine> {
    call.context.engine(call.progress.clone(), call.cancel.clone(), &call.line, asker)
}

/// Findings that do not stand in the way, a remark each; of those of one kind the first, and how
/// many more there are (`cluster doctor` shows all).
pub fn notes<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<String> {
    let mut kinds: Vec<(&Finding, Vec<String>)> = Vec::new();
    for finding in findings {
        let text = note(finding);
        match kinds.iter_mut().find(|(first, _)| first.code == finding.code) {
            Some((_, texts)) if texts.contains(&text) => {}
            Some((_, texts)) => texts.push(text),
            None => kinds.push((finding, vec![text])),
        }
    }
    let shown = |(_, texts): (&Finding, Vec<String>)| match texts.len() {
        1 => texts[0].clone(),
        many => format!("{} (and {} more such)", texts[0], many - 1),
    };
    kinds.into_iter().map(shown).collect()
}

fn note(finding: &Finding) -> String {
    let label = match finding.severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Problem => "problem",
    };
    let mut text = format!("{label}: {}", finding.message);
    if let Some(cause) = &finding.cause {
        text.push_str(&format!(": {cause}"));
    }
    for line in &finding.evidence {
        text.push_str(&format!("\n  {line}"));
    }
    for next in &finding.next {
        text.push_str(&format!("\n  try  {next}"));
    }
    text
}

/// A row of [`NODE_COLUMNS`].
pub fn node_row(node: Node, action: &str, pid: Option<u32>, elapsed_ms: Option<u64>) -> Value {
    json!({ "node": node.to_string(), "action": action, "pid": pid, "elapsed_ms": elapsed_ms })
}

/// What is there of each of these nodes now.
///
/// # Errors
/// What the runtime says.
pub async fn facts(engine: &Engine, spec: &ClusterSpec, nodes: &[Node]) -> Result<Vec<NodeFacts>> {
    let mut facts = Vec::new();
    for node in nodes {
        facts.push(engine.runtime.node(spec, *node).await?);
    }
    Ok(facts)
}

pub fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Data folders with something in them: path and allocated bytes.
pub fn held_data(facts: &[NodeFacts]) -> Vec<(Node, String, u64)> {
    let of = |facts: &NodeFacts| {
        let node = facts.node;
        let held = facts.data.iter().filter(|dir| dir.exists && !dir.empty);
        held.map(|dir| (node, dir.path.clone(), dir.bytes)).collect::<Vec<_>>()
    };
    facts.iter().flat_map(of).collect()
}

/// `1 broker`, `3 brokers`.
pub fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// That every node is one of the cluster's.
///
/// # Errors
/// `broker-not-found`, with those there are.
pub fn check_nodes(spec: &ClusterSpec, nodes: &[Node]) -> Result<()> {
    let all = spec.nodes();
    let Some(stranger) = nodes.iter().find(|node| !all.contains(node)) else { return Ok(()) };
    let ids: Vec<String> = spec.brokers.iter().map(|broker| broker.id.to_string()).collect();
    let message = format!("cluster `{}` has no {stranger}", spec.name);
    Err(Error::not_found("broker-not-found", message)
        .with_evidence(format!("its brokers: {}", ids.join(", ")))
        .with_next(format!("@{} broker list", spec.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_of_one_kind_are_one_remark() {
        let finding = |code: &str, message: &str| Finding {
            severity: Severity::Warning,
            code: code.to_string(),
            subject: "host".to_string(),
            message: message.to_string(),
            evidence: Vec::new(),
            cause: None,
            next: Vec::new(),
            safe_to_fix: false,
        };
        let all = [finding("p", "port 1"), finding("q", "q"), finding("p", "port 2")];
        assert_eq!(notes(&all), ["warning: port 1 (and 1 more such)", "warning: q"]);
        assert_eq!(notes([&all[0], &all[0]]), ["warning: port 1"], "the same thing twice");
    }
}
