//! Topics made, deleted and grown, with every check that a controller makes.

use std::collections::BTreeMap;

use kafsh_model::keys::{self, Scope};
use kafsh_model::name::{check_topic_name, colliding_topic};
use kafsh_model::topic::TopicSpec;
use kafsh_model::{BrokerId, Error, Result};

use crate::cluster::{Partition, Topic};
use crate::defaults::static_value;
use crate::kafka_error::Kafka;
use crate::placement::assign;
use crate::world::{Contact, Home, World};

/// "As the brokers are set" in CreateTopics 4 and later (KIP-464).
const BROKER_DEFAULT: i32 = -1;

impl World {
    pub(crate) fn create_topic(
        &mut self,
        contact: &Contact,
        spec: &TopicSpec,
        validate_only: bool,
    ) -> Result<()> {
        let name = &spec.name;
        let refuse = |kafka: Kafka, said: &str| {
            Err(kafka.error(format!("cannot create topic `{name}`"), name, said))
        };
        let cluster = self.cluster_of(contact)?;
        if cluster.topics.contains_key(name) {
            return refuse(Kafka::TopicAlreadyExists, &format!("Topic '{name}' already exists."));
        }
        if let Err(error) = check_topic_name(name) {
            let said = format!("Topic name is invalid: {}", error.cause.unwrap_or_default());
            return refuse(Kafka::InvalidTopicException, &said);
        }
        if let Some(other) = colliding_topic(name, cluster.topics.keys().map(String::as_str)) {
            let said = format!("Topic '{name}' collides with existing topics: {other}");
            return refuse(Kafka::InvalidTopicException, &said);
        }
        let placed = self.placed(contact, spec)?;
        for (key, value) in &spec.configs {
            if let Err(error) = keys::check_in(Scope::Topic, key, value) {
                return refuse(Kafka::InvalidConfig, &said_of(&error, key, value));
            }
        }
        if validate_only {
            return Ok(());
        }
        let known = cluster.broker_ids();
        let led = placed.iter().all(|replicas| replicas.iter().any(|id| known.contains(id)));
        self.add_topic(&contact.home, name, placed, spec.configs.clone(), false);
        if led {
            return Ok(());
        }
        // With ZooKeeper a controller takes replicas on brokers that it does not know (seen with
        // 3.9): the topic is there, and waiting for its leaders runs out.
        Err(Error::timed_out(format!("cannot create topic `{name}`"))
            .with_evidence("Kafka: REQUEST_TIMED_OUT")
            .with_cause("the brokers did not finish in the time that the request allowed")
            .with_next("cluster status"))
    }

    /// The replicas of each partition as the spec wants them.
    fn placed(&self, contact: &Contact, spec: &TopicSpec) -> Result<Vec<Vec<BrokerId>>> {
        let name = &spec.name;
        let refuse = |kafka: Kafka, said: &str| {
            Err(kafka.error(format!("cannot create topic `{name}`"), name, said))
        };
        let cluster = self.cluster_of(contact)?;
        if !spec.assignments.is_empty() {
            return match bad_assignment(&spec.assignments) {
                Some(said) => refuse(Kafka::InvalidReplicaAssignment, said),
                None => Ok(spec.assignments.clone()),
            };
        }
        let fixed = self.servers.get(&contact.key).map_or(&[][..], |server| &server.in_force);
        let default = |key| static_value(fixed, key).and_then(|value| value.trim().parse().ok());
        let partitions = match spec.partitions.unwrap_or(BROKER_DEFAULT) {
            BROKER_DEFAULT => default("num.partitions").unwrap_or(1),
            count => count,
        };
        let factor = match spec.replication_factor.map_or(BROKER_DEFAULT, i32::from) {
            BROKER_DEFAULT => default("default.replication.factor").unwrap_or(1),
            factor => factor,
        };
        if partitions <= 0 {
            return refuse(Kafka::InvalidPartitions, "Number of partitions must be larger than 0.");
        }
        if factor <= 0 {
            let said = "Replication factor must be larger than 0.";
            return refuse(Kafka::InvalidReplicationFactor, said);
        }
        let brokers = cluster.broker_ids();
        let (count, factor) = (partitions as usize, factor as usize);
        if factor > brokers.len() {
            let alive = brokers.len();
            let said =
                format!("Replication factor: {factor} larger than available brokers: {alive}.");
            return refuse(Kafka::InvalidReplicationFactor, &said);
        }
        Ok(assign(&brokers, 0, count, factor, cluster.topics_made))
    }

    /// Makes a topic that has passed every check.
    pub(crate) fn add_topic(
        &mut self,
        home: &Home,
        name: &str,
        placed: Vec<Vec<BrokerId>>,
        configs: BTreeMap<String, String>,
        internal: bool,
    ) {
        let id = self.ids.uuid();
        let Some(cluster) = self.cluster_mut(home) else { return };
        let mut partitions: Vec<Partition> = placed.into_iter().map(Partition::new).collect();
        let known = cluster.broker_ids();
        for partition in &mut partitions {
            let alive: Vec<BrokerId> =
                partition.replicas.iter().copied().filter(|id| known.contains(id)).collect();
            partition.leader = alive.first().copied();
            partition.isr = alive;
        }
        cluster.topics_made += 1;
        cluster.topics.insert(name.to_string(), Topic { id, internal, configs, partitions });
        self.make_logs(home, name);
    }

    /// Makes the empty logs of replicas that have none, and shows the topic in ZooKeeper.
    fn make_logs(&mut self, home: &Home, name: &str) {
        let Some(cluster) = self.cluster(home) else { return };
        let Some(topic) = cluster.topics.get(name) else { return };
        let mut places = Vec::new();
        for (number, partition) in (0..).zip(&topic.partitions) {
            for id in &partition.replicas {
                if let Some(registration) = cluster.brokers.get(id) {
                    places.push((registration.owner.clone(), (topic.id.clone(), number)));
                }
            }
        }
        for (owner, at) in places {
            if let Some(server) = self.servers.get_mut(&owner) {
                server.broker.logs.entry(at).or_default();
            }
        }
        if let Some(data) = self.data_mut(home) {
            data.publish_topic(&home.chroot, name);
        }
    }

    pub(crate) fn delete_topic(&mut self, contact: &Contact, name: &str) -> Result<()> {
        let what = || format!("cannot delete topic `{name}`");
        let fixed = self.servers.get(&contact.key).map_or(&[][..], |server| &server.in_force);
        if static_value(fixed, "delete.topic.enable").is_some_and(|value| value.trim() == "false") {
            return Err(Kafka::TopicDeletionDisabled.error(
                what(),
                name,
                "Topic deletion is disabled.",
            ));
        }
        let Some(cluster) = self.cluster_mut(&contact.home) else { return Ok(()) };
        let Some(topic) = cluster.topics.remove(name) else {
            let said = "This server does not host this topic-partition.";
            return Err(Kafka::UnknownTopicOrPartition.error(what(), name, said));
        };
        cluster.forget_topic(name);
        let owners: Vec<_> = cluster.brokers.values().map(|r| r.owner.clone()).collect();
        for owner in owners {
            if let Some(server) = self.servers.get_mut(&owner) {
                server.broker.logs.retain(|(id, _), _| *id != topic.id);
            }
        }
        if let Some(data) = self.data_mut(&contact.home) {
            data.publish_topic(&contact.home.chroot, name);
        }
        Ok(())
    }

    pub(crate) fn add_partitions(
        &mut self,
        contact: &Contact,
        name: &str,
        total: i32,
        validate_only: bool,
    ) -> Result<()> {
        let refuse = |kafka: Kafka, said: &str| {
            Err(kafka.error(format!("cannot add partitions to topic `{name}`"), name, said))
        };
        let cluster = self.cluster_of(contact)?;
        let Some(topic) = cluster.topics.get(name) else {
            return refuse(
                Kafka::UnknownTopicOrPartition,
                &format!("The topic '{name}' does not exist."),
            );
        };
        let (old, brokers) = (topic.partitions.len(), cluster.broker_ids());
        let total = usize::try_from(total).unwrap_or(0);
        if total <= old {
            let said = if total < old {
                format!(
                    "Topic currently has {old} partitions, which is higher than the requested \
                     {total}."
                )
            } else {
                format!("Topic already has {old} partitions.")
            };
            return refuse(Kafka::InvalidPartitions, &said);
        }
        let model = topic.partitions.first().map_or(&[][..], |partition| &partition.replicas);
        if model.len() > brokers.len() {
            let said = format!(
                "Replication factor: {} larger than available brokers: {}.",
                model.len(),
                brokers.len()
            );
            return refuse(Kafka::InvalidReplicationFactor, &said);
        }
        let start = model.first().and_then(|id| brokers.iter().position(|known| known == id));
        let placed = assign(&brokers, old, total - old, model.len(), start.unwrap_or(0));
        if validate_only {
            return Ok(());
        }
        let home = &contact.home;
        if let Some(topic) = self.cluster_mut(home).and_then(|c| c.topics.get_mut(name)) {
            topic.partitions.extend(placed.into_iter().map(Partition::new));
        }
        if let Some(cluster) = self.cluster_mut(home) {
            cluster.rebalance_readers_of(name);
        }
        self.make_logs(home, name);
        Ok(())
    }
}

/// What is wrong with replicas placed by hand, in Kafka's words.
fn bad_assignment(assignments: &[Vec<BrokerId>]) -> Option<&'static str> {
    let size = assignments.first().map_or(0, Vec::len);
    assignments.iter().find_map(|replicas| {
        let repeats = (1..replicas.len()).any(|at| replicas[..at].contains(&replicas[at]));
        if replicas.is_empty() || replicas.len() != size {
            Some("All partitions should have the same number of replicas.")
        } else if repeats {
            Some("Duplicate replica assignment found.")
        } else {
            None
        }
    })
}

/// A broker's words for a bad setting.
pub(crate) fn said_of(error: &Error, key: &str, value: &str) -> String {
    if error.code == "unknown-config" {
        return format!("Unknown topic config name: {key}");
    }
    let cause = error.cause.as_deref().unwrap_or_default();
    format!("Invalid value {value} for configuration {key}: {cause}")
}
