//! Steps as components, from the engine's side: the embedded ones provision a cluster, somebody
//! else's stands between them, and one that breaks stops the plan before anything was done. And a
//! shell that tries every greedy guest of every kind.

mod support;

#[path = "../shell/crates/host/tests/support/mod.rs"]
mod guests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kafsh_cluster::engine::report::UpOptions;
use kafsh_cluster::spec::{PortRegistry, SpecRequest, build};
use kafsh_cluster::{Engine, Store};
use kafsh_host::{HostOptions, PluginHost};
use kafsh_model::plan::{Action, Node};
use kafsh_model::plugin::PluginKind;
use kafsh_model::spec::{ClusterSpec, DEFAULT_STEPS};
use kafsh_rehearsal::Rehearsal;
use support::Kafsh;

/// What guests are called that want more than there is.
const GREEDY: [&str; 7] = ["bomb", "huge", "flood", "amplified", "recursion", "long", "greedy"];

/// Resident memory that a shell may have at its peak, all of them tried: engine, compiler, 64 MiB
/// of a guest, and an answer of 16 MiB on its way through the shell.
const PEAK_BYTES_MAX: u64 = 400 << 20;

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

/// `VmHWM` of proc(5), in bytes; `None` once the process is gone.
fn peak_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}

#[test]
fn a_shell_stays_small_whatever_guests_take() {
    let home = tempfile::tempdir().expect("a folder");
    let mut script = String::from("cluster up demo --brokers 1\ncluster use demo\n");
    let mut guests_of = [0; 3];
    for entry in std::fs::read_dir(guests::folder()).expect("the guests") {
        let file = entry.expect("a guest").file_name().into_string().expect("a name");
        let Some(name) = file.strip_suffix(".wat") else { continue };
        if !GREEDY.iter().any(|word| name.contains(word)) {
            continue;
        }
        std::fs::write(home.path().join(format!("{name}.wasm")), &*guests::source(name).component)
            .expect("a plugin");
        let kind = guests::kind_of(name);
        guests_of[kind as usize] += 1;
        let before = if kind == PluginKind::Transform { "jq -n '{a: 1}' | " } else { "" };
        script.push_str(&format!("try {before}plugin try {name}.wasm\n"));
    }
    assert!(guests_of.iter().all(|count| *count >= 5), "of each kind: {guests_of:?}");
    // Long enough alive after the last of them to be looked at.
    script.push_str("jq -n '\"still here\"'\n! sleep 0.5\n");
    std::fs::write(home.path().join("greedy.ksh"), script).expect("a script");
    let own = home.path().join("home");
    std::fs::create_dir(&own).expect("a folder");
    let kafsh = Kafsh::at(&own).in_directory(home.path());
    let child = kafsh.with(&["--rehearse"]).spawn(&["run", "greedy.ksh"]);
    let pid = child.id();
    let looked = std::thread::spawn(move || {
        let mut peak = 0;
        while let Some(bytes) = peak_bytes(pid) {
            peak = bytes;
            std::thread::sleep(Duration::from_millis(20));
        }
        peak
    });
    let ran =
        support::finish(child, Duration::from_secs(120), "greedy.ksh").ok().says("still here");
    let peak = looked.join().expect("a look");
    let told = ran.stderr.matches("went on after: ").count();
    assert!(told > guests_of.iter().sum::<usize>() / 2, "few of them were held: {}", ran.stderr);
    assert!(peak > 0 && peak < PEAK_BYTES_MAX, "the shell had {} MiB", peak >> 20);
}
