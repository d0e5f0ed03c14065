//! What a step is told: the model's types as those of the contract.

use std::collections::BTreeMap;

use kafsh_model::plan::{Action, Node, StepInput};
use kafsh_model::snapshot::{
    DataDirFacts, HostFacts, NodeFacts, PortFacts, PortOwner, ProcessState, Registration, Snapshot,
    ZooKeeperFacts,
};
use kafsh_model::spec::{BrokerSpec, ClusterSpec, ListenerSpec, Preset, SecurityProtocol};

use super::convert::lower_node;
use super::types;

/// Keys of `extras`, documented in the contract.
const PROBE_TOPIC: &str = "probe-topic";
const UPTIME_MS: &str = "uptime-ms";
const BUSY_PORT: &str = "busy-port";

/// The preset of clusters that somebody else made, documented in the contract.
const ADOPTED: &str = "adopted";

pub(super) fn input(input: &StepInput) -> types::Input {
    types::Input {
        spec: lower_spec(&input.spec, &input.observed),
        observed: lower_snapshot(&input.observed),
        planned: input.planned.iter().map(lower_action).collect(),
    }
}

fn lower_spec(spec: &ClusterSpec, observed: &Snapshot) -> types::ClusterSpec {
    types::ClusterSpec {
        name: spec.name.as_str().into(),
        kafka: spec.kafka.clone(),
        preset: match spec.preset {
            // What its files do not say, Kafka decides.
            _ if spec.adopted => types::Preset::Other(ADOPTED.into()),
            Preset::Dev => types::Preset::Dev,
            Preset::Classic => types::Preset::Classic,
            Preset::Strict => types::Preset::Strict,
        },
        ephemeral: spec.ephemeral,
        zookeeper: types::ZookeeperSpec {
            bind: spec.zookeeper.bind.clone(),
            port: spec.zookeeper.port,
            chroot: spec.zookeeper.chroot.clone(),
            connect: spec.zookeeper_connect(),
            properties: lower_map(&spec.zookeeper.properties),
        },
        brokers: spec.brokers.iter().map(|broker| lower_broker(broker, observed)).collect(),
        properties: lower_map(&spec.properties),
        extras: vec![],
    }
}

fn lower_broker(broker: &BrokerSpec, observed: &Snapshot) -> types::BrokerSpec {
    // The spec may name folders relative to the broker's own; what was observed has their paths.
    let facts = observed.node(Node::Broker(broker.id));
    let paths = facts.map(|facts| facts.data.iter().map(|dir| dir.path.clone()).collect());
    let log_dirs = paths.filter(|paths: &Vec<String>| !paths.is_empty());
    types::BrokerSpec {
        id: broker.id,
        rack: broker.rack.clone(),
        listeners: broker.listeners.iter().map(lower_listener).collect(),
        log_dirs: log_dirs.unwrap_or_else(|| broker.log_dirs.clone()),
        properties: lower_map(&broker.properties),
    }
}

fn lower_listener(listener: &ListenerSpec) -> types::Listener {
    types::Listener {
        name: listener.name.clone(),
        protocol: match listener.protocol {
            SecurityProtocol::Plaintext => types::SecurityProtocol::Plaintext,
            SecurityProtocol::Ssl => types::SecurityProtocol::Ssl,
            SecurityProtocol::SaslPlaintext => types::SecurityProtocol::SaslPlaintext,
            SecurityProtocol::SaslSsl => types::SecurityProtocol::SaslSsl,
        },
        bind: listener.bind.clone(),
        port: listener.port,
        advertised_host: listener.advertised_host.clone(),
        advertised_port: listener.advertised_port,
        inter_broker: listener.inter_broker,
    }
}

fn lower_snapshot(snapshot: &Snapshot) -> types::Snapshot {
    types::Snapshot {
        host: lower_host(&snapshot.host),
        nodes: snapshot.nodes.iter().map(lower_node_facts).collect(),
        ports: snapshot.ports.iter().map(lower_port).collect(),
        zookeeper: snapshot.zookeeper.as_ref().map(lower_zookeeper),
        ready_brokers: snapshot.ready_brokers.clone(),
        proven: snapshot.proven,
        extras: lower_extras(snapshot),
    }
}

fn lower_extras(snapshot: &Snapshot) -> Vec<types::Property> {
    let topics = snapshot.probe_topics.iter().map(|word| lower_property(PROBE_TOPIC, word));
    let ports = snapshot.host.busy_ports.iter();
    topics.chain(ports.map(|port| lower_property(BUSY_PORT, &port.to_string()))).collect()
}

fn lower_host(host: &HostFacts) -> types::HostFacts {
    types::HostFacts {
        java: host.java.as_ref().map(|java| types::Java {
            path: java.path.clone(),
            major: java.major,
            version: java.version.clone(),
        }),
        memory_available_mib: host.memory_available_mib,
        disk_free_mib: host.disk_free_mib,
        open_files_max: host.open_files_max,
        memory_maps_max: host.memory_maps_max,
        ephemeral_first: host.ephemeral_ports.0,
        ephemeral_last: host.ephemeral_ports.1,
        cpus: host.cpus,
    }
}

fn lower_node_facts(facts: &NodeFacts) -> types::NodeFacts {
    types::NodeFacts {
        node: lower_node(facts.node),
        process: match facts.process {
            ProcessState::Absent => types::ProcessState::Absent,
            ProcessState::Running { pid, .. } => types::ProcessState::Running(pid),
            ProcessState::Paused { pid } => types::ProcessState::Paused(pid),
            ProcessState::Died { pid } => types::ProcessState::Died(pid),
        },
        properties: lower_pairs(&facts.properties),
        restart_needed: facts.restart_needed,
        data: facts.data.iter().map(lower_data_dir).collect(),
        stale_registration: facts.stale_registration,
        extras: match facts.process {
            ProcessState::Running { uptime_ms, .. } => {
                vec![lower_property(UPTIME_MS, &uptime_ms.to_string())]
            }
            _ => vec![],
        },
    }
}

fn lower_data_dir(dir: &DataDirFacts) -> types::DataDir {
    types::DataDir {
        path: dir.path.clone(),
        exists: dir.exists,
        empty: dir.empty,
        writable: dir.writable,
        bytes: dir.bytes,
        cluster_id: dir.cluster_id.clone(),
        broker_id: dir.broker_id,
        meta_version: dir.meta_version,
        foreign_lock: dir.foreign_lock.clone(),
        clean: dir.clean,
        logs_without_snapshot: dir.logs_without_snapshot,
    }
}

fn lower_port(facts: &PortFacts) -> types::PortFacts {
    types::PortFacts {
        node: lower_node(facts.node),
        purpose: facts.purpose.clone(),
        bind: facts.bind.clone(),
        port: facts.port,
        owner: match &facts.owner {
            PortOwner::Free => types::PortOwner::Free,
            PortOwner::Ours => types::PortOwner::Ours,
            PortOwner::Foreign { description, pid } => {
                let description = description.clone();
                types::PortOwner::Foreign(types::ForeignOwner { description, pid: *pid })
            }
            PortOwner::Reserved { cluster } => types::PortOwner::Reserved(cluster.clone()),
        },
    }
}

fn lower_zookeeper(facts: &ZooKeeperFacts) -> types::ZookeeperFacts {
    types::ZookeeperFacts {
        mode: facts.mode.clone(),
        cluster_id: facts.cluster_id.clone(),
        controller: facts.controller,
        topics: facts.topics,
        registrations: facts.registrations.iter().map(lower_registration).collect(),
    }
}

fn lower_registration(registration: &Registration) -> types::Registration {
    types::Registration {
        broker: registration.broker,
        endpoints: registration.endpoints.clone(),
        session: registration.session,
        answers: registration.answers,
    }
}

pub(super) fn lower_action(action: &Action) -> types::Action {
    let nodes = |nodes: &[Node]| nodes.iter().copied().map(lower_node).collect();
    match action {
        Action::CreateDirectories { node } => types::Action::CreateDirectories(lower_node(*node)),
        Action::WriteProperties { node, properties } => {
            types::Action::WriteProperties(types::WriteProperties {
                node: lower_node(*node),
                properties: lower_pairs(properties),
            })
        }
        Action::ArchiveData { reason } => types::Action::ArchiveData(reason.clone()),
        Action::AwaitExpiry { broker } => types::Action::AwaitExpiry(*broker),
        Action::Start { nodes: of } => types::Action::Start(nodes(of)),
        Action::Stop { nodes: of } => types::Action::Stop(nodes(of)),
        Action::AwaitReady { nodes: of } => types::Action::AwaitReady(nodes(of)),
        Action::CreateTopic { topic, partitions, replication_factor, configs } => {
            types::Action::CreateTopic(types::CreateTopic {
                topic: topic.clone(),
                partitions: *partitions,
                replication_factor: *replication_factor,
                configs: lower_pairs(configs),
            })
        }
        Action::ProveTopic { topic, partitions } => types::Action::ProveTopic(types::ProveTopic {
            topic: topic.clone(),
            partitions: *partitions,
        }),
        Action::DeleteTopic { topic } => types::Action::DeleteTopic(topic.clone()),
    }
}

fn lower_map(properties: &BTreeMap<String, String>) -> Vec<types::Property> {
    properties.iter().map(|(key, value)| lower_property(key, value)).collect()
}

fn lower_pairs(properties: &[(String, String)]) -> Vec<types::Property> {
    properties.iter().map(|(key, value)| lower_property(key, value)).collect()
}

fn lower_property(key: &str, value: &str) -> types::Property {
    types::Property { key: key.into(), value: value.into() }
}
