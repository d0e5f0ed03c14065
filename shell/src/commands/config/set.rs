//! `config set RESOURCE key=value…`.

use kafsh_model::Result;

use super::{change, resource, values};
use crate::call::Call;
use crate::flow::Output;
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, Example, Kind, Needs};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["config", "set"],
    summary: "change settings of a topic or broker",
    detail: "Keys that are not named stay as they are. `key+=value` adds to a list, `key-=value` \
             takes from it. Units are understood (`7d`, `64MiB`).",
    args: &[
        ArgSpec { name: "resource", kind: Kind::Text, arity: Arity::One, help: resource::HELP },
        ArgSpec { name: "setting", kind: Kind::KeyValue, arity: Arity::Many, help: "key=value" },
    ],
    flags: &[change::DRY_RUN],
    effect: Effect::Write,
    needs: Needs::Cluster,
    examples: &[
        Example { line: "config set topic/test retention.ms=7d", about: "of a topic" },
        Example {
            line: "config set broker/default log.retention.ms=7d --dry-run",
            about: "of all brokers, checked only",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let resource = resource::parse(&call.args.text("resource")?)?;
    let changes = values::changes(resource::scope(&resource), &call.args.texts("setting"))?;
    change::apply(&call, &resource, &changes).await
}
