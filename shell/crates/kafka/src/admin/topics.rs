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

impl KafkaAdmin {
    pub(super) async fn create(
        &self,
        topics: &[TopicSpec],
        validate_only: bool,
    ) -> Result<Vec<ItemResult>> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
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

    pub(super) async fn delete(&self, names: &[String]) -> Result<Vec<ItemResult>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
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
