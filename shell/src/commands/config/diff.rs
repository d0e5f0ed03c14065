//! `config diff RESOURCE [OTHER]`.

use std::collections::BTreeMap;

use kafsh_model::Result;
use kafsh_model::config::{ConfigEntry, ConfigResource, ConfigSource};
use kafsh_model::keys;
use serde_json::{Value, json};

use super::resource;
use crate::call::Call;
use crate::flow::{Column, Output, View, column};
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, Kind, Needs};

const CHANGED: &[Column] = &[
    column("key", "KEY"),
    column("value", "VALUE"),
    column("default", "DEFAULT"),
    column("source", "SOURCE"),
];

const BETWEEN: &[Column] =
    &[column("key", "KEY"), column("left", "LEFT"), column("right", "RIGHT")];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["config", "diff"],
    summary: "show what differs from Kafka's defaults, or between two topics or brokers",
    args: &[
        ArgSpec { name: "resource", kind: Kind::Text, arity: Arity::One, help: resource::HELP },
        ArgSpec {
            name: "other",
            kind: Kind::Text,
            arity: Arity::Optional,
            help: "what to compare it with, instead of the defaults",
        },
    ],
    needs: Needs::Cluster,
    examples: &[
        Example { line: "config diff topic/test", about: "against the defaults" },
        Example { line: "config diff topic/test topic/orders", about: "between two topics" },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let left = resource::parse(&call.args.text("resource")?)?;
    let other = call.args.opt_text("other").map(|text| resource::parse(&text)).transpose()?;
    let admin = call.admin()?;
    let entries = resource::entries(admin.as_ref(), &left).await?;
    let Some(right) = other else {
        let rows: Vec<Value> = entries.iter().filter_map(|entry| changed(&left, entry)).collect();
        return Ok(Output::value(Value::Array(rows), View::Rows(CHANGED)));
    };
    let others = resource::entries(admin.as_ref(), &right).await?;
    let rows = between(&entries, &others);
    let same = rows.is_empty();
    let output = Output::value(Value::Array(rows), View::Rows(BETWEEN));
    Ok(match same {
        true => output.note(format!(
            "{} and {} have the same settings",
            resource::show(&left),
            resource::show(&right)
        )),
        false => output,
    })
}

/// A row where an entry is not Kafka's default. What a broker's file says as the default is, is
/// none; what somebody set while it ran is one, whatever its value.
fn changed(of: &ConfigResource, entry: &ConfigEntry) -> Option<Value> {
    if entry.source == ConfigSource::Default {
        return None;
    }
    let known = match of {
        ConfigResource::Topic(_) => keys::topic(&entry.key),
        ConfigResource::Broker(_) | ConfigResource::BrokerDefault => keys::broker(&entry.key),
    };
    let default = known.and_then(|key| key.default);
    if entry.source == ConfigSource::StaticBroker
        && default.is_some()
        && resource::value(entry) == default
    {
        return None;
    }
    Some(json!({
        "key": entry.key,
        "value": resource::value(entry),
        "default": default,
        "source": resource::source(entry.source),
    }))
}

fn between(left: &[ConfigEntry], right: &[ConfigEntry]) -> Vec<Value> {
    let mut all: BTreeMap<&str, (Option<&str>, Option<&str>)> = BTreeMap::new();
    for entry in left {
        all.entry(&entry.key).or_default().0 = resource::value(entry);
    }
    for entry in right {
        all.entry(&entry.key).or_default().1 = resource::value(entry);
    }
    all.into_iter()
        .filter(|(_, (left, right))| left != right)
        .map(|(key, (left, right))| json!({ "key": key, "left": left, "right": right }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, value: &str, source: ConfigSource) -> ConfigEntry {
        ConfigEntry {
            key: key.to_string(),
            value: Some(value.to_string()),
            source,
            read_only: false,
            sensitive: key == "ssl.key.password",
            kind: None,
            documentation: None,
        }
    }

    #[test]
    fn differences() {
        let topic = ConfigResource::Topic("t".to_string());
        let own = entry("retention.ms", "5", ConfigSource::Topic);
        let default = entry("segment.ms", "604800000", ConfigSource::Default);
        assert_eq!(changed(&topic, &default), None);
        assert_eq!(
            changed(&topic, &own),
            Some(json!({
                "key": "retention.ms", "value": "5", "default": "604800000", "source": "topic"
            }))
        );
        let restated = entry("num.partitions", "1", ConfigSource::StaticBroker);
        assert_eq!(changed(&ConfigResource::Broker(1), &restated), None);
        let secret = entry("ssl.key.password", "x", ConfigSource::StaticBroker);
        assert!(
            !changed(&ConfigResource::Broker(1), &secret).unwrap().to_string().contains("\"x\"")
        );
        let other = entry("retention.ms", "6", ConfigSource::Topic);
        assert_eq!(
            between(&[own, default.clone()], &[other, default]),
            [json!({ "key": "retention.ms", "left": "5", "right": "6" })]
        );
    }
}
