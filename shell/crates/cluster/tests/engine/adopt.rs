//! Servers that somebody else started: what is taken over, what is refused, what is left.

use crate::support::{Bench, Fault, demo};
use kafsh_cluster::engine::{AdoptReport, AdoptRequest};
use kafsh_cluster::spec::server_file;
use kafsh_model::plan::Node;
use kafsh_model::snapshot::{Listener, ProcessState, Server, ServerFile, ServerKind};
use kafsh_model::{ClusterName, Error, Result};

const ZOOKEEPER_PID: u32 = 70;

fn zookeeper_file() -> ServerFile {
    let text = "clientPort=2181\ndataDir=/data/zookeeper\nmaxClientCnxns=0\n";
    server_file("/etc/zookeeper.properties", text.as_bytes()).unwrap()
}

fn broker_file(id: i32) -> ServerFile {
    let text = format!(
        "broker.id={id}\nlisteners=PLAINTEXT://127.0.0.1:{}\nlog.dirs=/data/broker{id}\n\
         zookeeper.connect=127.0.0.1:2181\nlog.flush.interval.messages=2\n",
        9090 + id
    );
    server_file(&format!("/etc/server{id}.properties"), text.as_bytes()).unwrap()
}

fn request(ids: &[i32]) -> AdoptRequest {
    AdoptRequest {
        name: ClusterName::new("demo").unwrap(),
        brokers: ids.iter().map(|id| broker_file(*id)).collect(),
        zookeeper: None,
        kafka: None,
        kafka_default: "3.9.2".to_string(),
    }
}

fn server(pid: u32, kind: ServerKind, file: ServerFile) -> Server {
    Server {
        pid,
        description: format!("pid {pid} java {}", file.path),
        kind: Some(kind),
        file: Some(file),
        kafka: Some("3.7.1".to_string()),
        heap_mib: Some(512),
        ours_to_signal: true,
        ..Server::default()
    }
}

/// ZooKeeper and brokers with these ids, each where its file says.
fn run(bench: &Bench, ids: &[i32]) {
    let mut state = bench.world.state();
    let zookeeper = server(ZOOKEEPER_PID, ServerKind::ZooKeeper, zookeeper_file());
    let brokers = ids.iter().map(|id| {
        let pid = ZOOKEEPER_PID + *id as u32;
        let address = format!("127.0.0.1:{}", 9090 + id);
        (address, Node::Broker(*id), server(pid, ServerKind::Broker, broker_file(*id)))
    });
    let first = ("127.0.0.1:2181".to_string(), Node::ZooKeeper, zookeeper);
    for (address, node, server) in std::iter::once(first).chain(brokers) {
        let fake = state.node(node);
        fake.lock = Some(format!("pid {} java", server.pid));
        fake.process = Some(ProcessState::Running { pid: server.pid, uptime_ms: 1 });
        state.strangers.insert(address, Listener::Process(server));
    }
}

async fn adopt(bench: &Bench, request: &AdoptRequest) -> Result<AdoptReport> {
    bench.engine().adopt(request, false).await
}

async fn refused(bench: &Bench, request: &AdoptRequest) -> Error {
    let error = adopt(bench, request).await.expect_err("it is refused");
    assert!(!bench.store.exists(&request.name), "nothing is left of it");
    error
}

#[tokio::test]
async fn what_runs_is_taken_over_as_it_is() {
    let bench = Bench::new();
    run(&bench, &[1, 2]);
    let dry = bench.engine().adopt(&request(&[1, 2]), true).await.unwrap();
    assert!(!bench.store.exists(&dry.spec.name) && bench.world.state().log.is_empty());
    let report = adopt(&bench, &request(&[1, 2])).await.unwrap();
    assert_eq!(report.cluster_id.as_deref(), Some("world"));
    let pids: Vec<_> = report.nodes.iter().map(|node| node.pid).collect();
    assert_eq!(pids, [Some(70), Some(71), Some(72)]);
    let spec = bench.store.load_spec(&report.spec.name).unwrap();
    assert_eq!(spec, report.spec);
    assert!(spec.adopted && spec.kafka == "3.7.1");
    assert_eq!(spec.brokers[0].properties["log.flush.interval.messages"], "2");
    assert_eq!(spec.brokers[1].log_dirs, ["/data/broker2"]);
    assert_eq!(spec.zookeeper.data_dir.as_deref(), Some("/data/zookeeper"));
    assert_eq!(spec.brokers[1].heap_mib, Some(512));
    let log = bench.world.state().log.clone();
    assert!(!log.iter().any(|line| line.starts_with("start")), "{log:?}");
    assert_eq!(adopt(&bench, &request(&[1, 2])).await.unwrap_err().code, "cluster-exists");
}

#[tokio::test]
async fn who_does_not_run_is_adopted_as_stopped() {
    let bench = Bench::new();
    let mut wanted = request(&[1, 2, 3]);
    let missing = refused(&bench, &wanted).await;
    assert_eq!(missing.code, "zookeeper-file-missing");
    wanted.zookeeper = Some(zookeeper_file());
    let report = adopt(&bench, &wanted).await.unwrap();
    assert!(report.nodes.iter().all(|node| node.pid.is_none()));
    assert_eq!((report.cluster_id, report.spec.kafka.as_str()), (None, "3.9.2"));
    assert!(bench.world.state().nodes[&Node::Broker(3)].process.is_none());
}

#[tokio::test]
async fn what_the_files_claim_is_checked() {
    let bench = Bench::new();
    run(&bench, &[1, 2]);
    assert_eq!(refused(&bench, &request(&[1])).await.code, "broker-file-missing");
    let mut twice = request(&[1, 2]);
    twice.brokers[1].path = "/etc/copy.properties".to_string();
    assert_eq!(refused(&bench, &twice).await.code, "adoption-mismatch");
    let mut elsewhere = request(&[1, 2]);
    let connect = elsewhere.brokers[0].properties.iter_mut();
    connect.filter(|(key, _)| key == "zookeeper.connect").for_each(|(_, at)| at.push('5'));
    assert_eq!(refused(&bench, &elsewhere).await.code, "other-zookeeper");
    bench.world.state().node(Node::Broker(2)).lock = Some("pid 9 java".to_string());
    let other = refused(&bench, &request(&[1, 2])).await;
    assert_eq!(other.code, "adoption-mismatch");
    assert!(other.evidence.iter().any(|line| line.contains("pid 9")), "{other:?}");
    bench.world.state().node(Node::Broker(2)).lock = Some("pid 72 java".to_string());
    bench.world.state().node(Node::Broker(2)).cluster_id = Some("another".to_string());
    assert_eq!(refused(&bench, &request(&[1, 2])).await.code, "cluster-id-mismatch");
}

#[tokio::test]
async fn servers_of_another_cluster_are_not_adopted() {
    let bench = Bench::new();
    let mut own = demo(1);
    own.name = ClusterName::new("own").unwrap();
    bench.store.save_spec(&own).unwrap();
    run(&bench, &[1]);
    let error = refused(&bench, &request(&[1])).await;
    assert_eq!(error.code, "already-managed");
    assert_eq!(error.next, ["cluster status own"]);
}

#[tokio::test]
async fn a_failed_adoption_leaves_nothing() {
    for at in 0..9 {
        let bench = Bench::new();
        run(&bench, &[1]);
        bench.world.arm(at, Fault::Fail);
        let outcome = adopt(&bench, &request(&[1])).await;
        let struck = bench.world.disarm();
        assert_eq!(outcome.is_err(), struck, "change {at}");
        assert_eq!(bench.store.exists(&request(&[]).name), !struck, "change {at}");
        let log = bench.world.state().log.clone();
        assert_eq!(log.iter().any(|line| line == "destroy"), struck, "change {at}: {log:?}");
    }
}
