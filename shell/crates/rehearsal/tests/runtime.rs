//! Servers that are only states start, fail, die and come back as real ones do.

mod support;

use std::time::Duration;

use kafsh_model::Class;
use kafsh_model::plan::Node;
use kafsh_model::port::{Connector, Exit, Runtime, Signal};
use kafsh_model::snapshot::{Listener, PortOwner, ProcessState};
use kafsh_rehearsal::Rehearsal;

use support::{Host, SOON, spec};

#[tokio::test]
async fn what_the_runtime_starts_the_connector_reaches() {
    let host = Host::new(3);
    let (rehearsal, spec) = (&host.rehearsal, &host.spec);
    let before = rehearsal.node(spec, Node::Broker(1)).await.unwrap();
    assert!(before.properties.is_empty() && !before.data[0].exists && before.data[0].empty);
    host.up().await;
    let view = host.admin().cluster().await.unwrap();
    let ids: Vec<i32> = view.brokers.iter().map(|broker| broker.id).collect();
    assert_eq!((ids, view.controller), (vec![1, 2, 3], Some(1)));
    let facts = rehearsal.node(spec, Node::Broker(2)).await.unwrap();
    assert_eq!(facts.properties, host.properties(Node::Broker(2)), "exactly what was written");
    let data = &facts.data[0];
    assert!(data.exists && !data.empty && data.cluster_id == view.cluster_id);
    assert_eq!((data.broker_id, data.meta_version), (Some(2), Some(0)));
    assert!(facts.process.is_alive() && !facts.restart_needed);
    let zookeeper = rehearsal.zookeeper(&spec.zookeeper_address()).unwrap();
    assert_eq!(zookeeper.children("/kafka/brokers/ids").await.unwrap(), ["1", "2", "3"]);
    let znode = zookeeper.get("/kafka/brokers/ids/2").await.unwrap();
    let text = String::from_utf8(znode.data).unwrap();
    assert!(text.contains(r#""endpoints":["PLAINTEXT://127.0.0.1:9092"]"#), "{text}");
    let again = rehearsal.start(spec, Node::Broker(1)).await.unwrap_err();
    assert_eq!(again.code, "already-running");
}

#[tokio::test]
async fn properties_are_in_force_after_a_restart() {
    let host = Host::up_with(1).await;
    let (rehearsal, spec, node) = (&host.rehearsal, &host.spec, Node::Broker(1));
    let mut changed = host.properties(node);
    changed.push(("num.partitions".into(), "4".into()));
    rehearsal.write_properties(spec, node, &changed).await.unwrap();
    assert!(rehearsal.node(spec, node).await.unwrap().restart_needed);
    host.create("before", None, None).await;
    host.stop(node).await;
    host.start(node).await;
    assert!(!rehearsal.node(spec, node).await.unwrap().restart_needed);
    host.create("after", None, None).await;
    assert_eq!(host.topic("before").await.partitions.len(), 1);
    assert_eq!(host.topic("after").await.partitions.len(), 4);
}

#[tokio::test]
async fn properties_that_lead_out_are_refused() {
    let host = Host::new(1);
    let (rehearsal, spec, node) = (&host.rehearsal, &host.spec, Node::Broker(1));
    for (key, value) in
        [("log.dirs", "/tmp"), ("broker.id", "1"), ("ssl.keystore.location", "${file:/etc/passwd}")]
    {
        let mut properties = host.properties(node);
        properties.push((key.into(), value.into()));
        let error = rehearsal.write_properties(spec, node, &properties).await.unwrap_err();
        assert_eq!((error.code.as_ref(), error.class), ("property-refused", Class::Refused));
    }
    let error = rehearsal.write_properties(spec, node, &[]).await.unwrap_err();
    assert_eq!(error.code, "property-refused", "without its id");
    let error = rehearsal.start(spec, node).await.unwrap_err();
    assert_eq!(error.code, "no-properties");
}

#[tokio::test]
async fn a_process_ends_in_order_or_not() {
    let host = Host::up_with(2).await;
    let (rehearsal, spec, node) = (&host.rehearsal, &host.spec, Node::Broker(2));
    host.create("t", Some(1), Some(2)).await;
    let late = rehearsal.wait_exit(spec, node, Duration::from_millis(20)).await.unwrap_err();
    assert_eq!(late.class, Class::TimedOut);
    let (exit, ()) = tokio::join!(rehearsal.wait_exit(spec, node, SOON), async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        rehearsal.signal(spec, node, Signal::Terminate).await.unwrap();
    });
    assert_eq!(exit.unwrap(), Exit::Status(143));
    let facts = rehearsal.node(spec, node).await.unwrap();
    assert!(matches!(facts.process, ProcessState::Died { .. }) && facts.data[0].clean);
    let since = facts.since_ms.expect("it is known since when it is gone");
    rehearsal.forget(spec, node).await.unwrap();
    let facts = rehearsal.node(spec, node).await.unwrap();
    assert_eq!((facts.process, facts.since_ms), (ProcessState::Absent, Some(since)));
    host.start(node).await;
    assert_eq!(rehearsal.node(spec, node).await.unwrap().since_ms, None, "it runs");
    host.kill(node).await;
    let facts = rehearsal.node(spec, node).await.unwrap();
    assert!(matches!(facts.process, ProcessState::Died { .. }) && !facts.data[0].clean);
    let error = rehearsal.signal(spec, node, Signal::Kill).await.unwrap_err();
    assert_eq!(error.code, "not-running");
}

#[tokio::test]
async fn a_paused_broker_is_silent_and_comes_back() {
    let host = Host::up_with(3).await;
    let (rehearsal, spec, node) = (&host.rehearsal, &host.spec, Node::Broker(1));
    host.create("t", Some(3), Some(3)).await;
    rehearsal.signal(spec, node, Signal::Pause).await.unwrap();
    let facts = rehearsal.node(spec, node).await.unwrap();
    assert!(matches!(facts.process, ProcessState::Paused { .. }) && facts.since_ms.is_some());
    let error = host.admin().probe("127.0.0.1:9091", SOON).await.unwrap_err();
    assert!(error.class == Class::Unavailable && error.message.contains("silent"), "{error:?}");
    host.until(|view| view.brokers.len() == 2 && view.controller == Some(2)).await;
    assert!(host.topic("t").await.partitions.iter().all(|p| p.isr.len() == 2 && !p.is_offline()));
    rehearsal.signal(spec, node, Signal::Resume).await.unwrap();
    assert!(host.topic("t").await.partitions.iter().all(|p| p.isr.len() == 3));
    assert_eq!(host.admin().cluster().await.unwrap().controller, Some(1));
}

#[tokio::test]
async fn a_registration_outlives_its_broker_for_a_moment() {
    let host = Host::up_with(2).await;
    let (rehearsal, spec, node) = (&host.rehearsal, &host.spec, Node::Broker(2));
    host.kill(node).await;
    let zookeeper = rehearsal.zookeeper(&spec.zookeeper_address()).unwrap();
    zookeeper.get("/kafka/brokers/ids/2").await.expect("its session goes on");
    rehearsal.start(spec, node).await.unwrap();
    assert_eq!(rehearsal.wait_exit(spec, node, SOON).await.unwrap(), Exit::Status(1));
    let log = rehearsal.log_tail(spec, node, 10).await.unwrap().join("\n");
    assert!(log.contains("KeeperErrorCode = NodeExists for /brokers/ids/2"), "{log}");
    host.until(|view| view.brokers.len() == 1).await;
    let gone = zookeeper.get("/kafka/brokers/ids/2").await.unwrap_err();
    assert_eq!(gone.code, "znode-not-found");
    host.start(node).await;
    host.until(|view| view.brokers.len() == 2).await;
}

#[tokio::test]
async fn ports_have_owners() {
    let host = Host::up_with(2).await;
    let rehearsal = &host.rehearsal;
    let ports = rehearsal.ports(&host.spec).await.unwrap();
    assert!(ports.iter().all(|port| port.owner == PortOwner::Ours), "{ports:?}");
    let other = spec("other", 2);
    let owners = rehearsal.ports(&other).await.unwrap();
    let foreign = |owner: &PortOwner| matches!(owner, PortOwner::Foreign { pid: Some(_), .. });
    assert!(owners.iter().all(|port| foreign(&port.owner)), "{owners:?}");
    for node in [Node::Broker(1), Node::Broker(2), Node::ZooKeeper] {
        host.stop(node).await;
    }
    let owners = rehearsal.ports(&other).await.unwrap();
    let reserved = PortOwner::Reserved { cluster: "demo".into() };
    assert!(owners.iter().all(|port| port.owner == reserved), "{owners:?}");
    rehearsal.occupy(9092, "pid 4121 java kafka.Kafka server2.properties (kim, 3 h)");
    let owners = rehearsal.ports(&host.spec).await.unwrap();
    let taken = owners.iter().find(|port| port.port == 9092).unwrap();
    assert!(matches!(&taken.owner, PortOwner::Foreign { description, pid: Some(4121) }
        if description.contains("kim")));
    host.start(Node::ZooKeeper).await;
    rehearsal.start(&host.spec, Node::Broker(2)).await.unwrap();
    let exit = rehearsal.wait_exit(&host.spec, Node::Broker(2), SOON).await.unwrap();
    let log = rehearsal.log_tail(&host.spec, Node::Broker(2), 1).await.unwrap();
    assert_eq!(exit, Exit::Status(1));
    assert!(log[0].contains("failed to bind to 127.0.0.1:9092: Address already in use"), "{log:?}");
    rehearsal.vacate(9092);
    host.start(Node::Broker(2)).await;
}

#[tokio::test]
async fn faults_that_were_asked_for() {
    let host = Host::new(2);
    let (rehearsal, spec) = (&host.rehearsal, &host.spec);
    let mut facts = rehearsal.host(spec).await.unwrap();
    facts.memory_available_mib = 7;
    rehearsal.set_host(facts);
    assert_eq!(rehearsal.host(spec).await.unwrap().memory_available_mib, 7);
    rehearsal.die_at_start(Node::Broker(1), &["first", "java.lang.OutOfMemoryError: Java heap"]);
    rehearsal.silence(Node::Broker(2));
    host.up().await;
    let exit = rehearsal.wait_exit(spec, Node::Broker(1), SOON).await.unwrap();
    assert_eq!(exit, Exit::Status(1));
    let log = rehearsal.log_tail(spec, Node::Broker(1), 1).await.unwrap();
    assert_eq!(log, ["java.lang.OutOfMemoryError: Java heap"]);
    assert!(rehearsal.node(spec, Node::Broker(2)).await.unwrap().process.is_alive());
    let error = host.admin().probe("127.0.0.1:9092", SOON).await.unwrap_err();
    assert!(error.message.contains("silent"), "{error:?}");
    rehearsal.heal(Node::Broker(1));
    host.start(Node::Broker(1)).await;
    host.until(|view| view.brokers.len() == 1).await;
}

#[tokio::test]
async fn a_broker_needs_its_zookeeper() {
    let host = Host::new(1);
    host.lay_out().await;
    host.rehearsal.start(&host.spec, Node::Broker(1)).await.unwrap();
    let exit = host.rehearsal.wait_exit(&host.spec, Node::Broker(1), SOON).await.unwrap();
    assert_eq!(exit, Exit::Status(1));
    let log = host.rehearsal.log_tail(&host.spec, Node::Broker(1), 9).await.unwrap().join("\n");
    assert!(log.contains("Timed out waiting for connection while in state"), "{log}");
}

#[tokio::test]
async fn attached_clusters_lie_side_by_side() {
    let rehearsal = Rehearsal::new();
    for port in [9_092, 9_192] {
        rehearsal.attach_ready(&[format!("127.0.0.1:{port}")]).unwrap();
    }
    for address in ["127.0.0.1:2181", "127.0.0.1:2182"] {
        let zookeeper = rehearsal.clone().zookeeper(address).unwrap();
        assert_eq!(zookeeper.children("/brokers/ids").await.unwrap(), ["1"]);
    }
    let taken = rehearsal.attach_ready(&["localhost:9092".into()]).unwrap_err();
    assert_eq!(taken.code, "port-taken");
    assert_eq!(rehearsal.attach_ready(&[]).unwrap_err().class, Class::Usage);
    assert_eq!(rehearsal.attach_ready(&["x".into()]).unwrap_err().code, "bad-address");
    assert!(Rehearsal::new().zookeeper("127.0.0.1:2181").is_ok(), "no I/O is done");
}

#[tokio::test]
async fn nobody_else_listens_and_only_what_is_stopped_is_adopted() {
    let host = Host::new(1);
    let (rehearsal, spec, node) = (&host.rehearsal, &host.spec, Node::Broker(1));
    let told = rehearsal.listeners(&["127.0.0.1:9091".to_string()]).await.unwrap();
    assert_eq!(told, [Listener::Nobody]);
    rehearsal.adopt(spec, node, None).await.unwrap();
    assert_eq!(rehearsal.process(spec, node).await.unwrap(), ProcessState::Absent);
    assert_eq!(rehearsal.adopt(spec, node, Some(1)).await.unwrap_err().code, "not-running");
}
