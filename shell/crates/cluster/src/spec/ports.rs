//! Which ports the clusters of this host keep, and how a new cluster gets its own.
//!
//! A cluster's ports are one block from its base port: brokers at `base..`, as many ports beside
//! them for controllers of a later KRaft mode, and one for ZooKeeper, used where 2181 is kept by
//! another cluster. So a three-broker cluster at 9091 has 9091-9093, 9094-9096 and 2181 (or 9097),
//! and the same flags give the same ports every time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use kafsh_model::spec::ClusterSpec;
use kafsh_model::{ClusterName, Error, Result};

/// First broker's port where none is asked for: the seed document's.
pub const DEFAULT_BASE_PORT: u16 = 9091;

/// ZooKeeper's port, where no other cluster keeps it.
pub const DEFAULT_ZOOKEEPER_PORT: u16 = 2181;

/// Distance of the base ports tried one after the other: 9091, 9191, 9291, …
pub const BLOCK_STEP: u16 = 100;

/// First port that an unprivileged process may bind.
const PORT_MIN: u16 = 1024;

/// Linux's own default of `net.ipv4.ip_local_port_range`.
const EPHEMERAL_DEFAULT: (u16, u16) = (32_768, 60_999);

type IsFree = Arc<dyn Fn(u16) -> bool + Send + Sync>;

/// Ports kept by registered clusters, and a test whether a port can be bound now.
#[derive(Clone)]
pub struct PortRegistry {
    kept: BTreeMap<u16, ClusterName>,
    is_free: IsFree,
    ephemeral: (u16, u16),
}

impl fmt::Debug for PortRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortRegistry").field("kept", &self.kept).finish_non_exhaustive()
    }
}

impl Default for PortRegistry {
    fn default() -> Self {
        PortRegistry::new(|_| true)
    }
}

impl PortRegistry {
    /// `is_free` tells whether a port can be bound at this moment; it is asked only for a base
    /// port of `auto`.
    pub fn new(is_free: impl Fn(u16) -> bool + Send + Sync + 'static) -> Self {
        PortRegistry {
            kept: BTreeMap::new(),
            is_free: Arc::new(is_free),
            ephemeral: EPHEMERAL_DEFAULT,
        }
    }

    /// With the bind test of this host's loopback.
    pub fn of_this_host() -> Self {
        let bindable = |port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
        let mut registry = PortRegistry::new(bindable);
        if let Ok(text) = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range") {
            let mut words = text.split_whitespace().map(str::parse::<u16>);
            if let (Some(Ok(first)), Some(Ok(last))) = (words.next(), words.next()) {
                registry.ephemeral = (first, last);
            }
        }
        registry
    }

    /// Keeps every port of a spec for its cluster.
    pub fn add(&mut self, spec: &ClusterSpec) {
        for (port, _) in ports_of(spec) {
            self.kept.insert(port, spec.name.clone());
        }
    }

    /// The cluster that keeps a port.
    pub fn keeper(&self, port: u16) -> Option<&ClusterName> {
        self.kept.get(&port)
    }

    /// Ports the kernel hands out to clients, first and last.
    pub fn ephemeral(&self) -> (u16, u16) {
        self.ephemeral
    }

    fn block_is_free(&self, base: u16, brokers: u16, bind_too: bool) -> bool {
        let Some(last) = block_last(base, brokers) else { return false };
        let good = |port: u16| {
            self.keeper(port).is_none() && port != 8080 && (!bind_too || (self.is_free)(port))
        };
        (base..=last).all(good)
    }

    /// The first base port of 9091, 9191, … whose whole block no other cluster keeps; `bind_too`
    /// also asks the host.
    ///
    /// # Errors
    /// `no-free-ports`.
    pub fn next_base(&self, brokers: u16, bind_too: bool) -> Result<u16> {
        let (first_ephemeral, last_ephemeral) = self.ephemeral;
        (0..)
            .map_while(|step: u16| DEFAULT_BASE_PORT.checked_add(step.checked_mul(BLOCK_STEP)?))
            .filter(|base| {
                let last = block_last(*base, brokers).unwrap_or(u16::MAX);
                last < first_ephemeral || *base > last_ephemeral
            })
            .find(|base| self.block_is_free(*base, brokers, bind_too))
            .ok_or_else(|| {
                Error::failed(
                    "no-free-ports",
                    format!("no {} free ports in a row", 2 * brokers + 1),
                )
                .with_cause("other clusters or processes have a port of every block tried")
                .with_next("cluster list")
            })
    }

    /// ZooKeeper's port of a cluster at `base`: 2181, or the last of its block.
    pub fn zookeeper_port(&self, base: u16, brokers: u16, bind_too: bool) -> u16 {
        let usual = DEFAULT_ZOOKEEPER_PORT;
        let free = self.keeper(usual).is_none() && (!bind_too || (self.is_free)(usual));
        if free { usual } else { block_last(base, brokers).unwrap_or(usual) }
    }
}

/// Last port of a block: brokers, controllers, ZooKeeper. `None` where it passes 65535, or begins
/// below the ports that anybody may bind.
pub(super) fn block_last(base: u16, brokers: u16) -> Option<u16> {
    (base >= PORT_MIN).then_some(())?;
    base.checked_add(brokers.checked_mul(2)?)
}

/// Every port of a spec, with what it is for.
pub(super) fn ports_of(spec: &ClusterSpec) -> Vec<(u16, String)> {
    let mut ports = vec![(spec.zookeeper.port, "zookeeper".to_string())];
    for broker in &spec.brokers {
        for listener in &broker.listeners {
            ports.push((listener.port, format!("broker {} ({})", broker.id, listener.name)));
        }
        if let Some(port) = broker.controller_port {
            ports.push((port, format!("broker {} (reserved)", broker.id)));
        }
    }
    ports
}
