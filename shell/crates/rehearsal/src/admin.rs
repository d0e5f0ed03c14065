//! The admin port.

use std::time::Duration;

use kafsh_model::config::{ConfigChange, ConfigEntry, ConfigResource};
use kafsh_model::group::{CommittedOffset, GroupDescription};
use kafsh_model::log_dir::{LogDir, ReplicaSize};
use kafsh_model::port::{Admin, BoxFuture, BrokerGroups, BrokerLogDirs, ItemResult, Target};
use kafsh_model::spec::SecurityProtocol;
use kafsh_model::topic::{ClusterView, OffsetAt, TopicDescription, TopicPartition, TopicSpec};
use kafsh_model::{BrokerId, Result};

use crate::fault::{Silence, no_controller, no_leader, no_partition, no_topic};
use crate::groups::LISTING;
use crate::runtime::facts::data_paths_of_key;
use crate::world::{Contact, World};
use crate::{Rehearsal, check_address};

pub(crate) struct MemoryAdmin {
    rehearsal: Rehearsal,
    bootstrap: Vec<String>,
}

impl MemoryAdmin {
    pub(crate) fn new(rehearsal: &Rehearsal, target: &Target) -> Self {
        MemoryAdmin { rehearsal: rehearsal.clone(), bootstrap: target.bootstrap.clone() }
    }

    /// Asks any broker.
    fn ask<'a, T: Send + 'a>(
        &'a self,
        doing: &'a str,
        work: impl FnOnce(&World, &Contact) -> Result<T> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        self.rehearsal.look(move |world| {
            let contact = world.contact(&self.bootstrap, doing)?;
            work(world, &contact)
        })
    }

    /// Asks the controller, which needs its ZooKeeper.
    fn order<'a, T: Send + 'a>(
        &'a self,
        doing: &'a str,
        work: impl FnOnce(&mut World, &Contact) -> Result<T> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        self.rehearsal.later(move |world| {
            let contact = world.contact(&self.bootstrap, doing)?;
            let cluster = world.cluster_of(&contact)?;
            let controller = cluster.controller.and_then(|id| world.live(cluster, id));
            if controller.is_none() {
                return Err(no_controller(doing, "the controller does not answer"));
            }
            if !world.answers(&contact.home.zookeeper) {
                return Err(no_controller(doing, "the controller has lost ZooKeeper"));
            }
            work(world, &contact)
        })
    }
}

impl World {
    /// The named topics, or all; sorted.
    pub(crate) fn topics(
        &self,
        contact: &Contact,
        names: Option<&[String]>,
    ) -> Result<Vec<TopicDescription>> {
        let cluster = self.cluster_of(contact)?;
        let Some(names) = names else {
            return Ok(cluster
                .topics
                .iter()
                .map(|(n, topic)| cluster.describe(n, topic))
                .collect());
        };
        let mut names: Vec<&String> = names.iter().collect();
        names.sort();
        names.dedup();
        let one = |name: &String| match cluster.topics.get(name) {
            Some(topic) => Ok(cluster.describe(name, topic)),
            None => Err(no_topic(name)),
        };
        names.into_iter().map(one).collect()
    }

    fn everywhere(
        &self,
        contact: &Contact,
        names: &[String],
        doing: &str,
    ) -> Result<Vec<(BrokerId, Vec<TopicDescription>)>> {
        let cluster = self.cluster_of(contact)?;
        let known: Vec<TopicDescription> = cluster
            .topics
            .iter()
            .filter(|(name, _)| names.contains(name))
            .map(|(name, topic)| cluster.describe(name, topic))
            .collect();
        let view = self.view(contact)?;
        let ask = |broker: &kafsh_model::topic::BrokerView| {
            if self.live(cluster, broker.id).is_some() {
                return Ok((broker.id, known.clone()));
            }
            let address = format!("{}:{}", broker.host, broker.port);
            Err(Silence::Refused.error(doing, &address))
        };
        view.brokers.iter().map(ask).collect()
    }

    /// Offsets of the partitions, in their order.
    ///
    /// # Errors
    /// `topic-not-found`, `partition-not-found`, `leader-not-available`.
    pub(crate) fn offsets(
        &self,
        contact: &Contact,
        partitions: &[TopicPartition],
        at: OffsetAt,
    ) -> Result<Vec<(TopicPartition, Option<i64>)>> {
        let cluster = self.cluster_of(contact)?;
        let one = |place: &TopicPartition| {
            let TopicPartition { topic, partition } = place;
            let found = cluster.topics.get(topic).ok_or_else(|| no_topic(topic))?;
            let index = usize::try_from(*partition).ok().filter(|i| *i < found.partitions.len());
            if index.is_none() {
                return Err(no_partition(topic, *partition));
            }
            let log = self.leader_log(&contact.home, topic, *partition);
            let log = log.ok_or_else(|| no_leader(std::slice::from_ref(place)))?;
            Ok((place.clone(), log.offset_at(at)))
        };
        partitions.iter().map(one).collect()
    }

    /// Folders of every broker; a silent one is told at once, since a rehearsal keeps nobody
    /// waiting.
    fn folders(
        &self,
        contact: &Contact,
        partitions: Option<&[TopicPartition]>,
        doing: &str,
    ) -> Result<Vec<BrokerLogDirs>> {
        let cluster = self.cluster_of(contact)?;
        let view = self.view(contact)?;
        let one = |broker: &kafsh_model::topic::BrokerView| {
            let Some(owner) = self.live(cluster, broker.id) else {
                let address = format!("{}:{}", broker.host, broker.port);
                return (broker.id, Err(self.silence(&address).error(doing, &address)));
            };
            let replicas = self.replicas(contact, broker.id, partitions);
            let path = data_paths_of_key(&owner);
            (broker.id, Ok(vec![LogDir { path, replicas, ..LogDir::default() }]))
        };
        Ok(view.brokers.iter().map(one).collect())
    }

    fn replicas(
        &self,
        contact: &Contact,
        broker: BrokerId,
        partitions: Option<&[TopicPartition]>,
    ) -> Vec<ReplicaSize> {
        let Some(cluster) = self.cluster(&contact.home) else { return Vec::new() };
        let mut replicas = Vec::new();
        for (name, topic) in &cluster.topics {
            for partition in (0..).take(topic.partitions.len()) {
                let at = TopicPartition { topic: name.clone(), partition };
                if partitions.is_some_and(|wanted| !wanted.contains(&at)) {
                    continue;
                }
                let Some(log) = self.log(&contact.home, broker, &topic.id, partition) else {
                    continue;
                };
                let leader = self.leader_log(&contact.home, name, partition);
                let offset_lag = leader.map_or(0, |leader| leader.end() - log.end());
                let size_bytes = log.bytes();
                replicas.push(ReplicaSize { at, size_bytes, offset_lag, is_future: false });
            }
        }
        replicas
    }
}

impl Admin for MemoryAdmin {
    fn cluster(&self) -> BoxFuture<'_, Result<ClusterView>> {
        self.ask("describe the cluster", |world, contact| world.view(contact))
    }

    /// A silent broker is told at once: a rehearsal keeps nobody waiting.
    fn probe<'a>(
        &'a self,
        address: &'a str,
        _timeout: Duration,
    ) -> BoxFuture<'a, Result<ClusterView>> {
        self.rehearsal.look(move |world| {
            check_address(address)?;
            let contact = world.broker_at(address).map_err(|silence| silence.not_ready(address))?;
            world.view(&contact)
        })
    }

    fn greet<'a>(
        &'a self,
        address: &'a str,
        _protocol: SecurityProtocol,
        _timeout: Duration,
    ) -> BoxFuture<'a, Result<()>> {
        self.rehearsal.look(move |world| {
            check_address(address)?;
            world.broker_at(address).map(drop).map_err(|silence| silence.not_ready(address))
        })
    }

    fn topics<'a>(
        &'a self,
        names: Option<&'a [String]>,
    ) -> BoxFuture<'a, Result<Vec<TopicDescription>>> {
        self.ask("describe topics", move |world, contact| world.topics(contact, names))
    }

    fn topics_on_every_broker<'a>(
        &'a self,
        names: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<(BrokerId, Vec<TopicDescription>)>>> {
        let doing = "describe topics on every broker";
        self.ask(doing, move |world, contact| world.everywhere(contact, names, doing))
    }

    fn create_topics<'a>(
        &'a self,
        topics: &'a [TopicSpec],
        validate_only: bool,
    ) -> BoxFuture<'a, Result<Vec<ItemResult<TopicSpec>>>> {
        self.order("create topics", move |world, contact| {
            let mut create = |spec: &TopicSpec| {
                let made = world.create_topic(contact, spec, validate_only);
                (spec.name.clone(), made.map(|()| spec.clone()))
            };
            Ok(topics.iter().map(&mut create).collect())
        })
    }

    fn delete_topics<'a>(&'a self, names: &'a [String]) -> BoxFuture<'a, Result<Vec<ItemResult>>> {
        self.order("delete topics", move |world, contact| {
            let mut delete = |name: &String| (name.clone(), world.delete_topic(contact, name));
            Ok(names.iter().map(&mut delete).collect())
        })
    }

    fn add_partitions<'a>(
        &'a self,
        topic: &'a str,
        total: i32,
        validate_only: bool,
    ) -> BoxFuture<'a, Result<i32>> {
        self.order("add partitions", move |world, contact| {
            world.add_partitions(contact, topic, total, validate_only)?;
            Ok(total)
        })
    }

    fn describe_configs<'a>(
        &'a self,
        resources: &'a [ConfigResource],
    ) -> BoxFuture<'a, Result<Vec<(ConfigResource, Vec<ConfigEntry>)>>> {
        self.ask("describe configuration", move |world, contact| {
            let describe = |resource: &ConfigResource| {
                Ok((resource.clone(), world.describe_config(contact, resource)?))
            };
            resources.iter().map(describe).collect()
        })
    }

    fn alter_configs<'a>(
        &'a self,
        resource: &'a ConfigResource,
        changes: &'a [ConfigChange],
        validate_only: bool,
    ) -> BoxFuture<'a, Result<Vec<ConfigChange>>> {
        self.order("change configuration", move |world, contact| {
            world.alter_config(contact, resource, changes, validate_only)?;
            Ok(changes.to_vec())
        })
    }

    fn list_groups(&self, _timeout: Duration) -> BoxFuture<'_, Result<Vec<BrokerGroups>>> {
        self.rehearsal.later(move |world| {
            let contact = world.contact(&self.bootstrap, LISTING)?;
            world.list_groups(&contact)
        })
    }

    fn describe_group<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<GroupDescription>> {
        self.rehearsal.later(move |world| {
            let contact = world.contact(&self.bootstrap, "describe a group")?;
            world.describe_group(&contact, group)
        })
    }

    fn committed_offsets<'a>(
        &'a self,
        group: &'a str,
    ) -> BoxFuture<'a, Result<Vec<CommittedOffset>>> {
        self.rehearsal.later(move |world| {
            let contact = world.contact(&self.bootstrap, "read committed offsets")?;
            world.committed_offsets(&contact, group)
        })
    }

    fn list_offsets<'a>(
        &'a self,
        partitions: &'a [TopicPartition],
        at: OffsetAt,
    ) -> BoxFuture<'a, Result<Vec<(TopicPartition, Option<i64>)>>> {
        self.ask("list offsets", move |world, contact| world.offsets(contact, partitions, at))
    }

    fn log_dirs<'a>(
        &'a self,
        partitions: Option<&'a [TopicPartition]>,
        _timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<BrokerLogDirs>>> {
        let doing = "describe log folders";
        self.ask(doing, move |world, contact| world.folders(contact, partitions, doing))
    }
}
