//! Steps that do not travel with kafsh, between those that do: who reads what went on reads
//! which of them it was.

use std::sync::{Arc, Mutex};

use crate::support::{Bench, Fault, demo};
use kafsh_cluster::engine::report::UpOptions;
use kafsh_model::port::{Progress, ProgressEvent};
use kafsh_model::spec::ClusterSpec;

fn with_steps(steps: &[&str]) -> ClusterSpec {
    let mut spec = demo(1);
    spec.steps = steps.iter().map(ToString::to_string).collect();
    spec
}

/// Keeps what was noted.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Progress for Notes {
    fn event(&self, event: ProgressEvent<'_>) {
        if let ProgressEvent::Note(text) = event {
            self.0.lock().unwrap().push(text.to_string());
        }
    }
}

#[tokio::test]
async fn what_it_is_about_to_do_is_told_and_that_it_never_ends() {
    let bench = Bench::new();
    let spec = with_steps(&["broker-layout", "launch", "endless"]);
    let notes = Arc::new(Notes::default());
    let engine = bench.engine().with_progress(notes.clone());
    engine.up(&spec, &UpOptions::default()).await.unwrap();
    let notes = notes.0.lock().unwrap();
    assert!(notes[0].starts_with("plan  "), "{notes:?}");
    assert_eq!(notes[1], "step endless: everybody is waited for");
    assert_eq!(
        notes[2],
        "warning: step `endless` says that it is done, and plans again: wait until ready: \
         zookeeper, broker 1. Every `cluster up` will do it once more"
    );
    assert_eq!(notes.len(), 3, "the others are told by what they do: {notes:?}");
}

#[tokio::test]
async fn what_it_finds_or_fails_at_has_its_name() {
    let bench = Bench::new();
    let error = bench.up(&with_steps(&["preflight", "finder"])).await.unwrap_err();
    assert_eq!(error.code, "plugin-failed");
    assert_eq!(error.evidence, ["code: no-quota", "0 of 10 left", "found by step `finder`"]);

    let spec = with_steps(&["broker-layout", "launch", "creator"]);
    // Two folders, two files, two starts.
    bench.world.arm(6, Fault::Fail);
    let error = bench.up(&spec).await.unwrap_err();
    let wanted = "step `creator`: create topic orders (1 partition, replication factor 1)";
    assert!(error.evidence.iter().any(|line| line == wanted), "{error:?}");
}
