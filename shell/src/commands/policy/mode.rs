//! `policy mode NAME enforce|warn|off`: what a policy's word is worth.

use kafsh_model::Result;
use serde_json::Value;

use super::common::{COLUMNS, DRY_RUN, MODES, binding, mode, row};
use crate::call::Call;
use crate::flow::{Output, View};
use crate::policy::load;
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, Example, Kind};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["policy", "mode"],
    summary: "enforce a policy, let it only warn, or do not ask it",
    args: &[
        ArgSpec {
            name: "name",
            kind: Kind::Binding,
            arity: Arity::One,
            help: "the binding, as `policy list` names it",
        },
        ArgSpec {
            name: "mode",
            kind: Kind::Choice(MODES),
            arity: Arity::One,
            help: "`enforce`, `warn` or `off`",
        },
    ],
    flags: &[DRY_RUN],
    effect: Effect::Write,
    examples: &[Example {
        line: "policy bind replication --set min=1; policy mode replication off",
        about: "kept, not asked",
    }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let mut binding = binding(&call.context, &call.args.text("name")?)?;
    binding.mode = mode(&call.args.text("mode")?)?;
    let dry_run = call.args.switch("dry-run");
    if !dry_run {
        call.context.store.bind_policy(binding.clone())?;
    }
    let rows = Value::Array(vec![row(&call.context, &load(&call.context, binding))]);
    let output = Output::value(rows, View::Rows(COLUMNS));
    Ok(if dry_run { output.note("dry run: the mode stays") } else { output })
}
