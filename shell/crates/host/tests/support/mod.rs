//! Guests from WebAssembly text, what to ask them, and hosts in folders of their own.
#![allow(dead_code, reason = "each target uses its own part")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use kafsh_host::{Digest, Grants, HostOptions, LogLine, PluginHost, PluginSource};
use kafsh_model::plan::StepInput;
use kafsh_model::plugin::{Capability, CapabilityName, LimitRequest, Manifest, PluginKind};
use kafsh_model::policy::{Operation, PolicyRequest, TopicState};
use kafsh_model::record::{Headers, RecordBatch, RecordView};
use kafsh_model::snapshot::Snapshot;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::transform::SourcePartition;
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

/// Its kind: that whose functions it brings, else what its file's name begins with, else a step.
pub fn kind_of(name: &str) -> PluginKind {
    let begins = |kind: &PluginKind| name.starts_with(&format!("{kind}-"));
    PluginKind::ALL.into_iter().find(begins).unwrap_or(PluginKind::Step)
}

fn world(kind: PluginKind) -> &'static str {
    match kind {
        PluginKind::Step => "provisioning-step",
        PluginKind::Policy => "topic-policy",
        PluginKind::Transform => "record-transform",
    }
}

/// What every guest has unless its file brings its own; each with the words that show that.
fn prelude(kind: PluginKind, name: &str) -> Vec<(&'static str, String)> {
    let version_at = 16 + name.len();
    let describe = format!(
        r#"(data (i32.const 16) "{name}0.1.0")
        (func (export "kafsh:{kind}/{kind}@1.0.0#describe") (result i32)
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
        (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
          (local $at i32)
          (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
          (global.set $free (i32.add (local.get $at) (local.get 3)))
          (loop $more
            (if (i32.gt_u (global.get $free) (i32.mul (memory.size) (i32.const 65536)))
              (then (drop (memory.grow (i32.const 1))) (br $more))))
          (local.get $at))"#;
    // Zeroes: nothing planned, found or emitted, and no failure.
    let answer = |function: &str, parameters: &str| {
        format!(
            r#"(func (export "kafsh:{kind}/{kind}@1.0.0#{function}") {parameters} (result i32)
              (memory.fill (i32.const 512) (i32.const 0) (i32.const 80)) (i32.const 512))"#
        )
    };
    let mut prelude = vec![
        ("(memory $memory", r#"(memory $memory (export "memory") 1)"#.into()),
        ("\"cabi_realloc\"", realloc.into()),
        ("#describe\"", describe),
    ];
    match kind {
        PluginKind::Step => {
            prelude.push(("#plan\"", answer("plan", "(param i32)")));
            prelude.push(("#verify\"", answer("verify", "(param i32)")));
        }
        PluginKind::Policy => prelude.push(("#check\"", answer("check", "(param i32)"))),
        PluginKind::Transform => {
            prelude.push(("#configure\"", answer("configure", "")));
            let parameters = format!("(param {})", "i32 ".repeat(13));
            prelude.push(("#process\"", answer("process", &parameters)));
        }
    }
    prelude
}

/// The core module of a guest, with the contract embedded.
pub fn core_module(kind: PluginKind, name: &str, fields: &str) -> Vec<u8> {
    // Imports come first in a module, so what the file imports goes before the prelude.
    let (imports, rest): (Vec<&str>, Vec<&str>) =
        fields.lines().partition(|line| line.starts_with("(import "));
    // What frees the answer of a function is named like it, and is not the function.
    let brings = |sign: &str| {
        fields.lines().any(|line| line.contains(sign) && !line.contains("\"cabi_post_"))
    };
    let missing = prelude(kind, name).into_iter().filter(|(sign, _)| !brings(sign));
    let prelude: String = missing.map(|(_, text)| text).collect();
    let text = format!("(module {} {prelude} {}\n)", imports.join("\n"), rest.join("\n"));
    let mut module = wat::parse_str(&text).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
    let mut resolve = Resolve::default();
    let contract = root().join("sdk/wit");
    resolve.push_dir(contract.join("host")).unwrap();
    let (package, _) = resolve.push_dir(contract.join(kind.name())).unwrap();
    let world = resolve.select_world(&[package], Some(world(kind))).unwrap();
    let utf8 = StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, utf8).unwrap();
    module
}

fn text(name: &str) -> String {
    let path = folder().join(format!("{name}.wat"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"))
}

/// The component of a guest's file, without a manifest.
pub fn component(name: &str) -> Vec<u8> {
    let text = text(name);
    if text.starts_with("(component") {
        return wat::parse_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    let packed = kafsh_pack::pack(&core_module(kind_of(name), name, &text));
    packed.unwrap_or_else(|e| panic!("{name}: {e}")).component
}

/// What the file says about itself in lines like `;; declares: clock random`.
fn said<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.trim().strip_prefix(";; ")?.strip_prefix(word))
}

/// The manifest of a guest: version 0.1.0, with what its file declares.
pub fn manifest(name: &str) -> Manifest {
    let (kind, text) = (kind_of(name), text(name));
    let declared = said(&text, "declares: ").unwrap_or_default().split_whitespace();
    let capability = |name: &str| Capability {
        name: CapabilityName::from_name(name).unwrap_or_else(|| panic!("no capability {name}")),
        scope: vec![],
        reason: String::new(),
    };
    let call_ms = said(&text, "call-ms: ").map(|ms| ms.parse().unwrap());
    Manifest {
        schema: kafsh_model::plugin::MANIFEST_SCHEMA,
        name: name.into(),
        version: "0.1.0".into(),
        kind,
        api: format!("kafsh:{kind}@1.0.0"),
        sdk: String::new(),
        summary: "a guest".into(),
        authors: vec![],
        license: String::new(),
        repository: String::new(),
        capabilities: declared.map(capability).collect(),
        limits: LimitRequest { call_ms, ..LimitRequest::default() },
        settings: vec![],
        outputs: said(&text, "outputs: ").map(|glob| vec![glob.to_owned()]).unwrap_or_default(),
    }
}

/// A guest as it would be installed, with all that it asks for.
pub fn source(name: &str) -> PluginSource {
    source_of(name, component(name), manifest(name))
}

/// These bytes with this manifest, which is put into them.
pub fn source_of(name: &str, component: Vec<u8>, manifest: Manifest) -> PluginSource {
    let component = kafsh_pack::add_manifest(&component, &manifest);
    PluginSource {
        kind: manifest.kind,
        name: name.into(),
        digest: Digest::of(&component),
        component: component.into(),
        grants: Grants::all_of(&manifest),
        manifest,
    }
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

/// A topic of twelve partitions that is to be created.
pub fn request() -> PolicyRequest {
    PolicyRequest {
        operation: Operation::Create,
        topic: "orders".into(),
        cluster: "demo".into(),
        current: None,
        proposed: Some(TopicState { partitions: 12, replication_factor: 3, ..Default::default() }),
        touched: vec![],
        extras: Default::default(),
    }
}

pub fn partition() -> SourcePartition {
    SourcePartition { topic: "orders".into(), partition: 3 }
}

/// So many records of [`partition`], each with a key, a value of this size and one header.
pub fn batch(records: usize, value_bytes: usize) -> RecordBatch {
    let headers: [(&str, Option<&[u8]>); 1] = [("trace", Some(b"7"))];
    let value = vec![b'v'; value_bytes];
    let mut batch = RecordBatch::new();
    for offset in 0..records as i64 {
        let record = RecordView {
            partition: 3,
            offset,
            timestamp_ms: 1_700_000_000_000 + offset,
            headers: Headers::Slice(&headers),
            ..RecordView::new("orders", Some(b"key"), Some(&value))
        };
        assert!(batch.push(record));
    }
    batch
}

/// What `work` gives on a thread that was lent to guests, as the shell lends its own.
pub fn on_a_lent_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let lent = std::thread::Builder::new().stack_size(kafsh_host::limits::THREAD_STACK_BYTES);
    let lent = lent.spawn(|| {
        kafsh_host::lend_this_thread();
        work()
    });
    lent.unwrap().join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
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
        self.host_with(|options| options.no_cache = no_cache)
    }

    pub fn host_with(&self, change: impl FnOnce(&mut HostOptions)) -> PluginHost {
        let lines = Arc::clone(&self.lines);
        let root = self.dir.path();
        let mut options = HostOptions::new(root.join("cache"), root.join("state"));
        options.log = Arc::new(move |line| lines.lock().unwrap().push(line.clone()));
        change(&mut options);
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
