//! Creating, deleting and growing topics: requests for the controller.

use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::{CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest};
use kafsh_model::port::ItemResult;
use kafsh_model::topic::TopicSpec;
use kafsh_model::{Error, Result};

use super::{KafkaAdmin, broker_timeout_ms, text, topic_name};
use crate::kafka_error::{NOT_CONTROLLER, kafka_error};

/// "As the brokers are set" in CreateTopics 4 and later (KIP-464).
const BROKER_DEFAULT: i16 = -1;

/// How much one request asks for. The controller answers when all of it is there, which takes it
/// some milliseconds a topic: a thousand in one request are not made within its deadline.
const TOPICS_A_REQUEST: usize = 100;
const PARTITIONS_A_REQUEST: i64 = 1_000;

impl KafkaAdmin {
    /// Each request has the whole deadline. Where one after the first fails, what was decided
    /// before stands, its error is told of its topics, and the rest is not tried.
    pub(super) async fn create(
        &self,
        topics: &[TopicSpec],
        validate_only: bool,
    ) -> Result<Vec<ItemResult>> {
        let mut results: Vec<ItemResult> = Vec::with_capacity(topics.len());
        while results.len() < topics.len() {
            let rest = &topics[results.len()..];
            let asked = fits(rest);
            match self.create_at_once(&rest[..asked], validate_only).await {
                Ok(made) => results.extend(made),
                Err(error) if results.is_empty() => return Err(error),
                Err(error) => {
                    let names = rest.iter().map(|topic| &topic.name);
                    results.extend(left("create", names, asked, &error));
                }
            }
        }
        Ok(results)
    }

    async fn create_at_once(
        &self,
        topics: &[TopicSpec],
        validate_only: bool,
    ) -> Result<Vec<ItemResult>> {
        let request = CreateTopicsRequest::default()
            .with_topics(topics.iter().map(creatable).collect())
            .with_timeout_ms(broker_timeout_ms(self.client.timeout))
            .with_validate_only(validate_only);
        let deadline = self.client.deadline();
        let moved = |response: &kafka_protocol::messages::CreateTopicsResponse| {
            response.topics.iter().any(|topic| topic.error_code == NOT_CONTROLLER)
        };
        let response = self
            .client
            .call_controller("create topics", |_| request.clone(), moved, deadline)
            .await?;
        let verdict = |name: &str| {
            let found = response.topics.iter().find(|topic| &*topic.name.0 == name);
            let found = found.map(|topic| (topic.error_code, topic.error_message.as_deref()));
            verdict("create", name, found)
        };
        Ok(topics.iter().map(|topic| (topic.name.clone(), verdict(&topic.name))).collect())
    }

    /// In requests of some topics each, as [`Self::create`].
    pub(super) async fn delete(&self, names: &[String]) -> Result<Vec<ItemResult>> {
        let mut results: Vec<ItemResult> = Vec::with_capacity(names.len());
        while results.len() < names.len() {
            let rest = &names[results.len()..];
            let asked = rest.len().min(TOPICS_A_REQUEST);
            match self.delete_at_once(&rest[..asked]).await {
                Ok(gone) => results.extend(gone),
                Err(error) if results.is_empty() => return Err(error),
                Err(error) => results.extend(left("delete", rest.iter(), asked, &error)),
            }
        }
        Ok(results)
    }

    async fn delete_at_once(&self, names: &[String]) -> Result<Vec<ItemResult>> {
        let timeout_ms = broker_timeout_ms(self.client.timeout);
        // From 6 on topics are named in a list of their own (KIP-516).
        let ask = |version| {
            let request = DeleteTopicsRequest::default().with_timeout_ms(timeout_ms);
            let named = names.iter().map(|name| topic_name(name));
            if version < 6 {
                return request.with_topic_names(named.collect());
            }
            let state = |name| DeleteTopicState::default().with_name(Some(name));
            request.with_topics(named.map(state).collect())
        };
        let deadline = self.client.deadline();
        let moved = |response: &kafka_protocol::messages::DeleteTopicsResponse| {
            response.responses.iter().any(|topic| topic.error_code == NOT_CONTROLLER)
        };
        let response = self.client.call_controller("delete topics", ask, moved, deadline).await?;
        let verdict = |name: &str| {
            let found = response
                .responses
                .iter()
                .find(|topic| topic.name.as_ref().is_some_and(|found| &*found.0 == name));
            let found = found.map(|topic| (topic.error_code, topic.error_message.as_deref()));
            verdict("delete", name, found)
        };
        Ok(names.iter().map(|name| (name.clone(), verdict(name))).collect())
    }

    pub(super) async fn raise_partitions(
        &self,
        topic: &str,
        total: i32,
        validate_only: bool,
    ) -> Result<()> {
        let wanted = CreatePartitionsTopic::default()
            .with_name(topic_name(topic))
            .with_count(total)
            .with_assignments(None);
        let request = CreatePartitionsRequest::default()
            .with_topics(vec![wanted])
            .with_timeout_ms(broker_timeout_ms(self.client.timeout))
            .with_validate_only(validate_only);
        let moved = |response: &kafka_protocol::messages::CreatePartitionsResponse| {
            response.results.iter().any(|topic| topic.error_code == NOT_CONTROLLER)
        };
        let deadline = self.client.deadline();
        let response = self
            .client
            .call_controller("add partitions", |_| request.clone(), moved, deadline)
            .await?;
        let found = response.results.first();
        let found = found.map(|result| (result.error_code, result.error_message.as_deref()));
        verdict("add partitions to", topic, found)
    }
}

/// How many of them, from the first, one request asks for: always one.
fn fits(topics: &[TopicSpec]) -> usize {
    let mut partitions = 0;
    let fit = topics.iter().take(TOPICS_A_REQUEST).take_while(|topic| {
        let by_hand = i64::try_from(topic.assignments.len()).unwrap_or(i64::MAX);
        partitions += topic.partitions.map_or(by_hand, i64::from).max(1);
        partitions <= PARTITIONS_A_REQUEST
    });
    fit.count().max(1)
}

/// What a request that failed leaves: its error for the `asked` topics that it was about, and word
/// of those that no request was made for.
fn left<'a>(
    verb: &str,
    names: impl Iterator<Item = &'a String>,
    asked: usize,
    error: &Error,
) -> impl Iterator<Item = ItemResult> {
    names.enumerate().map(move |(at, name)| {
        if at < asked {
            return (name.clone(), Err(error.clone()));
        }
        let message = format!("did not try to {verb} topic `{name}`: a request before it failed");
        (name.clone(), Err(Error::failed("not-tried", message).with_next("cluster status")))
    })
}

fn creatable(spec: &TopicSpec) -> CreatableTopic {
    let by_hand = !spec.assignments.is_empty();
    let assignments = (0..).zip(&spec.assignments).map(|(partition, replicas)| {
        CreatableReplicaAssignment::default()
            .with_partition_index(partition)
            .with_broker_ids(replicas.iter().map(|id| (*id).into()).collect())
    });
    let configs = spec.configs.iter().map(|(key, value)| {
        CreatableTopicConfig::default().with_name(text(key)).with_value(Some(text(value)))
    });
    let topic = CreatableTopic::default()
        .with_name(topic_name(&spec.name))
        .with_assignments(assignments.collect())
        .with_configs(configs.collect());
    if by_hand {
        // Kafka refuses counts beside an assignment.
        topic.with_num_partitions(-1).with_replication_factor(-1)
    } else {
        topic
            .with_num_partitions(spec.partitions.unwrap_or(BROKER_DEFAULT.into()))
            .with_replication_factor(spec.replication_factor.unwrap_or(BROKER_DEFAULT))
    }
}

fn verdict(verb: &str, name: &str, found: Option<(i16, Option<&str>)>) -> Result<()> {
    match found {
        Some((0, _)) => Ok(()),
        Some((code, message)) => {
            Err(kafka_error(code, message, format!("cannot {verb} topic `{name}`"), name))
        }
        None => Err(Error::failed(
            "no-verdict",
            format!("the controller's answer does not tell about topic `{name}`"),
        )
        .with_next(format!("topic describe {name}"))),
    }
}
