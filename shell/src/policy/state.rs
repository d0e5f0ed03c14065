//! What is there, as policies are told it.

use std::collections::BTreeMap;

use kafsh_model::Result;
use kafsh_model::config::{ConfigResource, ConfigSource};
use kafsh_model::plugin::ClusterFacts;
use kafsh_model::policy::TopicState;
use kafsh_model::port::Admin;
use kafsh_model::topic::TopicDescription;

/// A topic as it is; `None` where there is none.
///
/// # Errors
/// What asking the brokers says.
pub async fn current_state(admin: &dyn Admin, topic: &str) -> Result<Option<TopicState>> {
    let names = [topic.to_string()];
    let found = match admin.topics(Some(&names)).await {
        Ok(found) => found,
        Err(error) if error.code == "topic-not-found" => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(states(admin, &found).await?.remove(topic))
}

/// Every broker, and every topic that is not Kafka's own.
///
/// # Errors
/// What asking the brokers says.
pub async fn facts(admin: &dyn Admin) -> Result<ClusterFacts> {
    let view = admin.cluster().await?;
    let mut topics = admin.topics(None).await?;
    topics.retain(|topic| !topic.internal);
    Ok(ClusterFacts {
        brokers: view.brokers.iter().map(|broker| broker.id).collect(),
        topics: states(admin, &topics).await?,
    })
}

async fn states(
    admin: &dyn Admin,
    topics: &[TopicDescription],
) -> Result<BTreeMap<String, TopicState>> {
    let resources: Vec<ConfigResource> =
        topics.iter().map(|topic| ConfigResource::Topic(topic.name.clone())).collect();
    let configs = match resources.is_empty() {
        true => Vec::new(),
        false => admin.describe_configs(&resources).await?,
    };
    let mut states = BTreeMap::new();
    for (topic, (_, entries)) in topics.iter().zip(configs) {
        let own = entries.into_iter().filter(|entry| entry.source == ConfigSource::Topic);
        let configs = own.filter_map(|entry| Some((entry.key, entry.value?))).collect();
        let state = TopicState {
            partitions: u32::try_from(topic.partitions.len()).unwrap_or(u32::MAX),
            replication_factor: u32::try_from(topic.replication_factor()).unwrap_or(u32::MAX),
            configs,
        };
        states.insert(topic.name.clone(), state);
    }
    Ok(states)
}

/// What the brokers give a topic whose partitions or replicas nobody chose.
///
/// # Errors
/// What asking the brokers says.
pub async fn defaults(admin: &dyn Admin) -> Result<(u32, u32)> {
    let view = admin.cluster().await?;
    let Some(broker) = view.brokers.first() else { return Ok((1, 1)) };
    let resources = [ConfigResource::Broker(broker.id)];
    let mut described = admin.describe_configs(&resources).await?;
    let entries = match described.pop() {
        Some((_, entries)) => entries,
        None => Vec::new(),
    };
    let number = |key: &str| {
        let entry = entries.iter().find(|entry| entry.key == key);
        entry.and_then(|entry| entry.value.as_ref()?.parse::<u32>().ok()).unwrap_or(1)
    };
    Ok((number("num.partitions"), number("default.replication.factor")))
}
