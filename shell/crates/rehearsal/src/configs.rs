//! Settings of topics and brokers, described and changed.

use std::collections::{BTreeMap, BTreeSet};

use kafsh_model::config::{ConfigChange, ConfigEntry, ConfigResource, ConfigSource};
use kafsh_model::keys::{self, Dynamic, Key, KeyType, Scope};
use kafsh_model::{BrokerId, Error, Result};

use crate::cluster::{Cluster, Topic};
use crate::defaults::{set_value, topic_default};
use crate::fault::{Silence, no_topic};
use crate::kafka_error::Kafka;
use crate::topics::said_of;
use crate::world::{Contact, World};

impl World {
    /// # Errors
    /// `topic-not-found`, `broker-not-found`, `unavailable`.
    pub(crate) fn describe_config(
        &self,
        contact: &Contact,
        resource: &ConfigResource,
    ) -> Result<Vec<ConfigEntry>> {
        let cluster = self.cluster_of(contact)?;
        match resource {
            ConfigResource::Topic(name) => {
                let topic = cluster.topics.get(name).ok_or_else(|| no_topic(name))?;
                let fixed = &self.servers.get(&contact.key).map_or(&[][..], |s| &s.in_force);
                let broker = Some(contact.broker);
                let one = |key: &Key| topic_entry(cluster, topic, broker, fixed, key);
                Ok(keys::all_topic().map(one).collect())
            }
            ConfigResource::BrokerDefault => {
                let empty = BTreeMap::new();
                let set = cluster.dynamic.get(&None).unwrap_or(&empty).iter();
                Ok(set
                    .map(|(key, value)| {
                        let found = (value.clone(), ConfigSource::DynamicDefaultBroker);
                        broker_entry(key, Some(found))
                    })
                    .collect())
            }
            ConfigResource::Broker(id) => {
                let owner = self.broker_server(cluster, *id, "describe configuration")?;
                let fixed = &self.servers.get(&owner).map_or(&[][..], |s| &s.in_force);
                let mut names: BTreeSet<&str> = keys::all_broker().map(|key| key.name).collect();
                names.extend(fixed.iter().map(|(key, _)| key.as_str()));
                let one = |key: &str| broker_entry(key, set_value(cluster, Some(*id), fixed, key));
                Ok(names.into_iter().map(one).collect())
            }
        }
    }

    fn broker_server(
        &self,
        cluster: &Cluster,
        id: BrokerId,
        doing: &str,
    ) -> Result<crate::world::Key> {
        let Some(registration) = cluster.brokers.get(&id) else {
            let alive: Vec<String> = cluster.brokers.keys().map(ToString::to_string).collect();
            return Err(Error::not_found(
                "broker-not-found",
                format!("cannot {doing}: no broker `{id}`"),
            )
            .with_evidence(format!("brokers that are up: {}", alive.join(", ")))
            .with_cause("it is down, or no broker of the cluster has that id")
            .with_next("broker list"));
        };
        if self.answers(&registration.owner) {
            return Ok(registration.owner.clone());
        }
        let address = registration.endpoints.first().map(|e| format!("{}:{}", e.host, e.port));
        Err(Silence::Refused.error(doing, &address.unwrap_or_default()))
    }

    /// # Errors
    /// As of a broker: `invalid-config`, `invalid-request`, `topic-not-found`, `broker-not-found`.
    pub(crate) fn alter_config(
        &mut self,
        contact: &Contact,
        resource: &ConfigResource,
        changes: &[ConfigChange],
        validate_only: bool,
    ) -> Result<()> {
        let cluster = self.cluster_of(contact)?;
        let current = match resource {
            ConfigResource::Topic(name) => {
                let topic = cluster.topics.get(name).ok_or_else(|| no_topic(name))?;
                topic.configs.clone()
            }
            ConfigResource::BrokerDefault => {
                cluster.dynamic.get(&None).cloned().unwrap_or_default()
            }
            ConfigResource::Broker(id) => {
                self.broker_server(cluster, *id, "change configuration")?;
                cluster.dynamic.get(&Some(*id)).cloned().unwrap_or_default()
            }
        };
        let mut keys: Vec<&str> = changes.iter().map(ConfigChange::key).collect();
        keys.sort_unstable();
        if let Some(pair) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            let said = format!("Error due to duplicate config keys : {}", pair[0]);
            return Err(failed(resource, Kafka::InvalidRequest, &said));
        }
        let mut changed = current.clone();
        for change in changes {
            check_change(resource, change)?;
            let listed = || self.value_of(contact, resource, change.key());
            apply(&mut changed, change, listed);
        }
        check_values(resource, &changed)?;
        if validate_only {
            return Ok(());
        }
        let (home, chroot) = (&contact.home, &contact.home.chroot);
        match resource {
            ConfigResource::Topic(name) => {
                if let Some(topic) = self.cluster_mut(home).and_then(|c| c.topics.get_mut(name)) {
                    topic.configs = changed;
                }
                if let Some(data) = self.data_mut(home) {
                    data.publish_topic(chroot, name);
                }
            }
            ConfigResource::Broker(_) | ConfigResource::BrokerDefault => {
                let of = match resource {
                    ConfigResource::Broker(id) => Some(*id),
                    _ => None,
                };
                if let Some(cluster) = self.cluster_mut(home) {
                    cluster.dynamic.insert(of, changed);
                }
                if let Some(data) = self.data_mut(home) {
                    data.publish_broker_config(chroot, of);
                }
            }
        }
        Ok(())
    }

    /// The value in force, which appending and subtracting begin with.
    fn value_of(&self, contact: &Contact, resource: &ConfigResource, key: &str) -> String {
        let entries = self.describe_config(contact, resource).unwrap_or_default();
        let found = entries.into_iter().find(|entry| entry.key == key);
        found.and_then(|entry| entry.value).unwrap_or_default()
    }
}

fn failed(resource: &ConfigResource, kafka: Kafka, said: &str) -> Error {
    let (subject, shown) = match resource {
        ConfigResource::Topic(name) => (name.as_str(), format!("topic `{name}`")),
        ConfigResource::Broker(id) => ("", format!("broker `{id}`")),
        ConfigResource::BrokerDefault => ("", "all brokers".to_string()),
    };
    let error = kafka.error(format!("cannot change the configuration of {shown}"), subject, said);
    match resource {
        ConfigResource::Topic(_) => error,
        _ => Error { next: vec!["broker list".to_string()], ..error },
    }
}

/// Whether this key may be changed so at all.
fn check_change(resource: &ConfigResource, change: &ConfigChange) -> Result<()> {
    let key = change.key();
    let known = match resource {
        ConfigResource::Topic(_) => keys::topic(key),
        _ => keys::broker(key),
    };
    match (resource, known.map(|known| known.dynamic)) {
        (ConfigResource::Topic(_), None) => {
            let said = format!("Unknown topic config name: {key}");
            return Err(failed(resource, Kafka::InvalidConfig, &said));
        }
        (ConfigResource::Broker(_) | ConfigResource::BrokerDefault, Some(Dynamic::ReadOnly)) => {
            let said = format!("Cannot update these configs dynamically: Set({key})");
            return Err(failed(resource, Kafka::InvalidRequest, &said));
        }
        (ConfigResource::BrokerDefault, Some(Dynamic::PerBroker)) => {
            let said = format!(
                "Cannot update these configs at default cluster level, broker id must be \
                 specified: Set({key})"
            );
            return Err(failed(resource, Kafka::InvalidRequest, &said));
        }
        _ => {}
    }
    let lists = matches!(change, ConfigChange::Append { .. } | ConfigChange::Subtract { .. });
    if lists && known.is_some_and(|known| known.kind != KeyType::List) {
        let verb =
            if matches!(change, ConfigChange::Append { .. }) { "append" } else { "subtract" };
        let said = format!("Config value {verb} is not allowed for config key: {key}");
        return Err(failed(resource, Kafka::InvalidConfig, &said));
    }
    Ok(())
}

fn apply(
    values: &mut BTreeMap<String, String>,
    change: &ConfigChange,
    current: impl FnOnce() -> String,
) {
    let words = |text: &str| -> Vec<String> {
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(String::from).collect()
    };
    match change {
        ConfigChange::Set { key, value } => drop(values.insert(key.clone(), value.clone())),
        ConfigChange::Unset { key } => drop(values.remove(key)),
        ConfigChange::Append { key, value } => {
            let mut list = words(&current());
            for word in words(value) {
                if !list.contains(&word) {
                    list.push(word);
                }
            }
            values.insert(key.clone(), list.join(","));
        }
        ConfigChange::Subtract { key, value } => {
            let gone = words(value);
            let list: Vec<String> =
                words(&current()).into_iter().filter(|word| !gone.contains(word)).collect();
            values.insert(key.clone(), list.join(","));
        }
    }
}

fn check_values(resource: &ConfigResource, values: &BTreeMap<String, String>) -> Result<()> {
    let (scope, kafka) = match resource {
        ConfigResource::Topic(_) => (Scope::Topic, Kafka::InvalidConfig),
        // Brokers take keys that they do not know: plugins of theirs may (KIP-226).
        _ => (Scope::Broker, Kafka::InvalidRequest),
    };
    for (key, value) in values {
        match keys::check_in(scope, key, value) {
            Err(error) if scope == Scope::Topic || error.code == "bad-config-value" => {
                return Err(failed(resource, kafka, &said_of(&error, key, value)));
            }
            _ => {}
        }
    }
    Ok(())
}

fn entry(
    key: &str,
    known: Option<&Key>,
    value: Option<String>,
    source: ConfigSource,
) -> ConfigEntry {
    let sensitive = known.is_some_and(|known| known.sensitive) || keys::is_sensitive(key);
    ConfigEntry {
        key: key.to_string(),
        value: value.filter(|_| !sensitive),
        source,
        read_only: known.is_some_and(|known| known.dynamic == Dynamic::ReadOnly),
        sensitive,
        kind: known.map(|known| known.kind.name().to_string()),
        documentation: known.map(|known| known.about.to_string()).filter(|text| !text.is_empty()),
    }
}

fn topic_entry(
    cluster: &Cluster,
    topic: &Topic,
    broker: Option<BrokerId>,
    fixed: &[(String, String)],
    key: &Key,
) -> ConfigEntry {
    let (value, source) = match topic.configs.get(key.name) {
        Some(value) => (Some(value.clone()), ConfigSource::Topic),
        None => topic_default(cluster, broker, fixed, key.name),
    };
    entry(key.name, Some(key), value, source)
}

fn broker_entry(key: &str, set: Option<(String, ConfigSource)>) -> ConfigEntry {
    let known = keys::broker(key);
    match set {
        Some((value, source)) => entry(key, known, Some(value), source),
        None => {
            let default = known.and_then(|known| known.default).map(String::from);
            entry(key, known, default, ConfigSource::Default)
        }
    }
}
