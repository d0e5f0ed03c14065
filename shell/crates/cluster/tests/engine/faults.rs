//! The engine over a world in memory: every action fails, hangs or is interrupted once.

use std::time::Duration;

use crate::support::{Bench, Fault, demo};
use kafsh_cluster::engine::report::{StopOptions, UpOptions};
use kafsh_cluster::store::{Event, JournalEnd};
use kafsh_model::Class;
use kafsh_model::confirm::Confirmed;
use kafsh_model::plan::{Action, Finding, Node, Severity};
use kafsh_model::spec::ClusterSpec;

/// Longest that anything here may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(20);

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

/// A step may have been written by anybody: the topics of others are not its to touch.
#[tokio::test]
async fn a_plan_for_the_topics_of_others_is_refused() {
    let bench = Bench::new();
    let mut spec = demo(1);
    bench.up(&spec).await.unwrap();
    {
        let mut state = bench.world.state();
        state.topics.insert("orders".into(), (1, 1));
        state.log.clear();
    }
    for step in ["deleter", "prover"] {
        spec.steps = ["launch", step].map(String::from).to_vec();
        bench.store.save_spec(&spec).unwrap();
        let error = bench.up(&spec).await.unwrap_err();
        assert_eq!(error.code, "plugin-bad-output", "{error:?}");
        assert!(error.message.contains("`orders`"), "{error:?}");
    }
    let state = bench.world.state();
    assert!(state.log.is_empty() && state.topics.contains_key("orders"), "{:?}", state.log);
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
    assert_eq!(report.findings, [], "restarted, so none is needed any more");
    assert!(bench.world.state().nodes.values().all(|node| !node.restart_needed), "in force");
    bench.is_converged(&new).await;
    assert_eq!(bench.store.load_spec(&old.name).unwrap(), new);
    let fewer = demo(2);
    let error = bench.engine().up(&fewer, &options).await.unwrap_err();
    assert_eq!(error.code, "needs-new-cluster");
}

/// Ports of its own for every server of [`demo`].
fn moved(spec: &ClusterSpec) -> ClusterSpec {
    let mut new = spec.clone();
    new.zookeeper.port += 1_000;
    for listener in new.brokers.iter_mut().flat_map(|broker| &mut broker.listeners) {
        listener.port += 1_000;
        listener.advertised_port += 1_000;
    }
    new
}

/// The old servers have to stop before anything else is done: whatever fails then, tells of them.
#[tokio::test]
async fn a_failed_move_to_other_addresses_names_what_it_stopped() {
    let bench = Bench::new();
    let old = demo(2);
    bench.up(&old).await.unwrap();
    let mut new = moved(&old);
    new.properties.insert("num.partitions".into(), "5".into());
    let options = UpOptions { apply: true, ..UpOptions::default() };
    let stopped = "stopped, to move to the new addresses: zookeeper, broker 1, broker 2";
    // First the plan is refused, then (after the three stops) an action fails.
    bench.world.state().foreign_port_later = Some(new.brokers[1].listeners[0].port);
    for code in ["port-taken", "injected"] {
        if code == "injected" {
            bench.world.arm(4, Fault::Fail);
        }
        let error = bench.engine().up(&new, &options).await.unwrap_err();
        assert_eq!(error.code, code, "{error:?}");
        assert!(error.evidence.iter().any(|line| line == stopped), "{error:?}");
        assert_eq!(error.next[0], "cluster start demo");
        bench.world.disarm();
        assert!(bench.world.state().brokers().is_empty());
        assert_eq!(bench.world.state().written_for.as_ref(), Some(&old), "old ports, old spec");
        assert_eq!(bench.store.load_spec(&old.name).unwrap(), old);
        let journal = bench.store.journal(&old.name).unwrap();
        let stop = journal.iter().rposition(|entry| {
            matches!(&entry.event, Event::Intent { what: Action::Stop { nodes }, .. }
                if nodes.len() == 3)
        });
        let run = &journal[stop.expect("the stop is on record")].run;
        assert_eq!(journal.last().unwrap().run, *run, "one run, one journal");
        assert!(bench.store.unfinished(&old.name).unwrap().is_none(), "it has its end");
        bench.world.state().foreign_port_later = None;
        bench.engine().start(&old, &old.nodes()).await.unwrap();
        bench.is_converged(&old).await;
    }
    // A server that does not stop: those that did are named.
    bench.world.arm(1, Fault::Fail);
    let error = bench.engine().up(&new, &options).await.unwrap_err();
    bench.world.disarm();
    assert_eq!(error.code, "injected");
    assert!(error.evidence.iter().any(|line| line.ends_with("addresses: broker 1")), "{error:?}");
    assert_eq!(error.next[0], "cluster start demo");
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
async fn a_stale_registration_is_waited_for() {
    let bench = Bench::new();
    let spec = demo(2);
    bench.up(&spec).await.unwrap();
    let engine = bench.engine();
    engine.kill(&spec, Node::Broker(2)).await.unwrap();
    bench.world.state().stale.insert(2, 4);
    let findings = engine.doctor(&spec).await.unwrap();
    let died = findings.iter().find(|finding| finding.code == "node-died").unwrap();
    assert!(died.evidence.iter().any(|line| line.contains("still registered")), "{died:?}");
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
    // Bounds that hold on a busy machine too, and that waiting for ever breaks.
    assert!(look(Duration::from_secs(10)).await.healthy);
    engine.pause(&spec, Node::Broker(2)).await.unwrap();
    let status = look(Duration::from_secs(10)).await;
    assert!(!status.healthy && status.reasons.contains(&"broker 2 is paused".to_string()));
    engine.pause(&spec, Node::ZooKeeper).await.unwrap();
    assert_eq!(look(Duration::from_secs(10)).await.controller, None);
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
    assert_eq!((error.code.as_ref(), error.class), ("locked", Class::Busy));
    let pid = format!("pid {}: cluster up demo --brokers 9", std::process::id());
    assert_eq!(error.evidence, [pid]);
    drop(lock);
    bench.up(&spec).await.unwrap();
}
