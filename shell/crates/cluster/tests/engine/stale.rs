//! The engine over a world in memory: what is not as a command saw it. Another shell changed it
//! between the look and the lock, or new settings are not in force everywhere.

use std::time::Duration;

use crate::support::{Bench, Fault, demo};
use kafsh_cluster::engine::report::{StopOptions, UpOptions};
use kafsh_model::confirm::Confirmed;
use kafsh_model::plan::Node;
use kafsh_model::{Class, Error};

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

/// New settings are written before brokers take them up, one after the other: where that fails,
/// nothing is undone, and what runs with which is told.
#[tokio::test]
async fn settings_that_could_not_be_put_in_force_everywhere_are_told() {
    let old = demo(3);
    let mut new = old.clone();
    new.properties.insert("num.partitions".into(), "5".into());
    let apply = UpOptions { apply: true, ..UpOptions::default() };
    let mut struck = 0;
    for (at, fault) in (0..60).flat_map(|at| [(at, Fault::Fail), (at, Fault::Interrupt)]) {
        let bench = Bench::new();
        bench.up(&old).await.unwrap();
        bench.world.arm(at, fault);
        let outcome = bench.engine().up(&new, &apply).await;
        bench.world.disarm();
        let Err(error) = outcome else { continue };
        if bench.store.load_spec(&old.name).unwrap() == old {
            // Undone: everything runs as before.
            assert!(new.nodes().iter().all(|node| bench.world.state().is_alive(*node)));
            assert_eq!(bench.world.state().written_for.as_ref(), Some(&old), "{at}: {error:?}");
            continue;
        }
        struck += 1;
        let told = |what: &str, node: &Node| {
            let line = error.evidence.iter().find(|line| line.starts_with(what));
            line.is_some_and(|line| line.contains(&node.to_string()))
        };
        for node in new.nodes() {
            let alive = bench.world.state().is_alive(node);
            let behind = alive && bench.world.state().node(node).restart_needed;
            assert_eq!(told("stopped: ", &node), !alive, "{at} {fault:?} {node}: {error:?}");
            assert_eq!(told("not in force yet on: ", &node), behind, "{at} {node}: {error:?}");
        }
        assert!(!error.next.is_empty() && error.next.len() <= 3, "{error:?}");
        bench.up(&new).await.unwrap();
    }
    assert!(struck > 5, "only {struck} times");
}
