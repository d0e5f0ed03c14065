//! The engine over a world in memory: what has to be green before a server counts as ready.

use std::time::{Duration, Instant};

use crate::support::{Bench, demo};
use kafsh_cluster::engine::Patience;
use kafsh_cluster::engine::report::{StopOptions, UpOptions};
use kafsh_model::plan::Node;
use kafsh_model::spec::{ClusterSpec, ListenerSpec, SecurityProtocol};

/// Listeners of these protocols on each broker, named after them, 100 ports apart.
fn listening(brokers: u16, protocols: &[SecurityProtocol]) -> ClusterSpec {
    let mut spec = demo(brokers);
    let jaas = "listener.name.sasl_plaintext.plain.sasl.jaas.config";
    for (key, value) in [("ssl.keystore.location", "/k"), (jaas, "PlainLoginModule required;")] {
        spec.properties.insert(key.to_string(), value.to_string());
    }
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

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A broker that writes to its log for so long that it recovers, and only then answers.
async fn recovers_for(
    bench: &Bench,
    spec: &ClusterSpec,
    patience: Patience,
    lasts: Duration,
) -> Came {
    let mut engine = bench.engine();
    engine.patience = patience;
    bench.world.state().deaf = Some("127.0.0.1:9091".to_string());
    let world = bench.world.clone();
    let writes = async move {
        let begin = Instant::now();
        let mut lines = vec![
            "INFO Recovering 9 logs from /d since no clean shutdown file was found".to_string(),
        ];
        while begin.elapsed() < lasts {
            lines.push(format!(
                "INFO Completed load of Log(a) in 2ms ({}/9 completed in /d)",
                lines.len()
            ));
            world.state().logs.insert(Node::Broker(1), lines.clone());
            tokio::time::sleep(ms(20)).await;
        }
        {
            let mut state = world.state();
            state.deaf = None;
            state.logs.clear();
        }
        std::future::pending::<()>().await;
    };
    let options = UpOptions::default();
    let begin = Instant::now();
    let outcome = tokio::select! {
        outcome = engine.up(spec, &options) => outcome.map(drop),
        () = writes => unreachable!("it never ends"),
    };
    Came { outcome, after: begin.elapsed() }
}

struct Came {
    outcome: kafsh_model::Result<()>,
    after: Duration,
}

#[tokio::test]
async fn a_broker_that_recovers_is_waited_for() {
    let bench = Bench::new();
    let spec = demo(1);
    let patience = Patience { ready: ms(150), standstill: ms(500), recovery: ms(20_000) };
    let came = recovers_for(&bench, &spec, patience, ms(900)).await;
    came.outcome.unwrap();
    assert!(came.after >= ms(900), "{:?}", came.after);
    bench.is_converged(&spec).await;
}

#[tokio::test]
async fn a_recovery_has_its_bound_and_its_end_is_told() {
    let bench = Bench::new();
    let spec = demo(1);
    let patience = Patience { ready: ms(100), standstill: ms(200), recovery: ms(500) };
    let came = recovers_for(&bench, &spec, patience, ms(60_000)).await;
    let error = came.outcome.unwrap_err();
    assert_eq!(error.code, "timed-out", "{error:?}");
    assert!(came.after >= ms(500), "{:?}", came.after);
    let told = error
        .evidence
        .iter()
        .any(|line| line.contains("stopped broker 1, in the middle of its log recovery"));
    assert!(told, "{error:?}");
}

#[tokio::test]
async fn a_recovery_that_stands_still_is_given_up() {
    let bench = Bench::new();
    let spec = demo(1);
    let mut engine = bench.engine();
    engine.patience = Patience { ready: ms(100), standstill: ms(100), recovery: ms(600_000) };
    {
        let mut state = bench.world.state();
        state.deaf = Some("127.0.0.1:9091".to_string());
        let line = "INFO Recovering 9 logs from /d since no clean shutdown file was found";
        state.logs.insert(Node::Broker(1), vec![line.to_string()]);
    }
    let error = engine.up(&spec, &Default::default()).await.unwrap_err();
    assert_eq!(error.code, "timed-out", "{error:?}");
    let silent = "listener PLAINTEXT (PLAINTEXT) at 127.0.0.1:9091";
    assert!(error.evidence[0].starts_with(silent), "{error:?}");
}

#[tokio::test]
async fn a_stop_in_the_middle_of_a_recovery_is_told() {
    let bench = Bench::new();
    let spec = demo(1);
    bench.up(&spec).await.unwrap();
    let line = "INFO Recovering 9 logs from /d since no clean shutdown file was found";
    bench.world.state().logs.insert(Node::Broker(1), vec![line.to_string()]);
    let engine = bench.engine();
    let report = engine.stop(&spec, &spec.nodes(), &StopOptions::default()).await.unwrap();
    assert_eq!(report.findings[0].code, "stopped-in-recovery");
    assert_eq!(report.findings[0].next, ["@demo broker start 1"]);
}

/// What brokers have yet to delete is nobody's topic any more: a step that counts them would see
/// what `prove` has left for seconds.
#[tokio::test]
async fn a_topic_that_is_being_deleted_is_not_counted() {
    let bench = Bench::new();
    let spec = demo(1);
    bench.up(&spec).await.unwrap();
    {
        let mut state = bench.world.state();
        state.topics.insert("orders".into(), (1, 1));
        state.going.insert("kafsh-probe".into());
    }
    let observed = bench.engine().observe(&spec).await.unwrap();
    assert_eq!(observed.zookeeper.unwrap().topics, 1);
}
