//! What is rendered for each preset, whose word wins, and what is planned.

use kafsh_sdk::step::{
    Action, Input, Listener, Node, Preset, Property, SecurityProtocol, Step, Verification,
    WriteProperties,
};
use kafsh_sdk::testing;

use super::{BrokerLayout, render};

fn plan(input: &Input) -> Vec<Action> {
    BrokerLayout::plan(input.clone()).expect("a plan").actions
}

fn input_of(preset: Preset, brokers: u16) -> Input {
    let mut spec = testing::brokers(brokers);
    spec.preset = preset;
    testing::input_of(spec)
}

fn broker(input: &Input, index: usize) -> Vec<Property> {
    render::broker(&input.spec, &input.spec.brokers[index])
}

fn get<'a>(properties: &'a [Property], key: &str) -> Option<&'a str> {
    let mut found = properties.iter().filter(|property| property.key == key);
    let value = found.next().map(|property| property.value.as_str());
    assert!(found.next().is_none(), "{key} is there twice");
    value
}

fn text(properties: &[Property]) -> String {
    properties.iter().map(|p| format!("{}={}\n", p.key, p.value)).collect()
}

const ZOOKEEPER: &str = "\
clientPort=2181
clientPortAddress=127.0.0.1
tickTime=2000
maxClientCnxns=0
admin.enableServer=false
4lw.commands.whitelist=srvr, ruok, mntr, stat, cons, dump, conf, wchs
autopurge.snapRetainCount=3
autopurge.purgeInterval=1
";

const BROKER_2: &str = "\
broker.id=2
broker.id.generation.enable=false
listeners=PLAINTEXT://127.0.0.1:9092
advertised.listeners=PLAINTEXT://127.0.0.1:9092
zookeeper.connect=127.0.0.1:2181
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
";

const DEV: &str = "\
transaction.state.log.min.isr=2
default.replication.factor=3
min.insync.replicas=2
zookeeper.session.timeout.ms=6000
zookeeper.connection.timeout.ms=18000
auto.create.topics.enable=false
num.partitions=1
offsets.topic.num.partitions=3
transaction.state.log.num.partitions=3
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=2097152
log.index.size.max.bytes=1048576
num.network.threads=2
num.io.threads=4
background.threads=4
num.recovery.threads.per.data.dir=2
replica.fetch.backoff.ms=100
replica.fetch.wait.max.ms=100
controlled.shutdown.retry.backoff.ms=500
";

const CLASSIC: &str = "\
transaction.state.log.min.isr=3
log.flush.interval.messages=2
";

const STRICT: &str = "\
transaction.state.log.min.isr=2
default.replication.factor=3
min.insync.replicas=2
zookeeper.session.timeout.ms=18000
auto.create.topics.enable=false
unclean.leader.election.enable=false
";

#[test]
fn files_of_each_preset() {
    let presets = [(Preset::Dev, DEV), (Preset::Classic, CLASSIC), (Preset::Strict, STRICT)];
    for (preset, expected) in presets {
        let input = input_of(preset.clone(), 3);
        assert_eq!(text(&render::zookeeper(&input.spec)), ZOOKEEPER);
        assert_eq!(text(&broker(&input, 1)), format!("{BROKER_2}{expected}"), "{preset:?}");
    }
}

#[test]
fn replicas_are_capped_by_the_number_of_brokers() {
    // Brokers, replicas, min ISR, min ISR of transactions in `classic`.
    for (brokers, replicas, isr, classic) in
        [(1, "1", "1", "1"), (2, "2", "1", "2"), (3, "3", "2", "3"), (5, "3", "2", "3")]
    {
        for preset in [Preset::Dev, Preset::Classic, Preset::Strict] {
            let file = broker(&input_of(preset.clone(), brokers), 0);
            assert_eq!(get(&file, "offsets.topic.replication.factor"), Some(replicas));
            assert_eq!(get(&file, "transaction.state.log.replication.factor"), Some(replicas));
            let transactions = get(&file, "transaction.state.log.min.isr");
            if preset == Preset::Classic {
                assert_eq!(transactions, Some(classic));
                assert_eq!(get(&file, "default.replication.factor"), None);
            } else {
                assert_eq!(transactions, Some(isr));
                assert_eq!(get(&file, "default.replication.factor"), Some(replicas));
                assert_eq!(get(&file, "min.insync.replicas"), Some(isr));
            }
        }
    }
}

#[test]
fn the_users_word_wins_and_stays_as_it_is() {
    let mut input = input_of(Preset::Dev, 3);
    let all = [("num.partitions", "5"), ("log.retention.ms", " 7 d\\é "), ("num.io.threads", "8")];
    input.spec.properties = all.map(|(key, value)| Property::new(key, value)).to_vec();
    input.spec.brokers[1].properties = vec![Property::new("num.partitions", "7")];
    input.spec.zookeeper.properties = vec![Property::new("tickTime", "1000")];
    let (first, second) = (broker(&input, 0), broker(&input, 1));
    assert_eq!(get(&first, "num.partitions"), Some("5"));
    assert_eq!(get(&second, "num.partitions"), Some("7"));
    assert_eq!(get(&second, "num.io.threads"), Some("8"));
    assert_eq!(get(&second, "log.retention.ms"), Some(" 7 d\\é "));
    assert_eq!(get(&render::zookeeper(&input.spec), "tickTime"), Some("1000"));
}

#[test]
fn keys_of_the_host_are_never_written() {
    let mut input = input_of(Preset::Dev, 1);
    input.spec.properties = vec![Property::new("log.dirs", "/x"), Property::new("log.dir", "/x")];
    input.spec.zookeeper.properties = vec![Property::new("dataDir", "/x")];
    assert_eq!(get(&broker(&input, 0), "log.dirs"), None);
    assert_eq!(get(&broker(&input, 0), "log.dir"), None);
    assert_eq!(get(&render::zookeeper(&input.spec), "dataDir"), None);
}

#[test]
fn listeners_racks_and_chroots() {
    let mut input = input_of(Preset::Dev, 1);
    input.spec.zookeeper.connect = "127.0.0.1:2181/kafka".to_owned();
    let broker_spec = &mut input.spec.brokers[0];
    broker_spec.rack = Some("a".to_owned());
    broker_spec.listeners = vec![
        Listener { inter_broker: false, ..broker_spec.listeners[0].clone() },
        Listener {
            name: "INTERNAL".to_owned(),
            protocol: SecurityProtocol::SaslSsl,
            bind: "::1".to_owned(),
            port: 9191,
            advertised_host: "kafka.test".to_owned(),
            advertised_port: 19191,
            inter_broker: true,
        },
    ];
    let file = broker(&input, 0);
    let expected = [
        ("broker.rack", "a"),
        ("listeners", "PLAINTEXT://127.0.0.1:9091,INTERNAL://[::1]:9191"),
        ("advertised.listeners", "PLAINTEXT://127.0.0.1:9091,INTERNAL://kafka.test:19191"),
        ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,INTERNAL:SASL_SSL"),
        ("inter.broker.listener.name", "INTERNAL"),
        ("zookeeper.connect", "127.0.0.1:2181/kafka"),
    ];
    for (key, value) in expected {
        assert_eq!(get(&file, key), Some(value), "{key}");
    }

    // Without a mark the first is the one; it needs no word where it is Kafka's own default.
    input.spec.brokers[0].listeners[1].inter_broker = false;
    assert_eq!(get(&broker(&input, 0), "inter.broker.listener.name"), None);
    input.spec.brokers[0].listeners.remove(0);
    assert_eq!(get(&broker(&input, 0), "inter.broker.listener.name"), Some("INTERNAL"));
}

#[test]
fn protocols_are_named_as_kafka_names_them() {
    let protocols = [
        (SecurityProtocol::Plaintext, "X:PLAINTEXT"),
        (SecurityProtocol::Ssl, "X:SSL"),
        (SecurityProtocol::SaslPlaintext, "X:SASL_PLAINTEXT"),
        (SecurityProtocol::SaslSsl, "X:SASL_SSL"),
    ];
    for (protocol, expected) in protocols {
        let mut input = input_of(Preset::Dev, 1);
        let listener = &mut input.spec.brokers[0].listeners[0];
        (listener.name, listener.protocol) = ("X".to_owned(), protocol);
        assert_eq!(get(&broker(&input, 0), "listener.security.protocol.map"), Some(expected));
    }
}

#[test]
fn a_fresh_host_gets_folders_first_then_files() {
    let mut input = testing::input();
    assert!(matches!(BrokerLayout::verify(input.clone()), Ok(Verification::NotYet(_))));
    let actions = plan(&input);
    let nodes = [Node::Zookeeper, Node::Broker(1), Node::Broker(2), Node::Broker(3)];
    assert_eq!(actions[..4], nodes.clone().map(Action::CreateDirectories));
    let written: Vec<Node> = actions[4..]
        .iter()
        .map(|action| match action {
            Action::WriteProperties(write) => write.node.clone(),
            other => panic!("unexpected {other:?}"),
        })
        .collect();
    assert_eq!(written, nodes);

    testing::apply(&mut input, &actions);
    assert_eq!(plan(&input), []);
    assert_eq!(BrokerLayout::verify(input), Ok(Verification::Met));
}

fn laid_out() -> Input {
    let mut input = testing::input();
    let actions = plan(&input);
    testing::apply(&mut input, &actions);
    input
}

#[test]
fn only_what_differs_is_written() {
    let mut input = laid_out();
    testing::node(&mut input, Node::Broker(1)).properties.reverse();
    assert_eq!(plan(&input), [], "order does not matter");

    testing::node(&mut input, Node::Broker(1)).properties[0].value.push('x');
    testing::node(&mut input, Node::Broker(2)).properties.pop();
    testing::node(&mut input, Node::Broker(3)).properties.push(Property::new("stray", "1"));
    testing::node(&mut input, Node::Zookeeper).data[0].exists = false;
    let actions = plan(&input);
    assert_eq!(actions[0], Action::CreateDirectories(Node::Zookeeper));
    assert_eq!(actions.len(), 4);
    testing::apply(&mut input, &actions);
    assert_eq!(plan(&input), []);
}

#[test]
fn what_earlier_steps_have_planned_counts() {
    let mut input = laid_out();
    input.planned = vec![Action::ArchiveData("asked for".to_owned())];
    assert_eq!(plan(&input).len(), 4, "every folder has to be made again");
    input.planned.push(Action::CreateDirectories(Node::Broker(2)));
    assert_eq!(plan(&input).len(), 3);

    let properties = vec![Property::new("broker.id", "2")];
    let write = WriteProperties { node: Node::Broker(2), properties };
    input.planned = vec![Action::WriteProperties(write)];
    assert!(matches!(&plan(&input)[..], [Action::WriteProperties(w)] if w.node == Node::Broker(2)));
    assert_eq!(BrokerLayout::verify(input), Ok(Verification::Met), "what is planned is not there");
}

#[test]
fn a_preset_of_a_later_version_is_refused() {
    let error = BrokerLayout::plan(input_of(Preset::Other("tiny".into()), 1)).unwrap_err();
    assert_eq!(error.code(), "preset-unknown");
    assert!(error.message().contains("`tiny`"), "{error:?}");
}

#[test]
fn an_adopted_cluster_has_the_values_of_its_files_alone() {
    let mut input = input_of(Preset::Other("adopted".to_owned()), 3);
    input.spec.brokers[1].properties = vec![Property::new("acme.odd", " as it stands ")];
    input.spec.zookeeper.properties = vec![Property::new("maxClientCnxns", "0")];
    let expected = "broker.id=2\nlisteners=PLAINTEXT://127.0.0.1:9092\n\
                    advertised.listeners=PLAINTEXT://127.0.0.1:9092\n\
                    zookeeper.connect=127.0.0.1:2181\nacme.odd= as it stands \n";
    assert_eq!(text(&broker(&input, 1)), expected);
    let zookeeper = "clientPort=2181\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\n";
    assert_eq!(text(&render::zookeeper(&input.spec)), zookeeper);
    assert!(BrokerLayout::plan(input).is_ok());
}
