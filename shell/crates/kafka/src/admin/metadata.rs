//! The cluster, its topics, and what single brokers say of them.

use std::time::Duration;

use kafka_protocol::messages::MetadataResponse;
use kafka_protocol::messages::metadata_response::{
    MetadataResponsePartition, MetadataResponseTopic,
};
use kafsh_model::spec::SecurityProtocol;
use kafsh_model::topic::{BrokerView, ClusterView, PartitionDescription, TopicDescription};
use kafsh_model::units::show_duration;
use kafsh_model::{BrokerId, Error, Result};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{KafkaAdmin, check_address};
use crate::kafka_error::{UNKNOWN_TOPIC_OR_PARTITION, kafka_error};
use crate::wire::client::{Repeat, metadata_request};
use crate::wire::connection::Connection;
use crate::wire::fault::Fault;
use crate::wire::greet::greet_tls;
use crate::wire::transport::Plaintext;

/// Bytes of a topic id (KIP-516); all zero where a broker tells none.
type TopicId = [u8; 16];

impl KafkaAdmin {
    pub(super) async fn cluster_view(&self) -> Result<ClusterView> {
        let deadline = self.client.deadline();
        let response = self.client.metadata("describe the cluster", Some(&[]), deadline).await?;
        Ok(cluster_view(&response))
    }

    pub(super) async fn probe_address(
        &self,
        address: &str,
        timeout: Duration,
    ) -> Result<ClusterView> {
        check_address(address)?;
        let deadline = Instant::now() + timeout;
        // A connection of its own: a pooled one proves nothing about the port of now.
        let response = async {
            let connection = Connection::open(&Plaintext, address, deadline).await?;
            connection.call(|_| metadata_request(Some(&[])), deadline).await
        }
        .await
        .map_err(|fault| not_ready(address, &fault))?;
        let view = cluster_view(&response);
        if view.brokers.is_empty() {
            return Err(Error::unavailable(
                "unavailable",
                format!("the broker at `{address}` is not ready"),
            )
            .with_evidence("it answers, but its metadata names no broker")
            .with_cause("it has started but has not heard from the controller yet")
            .with_next("cluster status"));
        }
        Ok(view)
    }

    /// A TLS server's first message, else ApiVersions: a broker tells it before it asks who asks.
    pub(super) async fn greet_address(
        &self,
        address: &str,
        protocol: SecurityProtocol,
        timeout: Duration,
    ) -> Result<()> {
        check_address(address)?;
        let deadline = Instant::now() + timeout;
        let greeted = match protocol {
            SecurityProtocol::Plaintext | SecurityProtocol::SaslPlaintext => {
                Connection::open(&Plaintext, address, deadline).await.map(drop)
            }
            SecurityProtocol::Ssl | SecurityProtocol::SaslSsl => {
                greet_tls(&Plaintext, address, deadline).await
            }
        };
        greeted.map_err(|fault| not_ready(address, &fault))
    }

    pub(super) async fn describe_topics(
        &self,
        names: Option<&[String]>,
    ) -> Result<Vec<TopicDescription>> {
        if names.is_some_and(<[String]>::is_empty) {
            return Ok(Vec::new());
        }
        let deadline = self.client.deadline();
        let response = self.client.metadata("describe topics", names, deadline).await?;
        let mut topics = Vec::with_capacity(response.topics.len());
        for topic in &response.topics {
            let name = topic_name_of(topic);
            // A listing goes on without a topic that is on its way in or out.
            match topic.error_code {
                code if code != 0 && topic.partitions.is_empty() => {
                    if names.is_some() {
                        let what = topic_error_message(code, &name);
                        return Err(kafka_error(code, None, what, &name));
                    }
                }
                _ => topics.push(topic_description(topic)),
            }
        }
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    /// The named topics; `topic-not-found` only where no live broker knows one: a topic that was
    /// just created may be news to the broker asked first.
    pub(crate) async fn topics_somewhere(&self, names: &[String]) -> Result<Vec<TopicDescription>> {
        let error = match self.describe_topics(Some(names)).await {
            Err(error) if error.code == "topic-not-found" => error,
            result => return result,
        };
        let Ok(seen) = self.describe_topics_everywhere(names).await else { return Err(error) };
        let mut known = seen.into_iter().flat_map(|(_, topics)| topics).collect::<Vec<_>>();
        known.sort_by(|a, b| a.name.cmp(&b.name));
        known.dedup_by(|a, b| a.name == b.name);
        if known.len() == names.len() { Ok(known) } else { Err(error) }
    }

    pub(super) async fn describe_topics_everywhere(
        &self,
        names: &[String],
    ) -> Result<Vec<(BrokerId, Vec<TopicDescription>)>> {
        let deadline = self.client.deadline();
        let doing = "describe topics on every broker";
        let brokers = self.client.brokers(doing, deadline).await?;
        let mut tasks = JoinSet::new();
        for broker in brokers.into_keys() {
            let client = self.client.clone();
            let request = metadata_request(Some(names));
            tasks.spawn(async move {
                let ask = |_| request.clone();
                let response = client.call_broker(doing, broker, ask, Repeat::Safe, deadline).await;
                (broker, response)
            });
        }
        let mut seen = Vec::new();
        while let Some(joined) = tasks.join_next().await {
            let (broker, response) =
                joined.map_err(|error| Error::bug(format!("a task of ours failed: {error}")))?;
            let topics = response?
                .topics
                .iter()
                .filter(|topic| topic.error_code == 0 || !topic.partitions.is_empty())
                .map(topic_description)
                .collect();
            seen.push((broker, topics));
        }
        seen.sort_by_key(|(broker, _)| *broker);
        Ok(seen)
    }
}

fn topic_error_message(code: i16, name: &str) -> String {
    if code == UNKNOWN_TOPIC_OR_PARTITION {
        format!("no topic `{name}`")
    } else {
        format!("cannot describe topic `{name}`")
    }
}

fn not_ready(address: &str, fault: &Fault) -> Error {
    let (message, cause) = match fault {
        Fault::Refused(_) => (
            format!("nothing listens at `{address}`"),
            "the broker is down, or still starting: it opens its port late",
        ),
        Fault::Silent { waited, .. } => (
            format!("the broker at `{address}` is silent after {}", show_duration(*waited)),
            "it is starting, paused or overloaded",
        ),
        Fault::Lost(_) | Fault::Stale => (
            format!("the broker at `{address}` closed the connection"),
            "it is stopping, or not ready yet",
        ),
        Fault::Garbled(_) | Fault::Unsupported { .. } => {
            return fault.error("ask for the broker's versions", address);
        }
    };
    Error::unavailable("unavailable", message)
        .with_evidence(format!("{address}: {fault}"))
        .with_cause(cause)
        .with_next("cluster status")
        .with_next("broker logs")
}

pub(crate) fn cluster_view(response: &MetadataResponse) -> ClusterView {
    let mut brokers: Vec<BrokerView> = response
        .brokers
        .iter()
        .map(|broker| BrokerView {
            id: broker.node_id.0,
            host: broker.host.to_string(),
            port: u16::try_from(broker.port).unwrap_or(0),
            rack: broker.rack.as_ref().map(ToString::to_string),
        })
        .collect();
    brokers.sort_by_key(|broker| broker.id);
    ClusterView {
        cluster_id: response.cluster_id.as_ref().map(ToString::to_string),
        controller: Some(response.controller_id.0).filter(|id| *id >= 0),
        brokers,
    }
}

fn topic_name_of(topic: &MetadataResponseTopic) -> String {
    topic.name.as_ref().map(|name| name.0.to_string()).unwrap_or_default()
}

fn topic_description(topic: &MetadataResponseTopic) -> TopicDescription {
    let mut partitions: Vec<_> = topic.partitions.iter().map(partition_description).collect();
    partitions.sort_by_key(|partition| partition.partition);
    TopicDescription {
        name: topic_name_of(topic),
        id: show_topic_id(topic.topic_id.as_bytes()),
        internal: topic.is_internal,
        partitions,
    }
}

fn partition_description(partition: &MetadataResponsePartition) -> PartitionDescription {
    let ids = |nodes: &[kafka_protocol::messages::BrokerId]| nodes.iter().map(|id| id.0).collect();
    PartitionDescription {
        partition: partition.partition_index,
        leader: Some(partition.leader_id.0).filter(|id| *id >= 0),
        leader_epoch: partition.leader_epoch,
        replicas: ids(&partition.replica_nodes),
        isr: ids(&partition.isr_nodes),
        offline_replicas: ids(&partition.offline_replicas),
    }
}

/// A topic id as Kafka prints it: URL-safe base64 without padding (`org.apache.kafka.common.Uuid`).
fn show_topic_id(id: &TopicId) -> Option<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if *id == [0; 16] {
        return None;
    }
    let bits = u128::from_be_bytes(*id);
    // 22 letters of 6 bits carry the 128; the last has 4 bits of padding.
    let letter = |index: u32| match 122_i32 - 6 * index as i32 {
        shift @ 0.. => (bits >> shift) & 63,
        shift => (bits << -shift) & 63,
    };
    Some((0..22).map(|index| char::from(ALPHABET[letter(index) as usize])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_ids_look_as_kafka_prints_them() {
        assert_eq!(show_topic_id(&[0; 16]), None);
        // Uuid.ONE_UUID and METADATA_TOPIC_ID are both 0...01.
        let mut one = [0; 16];
        one[15] = 1;
        assert_eq!(show_topic_id(&one).as_deref(), Some("AAAAAAAAAAAAAAAAAAAAAQ"));
        let all = [0xff; 16];
        assert_eq!(show_topic_id(&all).as_deref(), Some("_____________________w"));
    }
}
