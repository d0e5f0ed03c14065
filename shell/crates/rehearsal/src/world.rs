//! The whole of a rehearsal: servers with their files and processes, and how an address leads to
//! one of them.

use std::collections::BTreeMap;
use std::time::Duration;

use kafsh_model::plan::Node;
use kafsh_model::snapshot::{HostFacts, JavaFacts};
use kafsh_model::topic::{BrokerView, ClusterView};
use kafsh_model::{BrokerId, Error, Result};
use tokio::time::Instant;

use crate::cluster::{Cluster, ZooKeeperData};
use crate::fault::{Silence, unreachable};
use crate::ids::Ids;
use crate::log::Log;
use crate::runtime::process::Process;
use crate::runtime::units::Unit;

/// How long a registration outlives its broker: long enough to be seen, short enough not to be
/// waited for.
pub(crate) const SESSION: Duration = Duration::from_millis(50);

/// First pid given out: high, so that nobody takes it for one of the machine's own.
const FIRST_PID: u32 = 4_000_001;

/// A server of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) cluster: String,
    pub(crate) node: Node,
}

impl Key {
    pub(crate) fn new(cluster: impl Into<String>, node: Node) -> Self {
        Key { cluster: cluster.into(), node }
    }
}

/// An advertised address of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Name of the listener
    pub(crate) name: String,
    pub(crate) protocol: String,
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// An address that a running server listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    /// The listener's; `client` of a ZooKeeper
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Where a broker keeps its cluster's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    pub(crate) zookeeper: Key,
    pub(crate) chroot: String,
}

/// What a broker's log.dirs hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct BrokerData {
    /// `meta.properties`: cluster id and broker id
    pub(crate) meta: Option<(String, BrokerId)>,
    /// By topic id and partition
    pub(crate) logs: BTreeMap<(String, i32), Log>,
    /// `.kafka_cleanshutdown` is there
    pub(crate) clean: bool,
}

/// A server: its files, its data, its process.
#[derive(Debug, Default)]
pub(crate) struct Server {
    /// Its data folders are there
    pub(crate) has_folders: bool,
    /// The properties file
    pub(crate) properties: Vec<(String, String)>,
    /// The properties that the process was started with
    pub(crate) in_force: Vec<(String, String)>,
    pub(crate) zookeeper: Option<ZooKeeperData>,
    pub(crate) broker: BrokerData,
    pub(crate) process: Process,
    /// Since when the process is stopped, paused or gone; ms since 1970-01-01 UTC
    pub(crate) since_ms: Option<i64>,
    pub(crate) bound: Vec<Bound>,
    pub(crate) home: Option<Home>,
    /// Lines since the last start
    pub(crate) log: Vec<String>,
}

/// A fault that was asked for.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Ends at its start with these lines in its log
    Dies(Vec<String>),
    /// Runs and never answers
    Silent,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) ids: Ids,
    pub(crate) servers: BTreeMap<Key, Server>,
    /// Units moved aside, oldest first, by cluster
    pub(crate) archives: BTreeMap<String, Vec<Unit>>,
    /// Ports that somebody else holds
    pub(crate) occupied: BTreeMap<u16, String>,
    pub(crate) host: HostFacts,
    pub(crate) faults: BTreeMap<Node, Fault>,
    pub(crate) next_pid: u32,
    /// Turns among the partitions for records without a key
    pub(crate) turn: usize,
}

impl World {
    pub(crate) fn new() -> Self {
        World {
            ids: Ids::default(),
            servers: BTreeMap::new(),
            archives: BTreeMap::new(),
            occupied: BTreeMap::new(),
            host: default_host(),
            faults: BTreeMap::new(),
            next_pid: FIRST_PID,
            turn: 0,
        }
    }

    /// True where the server's process takes requests.
    pub(crate) fn answers(&self, key: &Key) -> bool {
        self.servers.get(key).is_some_and(|server| server.process.answers())
    }

    pub(crate) fn cluster(&self, home: &Home) -> Option<&Cluster> {
        self.servers.get(&home.zookeeper)?.zookeeper.as_ref()?.clusters.get(&home.chroot)
    }

    pub(crate) fn cluster_mut(&mut self, home: &Home) -> Option<&mut Cluster> {
        self.data_mut(home)?.clusters.get_mut(&home.chroot)
    }

    pub(crate) fn data_mut(&mut self, home: &Home) -> Option<&mut ZooKeeperData> {
        self.servers.get_mut(&home.zookeeper)?.zookeeper.as_mut()
    }

    /// The running server that listens at an address, and on which listener.
    pub(crate) fn at(&self, address: &str) -> Option<(&Key, &Server, String)> {
        let (host, port) = split_address(address)?;
        self.servers.iter().find_map(|(key, server)| {
            let bound = server.bound.iter().find(|b| b.port == port && reaches(&b.host, &host))?;
            server.process.is_alive().then(|| (key, server, bound.name.clone()))
        })
    }

    /// Why the broker at an address does not answer.
    pub(crate) fn silence(&self, address: &str) -> Silence {
        self.broker_at(address).err().unwrap_or(Silence::Silent)
    }

    /// The broker at an address and its view of the cluster.
    pub(crate) fn broker_at(&self, address: &str) -> Result<Contact, Silence> {
        let Some((key, server, listener)) = self.at(address) else {
            return Err(match split_address(address) {
                Some((_, port)) if self.occupied.contains_key(&port) => Silence::Lost,
                _ => Silence::Refused,
            });
        };
        let Node::Broker(broker) = key.node else { return Err(Silence::Lost) };
        if !server.process.answers() {
            return Err(Silence::Silent);
        }
        let home = server.home.clone().ok_or(Silence::Silent)?;
        self.cluster(&home).ok_or(Silence::Lost)?;
        Ok(Contact { home, broker, key: key.clone(), listener })
    }

    /// The first of the addresses at which a broker answers.
    ///
    /// # Errors
    /// `unavailable`, in the words of the real connector.
    pub(crate) fn contact(&self, addresses: &[String], doing: &str) -> Result<Contact> {
        let mut silent = Vec::new();
        for address in addresses {
            match self.broker_at(address) {
                Ok(contact) => return Ok(contact),
                Err(silence) => silent.push((address.clone(), silence)),
            }
        }
        Err(unreachable(doing, &silent))
    }

    /// The cluster of a contact. It was there a moment ago, under the same lock.
    pub(crate) fn cluster_of(&self, contact: &Contact) -> Result<&Cluster> {
        self.cluster(&contact.home).ok_or_else(|| Error::bug("a cluster is gone"))
    }

    pub(crate) fn view(&self, contact: &Contact) -> Result<ClusterView> {
        let cluster = self.cluster_of(contact)?;
        let brokers = cluster.brokers.iter().filter_map(|(id, registration)| {
            let named = registration.endpoints.iter().find(|e| e.name == contact.listener);
            let endpoint = named.or(registration.endpoints.first())?;
            let (host, port, rack) =
                (endpoint.host.clone(), endpoint.port, registration.rack.clone());
            Some(BrokerView { id: *id, host, port, rack })
        });
        Ok(ClusterView {
            cluster_id: Some(cluster.id.clone()),
            controller: cluster.controller,
            brokers: brokers.collect(),
        })
    }

    /// The server of a registered broker, if it answers.
    pub(crate) fn live(&self, cluster: &Cluster, broker: BrokerId) -> Option<Key> {
        let owner = &cluster.brokers.get(&broker)?.owner;
        self.answers(owner).then(|| owner.clone())
    }

    /// Ends sessions whose time is up; a ZooKeeper that does not run ends none.
    pub(crate) fn tick(&mut self) {
        let now = Instant::now();
        for (home, broker, expires) in self.sessions() {
            if expires <= now {
                self.broker_left(&home, broker);
            }
        }
    }

    /// When the next session ends.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.sessions().into_iter().map(|(_, _, expires)| expires).min()
    }

    fn sessions(&self) -> Vec<(Home, BrokerId, Instant)> {
        let mut sessions = Vec::new();
        for (key, server) in &self.servers {
            let Some(data) = server.zookeeper.as_ref().filter(|_| server.process.answers()) else {
                continue;
            };
            for (chroot, cluster) in &data.clusters {
                for (id, registration) in &cluster.brokers {
                    if let Some(expires) = registration.expires {
                        let home = Home { zookeeper: key.clone(), chroot: chroot.clone() };
                        sessions.push((home, *id, expires));
                    }
                }
            }
        }
        sessions
    }
}

/// A broker that answers.
#[derive(Clone, Debug)]
pub(crate) struct Contact {
    pub(crate) home: Home,
    pub(crate) broker: BrokerId,
    pub(crate) key: Key,
    /// Name of the listener it was reached by
    pub(crate) listener: String,
}

/// Host, in lower case and without brackets, and port.
pub(crate) fn split_address(address: &str) -> Option<(String, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let port = port.parse().ok().filter(|port| *port > 0)?;
    (!host.is_empty()).then_some((host, port))
}

pub(crate) fn is_wildcard(host: &str) -> bool {
    matches!(host, "" | "0.0.0.0" | "::")
}

/// True where a listener on `bound` is reached by `host`. Names of the machine other than
/// `localhost` are taken for it: a rehearsal resolves none.
fn reaches(bound: &str, host: &str) -> bool {
    let local = |name: &str| matches!(name, "localhost" | "127.0.0.1" | "::1");
    is_wildcard(bound) || bound == host || local(bound) && local(host) || is_wildcard(host)
}

/// A machine on which nothing stands in the way.
fn default_host() -> HostFacts {
    HostFacts {
        java: Some(JavaFacts {
            path: "/usr/bin/java".to_string(),
            major: 17,
            version: "17.0.15".to_string(),
        }),
        memory_available_mib: 64 * 1024,
        disk_free_mib: 512 * 1024,
        open_files_max: 1_048_576,
        memory_maps_max: 1_048_576,
        ephemeral_ports: (32_768, 60_999),
        busy_ports: Vec::new(),
        cpus: 4,
    }
}
