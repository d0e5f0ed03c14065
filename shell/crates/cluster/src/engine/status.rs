//! `cluster status`: probed truth, and where it differs from what is stored.

use std::time::Duration;

use kafsh_model::plan::Node;
use kafsh_model::snapshot::{NodeFacts, ProcessState, Snapshot};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{BrokerId, Result};

use super::Engine;
use super::patience::bounded;
use super::report::{ClusterStatus, NodeStatus, PartitionHealth};
use super::safety::{MinIsr, Partitions};

/// Longest that brokers are asked for their partitions in one look.
const PARTITIONS_TIMEOUT: Duration = Duration::from_secs(2);

impl Engine {
    /// Probes the cluster. Takes no lock.
    ///
    /// # Errors
    /// As [`Engine::observe`].
    pub async fn status(&self, spec: &ClusterSpec) -> Result<ClusterStatus> {
        Ok(self.status_and_partitions(spec).await?.0)
    }

    /// The status and the partitions it was made of, without brokers that do not run; `None`
    /// where nobody told them in time.
    ///
    /// # Errors
    /// As [`Engine::observe`].
    pub async fn status_and_partitions(
        &self,
        spec: &ClusterSpec,
    ) -> Result<(ClusterStatus, Option<Partitions>)> {
        let snapshot = self.observe(spec).await?;
        Ok(self.judged(spec, &snapshot).await)
    }

    /// The status over a snapshot already taken; asks only for partitions.
    ///
    /// # Errors
    /// None yet: servers that do not answer are facts.
    pub async fn status_of(
        &self,
        spec: &ClusterSpec,
        snapshot: &Snapshot,
    ) -> Result<ClusterStatus> {
        Ok(self.judged(spec, snapshot).await.0)
    }

    async fn judged(
        &self,
        spec: &ClusterSpec,
        snapshot: &Snapshot,
    ) -> (ClusterStatus, Option<Partitions>) {
        // Any broker that runs may answer; readiness asks for all of them.
        let running = |facts: &&NodeFacts| {
            matches!(facts.node, Node::Broker(_))
                && matches!(facts.process, ProcessState::Running { .. })
        };
        let partitions = match snapshot.nodes.iter().find(running) {
            Some(_) if spec.is_open() => {
                let asked = self.partitions(spec, &snapshot.nodes, MinIsr::OfLacking);
                bounded(PARTITIONS_TIMEOUT, asked).await.ok()
            }
            _ => None,
        };
        let status = status(spec, snapshot, partitions.as_ref().map(Partitions::health));
        let orphaned = self.orphaned_by(spec).is_some();
        (ClusterStatus { orphaned, ..status }, partitions)
    }
}

fn status(
    spec: &ClusterSpec,
    snapshot: &Snapshot,
    partitions: Option<PartitionHealth>,
) -> ClusterStatus {
    let zookeeper = snapshot.zookeeper.as_ref();
    let controller = zookeeper.and_then(|zookeeper| zookeeper.controller);
    let nodes: Vec<NodeStatus> = spec
        .nodes()
        .into_iter()
        .map(|node| node_status(spec, snapshot, node, controller))
        .collect();
    let reasons = reasons(spec, &nodes, controller, partitions);
    let brokers_ready = nodes.iter().filter(|node| node.broker.is_some() && node.ready).count();
    let late = nodes.iter().any(|node| !node.ready);
    let up = nodes.iter().filter(|node| node.state == "running" || node.state == "paused").count();
    let state = match up {
        0 => "stopped",
        _ if reasons.is_empty() => "healthy",
        // One that is paused or died does not come up by itself.
        up if up == nodes.len() && nodes.iter().all(|n| n.state == "running") && late => "starting",
        up if up < nodes.len() && brokers_ready == 0 => "partial",
        _ => "degraded",
    };
    ClusterStatus {
        name: spec.name.to_string(),
        healthy: reasons.is_empty(),
        state: state.to_string(),
        cluster_id: zookeeper.and_then(|zookeeper| zookeeper.cluster_id.clone()),
        controller,
        bootstrap: spec.bootstrap(),
        zookeeper: spec.zookeeper_address(),
        brokers_ready,
        brokers_total: spec.brokers.len(),
        nodes,
        partitions,
        proven: snapshot.proven,
        drift: drift(spec, snapshot),
        reasons,
        ephemeral: spec.ephemeral,
        orphaned: false,
    }
}

fn node_status(
    spec: &ClusterSpec,
    snapshot: &Snapshot,
    node: Node,
    controller: Option<BrokerId>,
) -> NodeStatus {
    let facts = snapshot.node(node);
    let process = facts.map_or(&ProcessState::Absent, |facts| &facts.process);
    let (state, uptime_ms) = match process {
        ProcessState::Absent => ("stopped", None),
        ProcessState::Running { uptime_ms, .. } => ("running", Some(*uptime_ms)),
        ProcessState::Paused { .. } => ("paused", None),
        ProcessState::Died { .. } => ("died", None),
    };
    let broker = match node {
        Node::ZooKeeper => None,
        Node::Broker(id) => spec.broker(id),
    };
    let endpoints = match broker {
        None => vec![spec.zookeeper_address()],
        Some(broker) => {
            let address = |l: &kafsh_model::spec::ListenerSpec| {
                format!("{}://{}:{}", l.name, l.advertised_host, l.advertised_port)
            };
            broker.listeners.iter().map(address).collect()
        }
    };
    let serves = match broker {
        None => snapshot.zookeeper.is_some(),
        Some(broker) => answers(snapshot, broker.id),
    };
    NodeStatus {
        node: node.to_string(),
        broker: broker.map(|broker| broker.id),
        state: state.to_string(),
        ready: matches!(process, ProcessState::Running { .. }) && serves,
        pid: process.pid().filter(|_| process.is_alive()),
        uptime_ms,
        since_ms: facts.and_then(|facts| facts.since_ms),
        endpoints,
        controller: broker.is_some_and(|broker| Some(broker.id) == controller),
        data_bytes: facts.map_or(0, |facts| facts.data.iter().map(|dir| dir.bytes).sum()),
        rack: broker.and_then(|broker| broker.rack.clone()),
        restart_needed: facts.is_some_and(|facts| facts.restart_needed),
    }
}

/// A broker by itself: it is registered and answers, whether or not the others are there.
fn answers(snapshot: &Snapshot, id: BrokerId) -> bool {
    snapshot.ready_brokers.contains(&id)
        || snapshot.zookeeper.as_ref().is_some_and(|zookeeper| {
            zookeeper.registrations.iter().any(|r| r.broker == id && r.answers)
        })
}

/// Why a cluster is not healthy; empty: it is.
fn reasons(
    spec: &ClusterSpec,
    nodes: &[NodeStatus],
    controller: Option<BrokerId>,
    partitions: Option<PartitionHealth>,
) -> Vec<String> {
    let mut reasons: Vec<String> = nodes
        .iter()
        .filter(|node| !node.ready)
        .map(|node| match node.state.as_str() {
            "running" => format!("{} does not serve yet", node.node),
            "died" => format!("{} has died", node.node),
            state => format!("{} is {state}", node.node),
        })
        .collect();
    if controller.is_none() {
        reasons.push("there is no controller".to_string());
    }
    let Some(health) = partitions else {
        reasons.push(match spec.is_open() {
            true => "no broker tells about partitions".to_string(),
            false => "partitions are unknown: brokers are asked over plain listeners only, and \
                      not every broker has one"
                .to_string(),
        });
        return reasons;
    };
    let counts = [
        (health.offline, "offline"),
        (health.under_min_isr, "under min.insync.replicas"),
        (health.under_replicated, "under-replicated"),
    ];
    for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
        let noun = if count == 1 { "partition is" } else { "partitions are" };
        reasons.push(format!("{count} {noun} {what}"));
    }
    reasons
}

/// Where what is stored and what is there differ.
fn drift(spec: &ClusterSpec, snapshot: &Snapshot) -> Vec<String> {
    let mut drift = Vec::new();
    for facts in &snapshot.nodes {
        let node = facts.node;
        if let ProcessState::Died { pid } = facts.process {
            drift.push(format!("{node}: recorded as running (pid {pid}), and is gone"));
        }
        if facts.restart_needed && facts.process.is_alive() {
            drift.push(format!("{node}: runs with older properties than its file has"));
        }
        if facts.stale_registration {
            drift.push(format!("{node}: registered in ZooKeeper, and not running"));
        }
        if let Node::Broker(id) = node {
            let stored = facts.data.iter().filter_map(|dir| dir.broker_id).find(|own| *own != id);
            if let Some(stored) = stored {
                drift.push(format!("{node}: its data is that of broker {stored}"));
            }
        }
    }
    let Some(zookeeper) = &snapshot.zookeeper else { return drift };
    let stored = snapshot.nodes.iter().flat_map(|facts| &facts.data);
    let mut ids: Vec<&String> = stored.filter_map(|dir| dir.cluster_id.as_ref()).collect();
    ids.sort();
    ids.dedup();
    if let Some(own) = &zookeeper.cluster_id {
        for id in ids.into_iter().filter(|id| *id != own) {
            drift.push(format!("cluster id: ZooKeeper has {own}, a broker's data {id}"));
        }
    }
    for registration in &zookeeper.registrations {
        let Some(broker) = spec.broker(registration.broker) else {
            drift.push(format!("broker {} is registered and not in the spec", registration.broker));
            continue;
        };
        let wanted = |l: &kafsh_model::spec::ListenerSpec| {
            format!("{}://{}:{}", l.name, l.advertised_host, l.advertised_port)
        };
        let wanted: Vec<String> = broker.listeners.iter().map(wanted).collect();
        let same = wanted.len() == registration.endpoints.len()
            && wanted.iter().all(|endpoint| registration.endpoints.contains(endpoint));
        if !same {
            drift.push(format!(
                "broker {}: registered at {}, the spec says {}",
                broker.id,
                registration.endpoints.join(" "),
                wanted.join(" ")
            ));
        }
    }
    drift
}
