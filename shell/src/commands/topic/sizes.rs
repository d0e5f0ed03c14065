//! How much topics hold: spans of offsets and bytes, asked of all leaders side by side, so that one
//! that hangs costs no more than what it leads.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kafsh_model::BrokerId;
use kafsh_model::port::Admin;
use kafsh_model::topic::{OffsetAt, TopicDescription, TopicPartition};
use tokio::task::JoinSet;

/// Longest that a broker may take to tell; what it has is not known then.
const SIZES_WAIT: Duration = Duration::from_secs(1);

/// By partition; what is not in it is not known.
pub(super) type Sizes = HashMap<TopicPartition, u64>;

/// Bytes of each partition, as its leader has it. `topics` are all there are, or (`only_these`) a
/// few of them.
pub(super) async fn bytes(
    admin: &dyn Admin,
    topics: &[TopicDescription],
    only_these: bool,
) -> Sizes {
    let leaders: HashMap<TopicPartition, BrokerId> = led(topics).collect();
    let places: Option<Vec<TopicPartition>> = only_these.then(|| leaders.keys().cloned().collect());
    let asked = admin.log_dirs(places.as_deref(), SIZES_WAIT);
    // A port may be silent for longer than it was told to.
    let Ok(Ok(folders)) = tokio::time::timeout(2 * SIZES_WAIT, asked).await else {
        return Sizes::new();
    };
    let mut sizes = Sizes::new();
    for (broker, folders) in folders {
        for replica in folders.unwrap_or_default().into_iter().flat_map(|folder| folder.replicas) {
            if !replica.is_future && leaders.get(&replica.at) == Some(&broker) {
                sizes.insert(replica.at, replica.size_bytes);
            }
        }
    }
    sizes
}

/// Offsets between beginning and end of each partition.
pub(super) async fn records(admin: &Arc<dyn Admin>, topics: &[TopicDescription]) -> Sizes {
    let mut by_leader: BTreeMap<BrokerId, Vec<TopicPartition>> = BTreeMap::new();
    for (place, leader) in led(topics) {
        by_leader.entry(leader).or_default().push(place);
    }
    let mut asked = JoinSet::new();
    for places in by_leader.into_values() {
        let admin = admin.clone();
        asked.spawn(async move {
            let both = async {
                tokio::try_join!(
                    admin.list_offsets(&places, OffsetAt::Earliest),
                    admin.list_offsets(&places, OffsetAt::Latest)
                )
            };
            tokio::time::timeout(SIZES_WAIT, both).await.ok()?.ok()
        });
    }
    let mut spans = Sizes::new();
    while let Some(joined) = asked.join_next().await {
        let Ok(Some((earliest, latest))) = joined else { continue };
        let ends: HashMap<TopicPartition, Option<i64>> = latest.into_iter().collect();
        for (place, start) in earliest {
            let (start, end) = (start, ends.get(&place).copied().flatten());
            if let (Some(start), Some(end)) = (start, end) {
                spans.insert(place, u64::try_from(end - start).unwrap_or(0));
            }
        }
    }
    spans
}

fn led(topics: &[TopicDescription]) -> impl Iterator<Item = (TopicPartition, BrokerId)> + '_ {
    topics.iter().flat_map(|topic| {
        topic.partitions.iter().filter_map(|partition| {
            let (topic, leader) = (topic.name.clone(), partition.leader?);
            Some((TopicPartition { topic, partition: partition.partition }, leader))
        })
    })
}

/// All partitions of a topic together; `None` where one of them is not known.
pub(super) fn total(topic: &TopicDescription, sizes: &Sizes) -> Option<u64> {
    let of = |partition: i32| {
        sizes.get(&TopicPartition { topic: topic.name.clone(), partition }).copied()
    };
    topic.partitions.iter().map(|partition| of(partition.partition)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafsh_model::topic::PartitionDescription;

    #[test]
    fn a_topic_of_which_a_part_is_unknown_is_unknown() {
        let partition = |partition, leader| PartitionDescription {
            partition,
            leader,
            leader_epoch: 0,
            replicas: vec![1],
            isr: vec![1],
            offline_replicas: Vec::new(),
        };
        let topic = TopicDescription {
            name: "t".to_string(),
            id: None,
            internal: false,
            partitions: vec![partition(0, Some(1)), partition(1, None)],
        };
        let at = |partition| TopicPartition { topic: "t".to_string(), partition };
        let mut sizes = Sizes::from([(at(0), 5)]);
        assert_eq!(total(&topic, &sizes), None);
        sizes.insert(at(1), 2);
        assert_eq!(total(&topic, &sizes), Some(7));
        assert_eq!(led(&[topic]).collect::<Vec<_>>(), [(at(0), 1)], "nobody can be asked for 1");
    }
}
