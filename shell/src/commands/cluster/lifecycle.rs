//! `cluster start`, `cluster stop` and `cluster restart`: every node of a cluster, in order.

use std::time::Duration;

use kafsh_cluster::Engine;
use kafsh_cluster::engine::report::{RestartOptions, StartReport, StopOptions, StopReport};
use kafsh_model::plan::Node;
use kafsh_model::port::ProgressEvent;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Class, Error, Result};
use serde_json::Value;

use super::common::{self, NODE_COLUMNS, node_row};
use super::in_sync;
use crate::call::Call;
use crate::flow::{Output, View};

/// Starts nodes; a row for each.
///
/// # Errors
/// As the engine's start.
pub async fn start(call: &Call, nodes: Option<Vec<Node>>) -> Result<Output> {
    let spec = common::managed(call)?;
    let nodes = nodes.unwrap_or_else(|| spec.nodes());
    let engine = common::engine(call)?;
    let before = common::facts(&engine, &spec, &nodes).await?;
    if call.args.switch("dry-run") {
        let rows = before.iter().map(|facts| {
            let action = if facts.process.is_alive() { "runs already" } else { "would start" };
            node_row(facts.node, action, facts.process.pid(), None)
        });
        return Ok(Output::value(rows.collect(), View::Rows(NODE_COLUMNS)));
    }
    let begin = std::time::Instant::now();
    let report = engine.start(&spec, &nodes).await?;
    let took = common::millis(begin.elapsed());
    let after = common::facts(&engine, &spec, &nodes).await?;
    let rows: Value = after
        .iter()
        .map(|facts| match report.started.contains(&facts.node) {
            true => node_row(facts.node, "started", facts.process.pid(), Some(took)),
            false => node_row(facts.node, "ran already", facts.process.pid(), None),
        })
        .collect();
    settled(call, &engine, &spec, &report, rows, took).await
}

/// What was started, and how the partitions do.
async fn settled(
    call: &Call,
    engine: &Engine,
    spec: &ClusterSpec,
    report: &StartReport,
    rows: Value,
    took_ms: u64,
) -> Result<Output> {
    let mut notes = common::notes(&report.findings);
    let brokers = report.started.iter().any(|node| matches!(node, Node::Broker(_)));
    if brokers && !call.args.switch("no-wait") {
        match in_sync::remark(engine, spec).await? {
            // Good news ends the line of progress; what is left to worry about has its own.
            Some(text) if text.starts_with(in_sync::GOOD) => {
                let elapsed = Duration::from_millis(took_ms);
                call.progress.event(ProgressEvent::Gate { what: &text, elapsed });
            }
            other => notes.extend(other),
        }
    }
    let view = told(&rows, &["started", "restarted"]);
    Ok(Output { notes, ..Output::value(rows, view) })
}

/// Progress has told of nodes that were acted upon; of those that were not, only a table does.
pub fn told(rows: &Value, actions: &[&str]) -> View {
    let acted =
        |row: &Value| row["action"].as_str().is_some_and(|action| actions.contains(&action));
    match rows.as_array().is_some_and(|rows| rows.iter().all(acted)) {
        true => View::Told(NODE_COLUMNS),
        false => View::Rows(NODE_COLUMNS),
    }
}

/// Stops nodes; a row for each.
///
/// # Errors
/// As the engine's stop.
pub async fn stop(call: &Call, nodes: Option<Vec<Node>>) -> Result<Output> {
    let spec = common::managed(call)?;
    let nodes = nodes.unwrap_or_else(|| spec.nodes());
    let engine = common::engine(call)?;
    let before = common::facts(&engine, &spec, &nodes).await?;
    if call.args.switch("dry-run") {
        let rows = before.iter().map(|facts| {
            let action = if facts.process.is_alive() { "would stop" } else { "does not run" };
            node_row(facts.node, action, facts.process.pid(), None)
        });
        return Ok(Output::value(rows.collect(), View::Rows(NODE_COLUMNS)));
    }
    let report = engine.stop(&spec, &nodes, &stop_options(call)?).await?;
    let rows: Value =
        before.iter().map(|facts| stop_row(facts.node, facts.process.pid(), &report)).collect();
    let view = told(&rows, &["stopped"]);
    let output = Output::value(rows, view);
    Ok(Output { notes: common::notes(&report.findings), ..output })
}

fn stop_row(node: Node, pid: Option<u32>, report: &StopReport) -> Value {
    match report.stopped.iter().find(|stopped| stopped.node == node) {
        None => node_row(node, "did not run", None, None),
        Some(stopped) => {
            let action = match (stopped.killed, stopped.clean) {
                (true, _) => "killed, log recovery at its next start",
                (false, true) => "stopped",
                (false, false) => "stopped, log recovery at its next start",
            };
            node_row(node, action, pid, Some(common::millis(stopped.elapsed)))
        }
    }
}

/// Stops and starts nodes; `--rolling` one broker after the other.
///
/// # Errors
/// As the engine's restart.
pub async fn restart(call: &Call, nodes: Option<Vec<Node>>) -> Result<Output> {
    let spec = common::managed(call)?;
    let rolling = call.args.switch("rolling");
    // A rolling restart is about brokers: ZooKeeper has no second one to carry on.
    let all = || spec.nodes().into_iter().filter(|node| !rolling || *node != Node::ZooKeeper);
    let nodes = nodes.unwrap_or_else(|| all().collect());
    let engine = common::engine(call)?;
    if call.args.switch("dry-run") {
        let facts = common::facts(&engine, &spec, &nodes).await?;
        let rows = facts.iter().map(|facts| {
            let action = if facts.process.is_alive() { "would restart" } else { "would start" };
            node_row(facts.node, action, facts.process.pid(), None)
        });
        return Ok(Output::value(rows.collect(), View::Rows(NODE_COLUMNS)));
    }
    let StopOptions { force, deadline } = stop_options(call)?;
    let options = RestartOptions { rolling, force, deadline };
    let begin = std::time::Instant::now();
    let report = match engine.restart(&spec, &nodes, &options).await {
        Ok(report) => report,
        Err(error) => return Err(left(call, &spec, error).await),
    };
    let took = common::millis(begin.elapsed());
    let after = common::facts(&engine, &spec, &nodes).await?;
    let rows: Value = after
        .iter()
        .map(|facts| node_row(facts.node, "restarted", facts.process.pid(), Some(took)))
        .collect();
    settled(call, &engine, &spec, &report, rows, took).await
}

/// An interrupt with the state that it left, and the command that goes on from there.
async fn left(call: &Call, spec: &ClusterSpec, mut error: Error) -> Error {
    if error.class != Class::Interrupted {
        return error;
    }
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for node in spec.nodes() {
        // Asked of the runtime itself: what the engine asks is cut off by the interrupt.
        match call.context.runtime.process(spec, node).await {
            Ok(state) if state.is_alive() => up.push(node.to_string()),
            Ok(_) => down.push(node.to_string()),
            Err(_) => error.evidence.push(format!("how {node} does could not be told")),
        }
    }
    for (nodes, how) in [(up, "running"), (down.clone(), "stopped")] {
        if !nodes.is_empty() {
            error.evidence.push(format!("{how}: {}", nodes.join(", ")));
        }
    }
    error.message = "the restart was interrupted".to_string();
    error.next.insert(
        0,
        match down.is_empty() {
            true => call.line.clone(),
            false => format!("cluster start {}", spec.name),
        },
    );
    error
}

fn stop_options(call: &Call) -> Result<StopOptions> {
    let deadline = call.args.opt_duration("stop-timeout")?;
    Ok(StopOptions { force: call.args.switch("force"), deadline })
}
