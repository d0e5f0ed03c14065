//! What is there of a node, as the local runtime would see it on disk and in `/proc`.

use kafsh_model::plan::Node;
use kafsh_model::snapshot::{DataDirFacts, NodeFacts, PortFacts, PortOwner, ProcessState};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Error, Result};

use super::boot::{bound, overlaps};
use crate::world::{Bound, Key, Server, World};

/// Where a rehearsal says that files are; nothing is ever written there.
const ROOT: &str = "/rehearsal/clusters";

/// Bytes of a folder that holds nothing but `meta.properties` and its kind.
const FOLDER_BYTES: u64 = 8_192;

/// Keys that are the runtime's to write.
const PATH_KEYS: [&str; 6] =
    ["log.dir", "log.dirs", "metadata.log.dir", "dataDir", "dataLogDir", "dynamicConfigFile"];

fn slug(node: Node) -> String {
    match node {
        Node::ZooKeeper => "zookeeper".to_string(),
        Node::Broker(id) => format!("broker-{id}"),
    }
}

/// The data folders of a node, at least one.
pub(crate) fn data_paths(spec: &ClusterSpec, node: Node) -> Vec<String> {
    let base = match &spec.data_dir {
        Some(root) => format!("{}/{}/{}", root.trim_end_matches('/'), spec.name, slug(node)),
        None => format!("{ROOT}/{}/nodes/{}", spec.name, slug(node)),
    };
    let named = match node {
        Node::ZooKeeper => None,
        Node::Broker(id) => spec.broker(id).map(|broker| broker.log_dirs.as_slice()),
    };
    let named = named.unwrap_or_default().iter();
    let mut paths: Vec<String> = named
        .map(|dir| if dir.starts_with('/') { dir.clone() } else { format!("{base}/{dir}") })
        .collect();
    if paths.is_empty() {
        paths.push(format!("{base}/data"));
    }
    paths
}

/// The usual data folder of a node, for lines of its log.
pub(crate) fn data_paths_of_key(key: &Key) -> String {
    format!("{ROOT}/{}/nodes/{}/data", key.cluster, slug(key.node))
}

impl Server {
    pub(crate) fn holds_data(&self) -> bool {
        self.zookeeper.is_some() || self.broker.meta.is_some()
    }
}

impl World {
    pub(crate) fn node_facts(&self, spec: &ClusterSpec, node: Node) -> Result<NodeFacts> {
        known(spec, node)?;
        let paths = data_paths(spec, node);
        let Some(server) = self.servers.get(&Key::new(spec.name.as_str(), node)) else {
            return Ok(NodeFacts {
                node,
                process: ProcessState::Absent,
                since_ms: None,
                properties: Vec::new(),
                restart_needed: false,
                data: paths.into_iter().map(|path| data_dir(path, node, None)).collect(),
                stale_registration: false,
            });
        };
        let process = server.process.state();
        Ok(NodeFacts {
            node,
            restart_needed: process.is_alive() && !same(&server.properties, &server.in_force),
            process,
            since_ms: server.since_ms,
            properties: server.properties.clone(),
            data: paths.into_iter().map(|path| data_dir(path, node, Some(server))).collect(),
            stale_registration: false,
        })
    }

    pub(crate) fn port_facts(&self, spec: &ClusterSpec) -> Vec<PortFacts> {
        let client = (Node::ZooKeeper, "client", &spec.zookeeper.bind, spec.zookeeper.port);
        let listeners = spec.brokers.iter().flat_map(|broker| {
            let node = Node::Broker(broker.id);
            broker.listeners.iter().map(move |l| (node, l.name.as_str(), &l.bind, l.port))
        });
        let facts = std::iter::once(client).chain(listeners);
        facts
            .map(|(node, purpose, bind, port)| {
                let (purpose, host) = (purpose.to_string(), bind.clone());
                let wanted = Bound { name: purpose.clone(), host, port };
                let key = Key::new(spec.name.as_str(), node);
                PortFacts {
                    node,
                    purpose,
                    bind: bind.clone(),
                    port,
                    owner: self.owner(&key, &wanted),
                }
            })
            .collect()
    }

    fn owner(&self, key: &Key, wanted: &Bound) -> PortOwner {
        if let Some(description) = self.occupied.get(&wanted.port) {
            let pid = description.strip_prefix("pid ").and_then(|rest| {
                rest.split_whitespace().next().and_then(|number| number.parse().ok())
            });
            return PortOwner::Foreign { description: description.clone(), pid };
        }
        for (other, server) in &self.servers {
            if !server.process.is_alive() || !overlaps(server, wanted) {
                continue;
            }
            if other == key {
                return PortOwner::Ours;
            }
            let pid = server.process.pid();
            let number = pid.map_or(String::new(), |pid| format!("pid {pid} "));
            let description = format!("{number}java {} of cluster {}", other.node, other.cluster);
            return PortOwner::Foreign { description, pid };
        }
        let kept = self.servers.iter().find(|(other, server)| {
            let theirs = bound(other.node, &server.properties);
            // Without its file a broker keeps nothing, though Kafka would have a default.
            other.cluster != key.cluster
                && !server.properties.is_empty()
                && theirs.iter().any(|b| b.port == wanted.port)
        });
        match kept {
            Some((other, _)) => PortOwner::Reserved { cluster: other.cluster.clone() },
            None => PortOwner::Free,
        }
    }

    /// Replaces a node's properties file.
    ///
    /// # Errors
    /// `property-refused` for what would lead out of the cluster, as the local runtime does.
    pub(crate) fn write_properties(
        &mut self,
        spec: &ClusterSpec,
        node: Node,
        properties: &[(String, String)],
    ) -> Result<()> {
        known(spec, node)?;
        for (index, (key, value)) in properties.iter().enumerate() {
            let cause = if properties[..index].iter().any(|(earlier, _)| earlier == key) {
                "it is given twice, and the last would win"
            } else if PATH_KEYS.contains(&key.as_str()) {
                "the data folders are kafsh's to choose"
            } else if value.contains("${") {
                "`${` is an indirection, and none is allowed"
            } else {
                continue;
            };
            return Err(refused(node, key, cause));
        }
        let (key, expected) = match node {
            Node::ZooKeeper => ("clientPort", spec.zookeeper.port.to_string()),
            Node::Broker(id) => ("broker.id", id.to_string()),
        };
        let found = properties.iter().find(|(name, _)| name == key).map(|(_, value)| value.trim());
        match found {
            Some(value) if value == expected => {}
            Some(value) => {
                let cause = format!("it is `{value}`, but the spec says `{expected}`");
                return Err(refused(node, key, &cause));
            }
            None => {
                let cause = format!("it is missing, and must be `{expected}`");
                return Err(refused(node, key, &cause));
            }
        }
        let server = self.servers.entry(Key::new(spec.name.as_str(), node)).or_default();
        server.properties = properties.to_vec();
        Ok(())
    }
}

/// # Errors
/// `broker-not-found`.
pub(crate) fn known(spec: &ClusterSpec, node: Node) -> Result<()> {
    let Node::Broker(id) = node else { return Ok(()) };
    if spec.broker(id).is_some() {
        return Ok(());
    }
    let ids: Vec<String> = spec.brokers.iter().map(|broker| broker.id.to_string()).collect();
    Err(Error::not_found("broker-not-found", format!("cluster `{}` has no broker {id}", spec.name))
        .with_evidence(format!("its brokers: {}", ids.join(", ")))
        .with_next("broker list"))
}

fn refused(node: Node, key: &str, cause: &str) -> Error {
    let shown: String = key.chars().take(80).flat_map(char::escape_debug).collect();
    Error::refused("property-refused", format!("`{shown}` cannot be written for {node}"))
        .with_cause(cause)
}

/// The same keys with the same values, in whatever order: Java reads a file into a map.
fn same(one: &[(String, String)], other: &[(String, String)]) -> bool {
    one.len() == other.len() && one.iter().all(|pair| other.contains(pair))
}

fn data_dir(path: String, node: Node, server: Option<&Server>) -> DataDirFacts {
    let holds = server.filter(|server| server.holds_data());
    let exists = server.is_some_and(|server| server.has_folders);
    let meta = holds.and_then(|server| server.broker.meta.clone());
    let records = |server: &Server| server.broker.logs.values().map(|log| log.bytes()).sum::<u64>();
    DataDirFacts {
        path,
        exists,
        empty: holds.is_none(),
        writable: true,
        bytes: if exists { FOLDER_BYTES + holds.map_or(0, records) } else { 0 },
        cluster_id: meta.as_ref().map(|(cluster, _)| cluster.clone()),
        broker_id: meta.as_ref().map(|(_, broker)| *broker),
        meta_version: meta.map(|_| 0),
        foreign_lock: None,
        clean: node == Node::ZooKeeper
            || holds.is_none_or(|server| server.broker.clean || server.broker.logs.is_empty()),
        logs_without_snapshot: false,
        snapshot_without_logs: None,
    }
}
