//! Guests from WebAssembly text, a spec to plan for, and hosts in folders of their own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use kafsh_host::{HostOptions, LogLine, PluginHost};
use kafsh_model::plan::StepInput;
use kafsh_model::snapshot::Snapshot;
use kafsh_model::spec::ClusterSpec;
use wit_component::StringEncoding;
use wit_parser::Resolve;

/// The root of the repository, whichever crate's tests include this.
fn root() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_root = |folder: &&Path| folder.join("sdk/wit/step/step.wit").is_file();
    crate_folder.ancestors().find(is_root).expect("the contract").to_path_buf()
}

/// Where the guests lie.
pub fn folder() -> PathBuf {
    root().join("tests/guests")
}

/// What every guest has unless its file brings its own; each with the words that show that.
fn prelude(name: &str) -> Vec<(&'static str, String)> {
    let version_at = 16 + name.len();
    let describe = format!(
        r#"(data (i32.const 16) "{name}0.1.0")
        (func (export "kafsh:step/step@1.0.0#describe") (result i32)
          (i32.store (i32.const 128) (i32.const 16))
          (i32.store (i32.const 132) (i32.const {length}))
          (i32.store (i32.const 136) (i32.const {version_at}))
          (i32.store (i32.const 140) (i32.const 5))
          (i32.store (i32.const 144) (i32.const 16))
          (i32.store (i32.const 148) (i32.const {length}))
          (i32.const 128))"#,
        length = name.len(),
    );
    // Hands out memory from 16 KiB on, so that guests may use what is below as they like.
    let realloc = r#"(global $free (mut i32) (i32.const 16384))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
          (local $at i32)
          (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
          (global.set $free (i32.add (local.get $at) (local.get 3)))
          (loop $more
            (if (i32.gt_u (global.get $free) (i32.mul (memory.size) (i32.const 65536)))
              (then (drop (memory.grow (i32.const 1))) (br $more))))
          (local.get $at))"#;
    let answer = |function: &str| {
        format!(
            r#"(func (export "kafsh:step/step@1.0.0#{function}") (param i32) (result i32)
              (memory.fill (i32.const 512) (i32.const 0) (i32.const 64)) (i32.const 512))"#
        )
    };
    vec![
        ("(memory $memory", r#"(memory $memory (export "memory") 1)"#.into()),
        ("\"cabi_realloc\"", realloc.into()),
        ("#describe\"", describe),
        ("#plan\"", answer("plan")),
        ("#verify\"", answer("verify")),
    ]
}

/// The core module of a guest, with the contract embedded.
pub fn core_module(name: &str, fields: &str) -> Vec<u8> {
    // Imports come first in a module, so what the file imports goes before the prelude.
    let (imports, rest): (Vec<&str>, Vec<&str>) =
        fields.lines().partition(|line| line.starts_with("(import "));
    let missing = prelude(name).into_iter().filter(|(sign, _)| !fields.contains(sign));
    let prelude: String = missing.map(|(_, text)| text).collect();
    let text = format!("(module {} {prelude} {}\n)", imports.join("\n"), rest.join("\n"));
    let mut module = wat::parse_str(&text).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
    let mut resolve = Resolve::default();
    let contract = root().join("sdk/wit");
    resolve.push_dir(contract.join("host")).unwrap();
    let (package, _) = resolve.push_dir(contract.join("step")).unwrap();
    let world = resolve.select_world(&[package], Some("provisioning-step")).unwrap();
    let utf8 = StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, utf8).unwrap();
    module
}

/// The component of a guest's file.
pub fn component(name: &str) -> Vec<u8> {
    let path = folder().join(format!("{name}.wat"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    if text.starts_with("(component") {
        return wat::parse_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    let packed = kafsh_pack::pack(&core_module(name, &text));
    packed.unwrap_or_else(|e| panic!("{name}: {e}")).component
}

/// ZooKeeper and brokers 1 to 3, nothing observed.
pub fn input() -> StepInput {
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

/// A place for a host's cache and state, gone with the test; and all that was logged there.
pub struct Place {
    pub dir: tempfile::TempDir,
    pub lines: Arc<Mutex<Vec<LogLine>>>,
}

impl Place {
    pub fn new() -> Self {
        Place { dir: tempfile::tempdir().unwrap(), lines: Arc::default() }
    }

    pub fn host(&self, no_cache: bool) -> PluginHost {
        let lines = Arc::clone(&self.lines);
        let root = self.dir.path();
        let mut options = HostOptions::new(root.join("cache"), root.join("state"));
        options.no_cache = no_cache;
        options.log = Arc::new(move |line| lines.lock().unwrap().push(line.clone()));
        PluginHost::new(options)
    }

    /// Paths of the compiled plugins.
    pub fn compiled(&self) -> Vec<PathBuf> {
        let Ok(files) = std::fs::read_dir(self.dir.path().join("cache/plugins")) else {
            return Vec::new();
        };
        let paths = files.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|end| end == "code")).collect()
    }
}
