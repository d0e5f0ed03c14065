//! Offsets of partitions, asked of their leaders, wherever those move to.

use std::collections::{BTreeMap, HashMap};

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};
use kafsh_model::topic::{OffsetAt, TopicPartition};
use kafsh_model::{BrokerId, Error, Result};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{KafkaAdmin, topic_name};
use crate::kafka_error::{UNKNOWN_TOPIC_OR_PARTITION, is_leader_moving, kafka_error};
use crate::wire::client::{Pause, Repeat};

/// Which end a partition has for a reader (`isolation.level`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// The high watermark
    ReadUncommitted,
    /// The last stable offset: the high watermark, or the first record of an open transaction
    ReadCommitted,
}

/// `ListOffsetsRequest`: the reserved timestamps
const EARLIEST: i64 = -2;
const LATEST: i64 = -1;

type Leaders = HashMap<TopicPartition, Option<BrokerId>>;

impl KafkaAdmin {
    /// Offsets of `partitions`, in their order.
    pub(crate) async fn offsets(
        &self,
        partitions: &[TopicPartition],
        at: OffsetAt,
        isolation: Isolation,
        deadline: Instant,
    ) -> Result<Vec<(TopicPartition, Option<i64>)>> {
        let mut found: HashMap<TopicPartition, Option<i64>> = HashMap::new();
        let mut pause = Pause::new(deadline);
        let mut missing: Vec<TopicPartition> = partitions.to_vec();
        missing.sort();
        missing.dedup();
        while !missing.is_empty() {
            let leaders = self.leaders(&missing, deadline).await?;
            let trouble = self.ask_leaders(&leaders, at, isolation, deadline, &mut found).await?;
            missing.retain(|partition| !found.contains_key(partition));
            if missing.is_empty() {
                break;
            }
            if !pause.wait().await {
                return Err(trouble.unwrap_or_else(|| no_leader(&missing)));
            }
        }
        let answer = |partition: &TopicPartition| {
            (partition.clone(), found.get(partition).copied().flatten())
        };
        Ok(partitions.iter().map(answer).collect())
    }

    /// The leader of each partition, from fresh metadata; `None` where it has none.
    async fn leaders(&self, partitions: &[TopicPartition], deadline: Instant) -> Result<Leaders> {
        let mut names: Vec<String> = partitions.iter().map(|p| p.topic.clone()).collect();
        names.dedup();
        let response = self.client.metadata("list offsets", Some(&names), deadline).await?;
        let mut leaders = Leaders::new();
        for topic in &response.topics {
            let name = topic.name.as_ref().map(|name| name.0.to_string()).unwrap_or_default();
            if topic.error_code != 0 && topic.partitions.is_empty() {
                let what = match topic.error_code {
                    UNKNOWN_TOPIC_OR_PARTITION => format!("no topic `{name}`"),
                    _ => format!("cannot list offsets of topic `{name}`"),
                };
                return Err(kafka_error(topic.error_code, None, what, &name));
            }
            for partition in &topic.partitions {
                let leader = Some(partition.leader_id.0).filter(|id| *id >= 0);
                let partition = partition.partition_index;
                leaders.insert(TopicPartition { topic: name.clone(), partition }, leader);
            }
        }
        let mut wanted = Leaders::new();
        for partition in partitions {
            match leaders.get(partition) {
                Some(leader) => wanted.insert(partition.clone(), *leader),
                None => return Err(no_partition(partition)),
            };
        }
        Ok(wanted)
    }

    /// Asks all leaders side by side; returns the last trouble that may pass.
    async fn ask_leaders(
        &self,
        leaders: &Leaders,
        at: OffsetAt,
        isolation: Isolation,
        deadline: Instant,
        found: &mut HashMap<TopicPartition, Option<i64>>,
    ) -> Result<Option<Error>> {
        let mut by_leader: BTreeMap<BrokerId, Vec<TopicPartition>> = BTreeMap::new();
        for (partition, leader) in leaders {
            if let Some(leader) = leader {
                by_leader.entry(*leader).or_default().push(partition.clone());
            }
        }
        let mut tasks = JoinSet::new();
        for (leader, mut partitions) in by_leader {
            partitions.sort();
            let client = self.client.clone();
            tasks.spawn(async move {
                let ask = |version| request(&partitions, at, isolation, version);
                client.call_broker("list offsets", leader, ask, Repeat::Safe, deadline).await
            });
        }
        let mut trouble = None;
        while let Some(joined) = tasks.join_next().await {
            let response =
                joined.map_err(|error| Error::bug(format!("a task of ours failed: {error}")))?;
            match response {
                Ok(response) => collect(&response, at, found, &mut trouble)?,
                // The leader may be going down: others will say who follows it.
                Err(error) if error.class.is_not_yet() => trouble = Some(error),
                Err(error) => return Err(error),
            }
        }
        Ok(trouble)
    }
}

fn request(
    partitions: &[TopicPartition],
    at: OffsetAt,
    isolation: Isolation,
    version: i16,
) -> ListOffsetsRequest {
    let timestamp = match at {
        OffsetAt::Earliest => EARLIEST,
        OffsetAt::Latest => LATEST,
        // Below 0 are Kafka's own signs; no record is older than 1970.
        OffsetAt::Timestamp(ms) => ms.max(0),
    };
    let mut topics: Vec<ListOffsetsTopic> = Vec::new();
    for partition in partitions {
        let wanted = ListOffsetsPartition::default()
            .with_partition_index(partition.partition)
            .with_current_leader_epoch(-1)
            .with_timestamp(timestamp);
        match topics.last_mut() {
            Some(topic) if *topic.name.0 == *partition.topic => topic.partitions.push(wanted),
            _ => topics.push(
                ListOffsetsTopic::default()
                    .with_name(topic_name(&partition.topic))
                    .with_partitions(vec![wanted]),
            ),
        }
    }
    let level = match isolation {
        Isolation::ReadUncommitted => 0,
        Isolation::ReadCommitted => i8::from(version >= 2),
    };
    ListOffsetsRequest::default()
        .with_replica_id((-1).into())
        .with_isolation_level(level)
        .with_topics(topics)
}

fn collect(
    response: &ListOffsetsResponse,
    at: OffsetAt,
    found: &mut HashMap<TopicPartition, Option<i64>>,
    trouble: &mut Option<Error>,
) -> Result<()> {
    for topic in &response.topics {
        for partition in &topic.partitions {
            let name = topic.name.0.to_string();
            let place =
                TopicPartition { topic: name.clone(), partition: partition.partition_index };
            match partition.error_code {
                0 => {
                    let none = matches!(at, OffsetAt::Timestamp(_)) && partition.offset < 0;
                    found.insert(place, (!none).then_some(partition.offset));
                }
                code => {
                    let what =
                        format!("cannot list offsets of `{name}/{}`", partition.partition_index);
                    let error = kafka_error(code, None, what, &name);
                    if !is_leader_moving(code) {
                        return Err(error);
                    }
                    *trouble = Some(error);
                }
            }
        }
    }
    Ok(())
}

fn no_leader(partitions: &[TopicPartition]) -> Error {
    let shown: Vec<String> =
        partitions.iter().take(8).map(|p| format!("`{}/{}`", p.topic, p.partition)).collect();
    let topic = partitions.first().map(|p| p.topic.clone()).unwrap_or_default();
    Error::unavailable("leader-not-available", format!("no leader for {}", shown.join(", ")))
        .with_cause("the brokers that hold the partition are down")
        .with_next(format!("topic describe {topic}"))
        .with_next("cluster status")
}

/// The error for a partition that its topic does not have.
pub(crate) fn no_partition(partition: &TopicPartition) -> Error {
    let TopicPartition { topic, partition } = partition;
    Error::not_found("partition-not-found", format!("no partition `{topic}/{partition}`"))
        .with_cause("the topic has fewer partitions")
        .with_next(format!("topic describe {topic}"))
}
