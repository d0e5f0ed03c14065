//! The engine over a world in memory: every action fails, hangs or is interrupted once.

mod support;

use std::sync::Arc;
use std::time::Duration;

use kafsh_cluster::Store;
use kafsh_cluster::engine::report::{RestartOptions, StopOptions, UpOptions};
use kafsh_cluster::spec::{self, Brokers, PortRegistry, SpecRequest};
use kafsh_cluster::store::{Event, JournalEnd};
use kafsh_model::confirm::Confirmed;
use kafsh_model::plan::{Finding, Node, Severity};
use kafsh_model::port::{Progress, ProgressEvent};
use kafsh_model::snapshot::ProcessState;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Class, ClusterName};
use support::{Fault, World};

const STEPS: [&str; 4] = ["preflight", "broker-layout", "launch", "prove"];

/// Longest that anything here may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(20);

fn demo(brokers: u16) -> ClusterSpec {
    let mut request = SpecRequest::new(ClusterName::new("demo").unwrap());
    request.kafka = Some("3.9.2".into());
    request.brokers = Some(Brokers::Count(brokers));
    request.steps = STEPS.map(String::from).to_vec();
    spec::build(&request, &PortRegistry::default()).unwrap()
}

struct Bench {
    world: World,
    store: Store,
    _home: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        Bench { world: World::new(), store, _home: home }
    }

    fn engine(&self) -> kafsh_cluster::Engine {
        self.world.engine(&self.store)
    }

    async fn up(&self, spec: &ClusterSpec) -> kafsh_model::Result<()> {
        self.engine().up(spec, &UpOptions::default()).await.map(|_| ())
    }

    /// `up`, bounded: a hang stands for a shell that was killed there.
    async fn up_or_die(&self, spec: &ClusterSpec) -> Option<kafsh_model::Result<()>> {
        tokio::time::timeout(Duration::from_millis(400), self.up(spec)).await.ok()
    }

    async fn is_converged(&self, spec: &ClusterSpec) {
        let engine = self.engine();
        let status = engine.status(spec).await.unwrap();
        assert!(status.healthy, "{:?}", status.reasons);
        assert!(status.proven);
        let (_, plan) = engine.dry_run(spec).await.unwrap();
        assert!(plan.is_empty(), "{plan:?}");
        assert!(self.world.state().topics.is_empty(), "the probe's topic is gone");
    }
}

#[tokio::test]
async fn a_cluster_comes_up_and_stays_up() {
    let bench = Bench::new();
    let spec = demo(3);
    let report = bench.engine().up(&spec, &UpOptions::default()).await.unwrap();
    assert_eq!(report.controller, Some(1));
    assert!(report.resumed.is_none() && report.snapshot.proven);
    bench.is_converged(&spec).await;
    let changes = bench.world.state().log.len();
    let again = bench.engine().up(&spec, &UpOptions::default()).await.unwrap();
    assert!(again.plan.is_empty());
    assert_eq!(bench.world.state().log.len(), changes, "the second run changes nothing");
    let log = bench.world.state().log.clone();
    let at = |what: &str| log.iter().position(|line| line == what).unwrap();
    assert!(at("start zookeeper") < at("start broker 1"));
    assert!(at("write broker 3") < at("start zookeeper"));
    assert_eq!(bench.store.load_spec(&spec.name).unwrap(), spec);
}

/// Fails or interrupts every change of a first run: nothing is left, and the next run converges.
#[tokio::test]
async fn whatever_fails_is_undone() {
    for fault in [Fault::Fail, Fault::Interrupt] {
        let mut at = 0;
        loop {
            let bench = Bench::new();
            let spec = demo(2);
            bench.world.arm(at, fault);
            let outcome = tokio::time::timeout(PATIENCE, bench.up(&spec)).await.unwrap();
            if !bench.world.disarm() {
                outcome.unwrap();
                break;
            }
            // The last change of a run may be interrupted with nothing left to do but to look.
            let error = outcome.expect_err("it must be told");
            let code = if fault == Fault::Fail { "injected" } else { "interrupted" };
            let proving = error.code == "not-proven";
            assert!(error.code == code || proving, "{fault:?} at {at}: {error:?}");
            {
                let state = bench.world.state();
                assert!(state.is_blank(), "{fault:?} at {at} left {state:?}, {error:?}");
            }
            assert!(!bench.store.exists(&spec.name), "{fault:?} at {at}");
            assert!(error.next.contains(&"cluster up demo".to_string()), "{error:?}");
            assert!(bench.store.lock(&spec.name, "test").is_ok(), "the lock is free");
            bench.up(&spec).await.unwrap();
            bench.is_converged(&spec).await;
            at += 1;
        }
        assert!(at > 10, "{fault:?} struck only {at} times");
    }
}

/// Kills the shell before and after every change: the next run finishes the work, with no server
/// started twice.
#[tokio::test]
async fn a_killed_shell_is_resumed() {
    for fault in [Fault::HangBefore, Fault::HangAfter] {
        let mut at = 0;
        loop {
            let bench = Bench::new();
            let spec = demo(2);
            bench.world.arm(at, fault);
            let outcome = bench.up_or_die(&spec).await;
            if !bench.world.disarm() {
                outcome.unwrap().unwrap();
                break;
            }
            assert!(outcome.is_none(), "it hangs at {at}");
            let report = bench.engine().up(&spec, &UpOptions::default()).await.unwrap();
            let resumed = report.resumed.expect("it says so");
            assert!(resumed.in_flight.is_some(), "{fault:?} at {at}");
            bench.is_converged(&spec).await;
            at += 1;
        }
        assert!(at > 10, "{fault:?} struck only {at} times");
    }
}

#[tokio::test]
async fn undo_goes_backwards() {
    let bench = Bench::new();
    let spec = demo(2);
    // dirs and properties of three nodes, three starts: the tenth change is the probe's topic.
    bench.world.arm(9, Fault::Fail);
    let error = bench.up(&spec).await.unwrap_err();
    assert!(bench.world.disarm());
    let log = bench.world.state().log.clone();
    let at = |what: &str| log.iter().position(|line| line == what).unwrap();
    assert!(at("Terminate broker 2") < at("Terminate zookeeper"));
    assert!(at("Terminate zookeeper") < at("destroy"));
    assert!(error.evidence.iter().any(|line| line.starts_with("undone: ")), "{error:?}");
}

#[tokio::test]
async fn keep_leaves_everything_and_says_so() {
    let bench = Bench::new();
    let spec = demo(2);
    bench.world.arm(8, Fault::Fail);
    let options = UpOptions { keep: true, ..UpOptions::default() };
    let error = bench.engine().up(&spec, &options).await.unwrap_err();
    bench.world.disarm();
    assert!(bench.world.state().is_alive(Node::ZooKeeper));
    assert!(error.evidence.iter().any(|line| line.starts_with("left: ")), "{error:?}");
    assert!(error.next.contains(&"cluster destroy demo".to_string()));
    let last = bench.store.journal(&spec.name).unwrap().pop().unwrap();
    assert_eq!(last.event, Event::Ended { end: JournalEnd::Left });
    bench.up(&spec).await.unwrap();
    bench.is_converged(&spec).await;
}

/// Somebody made a topic while the run was under way: its data must not be deleted with the rest.
#[tokio::test]
async fn records_of_others_survive_an_undo() {
    let bench = Bench::new();
    let spec = demo(2);
    bench.world.state().topics.insert("orders".into(), (1, 1));
    bench.world.arm(10, Fault::Fail);
    let error = bench.up(&spec).await.unwrap_err();
    assert!(bench.world.disarm());
    let state = bench.world.state();
    assert!(state.nodes.values().all(|node| node.process.is_none()), "servers are stopped");
    assert!(state.nodes.values().any(|node| node.data), "data is kept");
    assert!(bench.store.exists(&spec.name));
    assert!(error.evidence.iter().any(|line| line.contains("topics were made")), "{error:?}");
}

#[tokio::test]
async fn an_archive_is_brought_back_by_undo() {
    let bench = Bench::new();
    let mut spec = demo(2);
    bench.up(&spec).await.unwrap();
    bench.engine().stop(&spec, &spec.nodes(), &StopOptions::default()).await.unwrap();
    let before = bench.world.state().nodes.clone();
    spec.steps.insert(0, "archive".into());
    bench.store.save_spec(&spec).unwrap();
    bench.world.arm(2, Fault::Fail);
    bench.up(&spec).await.unwrap_err();
    assert!(bench.world.disarm());
    let state = bench.world.state();
    assert_eq!(state.nodes, before);
    assert!(state.archives.is_empty());
    assert!(bench.store.exists(&spec.name), "a cluster that was there stays");
}

#[tokio::test]
async fn a_problem_refuses_before_anything_is_made() {
    let bench = Bench::new();
    let spec = demo(2);
    bench.world.state().foreign_port = Some(9092);
    let error = bench.up(&spec).await.unwrap_err();
    assert_eq!(error.code, "port-taken");
    assert!(error.message.ends_with("nothing was started"), "{error:?}");
    assert!(!bench.store.cluster_dir(&spec.name).exists());
    assert!(bench.world.state().log.is_empty());
}

#[tokio::test]
async fn a_plan_for_a_strange_node_is_refused() {
    let bench = Bench::new();
    let mut spec = demo(1);
    spec.steps = vec!["stranger".into()];
    assert_eq!(bench.up(&spec).await.unwrap_err().code, "plan-names-stranger");
    spec.steps = vec!["no-such".into()];
    assert_eq!(bench.up(&spec).await.unwrap_err().code, "step-not-found");
}

#[tokio::test]
async fn a_death_is_told_at_once_with_the_log() {
    let bench = Bench::new();
    let spec = demo(2);
    bench.world.state().node(Node::Broker(2)).dies = true;
    let begin = std::time::Instant::now();
    let error = bench.up(&spec).await.unwrap_err();
    assert_eq!(error.code, "node-died", "{error:?}");
    assert!(error.message.contains("broker 2 ended with exit status 143"), "{error:?}");
    assert!(error.evidence.contains(&"a line of the log".to_string()), "{error:?}");
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert!(!bench.store.exists(&spec.name));
}

#[tokio::test]
async fn other_settings_are_shown_and_refused() {
    let bench = Bench::new();
    let old = demo(3);
    bench.up(&old).await.unwrap();
    let mut new = old.clone();
    new.properties.insert("num.partitions".into(), "5".into());
    let error = bench.up(&new).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.class), ("settings-differ", Class::Refused));
    assert!(error.evidence[0].contains("num.partitions default → 5"), "{error:?}");
    assert_eq!(bench.store.load_spec(&old.name).unwrap(), old);
    let options = UpOptions { apply: true, ..UpOptions::default() };
    let report = bench.engine().up(&new, &options).await.unwrap();
    assert_eq!(report.applied.len(), 1);
    assert!(bench.world.state().nodes.values().all(|node| !node.restart_needed), "in force");
    bench.is_converged(&new).await;
    assert_eq!(bench.store.load_spec(&old.name).unwrap(), new);
    let fewer = demo(2);
    let error = bench.engine().up(&fewer, &options).await.unwrap_err();
    assert_eq!(error.code, "needs-new-cluster");
}

#[tokio::test]
async fn create_starts_nothing_and_start_goes_on() {
    let bench = Bench::new();
    let spec = demo(2);
    bench.engine().create(&spec, &UpOptions::default()).await.unwrap();
    assert!(!bench.world.state().log.iter().any(|line| line.starts_with("start")));
    assert_eq!(bench.engine().status(&spec).await.unwrap().state, "stopped");
    let report = bench.engine().start(&spec, &spec.nodes()).await.unwrap();
    assert_eq!(report.started.len(), 3);
    bench.up(&spec).await.unwrap();
    bench.is_converged(&spec).await;
}

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

#[tokio::test]
async fn a_stale_registration_is_waited_for() {
    let bench = Bench::new();
    let spec = demo(2);
    bench.up(&spec).await.unwrap();
    let engine = bench.engine();
    engine.kill(&spec, Node::Broker(2)).await.unwrap();
    bench.world.state().stale.insert(2, 4);
    let findings = engine.doctor(&spec).await.unwrap();
    let codes: Vec<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
    assert!(codes.contains(&"node-died") && codes.contains(&"stale-registration"), "{codes:?}");
    assert!(findings.is_sorted_by_key(|finding| std::cmp::Reverse(finding.severity)));
    let fixed = engine.doctor_fix(&spec).await.unwrap();
    assert!(fixed.done.contains(&"started broker 2".to_string()), "{fixed:?}");
    assert!(fixed.left.iter().all(|finding| finding.severity != Severity::Problem));
    assert!(engine.status(&spec).await.unwrap().healthy);
}

#[tokio::test]
async fn doctor_tells_one_thing_once_at_its_worst() {
    let bench = Bench::new();
    let mut spec = demo(2);
    bench.up(&spec).await.unwrap();
    spec.properties.insert("default.replication.factor".into(), "9".into());
    let findings = bench.engine().doctor(&spec).await.unwrap();
    let told: Vec<&Finding> =
        findings.iter().filter(|finding| finding.code == "replication-above-brokers").collect();
    assert_eq!(told.len(), 1, "{findings:?}");
    assert_eq!(told[0].severity, Severity::Problem);
}

#[tokio::test]
async fn a_paused_broker_is_stopped_all_the_same() {
    let bench = Bench::new();
    let spec = demo(1);
    bench.up(&spec).await.unwrap();
    let engine = bench.engine();
    engine.pause(&spec, Node::Broker(1)).await.unwrap();
    let status = engine.status(&spec).await.unwrap();
    assert!(!status.healthy && status.nodes[1].state == "paused", "{status:?}");
    assert_eq!(engine.start(&spec, &spec.nodes()).await.unwrap_err().code, "node-paused");
    engine.stop(&spec, &spec.nodes(), &StopOptions::default()).await.unwrap();
    assert_eq!(engine.status(&spec).await.unwrap().state, "stopped");
}

/// A server that takes connections and never answers must not hold up a look.
#[tokio::test]
async fn the_silent_are_not_waited_for() {
    let bench = Bench::new();
    let spec = demo(3);
    bench.up(&spec).await.unwrap();
    let engine = bench.engine();
    let look = async |most: Duration| {
        let begin = std::time::Instant::now();
        let status = engine.status(&spec).await.unwrap();
        assert!(begin.elapsed() < most, "{:?}", begin.elapsed());
        status
    };
    assert!(look(Duration::from_millis(100)).await.healthy);
    engine.pause(&spec, Node::Broker(2)).await.unwrap();
    let status = look(Duration::from_millis(2_500)).await;
    assert!(!status.healthy && status.reasons.contains(&"broker 2 is paused".to_string()));
    engine.pause(&spec, Node::ZooKeeper).await.unwrap();
    assert_eq!(look(Duration::from_millis(2_500)).await.controller, None);
    let nodes = spec.nodes();
    engine.stop(&spec, &nodes, &StopOptions::default()).await.unwrap();
}

#[tokio::test]
async fn data_moves_only_as_a_whole_and_never_under_a_server() {
    let bench = Bench::new();
    let spec = demo(2);
    bench.up(&spec).await.unwrap();
    let engine = bench.engine();
    assert_eq!(engine.archive(&spec, "x").await.unwrap_err().code, "still-running");
    engine.stop(&spec, &spec.nodes(), &StopOptions::default()).await.unwrap();
    let error = engine.zookeeper_clean(&spec, Confirmed::by_user()).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.class), ("brokers-hold-data", Class::Refused));
    assert_eq!(error.next, ["cluster archive demo"]);
    let unit = engine.archive(&spec, "x").await.unwrap();
    assert_eq!(engine.archive(&spec, "x").await.unwrap_err().code, "nothing-to-archive");
    engine.zookeeper_clean(&spec, Confirmed::by_user()).await.unwrap();
    assert_eq!(engine.restore(&spec, "nonsense").await.unwrap_err().code, "archive-not-found");
    bench.world.state().node(Node::Broker(1)).data = true;
    let aside = engine.restore(&spec, &unit).await.unwrap();
    assert!(aside.is_some(), "what was there is moved aside first");
    assert!(bench.world.state().nodes.values().all(|node| node.data));
}

#[tokio::test]
async fn destroy_stops_first_and_leaves_nothing() {
    let bench = Bench::new();
    let spec = demo(2);
    bench.up(&spec).await.unwrap();
    bench.store.set_current(Some(&spec.name)).unwrap();
    let engine = bench.engine();
    let options = StopOptions::default();
    engine.destroy(&spec, true, &options, Confirmed::by_user()).await.unwrap();
    assert!(bench.world.state().is_blank());
    assert!(!bench.store.cluster_dir(&spec.name).exists());
    assert_eq!(bench.store.current().unwrap(), None);
    assert_eq!(bench.store.load_spec(&spec.name).unwrap_err().code, "cluster-not-found");
}

#[tokio::test]
async fn two_shells_do_not_change_one_cluster() {
    let bench = Bench::new();
    let spec = demo(1);
    let lock = bench.store.lock(&spec.name, "cluster up demo --brokers 9").unwrap();
    let error = bench.up(&spec).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.class), ("locked", Class::Unavailable));
    let pid = format!("pid {}: cluster up demo --brokers 9", std::process::id());
    assert_eq!(error.evidence, [pid]);
    drop(lock);
    bench.up(&spec).await.unwrap();
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
