//! Configuration of topics and brokers as the brokers report and take it.

use serde::{Deserialize, Serialize};

use crate::name::BrokerId;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "name")]
pub enum ConfigResource {
    Topic(String),
    Broker(BrokerId),
    /// The cluster-wide dynamic default of all brokers
    BrokerDefault,
}

/// Where a value comes from (DescribeConfigs, `ConfigSource`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigSource {
    Topic,
    DynamicBroker,
    DynamicDefaultBroker,
    StaticBroker,
    Default,
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigEntry {
    pub key: String,
    /// `None` where the broker keeps it back (sensitive) or it has no value
    pub value: Option<String>,
    pub source: ConfigSource,
    pub read_only: bool,
    pub sensitive: bool,
    /// Kafka's type in lower case (`int`, `long`, `list`, …), where the broker tells it
    pub kind: Option<String>,
    pub documentation: Option<String>,
}

/// One change of the incremental call (KIP-339): keys not named stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "op")]
pub enum ConfigChange {
    Set {
        key: String,
        value: String,
    },
    /// Back to the default
    Unset {
        key: String,
    },
    /// Add to a list value
    Append {
        key: String,
        value: String,
    },
    /// Take from a list value
    Subtract {
        key: String,
        value: String,
    },
}

impl ConfigChange {
    pub fn key(&self) -> &str {
        match self {
            ConfigChange::Set { key, .. }
            | ConfigChange::Unset { key }
            | ConfigChange::Append { key, .. }
            | ConfigChange::Subtract { key, .. } => key,
        }
    }

    /// What a value becomes by this, as far as that is known without the brokers.
    pub fn after(&self, old: Option<&str>) -> Option<String> {
        let elements = |text: &str| -> Vec<String> {
            let parts = text.split(',').map(|part| part.trim().to_string());
            parts.filter(|part| !part.is_empty()).collect()
        };
        let old = elements(old.unwrap_or_default());
        match self {
            ConfigChange::Set { value, .. } => Some(value.clone()),
            ConfigChange::Unset { .. } => None,
            ConfigChange::Append { value, .. } => {
                let mut all = old;
                for element in elements(value) {
                    if !all.contains(&element) {
                        all.push(element);
                    }
                }
                Some(all.join(","))
            }
            ConfigChange::Subtract { value, .. } => {
                let gone = elements(value);
                Some(old.into_iter().filter(|e| !gone.contains(e)).collect::<Vec<_>>().join(","))
            }
        }
    }
}
