//! Real servers: what counts as ready, what is said of servers that do not start or stop as they
//! should, and what lies in the way of them.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::support::{self, Kafsh, RealCluster};
use super::{kill, walk};

/// Makes a key with its certificate, and a store that trusts it.
fn keys(folder: &Path) -> (String, String) {
    let path = |name: &str| folder.join(name).to_str().expect("a plain path").to_string();
    let (own, certificate, trusted) = (path("own.p12"), path("own.cer"), path("trusted.p12"));
    let keytool = |words: &[&str]| {
        let store = ["-storetype", "PKCS12", "-storepass", "secret7", "-alias", "own"];
        let output = Command::new("keytool").args(words).args(store).output().expect("keytool");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    };
    let names = ["-dname", "CN=localhost", "-ext", "san=dns:localhost,ip:127.0.0.1"];
    let make = ["-genkeypair", "-keyalg", "EC", "-validity", "2", "-keystore", &own];
    keytool(&[&make[..], &names].concat());
    keytool(&["-exportcert", "-keystore", &own, "-file", &certificate]);
    keytool(&["-importcert", "-noprompt", "-keystore", &trusted, "-file", &certificate]);
    (own, trusted)
}

/// kafsh speaks no TLS: that the listener does is told from its first message.
#[test]
fn a_broker_that_speaks_only_tls_gets_ready() {
    // Declared first, so that it is dropped last: the broker reads its keys.
    let folder = tempfile::tempdir().expect("a folder");
    let (own, trusted) = keys(folder.path());
    let cluster = RealCluster::reserve("tls");
    let (base, zookeeper, name) = (cluster.base_port, cluster.zookeeper_port(), &cluster.name);
    let spec = format!(
        "schema = 1\nname = \"{name}\"\nkafka = \"3.9.2\"\n\
         [zookeeper]\nbind = \"127.0.0.1\"\nport = {zookeeper}\n\
         [properties]\n\
         \"ssl.keystore.location\" = \"{own}\"\n\"ssl.keystore.type\" = \"PKCS12\"\n\
         \"ssl.keystore.password\" = \"secret7\"\n\
         \"ssl.truststore.location\" = \"{trusted}\"\n\"ssl.truststore.type\" = \"PKCS12\"\n\
         \"ssl.truststore.password\" = \"secret7\"\n\
         [[brokers]]\nid = 1\nlisteners = [{{ name = \"SECURE\", protocol = \"SSL\", \
         bind = \"127.0.0.1\", port = {base}, advertised_host = \"localhost\", \
         advertised_port = {base} }}]\n"
    );
    let file = folder.path().join("spec.toml");
    std::fs::write(&file, spec).expect("a spec");
    let path = file.to_str().expect("a plain path");
    let up = Kafsh::at(&cluster.home).run(&["cluster", "up", "--spec", path]).ok();
    assert!(up.stderr.contains("controller 1"), "{}", up.stderr);
    assert!(up.stderr.contains("no record is sent through the new cluster"), "{}", up.stderr);
    let status = cluster.run(&["cluster", "status", "-O", "json"]).json();
    assert_eq!(status["brokers_ready"], 1, "{status}");
    let again = Kafsh::at(&cluster.home).run(&["cluster", "up", "--spec", path]).ok();
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    cluster.run(&["cluster", "stop"]).ok();
    assert!(cluster.pids().is_empty(), "nothing is left running");
}

/// The pid of a node of the cluster.
pub fn pid_of(cluster: &RealCluster, node: &str) -> u32 {
    let status = cluster.run(&["cluster", "status", "-O", "json"]).json();
    let nodes = status["nodes"].as_array().expect("nodes").iter();
    let found = nodes.filter(|found| found["node"] == node).find_map(|found| found["pid"].as_u64());
    u32::try_from(found.expect("it runs")).expect("a pid")
}

/// Everything that comes to one port goes on to another, until the tests end.
pub fn forward(from: u16, to: u16) {
    let listener = TcpListener::bind(("127.0.0.1", from)).expect("a free port");
    std::thread::spawn(move || {
        for inward in listener.incoming().flatten() {
            let Ok(onward) = TcpStream::connect(("127.0.0.1", to)) else { continue };
            for (mut source, mut sink) in [
                (inward.try_clone().expect("a socket"), onward.try_clone().expect("a socket")),
                (onward, inward),
            ] {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut source, &mut sink);
                    let _ = sink.shutdown(Shutdown::Write);
                });
            }
        }
    });
}

/// Kafka's own client asks a listener that wants SASL/PLAIN what its broker can.
pub fn log_in(cluster: &RealCluster, port: u16, password: &str) -> support::Ran {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("client.properties");
    let properties = format!(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n\
         default.api.timeout.ms=20000\nsasl.jaas.config=\
         org.apache.kafka.common.security.plain.PlainLoginModule required \
         username=\"admin\" password=\"{}\";\n",
        // Once for JAAS, once for the file.
        password.replace('\\', "\\\\\\\\"),
    );
    std::fs::write(&file, properties).expect("a file");
    let libs = cluster.home.join("kafka/3.9.2/libs/*");
    let mut command = Command::new("java");
    command.args(["-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp"]).arg(libs);
    command.args(["kafka.admin.BrokerApiVersionsCommand", "--bootstrap-server"]);
    command.arg(format!("localhost:{port}")).arg("--command-config").arg(&file);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let client = command.spawn().expect("java");
    support::finish(client, Duration::from_secs(60), "a login")
}

#[test]
fn servers_that_lose_each_other_or_do_not_end_are_told_of() {
    let cluster = RealCluster::up("lost", 1);
    cluster.run(&["topic", "create", "t", "-p", "1", "-r", "1"]).ok();
    // In the middle of its orderly end, which takes longer than that.
    let stop = ["broker", "stop", "1", "--force", "--stop-timeout", "20ms"];
    let told = cluster.run(&stop).ok();
    assert!(told.stderr.contains("did not end in time and was killed"), "{}", told.stderr);
    let threads = cluster.folder().join("nodes/broker-1/logs/threads.txt");
    assert!(told.stderr.contains(threads.to_str().expect("a plain path")), "{}", told.stderr);
    let threads = std::fs::read_to_string(threads).expect("the threads");
    assert!(threads.contains("kafka-request-handler") || threads.contains("\"main\""), "{threads}");
    cluster.run(&["cluster", "start"]).ok();
    kill(pid_of(&cluster, "zookeeper"));
    cluster.run(&["cluster", "doctor"]).says("brokers run without ZooKeeper");
    let told = cluster.run(&["cluster", "stop"]).fails(3);
    assert!(told.stderr.contains(" zookeeper start"), "{}", told.stderr);
    let told = cluster.run(&["cluster", "stop", "--force"]).ok();
    assert!(told.stderr.contains("ZooKeeper was gone before the brokers"), "{}", told.stderr);
    assert!(cluster.pids().is_empty(), "nothing is left running");
    let data = cluster.folder().join("nodes/zookeeper/data/version-2");
    let log = data.join("log.1");
    // A process that has ZooKeeper's name and the log open stands for a second one.
    let mut second = Command::new("sh")
        .args(["-c", "exec 3<\"$1\"; read line", "org.apache.zookeeper.Second"])
        .arg(&log)
        .stdin(Stdio::piped())
        .spawn()
        .expect("sh");
    let refused = cluster.run(&["cluster", "start"]);
    second.kill().expect("a signal");
    second.wait().expect("its end");
    refused.fails(1).says("the data folder of zookeeper is in use").says("neither locks it");
    for entry in std::fs::read_dir(&data).expect("ZooKeeper's data").flatten() {
        if entry.file_name().to_string_lossy().starts_with("log.") {
            std::fs::remove_file(entry.path()).expect("a log");
        }
    }
    let doctor = cluster.run(&["cluster", "doctor"]);
    doctor.says("none of the transaction logs that follow it");
}

#[test]
fn the_walk_over_what_another_cluster_left_is_refused_with_what_mends_it() {
    let cluster = RealCluster::reserve("left");
    let other = RealCluster::up("other", 1);
    other.run(&["cluster", "stop"]).ok();
    // Its ports are kept for it.
    let base = other.base_port.to_string();
    let script = "scripts/examples/first-cluster.ksh";
    let words = ["run", script, "--name", &cluster.name, "--base", &base];
    let refused = Kafsh::at(&cluster.home).run(&words).fails(2);
    assert!(refused.stderr.contains(&format!("kept for cluster `{}`", other.name)), "{refused:?}");
    assert!(cluster.pids().is_empty(), "nothing was started");
    walk(&cluster).ok();
    cluster.run(&["cluster", "stop"]).ok();
    // Its ZooKeeper's data lies where ours was.
    let data = |cluster: &RealCluster| cluster.folder().join("nodes/zookeeper/data/version-2");
    std::fs::remove_dir_all(data(&cluster)).expect("our own");
    std::fs::rename(data(&other), data(&cluster)).expect("that of the other");
    let refused = walk(&cluster);
    assert_ne!(refused.status, 0);
    assert!(refused.stderr.contains("cluster archive"), "it says what mends it: {refused:?}");
    assert!(refused.stderr.contains("ZooKeeper"), "{refused:?}");
    cluster.run(&["cluster", "stop", "--force"]).ok();
    cluster.run(&["cluster", "archive", &cluster.name]).ok();
    walk(&cluster).ok().says("hello");
}
