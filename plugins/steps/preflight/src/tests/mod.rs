//! Findings of `preflight` over snapshots: every code, and what must not be told.

mod data;
mod host;
mod ports;
mod settings;

use kafsh_sdk::step::{Finding, Input, Node, ProcessState, Severity, Step, Verification};
use kafsh_sdk::testing;

use crate::Preflight;

fn findings(input: &Input) -> Vec<Finding> {
    let plan = Preflight::plan(input.clone()).expect("a plan");
    assert_eq!(plan.actions, [], "preflight changes nothing");
    plan.findings
}

/// `problem port-taken broker 2`
fn told(input: &Input) -> Vec<String> {
    let line = |f: Finding| {
        let severity = match f.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Problem => "problem",
        };
        format!("{severity} {} {}", f.code, f.subject)
    };
    findings(input).into_iter().map(line).collect()
}

/// The only finding.
fn only(input: &Input) -> Finding {
    let mut all = findings(input);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn running() -> Input {
    let mut input = testing::input();
    testing::bring_up(&mut input);
    input
}

/// Everything ran, was stopped in order, and has data.
fn stopped() -> Input {
    let mut input = running();
    let nodes: Vec<Node> = input.observed.nodes.iter().map(|facts| facts.node.clone()).collect();
    testing::apply(&mut input, &[kafsh_sdk::step::Action::Stop(nodes)]);
    input
}

#[test]
fn a_fresh_host_a_running_and_a_stopped_cluster_have_nothing_in_the_way() {
    for input in [testing::input(), running(), stopped()] {
        assert_eq!(told(&input), [""; 0]);
        let plan = Preflight::plan(input.clone()).expect("a plan");
        assert_eq!(plan.summary, "nothing is in the way");
        assert_eq!(Preflight::verify(input), Ok(Verification::Met));
    }
}

#[test]
fn the_worst_comes_first_and_is_counted() {
    let mut input = testing::input();
    input.observed.host.disk_free_mib = 1000;
    input.spec.kafka = "3.9.2".to_owned();
    testing::occupy_port(&mut input, 9092, "pid 4121 java");
    testing::occupy_port(&mut input, 9093, "pid 4122 java");
    assert_eq!(
        told(&input),
        ["problem port-taken broker 2", "problem port-taken broker 3", "warning disk-short host"]
    );
    let plan = Preflight::plan(input.clone()).expect("a plan");
    assert_eq!(plan.summary, "2 problems, 1 warning");
    assert!(
        matches!(Preflight::verify(input), Ok(Verification::Failed(f)) if f.code == "port-taken")
    );
}

#[test]
fn paused_nodes_are_told_of_with_what_wakes_them() {
    let mut input = running();
    testing::node(&mut input, Node::Broker(2)).process = ProcessState::Paused(5310);
    let found = only(&input);
    assert_eq!((found.severity, found.code.as_str()), (Severity::Warning, "node-paused"));
    assert_eq!(found.next, ["@demo broker resume 2"]);
    assert!(found.safe_to_fix);
    testing::node(&mut input, Node::Broker(2)).process = ProcessState::Running(5310);
    testing::node(&mut input, Node::Zookeeper).process = ProcessState::Paused(5301);
    let found = only(&input);
    assert_eq!(found.next, ["!kill -CONT 5301"]);
    assert!(!found.safe_to_fix);
}

#[test]
fn what_runs_is_not_asked_about() {
    let mut input = running();
    for facts in &mut input.observed.nodes {
        for dir in &mut facts.data {
            (dir.writable, dir.clean, dir.logs_without_snapshot) = (false, false, true);
            (dir.cluster_id, dir.broker_id) = (Some("other".to_owned()), Some(99));
            (dir.meta_version, dir.foreign_lock) = (Some(1), Some("pid 1".to_owned()));
        }
    }
    testing::occupy_port(&mut input, 9092, "pid 4121 java");
    let host = &mut input.observed.host;
    (host.java, host.memory_available_mib, host.disk_free_mib) = (None, 1, 0);
    (host.open_files_max, host.memory_maps_max) = (1, 1);
    (host.ephemeral_first, host.ephemeral_last) = (1, 65_535);
    assert_eq!(told(&input), [""; 0]);
}
