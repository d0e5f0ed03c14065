//! What the test targets share: a hermetic kafsh, bounded in time, and real clusters that go away.
#![allow(dead_code, reason = "each target uses its own part")]

mod compiled;

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Longest one run of kafsh may take before the test kills it.
pub const RUN_DEADLINE: Duration = Duration::from_secs(180);

/// First port for real clusters of tests: below the ports the kernel hands out.
const PORTS_FIRST: u16 = 20_100;
/// Ports kept for each: room for brokers, controllers and ZooKeeper.
const PORTS_EACH: u16 = 40;
/// Blocks of them.
const PORT_BLOCKS: u16 = 300;

/// Locks of the blocks that this process has, until it ends.
static BLOCKS: Mutex<Vec<File>> = Mutex::new(Vec::new());
static NEXT_NAME: AtomicU32 = AtomicU32::new(0);

/// The root of the repository.
pub fn root() -> PathBuf {
    let shell = Path::new(env!("CARGO_MANIFEST_DIR"));
    shell.parent().expect("the shell's folder has a parent").to_path_buf()
}

/// Where Kafka is installed for tests, CDS archives are kept and test clusters live.
pub fn test_home() -> PathBuf {
    if let Some(home) = std::env::var_os("KAFSH_TEST_HOME") {
        return PathBuf::from(home);
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).unwrap_or_else(|| {
        let home = std::env::var_os("HOME").expect("HOME is set");
        Path::new(&home).join(".cache")
    });
    cache.join("kafsh").join("test-home")
}

/// A run of kafsh that ended.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stdout_bytes: Vec<u8>,
    pub stderr: String,
}

impl Ran {
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, 0, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn fails(self, status: i32) -> Self {
        assert_eq!(self.status, status, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        let said = self.stdout.contains(text) || self.stderr.contains(text);
        assert!(said, "no `{text}` in\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("{e} in\n{}\nstderr:\n{}", self.stdout, self.stderr))
    }
}

/// A kafsh to be run: nothing of the caller's environment reaches it but `PATH` and
/// `TMPDIR`.
pub struct Kafsh {
    home: PathBuf,
    directory: PathBuf,
    before: Vec<String>,
    environment: Vec<(String, String)>,
    stdin: Vec<u8>,
}

impl Kafsh {
    pub fn at(home: &Path) -> Self {
        compiled::put_into(home);
        Kafsh::without_code(home)
    }

    /// At a home in which no plugin is compiled yet, unless it was used before.
    pub fn without_code(home: &Path) -> Self {
        Kafsh {
            home: home.to_path_buf(),
            directory: root(),
            before: Vec::new(),
            environment: Vec::new(),
            stdin: Vec::new(),
        }
    }

    /// Words before the command: `-C name`, `--rehearse`.
    pub fn with(mut self, words: &[&str]) -> Self {
        self.before.extend(words.iter().map(|word| word.to_string()));
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_string(), value.to_string()));
        self
    }

    /// With the cargo, the compiler and the crates of whoever runs the tests, and the guests'
    /// target directory of this build, so that only what is new is compiled.
    pub fn with_cargo(mut self) -> Self {
        let home = PathBuf::from(std::env::var_os("HOME").expect("HOME is set"));
        let given =
            |name: &str, default: PathBuf| std::env::var_os(name).map_or(default, PathBuf::from);
        // Cargo marks the top of a target directory.
        let program = Path::new(env!("CARGO_BIN_EXE_kafsh"));
        let top = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
        let top = top.or(program.ancestors().nth(2)).expect("a target directory");
        let guests = top.join("guest");
        for (name, default) in [
            ("CARGO_HOME", home.join(".cargo")),
            ("RUSTUP_HOME", home.join(".rustup")),
            ("KAFSH_GUEST_TARGET_DIR", guests),
        ] {
            self = self.env(name, &given(name, default).to_string_lossy());
        }
        for name in ["RUSTUP_TOOLCHAIN", "KAFSH_GUEST_TOOLCHAIN", "CARGO", "RUSTC"] {
            if let Ok(value) = std::env::var(name) {
                self = self.env(name, &value);
            }
        }
        // Nothing that a test does goes on the network.
        self.env("CARGO_NET_OFFLINE", "true")
    }

    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    pub fn in_directory(mut self, directory: &Path) -> Self {
        self.directory = directory.to_path_buf();
        self
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kafsh"));
        command.args(&self.before).args(words).current_dir(&self.directory).env_clear();
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env("PATH", path).env("LANG", "C.UTF-8").env("TZ", "UTC");
        // What it leaves there is found after the tests.
        command.env("TMPDIR", std::env::temp_dir());
        command.env("HOME", &self.home).env("KAFSH_HOME", &self.home);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts it and returns at once, with pipes at both ends.
    pub fn spawn(&self, words: &[&str]) -> Child {
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("kafsh starts")
    }

    /// Runs it to its end; kills it, and fails, after [`RUN_DEADLINE`].
    pub fn run(&self, words: &[&str]) -> Ran {
        let mut child = self.spawn(words);
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = self.stdin.clone();
        let writer = std::thread::spawn(move || {
            // It may well end without reading all of it.
            let _ = stdin.write_all(&input);
        });
        let ran = finish(child, RUN_DEADLINE, &format!("{words:?}"));
        writer.join().expect("the writer ends");
        ran
    }
}

/// Waits for a child, reading both pipes.
pub fn finish(mut child: Child, deadline: Duration, what: &str) -> Ran {
    let stdout = child.stdout.take().expect("a pipe");
    let stderr = child.stderr.take().expect("a pipe");
    drop(child.stdin.take());
    let (out, err) = (read_all(stdout), read_all(stderr));
    let end = Instant::now() + deadline;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child to wait for") {
            break status;
        }
        if Instant::now() > end {
            child.kill().expect("a child to kill");
            panic!("{what} took longer than {deadline:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let stdout_bytes = out.join().expect("stdout");
    let stderr = String::from_utf8_lossy(&err.join().expect("stderr")).into_owned();
    let stdout = String::from_utf8_lossy(&stdout_bytes).into_owned();
    Ran { status: status.code().unwrap_or(-1), stdout, stdout_bytes, stderr }
}

/// Sends a signal, as `kill` takes its name: `-INT`.
pub fn signal(which: &str, pid: u32) {
    // The shell's own: not every machine has the program.
    let line = format!("kill {which} {pid}");
    let sent = Command::new("sh").args(["-c", &line]).status().expect("sh");
    assert!(sent.success());
}

fn read_all(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a readable pipe");
        bytes
    })
}

/// Ports that no other test uses, of this process or another: the first of a block, which is held
/// by a lock on a file in the tests' home.
pub fn ports() -> u16 {
    let folder = test_home().join("ports");
    std::fs::create_dir_all(&folder).expect("a folder for locks");
    for block in 0..PORT_BLOCKS {
        let path = folder.join(block.to_string());
        let mut options = File::options();
        let file = options.write(true).create(true).truncate(false).open(path).expect("a lock");
        if file.try_lock().is_ok() {
            BLOCKS.lock().expect("no test dies while it has this").push(file);
            return PORTS_FIRST + PORTS_EACH * block;
        }
    }
    panic!("all {PORT_BLOCKS} blocks of ports are in use")
}

/// A name for a cluster that no other test uses.
pub fn unique(prefix: &str) -> String {
    let number = NEXT_NAME.fetch_add(1, Ordering::SeqCst);
    let pid = std::process::id();
    format!("{prefix}-{pid}-{}-{number}", started(pid).expect("this process runs"))
}

/// When a process started, in ticks since the machine did; `None` where there is none.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the name, which may hold anything, it is the 20th field.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// A real cluster in the tests' home, destroyed when dropped.
pub struct RealCluster {
    pub name: String,
    pub base_port: u16,
    pub home: PathBuf,
}

impl RealCluster {
    /// A name and ports; nothing is started.
    pub fn reserve(prefix: &str) -> Self {
        let home = test_home();
        assert!(
            home.join("kafka").is_dir(),
            "Kafka is not installed in {}: run `cargo xtask test`",
            home.display()
        );
        clear_leftovers(&home);
        RealCluster { name: unique(prefix), base_port: ports(), home }
    }

    /// Brings it up with these many brokers.
    pub fn up(prefix: &str, brokers: u32) -> Self {
        let cluster = RealCluster::reserve(prefix);
        cluster.bring_up(&["--brokers", &brokers.to_string()]).ok();
        cluster
    }

    pub fn bring_up(&self, flags: &[&str]) -> Ran {
        let base = self.base_port.to_string();
        let zookeeper = self.zookeeper_port().to_string();
        let mut words = vec!["cluster", "up", &self.name, "--base-port", &base];
        words.extend(["--zookeeper-port", &zookeeper]);
        words.extend(flags);
        Kafsh::at(&self.home).run(&words)
    }

    pub fn zookeeper_port(&self) -> u16 {
        self.base_port + PORTS_EACH - 1
    }

    /// A kafsh that works on this cluster.
    pub fn kafsh(&self) -> Kafsh {
        Kafsh::at(&self.home).with(&["-C", &self.name])
    }

    pub fn run(&self, words: &[&str]) -> Ran {
        self.kafsh().run(words)
    }

    pub fn bootstrap(&self, brokers: u16) -> String {
        let address = |n| format!("127.0.0.1:{}", self.base_port + n);
        (0..brokers).map(address).collect::<Vec<_>>().join(",")
    }

    /// The folder of the cluster.
    pub fn folder(&self) -> PathBuf {
        self.home.join("clusters").join(&self.name)
    }

    /// Pids of its servers.
    pub fn pids(&self) -> Vec<u32> {
        servers(&self.name)
    }
}

/// Destroys the clusters in the tests' home that no running test has: a run that was killed, or
/// that failed in the middle of `cluster up`, would otherwise hold its ports in the registry for
/// ever. The home outlives checkouts, so names of an older shape are leftovers too.
fn clear_leftovers(home: &Path) {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let clusters = home.join("clusters");
        let entries = std::fs::read_dir(&clusters).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        for name in names.filter(|name| !is_of_a_running_process(name)) {
            let gone = Kafsh::at(home).run(&["cluster", "destroy", &name, "--yes", "--force"]);
            if gone.status != 0 {
                // What cannot even be destroyed, say of a spec that is no longer read, must not
                // keep its ports either; another test process may be at the same.
                kill_servers(&name);
                let _ = std::fs::remove_dir_all(clusters.join(&name));
            }
        }
    });
}

/// Whether [`unique`] made this name in a process that still runs; another may have its pid by now.
fn is_of_a_running_process(name: &str) -> bool {
    let parts: Vec<&str> = name.rsplitn(4, '-').collect();
    let &[number, ticks, pid, _] = parts.as_slice() else { return false };
    let (Ok(_), Ok(ticks), Ok(pid)) = (number.parse::<u32>(), ticks.parse(), pid.parse()) else {
        return false;
    };
    started(pid) == Some(ticks)
}

/// Pids of a cluster's servers, by what `/proc` says of their command lines.
fn servers(cluster: &str) -> Vec<u32> {
    let mark = format!("-Dkafsh.cluster={cluster}");
    let entries = std::fs::read_dir("/proc").expect("/proc");
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|word| word == mark.as_bytes())
        })
        .collect()
}

fn kill_servers(cluster: &str) {
    for pid in servers(cluster) {
        let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
    }
}

#[test]
fn a_name_tells_of_the_process_that_made_it() {
    let name = unique("a-b");
    assert!(is_of_a_running_process(&name), "{name}");
    let pid = std::process::id();
    assert!(!is_of_a_running_process(&format!("a-b-{pid}-1-0")), "another process had that pid");
    assert!(!is_of_a_running_process(&format!("a-b-{pid}-0")), "the shape of old");
    assert!(!is_of_a_running_process("demo-1-2"));
}

impl Drop for RealCluster {
    fn drop(&mut self) {
        let gone =
            Kafsh::at(&self.home).run(&["cluster", "destroy", &self.name, "--yes", "--force"]);
        // A second panic while a test fails would hide the first.
        if gone.status != 0 && !std::thread::panicking() {
            assert!(gone.stderr.contains("no cluster"), "destroy: {}", gone.stderr);
        }
        if !std::thread::panicking() {
            assert!(self.pids().is_empty(), "servers of {} are still there", self.name);
        }
    }
}
