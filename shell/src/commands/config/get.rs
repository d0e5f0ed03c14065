//! `config get RESOURCE [KEY]`.

use kafsh_model::{Error, Result};
use serde_json::Value;

use super::resource;
use crate::call::Call;
use crate::flow::{Column, Output, View, column};
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, FlagSpec, Kind, Needs};

const COLUMNS: &[Column] =
    &[column("key", "KEY"), column("value", "VALUE"), column("source", "SOURCE")];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["config", "get"],
    summary: "show the settings of a topic or broker",
    detail: "Values are raw (ms, bytes). The source says whether a value is the topic's own, a \
             broker's (dynamic or from its properties file) or Kafka's default. Passwords are \
             never shown.",
    args: &[
        ArgSpec { name: "resource", kind: Kind::Text, arity: Arity::One, help: resource::HELP },
        ArgSpec { name: "key", kind: Kind::Text, arity: Arity::Optional, help: "only this key" },
    ],
    flags: &[FlagSpec::switch("changed", "leave out Kafka's defaults")],
    needs: Needs::Cluster,
    examples: &[
        Example { line: "config get topic/test", about: "every setting" },
        Example {
            line: "config get topic/test retention.ms | jq '.value'",
            about: "one value, for a script",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let resource = resource::parse(&call.args.text("resource")?)?;
    let admin = call.admin()?;
    let mut entries = resource::entries(admin.as_ref(), &resource).await?;
    if let Some(key) = call.args.opt_text("key") {
        let Some(entry) = entries.iter().find(|entry| entry.key == key) else {
            let shown = resource::show(&resource);
            let near = kafsh_model::suggest::suggest(&key, entries.iter().map(|e| e.key.as_str()));
            let question = kafsh_model::suggest::did_you_mean(&near);
            let message = format!("`{shown}` has no setting `{key}`{question}");
            return Err(Error::not_found("config-not-found", message)
                .with_next(format!("config get {shown}")));
        };
        return Ok(Output::value(resource::row(entry), View::Rows(COLUMNS)));
    }
    if call.args.switch("changed") {
        entries.retain(|entry| entry.source != kafsh_model::config::ConfigSource::Default);
    }
    let rows = entries.iter().map(resource::row).collect();
    Ok(Output::value(Value::Array(rows), View::Rows(COLUMNS)))
}
