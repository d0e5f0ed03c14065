//! The runtime of this host against real processes, files and sockets.
//!
//! The server is a small program that behaves as a JVM towards its supervisor; where
//! `KAFSH_TEST_KAFKA_LIBS` names a folder of Kafka's jars, `real_or_stub` runs Kafka itself.

#[path = "local_runtime/support.rs"]
mod support;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use kafsh_model::plan::Node;
use kafsh_model::port::{Exit, Runtime, Signal};
use kafsh_model::snapshot::{Listener, PortOwner, ProcessState};
use support::{Bench, NODE, WAIT, argument_lines, eventually};

const BROKER: Node = Node::Broker(1);

#[tokio::test]
async fn starts_knows_and_stops_a_node() {
    let bench = Bench::new().await;
    let runtime = bench.runtime();
    assert_eq!(bench.state(NODE).await, ProcessState::Absent);
    let pid = bench.start(NODE).await;
    let ProcessState::Running { pid: seen, uptime_ms } = bench.state(NODE).await else {
        panic!("it runs")
    };
    assert_eq!(seen, pid);
    assert!(uptime_ms < 10_000, "{uptime_ms}");
    let again = runtime.start(&bench.spec, NODE).await.unwrap_err();
    assert_eq!(again.code, "already-running");
    assert_eq!(runtime.forget(&bench.spec, NODE).await.unwrap_err().code, "still-running");
    let early = runtime.wait_exit(&bench.spec, NODE, Duration::from_millis(30)).await;
    assert_eq!(early.unwrap_err().class, kafsh_model::Class::TimedOut);
    runtime.signal(&bench.spec, NODE, Signal::Terminate).await.unwrap();
    assert_eq!(runtime.wait_exit(&bench.spec, NODE, WAIT).await.unwrap(), Exit::Status(143));
    assert_eq!(bench.state(NODE).await, ProcessState::Died { pid });
    let since = bench.since(NODE).await.expect("kafsh has ended it");
    runtime.forget(&bench.spec, NODE).await.unwrap();
    assert_eq!(bench.state(NODE).await, ProcessState::Absent);
    let kept = bench.another_runtime().node(&bench.spec, NODE).await.unwrap().since_ms;
    assert_eq!(kept, Some(since), "another shell knows it, when the record is gone");
    let none = runtime.signal(&bench.spec, NODE, Signal::Kill).await.unwrap_err();
    assert_eq!(none.code, "not-running");
}

#[tokio::test]
async fn of_many_who_start_a_node_one_does() {
    let bench = Bench::new().await;
    let shells: Vec<_> = (0..8).map(|_| bench.another_runtime()).collect();
    let starts = shells.into_iter().map(|shell| {
        let spec = bench.spec.clone();
        tokio::spawn(async move { shell.start(&spec, NODE).await })
    });
    let starts: Vec<_> = starts.collect();
    let mut pids = Vec::new();
    for start in starts {
        match start.await.unwrap() {
            Ok(pid) => pids.push(pid),
            Err(e) => assert!(["being-started", "already-running"].contains(&&*e.code), "{e:?}"),
        }
    }
    assert_eq!(pids.len(), 1);
    assert_eq!(bench.state(NODE).await.pid(), Some(pids[0]));
}

#[tokio::test]
async fn another_shell_finds_pauses_and_kills_it() {
    let bench = Bench::new().await;
    let pid = bench.start(BROKER).await;
    // Another runtime over the same home: the shell that started it may be gone.
    let other = bench.another_runtime();
    other.signal(&bench.spec, BROKER, Signal::Pause).await.unwrap();
    eventually(|| support::process_state(pid) == Some('T')).await;
    assert_eq!(bench.state(BROKER).await, ProcessState::Paused { pid });
    let paused = bench.since(BROKER).await.expect("since when it is paused");
    other.signal(&bench.spec, BROKER, Signal::Resume).await.unwrap();
    eventually(|| support::process_state(pid) != Some('T')).await;
    assert_eq!(bench.since(BROKER).await, None, "it goes on");
    other.signal(&bench.spec, BROKER, Signal::Pause).await.unwrap();
    eventually(|| support::process_state(pid) == Some('T')).await;
    assert!(bench.since(BROKER).await >= Some(paused));
    // A paused process acts on SIGTERM only once it goes on.
    other.signal(&bench.spec, BROKER, Signal::Terminate).await.unwrap();
    assert_eq!(other.wait_exit(&bench.spec, BROKER, WAIT).await.unwrap(), Exit::Gone);
    assert_eq!(bench.state(BROKER).await, ProcessState::Died { pid });
    other.forget(&bench.spec, BROKER).await.unwrap();

    let pid = bench.start(BROKER).await;
    other.signal(&bench.spec, BROKER, Signal::Kill).await.unwrap();
    let runtime = bench.runtime();
    assert_eq!(runtime.wait_exit(&bench.spec, BROKER, WAIT).await.unwrap(), Exit::Signal(9));
    assert_eq!(bench.state(BROKER).await, ProcessState::Died { pid });
    // It can be started again without more ado.
    bench.start(BROKER).await;
}

/// Between the release of its memory and its end a process has no arguments any more: it was taken
/// for gone, and how it ended was lost.
#[tokio::test]
async fn how_a_node_ended_is_known_whenever_one_asks() {
    let bench = Bench::new().await;
    let runtime = bench.runtime();
    for _ in 0..25 {
        bench.start(NODE).await;
        runtime.signal(&bench.spec, NODE, Signal::Kill).await.unwrap();
        assert_eq!(runtime.wait_exit(&bench.spec, NODE, WAIT).await.unwrap(), Exit::Signal(9));
        runtime.forget(&bench.spec, NODE).await.unwrap();
    }
}

#[tokio::test]
async fn the_server_gets_a_session_and_environment_of_its_own() {
    let bench = Bench::new().await;
    // A descriptor that a library left open, without close-on-exec.
    let leaked = fs::File::open("/dev/null").unwrap();
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
    let pid = bench.start(NODE).await;
    let folder = bench.node_folder("zookeeper");
    let environment = fs::read_to_string(folder.join("seen.env")).unwrap();
    for line in environment.lines() {
        let name = line.split('=').next().unwrap();
        let expected = ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "PWD", "_", "SHLVL", "OLDPWD"];
        assert!(expected.contains(&name) || name.starts_with("LC_"), "{name} reached the server");
    }
    let descriptors = support::descriptors_of(pid);
    let leaks = descriptors.iter().filter(|target| *target == Path::new("/dev/null")).count();
    assert_eq!(leaks, 1, "only standard input is /dev/null: {descriptors:?}");
    let session = support::session_of(pid);
    assert_eq!(session, Some(pid), "it leads its own session");
    let arguments = argument_lines(&folder);
    assert!(arguments[0].starts_with("-Dkafsh.nonce="), "{arguments:?}");
    assert!(arguments.contains(&"-Dkafsh.cluster=demo".to_string()));
    let options = fs::read_to_string(folder.join("config/java.args")).unwrap();
    assert!(options.contains("\"-Xmx96m\"") && options.contains("\"-cp\""), "{options}");
    let mode = fs::metadata(folder.join("config/java.args")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_shell_killed_before_the_record_finds_its_process_by_nonce() {
    let bench = Bench::new().await;
    let pid = bench.start(NODE).await;
    let path = bench.node_folder("zookeeper").join("run.json");
    let mut record: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    record["process"] = serde_json::Value::Null;
    fs::write(&path, record.to_string()).unwrap();
    let other = bench.another_runtime();
    let facts = other.node(&bench.spec, NODE).await.unwrap();
    assert_eq!(facts.process.pid(), Some(pid));
    assert!(fs::read_to_string(&path).unwrap().contains(&format!("\"pid\": {pid}")));
    // An intent whose process never came is nothing that runs or died.
    bench.stop(NODE).await;
    record["nonce"] = "0123456789abcdef0123456789abcdef".into();
    fs::write(&path, record.to_string()).unwrap();
    assert_eq!(bench.state(NODE).await, ProcessState::Absent);
}

#[tokio::test]
async fn a_stranger_with_the_recorded_pid_is_not_signalled() {
    let bench = Bench::new().await;
    let mut decoy = support::decoy();
    bench.start(NODE).await;
    let path = bench.node_folder("zookeeper").join("run.json");
    let honest = fs::read(&path).unwrap();
    let mut record: serde_json::Value = serde_json::from_slice(&honest).unwrap();
    // The pid is another's, with its true start time: only the nonce tells.
    record["process"]["pid"] = decoy.id().into();
    record["process"]["start_ticks"] = support::start_ticks(decoy.id()).into();
    fs::write(&path, record.to_string()).unwrap();
    let runtime = bench.runtime();
    let refused = runtime.signal(&bench.spec, NODE, Signal::Kill).await.unwrap_err();
    assert_eq!(refused.code, "not-running");
    assert_eq!(bench.state(NODE).await, ProcessState::Died { pid: decoy.id() });
    assert!(decoy.try_wait().unwrap().is_none(), "the stranger lives");
    // Our own process under another start time, or from another boot, is not ours either.
    for (field, value) in [("start_ticks", 1.into()), ("boot_id", "another".into())] {
        let mut record: serde_json::Value = serde_json::from_slice(&honest).unwrap();
        record["process"][field] = value;
        fs::write(&path, record.to_string()).unwrap();
        let refused = runtime.signal(&bench.spec, NODE, Signal::Kill).await.unwrap_err();
        assert_eq!(refused.code, "not-running", "{field}");
    }
    fs::write(&path, honest).unwrap();
    bench.stop(NODE).await;
    decoy.kill().unwrap();
    decoy.wait().unwrap();
}

#[tokio::test]
async fn properties_are_written_read_back_and_compared_with_the_running_ones() {
    let bench = Bench::new().await;
    let runtime = bench.runtime();
    bench.start(BROKER).await;
    let facts = runtime.node(&bench.spec, BROKER).await.unwrap();
    let own = bench.properties(BROKER);
    assert_eq!(facts.properties, own);
    assert!(!facts.restart_needed);
    let with = |key, value| [&own[..], &support::pairs(&[(key, value)])].concat();
    let changed = with("num.io.threads", "2");
    runtime.write_properties(&bench.spec, BROKER, &changed).await.unwrap();
    let facts = runtime.node(&bench.spec, BROKER).await.unwrap();
    assert!(facts.restart_needed);
    assert_eq!(facts.properties.len(), own.len() + 1);
    let file = bench.node_folder("broker-1").join("config/server.properties");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("log.dirs=") && text.contains("/nodes/broker-1/data"), "{text}");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    let escape = with("log.dirs", "/etc");
    let refused = runtime.write_properties(&bench.spec, BROKER, &escape).await.unwrap_err();
    assert_eq!(refused.code, "property-refused");
    assert_eq!(fs::read_to_string(&file).unwrap(), text, "the file is as it was");
}

#[tokio::test]
async fn ports_name_who_holds_them() {
    let bench = Bench::new().await;
    let runtime = bench.runtime();
    let free = runtime.ports(&bench.spec).await.unwrap();
    assert!(free.iter().all(|port| port.owner == PortOwner::Free), "{free:?}");
    let taken = TcpListener::bind(("127.0.0.1", bench.spec.zookeeper.port)).unwrap();
    let ports = runtime.ports(&bench.spec).await.unwrap();
    let PortOwner::Foreign { description, pid } = &ports[0].owner else { panic!("{ports:?}") };
    assert_eq!(*pid, Some(std::process::id()));
    assert!(description.contains("local_runtime"), "{description}");
    drop(taken);
    // A process that another test is just starting holds a copy of it until it runs its program.
    let port = bench.spec.zookeeper.port;
    eventually(|| TcpListener::bind(("127.0.0.1", port)).is_ok()).await;
    // Another cluster's spec keeps its ports, also while it is stopped.
    let mut other = bench.spec.clone();
    other.name = kafsh_model::ClusterName::new("other").unwrap();
    let folder = bench.home().join("clusters/other");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("spec.toml"), toml::to_string(&other).unwrap()).unwrap();
    fs::create_dir_all(bench.home().join("clusters/broken")).unwrap();
    fs::write(bench.home().join("clusters/broken/spec.toml"), "no spec = [").unwrap();
    let ports = runtime.ports(&bench.spec).await.unwrap();
    assert_eq!(ports[0].owner, PortOwner::Reserved { cluster: "other".into() });
}

#[tokio::test]
async fn data_moves_aside_and_back_as_one() {
    let bench = Bench::new().await;
    let runtime = bench.runtime();
    bench.put_data("zookeeper", "version-2/log.1");
    bench.put_data("broker-1", "test-0/00000000000000000000.log");
    bench.start(NODE).await;
    let refused = runtime.archive(&bench.spec, "x").await.unwrap_err();
    assert_eq!(refused.code, "still-running");
    assert!(!refused.next.is_empty());
    bench.stop(NODE).await;

    let unit = runtime.archive(&bench.spec, "before the: test!").await.unwrap();
    assert!(unit.ends_with("Z-before-the-test"), "{unit}");
    assert_eq!(runtime.archives(&bench.spec).await.unwrap(), std::slice::from_ref(&unit));
    let facts = runtime.node(&bench.spec, BROKER).await.unwrap();
    assert!(facts.data[0].empty);
    let none = runtime.archive(&bench.spec, "again").await.unwrap_err();
    assert_eq!(none.code, "no-data");

    bench.put_data("broker-1", "test-1/new");
    let refused = runtime.restore(&bench.spec, &unit).await.unwrap_err();
    assert_eq!(refused.code, "data-present");
    runtime.wipe(&bench.spec, BROKER).await.unwrap();
    runtime.restore(&bench.spec, &unit).await.unwrap();
    assert!(bench.node_folder("zookeeper").join("data/version-2/log.1").exists());
    assert!(bench.node_folder("broker-1").join("data/test-0").exists());
    assert_eq!(runtime.archives(&bench.spec).await.unwrap(), [""; 0]);
    let unknown = runtime.restore(&bench.spec, "../../x").await.unwrap_err();
    assert_eq!(unknown.code, "archive-not-found");
}

#[tokio::test]
async fn an_interrupted_archive_is_restored_all_the_same() {
    let bench = Bench::new().await;
    let runtime = bench.runtime();
    bench.put_data("zookeeper", "version-2/log.1");
    bench.put_data("broker-1", "test-0/a.log");
    let unit = runtime.archive(&bench.spec, "cut").await.unwrap();
    let folder = bench.home().join("clusters/demo/archive").join(&unit);
    // As if the shell had been killed after the first of the two moves.
    let back = bench.node_folder("broker-1").join("data");
    fs::rename(folder.join("broker-1-0"), back).unwrap();
    let text = fs::read_to_string(folder.join("manifest.json")).unwrap();
    fs::write(
        folder.join("manifest.json"),
        text.replace("\"complete\": true", "\"complete\": false"),
    )
    .unwrap();
    runtime.restore(&bench.spec, &unit).await.unwrap();
    assert!(bench.node_folder("zookeeper").join("data/version-2/log.1").exists());
    assert!(bench.node_folder("broker-1").join("data/test-0/a.log").exists());
}

#[tokio::test]
async fn destroy_deletes_what_is_marked_and_nothing_else() {
    let mut bench = Bench::new().await;
    let outside = bench.root().join("my disk");
    let data = outside.join("kafka");
    bench.spec.brokers[0].log_dirs = vec![data.display().to_string()];
    bench.spec.data_dir = Some(bench.root().join("big data").display().to_string());
    let runtime = bench.runtime();
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("thesis.txt"), "precious").unwrap();
    let refused = runtime.create_directories(&bench.spec, BROKER).await.unwrap_err();
    assert_eq!(refused.code, "data-not-ours");
    assert_eq!(runtime.wipe(&bench.spec, BROKER).await.unwrap_err().code, "data-not-ours");
    assert_eq!(runtime.destroy(&bench.spec, true).await.unwrap_err().code, "data-not-ours");
    assert!(data.join("thesis.txt").exists());

    fs::remove_file(data.join("thesis.txt")).unwrap();
    fs::write(outside.join("thesis.txt"), "precious").unwrap();
    for node in bench.spec.nodes() {
        runtime.create_directories(&bench.spec, node).await.unwrap();
    }
    fs::create_dir_all(data.join("test-0")).unwrap();
    fs::write(data.join("test-0/a.log"), "x").unwrap();
    std::os::unix::fs::symlink(&outside, data.join("link")).unwrap();
    let unit = runtime.archive(&bench.spec, "").await.unwrap();
    assert!(!data.join("test-0").exists());
    runtime.restore(&bench.spec, &unit).await.unwrap();
    assert!(data.join("test-0/a.log").exists());
    runtime.archive(&bench.spec, "kept").await.unwrap();
    runtime.destroy(&bench.spec, false).await.unwrap();
    assert!(!data.exists() && !bench.node_folder("broker-1").exists());
    assert_eq!(runtime.archives(&bench.spec).await.unwrap().len(), 1);
    runtime.destroy(&bench.spec, true).await.unwrap();
    assert!(!bench.home().join("clusters/demo").exists());
    assert!(outside.join("thesis.txt").exists());
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1, "no archive is left beside the data");
    assert_eq!(fs::read_dir(bench.root().join("big data")).unwrap().count(), 0);
}

#[tokio::test]
async fn dangerous_and_twofold_data_folders_are_refused() {
    let mut bench = Bench::new().await;
    let runtime = bench.runtime().clone();
    for (dir, code) in [
        ("/", "dangerous-path"),
        ("/etc", "dangerous-path"),
        ("/x/../etc", "bad-path"),
        ("/a,b/c", "bad-path"),
        ("../up", "bad-log-dir"),
        ("config", "bad-log-dir"),
        (".hidden", "bad-log-dir"),
    ] {
        bench.spec.brokers[0].log_dirs = vec![dir.into()];
        let refused = runtime.create_directories(&bench.spec, BROKER).await.unwrap_err();
        assert_eq!(refused.code, code, "{dir}");
    }
    bench.spec.brokers[0].log_dirs = vec!["a".into(), "a".into()];
    let refused = runtime.create_directories(&bench.spec, BROKER).await.unwrap_err();
    assert_eq!(refused.code, "bad-log-dir");
}

#[tokio::test]
async fn a_server_shows_its_threads() {
    let bench = Bench::new().await;
    let runtime = bench.runtime();
    let error = runtime.thread_dump(&bench.spec, NODE).await.unwrap_err();
    assert_eq!(error.code, "no-thread-dump");
    bench.start(NODE).await;
    for _ in 0..2 {
        let path = runtime.thread_dump(&bench.spec, NODE).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "Full thread dump\na thread\n");
    }
    bench.stop(NODE).await;
}

#[tokio::test]
async fn the_console_speaks_where_the_server_did_not() {
    let bench = Bench::new().await;
    bench.start(NODE).await;
    let runtime = bench.runtime();
    let folder = bench.node_folder("zookeeper");
    let tail = runtime.log_tail(&bench.spec, NODE, 5).await.unwrap();
    assert_eq!(tail, ["stub server started"]);
    bench.stop(NODE).await;
    bench.start(NODE).await;
    assert!(folder.join("logs/console.log.1").exists(), "the previous one is kept");
}

#[tokio::test]
async fn the_host_says_what_it_has() {
    let bench = Bench::new().await;
    let host = bench.runtime().host(&bench.spec).await.unwrap();
    assert_eq!(host.java.unwrap().major, 17);
    assert!(host.memory_available_mib > 0 && host.disk_free_mib > 0 && host.cpus > 0);
    assert!(host.open_files_max > 0 && host.memory_maps_max > 0);
    assert!(host.ephemeral_ports.0 < host.ephemeral_ports.1);
}

/// The same journey with Kafka's own jars where they are, with the stub where they are not.
#[tokio::test]
async fn real_or_stub() {
    let bench = Bench::real_if_given().await;
    let runtime = bench.runtime();
    let port = bench.spec.zookeeper.port;
    bench.start(NODE).await;
    if bench.is_real() {
        eventually(|| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
        let ports = runtime.ports(&bench.spec).await.unwrap();
        assert_eq!(ports[0].owner, PortOwner::Ours);
    }
    eventually(|| {
        let logs = bench.node_folder("zookeeper").join("logs");
        ["server.log", "console.log"]
            .iter()
            .any(|name| fs::metadata(logs.join(name)).is_ok_and(|meta| meta.len() > 0))
    })
    .await;
    // The first bytes may not be a whole line yet.
    let until = std::time::Instant::now() + WAIT;
    while runtime.log_tail(&bench.spec, NODE, 10).await.unwrap().is_empty() {
        assert!(std::time::Instant::now() < until, "a server that started says so");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    runtime.signal(&bench.spec, NODE, Signal::Terminate).await.unwrap();
    assert_eq!(runtime.wait_exit(&bench.spec, NODE, WAIT).await.unwrap(), Exit::Status(143));
    runtime.forget(&bench.spec, NODE).await.unwrap();
    let ports = runtime.ports(&bench.spec).await.unwrap();
    assert_eq!(ports[0].owner, PortOwner::Free);
}

/// Adopted, a process is known by what it is: it carries no mark of ours.
#[tokio::test]
async fn a_process_that_somebody_else_started_is_adopted() {
    let mut bench = Bench::new().await;
    let data = bench.root().join("theirs");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("precious"), "").unwrap();
    bench.spec.adopted = true;
    bench.spec.brokers[0].log_dirs = vec![data.display().to_string()];
    let (spec, runtime) = (&bench.spec, bench.runtime());
    runtime.create_directories(spec, BROKER).await.unwrap();
    runtime.write_properties(spec, BROKER, &bench.properties(BROKER)).await.unwrap();
    assert!(!data.join(".kafsh-cluster").exists(), "their folder is not marked");
    let mut decoy = support::decoy();
    let line = format!("/proc/{}/cmdline", decoy.id());
    eventually(|| fs::read(&line).is_ok_and(|words| words.starts_with(b"sleep"))).await;
    runtime.adopt(spec, BROKER, Some(decoy.id())).await.unwrap();
    let shell = bench.another_runtime();
    let state = shell.process(spec, BROKER).await.unwrap();
    assert!(matches!(state, ProcessState::Running { pid, .. } if pid == decoy.id()), "{state:?}");
    assert!(!shell.node(spec, BROKER).await.unwrap().restart_needed);
    assert_eq!(runtime.destroy(spec, true).await.unwrap_err().code, "still-running");
    runtime.signal(spec, BROKER, Signal::Pause).await.unwrap();
    // The signal has been sent; that it acts on it is seen a moment later.
    eventually(|| support::process_state(decoy.id()) == Some('T')).await;
    assert_eq!(bench.state(BROKER).await, ProcessState::Paused { pid: decoy.id() });
    runtime.signal(spec, BROKER, Signal::Terminate).await.unwrap();
    assert_eq!(runtime.wait_exit(spec, BROKER, WAIT).await.unwrap(), Exit::Gone);
    decoy.wait().unwrap();
    let gone = runtime.adopt(spec, BROKER, Some(decoy.id())).await.unwrap_err();
    assert_eq!(gone.code, "not-running");
    runtime.adopt(spec, BROKER, None).await.unwrap();
    assert_eq!(bench.state(BROKER).await, ProcessState::Absent);
    for refused in [runtime.wipe(spec, BROKER).await, runtime.archive(spec, "x").await.map(drop)] {
        let error = refused.unwrap_err();
        assert_eq!(error.code, "data-not-ours");
        assert!(error.message.contains("came with the adopted cluster"), "{error:?}");
    }
    runtime.destroy(spec, true).await.unwrap();
    assert!(data.join("precious").exists(), "what is theirs stays");
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let told = runtime.listeners(&[address, "192.0.2.1:1".to_string()]).await.unwrap();
    assert!(matches!(&told[0], Listener::Process(own) if own.pid == std::process::id()));
    assert_eq!(told[1], Listener::Elsewhere);
}
