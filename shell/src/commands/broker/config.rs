//! `broker config ID`: what is in force, and where it comes from.

use kafsh_model::Result;
use kafsh_model::config::{ConfigEntry, ConfigResource, ConfigSource};
use serde_json::{Value, json};

use super::nodes::BROKER;
use crate::call::Call;
use crate::flow::{Column, Output, Show, View, column, column_as};
use crate::spec::{CommandSpec, Example, FlagSpec, Needs};

const COLUMNS: &[Column] = &[
    column("key", "KEY"),
    column("value", "VALUE"),
    column("source", "SOURCE"),
    column_as("read_only", "NEEDS RESTART", Show::Tick),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["broker", "config"],
    summary: "show the settings a broker runs with, and where each comes from",
    detail: "Without --all, those that are not Kafka's default. A sensitive value is never shown. \
             `config set` changes what can be changed while it runs.",
    args: &[BROKER],
    flags: &[
        FlagSpec::switch("changed", "only what is not the default (this is the default)"),
        FlagSpec::switch("all", "defaults too"),
    ],
    needs: Needs::Cluster,
    examples: &[
        Example { line: "broker config 1", about: "what differs from Kafka's defaults" },
        Example { line: "broker config 1 --all -O json | jq 'length > 0'", about: "everything" },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let resource = ConfigResource::Broker(call.args.broker("broker")?);
    let answer = call.admin()?.describe_configs(std::slice::from_ref(&resource)).await?;
    let all = call.args.switch("all");
    let mut entries: Vec<ConfigEntry> = answer
        .into_iter()
        .flat_map(|(_, entries)| entries)
        .filter(|entry| all || entry.source != ConfigSource::Default)
        .collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    let rows: Vec<Value> = entries.iter().map(row).collect();
    Ok(Output::value(Value::Array(rows), View::Rows(COLUMNS)))
}

fn row(entry: &ConfigEntry) -> Value {
    let value = match entry.sensitive {
        true => Value::Null,
        false => json!(entry.value),
    };
    json!({
        "key": entry.key,
        "value": value,
        "source": entry.source,
        "read_only": entry.read_only,
        "sensitive": entry.sensitive,
        "type": entry.kind,
    })
}
