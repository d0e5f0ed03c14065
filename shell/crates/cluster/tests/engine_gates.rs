//! The engine over a world in memory: what has to be green before a server counts as ready.

mod support;

use kafsh_model::plan::Node;
use kafsh_model::spec::{ClusterSpec, ListenerSpec, SecurityProtocol};
use support::{Bench, demo};

/// Listeners of these protocols on each broker, named after them, 100 ports apart.
fn listening(brokers: u16, protocols: &[SecurityProtocol]) -> ClusterSpec {
    let mut spec = demo(brokers);
    for broker in &mut spec.brokers {
        let first = broker.listeners[0].clone();
        let listener = |(n, protocol): (u16, &SecurityProtocol)| ListenerSpec {
            name: protocol.name().to_string(),
            protocol: *protocol,
            port: first.port + 100 * n,
            advertised_port: first.port + 100 * n,
            inter_broker: n == 0 && first.inter_broker,
            ..first.clone()
        };
        broker.listeners = (0..).zip(protocols).map(listener).collect();
    }
    spec
}

fn names(protocols: &[SecurityProtocol]) -> Vec<&'static str> {
    protocols.iter().map(|protocol| protocol.name()).collect()
}

#[tokio::test]
async fn every_listener_of_every_broker_is_asked() {
    let protocols =
        [SecurityProtocol::Plaintext, SecurityProtocol::SaslPlaintext, SecurityProtocol::Ssl];
    let bench = Bench::new();
    let spec = listening(2, &protocols);
    bench.world.state().listeners = names(&protocols);
    bench.up(&spec).await.unwrap();
    bench.is_converged(&spec).await;
    let greeted = bench.world.state().greeted.clone();
    for id in [1, 2] {
        for (n, protocol) in (0..).zip(protocols) {
            let address = format!("127.0.0.1:{}", 9090 + 100 * n + id);
            assert!(greeted.contains(&(address, protocol.name())), "{greeted:?}");
        }
    }
}

#[tokio::test]
async fn one_listener_that_is_silent_keeps_the_gate_red() {
    let protocols = [SecurityProtocol::Plaintext, SecurityProtocol::SaslPlaintext];
    let bench = Bench::new();
    let spec = listening(1, &protocols);
    {
        let mut state = bench.world.state();
        state.listeners = names(&protocols);
        state.deaf = Some("127.0.0.1:9191".to_string());
    }
    assert!(bench.up_or_die(&spec).await.is_none(), "it waits for it");
    assert!(bench.world.state().is_alive(Node::Broker(1)));
    bench.world.state().deaf = None;
    bench.up(&spec).await.unwrap();
    bench.is_converged(&spec).await;
}

/// Nobody can be asked for Metadata without a handshake: ZooKeeper's word counts then.
#[tokio::test]
async fn brokers_that_speak_only_tls_get_ready() {
    let protocols = [SecurityProtocol::Ssl];
    let bench = Bench::new();
    let mut spec = listening(2, &protocols);
    spec.steps.retain(|step| step != "prove");
    bench.world.state().listeners = names(&protocols);
    let engine = bench.engine();
    let report = engine.up(&spec, &Default::default()).await.unwrap();
    assert_eq!(report.controller, Some(1));
    assert_eq!(report.snapshot.ready_brokers, [1, 2]);
    let (_, plan) = engine.dry_run(&spec).await.unwrap();
    assert!(plan.is_empty(), "{plan:?}");
    // One that is gone is missed: it is in no registration.
    engine.kill(&spec, Node::Broker(2)).await.unwrap();
    assert!(engine.observe(&spec).await.unwrap().ready_brokers.is_empty());
}
