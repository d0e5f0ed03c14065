//! The rehearsal keeps the contract that real clusters keep.

#[path = "../../../../tests/contract/cases.rs"]
mod cases;

use std::sync::Arc;
use std::time::{Duration, Instant};

use kafsh_model::port::Target;
use kafsh_rehearsal::Rehearsal;

/// All cases side by side take about a second; the bound is for a machine under load.
const ALL_MAX: Duration = Duration::from_secs(60);

async fn assert_all(brokers: u16, parallel: usize) {
    let rehearsal = Rehearsal::new();
    let bootstrap: Vec<String> =
        (0..brokers).map(|index| format!("127.0.0.1:{}", 9_092 + index)).collect();
    rehearsal.attach_ready(&bootstrap).expect("a cluster in memory");
    let target = Target {
        bootstrap,
        zookeeper: Some(("127.0.0.1:2181".to_string(), String::new())),
        client: Vec::new(),
        timeout: Duration::from_secs(10),
    };
    let began = Instant::now();
    let outcomes = cases::run_all(Arc::new(rehearsal), target, parallel).await;
    assert_eq!(outcomes.len(), cases::cases().len());
    let failed: Vec<String> = outcomes
        .iter()
        .filter_map(|(name, outcome)| Some(format!("{name}: {}", outcome.as_ref().err()?)))
        .collect();
    assert!(failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n"));
    assert!(began.elapsed() < ALL_MAX, "it took {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_brokers() {
    assert_all(3, 8).await;
}

#[tokio::test]
async fn one_broker() {
    assert_all(1, 4).await;
}
