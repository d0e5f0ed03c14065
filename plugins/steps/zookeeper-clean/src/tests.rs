//! Plans of `zookeeper-clean` over snapshots.

use kafsh_sdk::step::{
    Action, Input, Node, ProcessState, Property, Registration, Severity, Step, StepPlan,
    Verification,
};
use kafsh_sdk::testing;

use super::ZookeeperClean;

fn plan(input: &Input) -> StepPlan {
    ZookeeperClean::plan(input.clone()).expect("a plan")
}

fn codes(input: &Input) -> Vec<(Severity, String, String)> {
    plan(input).findings.into_iter().map(|f| (f.severity, f.code, f.subject)).collect()
}

fn running() -> Input {
    let mut input = testing::input();
    testing::bring_up(&mut input);
    input
}

/// Broker 2 died; its znode is still there.
fn killed() -> Input {
    let mut input = running();
    let facts = testing::node(&mut input, Node::Broker(2));
    facts.process = ProcessState::Died(5310);
    facts.stale_registration = true;
    input.observed.ready_brokers.retain(|id| *id != 2);
    registration(&mut input, 2).answers = false;
    input
}

fn registration(input: &mut Input, id: i32) -> &mut Registration {
    let zookeeper = input.observed.zookeeper.as_mut().expect("ZooKeeper serves");
    zookeeper.registrations.iter_mut().find(|r| r.broker == id).expect("a registration")
}

#[test]
fn nothing_to_do_on_a_fresh_host_or_a_running_cluster() {
    for input in [testing::input(), running()] {
        assert_eq!((plan(&input).actions, codes(&input)), (vec![], vec![]));
        assert_eq!(ZookeeperClean::verify(input), Ok(Verification::Met));
    }
}

#[test]
fn a_stale_registration_is_waited_for() {
    let mut input = killed();
    assert_eq!(codes(&input), [(Severity::Note, "stale-registration".into(), "broker 2".into())]);
    assert_eq!(
        plan(&input).findings[0].evidence,
        ["PLAINTEXT://127.0.0.1:9092", "session 0x10000002"]
    );
    assert_eq!(
        ZookeeperClean::verify(input.clone()),
        Ok(Verification::NotYet("ZooKeeper still knows broker 2".into()))
    );
    let actions = plan(&input).actions;
    assert_eq!(actions, [Action::AwaitExpiry(2)]);
    testing::apply(&mut input, &actions);
    assert_eq!((plan(&input).actions, codes(&input)), (vec![], vec![]));
    assert_eq!(ZookeeperClean::verify(input), Ok(Verification::Met));
}

#[test]
fn either_sign_of_a_stale_registration_is_enough() {
    let mut input = killed();
    testing::node(&mut input, Node::Broker(2)).stale_registration = false;
    assert_eq!(plan(&input).actions, [Action::AwaitExpiry(2)]);

    let mut input = killed();
    input.observed.zookeeper.as_mut().expect("it serves").registrations.clear();
    assert_eq!(plan(&input).actions, [Action::AwaitExpiry(2)]);
}

#[test]
fn what_answers_is_not_stale() {
    let mut input = killed();
    registration(&mut input, 2).answers = true;
    assert_eq!(plan(&input).actions, []);
}

#[test]
fn a_paused_broker_keeps_its_registration() {
    let mut input = killed();
    testing::node(&mut input, Node::Broker(2)).process = ProcessState::Paused(5310);
    assert_eq!(plan(&input).actions, []);
}

#[test]
fn without_zookeeper_there_is_nobody_to_ask() {
    let mut input = killed();
    input.observed.zookeeper = None;
    assert_eq!(plan(&input).actions, []);
    assert_eq!(ZookeeperClean::verify(input), Ok(Verification::Met));
}

#[test]
fn what_is_planned_already_is_not_planned_again() {
    let mut input = killed();
    input.planned = vec![Action::AwaitExpiry(2)];
    assert_eq!(plan(&input).actions, []);
}

#[test]
fn live_brokers_that_nobody_wanted_are_told_of() {
    let mut input = running();
    let stranger = Registration {
        broker: 7,
        endpoints: vec!["PLAINTEXT://127.0.0.1:9097".into()],
        session: 7,
        answers: true,
    };
    let zookeeper = input.observed.zookeeper.as_mut().expect("it serves");
    zookeeper.registrations.push(stranger);
    assert_eq!(codes(&input), [(Severity::Warning, "foreign-broker".into(), "broker 7".into())]);
    assert_eq!(plan(&input).findings[0].next, ["@demo broker describe 7"]);
    registration(&mut input, 7).answers = false;
    assert_eq!(codes(&input), []);
}

#[test]
fn an_earlier_environment_is_named_and_left_where_it_is() {
    let mut input = testing::input();
    let dir = &mut testing::node(&mut input, Node::Zookeeper).data[0];
    (dir.exists, dir.empty) = (true, false);
    let found = plan(&input);
    assert_eq!(found.actions, []);
    assert_eq!(codes(&input), [(Severity::Problem, "zookeeper-stale".into(), "zookeeper".into())]);
    assert_eq!(found.findings[0].next, ["cluster archive demo; cluster up demo --brokers 3"]);
    assert!(!found.findings[0].safe_to_fix);

    let mut archived = input.clone();
    archived.planned = vec![Action::ArchiveData("asked for".into())];
    assert_eq!(codes(&archived), []);

    // Where the brokers' logs are there as well, it is a whole cluster.
    let mut whole = input.clone();
    let dir = &mut testing::node(&mut whole, Node::Broker(1)).data[0];
    (dir.exists, dir.empty) = (true, false);
    assert_eq!(codes(&whole), [(Severity::Note, "earlier-data".into(), "cluster".into())]);

    // What was laid out by us is ours.
    testing::node(&mut input, Node::Zookeeper).properties = vec![Property::new("tickTime", "1")];
    assert_eq!(codes(&input), []);
}
