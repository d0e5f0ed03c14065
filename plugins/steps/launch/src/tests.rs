//! Plans of `launch` over snapshots.

use kafsh_sdk::step::{
    Action, Input, Node, ProcessState, Property, Severity, Step, StepPlan, Verification,
    WriteProperties,
};
use kafsh_sdk::testing;

use super::Launch;

const ALL: [Node; 4] = [Node::Zookeeper, Node::Broker(1), Node::Broker(2), Node::Broker(3)];

fn plan(input: &Input) -> StepPlan {
    Launch::plan(input.clone()).expect("a plan")
}

fn running() -> Input {
    let mut input = testing::input();
    testing::bring_up(&mut input);
    input
}

fn stop(input: &mut Input, nodes: &[Node]) {
    testing::apply(input, &[Action::Stop(nodes.to_vec())]);
}

/// A broker killed with `kill -9`: no clean shutdown file, znode still there.
fn kill(input: &mut Input, id: i32) {
    let registrations =
        input.observed.zookeeper.as_ref().map(|zookeeper| zookeeper.registrations.clone());
    stop(input, &[Node::Broker(id)]);
    if let (Some(zookeeper), Some(old)) = (&mut input.observed.zookeeper, registrations) {
        zookeeper.registrations = old;
    }
    let facts = testing::node(input, Node::Broker(id));
    facts.process = ProcessState::Died(5310);
    facts.stale_registration = true;
    facts.data.iter_mut().for_each(|dir| dir.clean = false);
}

/// What is planned, and that nothing is left to plan after it was applied.
fn settles(input: &mut Input) -> Vec<Action> {
    let actions = plan(input).actions;
    testing::apply(input, &actions);
    assert_eq!(plan(input).actions, [], "planning again after applying");
    assert_eq!(Launch::verify(input.clone()), Ok(Verification::Met));
    actions
}

#[test]
fn a_fresh_cluster_starts_zookeeper_first_then_all_brokers_together() {
    let mut input = testing::input();
    assert!(matches!(Launch::verify(input.clone()), Ok(Verification::NotYet(_))));
    let actions = settles(&mut input);
    let expected = [
        Action::Start(vec![Node::Zookeeper]),
        Action::AwaitReady(vec![Node::Zookeeper]),
        Action::Start(ALL[1..].to_vec()),
        Action::AwaitReady(ALL.to_vec()),
    ];
    assert_eq!(actions, expected);
}

#[test]
fn what_runs_and_serves_is_left_alone() {
    let input = running();
    let plan = plan(&input);
    assert_eq!((plan.actions, plan.findings), (vec![], vec![]));
    assert_eq!(Launch::verify(input), Ok(Verification::Met));
}

#[test]
fn only_the_broker_that_is_missing_is_started() {
    let mut input = running();
    stop(&mut input, &[Node::Broker(2)]);
    let actions = settles(&mut input);
    let expected = [Action::Start(vec![Node::Broker(2)]), Action::AwaitReady(ALL.to_vec())];
    assert_eq!(actions, expected);
}

#[test]
fn zookeeper_alone_is_started_again_under_running_brokers() {
    let mut input = running();
    stop(&mut input, &[Node::Zookeeper]);
    let actions = settles(&mut input);
    let expected = [
        Action::Start(vec![Node::Zookeeper]),
        Action::AwaitReady(vec![Node::Zookeeper]),
        Action::AwaitReady(ALL.to_vec()),
    ];
    assert_eq!(actions, expected);
}

#[test]
fn old_registrations_are_awaited_once_zookeeper_is_back() {
    let mut input = running();
    kill(&mut input, 2);
    stop(&mut input, &[Node::Zookeeper, Node::Broker(1), Node::Broker(3)]);
    testing::node(&mut input, Node::Broker(2)).stale_registration = false;
    let actions = settles(&mut input);
    let expected = [
        Action::Start(vec![Node::Zookeeper]),
        Action::AwaitReady(vec![Node::Zookeeper]),
        Action::AwaitExpiry(2),
        Action::Start(ALL[1..].to_vec()),
        Action::AwaitReady(ALL.to_vec()),
    ];
    assert_eq!(actions, expected);
}

#[test]
fn unclean_data_alone_make_the_registration_awaited() {
    let mut input = running();
    stop(&mut input, &ALL);
    testing::node(&mut input, Node::Broker(3)).data[0].clean = false;
    assert!(settles(&mut input).contains(&Action::AwaitExpiry(3)));
}

#[test]
fn a_serving_zookeeper_leaves_old_registrations_to_the_step_before() {
    let mut input = running();
    kill(&mut input, 2);
    input.planned = vec![Action::AwaitExpiry(2)];
    let actions = plan(&input).actions;
    assert_eq!(actions[0], Action::Start(vec![Node::Broker(2)]));
}

#[test]
fn a_node_that_died_is_started_and_told_of() {
    let mut input = running();
    kill(&mut input, 2);
    let findings = plan(&input).findings;
    assert_eq!(findings[0].code, "node-died");
    assert_eq!((findings[0].severity, findings[0].subject.as_str()), (Severity::Note, "broker 2"));
    assert_eq!(findings[0].next, ["@demo broker logs 2"]);
    testing::node(&mut input, Node::Zookeeper).process = ProcessState::Died(7);
    assert_eq!(plan(&input).findings[0].next, ["@demo cluster logs --errors"]);
}

#[test]
fn brokers_that_run_but_are_not_ready_are_waited_for() {
    let mut input = running();
    input.observed.ready_brokers.retain(|id| *id != 3);
    assert!(matches!(Launch::verify(input.clone()), Ok(Verification::NotYet(_))));
    assert_eq!(settles(&mut input), [Action::AwaitReady(ALL.to_vec())]);
}

#[test]
fn a_zookeeper_that_runs_but_does_not_serve_is_waited_for() {
    let mut input = running();
    input.observed.zookeeper = None;
    assert!(matches!(Launch::verify(input.clone()), Ok(Verification::NotYet(_))));
    let actions = settles(&mut input);
    assert_eq!(actions[0], Action::AwaitReady(vec![Node::Zookeeper]));
}

#[test]
fn planned_starts_and_stops_count() {
    let mut input = testing::input();
    input.planned = vec![Action::Start(vec![Node::Zookeeper])];
    let actions = plan(&input).actions;
    assert_eq!(actions[0], Action::AwaitReady(vec![Node::Zookeeper]));
    assert_eq!(actions[1], Action::Start(ALL[1..].to_vec()));

    let mut input = running();
    input.planned = vec![Action::Stop(vec![Node::Broker(1)])];
    assert_eq!(plan(&input).actions[0], Action::Start(vec![Node::Broker(1)]));
}

#[test]
fn a_paused_node_stops_the_plan() {
    let mut input = running();
    testing::node(&mut input, Node::Broker(2)).process = ProcessState::Paused(5310);
    let found = plan(&input);
    assert_eq!(found.actions, []);
    let [finding] = found.findings.as_slice() else { panic!("{:?}", found.findings) };
    assert_eq!((finding.severity, finding.code.as_str()), (Severity::Problem, "node-paused"));
    assert_eq!(finding.next, ["@demo broker resume 2"]);
    assert!(finding.safe_to_fix);
    assert!(matches!(Launch::verify(input.clone()), Ok(Verification::NotYet(_))));

    testing::node(&mut input, Node::Broker(2)).process = ProcessState::Running(5310);
    testing::node(&mut input, Node::Zookeeper).process = ProcessState::Paused(5301);
    let findings = plan(&input).findings;
    assert_eq!(findings[0].next, ["!kill -CONT 5301"]);
    assert!(!findings[0].safe_to_fix);
}

#[test]
fn a_node_with_newer_properties_is_told_of_and_not_restarted() {
    let mut input = running();
    testing::node(&mut input, Node::Broker(1)).restart_needed = true;
    input.planned = vec![Action::WriteProperties(WriteProperties {
        node: Node::Broker(3),
        properties: vec![Property::new("num.partitions", "3")],
    })];
    let plan = plan(&input);
    assert_eq!(plan.actions, []);
    let subjects: Vec<&str> = plan.findings.iter().map(|f| f.subject.as_str()).collect();
    assert_eq!(subjects, ["broker 1", "broker 3"]);
    for finding in &plan.findings {
        assert_eq!((finding.severity, finding.code.as_str()), (Severity::Note, "restart-needed"));
        assert_eq!(finding.next, ["cluster restart demo"]);
    }
}
