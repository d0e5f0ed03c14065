//! Administration over Kafka's own protocol: what librdkafka lacks or does in a dangerous way.

mod configs;
mod groups;
mod log_dirs;
mod metadata;
mod offsets;
mod topics;

use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::messages::TopicName;
use kafka_protocol::protocol::StrBytes;
use kafsh_model::config::{ConfigChange, ConfigEntry, ConfigResource};
use kafsh_model::group::{CommittedOffset, GroupDescription};
use kafsh_model::port::{Admin, BoxFuture, BrokerGroups, BrokerLogDirs, ItemResult, Target};
use kafsh_model::spec::SecurityProtocol;
use kafsh_model::topic::{ClusterView, OffsetAt, TopicDescription, TopicPartition, TopicSpec};
use kafsh_model::{BrokerId, Error, Result};

pub(crate) use offsets::{Isolation, no_partition};

use crate::wire::client::Client;
use crate::wire::transport::{Plaintext, Transport};

/// The admin port of one cluster.
pub(crate) struct KafkaAdmin {
    pub(crate) client: Arc<Client>,
}

impl KafkaAdmin {
    pub fn new(target: &Target) -> Result<Arc<Self>> {
        if target.bootstrap.is_empty() {
            return Err(Error::usage("no-bootstrap", "no address of a broker was given")
                .with_next("cluster list"));
        }
        for address in &target.bootstrap {
            check_address(address)?;
        }
        check_plaintext(&target.client)?;
        Ok(Self::over(target, Box::new(Plaintext)))
    }

    pub(crate) fn over(target: &Target, transport: Box<dyn Transport>) -> Arc<Self> {
        let client = Client::new(target.bootstrap.clone(), target.timeout, transport);
        Arc::new(KafkaAdmin { client })
    }
}

/// Refuses an address that is not `host:port`.
pub(crate) fn check_address(address: &str) -> Result<()> {
    let good = address.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if good {
        return Ok(());
    }
    Err(Error::usage("bad-address", format!("`{}` is no address", address.escape_debug()))
        .with_cause("an address is `host:port`, with a port of 1 to 65535"))
}

/// Administration has no TLS or SASL yet: better to say so than to talk plainly to a port that
/// expects otherwise.
fn check_plaintext(client: &[(String, String)]) -> Result<()> {
    let protocol = client.iter().rev().find(|(key, _)| key == "security.protocol");
    match protocol {
        Some((_, value)) if !value.eq_ignore_ascii_case("plaintext") => Err(Error::usage(
            "unsupported-security",
            format!("`security.protocol={value}` is not supported"),
        )
        .with_cause("brokers are asked over plaintext listeners only, and none is known here")),
        _ => Ok(()),
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_string())
}

fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

/// What a broker is told to bound its own work by, a little less than our patience, in ms.
fn broker_timeout_ms(timeout: Duration) -> i32 {
    let ms = timeout.saturating_sub(timeout / 10).as_millis();
    i32::try_from(ms).unwrap_or(i32::MAX).max(1)
}

impl Admin for KafkaAdmin {
    fn cluster(&self) -> BoxFuture<'_, Result<ClusterView>> {
        Box::pin(self.cluster_view())
    }

    fn probe<'a>(
        &'a self,
        address: &'a str,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<ClusterView>> {
        Box::pin(self.probe_address(address, timeout))
    }

    fn greet<'a>(
        &'a self,
        address: &'a str,
        protocol: SecurityProtocol,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.greet_address(address, protocol, timeout))
    }

    fn topics<'a>(
        &'a self,
        names: Option<&'a [String]>,
    ) -> BoxFuture<'a, Result<Vec<TopicDescription>>> {
        Box::pin(async move {
            match names {
                Some(names) => self.topics_somewhere(names).await,
                None => self.describe_topics(None).await,
            }
        })
    }

    fn topics_on_every_broker<'a>(
        &'a self,
        names: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<(BrokerId, Vec<TopicDescription>)>>> {
        Box::pin(self.describe_topics_everywhere(names))
    }

    fn create_topics<'a>(
        &'a self,
        topics: &'a [TopicSpec],
        validate_only: bool,
    ) -> BoxFuture<'a, Result<Vec<ItemResult<TopicSpec>>>> {
        Box::pin(async move {
            let results = self.create(topics, validate_only).await?.into_iter().zip(topics);
            Ok(results.map(|((name, made), spec)| (name, made.map(|()| spec.clone()))).collect())
        })
    }

    fn delete_topics<'a>(&'a self, names: &'a [String]) -> BoxFuture<'a, Result<Vec<ItemResult>>> {
        Box::pin(self.delete(names))
    }

    fn add_partitions<'a>(
        &'a self,
        topic: &'a str,
        total: i32,
        validate_only: bool,
    ) -> BoxFuture<'a, Result<i32>> {
        Box::pin(async move {
            self.raise_partitions(topic, total, validate_only).await?;
            Ok(total)
        })
    }

    fn describe_configs<'a>(
        &'a self,
        resources: &'a [ConfigResource],
    ) -> BoxFuture<'a, Result<Vec<(ConfigResource, Vec<ConfigEntry>)>>> {
        Box::pin(self.configs(resources))
    }

    fn alter_configs<'a>(
        &'a self,
        resource: &'a ConfigResource,
        changes: &'a [ConfigChange],
        validate_only: bool,
    ) -> BoxFuture<'a, Result<Vec<ConfigChange>>> {
        Box::pin(async move {
            self.change_configs(resource, changes, validate_only).await?;
            Ok(changes.to_vec())
        })
    }

    fn list_groups(&self, timeout: Duration) -> BoxFuture<'_, Result<Vec<BrokerGroups>>> {
        Box::pin(self.groups(timeout))
    }

    fn describe_group<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<GroupDescription>> {
        Box::pin(self.group(group))
    }

    fn committed_offsets<'a>(
        &'a self,
        group: &'a str,
    ) -> BoxFuture<'a, Result<Vec<CommittedOffset>>> {
        Box::pin(self.committed(group))
    }

    fn list_offsets<'a>(
        &'a self,
        partitions: &'a [TopicPartition],
        at: OffsetAt,
    ) -> BoxFuture<'a, Result<Vec<(TopicPartition, Option<i64>)>>> {
        Box::pin(async move {
            let deadline = self.client.deadline();
            self.offsets(partitions, at, Isolation::ReadUncommitted, deadline).await
        })
    }

    fn log_dirs<'a>(
        &'a self,
        partitions: Option<&'a [TopicPartition]>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<BrokerLogDirs>>> {
        Box::pin(self.log_folders(partitions, timeout))
    }
}
