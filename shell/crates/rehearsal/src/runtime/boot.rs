//! Servers that start, and what keeps them from it: each failure with the line that a real log has.

use kafsh_model::plan::Node;
use kafsh_model::port::Exit;
use tokio::time::Instant;

use super::deaths::{self, line};
use super::process::Process;
use crate::cluster::{Cluster, Registration};
use crate::defaults::static_value;
use crate::ids::now_ms;
use crate::world::{
    Bound, Endpoint, Fault, Home, Key, SESSION, Server, World, is_wildcard, split_address,
};

/// Exit status of a server that gives up at its start.
const GAVE_UP: i32 = 1;

impl World {
    /// Starts a server that has its properties and does not run. It runs, or has ended, when this
    /// returns; its pid in either case.
    pub(crate) fn boot(&mut self, key: &Key) -> u32 {
        let pid = self.next_pid;
        self.next_pid += 1;
        let Some(server) = self.servers.get_mut(key) else { return pid };
        server.has_folders = true;
        server.in_force = server.properties.clone();
        server.log.clear();
        server.home = None;
        server.bound = bound(key.node, &server.in_force);
        server.since_ms = None;
        server.process =
            Process::Alive { pid, since: Instant::now(), paused: false, silent: false };
        let outcome = match self.faults.get(&key.node).cloned() {
            Some(Fault::Dies(lines)) => Err(lines),
            Some(Fault::Silent) => {
                if let Some(Server { process: Process::Alive { silent, .. }, .. }) =
                    self.servers.get_mut(key)
                {
                    *silent = true;
                }
                return pid;
            }
            None => match key.node {
                Node::ZooKeeper => self.boot_zookeeper(key),
                Node::Broker(id) => self.boot_broker(key, id).map_err(deaths::fatal),
            },
        };
        if let Err(lines) = outcome {
            self.end(key, Exit::Status(GAVE_UP));
            let server = self.servers.entry(key.clone()).or_default();
            server.log.extend(lines);
        }
        pid
    }

    fn boot_zookeeper(&mut self, key: &Key) -> Result<(), Vec<String>> {
        if let Some(taken) = self.taken_port(key) {
            return Err(deaths::zookeeper_port_taken(&taken));
        }
        let Some(server) = self.servers.get_mut(key) else { return Ok(()) };
        let port = server.bound.first().map_or(0, |bound| bound.port);
        server.log.push(line("INFO", &format!("binding to port /127.0.0.1:{port}")));
        let data = server.zookeeper.get_or_insert_with(crate::cluster::ZooKeeperData::new);
        let homes: Vec<Home> = data
            .clusters
            .keys()
            .map(|chroot| Home { zookeeper: key.clone(), chroot: chroot.clone() })
            .collect();
        for home in homes {
            self.resume_sessions(&home);
        }
        Ok(())
    }

    /// ZooKeeper is back: brokers that live keep their sessions or begin new ones, those of others
    /// run out from now on.
    pub(crate) fn resume_sessions(&mut self, home: &Home) {
        let deadline = Instant::now() + SESSION;
        let mut alive = Vec::new();
        for (key, server) in &self.servers {
            if let Node::Broker(id) = key.node
                && server.home.as_ref() == Some(home)
                && server.process.answers()
            {
                alive.push((key.clone(), id));
            }
        }
        if let Some(cluster) = self.cluster_mut(home) {
            for registration in cluster.brokers.values_mut() {
                let lives = alive.iter().any(|(key, _)| *key == registration.owner);
                registration.expires = if lives { None } else { Some(deadline) };
            }
        }
        for (key, id) in alive {
            self.register(&key, home, id);
        }
    }

    fn boot_broker(&mut self, key: &Key, id: i32) -> Result<(), String> {
        let fixed = self.servers.get(key).map(|s| s.in_force.clone()).unwrap_or_default();
        let connect = static_value(&fixed, "zookeeper.connect").unwrap_or("127.0.0.1:2181");
        let (address, chroot) = match connect.find('/') {
            Some(at) => (&connect[..at], connect[at..].trim_end_matches('/')),
            None => (connect, ""),
        };
        let serving = address.split(',').find_map(|address| {
            let (zookeeper, server, _) = self.at(address)?;
            let serves = server.zookeeper.is_some() && server.process.answers();
            serves.then(|| zookeeper.clone())
        });
        let Some(zookeeper) = serving else {
            return Err(deaths::no_zookeeper());
        };
        let home = Home { zookeeper, chroot: chroot.to_string() };
        let cluster_id = self.cluster_id(&home);
        let path = super::facts::data_paths_of_key(key);
        let server = self.servers.get(key).map(|server| server.broker.meta.clone());
        if let Some(Some((stored_cluster, stored_broker))) = server {
            if stored_cluster != cluster_id {
                return Err(deaths::other_cluster(&path, &cluster_id, &stored_cluster));
            }
            if stored_broker != id {
                return Err(deaths::other_id(&path, id, stored_broker));
            }
        }
        if let Some(taken) = self.taken_port(key) {
            return Err(deaths::port_taken(&taken));
        }
        if let Some(cluster) = self.cluster(&home) {
            if let Some(held) =
                cluster.brokers.get(&id).filter(|r| r.owner != *key || r.expires.is_some())
            {
                return Err(deaths::registered(id, held.session));
            }
            if let Some((other, endpoint)) = clash(cluster, id, &endpoints(&fixed)) {
                return Err(deaths::endpoint_registered(&endpoint, other));
            }
        }
        if let Some(server) = self.servers.get_mut(key) {
            server.home = Some(home.clone());
            server.broker.meta = Some((cluster_id.clone(), id));
            server.broker.clean = false;
            server.log.push(line(
                "INFO",
                &format!("Cluster ID = {cluster_id} (kafka.server.KafkaServer)"),
            ));
            server.log.push(line(
                "INFO",
                &format!("[KafkaServer id={id}] started (kafka.server.KafkaServer)"),
            ));
        }
        self.register(key, &home, id);
        Ok(())
    }

    /// The id of the cluster at `home`; the first broker there makes it.
    fn cluster_id(&mut self, home: &Home) -> String {
        if let Some(cluster) = self.cluster(home) {
            return cluster.id.clone();
        }
        let id = self.ids.uuid();
        if let Some(data) = self.data_mut(home) {
            data.lay_out(&home.chroot, &id);
            data.clusters.insert(home.chroot.clone(), Cluster::new(id.clone()));
        }
        id
    }

    /// Puts a broker into `/brokers/ids` and lets it catch up.
    pub(crate) fn register(&mut self, key: &Key, home: &Home, id: i32) {
        let fixed = self.servers.get(key).map(|s| s.in_force.clone()).unwrap_or_default();
        let session = self.ids.session();
        let rack = static_value(&fixed, "broker.rack").map(String::from);
        if let Some(cluster) = self.cluster_mut(home)
            && !cluster.brokers.contains_key(&id)
        {
            let registration = Registration {
                owner: key.clone(),
                session,
                endpoints: endpoints(&fixed),
                rack,
                since_ms: now_ms(),
                expires: None,
            };
            cluster.brokers.insert(id, registration);
        }
        self.broker_joined(home, id);
    }

    /// The process is gone, however it went.
    pub(crate) fn end(&mut self, key: &Key, exit: Exit) {
        if let Some(server) = self.servers.get_mut(key) {
            if let Some(pid) = server.process.pid() {
                server.process = Process::Ended { pid, exit };
                server.since_ms = Some(now_ms());
            }
            server.bound.clear();
        }
    }

    /// The first port of this server that somebody else has.
    fn taken_port(&self, key: &Key) -> Option<Bound> {
        let own = self.servers.get(key)?;
        own.bound
            .iter()
            .find(|bound| {
                self.occupied.contains_key(&bound.port)
                    || self.servers.iter().any(|(other, server)| {
                        other != key && server.process.is_alive() && overlaps(server, bound)
                    })
            })
            .cloned()
    }
}

/// True where the server listens where `wanted` would.
pub(crate) fn overlaps(server: &Server, wanted: &Bound) -> bool {
    server.bound.iter().any(|bound| {
        let anywhere = is_wildcard(&bound.host) || is_wildcard(&wanted.host);
        bound.port == wanted.port && (anywhere || bound.host == wanted.host)
    })
}

fn clash(cluster: &Cluster, id: i32, own: &[Endpoint]) -> Option<(i32, String)> {
    cluster.brokers.iter().filter(|(other, _)| **other != id).find_map(|(other, registration)| {
        let theirs = &registration.endpoints;
        let same =
            own.iter().find(|e| theirs.iter().any(|t| t.host == e.host && t.port == e.port))?;
        Some((*other, format!("{}:{}", same.host, same.port)))
    })
}

/// `NAME://host:port` of a list of listeners.
fn parse_listeners(text: &str) -> Vec<(String, String, u16)> {
    let one = |item: &str| {
        let (name, address) = item.trim().split_once("://")?;
        let (host, port) = match split_address(address) {
            Some(found) => found,
            None => (String::new(), address.trim_start_matches(':').parse().ok()?),
        };
        Some((name.to_string(), host, port))
    };
    text.split(',').filter_map(one).collect()
}

/// Where a server with these properties listens.
pub(crate) fn bound(node: Node, properties: &[(String, String)]) -> Vec<Bound> {
    match node {
        Node::ZooKeeper => {
            let port = static_value(properties, "clientPort").and_then(|p| p.trim().parse().ok());
            let host = static_value(properties, "clientPortAddress").unwrap_or("");
            let bound = |port| Bound { name: "client".to_string(), host: host.to_string(), port };
            port.map(bound).into_iter().collect()
        }
        Node::Broker(_) => {
            let text = static_value(properties, "listeners").unwrap_or("PLAINTEXT://:9092");
            let listeners = parse_listeners(text).into_iter();
            listeners.map(|(name, host, port)| Bound { name, host, port }).collect()
        }
    }
}

/// What a broker with these properties tells clients.
fn endpoints(properties: &[(String, String)]) -> Vec<Endpoint> {
    let text = static_value(properties, "advertised.listeners")
        .or(static_value(properties, "listeners"))
        .unwrap_or("PLAINTEXT://localhost:9092");
    let map = static_value(properties, "listener.security.protocol.map").unwrap_or("");
    let protocol = |name: &str| {
        let found = map.split(',').filter_map(|pair| pair.trim().split_once(':'));
        found.into_iter().find(|(known, _)| *known == name).map_or(name, |(_, p)| p).to_string()
    };
    parse_listeners(text)
        .into_iter()
        .map(|(name, host, port)| {
            let host = if host.is_empty() { "localhost".to_string() } else { host };
            Endpoint { protocol: protocol(&name), name, host, port }
        })
        .collect()
}
