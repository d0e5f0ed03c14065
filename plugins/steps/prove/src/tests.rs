//! Plans of `prove` over snapshots.

use kafsh_sdk::step::{Action, Input, Node, Property, SecurityProtocol, Step, Verification};
use kafsh_sdk::testing;

use super::{PROBE_TOPIC, Prove};

fn plan(input: &Input) -> kafsh_sdk::step::StepPlan {
    Prove::plan(input.clone()).expect("a plan")
}

fn running(brokers: u16) -> Input {
    let mut input = testing::input_of(testing::brokers(brokers));
    testing::bring_up(&mut input);
    input
}

#[test]
fn probe_is_created_proven_and_deleted() {
    // Brokers, then partitions and replicas of the probe.
    for (brokers, width) in [(1, 1), (2, 2), (3, 3), (5, 3)] {
        let mut input = running(brokers);
        input.observed.proven = false;
        let actions = plan(&input).actions;
        let [Action::CreateTopic(create), Action::ProveTopic(prove), Action::DeleteTopic(delete)] =
            actions.as_slice()
        else {
            panic!("unexpected actions {actions:?}");
        };
        assert_eq!(create.topic, PROBE_TOPIC);
        assert_eq!((create.partitions, create.replication_factor), (i32::from(width), width));
        let all = Property::new("min.insync.replicas", width.to_string());
        assert_eq!(create.configs, [all]);
        assert_eq!((prove.topic.as_str(), prove.partitions), (PROBE_TOPIC, i32::from(width)));
        assert_eq!(delete, PROBE_TOPIC);
    }
}

#[test]
fn planning_again_after_applying_is_empty() {
    let mut input = running(3);
    input.observed.proven = false;
    assert!(matches!(Prove::verify(input.clone()), Ok(Verification::NotYet(_))));
    let actions = plan(&input).actions;
    testing::apply(&mut input, &actions);
    assert_eq!(plan(&input).actions, []);
    assert_eq!(Prove::verify(input), Ok(Verification::Met));
}

#[test]
fn a_planned_start_makes_an_old_proof_worthless() {
    let mut input = running(3);
    assert_eq!(plan(&input).actions, []);
    input.planned = vec![Action::Start(vec![])];
    assert_eq!(plan(&input).actions, []);
    input.planned = vec![Action::Start(vec![Node::Broker(2)])];
    assert_eq!(plan(&input).actions.len(), 3);
}

#[test]
fn nothing_is_proven_where_the_probe_would_stay() {
    let mut input = running(3);
    input.observed.proven = false;
    input.spec.brokers[1].properties.push(Property::new("delete.topic.enable", "false"));
    let plan = plan(&input);
    assert_eq!(plan.actions, []);
    assert_eq!(plan.findings[0].code, "proof-skipped");
    assert_eq!(Prove::verify(input), Ok(Verification::Met));
}

#[test]
fn nothing_is_proven_where_kafsh_cannot_log_in() {
    let mut input = running(3);
    input.observed.proven = false;
    input.spec.brokers[1].listeners[0].protocol = SecurityProtocol::Ssl;
    let plan = plan(&input);
    assert_eq!(plan.actions, []);
    assert_eq!(plan.findings[0].code, "proof-skipped");
    assert_eq!(plan.findings[0].evidence, ["broker 2 listens on PLAINTEXT alone"]);
    assert_eq!(Prove::verify(input), Ok(Verification::Met));
}

#[test]
fn no_broker_no_proof() {
    let input = testing::input_of(testing::brokers(0));
    assert_eq!(plan(&input).actions, []);
    assert_eq!(Prove::verify(input), Ok(Verification::Met));
}
