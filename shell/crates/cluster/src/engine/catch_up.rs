//! After a start: until the partitions that can be in sync are.

use std::time::{Duration, Instant};

use kafsh_model::plan::Node;
use kafsh_model::snapshot::{NodeFacts, ProcessState};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::topic::TopicDescription;
use kafsh_model::{BrokerId, Result};

use super::report::CaughtUp;
use super::{Engine, POLL_MAX};

/// Longest that topics which ZooKeeper names are waited for in metadata: a topic that is being
/// deleted is named by ZooKeeper alone, for as long as a broker with a replica is away.
const METADATA_PATIENCE: Duration = Duration::from_secs(3);

impl Engine {
    /// Waits until every partition has all those of its replicas in sync whose brokers run, for at
    /// most `patience`; says what is left then. Takes no lock.
    ///
    /// # Errors
    /// `unavailable` where no broker tells in that time; `interrupted`.
    pub async fn await_caught_up(
        &self,
        spec: &ClusterSpec,
        patience: Duration,
    ) -> Result<CaughtUp> {
        let begin = Instant::now();
        let wait = async {
            loop {
                let look = self.catching_up(spec, begin).await;
                let late = begin.elapsed() + POLL_MAX > patience;
                match look {
                    Ok(Some(seen)) if seen.behind.is_empty() || late => return Ok(seen),
                    Err(error) if late => return Err(error),
                    _ => tokio::time::sleep(POLL_MAX).await,
                }
            }
        };
        self.cancel.run(wait).await
    }

    /// `None`: metadata does not know all topics yet.
    async fn catching_up(&self, spec: &ClusterSpec, begin: Instant) -> Result<Option<CaughtUp>> {
        let facts = self.node_facts(spec).await?;
        let topics = self.admin(spec)?.topics(None).await?;
        if begin.elapsed() < METADATA_PATIENCE
            && let Ok(zookeeper) = self.zookeeper_facts(spec).await
            && (topics.len() as u64) < u64::from(zookeeper.topics)
        {
            return Ok(None);
        }
        Ok(Some(caught_up(&topics, &running(&facts))))
    }
}

fn running(facts: &[NodeFacts]) -> Vec<BrokerId> {
    let id = |facts: &NodeFacts| match (facts.node, &facts.process) {
        (Node::Broker(id), ProcessState::Running { .. }) => Some(id),
        _ => None,
    };
    facts.iter().filter_map(id).collect()
}

fn caught_up(topics: &[TopicDescription], running: &[BrokerId]) -> CaughtUp {
    let mut seen = CaughtUp::default();
    for topic in topics {
        for partition in &topic.partitions {
            seen.partitions += 1;
            let in_sync = |id: &BrokerId| partition.isr.contains(id);
            let could = |id: &&BrokerId| running.contains(id);
            let lacks_leader =
                partition.is_offline() && partition.replicas.iter().any(|id| could(&id));
            if lacks_leader || !partition.replicas.iter().filter(could).all(in_sync) {
                seen.behind.push(format!("{}/{}", topic.name, partition.partition));
            } else if partition.replicas.iter().all(|id| running.contains(id)) {
                seen.in_sync += 1;
            } else {
                seen.without_broker += 1;
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafsh_model::topic::PartitionDescription;

    #[test]
    fn what_no_running_broker_holds_is_not_waited_for() {
        let partition = |number, leader, isr: &[BrokerId]| PartitionDescription {
            partition: number,
            leader,
            leader_epoch: 0,
            replicas: vec![1, 2, 3],
            isr: isr.to_vec(),
            offline_replicas: Vec::new(),
        };
        let topic = TopicDescription {
            name: "t".to_string(),
            id: None,
            internal: false,
            partitions: vec![
                partition(0, Some(1), &[1, 2, 3]),
                partition(1, Some(1), &[1, 3]),
                partition(2, None, &[2]),
            ],
        };
        let all = caught_up(std::slice::from_ref(&topic), &[1, 2, 3]);
        assert_eq!((all.partitions, all.in_sync, all.without_broker), (3, 1, 0));
        assert_eq!(all.behind, ["t/1", "t/2"]);
        let two = caught_up(std::slice::from_ref(&topic), &[1, 3]);
        assert_eq!(two.behind, ["t/2"], "nobody leads it, and two could");
        assert_eq!((two.in_sync, two.without_broker), (0, 2));
        assert_eq!(caught_up(&[topic], &[]).behind, [""; 0], "nobody could be in sync");
    }
}
