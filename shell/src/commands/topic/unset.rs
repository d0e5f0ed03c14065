//! `topic unset NAME key…`.

use kafsh_model::Result;
use kafsh_model::config::ConfigResource;
use kafsh_model::keys::Scope;

use crate::call::Call;
use crate::commands::config::{change, values};
use crate::flow::Output;
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, Example, Kind, Needs};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["topic", "unset"],
    summary: "put settings of a topic back to their defaults",
    args: &[
        ArgSpec { name: "name", kind: Kind::Topic, arity: Arity::One, help: "the topic" },
        ArgSpec { name: "key", kind: Kind::TopicKey, arity: Arity::Many, help: "a key" },
    ],
    flags: &[change::DRY_RUN],
    effect: Effect::Write,
    needs: Needs::Cluster,
    examples: &[Example { line: "topic unset test retention.ms", about: "one setting" }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let resource = ConfigResource::Topic(call.args.text("name")?);
    let changes = values::unsets(Scope::Topic, &call.args.texts("key"))?;
    change::apply(&call, &resource, &changes).await
}
