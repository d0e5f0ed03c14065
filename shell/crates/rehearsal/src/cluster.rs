//! What ZooKeeper holds: its tree, and of each Kafka cluster in it the registrations, topics,
//! settings and groups that the tree shows a part of.

use std::collections::BTreeMap;

use kafsh_model::BrokerId;
use kafsh_model::topic::{PartitionDescription, TopicDescription};
use serde_json::json;
use tokio::time::Instant;

use crate::groups::Group;
use crate::tree::Tree;
use crate::world::{Endpoint, Key};

/// Znodes that a broker makes when it first comes to a ZooKeeper (`ZkData.PersistentZkPaths`).
const PERSISTENT: [&str; 16] = [
    "/admin/delete_topics",
    "/brokers/ids",
    "/brokers/seqid",
    "/brokers/topics",
    "/cluster",
    "/config/brokers",
    "/config/changes",
    "/config/clients",
    "/config/ips",
    "/config/topics",
    "/config/users",
    "/consumers",
    "/feature",
    "/isr_change_notification",
    "/latest_producer_id_block",
    "/log_dir_event_notification",
];

/// The data of a ZooKeeper.
#[derive(Clone, Debug)]
pub(crate) struct ZooKeeperData {
    pub(crate) tree: Tree,
    /// By chroot, `""` for none
    pub(crate) clusters: BTreeMap<String, Cluster>,
}

/// A broker in `/brokers/ids`.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    pub(crate) owner: Key,
    pub(crate) session: i64,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) rack: Option<String>,
    pub(crate) since_ms: i64,
    /// When its session ends, if nobody keeps it alive
    pub(crate) expires: Option<Instant>,
}

#[derive(Clone, Debug)]
pub(crate) struct Partition {
    /// `None`: offline
    pub(crate) leader: Option<BrokerId>,
    pub(crate) leader_epoch: i32,
    pub(crate) replicas: Vec<BrokerId>,
    pub(crate) isr: Vec<BrokerId>,
}

#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub(crate) id: String,
    pub(crate) internal: bool,
    /// Only what was set
    pub(crate) configs: BTreeMap<String, String>,
    pub(crate) partitions: Vec<Partition>,
}

#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) id: String,
    pub(crate) brokers: BTreeMap<BrokerId, Registration>,
    pub(crate) controller: Option<BrokerId>,
    pub(crate) controller_epoch: i32,
    pub(crate) topics: BTreeMap<String, Topic>,
    /// Dynamic settings of one broker, or (`None`) of all
    pub(crate) dynamic: BTreeMap<Option<BrokerId>, BTreeMap<String, String>>,
    pub(crate) groups: BTreeMap<String, Group>,
    /// Topics ever made: spreads the leaders of one after the other
    pub(crate) topics_made: usize,
}

impl Cluster {
    pub(crate) fn new(id: String) -> Self {
        Cluster {
            id,
            brokers: BTreeMap::new(),
            controller: None,
            controller_epoch: 0,
            topics: BTreeMap::new(),
            dynamic: BTreeMap::new(),
            groups: BTreeMap::new(),
            topics_made: 0,
        }
    }

    pub(crate) fn broker_ids(&self) -> Vec<BrokerId> {
        self.brokers.keys().copied().collect()
    }

    pub(crate) fn describe(&self, name: &str, topic: &Topic) -> TopicDescription {
        let partitions = (0..).zip(&topic.partitions).map(|(partition, state)| {
            let gone = state.replicas.iter().filter(|id| !self.brokers.contains_key(id));
            PartitionDescription {
                partition,
                leader: state.leader,
                leader_epoch: state.leader_epoch,
                replicas: state.replicas.clone(),
                isr: state.isr.clone(),
                offline_replicas: gone.copied().collect(),
            }
        });
        TopicDescription {
            name: name.to_string(),
            id: Some(topic.id.clone()),
            internal: topic.internal,
            partitions: partitions.collect(),
        }
    }

    /// The lowest id leads the cluster: whoever of real brokers is first, here it is known.
    /// Returns who was elected now.
    pub(crate) fn elect_controller(&mut self) -> Option<BrokerId> {
        let lowest = self.brokers.keys().next().copied();
        let elected = lowest.filter(|_| lowest != self.controller);
        if elected.is_some() {
            self.controller_epoch += 1;
        }
        self.controller = lowest;
        elected
    }

    /// Takes a broker out of every in-sync set; `unclean` says whether a topic may be led by a
    /// replica that was not in sync.
    pub(crate) fn demote(&mut self, id: BrokerId, unclean: impl Fn(&Topic) -> bool) {
        let alive: Vec<BrokerId> = self.brokers.keys().copied().filter(|b| *b != id).collect();
        for topic in self.topics.values_mut() {
            let may_lose = unclean(topic);
            for partition in topic.partitions.iter_mut().filter(|p| p.replicas.contains(&id)) {
                partition.lose(id, &alive, may_lose);
            }
        }
    }
}

impl Partition {
    pub(crate) fn new(replicas: Vec<BrokerId>) -> Self {
        Partition {
            leader: replicas.first().copied(),
            leader_epoch: 0,
            isr: replicas.clone(),
            replicas,
        }
    }

    fn lose(&mut self, id: BrokerId, alive: &[BrokerId], may_lose: bool) {
        let others =
            |ids: &[BrokerId]| ids.iter().copied().filter(|b| *b != id).collect::<Vec<_>>();
        let in_sync = others(&self.isr);
        if self.leader != Some(id) {
            if self.leader.is_some() {
                self.isr = in_sync;
            }
            return;
        }
        let next = |from: &[BrokerId]| {
            self.replicas.iter().copied().find(|b| from.contains(b) && alive.contains(b))
        };
        let unclean = if may_lose { next(&others(&self.replicas)) } else { None };
        self.leader_epoch += 1;
        self.leader = next(&in_sync).or(unclean);
        match self.leader {
            Some(leader) if in_sync.contains(&leader) => self.isr = in_sync,
            Some(leader) => self.isr = vec![leader],
            // The last one in sync stays so: only it may lead again.
            None => {}
        }
    }
}

impl ZooKeeperData {
    pub(crate) fn new() -> Self {
        ZooKeeperData { tree: Tree::new(), clusters: BTreeMap::new() }
    }

    /// What the first broker of a cluster writes.
    pub(crate) fn lay_out(&mut self, chroot: &str, cluster_id: &str) {
        for path in PERSISTENT {
            self.tree.put(&format!("{chroot}{path}"), b"", 0);
        }
        let id = json!({ "version": "1", "id": cluster_id }).to_string();
        self.tree.put(&format!("{chroot}/cluster/id"), id.as_bytes(), 0);
    }

    /// Writes registrations, controller and every topic.
    pub(crate) fn publish(&mut self, chroot: &str) {
        let Some(cluster) = self.clusters.get(chroot) else { return };
        let tree = &mut self.tree;
        let at = |tail: &str| format!("{chroot}{tail}");
        for name in tree.children(&at("/brokers/ids")).unwrap_or_default() {
            if !name.parse().is_ok_and(|id| cluster.brokers.contains_key(&id)) {
                tree.remove_all(&at(&format!("/brokers/ids/{name}")));
            }
        }
        for (id, registration) in &cluster.brokers {
            let data = registration_json(registration);
            tree.put(&at(&format!("/brokers/ids/{id}")), data.as_bytes(), registration.session);
        }
        match cluster.controller.and_then(|id| Some((id, cluster.brokers.get(&id)?))) {
            None => tree.remove_all(&at("/controller")),
            Some((id, registration)) => {
                let value = json!({
                    "version": 2, "brokerid": id, "timestamp": registration.since_ms.to_string(),
                    "kraftControllerEpoch": -1,
                });
                tree.put(&at("/controller"), value.to_string().as_bytes(), registration.session);
                let epoch = cluster.controller_epoch.to_string();
                tree.put(&at("/controller_epoch"), epoch.as_bytes(), 0);
            }
        }
        let names: Vec<String> = cluster.topics.keys().cloned().collect();
        for name in names {
            self.publish_topic(chroot, &name);
        }
    }

    /// Writes, or removes, the znodes of one topic.
    pub(crate) fn publish_topic(&mut self, chroot: &str, name: &str) {
        let Some(cluster) = self.clusters.get(chroot) else { return };
        let tree = &mut self.tree;
        let (base, config) =
            (format!("{chroot}/brokers/topics/{name}"), format!("{chroot}/config/topics/{name}"));
        let Some(topic) = cluster.topics.get(name) else {
            tree.remove_all(&base);
            tree.remove_all(&config);
            return;
        };
        let replicas: serde_json::Map<String, serde_json::Value> = (0..)
            .zip(&topic.partitions)
            .map(|(number, partition): (i32, _)| (number.to_string(), json!(partition.replicas)))
            .collect();
        let value = json!({
            "removing_replicas": {}, "partitions": replicas, "topic_id": topic.id,
            "adding_replicas": {}, "version": 3,
        });
        tree.put(&base, value.to_string().as_bytes(), 0);
        for (number, partition) in topic.partitions.iter().enumerate() {
            let state = json!({
                "controller_epoch": cluster.controller_epoch,
                "leader": partition.leader.unwrap_or(-1),
                "version": 1,
                "leader_epoch": partition.leader_epoch,
                "isr": partition.isr,
            });
            let path = format!("{base}/partitions/{number}/state");
            tree.put(&path, state.to_string().as_bytes(), 0);
        }
        let value = json!({ "version": 1, "config": topic.configs });
        tree.put(&config, value.to_string().as_bytes(), 0);
    }

    /// Writes the dynamic settings of a broker, or of all.
    pub(crate) fn publish_broker_config(&mut self, chroot: &str, broker: Option<BrokerId>) {
        let Some(cluster) = self.clusters.get(chroot) else { return };
        let empty = BTreeMap::new();
        let config = cluster.dynamic.get(&broker).unwrap_or(&empty);
        let name = broker.map_or("<default>".to_string(), |id| id.to_string());
        let value = json!({ "version": 1, "config": config }).to_string();
        self.tree.put(&format!("{chroot}/config/brokers/{name}"), value.as_bytes(), 0);
    }
}

fn registration_json(registration: &Registration) -> String {
    let first = registration.endpoints.first();
    let endpoints: Vec<String> = registration
        .endpoints
        .iter()
        .map(|e| format!("{}://{}:{}", e.name, e.host, e.port))
        .collect();
    let protocols: serde_json::Map<String, serde_json::Value> =
        registration.endpoints.iter().map(|e| (e.name.clone(), json!(e.protocol))).collect();
    let mut value = json!({
        "features": {}, "listener_security_protocol_map": protocols, "endpoints": endpoints,
        "jmx_port": -1, "port": first.map(|e| e.port), "host": first.map(|e| &e.host),
        "version": 5, "timestamp": registration.since_ms.to_string(),
    });
    if let Some(rack) = &registration.rack {
        value["rack"] = json!(rack);
    }
    value.to_string()
}
