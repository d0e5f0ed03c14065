//! A cluster that is not there: what a step is told in cases, trials and figures.

use std::collections::BTreeMap;

use kafsh_cluster::spec::{Brokers, PortRegistry, SpecRequest, build};
use kafsh_model::plan::{Node, StepInput};
use kafsh_model::snapshot::{
    DataDirFacts, HostFacts, JavaFacts, NodeFacts, PortFacts, PortOwner, ProcessState,
    Registration, Snapshot, ZooKeeperFacts,
};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{ClusterName, Error, Result};
use serde::Deserialize;

use super::case::Word;
use crate::context::KAFKA_VERSION;

/// Brokers where none are named.
const BROKERS: u16 = 3;
/// Most brokers of a sample: their ports come after each other.
const BROKERS_MAX: u16 = 100;
/// Id of the cluster, once it has run.
const CLUSTER_ID: &str = "rR0pb2SNQdqXp8Tp1eGgXw";
/// Of the first server; the others follow.
const FIRST_PID: u32 = 4_000;
const UPTIME_MS: u64 = 60_000;

/// `input` of a step's case, in detail.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Sample {
    brokers: Option<u16>,
    /// Every server runs, is ready, and has data
    #[serde(default)]
    running: bool,
    /// Topics that are there
    #[serde(default)]
    topics: u32,
    /// Properties of every broker
    #[serde(default)]
    properties: BTreeMap<String, Word>,
    /// Ports of the cluster that another program has
    #[serde(default)]
    taken_ports: Vec<u16>,
}

impl Sample {
    /// Everything runs.
    pub fn running() -> Sample {
        Sample { running: true, ..Sample::default() }
    }

    /// What a step is told; nothing is planned yet.
    ///
    /// # Errors
    /// `bad-case`: a cluster that cannot be.
    pub fn input(&self) -> Result<StepInput> {
        let wrong =
            |why: String| Error::failed("bad-case", "a cluster that cannot be").with_cause(why);
        let count = self.brokers.unwrap_or(BROKERS);
        if !(1..=BROKERS_MAX).contains(&count) {
            return Err(wrong(format!("`brokers` is 1 to {BROKERS_MAX}, not {count}")));
        }
        let mut request = SpecRequest::new(ClusterName::new("demo")?);
        request.kafka = Some(KAFKA_VERSION.to_string());
        request.brokers = Some(Brokers::Count(count));
        let mut spec = build(&request, &PortRegistry::default())?;
        let words = self.properties.iter().map(|(key, value)| (key.clone(), value.text()));
        spec.properties.extend(words);
        let mut observed = fresh(&spec);
        for port in &self.taken_ports {
            let found = observed.ports.iter_mut().find(|facts| facts.port == *port);
            let facts = found.ok_or_else(|| wrong(format!("no server of it wants port {port}")))?;
            let description = "pid 4121 java kafka.Kafka (kim, 3h)".to_string();
            facts.owner = PortOwner::Foreign { description, pid: Some(4_121) };
        }
        if self.running {
            start(&spec, &mut observed, self.topics);
        } else if self.topics > 0 {
            return Err(wrong("`topics` are there only where `running = true`".to_string()));
        }
        Ok(StepInput { spec, observed, planned: Vec::new() })
    }
}

/// Java, memory and disk in plenty, every port free, no server, no data.
fn fresh(spec: &ClusterSpec) -> Snapshot {
    let mut ports = vec![PortFacts {
        node: Node::ZooKeeper,
        purpose: "client".to_string(),
        bind: spec.zookeeper.bind.clone(),
        port: spec.zookeeper.port,
        owner: PortOwner::Free,
    }];
    for broker in &spec.brokers {
        ports.extend(broker.listeners.iter().map(|listener| PortFacts {
            node: Node::Broker(broker.id),
            purpose: listener.name.clone(),
            bind: listener.bind.clone(),
            port: listener.port,
            owner: PortOwner::Free,
        }));
    }
    Snapshot {
        host: HostFacts {
            java: Some(JavaFacts {
                path: "/usr/lib/jvm/java-17/bin/java".to_string(),
                major: 17,
                version: "17.0.15".to_string(),
            }),
            memory_available_mib: 32 << 10,
            disk_free_mib: 500 << 10,
            open_files_max: 524_288,
            memory_maps_max: 262_144,
            ephemeral_ports: (32_768, 60_999),
            busy_ports: Vec::new(),
            cpus: 8,
        },
        nodes: spec.nodes().into_iter().map(absent).collect(),
        ports,
        ..Snapshot::default()
    }
}

fn absent(node: Node) -> NodeFacts {
    let folder = match node {
        Node::ZooKeeper => "zookeeper".to_string(),
        Node::Broker(id) => format!("broker-{id}"),
    };
    NodeFacts {
        node,
        process: ProcessState::Absent,
        properties: Vec::new(),
        since_ms: None,
        restart_needed: false,
        data: vec![DataDirFacts {
            path: format!("/kafsh/clusters/demo/{folder}/data"),
            exists: false,
            empty: true,
            writable: true,
            bytes: 0,
            cluster_id: None,
            broker_id: None,
            meta_version: None,
            foreign_lock: None,
            clean: true,
            logs_without_snapshot: false,
            snapshot_without_logs: None,
        }],
        stale_registration: false,
    }
}

fn start(spec: &ClusterSpec, observed: &mut Snapshot, topics: u32) {
    for (pid, facts) in (FIRST_PID..).zip(&mut observed.nodes) {
        facts.process = ProcessState::Running { pid, uptime_ms: UPTIME_MS };
        for dir in &mut facts.data {
            (dir.exists, dir.empty, dir.bytes) = (true, false, 4 << 10);
            if let Node::Broker(id) = facts.node {
                dir.cluster_id = Some(CLUSTER_ID.to_string());
                (dir.broker_id, dir.meta_version) = (Some(id), Some(0));
            }
        }
    }
    observed.ports.iter_mut().for_each(|facts| facts.owner = PortOwner::Ours);
    let registration = |broker: &kafsh_model::spec::BrokerSpec| Registration {
        broker: broker.id,
        endpoints: broker
            .listeners
            .iter()
            .map(|l| format!("{}://{}:{}", l.name, l.advertised_host, l.advertised_port))
            .collect(),
        session: 1,
        answers: true,
    };
    observed.ready_brokers = spec.brokers.iter().map(|broker| broker.id).collect();
    observed.zookeeper = Some(ZooKeeperFacts {
        mode: "standalone".to_string(),
        cluster_id: Some(CLUSTER_ID.to_string()),
        controller: observed.ready_brokers.first().copied(),
        topics,
        registrations: spec.brokers.iter().map(registration).collect(),
    });
    observed.proven = true;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(text: &str) -> Result<StepInput> {
        toml::from_str::<Sample>(text).expect("a sample").input()
    }

    #[test]
    fn a_sample_is_what_it_says() {
        let input = sample("brokers = 2\ntaken-ports = [9092]").unwrap();
        assert_eq!((input.spec.brokers.len(), input.observed.nodes.len()), (2, 3));
        let taken = |facts: &&PortFacts| matches!(facts.owner, PortOwner::Foreign { .. });
        assert_eq!(input.observed.ports.iter().filter(taken).count(), 1);
        let input = sample("running = true\ntopics = 4").unwrap();
        assert_eq!(input.observed.zookeeper.unwrap().topics, 4);
        assert_eq!(input.observed.ready_brokers.len(), 3);
    }

    #[test]
    fn a_sample_that_cannot_be_is_refused() {
        for text in ["brokers = 0", "taken-ports = [1]", "topics = 1"] {
            assert_eq!(sample(text).unwrap_err().code, "bad-case", "{text}");
        }
    }
}
