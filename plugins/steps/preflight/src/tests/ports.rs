//! Ports.

use kafsh_sdk::step::{Action, Input, Listener, Node, PortOwner, Preset, Property};
use kafsh_sdk::testing;

use super::{only, running, told};

fn input_on(base: u16) -> Input {
    let mut spec = testing::brokers(3);
    for (broker, port) in spec.brokers.iter_mut().zip(base..) {
        let listener = &mut broker.listeners[0];
        (listener.port, listener.advertised_port) = (port, port);
    }
    testing::input_of(spec)
}

#[test]
fn a_taken_port_is_named_with_its_holder_and_ports_that_are_free() {
    let mut input = testing::input();
    let holder = "pid 4121 java kafka.Kafka server2.properties (kim, 3 h)";
    testing::occupy_port(&mut input, 9092, holder);
    let found = only(&input);
    assert_eq!((found.code.as_str(), found.subject.as_str()), ("port-taken", "broker 2"));
    assert_eq!(found.message, "port 9092 is taken (broker 2)");
    assert_eq!(found.evidence, [format!("held by {holder}")]);
    assert_eq!(found.next, ["cluster up demo --brokers 3 --base-port 9191"]);
    assert!(!found.safe_to_fix);
}

#[test]
fn ports_that_somebody_has_are_not_offered() {
    let mut input = testing::input();
    testing::occupy_port(&mut input, 9092, "pid 4121 java");
    input.observed.extras = vec![Property::new("busy-port", "9193")];
    assert_eq!(only(&input).next, ["cluster up demo --brokers 3 --base-port 9291"]);
}

#[test]
fn zookeeper_has_a_flag_of_its_own() {
    let mut input = testing::input();
    input.spec.preset = Preset::Strict;
    testing::occupy_port(&mut input, 2181, "pid 4121 java");
    let found = only(&input);
    assert_eq!(found.message, "port 2181 is taken (zookeeper)");
    let up = "cluster up demo --brokers 3 --base-port 9091 --zookeeper-port 2281 --preset strict";
    assert_eq!(found.next, [up]);
}

#[test]
fn the_command_names_brokers_as_they_are_numbered() {
    let mut input = testing::input();
    testing::occupy_port(&mut input, 2181, "pid 4121 java");
    input.spec.brokers[2].id = 7;
    input.spec.brokers[1].listeners[0].port = 9500;
    let expected = "cluster up demo --brokers 1,2,7 --zookeeper-port 2281";
    assert_eq!(only(&input).next, [expected]);
}

#[test]
fn a_reserved_port_names_its_keeper() {
    let mut input = testing::input();
    input.observed.ports[1].owner = PortOwner::Reserved("staging".to_owned());
    let found = only(&input);
    assert_eq!((found.code.as_str(), found.subject.as_str()), ("port-reserved", "broker 1"));
    assert_eq!(found.message, "port 9091 is kept for cluster `staging` (broker 1)");
    assert_eq!(found.next, ["cluster up demo --brokers 3 --base-port 9191"]);
}

#[test]
fn ports_of_the_kernels_range_are_told_of_once() {
    let mut input = input_on(39_091);
    assert_eq!(told(&input), ["warning port-ephemeral host"]);
    let found = only(&input);
    assert_eq!(found.message, "3 ports are ones that the kernel hands out to clients");
    assert_eq!(found.evidence[0], "port 39091 (broker 1)");
    assert_eq!(found.evidence[3], "the kernel's range is 32768-60999");
    // Upwards there is room above the range.
    assert_eq!(found.next, ["cluster up demo --brokers 3 --base-port 61091"]);

    input.observed.host.ephemeral_last = 65_535;
    assert_eq!(only(&input).next, ["cluster up demo --brokers 3 --base-port 32691"]);

    // The range's ends belong to it, their neighbours do not.
    assert_eq!(told(&input_on(32_765)), [""; 0]);
    assert_eq!(
        only(&input_on(32_766)).message,
        "port 32768 is one that the kernel hands out to clients"
    );
    assert_eq!(told(&input_on(61_000)), [""; 0]);
}

#[test]
fn well_known_ports_are_worth_a_note() {
    assert_eq!(told(&input_on(8078)), ["note port-well-known broker 3"]);
    assert_eq!(told(&input_on(9999)), ["note port-well-known broker 1"]);
}

#[test]
fn two_on_one_port() {
    let mut input = testing::input();
    let port = |input: &mut Input, broker: usize, port: u16| {
        input.spec.brokers[broker].listeners[0].port = port;
    };
    port(&mut input, 1, 9091);
    port(&mut input, 2, 2181);
    assert_eq!(
        told(&input),
        ["problem duplicate-port broker 2", "problem duplicate-port broker 3"]
    );

    // Other addresses have ports of their own, every address has all of them.
    input.spec.brokers[2].listeners[0].bind = "127.0.0.2".to_owned();
    let found = only(&input);
    assert_eq!(found.message, "port 9091 is wanted by broker 1 and by broker 2");
    input.spec.brokers[2].listeners[0].bind = "0.0.0.0".to_owned();
    assert_eq!(told(&input).len(), 2);

    let mut input = testing::input();
    let listeners = &mut input.spec.brokers[0].listeners;
    listeners.push(Listener { name: "INTERNAL".to_owned(), ..listeners[0].clone() });
    assert_eq!(only(&input).message, "port 9091 is wanted twice by broker 1");
}

#[test]
fn a_port_of_a_stopped_broker_counts_in_a_running_cluster() {
    let mut input = running();
    testing::apply(&mut input, &[Action::Stop(vec![Node::Broker(2)])]);
    testing::occupy_port(&mut input, 9092, "pid 4121 java");
    testing::occupy_port(&mut input, 9093, "pid 4121 java");
    assert_eq!(told(&input), ["problem port-taken broker 2"]);
}
