//! Settings of topics and brokers: described in full, changed key by key (KIP-339).

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::{
    DescribeConfigsRequest, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
use kafsh_model::config::{ConfigChange, ConfigEntry, ConfigResource, ConfigSource};
use kafsh_model::{BrokerId, Error, Result};

use super::{KafkaAdmin, text};
use crate::kafka_error::{NOT_CONTROLLER, UNKNOWN_TOPIC_OR_PARTITION, kafka_error};
use crate::wire::client::Repeat;

/// `org.apache.kafka.common.config.ConfigResource.Type`
const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// Which broker a request about `resource` must go to; `None`: any.
fn home(resource: &ConfigResource) -> Option<BrokerId> {
    match resource {
        // Only a broker itself knows its static configuration.
        ConfigResource::Broker(id) => Some(*id),
        ConfigResource::Topic(_) | ConfigResource::BrokerDefault => None,
    }
}

/// Type and name on the wire.
fn wire_name(resource: &ConfigResource) -> (i8, String) {
    match resource {
        ConfigResource::Topic(name) => (TOPIC, name.clone()),
        ConfigResource::Broker(id) => (BROKER, id.to_string()),
        ConfigResource::BrokerDefault => (BROKER, String::new()),
    }
}

fn show(resource: &ConfigResource) -> String {
    match resource {
        ConfigResource::Topic(name) => format!("topic `{name}`"),
        ConfigResource::Broker(id) => format!("broker `{id}`"),
        ConfigResource::BrokerDefault => "all brokers".to_string(),
    }
}

fn failed(verb: &str, resource: &ConfigResource, code: i16, message: Option<&str>) -> Error {
    let what = match resource {
        ConfigResource::Topic(name) if code == UNKNOWN_TOPIC_OR_PARTITION => {
            format!("no topic `{name}`")
        }
        _ => format!("cannot {verb} the configuration of {}", show(resource)),
    };
    let error = kafka_error(code, message, what, &wire_name(resource).1);
    match resource {
        ConfigResource::Topic(_) => error,
        // The table's commands are about topics.
        _ => Error { next: vec!["broker list".to_string()], ..error },
    }
}

impl KafkaAdmin {
    pub(super) async fn configs(
        &self,
        resources: &[ConfigResource],
    ) -> Result<Vec<(ConfigResource, Vec<ConfigEntry>)>> {
        let deadline = self.client.deadline();
        let doing = "describe configuration";
        // In the order asked for; those that any broker answers share one request.
        let mut described: Vec<Option<Vec<ConfigEntry>>> = vec![None; resources.len()];
        let mut homes: Vec<Option<BrokerId>> = resources.iter().map(home).collect();
        homes.sort_unstable();
        homes.dedup();
        for broker in homes {
            let here = || resources.iter().enumerate().filter(|(_, r)| home(r) == broker);
            let ask = |version| describe_request(here().map(|(_, resource)| resource), version);
            let response = match broker {
                None => self.client.call_any(doing, ask, deadline).await?,
                Some(id) => self.client.call_broker(doing, id, ask, Repeat::Safe, deadline).await?,
            };
            for (index, resource) in here() {
                described[index] = Some(entries_of(resource, &response.results)?);
            }
        }
        Ok(resources.iter().cloned().zip(described.into_iter().flatten()).collect())
    }

    pub(super) async fn change_configs(
        &self,
        resource: &ConfigResource,
        changes: &[ConfigChange],
        validate_only: bool,
    ) -> Result<()> {
        let (kind, name) = wire_name(resource);
        let wanted = AlterConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(&name))
            .with_configs(changes.iter().map(alterable).collect());
        let request = IncrementalAlterConfigsRequest::default()
            .with_resources(vec![wanted])
            .with_validate_only(validate_only);
        let deadline = self.client.deadline();
        let doing = "change configuration";
        let ask = |_| request.clone();
        let moved = |response: &IncrementalAlterConfigsResponse| {
            response.responses.iter().any(|result| result.error_code == NOT_CONTROLLER)
        };
        let response = match home(resource) {
            // Setting a key twice does the same as once, but adding to a list does not.
            Some(id) => self.client.call_broker(doing, id, ask, Repeat::Unsafe, deadline).await?,
            None => self.client.call_controller(doing, ask, moved, deadline).await?,
        };
        match response.responses.first() {
            Some(result) if result.error_code != 0 => {
                let message = result.error_message.as_deref();
                Err(failed("change", resource, result.error_code, message))
            }
            Some(_) => Ok(()),
            None => Err(Error::failed(
                "no-verdict",
                format!("the broker's answer does not tell about {}", show(resource)),
            )),
        }
    }
}

fn describe_request<'a>(
    resources: impl Iterator<Item = &'a ConfigResource>,
    version: i16,
) -> DescribeConfigsRequest {
    let resources = resources.map(|resource| {
        let (kind, name) = wire_name(resource);
        DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(&name))
            .with_configuration_keys(None)
    });
    // Documentation came with version 3 (KIP-569, Kafka 2.6).
    DescribeConfigsRequest::default()
        .with_resources(resources.collect())
        .with_include_documentation(version >= 3)
}

fn entries_of(
    resource: &ConfigResource,
    results: &[DescribeConfigsResult],
) -> Result<Vec<ConfigEntry>> {
    let (kind, name) = wire_name(resource);
    let found = results
        .iter()
        .find(|result| result.resource_type == kind && *result.resource_name == *name)
        .ok_or_else(|| {
            let what = format!("the broker's answer does not tell about {}", show(resource));
            Error::failed("no-verdict", what)
        })?;
    if found.error_code != 0 {
        return Err(failed("describe", resource, found.error_code, found.error_message.as_deref()));
    }
    let mut entries: Vec<ConfigEntry> = found.configs.iter().map(config_entry).collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(entries)
}

fn config_entry(result: &DescribeConfigsResourceResult) -> ConfigEntry {
    ConfigEntry {
        key: result.name.to_string(),
        value: result.value.as_ref().filter(|_| !result.is_sensitive).map(ToString::to_string),
        source: source(result.config_source),
        read_only: result.read_only,
        sensitive: result.is_sensitive,
        kind: kind_name(result.config_type).map(str::to_string),
        documentation: result.documentation.as_ref().map(ToString::to_string),
    }
}

/// `DescribeConfigsResponse.ConfigSource`
fn source(code: i8) -> ConfigSource {
    match code {
        1 => ConfigSource::Topic,
        2 => ConfigSource::DynamicBroker,
        3 => ConfigSource::DynamicDefaultBroker,
        4 => ConfigSource::StaticBroker,
        5 => ConfigSource::Default,
        _ => ConfigSource::Other,
    }
}

/// `DescribeConfigsResponse.ConfigType` (KIP-569)
fn kind_name(code: i8) -> Option<&'static str> {
    const NAMES: [&str; 9] =
        ["boolean", "string", "int", "short", "long", "double", "list", "class", "password"];
    NAMES.get(usize::try_from(code.checked_sub(1)?).ok()?).copied()
}

fn alterable(change: &ConfigChange) -> AlterableConfig {
    // `AlterConfigOp.OpType`
    let (operation, value) = match change {
        ConfigChange::Set { value, .. } => (0, Some(value)),
        ConfigChange::Unset { .. } => (1, None),
        ConfigChange::Append { value, .. } => (2, Some(value)),
        ConfigChange::Subtract { value, .. } => (3, Some(value)),
    };
    AlterableConfig::default()
        .with_name(text(change.key()))
        .with_config_operation(operation)
        .with_value(value.map(|value| text(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_sources_follow_kafkas_numbers() {
        let names: Vec<_> = (0..=10).map(kind_name).collect();
        assert_eq!(names[0], None);
        assert_eq!(names[1], Some("boolean"));
        assert_eq!(names[9], Some("password"));
        assert_eq!(names[10], None);
        assert_eq!(kind_name(i8::MIN), None);
        assert_eq!(source(5), ConfigSource::Default);
        assert_eq!(source(0), ConfigSource::Other);
    }
}
