//! Data moved aside as one unit, brought back as one, or deleted.

use kafsh_model::plan::Node;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Error, Result};

use crate::cluster::ZooKeeperData;
use crate::ids::{compact_stamp, now_ms};
use crate::world::{BrokerData, Key, World};

/// Longest part of a unit's name that comes from its reason, in bytes.
const SLUG_BYTES_MAX: usize = 40;

/// Data of every node of a cluster, moved aside.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    name: String,
    zookeeper: Option<ZooKeeperData>,
    brokers: Vec<(Node, BrokerData)>,
}

impl World {
    pub(crate) fn archive(&mut self, spec: &ClusterSpec, reason: &str) -> Result<String> {
        self.refuse_any_running(spec, "moved aside")?;
        let cluster = spec.name.as_str();
        let name = free_name(self.archives.get(cluster).map_or(&[], Vec::as_slice), reason);
        let mut unit = Unit { name: name.clone(), zookeeper: None, brokers: Vec::new() };
        for node in spec.nodes() {
            let Some(server) = self.servers.get_mut(&Key::new(cluster, node)) else { continue };
            if !server.holds_data() {
                continue;
            }
            server.has_folders = false;
            match node {
                Node::ZooKeeper => unit.zookeeper = server.zookeeper.take(),
                Node::Broker(_) => unit.brokers.push((node, std::mem::take(&mut server.broker))),
            }
        }
        if unit.zookeeper.is_none() && unit.brokers.is_empty() {
            return Err(Error::failed("no-data", format!("cluster `{cluster}` has no data")));
        }
        self.archives.entry(cluster.to_string()).or_default().push(unit);
        Ok(name)
    }

    pub(crate) fn archive_names(&self, spec: &ClusterSpec) -> Vec<String> {
        let units = self.archives.get(spec.name.as_str()).map_or(&[][..], Vec::as_slice);
        units.iter().map(|unit| unit.name.clone()).collect()
    }

    pub(crate) fn restore(&mut self, spec: &ClusterSpec, name: &str) -> Result<()> {
        let cluster = spec.name.as_str();
        let index = self.archive_names(spec).iter().position(|known| known == name);
        let Some(index) = index else {
            return Err(Error::not_found(
                "archive-not-found",
                format!("cluster `{cluster}` has no archive `{}`", name.escape_debug()),
            )
            .with_next(format!("cluster archive {cluster} --list")));
        };
        self.refuse_any_running(spec, "restored")?;
        for node in spec.nodes() {
            let server = self.servers.get(&Key::new(cluster, node));
            if server.is_some_and(|server| server.holds_data()) {
                return Err(Error::refused("data-present", format!("{node} holds data"))
                    .with_evidence(format!(
                        "`{}` is not empty",
                        super::facts::data_paths(spec, node)[0]
                    ))
                    .with_cause("an archive is restored only as a whole, in place of nothing")
                    .with_next(format!("cluster archive {cluster}")));
            }
        }
        let unit = self.archives.get_mut(cluster).map(|units| units.remove(index));
        let Some(unit) = unit else { return Ok(()) };
        if unit.zookeeper.is_some() {
            let server = self.servers.entry(Key::new(cluster, Node::ZooKeeper)).or_default();
            (server.has_folders, server.zookeeper) = (true, unit.zookeeper);
        }
        for (node, data) in unit.brokers {
            let server = self.servers.entry(Key::new(cluster, node)).or_default();
            (server.has_folders, server.broker) = (true, data);
        }
        Ok(())
    }

    pub(crate) fn wipe(&mut self, spec: &ClusterSpec, node: Node) -> Result<()> {
        self.refuse_running(spec, node, "wiped")?;
        if let Some(server) = self.servers.get_mut(&Key::new(spec.name.as_str(), node)) {
            server.zookeeper = None;
            server.broker = BrokerData::default();
        }
        Ok(())
    }

    pub(crate) fn destroy(&mut self, spec: &ClusterSpec, archives_too: bool) -> Result<()> {
        self.refuse_any_running(spec, "destroyed")?;
        let cluster = spec.name.as_str();
        self.servers.retain(|key, _| key.cluster != cluster);
        if archives_too {
            self.archives.remove(cluster);
        }
        Ok(())
    }

    fn refuse_any_running(&self, spec: &ClusterSpec, what: &str) -> Result<()> {
        spec.nodes().into_iter().try_for_each(|node| self.refuse_running(spec, node, what))
    }

    fn refuse_running(&self, spec: &ClusterSpec, node: Node, what: &str) -> Result<()> {
        let process = self.servers.get(&Key::new(spec.name.as_str(), node)).map(|s| &s.process);
        let Some(process) = process.filter(|process| process.is_alive()) else { return Ok(()) };
        let pid = process.pid().map_or(String::new(), |pid| format!("pid {pid}"));
        Err(Error::refused("still-running", format!("{node} is running, so nothing can be {what}"))
            .with_evidence(pid)
            .with_next(format!("cluster stop {}", spec.name)))
    }
}

/// `20261122T173000Z-reset`; names sort by time.
fn free_name(taken: &[Unit], reason: &str) -> String {
    let mut slug: String = reason
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(SLUG_BYTES_MAX)
        .collect();
    while slug.contains("--") {
        slug = slug.replace("--", "-");
    }
    let (stamp, slug) = (compact_stamp(now_ms()), slug.trim_matches('-'));
    let base = if slug.is_empty() { stamp } else { format!("{stamp}-{slug}") };
    let is_free = |name: &String| !taken.iter().any(|unit| unit.name == *name);
    let mut number = 1;
    let mut name = base.clone();
    while !is_free(&name) {
        number += 1;
        name = format!("{base}-{number}");
    }
    name
}
