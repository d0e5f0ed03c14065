//! `config unset RESOURCE KEY…`.

use kafsh_model::Result;

use super::{change, resource, values};
use crate::call::Call;
use crate::flow::Output;
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, Example, Kind, Needs};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["config", "unset"],
    summary: "put settings of a topic or broker back to their defaults",
    args: &[
        ArgSpec { name: "resource", kind: Kind::Text, arity: Arity::One, help: resource::HELP },
        ArgSpec { name: "key", kind: Kind::Text, arity: Arity::Many, help: "a key" },
    ],
    flags: &[change::DRY_RUN],
    effect: Effect::Write,
    needs: Needs::Cluster,
    examples: &[Example { line: "config unset topic/test retention.ms", about: "of a topic" }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let resource = resource::parse(&call.args.text("resource")?)?;
    let changes = values::unsets(resource::scope(&resource), &call.args.texts("key"))?;
    change::apply(&call, &resource, &changes).await
}
