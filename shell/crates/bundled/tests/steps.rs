//! The bundled steps as they are embedded, and the golden ones of older SDKs, called through the
//! sandbox.

use std::path::Path;
use std::time::Instant;

use kafsh_host::{HostOptions, PluginHost};
use kafsh_model::plan::{Action, StepInput};
use kafsh_model::port::Steps;
use kafsh_model::snapshot::Snapshot;
use kafsh_model::spec::ClusterSpec;

fn input() -> StepInput {
    let broker = |id: u16| {
        let port = 9090 + id;
        serde_json::json!({ "id": id, "listeners": [{
            "name": "PLAINTEXT", "bind": "127.0.0.1", "port": port,
            "advertised_host": "127.0.0.1", "advertised_port": port }] })
    };
    let spec: ClusterSpec = serde_json::from_value(serde_json::json!({
        "schema": 1, "name": "demo", "kafka": "3.9.2",
        "zookeeper": { "bind": "127.0.0.1", "port": 2181 },
        "brokers": [broker(1), broker(2), broker(3)],
    }))
    .unwrap();
    StepInput { spec, observed: Snapshot::default(), planned: vec![] }
}

fn host(dir: &std::path::Path) -> PluginHost {
    let host = PluginHost::new(HostOptions::new(dir.join("cache"), dir.join("state")));
    for plugin in kafsh_bundled::plugins().iter().filter(|plugin| plugin.kind == "step") {
        host.add_bundled(plugin.component, plugin.digest).unwrap();
    }
    host
}

/// Calls every step; run with `--nocapture` to see how long each took.
fn call_all(host: &PluginHost) {
    let input = input();
    for plugin in kafsh_bundled::plugins().iter().filter(|plugin| plugin.kind == "step") {
        let began = Instant::now();
        let step = host.step(plugin.name).unwrap();
        let known = began.elapsed();
        assert_eq!(step.info().name, plugin.name);
        let first = step.plan(&input);
        let planned = began.elapsed() - known;
        let once = || {
            let again = Instant::now();
            // The same input gives the same answer: steps are pure.
            assert_eq!(step.plan(&input), first);
            again.elapsed()
        };
        let warm = (0..20).map(|_| once()).min().unwrap();
        // A host of which nothing is known may well be a reason to refuse, but not to break.
        let codes = [first.err(), step.verify(&input).err()];
        for error in codes.into_iter().flatten() {
            assert_eq!(error.code, "plugin-failed", "{error:?}");
        }
        eprintln!("{}: step() {known:.1?}, first plan {planned:.1?}, best {warm:.1?}", plugin.name);
    }
}

#[test]
fn every_bundled_step_answers_compiled_and_cached() {
    let dir = tempfile::tempdir().unwrap();
    eprintln!("compiled:");
    call_all(&host(dir.path()));
    eprintln!("from the cache:");
    call_all(&host(dir.path()));
    let began = Instant::now();
    let host = host(dir.path());
    let list = host.list();
    eprintln!("{} steps listed: {:.1?}", list.len(), began.elapsed());
    assert!(list.iter().all(|info| info.version != "?"), "{list:?}");
}

/// A step built with an SDK that was released is loaded by every later host of that major.
#[test]
fn steps_of_older_sdks_still_plan() {
    let dir = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/guests/golden");
    let mut seen = 0;
    let entries = std::fs::read_dir(golden).unwrap().map(|entry| entry.unwrap().path());
    for version in entries.filter(|path| path.is_dir()) {
        let bytes: &'static [u8] = std::fs::read(version.join("step-launch.wasm")).unwrap().leak();
        let host = PluginHost::new(HostOptions::new(dir.path().join("c"), dir.path().join("s")));
        host.add_bundled(bytes, kafsh_pack::Digest::of(bytes).as_str()).unwrap();
        let actions = host.step("launch").unwrap().plan(&input()).unwrap().actions;
        let started = actions.iter().flat_map(|action| match action {
            Action::Start { nodes } => nodes.clone(),
            _ => Vec::new(),
        });
        assert_eq!(started.count(), 4, "ZooKeeper and three brokers: {actions:?}");
        seen += 1;
    }
    assert!(seen > 0, "there is no golden step");
}
