//! Waiting for an effect on every broker: what the controller accepted, others may show later.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use kafsh_model::port::Admin;
use kafsh_model::topic::TopicDescription;
use kafsh_model::units::show_duration;
use kafsh_model::{BrokerId, Error, Result};
use tokio::time::Instant;

/// How long an effect may take to be seen on every broker.
pub const SETTLE_MAX: Duration = Duration::from_secs(30);

const POLL_FIRST: Duration = Duration::from_millis(20);
const POLL_MAX: Duration = Duration::from_millis(200);

/// Waits until `lacks` finds nothing wrong with what every live broker sees of the topics; it says
/// which topics are not there yet. Returns those that were not in time, with the reason.
pub async fn on_every_broker(
    admin: &dyn Admin,
    names: &[String],
    lacks: impl Fn(&str, Option<&TopicDescription>) -> Option<String>,
) -> Result<Vec<(String, Error)>> {
    let deadline = Instant::now() + SETTLE_MAX;
    let mut pause = POLL_FIRST;
    let mut left: Vec<String> = names.to_vec();
    loop {
        // Only what is still open is asked for again.
        let reasons = match admin.topics_on_every_broker(&left).await {
            Ok(seen) => reasons(&left, &seen, &lacks),
            Err(error) if error.class.is_not_yet() => {
                left.iter().map(|name| (name.clone(), error.to_string())).collect()
            }
            Err(error) => return Err(error),
        };
        if reasons.is_empty() {
            return Ok(Vec::new());
        }
        if Instant::now() + pause > deadline {
            return Ok(reasons.into_iter().map(late).collect());
        }
        left = reasons.into_iter().map(|(name, _)| name).collect();
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(POLL_MAX);
    }
}

fn late((name, reason): (String, String)) -> (String, Error) {
    let waited = show_duration(SETTLE_MAX);
    let error = Error::timed_out(format!("topic `{name}` is not as asked on every broker yet"))
        .with_evidence(reason)
        .with_cause(format!("the controller has accepted it; waited {waited} for the brokers"))
        .with_next(format!("topic describe {name}"))
        .with_next("cluster status");
    (name, error)
}

fn reasons(
    names: &[String],
    seen: &[(BrokerId, Vec<TopicDescription>)],
    lacks: &impl Fn(&str, Option<&TopicDescription>) -> Option<String>,
) -> Vec<(String, String)> {
    let seen: Vec<(BrokerId, HashMap<&str, &TopicDescription>)> = seen
        .iter()
        .map(|(id, topics)| (*id, topics.iter().map(|t| (t.name.as_str(), t)).collect()))
        .collect();
    let reason = |name: &String| {
        seen.iter().find_map(|(broker, topics)| {
            let topic = topics.get(name.as_str()).copied();
            Some((name.clone(), format!("broker {broker}: {}", lacks(name, topic)?)))
        })
    };
    names.iter().filter_map(reason).collect()
}

/// What a topic that should be there lacks: itself, partitions, or leaders.
pub fn lacks_partitions(topic: Option<&TopicDescription>, count: Option<usize>) -> Option<String> {
    let Some(topic) = topic else { return Some("does not know it".to_string()) };
    let (found, wanted) = (topic.partitions.len(), count.unwrap_or(1));
    if found < wanted {
        return Some(format!("knows {found} of {wanted} partitions"));
    }
    let leaderless = topic.partitions.iter().find(|partition| partition.is_offline());
    leaderless.map(|partition| format!("partition {} has no leader", partition.partition))
}

/// Names of the topics that any live broker knows.
pub async fn existing(admin: &dyn Admin, names: &[String]) -> Result<BTreeSet<String>> {
    let seen = admin.topics_on_every_broker(names).await?;
    Ok(seen.into_iter().flat_map(|(_, topics)| topics).map(|topic| topic.name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafsh_model::topic::PartitionDescription;

    #[test]
    fn every_broker_must_know_every_partition_and_its_leader() {
        let topic = |leaders: &[Option<i32>]| TopicDescription {
            name: "t".to_string(),
            id: None,
            internal: false,
            partitions: leaders
                .iter()
                .enumerate()
                .map(|(index, leader)| PartitionDescription {
                    partition: index as i32,
                    leader: *leader,
                    leader_epoch: 0,
                    replicas: vec![1],
                    isr: vec![1],
                    offline_replicas: Vec::new(),
                })
                .collect(),
        };
        let lacks = |_: &str, topic: Option<&TopicDescription>| lacks_partitions(topic, Some(2));
        let names = ["t".to_string()];
        let said = |seen: Vec<(i32, Vec<TopicDescription>)>| reasons(&names, &seen, &lacks);
        let whole = topic(&[Some(1), Some(1)]);
        assert_eq!(said(vec![(1, vec![whole.clone()]), (2, vec![whole.clone()])]), []);
        let cases = [
            (vec![], "broker 2: does not know it"),
            (vec![topic(&[Some(1)])], "broker 2: knows 1 of 2 partitions"),
            (vec![topic(&[Some(1), None])], "broker 2: partition 1 has no leader"),
        ];
        for (second, wanted) in cases {
            let found = said(vec![(1, vec![whole.clone()]), (2, second)]);
            assert_eq!(found, [("t".to_string(), wanted.to_string())]);
        }
    }
}
