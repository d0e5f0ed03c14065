//! The engine over a world in memory: what stopping and starting servers checks, and what it
//! remembers.

use std::sync::Arc;

use crate::support::{Bench, demo};
use kafsh_cluster::engine::report::{RestartOptions, StopOptions, UpOptions};
use kafsh_model::Class;
use kafsh_model::confirm::Confirmed;
use kafsh_model::plan::{Finding, Node, Severity};
use kafsh_model::port::{Progress, ProgressEvent};
use kafsh_model::snapshot::ProcessState;

#[tokio::test]
async fn stopping_keeps_the_order_and_the_partitions() {
    let bench = Bench::new();
    let spec = demo(3);
    bench.up(&spec).await.unwrap();
    {
        let mut state = bench.world.state();
        state.topics.insert("orders".into(), (2, 3));
        state.min_isr = 2;
    }
    let engine = bench.engine();
    let options = StopOptions::default();
    let error = engine.stop(&spec, &[Node::ZooKeeper], &options).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.class), ("brokers-need-zookeeper", Class::Refused));
    let two = [Node::Broker(1), Node::Broker(2)];
    let error = engine.stop(&spec, &two, &options).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.class), ("under-min-isr", Class::Refused));
    assert!(error.evidence[0].starts_with("orders/0: 3 of 3"), "{error:?}");
    engine.stop(&spec, &two[..1], &options).await.unwrap();
    let status = engine.status(&spec).await.unwrap();
    assert_eq!((status.state.as_str(), status.brokers_ready), ("degraded", 2));
    assert_eq!(status.partitions.unwrap().under_replicated, 2);
    assert!(!status.proven, "one does not run");
    engine.kill(&spec, Node::Broker(2)).await.unwrap();
    assert_eq!(engine.status(&spec).await.unwrap().partitions.unwrap().under_min_isr, 2);
    let error = engine.kill(&spec, Node::Broker(2)).await.unwrap_err();
    assert_eq!(error.code, "not-running");
    engine.stop(&spec, &spec.nodes(), &options).await.unwrap();
    let log = bench.world.state().log.clone();
    let at = |what: &str| log.iter().rposition(|line| line == what).unwrap();
    assert!(at("Terminate broker 3") < at("Terminate zookeeper"));
    assert!(bench.world.state().nodes.values().all(|node| node.process.is_none()));
}

/// Right after a kill, metadata still lists the dead broker as in sync: it must not be counted on.
#[tokio::test]
async fn the_dead_are_not_counted_on() {
    let bench = Bench::new();
    let spec = demo(3);
    bench.up(&spec).await.unwrap();
    {
        let mut state = bench.world.state();
        state.topics.insert("orders".into(), (2, 3));
        state.min_isr = 2;
        state.lingering.insert(2);
    }
    let engine = bench.engine();
    engine.kill(&spec, Node::Broker(2)).await.unwrap();
    let health = engine.status(&spec).await.unwrap().partitions.unwrap();
    assert_eq!((health.under_replicated, health.under_min_isr, health.offline), (2, 0, 0));
    let options = StopOptions::default();
    let error = engine.stop(&spec, &[Node::Broker(1)], &options).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.class), ("under-min-isr", Class::Refused));
    assert!(error.evidence[0].starts_with("orders/0: 2 of 3"), "{error:?}");
    assert!(bench.world.state().is_alive(Node::Broker(1)));
    // A paused one answers nobody, either.
    engine.start(&spec, &[Node::Broker(2)]).await.unwrap();
    engine.pause(&spec, Node::Broker(2)).await.unwrap();
    let error = engine.stop(&spec, &[Node::Broker(1)], &options).await.unwrap_err();
    assert_eq!(error.code, "under-min-isr");
}

#[tokio::test]
async fn what_can_never_be_spared_needs_force() {
    let bench = Bench::new();
    let spec = demo(2);
    bench.up(&spec).await.unwrap();
    {
        let mut state = bench.world.state();
        state.topics.insert("orders".into(), (1, 2));
        state.min_isr = 2;
    }
    let engine = bench.engine();
    let one = [Node::Broker(1)];
    let error = engine.stop(&spec, &one, &StopOptions::default()).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.class), ("cannot-be-spared", Class::Refused));
    assert_eq!(error.next, ["@demo broker stop 1 --force"]);
    assert!(bench.world.state().is_alive(one[0]));
    let options = StopOptions { force: true, ..StopOptions::default() };
    let report = engine.stop(&spec, &one, &options).await.unwrap();
    assert_eq!(report.stopped[0].node, one[0]);
    assert!(!bench.world.state().is_alive(one[0]));
}

#[tokio::test]
async fn a_rolling_restart_takes_the_controller_last() {
    let bench = Bench::new();
    let spec = demo(3);
    bench.up(&spec).await.unwrap();
    bench.world.state().log.clear();
    let brokers: Vec<Node> = (1..=3).map(Node::Broker).collect();
    let options = RestartOptions { rolling: true, ..RestartOptions::default() };
    let report = bench.engine().restart(&spec, &brokers, &options).await.unwrap();
    assert_eq!(report.started, [Node::Broker(2), Node::Broker(3), Node::Broker(1)]);
    let log = bench.world.state().log.clone();
    let expected = [
        "Terminate broker 2",
        "start broker 2",
        "Terminate broker 3",
        "start broker 3",
        "Terminate broker 1",
        "start broker 1",
    ];
    assert_eq!(log, expected, "one at a time");
}

/// Brokers that restart together are gone together; the whole cluster at once is nobody's loss.
#[tokio::test]
async fn a_restart_at_once_spares_the_partitions_of_those_that_stay() {
    let bench = Bench::new();
    let spec = demo(3);
    bench.up(&spec).await.unwrap();
    {
        let mut state = bench.world.state();
        state.topics.insert("orders".into(), (2, 3));
        state.min_isr = 2;
        state.log.clear();
    }
    let engine = bench.engine();
    let two = [Node::Broker(2), Node::Broker(3)];
    let error = engine.restart(&spec, &two, &RestartOptions::default()).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.class), ("under-min-isr", Class::Refused));
    assert!(error.next.contains(&"@demo broker restart 2 3 --force".to_string()), "{error:?}");
    assert!(bench.world.state().log.is_empty(), "nothing was stopped");
    let forced = RestartOptions { force: true, ..RestartOptions::default() };
    assert_eq!(engine.restart(&spec, &two, &forced).await.unwrap().started, two);
    let one = engine.restart(&spec, &two[..1], &RestartOptions::default()).await.unwrap();
    assert_eq!(one.started, two[..1]);
    let all = spec.nodes();
    let report = engine.restart(&spec, &all, &RestartOptions::default()).await.unwrap();
    assert_eq!(report.started, all);
}

/// An orderly stop and start needs no new proof; a death does, and so do other settings.
#[tokio::test]
async fn the_proof_outlives_a_stop_and_ends_with_a_death() {
    let bench = Bench::new();
    let spec = demo(2);
    bench.up(&spec).await.unwrap();
    let engine = bench.engine();
    let all = spec.nodes();
    let options = StopOptions::default();
    engine.stop(&spec, &all, &options).await.unwrap();
    assert!(!engine.observe(&spec).await.unwrap().proven, "nothing runs");
    engine.start(&spec, &all).await.unwrap();
    bench.is_converged(&spec).await;
    let rolling = RestartOptions { rolling: true, ..RestartOptions::default() };
    engine.restart(&spec, &all, &rolling).await.unwrap();
    engine.restart(&spec, &all, &RestartOptions::default()).await.unwrap();
    bench.is_converged(&spec).await;
    // It died by itself, and somebody stopped the rest in order.
    bench.world.state().node(Node::Broker(2)).process = Some(ProcessState::Died { pid: 7 });
    engine.stop(&spec, &all, &options).await.unwrap();
    engine.start(&spec, &all).await.unwrap();
    assert!(!engine.observe(&spec).await.unwrap().proven);
    bench.up(&spec).await.unwrap();
    bench.is_converged(&spec).await;
    bench.world.state().node(Node::Broker(2)).process = Some(ProcessState::Died { pid: 7 });
    engine.start(&spec, &all).await.unwrap();
    assert!(!engine.observe(&spec).await.unwrap().proven);
    bench.up(&spec).await.unwrap();
    bench.world.state().node(Node::Broker(1)).properties.push(("a".into(), "b".into()));
    assert!(!engine.observe(&spec).await.unwrap().proven, "other settings");
}

/// The data of another cluster is found by what was recorded, before ZooKeeper is started to tell.
#[tokio::test]
async fn data_of_another_cluster_is_found_before_anything_starts() {
    let bench = Bench::new();
    let spec = demo(3);
    bench.up(&spec).await.unwrap();
    let engine = bench.engine();
    let all = spec.nodes();
    engine.stop(&spec, &all, &StopOptions::default()).await.unwrap();
    {
        let mut state = bench.world.state();
        for (id, cluster) in [(1, "world"), (2, "elsewhere"), (3, "world")] {
            state.node(Node::Broker(id)).cluster_id = Some(cluster.into());
        }
        state.log.clear();
    }
    for error in [
        bench.up(&spec).await.unwrap_err(),
        engine.start(&spec, &all).await.unwrap_err(),
        engine.restart(&spec, &all, &RestartOptions::default()).await.unwrap_err(),
    ] {
        assert_eq!(error.code, "cluster-id-mismatch");
        assert!(error.message.starts_with("broker 2 holds data of cluster elsewhere"), "{error:?}");
        assert!(error.message.ends_with("nothing was started"), "{error:?}");
        assert!(error.evidence[1].contains("`demo`: world"), "{error:?}");
        assert_eq!(error.next[0], "cluster restore demo");
    }
    assert!(bench.world.state().log.is_empty(), "{:?}", bench.world.state().log);
    let findings = engine.doctor(&spec).await.unwrap();
    let told = findings.iter().filter(|finding| finding.code == "cluster-id-mismatch");
    assert_eq!(told.map(|finding| finding.subject.as_str()).collect::<Vec<_>>(), ["broker 2"]);
    // The others are not in its way, and ZooKeeper alone can tell more.
    engine.start(&spec, &[Node::ZooKeeper, Node::Broker(1)]).await.unwrap();
    let error = engine.start(&spec, &[Node::Broker(2)]).await.unwrap_err();
    assert!(error.evidence[1].contains("ZooKeeper's"), "{error:?}");
    engine.stop(&spec, &all, &StopOptions::default()).await.unwrap();
    engine.archive(&spec, "x").await.unwrap();
    engine.start(&spec, &all).await.unwrap();
}

#[tokio::test]
async fn start_looks_before_it_starts() {
    let bench = Bench::new();
    let spec = demo(3);
    bench.up(&spec).await.unwrap();
    let engine = bench.engine();
    engine.stop(&spec, &spec.nodes(), &StopOptions::default()).await.unwrap();
    {
        let mut state = bench.world.state();
        state.foreign_port = Some(9092);
        state.log.clear();
    }
    let error = engine.start(&spec, &spec.nodes()).await.unwrap_err();
    assert_eq!(error.code, "port-taken");
    assert!(error.message.contains("port 9092 is taken (broker 2)"), "{error:?}");
    assert_eq!(error.evidence, ["held by pid 7"]);
    assert!(bench.world.state().log.is_empty(), "ZooKeeper was not started, either");
    // What is in the way of broker 2 is not in that of the others.
    let others = [Node::ZooKeeper, Node::Broker(1), Node::Broker(3)];
    engine.start(&spec, &others).await.unwrap();
    assert_eq!(engine.start(&spec, &[Node::Broker(2)]).await.unwrap_err().code, "port-taken");
}

/// Keeps which nodes were announced as ready.
#[derive(Default)]
struct Heard(std::sync::Mutex<Vec<Node>>);

impl Progress for Heard {
    fn event(&self, event: ProgressEvent<'_>) {
        if let ProgressEvent::Node { node, what: "ready", .. } = event {
            self.0.lock().unwrap().push(node);
        }
    }
}

#[tokio::test]
async fn a_node_is_announced_once_for_each_start() {
    let bench = Bench::new();
    let spec = demo(2);
    let heard = Arc::new(Heard::default());
    let engine = bench.engine().with_progress(heard.clone());
    engine.up(&spec, &UpOptions::default()).await.unwrap();
    let mut ready = std::mem::take(&mut *heard.0.lock().unwrap());
    ready.sort();
    assert_eq!(ready, spec.nodes());
    engine.restart(&spec, &[Node::Broker(2)], &RestartOptions::default()).await.unwrap();
    assert_eq!(*heard.0.lock().unwrap(), [Node::Broker(2)]);
}

/// Its data would go at the end of a session that never made it.
#[tokio::test]
async fn what_was_made_to_stay_does_not_become_ephemeral() {
    let bench = Bench::new();
    let spec = demo(1);
    let engine = bench.engine();
    let apply = UpOptions { apply: true, ..UpOptions::default() };
    assert!(engine.up(&spec, &apply).await.unwrap().made);
    let mut ephemeral = spec.clone();
    ephemeral.ephemeral = true;
    let error = engine.up(&ephemeral, &apply).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.class), ("not-ephemeral", Class::Refused));
    assert!(!bench.store.load_spec(&spec.name).unwrap().ephemeral);
    assert!(!engine.up(&spec, &apply).await.unwrap().made, "it was there");
}

/// The plan was made while it ran: that it ended since is no fault of this run.
#[tokio::test]
async fn a_server_that_ends_under_our_eyes_is_started_again() {
    for start_alone in [false, true] {
        let bench = Bench::new();
        let spec = demo(3);
        bench.up(&spec).await.unwrap();
        let engine = bench.engine();
        engine.kill(&spec, Node::Broker(1)).await.unwrap();
        bench.world.state().node(Node::Broker(1)).takes_along = Some(Node::Broker(2));
        bench.world.state().log.clear();
        if start_alone {
            let report = engine.start(&spec, &spec.nodes()).await.unwrap();
            assert_eq!(report.started, [Node::Broker(1), Node::Broker(2)]);
        }
        bench.up(&spec).await.unwrap();
        bench.is_converged(&spec).await;
        let log = bench.world.state().log.clone();
        let started = log.iter().filter(|line| line.starts_with("start ")).collect::<Vec<_>>();
        assert_eq!(started, ["start broker 1", "start broker 2"], "nothing is undone: {log:?}");
    }
}

/// A killed shell ends nothing: whoever looks next is told, and `doctor --fix` does it instead.
#[tokio::test]
async fn an_ephemeral_cluster_without_its_shell_is_found_and_ended() {
    let bench = Bench::new();
    let mut spec = demo(1);
    spec.ephemeral = true;
    bench.up(&spec).await.unwrap();
    let engine = bench.engine();
    let status = engine.status(&spec).await.unwrap();
    assert!(status.ephemeral && !status.orphaned, "this process is its shell, and lives");
    let path = bench.store.state_dir(&spec.name).join("owner.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"boot_id\":\"", "\"boot_id\":\"earlier ")).unwrap();
    assert!(engine.status(&spec).await.unwrap().orphaned);
    let findings = engine.doctor(&spec).await.unwrap();
    let orphan = findings.iter().find(|finding| finding.code == "ephemeral-orphan").unwrap();
    assert!(orphan.safe_to_fix && orphan.next[0] == "cluster destroy demo --yes", "{orphan:?}");
    let fixed = engine.doctor_fix(&spec).await.unwrap();
    assert!(fixed.done[0].starts_with("ended `demo`"), "{fixed:?}");
    assert!(bench.world.state().is_blank() && !bench.store.cluster_dir(&spec.name).exists());
}

/// Made by one shell, destroyed, and made anew by another: the first must not end the second's.
#[tokio::test]
async fn a_shell_ends_only_the_ephemeral_cluster_that_it_made() {
    let bench = Bench::new();
    let mut spec = demo(1);
    spec.ephemeral = true;
    bench.up(&spec).await.unwrap();
    let engine = bench.engine();
    let end = || async {
        let options = StopOptions { force: true, ..StopOptions::default() };
        engine.destroy_own(&spec.name, &options, Confirmed::by_user()).await
    };
    let path = bench.store.state_dir(&spec.name).join("owner.json");
    let own = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, own.replace("\"pid\":", "\"pid\":1")).unwrap();
    assert!(!end().await.unwrap(), "another process made it");
    std::fs::remove_file(&path).unwrap();
    assert!(!end().await.unwrap(), "nobody is known to have made it");
    assert!(bench.store.exists(&spec.name));
    bench.is_converged(&spec).await;
    std::fs::write(&path, own).unwrap();
    assert!(end().await.unwrap());
    assert!(bench.world.state().is_blank() && !bench.store.cluster_dir(&spec.name).exists());
}

#[tokio::test]
async fn doctor_names_what_partitions_lack_and_what_was_stopped() {
    let bench = Bench::new();
    let spec = demo(3);
    bench.up(&spec).await.unwrap();
    {
        let mut state = bench.world.state();
        state.topics.insert("orders".into(), (7, 3));
        state.min_isr = 2;
    }
    let engine = bench.engine();
    let code = |findings: Vec<Finding>, code: &str| {
        findings.into_iter().find(|finding| finding.code == code)
    };
    assert!(code(engine.doctor(&spec).await.unwrap(), "partitions-under-replicated").is_none());
    engine.kill(&spec, Node::Broker(3)).await.unwrap();
    bench.world.state().lingering.insert(3);
    let found = engine.doctor(&spec).await.unwrap();
    let lacking = code(found, "partitions-under-replicated").expect("a broker is gone");
    assert!(lacking.message.contains("orders/0, ") && lacking.message.ends_with("and 2 more"));
    assert_eq!(lacking.cause.as_deref(), Some("broker 3 has died"));
    assert_eq!(lacking.next, ["@demo broker start 3"]);
    engine.kill(&spec, Node::Broker(2)).await.unwrap();
    let found = engine.doctor(&spec).await.unwrap();
    let under = code(found, "partitions-under-min-isr").expect("two are gone");
    assert_eq!(under.severity, Severity::Problem);
    // A problem that a start mends does not stand in its way.
    bench.world.state().lingering.clear();
    let fixed = engine.doctor_fix(&spec).await.unwrap();
    assert!(fixed.done.contains(&"started broker 2".to_string()), "{fixed:?}");
    engine.stop(&spec, &spec.nodes(), &StopOptions::default()).await.unwrap();
    let stopped = code(engine.doctor(&spec).await.unwrap(), "cluster-stopped").unwrap();
    assert_eq!(stopped.next, ["cluster start demo"]);
}
