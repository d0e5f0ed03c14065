//! Brokers that somebody started by hand, one file each, as the seed does: adopted while they run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::support::{RealCluster, signal};

/// Longest that servers which were started by hand may take to serve.
const READY: Duration = Duration::from_secs(90);

/// Servers of nobody's cluster, with their files and data in a folder; ended with the test.
struct ByHand {
    folder: PathBuf,
    servers: Vec<Child>,
}

impl ByHand {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("a plain path").to_string()
    }

    /// Files of a ZooKeeper and three brokers on the ports of `cluster`.
    fn files(folder: &Path, cluster: &RealCluster) -> ByHand {
        let by_hand = ByHand { folder: folder.to_path_buf(), servers: Vec::new() };
        let data = |name: &str| by_hand.text(name);
        let zookeeper = cluster.zookeeper_port();
        let text = format!(
            "clientPort={zookeeper}\ndataDir={}\nadmin.enableServer=false\n",
            data("zookeeper")
        );
        fs::write(by_hand.path("zookeeper.properties"), text).expect("a file");
        for id in 1..=3 {
            let text = format!(
                "# of the seed\nbroker.id={id}\nlisteners=PLAINTEXT://127.0.0.1:{}\nlog.dirs={}\n\
                 zookeeper.connect=localhost:{zookeeper}\nlog.flush.interval.messages=2\n\
                 transaction.state.log.min.isr=3\noffsets.topic.replication.factor=3\n\
                 controlled.shutdown.retry.backoff.ms=500\n\
                 zookeeper.session.timeout.ms=6000\nzookeeper.connection.timeout.ms=18000\n",
                cluster.base_port + id - 1,
                data(&format!("broker{id}")),
            );
            fs::write(by_hand.path(&format!("server{id}.properties")), text).expect("a file");
        }
        by_hand
    }

    /// `java CLASS FILE`, in the folder of the files.
    fn start(&mut self, cluster: &RealCluster, class: &str, file: &str) -> u32 {
        let jars = jars(&cluster.home);
        let log = File::create(self.path(&format!("{file}.out"))).expect("a file");
        let mut command = Command::new("java");
        command.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", &jars]);
        let server = command
            .args([class, file])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a descriptor"))
            .stderr(log)
            .spawn()
            .expect("java");
        let pid = server.id();
        self.servers.push(server);
        pid
    }

    /// SIGTERM to one that was started here, and its end.
    fn end(&mut self, pid: u32) {
        let server = self.servers.iter_mut().find(|server| server.id() == pid).expect("ours");
        signal("-TERM", pid);
        until("it ends", || server.try_wait().expect("a child").is_some());
    }
}

impl Drop for ByHand {
    fn drop(&mut self) {
        for server in &mut self.servers {
            // It may have ended long ago.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// The class path of the Kafka that the tests' home has.
fn jars(home: &Path) -> String {
    let versions = fs::read_dir(home.join("kafka")).expect("Kafka is installed").flatten();
    let with_jars = versions.map(|entry| entry.path()).find_map(|version| {
        let at = [version.join("libs"), version];
        at.into_iter().find(|folder| {
            let names = fs::read_dir(folder).into_iter().flatten().flatten();
            names.map(|e| e.file_name()).any(|n| n.to_string_lossy().ends_with(".jar"))
        })
    });
    format!("{}/*", with_jars.expect("jars of Kafka").display())
}

/// Asks until the answer is as wanted.
fn until(what: &str, mut is: impl FnMut() -> bool) {
    let end = Instant::now() + READY;
    while !is() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn brokers_started_by_hand_are_adopted_stopped_and_started() {
    // Declared first, so that it is dropped last: brokers write in it until the cluster is gone.
    let folder = tempfile::tempdir().expect("a folder");
    let cluster = RealCluster::reserve("adopted");
    let mut by_hand = ByHand::files(folder.path(), &cluster);
    let files: Vec<String> =
        (1..=3).map(|id| by_hand.text(&format!("server{id}.properties"))).collect();
    let before: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).expect("a file")).collect();
    let main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
    by_hand.start(&cluster, main, "zookeeper.properties");
    let pids: Vec<u32> = (1..=3)
        .map(|id| by_hand.start(&cluster, "kafka.Kafka", &format!("server{id}.properties")))
        .collect();
    let kafsh = || super::support::Kafsh::at(&cluster.home);
    let adopt = |files: &[String], more: &[&str]| {
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        kafsh().run(&[&["cluster", "adopt", &cluster.name], &files[..], more].concat())
    };
    // Until its port is open, a broker is one that does not run; until it is registered, none
    // that is adopted.
    until("the brokers register", || {
        let dry = adopt(&files, &["--dry-run", "-O", "json"]);
        dry.status == 0 && !dry.stdout.contains("stopped")
    });
    // Who brings a cluster up on their ports is told of it.
    let taken = cluster.bring_up(&["--brokers", "3"]).fails(1);
    let command = format!("cluster adopt {} {}", cluster.name, files.join(" "));
    taken.says("3 brokers").says("RF 3, min.isr 2").says("java kafka.Kafka").says(&command);
    adopt(&files[..2], &[]).fails(3).says("broker 3 is registered, and no file of it was given");
    let adopted = adopt(&files, &["-O", "json"]).ok().json();
    assert_eq!(adopted["nodes"][2]["pid"], pids[1], "{adopted}");
    adopt(&files, &[]).fails(1).says("exists already");
    cluster.run(&["cluster", "status", "-O", "json"]).ok().says("\"healthy\": true");
    cluster.run(&["topic", "create", "t", "-p", "10", "-r", "3"]).ok();
    cluster.kafsh().stdin("one\ntwo\n").run(&["produce", "t"]).ok();
    let records = || {
        let read = cluster.run(&["consume", "t"]).ok();
        let mut lines: Vec<String> = read.stdout.lines().map(String::from).collect();
        lines.sort_unstable();
        assert_eq!(lines, ["one", "two"], "produced before, and still there");
    };
    cluster.run(&["broker", "logs", "2"]).ok().says("log4j");
    cluster.run(&["broker", "stop", "2"]).ok();
    until("broker 2 has ended", || !is_alive(pids[1]));
    cluster.run(&["broker", "start", "2"]).ok().says("in sync 10/10");
    records();
    let config = cluster.run(&["broker", "config", "2", "-O", "json"]).ok();
    config.says("log.flush.interval.messages");
    cluster.run(&["broker", "kill", "3", "--yes"]).ok().says("10 partitions under-replicated");
    cluster.run(&["broker", "start", "3"]).ok();
    cluster.run(&["cluster", "stop"]).ok();
    assert!(pids.iter().all(|pid| !is_alive(*pid)), "nothing is left running");
    cluster.run(&["cluster", "start"]).ok();
    records();
    let up = cluster.bring_up(&["--config", "num.partitions=3", "--apply"]).ok();
    assert!(!up.stderr.contains("dev"), "no preset: {}", up.stderr);
    records();
    cluster.run(&["cluster", "stop"]).ok();
    cluster.run(&["broker", "wipe", "2", "--yes"]).fails(3).says("came with the adopted cluster");
    cluster.run(&["cluster", "destroy", "--yes"]).ok();
    assert!(!cluster.folder().exists(), "the cluster is forgotten");
    for (id, (file, bytes)) in (1..).zip(files.iter().zip(&before)) {
        assert_eq!(&fs::read(file).expect("it is there"), bytes, "no file is changed");
        let data = by_hand.path(&format!("broker{id}"));
        assert!(data.join("meta.properties").is_file() && !data.join(".kafsh-cluster").exists());
    }
    // What was stopped and forgotten can be started by hand again, or adopted as it lies.
    let zookeeper = by_hand.text("zookeeper.properties");
    let again = adopt(&files, &["--zookeeper", &zookeeper, "-O", "json"]).ok().json();
    assert_eq!(again["nodes"][1]["state"], "stopped");
    assert_eq!(again["cluster_id"], adopted["cluster_id"]);
    cluster.run(&["cluster", "start"]).ok();
    records();
}

#[test]
fn what_is_not_a_broker_of_that_cluster_is_not_adopted() {
    let folder = tempfile::tempdir().expect("a folder");
    let cluster = RealCluster::up("kept", 1);
    let mut by_hand = ByHand::files(folder.path(), &cluster);
    let file = by_hand.text("server1.properties");
    let zookeeper = by_hand.text("zookeeper.properties");
    let kafsh = || super::support::Kafsh::at(&cluster.home);
    let other = format!("{}-other", cluster.name);
    let adopt = || kafsh().run(&["cluster", "adopt", &other, &file, "--zookeeper", &zookeeper]);
    let status = format!("cluster status {}", cluster.name);
    adopt().fails(3).says("belongs to cluster").says(&status);
    cluster.run(&["cluster", "destroy", "--yes"]).ok();
    let held = std::net::TcpListener::bind(("127.0.0.1", cluster.base_port)).expect("a port");
    adopt().fails(3).says("is not held by the broker of").says("its main class");
    drop(held);
    let text = fs::read_to_string(&file).expect("a file").replace("//127.0.0.1", "//192.0.2.1");
    fs::write(&file, text).expect("a file");
    adopt().fails(3).says("is no address of this host");
    // A broker alone would wait for its ZooKeeper: it is one that serves another file.
    let pid = by_hand.start(
        &cluster,
        "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        "zookeeper.properties",
    );
    let serves = || std::net::TcpStream::connect(("127.0.0.1", cluster.zookeeper_port())).is_ok();
    until("ZooKeeper listens", serves);
    let moved = fs::read_to_string(&zookeeper).expect("a file").replace("/zookeeper", "/moved");
    fs::write(&zookeeper, moved).expect("a file");
    let text = fs::read_to_string(&file).expect("a file").replace("//192.0.2.1", "//127.0.0.1");
    fs::write(&file, text).expect("a file");
    adopt().fails(3).says("does not work in");
    by_hand.end(pid);
}

/// Its arguments are there: a zombie has none.
fn is_alive(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}
