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
        Error::usage("bad-resource", format!("`{text}` has no settings"))
            .with_cause(format!("settings belong to {HELP}"))
    };
    let (kind, name) = text.split_once('/').ok_or_else(bad)?;
    match (kind, name) {
        ("topic" | "topics", name) => {
            kafsh_model::name::check_topic_name(name)?;
            Ok(ConfigResource::Topic(name.to_string()))
        }
        ("broker" | "brokers", "default" | "*") => Ok(ConfigResource::BrokerDefault),
        ("broker" | "brokers", id) => {
            let id: i32 = id.parse().map_err(|_| bad())?;
            if id < 0 { Err(bad()) } else { Ok(ConfigResource::Broker(id)) }
        }
        _ => Err(bad()),
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
