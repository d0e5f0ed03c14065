//! What settings belong to: `topic/NAME`, `broker/ID`, `broker/default`.

use kafsh_model::config::{ConfigEntry, ConfigResource, ConfigSource};
use kafsh_model::keys::Scope;
use kafsh_model::port::Admin;
use kafsh_model::{Error, Result};
use serde_json::{Value, json};

/// For the records of the table.
pub const HELP: &str = "topic/NAME, broker/ID, or broker/default for all brokers";

pub fn parse(text: &str) -> Result<ConfigResource> {
    let bad = || {
        // A name without its kind is mostly a topic's, and a number a broker's.
        let near = if text.parse::<u16>().is_ok() {
            format!("broker/{text}")
        } else {
            format!("topic/{text}")
        };
        let meant = parse_kind(&near).filter(|_| !text.contains('/'));
        let error = Error::usage("bad-resource", format!("`{text}` has no settings"));
        let belong = format!("settings belong to {HELP}");
        match meant {
            None => error.with_cause(belong),
            Some(_) => error
                .with_cause(format!("{belong}; did you mean `{near}`?"))
                .with_next(format!("config get {near}")),
        }
    };
    let (kind, name) = text.split_once('/').ok_or_else(bad)?;
    if let ("topic" | "topics", name) = (kind, name) {
        kafsh_model::name::check_topic_name(name)?;
    }
    parse_kind(text).ok_or_else(bad)
}

fn parse_kind(text: &str) -> Option<ConfigResource> {
    match text.split_once('/')? {
        ("topic" | "topics", name) => {
            kafsh_model::name::check_topic_name(name).ok()?;
            Some(ConfigResource::Topic(name.to_string()))
        }
        ("broker" | "brokers", "default" | "*") => Some(ConfigResource::BrokerDefault),
        ("broker" | "brokers", id) => {
            id.parse().ok().filter(|id| *id >= 0).map(ConfigResource::Broker)
        }
        _ => None,
    }
}

pub fn scope(resource: &ConfigResource) -> Scope {
    match resource {
        ConfigResource::Topic(_) => Scope::Topic,
        ConfigResource::Broker(_) | ConfigResource::BrokerDefault => Scope::Broker,
    }
}

pub fn show(resource: &ConfigResource) -> String {
    match resource {
        ConfigResource::Topic(name) => format!("topic/{name}"),
        ConfigResource::Broker(id) => format!("broker/{id}"),
        ConfigResource::BrokerDefault => "broker/default".to_string(),
    }
}

/// All settings of a resource, in order of their keys.
pub async fn entries(admin: &dyn Admin, resource: &ConfigResource) -> Result<Vec<ConfigEntry>> {
    let described = admin.describe_configs(std::slice::from_ref(resource)).await?;
    let mut entries: Vec<ConfigEntry> =
        described.into_iter().flat_map(|(_, entries)| entries).collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(entries)
}

/// The word JSON has for a source.
pub fn source(source: ConfigSource) -> &'static str {
    match source {
        ConfigSource::Topic => "topic",
        ConfigSource::DynamicBroker => "dynamic-broker",
        ConfigSource::DynamicDefaultBroker => "dynamic-default-broker",
        ConfigSource::StaticBroker => "static-broker",
        ConfigSource::Default => "default",
        ConfigSource::Other => "other",
    }
}

/// A row: `{"key", "value", "source", "read_only", "sensitive"}`; a sensitive value is never shown.
pub fn row(entry: &ConfigEntry) -> Value {
    json!({
        "key": entry.key,
        "value": value(entry),
        "source": source(entry.source),
        "read_only": entry.read_only,
        "sensitive": entry.sensitive,
    })
}

/// The value, where it may be shown.
pub fn value(entry: &ConfigEntry) -> Option<&str> {
    let hidden = entry.sensitive || kafsh_model::keys::is_sensitive(&entry.key);
    if hidden { None } else { entry.value.as_deref() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources() {
        for text in ["topic/a.b", "broker/0", "broker/default"] {
            assert_eq!(show(&parse(text).unwrap()), text);
        }
        for bad in ["", "topic", "topic/", "topic/a b", "broker/x", "broker/-1", "user/x"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
