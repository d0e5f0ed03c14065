//! What differs between two specs of one cluster, and what it takes to make it so.

use std::collections::BTreeMap;
use std::fmt;

use kafsh_model::keys::{self, Dynamic};
use kafsh_model::plan::Node;
use kafsh_model::spec::{BrokerSpec, ClusterSpec};
use kafsh_model::{Error, Result};
use serde::Serialize;

/// What it takes to put a difference in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consequence {
    /// In force at once, or at the next `up`
    None,
    /// Nodes that run must be restarted
    Restart,
    /// Data would be left behind: the cluster has to be made anew
    Recreate,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `broker 2: rack a → b`
    pub line: String,
    pub consequence: Consequence,
    /// The node it is about; `None`: the cluster
    pub node: Option<Node>,
    /// Servers would listen elsewhere, or be others: the cluster has to stop in between
    pub moves: bool,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.consequence {
            Consequence::None => "",
            Consequence::Restart => " (needs a restart)",
            Consequence::Recreate => " (needs a new cluster)",
        };
        write!(f, "{}{what}", self.line)
    }
}

struct Differ {
    found: Vec<Difference>,
}

impl Differ {
    fn put(&mut self, node: Option<Node>, consequence: Consequence, line: String) {
        let line = match node {
            Some(node) => format!("{node}: {line}"),
            None => line,
        };
        self.found.push(Difference { line, consequence, node, moves: false });
    }

    fn last_moves(&mut self, differs: bool) {
        if let Some(last) = self.found.last_mut().filter(|_| differs) {
            last.moves = true;
        }
    }

    fn value<T: PartialEq + fmt::Debug>(
        &mut self,
        node: Option<Node>,
        consequence: Consequence,
        what: &str,
        old: &T,
        new: &T,
    ) {
        if old != new {
            self.put(node, consequence, format!("{what} {} → {}", shown(old), shown(new)));
        }
    }

    fn properties(
        &mut self,
        node: Option<Node>,
        old: &BTreeMap<String, String>,
        new: &BTreeMap<String, String>,
    ) {
        let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for key in keys {
            let (before, after) = (old.get(key), new.get(key));
            if before == after {
                continue;
            }
            let word = |value: Option<&String>| match value {
                None => "default".to_string(),
                Some(_) if keys::is_sensitive(key) => "***".to_string(),
                Some(value) => value.clone(),
            };
            let live = keys::broker(key).is_some_and(|key| key.dynamic != Dynamic::ReadOnly);
            let hint = if live { ", could also be set while running" } else { "" };
            self.put(
                node,
                Consequence::Restart,
                format!("{key} {} → {}{hint}", word(before), word(after)),
            );
        }
    }
}

/// `Some("x")` as `x`, `None` as `default`.
fn shown<T: fmt::Debug>(value: &T) -> String {
    let text = format!("{value:?}");
    let text = match text.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => inner.to_string(),
        None => text,
    };
    if text == "None" { "default".to_string() } else { text.replace('"', "") }
}

/// Every difference, the cluster's first, then ZooKeeper's, then each broker's. Empty where the
/// specs are equal.
pub fn diff(old: &ClusterSpec, new: &ClusterSpec) -> Vec<Difference> {
    let mut differ = Differ { found: Vec::new() };
    differ.value(None, Consequence::Restart, "Kafka", &old.kafka, &new.kafka);
    differ.last_moves(old.kafka != new.kafka);
    differ.value(None, Consequence::Restart, "preset", &old.preset.name(), &new.preset.name());
    differ.value(None, Consequence::None, "ephemeral", &old.ephemeral, &new.ephemeral);
    differ.value(None, Consequence::Recreate, "adopted", &old.adopted, &new.adopted);
    differ.value(None, Consequence::Recreate, "data folder", &old.data_dir, &new.data_dir);
    differ.value(None, Consequence::None, "steps", &old.steps, &new.steps);
    differ.properties(None, &old.properties, &new.properties);
    let (was, is) = (&old.zookeeper, &new.zookeeper);
    let node = Some(Node::ZooKeeper);
    differ.value(node, Consequence::Restart, "address", &was.bind, &is.bind);
    differ.last_moves(was.bind != is.bind);
    differ.value(node, Consequence::Restart, "port", &was.port, &is.port);
    differ.last_moves(was.port != is.port);
    differ.value(node, Consequence::Recreate, "chroot", &was.chroot, &is.chroot);
    differ.value(node, Consequence::Restart, "heap MiB", &was.heap_mib, &is.heap_mib);
    differ.value(node, Consequence::Recreate, "dataDir", &was.data_dir, &is.data_dir);
    differ.value(node, Consequence::Recreate, "dataLogDir", &was.data_log_dir, &is.data_log_dir);
    differ.properties(node, &was.properties, &is.properties);
    for broker in &old.brokers {
        match new.broker(broker.id) {
            Some(now) => brokers(&mut differ, broker, now),
            None => differ.put(
                Some(Node::Broker(broker.id)),
                Consequence::Recreate,
                "gone; its replicas would be lost".to_string(),
            ),
        }
    }
    for broker in new.brokers.iter().filter(|broker| old.broker(broker.id).is_none()) {
        let line = "new; it gets partitions only of topics made later".to_string();
        differ.put(Some(Node::Broker(broker.id)), Consequence::None, line);
    }
    if differ.found.is_empty() && old != new {
        differ.put(None, Consequence::None, "the order of the brokers".to_string());
    }
    differ.found
}

/// Refuses to make a cluster ephemeral that was made to stay: its data would go at the end of a
/// session, without a question.
///
/// # Errors
/// `not-ephemeral` (refused).
pub fn refuse_ephemeral(old: &ClusterSpec, new: &ClusterSpec) -> Result<()> {
    if old.ephemeral || !new.ephemeral {
        return Ok(());
    }
    let name = &old.name;
    let message = format!("`{name}` exists and was not made ephemeral");
    Err(Error::refused("not-ephemeral", message)
        .with_cause("its data would be deleted at the end of the session, without a question")
        .with_next(format!("cluster up {name}"))
        .with_next(format!("cluster destroy {name}"))
        .with_next(format!("cluster up {name}-2 --base-port auto --ephemeral")))
}

fn brokers(differ: &mut Differ, was: &BrokerSpec, is: &BrokerSpec) {
    let node = Some(Node::Broker(was.id));
    differ.value(node, Consequence::Restart, "rack", &was.rack, &is.rack);
    differ.value(node, Consequence::Recreate, "log.dirs", &was.log_dirs, &is.log_dirs);
    differ.value(node, Consequence::Restart, "heap MiB", &was.heap_mib, &is.heap_mib);
    let ports = (&was.controller_port, &is.controller_port);
    differ.value(node, Consequence::None, "reserved port", ports.0, ports.1);
    if was.listeners != is.listeners {
        let words = |broker: &BrokerSpec| {
            let listener = |l: &kafsh_model::spec::ListenerSpec| {
                let (host, port) = (&l.advertised_host, l.advertised_port);
                let protocol = l.protocol.name();
                let inter = if l.inter_broker { " inter-broker" } else { "" };
                format!("{}({protocol}) {}:{} as {host}:{port}{inter}", l.name, l.bind, l.port)
            };
            broker.listeners.iter().map(listener).collect::<Vec<_>>().join(", ")
        };
        let line = format!("listeners {} → {}", words(was), words(is));
        differ.put(node, Consequence::Restart, line);
        differ.last_moves(true);
    }
    differ.properties(node, &was.properties, &is.properties);
}
