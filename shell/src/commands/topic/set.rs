//! `topic set NAME key=value…`.

use kafsh_model::config::ConfigResource;
use kafsh_model::keys::Scope;
use kafsh_model::quote::quoted;
use kafsh_model::{Error, Result};

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
    let settings = call.args.texts("setting");
    let changes = values::changes(Scope::Topic, &settings).map_err(|error| {
        let pairs = settings.iter().filter_map(|setting| setting.split_once('='));
        match pairs.into_iter().find(|(key, _)| matches!(*key, "partitions" | "num.partitions")) {
            Some((_, total)) => advise_partitions(&call, error, total),
            None => error,
        }
    })?;
    change::apply(&call, &resource, &changes).await
}

/// The number of partitions is no setting: it has a command.
fn advise_partitions(call: &Call, mut error: Error, total: &str) -> Error {
    let name = call.args.text("name").unwrap_or_default();
    let total = total.parse::<u32>().map_or("N".to_string(), |total| total.to_string());
    error.next.insert(0, format!("topic add-partitions {} --total {total}", quoted(&name)));
    error
}
