//! What every check looks at.

use std::borrow::Borrow;

use kafsh_sdk::step::{
    Action, BrokerSpec, ClusterSpec, Input, Node, NodeFacts, PortFacts, PortOwner, Preset,
    ProcessState, Property, Snapshot,
};

/// Distance between the ports asked for and those offered instead, and how often it is tried.
const PORT_STEP: u16 = 100;
const PORT_STEPS_MAX: u16 = 600;

/// Key of the snapshot's further facts.
const BUSY_PORT: &str = "busy-port";

/// Ports below are for root.
const PORT_MIN: u16 = 1024;

pub(crate) struct View<'a> {
    pub(crate) spec: &'a ClusterSpec,
    pub(crate) observed: &'a Snapshot,
    /// Earlier steps have planned to move all data aside, so it is not in the way
    pub(crate) is_archived: bool,
}

impl<'a> View<'a> {
    pub(crate) fn of(input: &'a Input) -> Self {
        let archives = |action: &Action| matches!(action, Action::ArchiveData(_));
        View {
            spec: &input.spec,
            observed: &input.observed,
            is_archived: input.planned.iter().any(archives),
        }
    }

    pub(crate) fn facts(&self, node: impl Borrow<Node>) -> Option<&'a NodeFacts> {
        let node = node.borrow();
        self.observed.nodes.iter().find(|facts| facts.node == *node)
    }

    /// The broker of that id, if the cluster is to have one.
    pub(crate) fn broker(&self, id: i32) -> Option<&'a BrokerSpec> {
        self.spec.brokers.iter().find(|broker| broker.id == id)
    }

    /// Major and minor of the version of Kafka: 3 and 9 of `3.9.2`.
    pub(crate) fn version(&self) -> Option<(u32, u32)> {
        let mut parts = self.spec.kafka.split(['.', '-']);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }

    /// Runs, or would if it were not paused.
    pub(crate) fn is_alive(&self, node: impl Borrow<Node>) -> bool {
        self.facts(node).is_some_and(|facts| {
            matches!(facts.process, ProcessState::Running(_) | ProcessState::Paused(_))
        })
    }

    /// The nodes that are yet to start, ZooKeeper first.
    pub(crate) fn idle(&self) -> Vec<Node> {
        let brokers = self.spec.brokers.iter().map(|broker| Node::Broker(broker.id));
        let nodes = std::iter::once(Node::Zookeeper).chain(brokers);
        nodes.filter(|node| !self.is_alive(node)).collect()
    }

    /// What is known of the brokers that are yet to start.
    pub(crate) fn idle_brokers(&self) -> Vec<&'a NodeFacts> {
        self.idle()
            .into_iter()
            .filter(|node| *node != Node::Zookeeper)
            .filter_map(|node| self.facts(node))
            .collect()
    }

    /// The command that brings this cluster up.
    pub(crate) fn up(&self) -> String {
        self.up_on(None, None)
    }

    /// The command that brings the cluster up on ports that look free.
    pub(crate) fn up_elsewhere(&self) -> String {
        let is_bad = |facts: &&PortFacts| {
            !self.is_alive(&facts.node)
                && (self.is_ephemeral(facts.port)
                    || !matches!(facts.owner, PortOwner::Free | PortOwner::Ours))
        };
        let bad: Vec<&Node> = self.observed.ports.iter().filter(is_bad).map(|f| &f.node).collect();
        let zookeeper = bad.contains(&&Node::Zookeeper);
        let brokers = bad.iter().any(|node| **node != Node::Zookeeper);
        let base = brokers.then(|| self.offer(&self.broker_ports())).flatten();
        let client = zookeeper.then(|| self.offer(&[self.spec.zookeeper.port])).flatten();
        self.up_on(base, client)
    }

    fn up_on(&self, base: Option<u16>, zookeeper: Option<u16>) -> String {
        let spec = self.spec;
        let mut command = format!("cluster up {} --brokers {}", spec.name, self.brokers());
        if let Some(port) = base.or_else(|| self.base_port()) {
            command += &format!(" --base-port {port}");
        }
        if let Some(port) = zookeeper {
            command += &format!(" --zookeeper-port {port}");
        }
        match &spec.preset {
            Preset::Dev => {}
            Preset::Classic => command += " --preset classic",
            Preset::Strict => command += " --preset strict",
            // There is no flag for it: a cluster that exists keeps it.
            Preset::Other(_) => {}
        }
        command
    }

    /// As `--brokers` takes them: how many, or which where they are not numbered from 1.
    fn brokers(&self) -> String {
        let brokers = &self.spec.brokers;
        if (1..).zip(brokers).all(|(number, broker)| broker.id == number) {
            brokers.len().to_string()
        } else {
            brokers.iter().map(|broker| broker.id.to_string()).collect::<Vec<_>>().join(",")
        }
    }

    fn broker_ports(&self) -> Vec<u16> {
        let listeners = self.spec.brokers.iter().flat_map(|broker| &broker.listeners);
        listeners.map(|listener| listener.port).collect()
    }

    /// The port from which the brokers count, if they do.
    fn base_port(&self) -> Option<u16> {
        let first = |broker: &BrokerSpec| broker.listeners.first().map(|listener| listener.port);
        let base = first(self.spec.brokers.first()?)?;
        let counts = |(index, broker): (usize, &BrokerSpec)| {
            first(broker).map(usize::from) == Some(usize::from(base) + index)
        };
        self.spec.brokers.iter().enumerate().all(counts).then_some(base)
    }

    /// The lowest of `ports`, moved so far that all of them are free as far as is known: up if
    /// there is room, else down.
    fn offer(&self, ports: &[u16]) -> Option<u16> {
        let lowest = *ports.iter().min()?;
        let up = (1..=PORT_STEPS_MAX).map(|n| i32::from(n) * i32::from(PORT_STEP));
        let down = up.clone().map(|distance| -distance);
        let fits = |distance: &i32| ports.iter().all(|port| self.may_use(*port, *distance));
        let distance = up.chain(down).find(fits)?;
        u16::try_from(i32::from(lowest) + distance).ok()
    }

    fn may_use(&self, port: u16, distance: i32) -> bool {
        let Ok(port) = u16::try_from(i32::from(port) + distance) else { return false };
        let known = self.observed.ports.iter().any(|facts| facts.port == port);
        port >= PORT_MIN && !known && !self.is_busy(port) && !self.is_ephemeral(port)
    }

    /// Somebody listens there, or another cluster keeps it.
    fn is_busy(&self, port: u16) -> bool {
        let says = |fact: &Property| fact.key == BUSY_PORT && fact.value == port.to_string();
        self.observed.extras.iter().any(says)
    }

    pub(crate) fn is_ephemeral(&self, port: u16) -> bool {
        let host = &self.observed.host;
        (host.ephemeral_first..=host.ephemeral_last).contains(&port)
    }

    /// Brings a whole earlier state back.
    pub(crate) fn restore(&self) -> String {
        format!("cluster restore {}", self.spec.name)
    }

    /// ZooKeeper serves and names the cluster, or nothing is known of it.
    fn knows_the_cluster(&self) -> bool {
        self.observed.zookeeper.as_ref().is_none_or(|facts| facts.cluster_id.is_some())
    }

    /// Moves all data aside and starts anew.
    pub(crate) fn archive_and_up(&self) -> String {
        let name = &self.spec.name;
        // Data under running servers cannot be moved.
        let stop = if self.idle().len() == self.spec.brokers.len() + 1 {
            String::new()
        } else if self.is_alive(Node::Zookeeper) && self.knows_the_cluster() {
            format!("cluster stop {name}; ")
        } else {
            // Nobody takes the partitions of brokers that have lost ZooKeeper.
            format!("cluster stop {name} --force; ")
        };
        format!("{stop}cluster archive {name}; {}", self.up())
    }
}

pub(crate) fn name(node: impl Borrow<Node>) -> String {
    node.borrow().to_string()
}

/// `broker 1, broker 3`
pub(crate) fn names<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> String {
    nodes.into_iter().map(name).collect::<Vec<_>>().join(", ")
}
