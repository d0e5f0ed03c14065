//! `topic set NAME key=value…`.

use kafsh_model::Result;
use kafsh_model::config::ConfigResource;
use kafsh_model::keys::Scope;

use crate::call::Call;
use crate::commands::config::{change, values};
use crate::flow::Output;
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, Example, Kind, Needs};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["topic", "set"],
    summary: "change settings of a topic",
    detail: "Keys that are not named stay as they are. `key+=value` adds to a list, `key-=value` \
             takes from it. Units are understood (`7d`, `64MiB`).",
    args: &[
        ArgSpec { name: "name", kind: Kind::Topic, arity: Arity::One, help: "the topic" },
        ArgSpec { name: "setting", kind: Kind::TopicConfig, arity: Arity::Many, help: "key=value" },
    ],
    flags: &[change::DRY_RUN],
    effect: Effect::Write,
    needs: Needs::Cluster,
    examples: &[
        Example { line: "topic set test retention.ms=7d", about: "one setting" },
        Example {
            line: "topic set test cleanup.policy+=compact --dry-run",
            about: "add to a list, checked only",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let resource = ConfigResource::Topic(call.args.text("name")?);
    let changes = values::changes(Scope::Topic, &call.args.texts("setting"))?;
    change::apply(&call, &resource, &changes).await
}
