//! Properties, in all presets and with what users ask for.

use kafsh_sdk::step::{Input, Preset, Property};
use kafsh_sdk::testing;

use super::{findings, only, told};

fn input_of(preset: Preset, brokers: u16, asked: &[(&str, &str)]) -> Input {
    let mut spec = testing::brokers(brokers);
    spec.preset = preset;
    spec.properties = asked.iter().map(|(key, value)| Property::new(*key, *value)).collect();
    testing::input_of(spec)
}

#[test]
fn presets_are_told_of_as_they_are() {
    for brokers in [1, 2, 3, 5] {
        assert_eq!(told(&input_of(Preset::Dev, brokers, &[])), [""; 0], "{brokers}");
        assert_eq!(told(&input_of(Preset::Strict, brokers, &[])), [""; 0], "{brokers}");
    }
    let both = ["warning transactions-fragile cluster", "warning flush-every-2 cluster"];
    assert_eq!(told(&input_of(Preset::Classic, 3, &[])), both);
    assert_eq!(told(&input_of(Preset::Classic, 2, &[])), both);
    assert_eq!(told(&input_of(Preset::Classic, 1, &[])), ["warning flush-every-2 cluster"]);
}

#[test]
fn the_warnings_of_classic_say_what_they_cost_and_how_to_be_rid_of_them() {
    let all = findings(&input_of(Preset::Classic, 3, &[]));
    assert_eq!(all[0].evidence[0], "transaction.state.log.min.isr=3");
    let up = "cluster up demo --brokers 3 --base-port 9091 --preset classic --config";
    assert_eq!(all[0].next, [format!("{up} transaction.state.log.min.isr=2")]);
    assert_eq!(all[1].message, "every 2 messages will be flushed to disk by themselves");
    let never = format!("{up} log.flush.interval.messages=9223372036854775807");
    assert_eq!(all[1].next, [never]);
    let asked = [
        ("transaction.state.log.min.isr", "2"),
        ("log.flush.interval.messages", "9223372036854775807"),
    ];
    assert_eq!(told(&input_of(Preset::Classic, 3, &asked)), [""; 0]);
}

#[test]
fn flushing_often_is_told_of_wherever_it_comes_from() {
    let with = |count| told(&input_of(Preset::Dev, 3, &[("log.flush.interval.messages", count)]));
    for count in ["1", " 2 ", "99"] {
        assert_eq!(with(count), ["warning flush-every-2 cluster"], "{count}");
    }
    for count in ["100", "10000", "0", "many"] {
        assert_eq!(with(count), [""; 0], "{count}");
    }
}

#[test]
fn more_replicas_than_brokers() {
    for key in [
        "default.replication.factor",
        "offsets.topic.replication.factor",
        "transaction.state.log.replication.factor",
    ] {
        let found = only(&input_of(Preset::Dev, 3, &[(key, "4")]));
        assert_eq!(found.code, "replication-above-brokers");
        assert_eq!(found.message, format!("`{key}` is 4, and there are 3 brokers"));
        let next = format!("cluster up demo --brokers 3 --base-port 9091 --config {key}=3");
        assert_eq!(found.next, [next]);
        assert_eq!(told(&input_of(Preset::Dev, 4, &[(key, "4")])), [""; 0]);
    }
}

#[test]
fn a_brokers_own_word_is_told_of_under_its_name() {
    let mut input = input_of(Preset::Dev, 3, &[("default.replication.factor", "9")]);
    let right = Property::new("default.replication.factor", "3");
    input.spec.brokers[0].properties = vec![right.clone()];
    let expected = [
        "problem replication-above-brokers broker 2",
        "problem replication-above-brokers broker 3",
    ];
    assert_eq!(told(&input), expected);
    for broker in &mut input.spec.brokers {
        broker.properties = vec![right.clone()];
    }
    assert_eq!(told(&input), [""; 0]);
}

#[test]
fn more_in_sync_than_there_are() {
    let isr = |version: &str, asked: &[(&str, &str)]| {
        let mut input = input_of(Preset::Dev, 3, asked);
        input.spec.kafka = version.to_owned();
        told(&input)
    };
    let users = [("default.replication.factor", "1")];
    assert_eq!(isr("3.9.2", &users), ["warning min-isr-above-replication cluster"]);
    assert_eq!(isr("3.6.2", &users), ["warning min-isr-above-replication cluster"]);
    let transactions = [("transaction.state.log.min.isr", "4")];
    assert_eq!(isr("3.9.2", &transactions), ["warning min-isr-above-replication cluster"]);
    assert_eq!(isr("3.6.2", &transactions), ["problem min-isr-above-replication cluster"]);
    let found = only(&input_of(Preset::Dev, 3, &users));
    let next = "cluster up demo --brokers 3 --base-port 9091 --config min.insync.replicas=1";
    assert_eq!(found.next, [next]);
}

#[test]
fn a_broker_that_can_never_be_spared() {
    let found = only(&input_of(Preset::Dev, 3, &[("min.insync.replicas", "3")]));
    assert_eq!(found.code, "min-isr-without-slack");
    assert_eq!(found.evidence, ["min.insync.replicas=3", "default.replication.factor=3"]);
    let next = "cluster up demo --brokers 3 --base-port 9091 --config min.insync.replicas=2";
    assert_eq!(found.next, [next]);
    assert_eq!(told(&input_of(Preset::Dev, 1, &[("min.insync.replicas", "1")])), [""; 0]);
}

#[test]
fn sessions_that_zookeeper_would_not_grant() {
    let mut input = input_of(Preset::Dev, 3, &[("zookeeper.session.timeout.ms", "60000")]);
    let found = only(&input);
    assert_eq!(found.code, "session-timeout-clamped");
    assert_eq!(found.message, "ZooKeeper will grant sessions of 40000 ms instead of 60000 ms");
    input.spec.zookeeper.properties = vec![Property::new("tickTime", "3000")];
    assert_eq!(told(&input), [""; 0]);
    // The preset's 6 s are too short for slow ticks.
    let mut input = input_of(Preset::Dev, 3, &[]);
    input.spec.zookeeper.properties = vec![Property::new("tickTime", "4000")];
    assert_eq!(told(&input), ["warning session-timeout-clamped cluster"]);
    for odd in ["0", "-5", "9223372036854775807", "often"] {
        input.spec.zookeeper.properties = vec![Property::new("tickTime", odd)];
        assert_eq!(told(&input), [""; 0], "{odd}");
    }

    // A range of ZooKeeper's own is not second-guessed.
    input.spec.zookeeper.properties =
        ["tickTime", "minSessionTimeout"].map(|key| Property::new(key, "4000")).to_vec();
    assert_eq!(told(&input), [""; 0]);
}

#[test]
fn numbers_without_sense_break_nothing() {
    for number in ["-9223372036854775808", "9223372036854775807", "1e3", ""] {
        for key in [
            "min.insync.replicas",
            "default.replication.factor",
            "transaction.state.log.min.isr",
            "transaction.state.log.replication.factor",
            "zookeeper.session.timeout.ms",
        ] {
            findings(&input_of(Preset::Classic, 3, &[(key, number)]));
        }
    }
}
