//! Specs: from flags, from files, checked, written, compared.

use std::collections::BTreeMap;

use kafsh_cluster::spec::{
    self, BasePort, Brokers, ConfigSetting, Consequence, PortRegistry, SpecRequest,
};
use kafsh_model::plan::Severity;
use kafsh_model::spec::{
    BrokerSpec, ClusterSpec, ListenerSpec, Preset, SecurityProtocol, ZooKeeperSpec,
};
use kafsh_model::{ClusterName, Result};
use proptest::prelude::*;

fn request(name: &str) -> SpecRequest {
    let mut request = SpecRequest::new(ClusterName::new(name).unwrap());
    request.kafka = Some("3.9.2".into());
    request
}

fn build(request: &SpecRequest) -> ClusterSpec {
    spec::build(request, &PortRegistry::default()).unwrap()
}

fn ports(spec: &ClusterSpec) -> (Vec<u16>, Vec<u16>, u16) {
    let brokers = spec.brokers.iter().flat_map(|b| &b.listeners).map(|l| l.port).collect();
    let controllers = spec.brokers.iter().filter_map(|b| b.controller_port).collect();
    (brokers, controllers, spec.zookeeper.port)
}

#[test]
fn defaults_are_the_seeds() {
    let spec = build(&request("demo"));
    assert_eq!(ports(&spec), (vec![9091, 9092, 9093], vec![9094, 9095, 9096], 2181));
    assert_eq!(spec.brokers.iter().map(|b| b.id).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(spec.bootstrap()[0], "127.0.0.1:9091");
    assert!(spec::check(&spec).is_empty());
}

#[test]
fn clusters_do_not_meet() {
    let mut registry = PortRegistry::default();
    let first = spec::build(&request("a"), &registry).unwrap();
    registry.add(&first);
    let second = spec::build(&request("b"), &registry).unwrap();
    assert_eq!(ports(&second), (vec![9191, 9192, 9193], vec![9194, 9195, 9196], 9197));
    let mut third = request("c");
    third.base_port = BasePort::At(9093);
    let error = spec::build(&third, &registry).unwrap_err();
    assert_eq!(error.code, "bad-spec");
    assert!(error.evidence.iter().any(|line| line.contains("kept for cluster `a`")), "{error:?}");
    assert_eq!(error.next, ["cluster up c --base-port 9191"]);
}

#[test]
fn auto_asks_the_host() {
    let registry = PortRegistry::new(|port| port != 9092 && port != 2181);
    let mut auto = request("demo");
    auto.base_port = BasePort::Auto;
    let spec = spec::build(&auto, &registry).unwrap();
    assert_eq!(ports(&spec), (vec![9191, 9192, 9193], vec![9194, 9195, 9196], 9197));
    let none = PortRegistry::new(|_| false);
    assert_eq!(spec::build(&auto, &none).unwrap_err().code, "no-free-ports");
}

#[test]
fn an_existing_cluster_keeps_what_is_not_named() {
    let mut first = request("demo");
    first.base_port = BasePort::At(9291);
    first.preset = Some(Preset::Strict);
    let old = build(&first);
    let mut again = request("demo");
    again.existing = Some(old.clone());
    assert_eq!(build(&again), old);
    again.base_port = BasePort::Auto;
    assert_eq!(build(&again), old, "`auto` does not wander");
    again.brokers = Some(Brokers::Count(5));
    let grown = build(&again);
    assert_eq!(
        grown.brokers[..3].iter().map(|b| &b.listeners).collect::<Vec<_>>(),
        old.brokers.iter().map(|b| &b.listeners).collect::<Vec<_>>()
    );
    let (mut brokers, controllers, zookeeper) = ports(&grown);
    assert_eq!(brokers, [9291, 9292, 9293, 9294, 9295]);
    brokers.extend(controllers);
    brokers.push(zookeeper);
    brokers.sort_unstable();
    brokers.dedup();
    assert_eq!(brokers.len(), 11, "no port twice");
    let lines: Vec<String> = spec::diff(&old, &grown).iter().map(ToString::to_string).collect();
    assert!(lines.iter().any(|line| line.starts_with("broker 4: new")), "{lines:?}");
}

#[test]
fn flags_lie_over() {
    let mut flags = request("demo");
    flags.advertise = Some("kafka.local".into());
    flags.racks = vec!["a".into(), "b".into()];
    flags.config = vec![
        spec::parse_config("num.partitions=6").unwrap(),
        spec::parse_config("2:num.io.threads=4").unwrap(),
    ];
    let spec = build(&flags);
    assert_eq!(spec.brokers[2].rack.as_deref(), Some("a"));
    assert_eq!(spec.brokers[1].listeners[0].bind, "0.0.0.0");
    assert_eq!(spec.bootstrap()[1], "kafka.local:9092");
    assert_eq!(spec.properties["num.partitions"], "6");
    assert_eq!(spec.brokers[1].properties["num.io.threads"], "4");
    flags.config =
        vec![ConfigSetting { broker: Some(9), key: "num.partitions".into(), value: "1".into() }];
    assert_eq!(spec::build(&flags, &PortRegistry::default()).unwrap_err().code, "bad-config");
}

#[test]
fn settings_are_read_and_checked() {
    let cases: [(&str, Option<&str>); 8] = [
        ("a=b", Some("unknown-config")),
        ("num.partitions", Some("bad-config")),
        ("=3", Some("bad-config")),
        ("x:num.partitions=3", Some("bad-config")),
        ("num.partitions=0", Some("bad-config-value")),
        ("num.partitions=3", None),
        ("1:listener.name.plaintext.ssl.keystore.location=/a=b:c", None),
        ("advertised.listeners=A://h:1", None),
    ];
    for (text, code) in cases {
        let outcome = spec::parse_config(text);
        assert_eq!(outcome.as_ref().err().map(|error| error.code.as_ref()), code, "{text}");
    }
    let setting = spec::parse_config("1:listener.name.plaintext.ssl.keystore.location=/a=b:c");
    assert_eq!(setting.unwrap().value, "/a=b:c");
    let error = spec::parse_config("num.partition=3").unwrap_err();
    assert!(error.cause.unwrap().contains("num.partitions"));
}

type Break = fn(&mut ClusterSpec);

/// Every contradiction has its code.
#[test]
fn contradictions_are_found() {
    let cases: [(&str, Break); 35] = [
        ("unknown-schema", |s| s.schema = 2),
        ("bad-broker-count", |s| s.brokers.clear()),
        ("bad-kafka-version", |s| s.kafka = "latest".into()),
        ("no-zookeeper-mode", |s| s.kafka = "4.1.0".into()),
        ("bad-data-dir", |s| s.data_dir = Some("/proc/x".into())),
        ("bad-data-dir", |s| s.data_dir = Some("/dev/null".into())),
        ("no-steps", |s| s.steps.clear()),
        ("duplicate-step", |s| s.steps.push("launch".into())),
        ("bad-data-dir", |s| s.data_dir = Some("relative".into())),
        ("bad-data-dir", |s| s.data_dir = Some("/a/../..".into())),
        ("bad-data-dir", |s| s.data_dir = Some("/".into())),
        ("bad-chroot", |s| s.zookeeper.chroot = Some("kafka".into())),
        ("bad-chroot", |s| s.zookeeper.chroot = Some("/a//b".into())),
        ("bad-chroot", |s| s.zookeeper.chroot = Some("/zookeeper".into())),
        ("bad-heap", |s| s.zookeeper.heap_mib = Some(1)),
        ("bad-address", |s| s.zookeeper.bind = "a b".into()),
        ("bad-broker-id", |s| s.brokers[0].id = -1),
        ("duplicate-broker-id", |s| s.brokers[0].id = 2),
        ("bad-rack", |s| s.brokers[0].rack = Some(" ".into())),
        ("no-listener", |s| s.brokers[0].listeners.clear()),
        ("bad-listener-name", |s| s.brokers[0].listeners[0].name = "A B".into()),
        ("duplicate-listener", |s| add_listener(s, "plaintext", 9500)),
        ("two-inter-broker", |s| {
            add_listener(s, "INTERNAL", 9500);
            s.brokers[0].listeners[1].inter_broker = true;
        }),
        ("inter-broker-differs", |s| s.brokers[0].listeners[0].name = "OTHER".into()),
        ("bad-advertised-host", |s| s.brokers[0].listeners[0].advertised_host = "0.0.0.0".into()),
        ("bad-port", |s| s.brokers[0].listeners[0].advertised_port = 0),
        ("duplicate-port", |s| s.brokers[0].listeners[0].port = 9092),
        ("duplicate-port", |s| s.zookeeper.port = 9094),
        ("shared-log-dir", |s| s.brokers.iter_mut().for_each(|b| b.log_dirs = vec!["/x".into()])),
        ("listener-unsecured", |s| speak(s, SecurityProtocol::Ssl)),
        ("listener-unsecured", |s| speak(s, SecurityProtocol::SaslPlaintext)),
        ("listener-unsecured", |s| {
            speak(s, SecurityProtocol::SaslPlaintext);
            put(s, "sasl.jaas.config", "a broker takes it with its listener and mechanism alone");
        }),
        ("owned-key", |s| put(s, "log.dirs", "/x")),
        ("unknown-config", |s| put(s, "num.partition", "3")),
        ("replication-above-brokers", |s| put(s, "default.replication.factor", "4")),
    ];
    for (code, spoil) in cases {
        let mut spec = build(&request("demo"));
        spoil(&mut spec);
        let found = spec::check(&spec);
        let problem = found.iter().find(|f| f.code == code && f.severity == Severity::Problem);
        assert!(problem.is_some(), "{code}: {found:?}");
        assert!(spec::validate(&spec, None).is_err(), "{code}");
    }
}

/// What a listener needs has many homes; of servers that we did not start we cannot know.
#[test]
fn a_listener_with_its_secrets_is_taken() {
    let taken = |spec: &ClusterSpec| {
        let found = spec::check(spec);
        assert!(found.iter().all(|f| f.code != "listener-unsecured"), "{found:?}");
    };
    let mut tls = build(&request("demo"));
    speak(&mut tls, SecurityProtocol::Ssl);
    for broker in &mut tls.brokers {
        let key = "listener.name.plaintext.ssl.keystore.location";
        broker.properties.insert(key.into(), "/k".into());
    }
    taken(&tls);
    let mut both = build(&request("demo"));
    speak(&mut both, SecurityProtocol::SaslSsl);
    let found = spec::check(&both);
    let unsecured = found.iter().filter(|f| f.code == "listener-unsecured").count();
    assert_eq!(unsecured, 6, "a certificate and a login for each of three");
    put(&mut both, "ssl.engine.factory.class", "x.Y");
    put(&mut both, "listener.name.plaintext.scram-sha-256.sasl.jaas.config", "Scram required;");
    taken(&both);
    let mut theirs = build(&request("demo"));
    speak(&mut theirs, SecurityProtocol::Ssl);
    theirs.adopted = true;
    taken(&theirs);
}

fn speak(spec: &mut ClusterSpec, protocol: SecurityProtocol) {
    for listener in spec.brokers.iter_mut().flat_map(|broker| &mut broker.listeners) {
        listener.protocol = protocol;
    }
}

fn add_listener(spec: &mut ClusterSpec, name: &str, port: u16) {
    let mut listener = spec.brokers[0].listeners[0].clone();
    listener.name = name.into();
    listener.port = port;
    listener.advertised_port = port;
    listener.inter_broker = false;
    spec.brokers[0].listeners.push(listener);
}

fn put(spec: &mut ClusterSpec, key: &str, value: &str) {
    spec.properties.insert(key.into(), value.into());
}

#[test]
fn what_works_badly_is_a_warning() {
    let mut spec = build(&request("demo"));
    spec.zookeeper.port = 81;
    let warnings = spec::validate(&spec, None).unwrap();
    assert_eq!(warnings[0].code, "port-privileged");
}

/// What preflight tells with the effective values is not told twice.
#[test]
fn what_preflight_tells_is_left_to_it() {
    let cases: [Break; 6] = [
        |s| s.preset = Preset::Classic,
        |s| put(s, "transaction.state.log.min.isr", "3"),
        |s| put(s, "min.insync.replicas", "4"),
        |s| s.zookeeper.port = 8080,
        |s| s.brokers[0].listeners[0].port = 40_000,
        |s| s.brokers[0].id = 1_001,
    ];
    for spoil in cases {
        let mut spec = build(&request("demo"));
        spoil(&mut spec);
        assert_eq!(spec::validate(&spec, Some(&PortRegistry::default())).unwrap(), []);
    }
}

#[test]
fn all_problems_come_at_once() {
    let mut spec = build(&request("demo"));
    spec.zookeeper.port = 9092;
    spec.brokers[0].id = 3;
    put(&mut spec, "nonsense", "1");
    let error = spec::validate(&spec, None).unwrap_err();
    assert_eq!(error.code, "bad-spec");
    assert_eq!(error.evidence.len(), 3, "{error:?}");
    spec = build(&request("demo"));
    put(&mut spec, "nonsense", "1");
    assert_eq!(spec::validate(&spec, None).unwrap_err().code, "unknown-config");
}

fn parse(text: &str) -> Result<ClusterSpec> {
    spec::parse(text, "demo.toml", &PortRegistry::default(), Some("3.9.2"))
}

#[test]
fn the_short_form_is_that_of_the_flags() {
    assert_eq!(parse("name = \"demo\"").unwrap(), build(&request("demo")));
    let text = r#"
        name = "demo"
        brokers = [1, 5]
        base_port = 9591
        preset = "strict"
        racks = ["a", "b"]
        [properties]
        "num.partitions" = 6
        "auto.create.topics.enable" = false
        "log.retention.ms" = "7d"
    "#;
    let spec = parse(text).unwrap();
    assert_eq!(ports(&spec).0, [9591, 9592]);
    assert_eq!(spec.brokers[1].id, 5);
    assert_eq!(spec.properties["auto.create.topics.enable"], "false");
    assert_eq!(spec.properties["log.retention.ms"], "604800000");
    assert_eq!(parse("name = \"demo\"\nbase_port = \"some\"").unwrap_err().code, "bad-spec-file");
}

#[test]
fn errors_in_a_file_say_where() {
    let cases = [
        ("name = \"demo\"\nbrokres = 3\n", "line 2, column 1", Some("did you mean `brokers`?")),
        ("name = \"demo\"\nbrokers = = 3\n", "line 2", None),
        ("name = \"Demo!\"\n", "line 1", None),
        ("name = \"demo\"\npreset = \"stric\"\n", "line 2", Some("did you mean `strict`?")),
        ("name = \"demo\"\nbrokers = -1\n", "a number from 1 up, or ids", None),
        ("name = \"demo\"\nbase_port = 99999\n", "a port or \"auto\"", None),
        ("name = \"demo\"\n[properties]\n\"num.partitions\" = []\n", "a text, a number", None),
    ];
    for (text, place, cause) in cases {
        let error = parse(text).unwrap_err();
        assert_eq!(error.code, "bad-spec-file", "{text}");
        assert!(error.message.contains(place), "{text}: {}", error.message);
        assert_eq!(error.cause.as_deref(), cause, "{text}: {}", error.message);
    }
    let newer = parse("schema = 2\nname = \"demo\"\nwhat = \"nobody knows\"\n").unwrap_err();
    assert_eq!(newer.code, "unknown-schema");
    assert_eq!(parse("schema = 1\nname = \"demo\"").unwrap(), build(&request("demo")));
    let secret = "name = \"demo\"\n[properties]\n\"ssl.key.password\" = \"hunter2\" x\n";
    assert!(!format!("{:?}", parse(secret).unwrap_err()).contains("hunter2"));
}

#[test]
fn differences_say_what_they_take() {
    let old = build(&request("demo"));
    let worst = |spoil: Break| {
        let mut new = old.clone();
        spoil(&mut new);
        let found = spec::diff(&old, &new);
        (found.iter().map(|d| d.consequence).max(), found.iter().any(|d| d.moves))
    };
    let (none, restart, recreate) =
        (Some(Consequence::None), Some(Consequence::Restart), Some(Consequence::Recreate));
    assert_eq!(worst(|_| {}), (None, false));
    assert_eq!(worst(|s| s.ephemeral = true), (none, false));
    assert_eq!(worst(|s| s.brokers.reverse()), (none, false));
    assert_eq!(worst(|s| put(s, "num.partitions", "4")), (restart, false));
    assert_eq!(worst(|s| s.brokers[0].rack = Some("x".into())), (restart, false));
    assert_eq!(worst(|s| s.zookeeper.port = 2999), (restart, true));
    assert_eq!(worst(|s| s.brokers[0].listeners[0].port = 2999), (restart, true));
    assert_eq!(worst(|s| s.kafka = "3.8.1".into()), (restart, true));
    assert_eq!(worst(|s| drop(s.brokers.pop())), (recreate, false));
    assert_eq!(worst(|s| s.data_dir = Some("/x".into())), (recreate, false));
    assert_eq!(worst(|s| s.zookeeper.chroot = Some("/x".into())), (recreate, false));
    let mut secret = old.clone();
    put(&mut secret, "ssl.key.password", "hunter2");
    let lines = format!("{:?}", spec::diff(&old, &secret));
    assert!(lines.contains("default → ***") && !lines.contains("hunter2"), "{lines}");
}

fn text() -> impl Strategy<Value = String> {
    "[ -~äß→\n\t\"\\\\]{0,12}"
}

fn texts() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(text(), text(), 0..4)
}

fn listener() -> impl Strategy<Value = ListenerSpec> {
    let protocol = prop::sample::select(vec![
        SecurityProtocol::Plaintext,
        SecurityProtocol::Ssl,
        SecurityProtocol::SaslPlaintext,
        SecurityProtocol::SaslSsl,
    ]);
    (text(), protocol, text(), any::<u16>(), text(), any::<u16>(), any::<bool>()).prop_map(
        |(name, protocol, bind, port, advertised_host, advertised_port, inter_broker)| {
            ListenerSpec {
                name,
                protocol,
                bind,
                port,
                advertised_host,
                advertised_port,
                inter_broker,
            }
        },
    )
}

fn broker() -> impl Strategy<Value = BrokerSpec> {
    let some = prop::option::of::<BoxedStrategy<String>>;
    (
        any::<i32>(),
        some(text().boxed()),
        prop::collection::vec(listener(), 0..3),
        prop::collection::vec(text(), 0..3),
        any::<Option<u32>>(),
        any::<Option<u16>>(),
        texts(),
    )
        .prop_map(|(id, rack, listeners, log_dirs, heap_mib, controller_port, properties)| {
            BrokerSpec { id, rack, listeners, log_dirs, heap_mib, controller_port, properties }
        })
}

fn any_spec() -> impl Strategy<Value = ClusterSpec> {
    let some = prop::option::of::<BoxedStrategy<String>>;
    let paths = (some(text().boxed()), some(text().boxed()));
    let zookeeper = (text(), any::<u16>(), paths, any::<Option<u32>>(), texts()).prop_map(
        |(bind, port, (chroot, data_dir), heap_mib, properties)| ZooKeeperSpec {
            bind,
            port,
            chroot,
            heap_mib,
            data_dir,
            data_log_dir: None,
            properties,
        },
    );
    (
        "[a-z0-9][a-z0-9._-]{0,20}",
        text(),
        prop::sample::select(Preset::ALL.to_vec()),
        (any::<bool>(), any::<bool>()),
        prop::option::of(text()),
        prop::collection::vec(text(), 0..4),
        zookeeper,
        prop::collection::vec(broker(), 0..4),
        texts(),
    )
        .prop_map(|(name, kafka, preset, is, data_dir, steps, zookeeper, brokers, own)| {
            ClusterSpec {
                schema: 1,
                name: ClusterName::new(name).unwrap(),
                kafka,
                preset,
                ephemeral: is.0,
                adopted: is.1,
                data_dir,
                steps,
                zookeeper,
                brokers,
                properties: own,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..Default::default()
    })]

    /// What is written is read back as it was, through the store; also a spec that makes no sense.
    #[test]
    fn every_spec_survives_its_file(spec in any_spec()) {
        let home = tempfile::tempdir().unwrap();
        let store = kafsh_cluster::Store::open(home.path()).unwrap();
        store.save_spec(&spec).unwrap();
        prop_assert_eq!(store.load_spec(&spec.name).unwrap(), spec);
    }

    /// No spec, however broken, makes the checks panic, and equal specs have no difference.
    #[test]
    fn checks_never_panic(spec in any_spec(), other in any_spec()) {
        let _ = spec::check(&spec);
        let _ = spec::validate(&spec, Some(&PortRegistry::default()));
        prop_assert!(spec::diff(&spec, &spec).is_empty());
        prop_assert_eq!(spec::diff(&spec, &other).is_empty(), {
            let mut same = other.clone();
            same.name = spec.name.clone();
            same == spec
        });
    }

    /// Whatever the flags, what is built is valid or refused, and its ports do not meet.
    #[test]
    fn builds_are_valid_or_refused(
        count in 0u16..70,
        base in any::<u16>(),
        zookeeper in any::<Option<u16>>(),
    ) {
        let mut flags = request("demo");
        flags.brokers = Some(Brokers::Count(count));
        flags.base_port = BasePort::At(base);
        flags.zookeeper_port = zookeeper;
        if let Ok(spec) = spec::build(&flags, &PortRegistry::default()) {
            let (mut all, controllers, zookeeper) = ports(&spec);
            all.extend(controllers);
            all.push(zookeeper);
            let before = all.len();
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(all.len(), before);
            prop_assert_eq!(spec.brokers.len(), usize::from(count));
        }
    }
}
