//! `group list`.

use kafsh_model::Result;
use serde_json::{Value, json};

use crate::call::Call;
use crate::flow::{Column, Output, View, column};
use crate::spec::{CommandSpec, Example, Needs};

const COLUMNS: &[Column] =
    &[column("group", "GROUP"), column("state", "STATE"), column("protocol_type", "TYPE")];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["group", "list"],
    summary: "list consumer groups and their state",
    needs: Needs::Cluster,
    examples: &[Example { line: "group list", about: "of every coordinator" }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let mut groups = call.admin()?.list_groups().await?;
    groups.sort_by(|a, b| a.group.cmp(&b.group));
    let rows = groups.iter().map(|group| {
        json!({
            "group": group.group,
            "state": group.state,
            "protocol_type": group.protocol_type,
        })
    });
    Ok(Output::value(Value::Array(rows.collect()), View::Rows(COLUMNS)))
}
