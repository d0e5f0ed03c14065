//! `policy list`: which policies are in charge, in the order in which they are asked.

use kafsh_model::Result;
use serde_json::Value;

use super::common::{COLUMNS, row};
use crate::call::Call;
use crate::flow::{Output, View};
use crate::policy::load;
use crate::spec::{CommandSpec, Example};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["policy", "list"],
    summary: "list the policies that are bound, in the order in which they are asked",
    examples: &[Example { line: "policy list", about: "who is in charge of what" }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let bindings = call.context.store.policy_bindings()?;
    let rows: Vec<Value> = bindings
        .into_iter()
        .map(|binding| row(&call.context, &load(&call.context, binding)))
        .collect();
    let none = rows.is_empty();
    let output = Output::value(Value::Array(rows), View::Rows(COLUMNS));
    Ok(match none {
        true => output.note("no policy is bound; `plugin list --kind policy` shows what there is"),
        false => output,
    })
}
