//! Brokers of a cluster of this host whose processes are known not to run: metadata lists such a
//! broker as leader and in sync until its session ends.

use kafsh_model::plan::Node;
use kafsh_model::snapshot::ProcessState;
use kafsh_model::topic::TopicDescription;
use kafsh_model::{BrokerId, ClusterName};

use crate::call::Call;
use crate::context::Known;

/// What is known of the processes of one cluster.
#[derive(Debug, Default)]
pub(super) struct Down {
    cluster: String,
    brokers: Vec<(BrokerId, ProcessState)>,
}

impl Down {
    /// Looks at the processes of a managed cluster; of any other, nothing is known. What cannot be
    /// looked at counts as running: the brokers' own word stands.
    pub async fn of(call: &Call) -> Down {
        let mut down = Down::default();
        if call.address().is_some() {
            return down;
        }
        let Ok(name) = call.cluster_name() else { return down };
        if !ClusterName::new(name.clone()).is_ok_and(|name| call.context.store.exists(&name)) {
            return down;
        }
        let Ok(Known::Managed(spec)) = call.context.known(&name) else { return down };
        down.cluster = name;
        for broker in &spec.brokers {
            let process = call.context.runtime.process(&spec, Node::Broker(broker.id)).await;
            match process {
                Err(_) | Ok(ProcessState::Running { .. }) => {}
                Ok(process) => down.brokers.push((broker.id, process)),
            }
        }
        down
    }

    pub fn ids(&self) -> Vec<BrokerId> {
        self.brokers.iter().map(|(id, _)| *id).collect()
    }

    /// The topics as they are, in place of what metadata still says of them; and a remark for each
    /// broker that metadata is wrong about.
    pub fn correct(&self, topics: &mut [TopicDescription]) -> Vec<String> {
        let listed = |id: BrokerId| {
            let mut partitions = topics.iter().flat_map(|topic| &topic.partitions);
            partitions.any(|p| p.leader == Some(id) || p.isr.contains(&id))
        };
        let stale = self.brokers.iter().filter(|(id, _)| listed(*id));
        let notes = stale.map(|(id, process)| self.note(*id, process)).collect();
        let ids = self.ids();
        topics.iter_mut().for_each(|topic| topic.without(&ids));
        notes
    }

    fn note(&self, id: BrokerId, process: &ProcessState) -> String {
        let (how, verb) = match process {
            ProcessState::Paused { pid } => (format!("is paused (pid {pid})"), "resume"),
            ProcessState::Died { pid } => (format!("has died (pid {pid})"), "start"),
            _ => ("does not run".to_string(), "start"),
        };
        format!(
            "broker {id} {how}, and the others list it until its session ends: what it leads and \
             replicates is counted as missing\n  try  @{} broker {verb} {id}",
            self.cluster
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafsh_model::topic::PartitionDescription;

    #[test]
    fn the_dead_lead_nothing_whatever_metadata_says() {
        let partition = PartitionDescription {
            partition: 0,
            leader: Some(2),
            leader_epoch: 0,
            replicas: vec![1, 2],
            isr: vec![1, 2],
            offline_replicas: Vec::new(),
        };
        let topic = TopicDescription {
            name: "t".to_string(),
            id: None,
            internal: false,
            partitions: vec![partition],
        };
        let died = ProcessState::Died { pid: 7 };
        let down = Down { cluster: "demo".to_string(), brokers: vec![(2, died.clone())] };
        let mut topics = vec![topic];
        let notes = down.correct(&mut topics);
        assert!(notes[0].contains("broker 2 has died (pid 7)"), "{notes:?}");
        assert!(notes[0].ends_with("try  @demo broker start 2"), "{notes:?}");
        assert!(topics[0].partitions[0].is_offline());
        assert!(topics[0].partitions[0].is_under_replicated());
        assert_eq!(down.correct(&mut topics), [""; 0], "the session has ended");
        let other = Down { cluster: "demo".to_string(), brokers: vec![(3, died)] };
        assert_eq!(other.correct(&mut topics), [""; 0]);
    }
}
