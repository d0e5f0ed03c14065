//! The same cases on a rehearsal and on real Kafka: that the one can stand for the other is not
//! believed but run.

#[path = "contract/cases.rs"]
mod cases;
mod support;

use std::sync::Arc;
use std::time::Duration;

use kafsh_kafka::KafkaConnector;
use kafsh_model::port::{Connector, Target};
use kafsh_rehearsal::Rehearsal;

use support::RealCluster;

/// Cases that run side by side.
const PARALLEL: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_keeps_the_contract() {
    let rehearsal = Rehearsal::new();
    let bootstrap = vec!["127.0.0.1:9091".into(), "127.0.0.1:9092".into(), "127.0.0.1:9093".into()];
    rehearsal.attach_ready(&bootstrap).expect("a cluster in memory");
    let target = target(bootstrap, "127.0.0.1:2181");
    check(Arc::new(rehearsal), target).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_brokers_keep_the_contract() {
    let cluster = RealCluster::up("contract", 3);
    let bootstrap = cluster.bootstrap(3).split(',').map(String::from).collect();
    let zookeeper = format!("127.0.0.1:{}", cluster.zookeeper_port());
    check(Arc::new(KafkaConnector::new()), target(bootstrap, &zookeeper)).await;
}

fn target(bootstrap: Vec<String>, zookeeper: &str) -> Target {
    Target {
        bootstrap,
        zookeeper: Some((zookeeper.to_string(), String::new())),
        client: Vec::new(),
        timeout: Duration::from_secs(10),
    }
}

async fn check(connector: Arc<dyn Connector>, target: Target) {
    let outcomes = cases::run_all(connector, target, PARALLEL).await;
    assert!(outcomes.len() >= 40, "only {} cases ran", outcomes.len());
    let failed: Vec<String> = outcomes
        .into_iter()
        .filter_map(|(name, outcome)| outcome.err().map(|why| format!("{name}: {why}")))
        .collect();
    assert!(failed.is_empty(), "{} cases failed:\n{}", failed.len(), failed.join("\n"));
}
