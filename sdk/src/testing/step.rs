//! Input for steps, and a host in miniature that applies plans.

use std::borrow::Borrow;

use crate::step::*;

/// Folder under which the data of every node of the fake cluster lies.
pub const DATA_ROOT: &str = "/kafsh/clusters/demo";

/// Id of the fake cluster, as ZooKeeper and every `meta.properties` have it once it ran.
pub const CLUSTER_ID: &str = "rR0pb2SNQdqXp8Tp1eGgXw";

/// What a step is told on a fresh host: [`three_brokers`] wanted, nothing there, nothing planned.
pub fn input() -> Input {
    input_of(three_brokers())
}

/// What a step is told when `spec` is wanted on a fresh host.
pub fn input_of(spec: ClusterSpec) -> Input {
    let observed = fresh_host(&spec);
    Input { spec, observed, planned: vec![] }
}

/// `demo`: Kafka 3.9.2, preset `dev`, ZooKeeper on 2181, brokers 1 to 3 on 9091 to 9093.
pub fn three_brokers() -> ClusterSpec {
    brokers(3)
}

/// Like [`three_brokers`] with `count` brokers: ids from 1, ports from 9091.
pub fn brokers(count: u16) -> ClusterSpec {
    ClusterSpec {
        name: "demo".into(),
        kafka: "3.9.2".into(),
        preset: Preset::Dev,
        ephemeral: false,
        zookeeper: ZookeeperSpec {
            bind: "127.0.0.1".into(),
            port: 2181,
            chroot: None,
            connect: "127.0.0.1:2181".into(),
            properties: vec![],
        },
        brokers: (1..=count).map(|id| broker(i32::from(id), 9090 + id)).collect(),
        properties: vec![],
        extras: vec![],
    }
}

/// A broker with one plaintext listener on loopback.
pub fn broker(id: i32, port: u16) -> BrokerSpec {
    BrokerSpec {
        id,
        rack: None,
        listeners: vec![Listener {
            name: "PLAINTEXT".into(),
            protocol: SecurityProtocol::Plaintext,
            bind: "127.0.0.1".into(),
            port,
            advertised_host: "127.0.0.1".into(),
            advertised_port: port,
            inter_broker: true,
        }],
        log_dirs: vec![format!("{DATA_ROOT}/broker-{id}/data")],
        properties: vec![],
    }
}

/// Java 17, memory and disk in plenty, every port free, every node absent and without data.
pub fn fresh_host(spec: &ClusterSpec) -> Snapshot {
    let zookeeper_data = format!("{DATA_ROOT}/zookeeper/data");
    let mut nodes = vec![absent(Node::Zookeeper, &[zookeeper_data])];
    let mut ports = vec![PortFacts {
        node: Node::Zookeeper,
        purpose: "client".into(),
        bind: spec.zookeeper.bind.clone(),
        port: spec.zookeeper.port,
        owner: PortOwner::Free,
    }];
    for broker in &spec.brokers {
        nodes.push(absent(Node::Broker(broker.id), &broker.log_dirs));
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
            java: Some(Java {
                path: "/usr/lib/jvm/java-17/bin/java".into(),
                major: 17,
                version: "17.0.15".into(),
            }),
            memory_available_mib: 32 * 1024,
            disk_free_mib: 500 * 1024,
            open_files_max: 524_288,
            memory_maps_max: 262_144,
            ephemeral_first: 32_768,
            ephemeral_last: 60_999,
            cpus: 8,
        },
        nodes,
        ports,
        zookeeper: None,
        ready_brokers: vec![],
        proven: false,
        extras: vec![],
    }
}

/// A node that was never started.
pub fn absent(node: Node, data: &[String]) -> NodeFacts {
    NodeFacts {
        node,
        process: ProcessState::Absent,
        properties: vec![],
        restart_needed: false,
        data: data.iter().map(|path| missing_dir(path)).collect(),
        stale_registration: false,
        extras: vec![],
    }
}

/// A data folder that is not there yet and could be made.
pub fn missing_dir(path: &str) -> DataDir {
    DataDir {
        path: path.into(),
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
    }
}

/// The facts of a node.
///
/// # Panics
/// If the snapshot has no such node.
pub fn node(input: &mut Input, node: impl Borrow<Node>) -> &mut NodeFacts {
    let node = node.borrow();
    let found = input.observed.nodes.iter_mut().find(|facts| facts.node == *node);
    found.unwrap_or_else(|| panic!("the snapshot has no {node:?}"))
}

/// Another process listens on `port`.
///
/// # Panics
/// If no node of the cluster wants that port.
pub fn occupy_port(input: &mut Input, port: u16, description: &str) {
    let found = input.observed.ports.iter_mut().find(|facts| facts.port == port);
    let facts = found.unwrap_or_else(|| panic!("no node of the cluster wants port {port}"));
    facts.owner =
        PortOwner::Foreign(ForeignOwner { description: description.into(), pid: Some(4121) });
}

/// Everything wanted runs and serves, and has data: as after a good `cluster up`. Properties files
/// stay as they are, since what is in them is another step's decision.
pub fn bring_up(input: &mut Input) {
    let nodes: Vec<Node> = input.observed.nodes.iter().map(|facts| facts.node.clone()).collect();
    let mut actions: Vec<Action> = nodes.iter().cloned().map(Action::CreateDirectories).collect();
    actions.push(Action::Start(nodes.clone()));
    actions.push(Action::AwaitReady(nodes));
    apply(input, &actions);
    input.observed.proven = true;
}

/// Changes what is observed as if the host had run `actions`, all of them well.
///
/// Planned actions of earlier steps are not touched: clear or extend `input.planned` as the test
/// needs.
///
/// # Panics
/// If an action names a node that the snapshot does not have, or creates a topic while no ZooKeeper
/// serves.
pub fn apply(input: &mut Input, actions: &[Action]) {
    for action in actions {
        apply_one(input, action);
    }
}

fn apply_one(input: &mut Input, action: &Action) {
    match action {
        Action::CreateDirectories(of) => {
            node(input, of).data.iter_mut().for_each(|dir| dir.exists = true);
        }
        Action::WriteProperties(write) => {
            let facts = node(input, &write.node);
            facts.restart_needed = alive(&facts.process) && facts.properties != write.properties;
            facts.properties.clone_from(&write.properties);
        }
        Action::ArchiveData(_) => {
            for dir in input.observed.nodes.iter_mut().flat_map(|facts| &mut facts.data) {
                *dir = missing_dir(&dir.path);
            }
        }
        Action::AwaitExpiry(id) => {
            node(input, Node::Broker(*id)).stale_registration = false;
            if let Some(zookeeper) = &mut input.observed.zookeeper {
                zookeeper.registrations.retain(|registration| registration.broker != *id);
            }
        }
        Action::Start(nodes) => nodes.iter().for_each(|of| start(input, of)),
        Action::Stop(nodes) => nodes.iter().for_each(|of| stop(input, of)),
        Action::AwaitReady(nodes) => nodes.iter().for_each(|of| serve(input, of)),
        Action::CreateTopic(_) => {
            let zookeeper = input.observed.zookeeper.as_mut();
            zookeeper.expect("a topic is created while no ZooKeeper serves").topics += 1;
        }
        Action::ProveTopic(_) => input.observed.proven = true,
        Action::DeleteTopic(_) => {
            if let Some(zookeeper) = &mut input.observed.zookeeper {
                zookeeper.topics = zookeeper.topics.saturating_sub(1);
            }
        }
    }
}

fn start(input: &mut Input, of: &Node) {
    let facts = node(input, of);
    facts.process = ProcessState::Running(pid(of));
    facts.restart_needed = false;
    for dir in &mut facts.data {
        (dir.exists, dir.empty, dir.clean) = (true, false, false);
        if let Node::Broker(id) = *of {
            dir.cluster_id = Some(CLUSTER_ID.into());
            (dir.broker_id, dir.meta_version) = (Some(id), Some(0));
        }
    }
    set_ports(input, of, &PortOwner::Ours);
    input.observed.proven = false;
}

fn stop(input: &mut Input, of: &Node) {
    let facts = node(input, of);
    facts.process = ProcessState::Absent;
    facts.restart_needed = false;
    facts.data.iter_mut().for_each(|dir| dir.clean = true);
    set_ports(input, of, &PortOwner::Free);
    match of {
        Node::Zookeeper => input.observed.zookeeper = None,
        Node::Broker(id) => {
            input.observed.ready_brokers.retain(|ready| ready != id);
            if let Some(zookeeper) = &mut input.observed.zookeeper {
                zookeeper.registrations.retain(|registration| registration.broker != *id);
            }
        }
        Node::Other(_) => {}
    }
}

fn serve(input: &mut Input, of: &Node) {
    if let Node::Other(_) = of {
        return;
    }
    let Some(id) = of.broker_id() else {
        input.observed.zookeeper.get_or_insert_with(|| ZookeeperFacts {
            mode: "standalone".into(),
            cluster_id: None,
            controller: None,
            topics: 0,
            registrations: vec![],
        });
        return;
    };
    if !input.observed.ready_brokers.contains(&id) {
        input.observed.ready_brokers.push(id);
    }
    let spec = input.spec.brokers.iter().find(|broker| broker.id == id);
    let endpoints = spec.map(endpoints).unwrap_or_default();
    if let Some(zookeeper) = &mut input.observed.zookeeper {
        zookeeper.cluster_id = Some(CLUSTER_ID.into());
        zookeeper.controller.get_or_insert(id);
        zookeeper.registrations.retain(|registration| registration.broker != id);
        let session = 0x1000_0000 + i64::from(id);
        zookeeper.registrations.push(Registration {
            broker: id,
            endpoints,
            session,
            answers: true,
        });
    }
}

fn endpoints(spec: &BrokerSpec) -> Vec<String> {
    let shown = |l: &Listener| format!("{}://{}:{}", l.name, l.advertised_host, l.advertised_port);
    spec.listeners.iter().map(shown).collect()
}

fn set_ports(input: &mut Input, of: &Node, owner: &PortOwner) {
    for facts in input.observed.ports.iter_mut().filter(|facts| facts.node == *of) {
        facts.owner = owner.clone();
    }
}

fn alive(process: &ProcessState) -> bool {
    matches!(process, ProcessState::Running(_) | ProcessState::Paused(_))
}

fn pid(of: &Node) -> u32 {
    5000_u32.saturating_add_signed(of.broker_id().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_host_has_each_node_and_port_once() {
        let input = input();
        assert_eq!(input.observed.nodes.len(), 4);
        let ports: Vec<u16> = input.observed.ports.iter().map(|facts| facts.port).collect();
        assert_eq!(ports, [2181, 9091, 9092, 9093]);
        assert!(input.observed.ports.iter().all(|facts| facts.owner == PortOwner::Free));
    }

    #[test]
    fn a_cluster_brought_up_serves_and_stops_again() {
        let mut input = input();
        bring_up(&mut input);
        assert_eq!(input.observed.ready_brokers, [1, 2, 3]);
        assert!(input.observed.proven);
        let zookeeper = input.observed.zookeeper.as_ref().unwrap();
        assert_eq!(zookeeper.registrations[1].endpoints, ["PLAINTEXT://127.0.0.1:9092"]);
        let stop = Action::Stop(vec![Node::Broker(2)]);
        apply(&mut input, &[stop]);
        assert_eq!(input.observed.ready_brokers, [1, 3]);
        assert_eq!(node(&mut input, Node::Broker(2)).process, ProcessState::Absent);
    }

    #[test]
    fn properties_of_a_running_node_need_a_restart() {
        let mut input = input();
        bring_up(&mut input);
        let properties = vec![Property::new("log.retention.ms", "1000")];
        let write = WriteProperties { node: Node::Broker(1), properties };
        apply(&mut input, &[Action::WriteProperties(write.clone())]);
        assert!(node(&mut input, Node::Broker(1)).restart_needed);
        apply(&mut input, &[Action::Start(vec![Node::Broker(1)])]);
        apply(&mut input, &[Action::WriteProperties(write)]);
        assert!(!node(&mut input, Node::Broker(1)).restart_needed);
    }

    #[test]
    fn archived_data_is_gone_from_every_node() {
        let mut input = input();
        bring_up(&mut input);
        apply(&mut input, &[Action::ArchiveData("test".into())]);
        assert!(input.observed.nodes.iter().flat_map(|n| &n.data).all(|dir| !dir.exists));
    }
}
