//! `policy unbind NAME`: a policy is no longer in charge.

use kafsh_model::Result;
use serde_json::Value;

use super::common::{COLUMNS, DRY_RUN, binding, row};
use crate::call::Call;
use crate::flow::{Output, View};
use crate::policy::load;
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, Example, Kind};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["policy", "unbind"],
    summary: "take a binding of a policy away",
    args: &[ArgSpec {
        name: "name",
        kind: Kind::Binding,
        arity: Arity::One,
        help: "the binding, as `policy list` names it",
    }],
    flags: &[DRY_RUN],
    effect: Effect::Write,
    examples: &[Example {
        line: "policy bind replication --set min=1; policy unbind replication",
        about: "no longer asked",
    }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let binding = binding(&call.context, &call.args.text("name")?)?;
    let name = binding.name.clone();
    let rows = Value::Array(vec![row(&call.context, &load(&call.context, binding))]);
    let output = Output::value(rows, View::Rows(COLUMNS));
    if call.args.switch("dry-run") {
        return Ok(output.note("dry run: the binding stays"));
    }
    call.context.store.unbind_policy(&name)?;
    Ok(output.note(format!("`{name}` is no longer asked")))
}
