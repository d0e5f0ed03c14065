//! The engine over the runtime of this host: units moved in part, and data that is in use.

#[path = "local_runtime/support.rs"]
#[allow(dead_code)] // it serves the runtime's own tests, too
mod local;
mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use kafsh_cluster::{Engine, Store};
use kafsh_model::plan::Node;
use kafsh_model::port::Runtime;
use support::World;

const ZOOKEEPER_FILE: &str = "data/version-2/log.1";
const BROKER_FILE: &str = "data/test-0/00000000000000000000.log";

/// A cluster whose data is in a unit, from which ZooKeeper's has been moved back: as if the shell
/// had been killed between the two moves.
async fn cut_off() -> (local::Bench, Engine, String) {
    let bench = local::Bench::new().await;
    bench.put_data("zookeeper", "version-2/log.1");
    bench.put_data("broker-1", "test-0/00000000000000000000.log");
    let mut engine = World::new().engine(&Store::open(bench.home()).unwrap());
    engine.runtime = Arc::new(bench.runtime().clone());
    let unit = engine.archive(&bench.spec, "kept").await.unwrap();
    let place = bench.node_folder("zookeeper").join("data");
    let _ = fs::remove_dir(&place);
    fs::rename(unit_folder(&bench, &unit).join("zookeeper-0"), place).unwrap();
    (bench, engine, unit)
}

fn unit_folder(bench: &local::Bench, unit: &str) -> PathBuf {
    bench.home().join("clusters/demo/archive").join(unit)
}

#[tokio::test]
async fn a_restore_that_was_cut_off_goes_on() {
    let (bench, engine, unit) = cut_off().await;
    let aside = engine.restore(&bench.spec, &unit).await.unwrap();
    assert_eq!(aside, None, "what is back already is not moved aside");
    assert!(bench.node_folder("zookeeper").join(ZOOKEEPER_FILE).exists());
    assert!(bench.node_folder("broker-1").join(BROKER_FILE).exists());
    assert!(engine.archives(&bench.spec).await.unwrap().is_empty());
}

/// Somebody went on with the half that was back: it is no unit any more, and nothing is lost.
#[tokio::test]
async fn half_a_unit_is_not_restored() {
    let (bench, engine, unit) = cut_off().await;
    bench.put_data("broker-1", "new-0/a.log");
    let error = engine.restore(&bench.spec, &unit).await.unwrap_err();
    assert_eq!(error.code, "archive-incomplete", "{error:?}");
    assert!(error.evidence.contains(&"what was there before is back".to_string()), "{error:?}");
    assert!(bench.node_folder("zookeeper").join(ZOOKEEPER_FILE).exists());
    assert!(bench.node_folder("broker-1").join("data/new-0/a.log").exists());
    assert!(unit_folder(&bench, &unit).join("broker-1-0").is_dir());
    assert_eq!(engine.archives(&bench.spec).await.unwrap(), [unit]);
}

/// One of the moves fails: the others are taken back, since a part alone cannot start.
#[tokio::test]
async fn an_archive_that_fails_half_way_leaves_everything_in_its_place() {
    let mut bench = local::Bench::new().await;
    let outside = bench.root().join("disk/logs");
    bench.spec.brokers[0].log_dirs = vec![outside.display().to_string()];
    bench.runtime().create_directories(&bench.spec, Node::Broker(1)).await.unwrap();
    bench.put_data("zookeeper", "version-2/log.1");
    fs::create_dir(outside.join("test-0")).unwrap();
    // Where this folder's unit would lie.
    fs::write(bench.root().join("disk/.kafsh-cluster-archive"), "in the way").unwrap();
    let error = bench.runtime().archive(&bench.spec, "kept").await.unwrap_err();
    assert_eq!(error.evidence.last().map(String::as_str), Some("everything is where it was"));
    assert!(bench.node_folder("zookeeper").join(ZOOKEEPER_FILE).exists(), "{error:?}");
    assert!(outside.join("test-0").exists());
    assert!(bench.runtime().archives(&bench.spec).await.unwrap().is_empty());
    fs::remove_file(bench.root().join("disk/.kafsh-cluster-archive")).unwrap();
    let unit = bench.runtime().archive(&bench.spec, "kept").await.unwrap();
    bench.runtime().restore(&bench.spec, &unit).await.unwrap();
    assert!(outside.join("test-0").exists());
}

#[tokio::test]
async fn nothing_is_deleted_under_a_server_that_the_spec_has_no_more() {
    let bench = local::Bench::new().await;
    let broker = Node::Broker(1);
    bench.start(broker).await;
    let mut without = bench.spec.clone();
    without.brokers[0].id = 2;
    for outcome in [
        bench.runtime().destroy(&without, true).await,
        bench.runtime().archive(&without, "kept").await.map(drop),
    ] {
        let error = outcome.unwrap_err();
        assert_eq!(error.code, "still-running", "{error:?}");
        assert!(error.message.starts_with("broker-1 is running"), "{error:?}");
    }
    assert!(bench.node_folder("broker-1").join("run.json").exists());
    bench.stop(broker).await;
    bench.runtime().destroy(&without, true).await.unwrap();
    assert!(!bench.home().join("clusters/demo").exists());
}
