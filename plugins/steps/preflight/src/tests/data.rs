//! Data folders, cluster ids and registrations.

use kafsh_sdk::step::{Action, DataDir, Input, Node, Property, Registration, Severity};
use kafsh_sdk::testing::{self, CLUSTER_ID};

use super::{findings, only, running, stopped, told};

const RESTORE: &str = "cluster restore demo";
const ARCHIVE: &str = "cluster archive demo; cluster up demo --brokers 3 --base-port 9091";

fn dir(input: &mut Input, node: Node) -> &mut DataDir {
    &mut testing::node(input, node).data[0]
}

fn laid_out(input: &mut Input) {
    for facts in &mut input.observed.nodes {
        facts.properties = vec![Property::new("some", "thing")];
    }
}

#[test]
fn what_a_folder_may_have_against_its_server() {
    type Case = (Node, fn(&mut DataDir), &'static str);
    let cases: [Case; 7] = [
        (Node::Broker(2), |d| d.writable = false, "problem not-writable broker 2"),
        (Node::Zookeeper, |d| d.writable = false, "problem not-writable zookeeper"),
        (
            Node::Broker(1),
            |d| d.foreign_lock = Some("pid 7 java".to_owned()),
            "problem log-dir-locked broker 1",
        ),
        (Node::Broker(3), |d| d.meta_version = Some(1), "problem kraft-data broker 3"),
        (Node::Broker(2), |d| d.broker_id = Some(3), "problem broker-id-mismatch broker 2"),
        (
            Node::Zookeeper,
            |d| d.logs_without_snapshot = true,
            "problem zookeeper-no-snapshot zookeeper",
        ),
        (Node::Broker(2), |d| d.clean = false, "note log-recovery cluster"),
    ];
    for (node, change, expected) in cases {
        let mut input = stopped();
        change(dir(&mut input, node));
        assert_eq!(told(&input), [expected]);
    }
}

#[test]
fn evidence_names_folders_and_holders() {
    let mut input = stopped();
    dir(&mut input, Node::Broker(1)).foreign_lock = Some("pid 7 java".to_owned());
    let found = only(&input);
    assert_eq!(found.evidence, ["/kafsh/clusters/demo/broker-1/data", "held by pid 7 java"]);
    assert!(found.cause.is_some_and(|cause| cause.starts_with("another broker")));

    let mut input = stopped();
    dir(&mut input, Node::Zookeeper).foreign_lock = Some("pid 7 java".to_owned());
    let found = only(&input);
    assert_eq!((found.code.as_str(), found.subject.as_str()), ("log-dir-locked", "zookeeper"));
    assert!(found.cause.is_some_and(|cause| cause.contains("neither locks it")));

    let mut input = stopped();
    dir(&mut input, Node::Broker(2)).broker_id = Some(3);
    let found = only(&input);
    assert_eq!(found.message, "a log dir of broker 2 belongs to broker 3");
    assert_eq!(found.next, [RESTORE, ARCHIVE]);
    assert!(!found.safe_to_fix);

    let mut input = stopped();
    let folder = dir(&mut input, Node::Broker(2));
    (folder.path, folder.writable) = ("/data/it's".to_owned(), false);
    assert_eq!(only(&input).next, ["!ls -ld '/data/it'\\''s'"]);

    let mut input = stopped();
    dir(&mut input, Node::Broker(1)).clean = false;
    dir(&mut input, Node::Broker(2)).clean = false;
    assert_eq!(only(&input).message, "2 log dirs will be recovered at the start");
}

#[test]
fn folders_that_are_shared() {
    for path in ["/kafsh/clusters/demo/broker-1/data/", "/kafsh/clusters/demo/broker-1/data/in"] {
        let mut input = testing::input();
        dir(&mut input, Node::Broker(2)).path = path.to_owned();
        let found = only(&input);
        assert_eq!((found.code.as_str(), found.subject.as_str()), ("log-dir-shared", "broker 2"));
        assert_eq!(found.message, "broker 1 and broker 2 would share a folder");
    }
    let mut input = testing::input();
    dir(&mut input, Node::Broker(2)).path = "/kafsh/clusters/demo/broker-1/data2".to_owned();
    assert_eq!(told(&input), [""; 0], "a common beginning is no folder");

    let facts = testing::node(&mut input, Node::Broker(3));
    facts.data.push(facts.data[0].clone());
    assert_eq!(only(&input).message, "broker 3 would use one folder twice");
}

#[test]
fn cluster_ids_that_differ_from_zookeepers() {
    let mut input = stopped();
    testing::apply(&mut input, &[Action::Start(vec![Node::Zookeeper])]);
    testing::apply(&mut input, &[Action::AwaitReady(vec![Node::Zookeeper])]);
    input.observed.zookeeper.as_mut().expect("it serves").cluster_id = Some("new".to_owned());
    let found = only(&input);
    assert_eq!((found.code.as_str(), found.subject.as_str()), ("cluster-id-mismatch", "broker 1"));
    let message = format!("broker 1 belongs to cluster {CLUSTER_ID}, ZooKeeper holds new");
    assert_eq!(found.message, message);
    assert_eq!(found.evidence.len(), 4);
    assert_eq!(found.evidence[3], "zookeeper  /cluster/id  new");
    // Nothing is moved under a server that runs.
    assert_eq!(found.next, [RESTORE.to_owned(), format!("cluster stop demo; {ARCHIVE}")]);
}

#[test]
fn cluster_ids_that_differ_among_brokers() {
    let mut input = stopped();
    dir(&mut input, Node::Broker(3)).cluster_id = Some("other".to_owned());
    let found = only(&input);
    assert_eq!((found.code.as_str(), found.subject.as_str()), ("cluster-id-mismatch", "cluster"));
    assert_eq!(
        found.message,
        format!("the log dirs belong to different clusters, {CLUSTER_ID} and other")
    );

    // Beside brokers that run, the stopped one is the stray, whichever comes first.
    let mut input = running();
    testing::apply(&mut input, &[Action::Stop(vec![Node::Broker(1)])]);
    input.observed.zookeeper = None;
    dir(&mut input, Node::Broker(1)).cluster_id = Some("other".to_owned());
    assert!(only(&input).message.ends_with(&format!("{CLUSTER_ID} and other")));
}

#[test]
fn zookeeper_wiped_under_data() {
    let mut input = stopped();
    dir(&mut input, Node::Zookeeper).empty = true;
    let found = only(&input);
    assert_eq!((found.severity, found.code.as_str()), (Severity::Problem, "zookeeper-wiped"));
    assert_eq!(found.evidence[0], "zookeeper  /kafsh/clusters/demo/zookeeper/data  empty");
    assert_eq!(found.next, [RESTORE, ARCHIVE]);

    dir(&mut input, Node::Zookeeper).exists = false;
    assert_eq!(told(&input), ["problem zookeeper-wiped zookeeper"]);

    // It was started before anybody looked.
    let start = [Action::Start(vec![Node::Zookeeper]), Action::AwaitReady(vec![Node::Zookeeper])];
    testing::apply(&mut input, &start);
    assert_eq!(told(&input), ["problem zookeeper-wiped zookeeper"]);

    // A broker that runs with the id of before does not write it again.
    testing::apply(&mut input, &[Action::Start(vec![Node::Broker(1)])]);
    assert_eq!(told(&input), ["problem zookeeper-wiped zookeeper"]);

    // One that never ran is about to write the first one.
    for id in 1..=3 {
        dir(&mut input, Node::Broker(id)).cluster_id = None;
    }
    assert_eq!(told(&input), [""; 0]);
}

#[test]
fn zookeeper_wiped_under_brokers_that_run() {
    let mut input = running();
    testing::apply(&mut input, &[Action::Stop(vec![Node::Zookeeper])]);
    input.observed.zookeeper = None;
    dir(&mut input, Node::Zookeeper).empty = true;
    let found = only(&input);
    assert_eq!((found.severity, found.code.as_str()), (Severity::Problem, "zookeeper-wiped"));
    assert_eq!(found.evidence.len(), 4, "its folder and that of each broker");
    let stop = "cluster stop demo --force";
    assert_eq!(found.next, [RESTORE.to_owned(), format!("{stop}; {ARCHIVE}")]);
}

#[test]
fn data_that_is_gone() {
    let mut input = stopped();
    laid_out(&mut input);
    let empty = |input: &mut Input, id| dir(input, Node::Broker(id)).empty = true;
    empty(&mut input, 1);
    empty(&mut input, 2);
    assert_eq!(told(&input), [""; 0], "a broker may be new while another has data");
    empty(&mut input, 3);
    let found = only(&input);
    assert_eq!((found.severity, found.code.as_str()), (Severity::Warning, "broker-data-missing"));
    assert_eq!(found.message, "no data in the log dirs of broker 1, broker 2, broker 3");
    assert_eq!(found.evidence, ["ZooKeeper has data of an earlier run"]);

    // Brokers that were never laid out are new.
    for facts in &mut input.observed.nodes {
        facts.properties.clear();
    }
    assert_eq!(told(&input), [""; 0]);
}

#[test]
fn data_of_one_broker_that_is_gone_while_zookeeper_knows_topics() {
    let mut input = running();
    laid_out(&mut input);
    testing::apply(&mut input, &[Action::Stop(vec![Node::Broker(2)])]);
    dir(&mut input, Node::Broker(2)).empty = true;
    assert_eq!(told(&input), [""; 0], "without topics there was nothing");
    input.observed.zookeeper.as_mut().expect("it serves").topics = 12;
    let found = only(&input);
    assert_eq!((found.code.as_str(), found.subject.as_str()), ("broker-data-missing", "broker 2"));
    assert_eq!(found.evidence, ["ZooKeeper knows 12 topics"]);
}

#[test]
fn what_will_be_archived_is_not_in_the_way() {
    let mut input = stopped();
    dir(&mut input, Node::Zookeeper).empty = true;
    dir(&mut input, Node::Broker(2)).meta_version = Some(1);
    dir(&mut input, Node::Broker(3)).clean = false;
    assert_eq!(findings(&input).len(), 3);
    input.planned = vec![Action::ArchiveData("asked for".to_owned())];
    assert_eq!(told(&input), [""; 0]);
}

/// Broker 2 is not running; somebody is registered as `id` with `endpoint`.
fn registered(id: i32, endpoint: &str, answers: bool) -> Input {
    let mut input = running();
    testing::apply(&mut input, &[Action::Stop(vec![Node::Broker(2)])]);
    let zookeeper = input.observed.zookeeper.as_mut().expect("it serves");
    let endpoints = vec![endpoint.to_owned()];
    zookeeper.registrations.push(Registration { broker: id, endpoints, session: 0xa1, answers });
    input
}

#[test]
fn another_broker_under_the_same_id() {
    let found = only(&registered(2, "PLAINTEXT://127.0.0.1:9992", true));
    assert_eq!((found.severity, found.code.as_str()), (Severity::Problem, "broker-id-taken"));
    assert_eq!(found.evidence, ["PLAINTEXT://127.0.0.1:9992", "session 0xa1"]);
    assert_eq!(found.next, ["@demo broker describe 2"]);
    assert!(!found.safe_to_fix);
    let stale = registered(2, "PLAINTEXT://127.0.0.1:9092", false);
    assert_eq!(told(&stale), [""; 0], "what is stale is waited for");
}

#[test]
fn our_endpoint_under_another_id() {
    let found = only(&registered(7, "PLAINTEXT://127.0.0.1:9092", true));
    let code = (found.code.as_str(), found.subject.as_str());
    assert_eq!(code, ("endpoint-registered", "broker 2"));
    assert_eq!(found.message, "127.0.0.1:9092 of broker 2 is registered by broker 7");
    assert_eq!(found.next, ["@demo broker describe 7"]);

    let found = only(&registered(7, "PLAINTEXT://127.0.0.1:9092", false));
    assert_eq!(found.next[0], "wait 40s @demo broker list | jq 'all(.[]; .id != 7)'");
    assert_eq!(found.next[1], "cluster up demo --brokers 3 --base-port 9091");

    assert_eq!(told(&registered(7, "PLAINTEXT://127.0.0.1:9097", true)), [""; 0]);

    let mut input = registered(7, "PLAINTEXT://[::1]:9092", true);
    input.spec.brokers[1].listeners[0].advertised_host = "::1".to_owned();
    assert_eq!(only(&input).code, "endpoint-registered");
}
