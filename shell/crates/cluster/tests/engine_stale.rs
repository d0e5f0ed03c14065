//! The engine over a world in memory: a cluster that another shell changed between the look of a
//! command and its lock.

mod support;

use std::time::Duration;

use kafsh_cluster::engine::report::{StopOptions, UpOptions};
use kafsh_model::confirm::Confirmed;
use kafsh_model::plan::Node;
use kafsh_model::{Class, Error};
use support::{Bench, demo};

fn is_told(error: &Error) {
    assert_eq!((error.code.as_ref(), error.class), ("cluster-changed", Class::Busy), "{error:?}");
    assert_eq!(error.next, ["cluster status demo"]);
}

/// What the other shell added would be stopped by nobody and go on over deleted files.
#[tokio::test]
async fn what_was_added_meanwhile_is_not_left_running_over_nothing() {
    let bench = Bench::new();
    let seen = demo(1);
    bench.up(&seen).await.unwrap();
    let engine = bench.engine();
    let apply = UpOptions { apply: true, ..UpOptions::default() };
    engine.up(&demo(2), &apply).await.unwrap();
    let options = StopOptions::default();
    is_told(&engine.destroy(&seen, true, &options, Confirmed::by_user()).await.unwrap_err());
    is_told(&engine.archive(&seen, "by hand").await.unwrap_err());
    is_told(&engine.restore(&seen, "unit").await.unwrap_err());
    is_told(&engine.wipe(&seen, Node::Broker(1), Confirmed::by_user()).await.unwrap_err());
    assert!(bench.world.state().is_alive(Node::Broker(1)), "nothing was stopped");
    assert!(bench.world.state().is_alive(Node::Broker(2)));
    engine.destroy(&demo(2), true, &options, Confirmed::by_user()).await.unwrap();
    assert!(bench.world.state().is_blank());
}

/// While `doctor --fix` waits for the lock, whoever holds it makes the cluster anew.
#[tokio::test]
async fn an_orphan_that_has_a_shell_again_is_left_alone() {
    let bench = Bench::new();
    let mut spec = demo(1);
    spec.ephemeral = true;
    bench.up(&spec).await.unwrap();
    let path = bench.store.state_dir(&spec.name).join("owner.json");
    let alive = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, alive.replace("\"boot_id\":\"", "\"boot_id\":\"earlier ")).unwrap();
    let lock = bench.store.lock(&spec.name, "cluster up demo --ephemeral").unwrap();
    let other = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(60));
        std::fs::write(&path, alive).unwrap();
        drop(lock);
    });
    let fixed = bench.engine().doctor_fix(&spec).await.unwrap();
    other.join().unwrap();
    assert!(fixed.done.is_empty(), "{fixed:?}");
    bench.is_converged(&spec).await;
}
