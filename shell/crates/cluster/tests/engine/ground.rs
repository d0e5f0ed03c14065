//! The engine over a world in memory: what it finds on the ground, and what it says of servers that
//! have lost each other.

use std::time::Duration;

use crate::support::{Bench, demo};
use kafsh_cluster::engine::report::{StopOptions, UpOptions};
use kafsh_model::plan::{Finding, Node, Severity};
use kafsh_model::snapshot::ProcessState;

fn find<'a>(findings: &'a [Finding], code: &str) -> &'a Finding {
    let found = findings.iter().find(|finding| finding.code == code);
    found.unwrap_or_else(|| panic!("no {code} in {findings:?}"))
}

#[tokio::test]
async fn an_advertised_name_that_nobody_knows_is_found_before_anything_starts() {
    let bench = Bench::new();
    let mut spec = demo(2);
    for broker in &mut spec.brokers {
        broker.listeners[0].advertised_host = "kafka.invalid".to_string();
    }
    let error = bench.up(&spec).await.unwrap_err();
    assert_eq!(error.code, "advertised-host-unknown", "{error:?}");
    assert!(error.message.ends_with("nothing was started"), "{error:?}");
    assert_eq!(error.evidence[0], "broker 1: PLAINTEXT://kafka.invalid:9091");
    assert!(error.evidence.contains(&"nobody knows it".to_string()), "{error:?}");
    assert!(bench.world.state().log.is_empty());
    // Laid out it is looked at again, also with no step that does.
    let known = demo(2);
    bench.engine().create(&known, &UpOptions::default()).await.unwrap();
    spec.steps.retain(|step| step != "preflight");
    let error = bench.engine().start(&spec, &spec.nodes()).await.unwrap_err();
    assert_eq!(error.code, "advertised-host-unknown", "{error:?}");
}

/// A name for clients alone may be known elsewhere.
#[tokio::test]
async fn a_name_for_clients_alone_is_a_warning() {
    let bench = Bench::new();
    let mut spec = demo(1);
    let mut second = spec.brokers[0].listeners[0].clone();
    second.name = "OUTSIDE".to_string();
    second.inter_broker = false;
    (second.port, second.advertised_port) = (second.port + 100, second.port + 100);
    second.advertised_host = "kafka.invalid".to_string();
    spec.brokers[0].listeners.push(second);
    let (_, plan) = bench.engine().dry_run(&spec).await.unwrap();
    let findings: Vec<Finding> = plan.findings().cloned().collect();
    assert_eq!(find(&findings, "advertised-host-unknown").severity, Severity::Warning);
}

#[tokio::test]
async fn a_zookeeper_without_its_logs_is_told() {
    let bench = Bench::new();
    let spec = demo(1);
    bench.up(&spec).await.unwrap();
    let engine = bench.engine();
    engine.stop(&spec, &spec.nodes(), &StopOptions::default()).await.unwrap();
    bench.world.state().node(Node::ZooKeeper).snapshot_without_logs = Some(0);
    let error = bench.up(&spec).await.unwrap_err();
    assert_eq!(error.code, "zookeeper-rolled-back", "{error:?}");
    assert_eq!(error.next[0], "cluster restore demo");
    bench.world.state().node(Node::ZooKeeper).snapshot_without_logs = Some(0x1f);
    let report = engine.up(&spec, &UpOptions::default()).await.unwrap();
    let found = find(&report.findings, "zookeeper-rolled-back");
    assert_eq!(found.severity, Severity::Warning);
    assert_eq!(found.evidence, ["/data/zookeeper: snapshot of zxid 0x1f, no log"]);
    // While it runs, its folder is not judged.
    let findings = engine.doctor(&spec).await.unwrap();
    assert!(findings.iter().all(|f| f.code != "zookeeper-rolled-back"), "{findings:?}");
}

#[tokio::test]
async fn brokers_whose_zookeeper_is_gone_stop_and_say_so() {
    let bench = Bench::new();
    let spec = demo(2);
    bench.up(&spec).await.unwrap();
    let engine = bench.engine();
    engine.kill(&spec, Node::ZooKeeper).await.unwrap();
    let findings = engine.doctor(&spec).await.unwrap();
    let found = find(&findings, "no-controller");
    assert_eq!(found.message, "brokers run without ZooKeeper");
    assert_eq!(found.next, ["@demo zookeeper start"]);
    let error = engine.stop(&spec, &spec.nodes(), &StopOptions::default()).await.unwrap_err();
    assert_eq!(error.code, "stop-needs-zookeeper");
    assert_eq!(error.next, ["@demo zookeeper start", "cluster stop demo --force"]);
    let options = StopOptions { force: true, ..StopOptions::default() };
    let report = engine.stop(&spec, &spec.nodes(), &options).await.unwrap();
    assert_eq!(report.stopped.len(), 2, "{report:?}");
    let found = find(&report.findings, "stopped-without-zookeeper");
    assert_eq!(found.next, ["cluster start demo"]);
    assert_eq!(engine.status(&spec).await.unwrap().state, "stopped");
}

/// A disk that is not mounted: ZooKeeper would have every partition made anew, empty.
#[tokio::test]
async fn brokers_that_had_data_are_not_started_without_any() {
    let bench = Bench::new();
    let spec = demo(2);
    bench.up(&spec).await.unwrap();
    let engine = bench.engine();
    engine.stop(&spec, &spec.nodes(), &StopOptions::default()).await.unwrap();
    bench.world.state().node(Node::Broker(1)).data = false;
    let some = engine.doctor(&spec).await.unwrap();
    assert!(some.iter().all(|f| f.severity != Severity::Problem), "another has it: {some:?}");
    bench.world.state().node(Node::Broker(2)).data = false;
    let findings = engine.doctor(&spec).await.unwrap();
    let found = find(&findings, "broker-data-missing");
    assert_eq!(found.severity, Severity::Problem);
    assert_eq!(found.evidence[2], "ZooKeeper has its data");
    for error in [
        engine.start(&spec, &spec.nodes()).await.unwrap_err(),
        engine.up(&spec, &UpOptions::default()).await.unwrap_err(),
    ] {
        assert_eq!(error.code, "broker-data-missing", "{error:?}");
    }
    assert_eq!(engine.status(&spec).await.unwrap().state, "stopped");
}

#[tokio::test]
async fn a_controller_that_is_missing_or_gone_is_a_finding() {
    let bench = Bench::new();
    let spec = demo(2);
    bench.up(&spec).await.unwrap();
    let engine = bench.engine();
    bench.world.state().controller = Some(None);
    let findings = engine.doctor(&spec).await.unwrap();
    let found = find(&findings, "no-controller");
    assert_eq!(
        (found.severity, found.message.as_str()),
        (Severity::Problem, "there is no controller")
    );
    engine.kill(&spec, Node::Broker(2)).await.unwrap();
    bench.world.state().controller = Some(Some(2));
    let findings = engine.doctor(&spec).await.unwrap();
    let found = find(&findings, "no-controller");
    assert_eq!(found.message, "the controller is broker 2, which does not run");
    bench.world.state().controller = None;
    let findings = engine.doctor(&spec).await.unwrap();
    assert!(findings.iter().all(|finding| finding.code != "no-controller"), "{findings:?}");
    let state = bench.world.state().node(Node::Broker(2)).process.clone();
    assert!(matches!(state, Some(ProcessState::Died { .. })), "{state:?}");
}

/// What it did instead of ending is written down before it is gone, or left alone.
#[tokio::test]
async fn a_server_that_does_not_end_shows_its_threads() {
    let bench = Bench::new();
    let spec = demo(1);
    bench.up(&spec).await.unwrap();
    bench.world.state().node(Node::Broker(1)).stubborn = true;
    let engine = bench.engine();
    let mut options = StopOptions { deadline: Some(Duration::from_millis(50)), force: false };
    let error = engine.stop(&spec, &spec.nodes(), &options).await.unwrap_err();
    assert_eq!(error.code, "stop-timed-out");
    assert_eq!(error.evidence, ["what its threads do: /logs/broker 1/threads.txt"]);
    assert!(bench.world.state().is_alive(Node::Broker(1)), "nobody said --force");
    options.force = true;
    let report = engine.stop(&spec, &spec.nodes(), &options).await.unwrap();
    let found = find(&report.findings, "stop-forced");
    assert_eq!(found.evidence, ["what its threads did: /logs/broker 1/threads.txt"]);
    assert!(report.stopped[0].killed, "{report:?}");
    let log = bench.world.state().log.clone();
    let at = |what: &str| log.iter().rposition(|line| line == what).unwrap();
    assert!(at("dump broker 1") < at("Kill broker 1"));
}
