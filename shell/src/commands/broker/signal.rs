//! What `broker pause` and `broker resume` share.

use kafsh_model::Result;
use serde_json::Value;

use super::nodes::named;
use crate::call::Call;
use crate::commands::cluster::common::{self, NODE_COLUMNS, node_row};
use crate::flow::{Output, View};

/// Pauses or resumes the brokers named; a row for each, also for those that failed.
///
/// # Errors
/// `broker-not-found`.
pub async fn signal(call: &Call, pause: bool) -> Result<Output> {
    let spec = common::managed(call)?;
    let nodes = named(call)?;
    common::check_nodes(&spec, &nodes)?;
    let engine = common::engine(call)?;
    let dry = call.args.switch("dry-run");
    let mut rows = Vec::new();
    let mut failures = Vec::new();
    for facts in common::facts(&engine, &spec, &nodes).await? {
        let node = facts.node;
        let outcome = match (dry, pause) {
            (true, true) => Ok("would be paused"),
            (true, false) => Ok("would go on"),
            (false, true) => engine.pause(&spec, node).await.map(|()| "paused"),
            (false, false) => engine.resume(&spec, node).await.map(|()| "goes on"),
        };
        let action = match outcome {
            Ok(action) => action,
            Err(error) => {
                failures.push(error);
                "failed"
            }
        };
        rows.push(node_row(node, action, facts.process.pid(), None));
    }
    let output = Output::value(Value::Array(rows), View::Rows(NODE_COLUMNS));
    let notes = failures.iter().map(ToString::to_string).collect();
    Ok(Output { notes, ..output.failed_by(failures.iter()) })
}
