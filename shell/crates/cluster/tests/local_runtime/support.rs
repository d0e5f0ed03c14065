//! A home of its own, a small cluster, and a program that stands in for a JVM.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kafsh_cluster::distribution::{Distributions, JavaSources};
use kafsh_cluster::runtime::{LocalOptions, LocalRuntime};
use kafsh_model::plan::Node;
use kafsh_model::port::{Runtime, Signal};
use kafsh_model::snapshot::ProcessState;
use kafsh_model::spec::{
    BrokerSpec, ClusterSpec, ListenerSpec, Preset, SPEC_SCHEMA, SecurityProtocol, ZooKeeperSpec,
};

pub const NODE: Node = Node::ZooKeeper;

/// Bound on everything that is waited for.
pub const WAIT: Duration = Duration::from_secs(20);

/// Tells what it was given, then does what a server does: nothing, until told to stop.
const STUB: &str = r#"#!/bin/sh
if [ "$1" = -version ]; then
  echo 'openjdk version "17.0.1" 2021-10-19' >&2
  echo 'OpenJDK Runtime Environment (build 17.0.1+12)' >&2
  exit 0
fi
trap 'exit 143' TERM
trap 'echo Full thread dump; echo "a thread"; echo JNI global refs: 1' QUIT
env > seen.env
printf '%s\n' "$@" > seen.args
echo "stub server started"
: > ready
while :; do sleep 0.05; done
"#;

/// A cluster named `demo` under a folder whose name needs care.
pub struct Bench {
    pub spec: ClusterSpec,
    root: tempfile::TempDir,
    runtime: LocalRuntime,
    real: bool,
}

impl Bench {
    /// With the stub, whatever is installed.
    pub async fn new() -> Self {
        Self::with(None).await
    }

    pub async fn real_if_given() -> Self {
        Self::with(std::env::var_os("KAFSH_TEST_KAFKA_LIBS").map(PathBuf::from)).await
    }

    async fn with(jars: Option<PathBuf>) -> Self {
        let root = tempfile::Builder::new().prefix("kafsh test ü").tempdir().unwrap();
        let real = jars.is_some();
        if !real {
            let bin = root.path().join("stub java/bin");
            fs::create_dir_all(&bin).unwrap();
            fs::write(bin.join("java"), STUB).unwrap();
            fs::set_permissions(bin.join("java"), fs::Permissions::from_mode(0o755)).unwrap();
            let libs = root.path().join("jars");
            fs::create_dir_all(&libs).unwrap();
            fs::write(libs.join("kafka_2.13-3.9.2.jar"), "").unwrap();
        }
        let runtime = runtime(root.path(), jars);
        let spec = spec(free_port(), free_port());
        let bench = Bench { spec, root, runtime, real };
        for node in bench.spec.nodes() {
            bench.runtime.create_directories(&bench.spec, node).await.unwrap();
            let properties = bench.properties(node);
            bench.runtime.write_properties(&bench.spec, node, &properties).await.unwrap();
        }
        bench
    }

    /// In alphabetical order, as they are read back.
    pub fn properties(&self, node: Node) -> Vec<(String, String)> {
        match node {
            Node::ZooKeeper => pairs(&[
                ("clientPort", &self.spec.zookeeper.port.to_string()),
                ("clientPortAddress", "127.0.0.1"),
            ]),
            Node::Broker(id) => {
                let own = &self.spec.broker(id).unwrap().listeners[0];
                let listeners = format!("PLAINTEXT://127.0.0.1:{}", own.port);
                pairs(&[
                    ("advertised.listeners", &listeners),
                    ("broker.id", &id.to_string()),
                    ("listeners", &listeners),
                    ("zookeeper.connect", &self.spec.zookeeper_connect()),
                ])
            }
        }
    }

    pub fn is_real(&self) -> bool {
        self.real
    }

    pub fn root(&self) -> &Path {
        self.root.path()
    }

    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    pub fn runtime(&self) -> &LocalRuntime {
        &self.runtime
    }

    /// As a second shell would have it.
    pub fn another_runtime(&self) -> LocalRuntime {
        runtime(self.root.path(), None)
    }

    pub fn node_folder(&self, slug: &str) -> PathBuf {
        self.home().join("clusters/demo/nodes").join(slug)
    }

    pub fn put_data(&self, slug: &str, name: &str) {
        let path = self.node_folder(slug).join("data").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "data").unwrap();
    }

    pub async fn state(&self, node: Node) -> ProcessState {
        self.runtime.node(&self.spec, node).await.unwrap().process
    }

    pub async fn since(&self, node: Node) -> Option<i64> {
        self.runtime.node(&self.spec, node).await.unwrap().since_ms
    }

    pub async fn start(&self, node: Node) -> u32 {
        let pid = self.runtime.start(&self.spec, node).await.unwrap();
        if !self.real {
            // Its trap is set before it writes this; an earlier SIGTERM would just end it.
            let ready = self.node_folder(&slug(node)).join("ready");
            eventually(|| ready.exists()).await;
            fs::remove_file(&ready).unwrap();
        }
        pid
    }

    pub async fn stop(&self, node: Node) {
        self.runtime.signal(&self.spec, node, Signal::Terminate).await.unwrap();
        self.runtime.wait_exit(&self.spec, node, WAIT).await.unwrap();
        self.runtime.forget(&self.spec, node).await.unwrap();
    }
}

/// A test that fails leaves no process behind.
impl Drop for Bench {
    fn drop(&mut self) {
        for node in self.spec.nodes() {
            let run = self.node_folder(&slug(node)).join("run.json");
            let Ok(text) = fs::read(run) else { continue };
            let record: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
            let nonce = record["nonce"].as_str().unwrap_or("none");
            if let Some(pid) = record["process"]["pid"].as_u64()
                && let Ok(line) = fs::read(format!("/proc/{pid}/cmdline"))
                && String::from_utf8_lossy(&line).contains(nonce)
                && let Some(pid) = rustix::process::Pid::from_raw(pid as i32)
            {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

fn runtime(root: &Path, jars: Option<PathBuf>) -> LocalRuntime {
    let home = root.join("home");
    let stub =
        JavaSources { java_home: Some(root.join("stub java")), path: None, installed: Vec::new() };
    let sources = if jars.is_some() { JavaSources::from_environment() } else { stub };
    let distributions = Distributions::new(&home)
        .with_kafka_home(Some(jars.unwrap_or(root.join("jars"))))
        .with_java_sources(sources);
    LocalRuntime::new(LocalOptions::new(home, Arc::new(distributions)))
}

fn spec(zookeeper: u16, broker: u16) -> ClusterSpec {
    let listener = ListenerSpec {
        name: "PLAINTEXT".into(),
        protocol: SecurityProtocol::Plaintext,
        bind: "127.0.0.1".into(),
        port: broker,
        advertised_host: "127.0.0.1".into(),
        advertised_port: broker,
        inter_broker: false,
    };
    ClusterSpec {
        schema: SPEC_SCHEMA,
        name: kafsh_model::ClusterName::new("demo").unwrap(),
        kafka: "3.9.2".into(),
        preset: Preset::Dev,
        ephemeral: false,
        adopted: false,
        data_dir: None,
        steps: Vec::new(),
        zookeeper: ZooKeeperSpec {
            bind: "127.0.0.1".into(),
            port: zookeeper,
            chroot: None,
            heap_mib: None,
            data_dir: None,
            data_log_dir: None,
            properties: Default::default(),
        },
        brokers: vec![BrokerSpec {
            id: 1,
            rack: None,
            listeners: vec![listener],
            log_dirs: Vec::new(),
            heap_mib: None,
            controller_port: None,
            properties: Default::default(),
        }],
        properties: Default::default(),
    }
}

/// Below the ports that the kernel hands out and those of real clusters of tests: what is free
/// stays free until a server of this test takes it.
fn free_port() -> u16 {
    const FIRST: u32 = 12_000;
    const COUNT: u32 = 8_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Test processes begin at places of their own.
        let place = std::process::id() * 37 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(FIRST + place % COUNT).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn slug(node: Node) -> String {
    node.to_string().replace(' ', "-")
}

pub fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

pub fn argument_lines(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("seen.args")).unwrap();
    text.lines().map(String::from).collect()
}

/// Polls a condition of the outside world; fails after [`WAIT`].
pub async fn eventually(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + WAIT;
    while !condition() {
        assert!(Instant::now() < deadline, "it did not come about");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A process that has nothing to do with us.
pub fn decoy() -> Child {
    Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap()
}

fn fields_of(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let rest = text.get(text.rfind(')')? + 1..)?;
    Some(rest.split_whitespace().map(String::from).collect())
}

pub fn process_state(pid: u32) -> Option<char> {
    fields_of(pid)?.first()?.chars().next()
}

pub fn session_of(pid: u32) -> Option<u32> {
    fields_of(pid)?.get(3)?.parse().ok()
}

pub fn start_ticks(pid: u32) -> u64 {
    fields_of(pid).unwrap()[19].parse().unwrap()
}

/// What the descriptors of a process refer to.
pub fn descriptors_of(pid: u32) -> Vec<PathBuf> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()).collect()
}
