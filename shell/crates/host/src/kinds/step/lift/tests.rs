//! What of an answer is taken and what is refused.

use super::*;

fn spec() -> ClusterSpec {
    let broker = serde_json::json!({ "id": 1, "listeners": [] });
    serde_json::from_value(serde_json::json!({
        "schema": 1, "name": "demo", "kafka": "3.9.2",
        "zookeeper": { "bind": "127.0.0.1", "port": 2181 },
        "brokers": [broker],
    }))
    .unwrap()
}

fn lifted(action: types::Action) -> Result<Action> {
    lift_action(&spec(), action)
}

fn property(key: &str, value: &str) -> types::Property {
    types::Property { key: key.into(), value: value.into() }
}

fn finding() -> types::Finding {
    types::Finding {
        severity: types::Severity::Problem,
        code: "port-taken".into(),
        subject: "broker 1".into(),
        message: "port 9091 is taken".into(),
        evidence: vec!["pid 1".into()],
        cause: None,
        next: vec!["cluster up".into()],
        safe_to_fix: false,
    }
}

#[test]
fn nodes_must_be_of_the_spec_and_once() {
    let start = |nodes: &[types::Node]| lifted(types::Action::Start(nodes.to_vec()));
    let (zookeeper, one) = (|| types::Node::Zookeeper, || types::Node::Broker(1));
    assert!(start(&[zookeeper(), one()]).is_ok());
    assert!(start(&[one(), one()]).unwrap_err().contains("twice"));
    assert!(start(&[types::Node::Broker(2)]).unwrap_err().contains("no broker 2"));
    assert!(start(&[one(), one(), one()]).unwrap_err().contains("3 nodes"));
    assert!(start(&[types::Node::Other("observer".into())]).unwrap_err().contains("another kind"));
    assert!(lifted(types::Action::AwaitExpiry(-1)).is_err());
}

#[test]
fn properties_must_fit_on_lines_of_a_file() {
    let write = |properties: Vec<types::Property>| {
        let node = types::Node::Broker(1);
        lifted(types::Action::WriteProperties(types::WriteProperties { node, properties }))
    };
    assert!(write(vec![property("log.dirs", "/a b=c\td é")]).is_ok());
    for (key, value) in [
        ("", "x"),
        ("a=b", "x"),
        ("a b", "x"),
        ("#a", "x"),
        ("a\nb", "x"),
        ("a", "x\ny"),
        ("a", "\0"),
        ("a", "\u{202e}"),
    ] {
        assert!(write(vec![property(key, value)]).is_err(), "{key:?}={value:?}");
    }
    assert!(write(vec![property("a", "1"), property("a", "2")]).unwrap_err().contains("twice"));
    let many = (0..=PROPERTIES_MAX).map(|i| property(&format!("k{i}"), "")).collect();
    assert!(write(many).unwrap_err().contains("2001 properties"));
    assert!(write(vec![property("a", &"x".repeat(STRING_BYTES_MAX + 1))]).is_err());
}

#[test]
fn topics_have_names_and_sizes_that_can_be() {
    let create = |topic: &str, partitions, replication_factor| {
        let (topic, configs) = (topic.into(), vec![]);
        let create = types::CreateTopic { topic, partitions, replication_factor, configs };
        lifted(types::Action::CreateTopic(create))
    };
    assert!(create("test", 10, 3).is_ok());
    assert!(create("../x", 10, 3).is_err());
    for (partitions, factor) in [(0, 1), (-1, 1), (PARTITIONS_MAX + 1, 1), (1, 0), (1, -1)] {
        assert!(create("test", partitions, factor).is_err(), "{partitions} {factor}");
    }
}

#[test]
fn findings_are_safe_to_print_and_bounded() {
    assert_eq!(lift_finding(finding()).unwrap().code, "port-taken");
    let hostile = types::Finding { message: "a\x1b[2Jb".into(), ..finding() };
    assert_eq!(lift_finding(hostile).unwrap().message, "a\\u{1b}[2Jb");
    for bad in [
        types::Finding { code: "Port Taken".into(), ..finding() },
        types::Finding { code: String::new(), ..finding() },
        types::Finding { evidence: vec![String::new(); EVIDENCE_LINES_MAX + 1], ..finding() },
        types::Finding { next: vec![String::new(); NEXT_COMMANDS_MAX + 1], ..finding() },
        types::Finding { cause: Some("x".repeat(STRING_BYTES_MAX + 1)), ..finding() },
    ] {
        assert!(lift_finding(bad).is_err());
    }
}

#[test]
fn actions_come_back_as_they_went() {
    let actions = [
        Action::CreateDirectories { node: Node::ZooKeeper },
        Action::WriteProperties {
            node: Node::Broker(1),
            properties: vec![("log.retention.ms".into(), "1000".into())],
        },
        Action::ArchiveData { reason: "why".into() },
        Action::AwaitExpiry { broker: 1 },
        Action::Start { nodes: vec![Node::ZooKeeper, Node::Broker(1)] },
        Action::Stop { nodes: vec![Node::Broker(1)] },
        Action::AwaitReady { nodes: vec![] },
        Action::CreateTopic {
            topic: "test".into(),
            partitions: 10,
            replication_factor: 3,
            configs: vec![("retention.ms".into(), "1".into())],
        },
        Action::ProveTopic { topic: "test".into(), partitions: 3 },
        Action::DeleteTopic { topic: "test".into() },
    ];
    for action in actions {
        assert_eq!(lifted(super::super::lower::lower_action(&action)), Ok(action));
    }
}
