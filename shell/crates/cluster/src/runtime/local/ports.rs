//! The ports of a spec: free, ours, somebody else's, or kept for another cluster.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};

use kafsh_model::Result;
use kafsh_model::plan::Node;
use kafsh_model::snapshot::{PortFacts, PortOwner};
use kafsh_model::spec::ClusterSpec;
use procfs::net::{TcpNetEntry, TcpState};

use super::record::RunRecord;
use super::{Local, process};
use crate::runtime::files;

/// A port that a spec wants.
struct Wanted {
    node: Node,
    purpose: String,
    bind: String,
    port: u16,
}

fn wanted(spec: &ClusterSpec) -> Vec<Wanted> {
    let client = Wanted {
        node: Node::ZooKeeper,
        purpose: "client".into(),
        bind: spec.zookeeper.bind.clone(),
        port: spec.zookeeper.port,
    };
    let listeners = spec.brokers.iter().flat_map(|broker| {
        broker.listeners.iter().map(|listener| Wanted {
            node: Node::Broker(broker.id),
            purpose: listener.name.clone(),
            bind: listener.bind.clone(),
            port: listener.port,
        })
    });
    std::iter::once(client).chain(listeners).collect()
}

impl Local {
    pub(super) fn ports(&self, spec: &ClusterSpec) -> Result<Vec<PortFacts>> {
        let reserved = self.reserved(spec)?;
        let mut sockets: Option<Vec<TcpNetEntry>> = None;
        let mut facts = Vec::new();
        for Wanted { node, purpose, bind, port } in wanted(spec) {
            let owner = match try_bind(&bind, port) {
                Ok(()) => match reserved.iter().find(|kept| kept.overlaps(&bind, port)) {
                    Some(kept) => PortOwner::Reserved { cluster: kept.cluster.clone() },
                    None => PortOwner::Free,
                },
                Err(e) if e.kind() == io::ErrorKind::AddrInUse => {
                    let sockets = sockets.get_or_insert_with(all_sockets);
                    match holder(sockets, port) {
                        Some(pid) if self.is_node(spec, node, pid)? => PortOwner::Ours,
                        Some(pid) => PortOwner::Foreign {
                            description: process::describe(pid),
                            pid: Some(pid),
                        },
                        None => foreign("a process of another user"),
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                    foreign("the system (ports below 1024 need privileges)")
                }
                Err(e) if e.kind() == io::ErrorKind::AddrNotAvailable => {
                    foreign(&format!("nobody: `{bind}` is no address of this host"))
                }
                Err(e) => foreign(&format!("nobody: `{bind}` cannot be bound ({e})")),
            };
            facts.push(PortFacts { node, purpose, bind, port, owner });
        }
        Ok(facts)
    }

    /// Ports that somebody listens at, or that our other clusters keep.
    pub(super) fn busy_ports(&self, spec: &ClusterSpec) -> Result<Vec<u16>> {
        let listening = all_sockets().into_iter().filter(|s| s.state == TcpState::Listen);
        let kept = self.reserved(spec)?.into_iter().map(|kept| kept.port);
        let busy = listening.map(|s| s.local_address.port()).chain(kept);
        Ok(busy.collect::<BTreeSet<u16>>().into_iter().collect())
    }

    fn is_node(&self, spec: &ClusterSpec, node: Node, pid: u32) -> Result<bool> {
        let paths = self.layout(spec)?.node(spec, node)?;
        let Some(record) = RunRecord::load(&paths.run)? else { return Ok(false) };
        Ok(process::identify(&record)?.is_some_and(|live| live.pid == pid))
    }

    /// Ports in the specs of our other clusters, running or not. A spec that cannot be read keeps
    /// none: it must not stop this cluster.
    fn reserved(&self, spec: &ClusterSpec) -> Result<Vec<Kept>> {
        let clusters = self.home.join("clusters");
        let mut kept = Vec::new();
        for name in files::names_in(&clusters)? {
            if name == spec.name.as_str() {
                continue;
            }
            let text = files::read_small_text(&clusters.join(&name).join("spec.toml"));
            let text = text.ok().flatten().unwrap_or_default();
            let Ok(other) = toml::from_str::<ClusterSpec>(&text) else { continue };
            let keep = |bind: &str, port| Kept { cluster: name.clone(), bind: bind.into(), port };
            kept.extend(wanted(&other).iter().map(|w| keep(&w.bind, w.port)));
            let controllers = other.brokers.iter().filter_map(|broker| {
                let bind = broker.listeners.first().map_or("", |listener| &listener.bind);
                Some(keep(bind, broker.controller_port?))
            });
            kept.extend(controllers);
        }
        Ok(kept)
    }
}

/// A port of another cluster's spec.
struct Kept {
    cluster: String,
    bind: String,
    port: u16,
}

impl Kept {
    fn overlaps(&self, bind: &str, port: u16) -> bool {
        let everywhere = is_wildcard(bind) || is_wildcard(&self.bind);
        self.port == port && (everywhere || self.bind == bind)
    }
}

pub(super) fn is_wildcard(bind: &str) -> bool {
    matches!(bind, "" | "0.0.0.0" | "::" | "[::]")
}

fn foreign(description: &str) -> PortOwner {
    PortOwner::Foreign { description: description.into(), pid: None }
}

/// Binds and lets go, with `SO_REUSEADDR` as Java does. Java's wildcard is both families.
fn try_bind(bind: &str, port: u16) -> io::Result<()> {
    let addresses: Vec<SocketAddr> = if is_wildcard(bind) {
        let v4 = SocketAddr::from(([0, 0, 0, 0], port));
        let v6 = SocketAddr::from(([0; 8], port));
        vec![v4, v6]
    } else {
        let host = bind.trim_start_matches('[').trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => (host, port).to_socket_addrs()?.collect(),
        }
    };
    for address in addresses {
        match TcpListener::bind(address) {
            Ok(_) => {}
            // A host without IPv6 serves the other family all the same.
            Err(e)
                if address.is_ipv6()
                    && is_wildcard(bind)
                    && e.kind() != io::ErrorKind::AddrInUse => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

pub(super) fn all_sockets() -> Vec<TcpNetEntry> {
    let mut sockets = procfs::net::tcp().unwrap_or_default();
    sockets.extend(procfs::net::tcp6().unwrap_or_default());
    sockets
}

/// The process with a socket on `port`: a listening one, else one that has it as its own end.
pub(super) fn holder(sockets: &[TcpNetEntry], port: u16) -> Option<u32> {
    let on_port = |listening: bool| -> HashSet<String> {
        sockets
            .iter()
            .filter(|s| s.local_address.port() == port && s.inode != 0)
            .filter(|s| (s.state == TcpState::Listen) == listening)
            .map(|s| format!("socket:[{}]", s.inode))
            .collect()
    };
    [true, false].into_iter().find_map(|listening| process_with(&on_port(listening)))
}

fn process_with(sockets: &HashSet<String>) -> Option<u32> {
    if sockets.is_empty() {
        return None;
    }
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let holds = fs::read_dir(entry.path().join("fd")).ok()?.flatten().any(|descriptor| {
            let target = fs::read_link(descriptor.path()).ok();
            target.and_then(|t| t.to_str().map(|t| sockets.contains(t))).unwrap_or(false)
        });
        holds.then_some(pid)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_port_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(try_bind("127.0.0.1", port).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(try_bind("", port).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(holder(&all_sockets(), port), Some(std::process::id()));
        drop(listener);
        try_bind("127.0.0.1", port).unwrap();
    }

    #[test]
    fn an_address_of_another_host_is_said() {
        let error = try_bind("192.0.2.1", 0).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
    }

    #[test]
    fn a_wildcard_overlaps_every_address() {
        let kept = Kept { cluster: "a".into(), bind: "127.0.0.1".into(), port: 9091 };
        assert!(kept.overlaps("", 9091) && kept.overlaps("127.0.0.1", 9091));
        assert!(!kept.overlaps("127.0.0.2", 9091) && !kept.overlaps("127.0.0.1", 9092));
    }
}
