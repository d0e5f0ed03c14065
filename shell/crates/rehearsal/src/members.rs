//! Brokers that come and go: leaders, in-sync sets, and logs that catch up.

use std::collections::BTreeSet;

use kafsh_model::BrokerId;
use tokio::time::Instant;

use crate::cluster::{Cluster, Topic};
use crate::defaults;
use crate::log::Log;
use crate::runtime::deaths;
use crate::world::{Home, Key, SESSION, World};

impl World {
    /// A broker is gone for its cluster: leaders move to replicas in sync.
    pub(crate) fn broker_left(&mut self, home: &Home, id: BrokerId) {
        let Some(cluster) = self.cluster(home) else { return };
        let lossy = self.lossy(cluster);
        let Some(cluster) = self.cluster_mut(home) else { return };
        cluster.brokers.remove(&id);
        cluster.demote(id, |topic| lossy.contains(&topic.id));
        let elected = cluster.elect_controller();
        cluster.drop_coordination();
        self.log_election(home, elected);
        self.publish(home);
    }

    /// Who was elected says so in its log, in Kafka's words.
    fn log_election(&mut self, home: &Home, elected: Option<BrokerId>) {
        let owner = elected.and_then(|id| {
            let cluster = self.cluster(home)?;
            Some((id, cluster.controller_epoch, cluster.brokers.get(&id)?.owner.clone()))
        });
        let Some((id, epoch, owner)) = owner else { return };
        if let Some(server) = self.servers.get_mut(&owner) {
            server.log.push(deaths::line("INFO", &deaths::elected(id, epoch)));
        }
    }

    /// Ids of the topics that a replica may lead that was not in sync.
    fn lossy(&self, cluster: &Cluster) -> BTreeSet<String> {
        let key = "unclean.leader.election.enable";
        let topics = cluster.topics.values();
        let lossy = topics.filter(|topic| self.topic_value(cluster, topic, key) == "true");
        lossy.map(|topic| topic.id.clone()).collect()
    }

    /// A registered broker takes its replicas up again: it catches up with the leaders, or leads
    /// where it was the last one in sync.
    pub(crate) fn broker_joined(&mut self, home: &Home, id: BrokerId) {
        let mut copies: Vec<(String, i32, BrokerId)> = Vec::new();
        let mut known: BTreeSet<(String, i32)> = BTreeSet::new();
        let Some(cluster) = self.cluster(home) else { return };
        let lossy = self.lossy(cluster);
        let Some(cluster) = self.cluster_mut(home) else { return };
        for topic in cluster.topics.values_mut() {
            for (number, partition) in (0..).zip(&mut topic.partitions) {
                if !partition.replicas.contains(&id) {
                    continue;
                }
                known.insert((topic.id.clone(), number));
                match partition.leader {
                    None if partition.isr.contains(&id) || lossy.contains(&topic.id) => {
                        partition.leader = Some(id);
                        partition.leader_epoch += 1;
                        partition.isr = vec![id];
                    }
                    Some(leader) if leader != id => {
                        copies.push((topic.id.clone(), number, leader));
                        if !partition.isr.contains(&id) {
                            partition.isr.push(id);
                        }
                    }
                    _ => {}
                }
            }
        }
        let elected = cluster.elect_controller();
        self.log_election(home, elected);
        let Some(cluster) = self.cluster(home) else { return };
        let Some(owner) = cluster.brokers.get(&id).map(|r| r.owner.clone()) else { return };
        for (topic, number, leader) in copies {
            let log = self.log(home, leader, &topic, number).cloned().unwrap_or_default();
            if let Some(server) = self.servers.get_mut(&owner) {
                server.broker.logs.insert((topic, number), log);
            }
        }
        if let Some(server) = self.servers.get_mut(&owner) {
            // Topics that were deleted meanwhile go, and replicas that are new begin empty.
            server.broker.logs.retain(|at, _| known.contains(at));
            for at in known {
                server.broker.logs.entry(at).or_default();
            }
        }
        self.publish(home);
        self.settle_followers(home);
    }

    /// Replicas that came back while a partition had no leader are taken up once it has one.
    fn settle_followers(&mut self, home: &Home) {
        let Some(cluster) = self.cluster(home) else { return };
        let late = cluster.broker_ids().into_iter().find(|id| {
            cluster.topics.values().flat_map(|topic| &topic.partitions).any(|partition| {
                partition.leader.is_some_and(|leader| leader != *id)
                    && partition.replicas.contains(id)
                    && !partition.isr.contains(id)
            })
        });
        if let Some(id) = late {
            // It is in sync after this, so this ends.
            self.broker_joined(home, id);
        }
    }

    /// Its session is no longer kept alive.
    pub(crate) fn session_lapses(&mut self, home: &Home, id: BrokerId, owner: &Key) {
        let expires = Some(Instant::now() + SESSION);
        if let Some(registration) = self
            .cluster_mut(home)
            .and_then(|cluster| cluster.brokers.get_mut(&id))
            .filter(|registration| registration.owner == *owner)
        {
            registration.expires = expires;
        }
    }

    pub(crate) fn publish(&mut self, home: &Home) {
        if let Some(data) = self.data_mut(home) {
            data.publish(&home.chroot);
        }
    }

    /// The log of a replica.
    pub(crate) fn log(
        &self,
        home: &Home,
        broker: BrokerId,
        topic_id: &str,
        partition: i32,
    ) -> Option<&Log> {
        let owner = &self.cluster(home)?.brokers.get(&broker)?.owner;
        self.servers.get(owner)?.broker.logs.get(&(topic_id.to_string(), partition))
    }

    /// The log of a partition's leader, if that broker answers.
    pub(crate) fn leader_log(&self, home: &Home, topic: &str, partition: i32) -> Option<&Log> {
        let cluster = self.cluster(home)?;
        let found = cluster.topics.get(topic)?;
        let state = found.partitions.get(usize::try_from(partition).ok()?)?;
        let leader = self.live(cluster, state.leader?)?;
        self.servers.get(&leader)?.broker.logs.get(&(found.id.clone(), partition))
    }

    /// The value of a topic's key that is in force.
    pub(crate) fn topic_value(&self, cluster: &Cluster, topic: &Topic, key: &str) -> String {
        if let Some(value) = topic.configs.get(key) {
            return value.clone();
        }
        // Brokers of one cluster have the same defaults, or it does not matter which is asked.
        let owner = cluster.brokers.values().next().map(|registration| &registration.owner);
        let broker = cluster.brokers.keys().next().copied();
        let empty = Vec::new();
        let fixed = owner.and_then(|owner| self.servers.get(owner)).map_or(&empty, |s| &s.in_force);
        defaults::topic_default(cluster, broker, fixed, key).0.unwrap_or_default()
    }
}
