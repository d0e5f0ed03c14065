//! Steps as components, from the engine's side: the embedded ones provision a cluster, somebody
//! else's stands between them, and one that breaks stops the plan before anything was done.

#[path = "../shell/crates/host/tests/support/mod.rs"]
mod guests;

use std::path::Path;
use std::sync::Arc;

use kafsh_cluster::engine::report::UpOptions;
use kafsh_cluster::spec::{PortRegistry, SpecRequest, build};
use kafsh_cluster::{Engine, Store};
use kafsh_host::{HostOptions, PluginHost};
use kafsh_model::plan::{Action, Node};
use kafsh_model::spec::{ClusterSpec, DEFAULT_STEPS};
use kafsh_rehearsal::Rehearsal;

/// An engine on a rehearsal, with the embedded steps and these guests.
fn engine(home: &Path, others: &[&str]) -> Engine {
    let host = PluginHost::new(HostOptions::new(home.join("cache"), home.join("state")));
    for plugin in kafsh_bundled::plugins() {
        host.add_bundled(plugin.component, plugin.digest).expect("embedded");
    }
    for name in others {
        host.add(guests::source(name)).expect("a guest");
    }
    let world = Arc::new(Rehearsal::new());
    let store = Store::open(home.join("home")).expect("a store");
    Engine::new(world.clone(), world, Arc::new(host), store)
}

fn spec(steps: &[&str]) -> ClusterSpec {
    let mut request = SpecRequest::new(kafsh_model::ClusterName::new("demo").expect("a name"));
    request.kafka = Some("3.9.2".to_string());
    let mut spec = build(&request, &PortRegistry::default()).expect("a spec");
    spec.steps = steps.iter().map(ToString::to_string).collect();
    spec
}

/// The default steps with another behind `broker-layout`.
fn with_step_of_others(name: &'static str) -> Vec<&'static str> {
    let mut steps = DEFAULT_STEPS.to_vec();
    let behind = steps.iter().position(|step| *step == "broker-layout").expect("a layout") + 1;
    steps.insert(behind, name);
    steps
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_steps_bring_a_cluster_up_and_then_plan_nothing() {
    let home = tempfile::tempdir().expect("a folder");
    let engine = engine(home.path(), &[]);
    let spec = spec(&DEFAULT_STEPS);
    let report = engine.up(&spec, &UpOptions::default()).await.expect("a cluster");
    let steps: Vec<&str> = report.plan.steps.iter().map(|planned| planned.step.as_str()).collect();
    assert_eq!(steps, DEFAULT_STEPS);
    let (_, again) = engine.dry_run(&spec).await.expect("a plan");
    assert!(again.is_empty(), "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_of_somebody_else_stands_between_them() {
    let home = tempfile::tempdir().expect("a folder");
    let engine = engine(home.path(), &["well-behaved"]);
    let spec = spec(&with_step_of_others("well-behaved"));
    let (_, plan) = engine.dry_run(&spec).await.expect("a plan");
    let theirs = &plan.steps[3];
    assert_eq!(theirs.step, "well-behaved");
    let wanted = [Action::CreateDirectories { node: Node::Broker(2) }];
    assert_eq!(theirs.plan.actions, wanted);
    let report = engine.up(&spec, &UpOptions::default()).await.expect("a cluster");
    assert!(report.controller.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_breaks_stops_the_plan_and_nothing_was_done() {
    for (name, code) in [("trap", "plugin-panic"), ("plan-endless", "plugin-timeout")] {
        let home = tempfile::tempdir().expect("a folder");
        let engine = engine(home.path(), &[name]);
        let spec = spec(&with_step_of_others(name));
        let error = engine.up(&spec, &UpOptions::default()).await.expect_err("no cluster");
        assert!(error.code.starts_with("plugin-"), "{name}: wanted {code}, got {error:?}");
        let snapshot = engine.observe(&spec).await.expect("a look");
        let alive = snapshot.nodes.iter().filter(|facts| facts.process.is_alive()).count();
        assert_eq!(alive, 0, "{name}: something was started");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_step_is_named() {
    let home = tempfile::tempdir().expect("a folder");
    let engine = engine(home.path(), &[]);
    let spec = spec(&with_step_of_others("nobodys"));
    let error = engine.up(&spec, &UpOptions::default()).await.expect_err("no cluster");
    assert_eq!(error.code, "step-not-found");
    assert!(error.message.contains("nobodys"), "{error:?}");
}
