//! Real Kafka and ZooKeeper: the seed's walk, dirty ground, and what must not be lost.

#[path = "cluster/adopted.rs"]
mod adopted;
#[path = "cluster/authored.rs"]
mod authored;
#[path = "cluster/servers.rs"]
mod servers;
mod support;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use support::{Kafsh, RealCluster, finish, root, signal, test_home};

/// Words for the walk of `scripts/examples/first-cluster.ksh` on this cluster's ports.
fn walk(cluster: &RealCluster) -> support::Ran {
    let script = "scripts/examples/first-cluster.ksh";
    let base = cluster.base_port.to_string();
    Kafsh::at(&cluster.home).run(&["run", script, "--name", &cluster.name, "--base", &base])
}

#[test]
fn the_walk_runs_and_runs_again() {
    let cluster = RealCluster::reserve("walk");
    let ran = walk(&cluster).ok().says("hello").says("world");
    ran.says(&format!("kafsh -C {} ui", cluster.name));
    let described = cluster.run(&["topic", "describe", "test", "-O", "json"]).ok().json();
    assert_eq!(described["partitions"].as_array().map(Vec::len), Some(10));
    let pids = cluster.pids();
    assert_eq!(pids.len(), 4, "one ZooKeeper and three brokers");
    walk(&cluster).ok();
    assert_eq!(cluster.pids(), pids, "a second run leaves running servers alone");
    let plan = cluster.run(&["cluster", "plan", &cluster.name, "-O", "json"]).ok().json();
    let actions = plan["steps"].as_array().expect("steps").iter();
    let left: usize = actions.map(|step| step["actions"].as_array().map_or(0, Vec::len)).sum();
    assert_eq!(left, 0, "after apply a second plan is empty: {plan}");
}

#[test]
fn stopped_and_started_it_keeps_its_records() {
    let cluster = RealCluster::up("restart", 3);
    cluster.run(&["topic", "create", "t", "-p", "3", "-r", "3"]).ok();
    cluster.kafsh().stdin("one\ntwo\n").run(&["produce", "t"]).ok();
    cluster.run(&["cluster", "stop"]).ok();
    assert!(cluster.pids().is_empty(), "nothing is left running");
    cluster.run(&["cluster", "start"]).ok();
    let read = cluster.run(&["consume", "t"]).ok();
    let mut lines: Vec<&str> = read.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["one", "two"]);
}

#[test]
fn killed_whole_it_comes_back() {
    let cluster = RealCluster::reserve("killed");
    walk(&cluster).ok();
    for pid in cluster.pids() {
        kill(pid);
    }
    walk(&cluster).ok();
    let read = cluster.run(&["consume", "test"]).ok();
    assert_eq!(read.stdout.lines().filter(|line| *line == "hello").count(), 2);
}

#[test]
fn a_wiped_zookeeper_is_named_and_mended() {
    let cluster = RealCluster::reserve("wiped");
    walk(&cluster).ok();
    // Under brokers that run: an empty one beside them would leave them without a controller.
    kill(servers::pid_of(&cluster, "zookeeper"));
    let data = cluster.folder().join("nodes/zookeeper/data");
    std::fs::remove_dir_all(data.join("version-2")).expect("ZooKeeper's data");
    let brokers = cluster.pids().len();
    for words in [&["cluster", "doctor", "--fix"][..], &["zookeeper", "start"]] {
        cluster.run(words).fails(1).says("zookeeper was wiped").says("cluster stop");
    }
    assert_eq!(cluster.pids().len(), brokers, "nothing was started");
    cluster.run(&["cluster", "stop"]).fails(3).says("cannot hand over");
    cluster.run(&["cluster", "stop", "--force"]).ok();
    let refused = walk(&cluster).fails(1);
    assert!(!refused.stderr.contains("cluster restore"), "no unit is there: {}", refused.stderr);
    assert!(cluster.pids().is_empty(), "nothing was started");
    assert!(refused.stderr.contains("ZooKeeper"), "{}", refused.stderr);
    cluster.run(&["cluster", "archive", &cluster.name]).ok();
    walk(&cluster).ok().says("hello");
    // The other way about: a disk that is not mounted.
    cluster.run(&["cluster", "stop"]).ok();
    for id in 1..=3 {
        let data = cluster.folder().join(format!("nodes/broker-{id}/data"));
        std::fs::remove_dir_all(data).expect("a broker's data");
    }
    cluster.run(&["cluster", "start"]).fails(1).says("no broker has data");
    cluster.run(&["cluster", "doctor"]).fails(1).says("a disk that is not mounted");
    assert!(cluster.pids().is_empty(), "nothing was started");
}

#[test]
fn a_taken_port_is_named_and_nothing_is_started() {
    let cluster = RealCluster::reserve("port");
    let second = cluster.base_port + 1;
    let held = TcpListener::bind(("127.0.0.1", second)).expect("a free port");
    walk(&cluster).fails(1).says(&format!("port {second} is taken (broker 2)")).says("pid ");
    assert!(cluster.pids().is_empty(), "nothing was started");
    let zookeeper = format!("--zookeeper-port {}", cluster.zookeeper_port());
    let refused = cluster.bring_up(&["--config", "num.partitions=2"]).fails(1);
    refused.says(&zookeeper).says("--config num.partitions=2");
    drop(held);
    walk(&cluster).ok();
}

#[test]
fn data_of_another_cluster_is_named() {
    let first = RealCluster::up("one", 1);
    let second = RealCluster::up("two", 1);
    for cluster in [&first, &second] {
        cluster.run(&["cluster", "stop"]).ok();
    }
    let data = |cluster: &RealCluster| cluster.folder().join("nodes/broker-1/data/meta.properties");
    std::fs::copy(data(&first), data(&second)).expect("a foreign meta.properties");
    let refused = second.run(&["cluster", "start"]);
    assert_ne!(refused.status, 0);
    assert!(refused.stderr.contains("holds data of cluster"), "{}", refused.stderr);
    let found = second.run(&["cluster", "doctor", "-O", "json"]);
    assert!(found.stdout.contains("cluster-id-mismatch"), "{}\n{}", found.stdout, found.stderr);
}

#[test]
fn a_broker_that_is_needed_is_not_stopped() {
    let cluster = RealCluster::up("needed", 3);
    cluster
        .run(&["topic", "create", "t", "-p", "3", "-r", "3", "--config", "min.insync.replicas=3"])
        .ok();
    let refused = cluster.run(&["broker", "stop", "2"]);
    assert_ne!(refused.status, 0);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    cluster.run(&["broker", "stop", "2", "--force"]).ok();
    let status = cluster.run(&["cluster", "status", "-O", "json"]).json();
    assert_eq!(status["healthy"], false);
    assert_eq!(status["brokers_ready"], 2);
    cluster.run(&["broker", "start", "2"]).ok();
}

#[test]
fn nothing_acknowledged_is_lost_when_produce_is_interrupted() {
    let cluster = RealCluster::up("interrupted", 3);
    cluster.run(&["topic", "create", "t", "-p", "3", "-r", "3"]).ok();
    let mut shell = cluster.kafsh().spawn(&["produce", "t"]);
    let mut stdin = shell.stdin.take().expect("a pipe");
    let feeder = std::thread::spawn(move || {
        use std::io::Write;
        for n in 0..20_000_000 {
            if writeln!(stdin, "record {n}").is_err() {
                return;
            }
        }
    });
    // Not before something was acknowledged, or nothing could be lost.
    let end = Instant::now() + Duration::from_secs(60);
    while cluster.run(&["consume", "t", "--count", "1", "--timeout", "5s"]).status != 0 {
        assert!(Instant::now() < end, "no record arrives");
    }
    signal("-INT", shell.id());
    let ran = finish(shell, Duration::from_secs(60), "an interrupted produce");
    feeder.join().expect("the feeder ends");
    assert_eq!(ran.status, 130, "{}", ran.stderr);
    let words: Vec<&str> = ran.stderr.split_whitespace().collect();
    let said: u64 = words
        .windows(4)
        .filter(|words| {
            matches!(words[1], "record" | "records") && words[3].contains("acknowledged")
        })
        .find_map(|words| words[0].parse().ok())
        .unwrap_or_else(|| panic!("it says how many were acknowledged: {}", ran.stderr));
    assert!(said > 0, "{}", ran.stderr);
    let end = Instant::now() + Duration::from_secs(10);
    let written = loop {
        let read = cluster.run(&["consume", "t"]).ok();
        let count = read.stdout.lines().count() as u64;
        if count >= said || Instant::now() > end {
            break count;
        }
    };
    assert!(written >= said, "{said} were acknowledged, {written} are there");
}

#[test]
fn a_dead_broker_counts_at_once_and_a_start_waits_for_its_partitions() {
    let cluster = RealCluster::up("dead", 3);
    let quiet = cluster.run(&["cluster", "logs", "--errors"]).ok();
    assert_eq!(quiet.stdout, "", "a healthy cluster has nothing to say");
    cluster.run(&["topic", "create", "t", "-p", "6", "-r", "3"]).ok();
    cluster.run(&["broker", "kill", "2", "--yes"]).ok();
    let listed = cluster.run(&["topic", "list", "-O", "json"]).ok();
    assert_ne!(listed.json()[0]["health"], "healthy", "metadata is not believed");
    assert!(listed.stderr.contains("broker 2 has died"), "{}", listed.stderr);
    let described = cluster.run(&["topic", "describe", "t", "-O", "json"]).ok().json();
    assert_eq!(described["partitions"][0]["down"], serde_json::json!([2]), "{described}");
    let status = cluster.run(&["cluster", "status", "-O", "json"]).ok().json();
    assert_eq!(status["partitions"]["under_replicated"], 6, "{status}");
    cluster.run(&["cluster", "doctor"]).says("t/0").says("broker 2 has died");
    cluster.run(&["broker", "start", "2"]).ok().says("in sync 6/6");
    let healthy = || {
        let listed = cluster.run(&["topic", "list", "-O", "json"]).ok().json();
        assert_eq!(listed[0]["health"], "healthy", "{listed}");
    };
    healthy();
    cluster.run(&["cluster", "restart"]).ok().says("in sync 6/6");
    healthy();
    cluster.run(&["cluster", "stop"]).ok();
    let start = format!("cluster start {}", cluster.name);
    cluster.run(&["topic", "list"]).fails(5).says(&start);
    cluster.run(&["cluster", "doctor"]).ok().says(&start);
}

#[test]
fn an_ephemeral_cluster_whose_shell_was_killed_is_named_and_ended() {
    let cluster = RealCluster::reserve("orphan");
    let (name, base) = (&cluster.name, cluster.base_port);
    let zookeeper = cluster.zookeeper_port();
    let script = format!(
        "cluster up {name} --ephemeral --brokers 1 --base-port {base} \\\n  \
         --zookeeper-port {zookeeper}\nwait 100s cluster list | jq 'false'\n"
    );
    let mut shell = Kafsh::at(&cluster.home).spawn(&["-c", &script]);
    let status = || cluster.run(&["cluster", "status", "-O", "json"]);
    let end = Instant::now() + Duration::from_secs(60);
    // It is whole when its own shell has gone on to the next line.
    while !status().stdout.contains("\"healthy\": true") {
        assert!(Instant::now() < end, "it comes up");
        std::thread::sleep(Duration::from_millis(200));
    }
    let kept = status().ok().json();
    assert_eq!((&kept["ephemeral"], &kept["orphaned"]), (&true.into(), &false.into()));
    shell.kill().expect("a shell to kill");
    shell.wait().expect("its end");
    let destroy = format!("cluster destroy {name} --yes");
    cluster.run(&["cluster", "list"]).ok().says("its shell is gone").says(&destroy);
    assert_eq!(status().ok().says(&destroy).json()["orphaned"], true);
    cluster.run(&["cluster", "doctor"]).ok().says("is ephemeral, and its shell");
    cluster.run(&["cluster", "doctor", "--fix"]).ok().says("mended: ended");
    assert!(cluster.pids().is_empty() && !cluster.folder().exists(), "it is gone");
}

#[test]
fn a_cluster_is_laid_out_as_asked_wiped_and_cleaned() {
    // Declared first, so that it is dropped last: brokers write in it until the cluster is gone.
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("a plain path");
    let cluster = RealCluster::reserve("layout");
    let (base, zookeeper) = (cluster.base_port.to_string(), cluster.zookeeper_port().to_string());
    let words = ["cluster", "create", &cluster.name, "--brokers", "2", "--base-port", &base];
    let more = ["--zookeeper-port", &zookeeper, "--advertise", "localhost", "--data-dir", data];
    let racks = ["--racks", "a,b"];
    let kafsh = Kafsh::at(&cluster.home);
    kafsh.run(&[&words[..], &more, &racks].concat()).ok();
    assert!(cluster.pids().is_empty(), "nothing was started");
    kafsh.run(&["cluster", "up", &cluster.name]).ok();
    let status = cluster.run(&["cluster", "status", "-O", "json"]).ok().json();
    assert_eq!(status["healthy"], true, "{status}");
    let broker = &status["nodes"][2];
    assert_eq!(broker["rack"], "b");
    let endpoint = broker["endpoints"][0].as_str().expect("an endpoint");
    assert!(endpoint.contains("://localhost:"), "{endpoint}");
    let kept = folder.path().join(&cluster.name);
    assert!(kept.is_dir() && !cluster.folder().join("nodes/broker-1/data").exists());
    cluster.run(&["topic", "create", "t", "-p", "2", "-r", "2"]).ok();
    cluster.kafsh().stdin("one\ntwo\n").run(&["produce", "t"]).ok();
    cluster.run(&["broker", "stop", "2", "--force"]).ok();
    cluster.run(&["broker", "wipe", "2", "--yes"]).ok();
    cluster.run(&["broker", "start", "2"]).ok().says("in sync 2/2");
    let read = cluster.run(&["consume", "t"]).ok();
    assert_eq!(read.stdout.lines().count(), 2, "the other replicas had them");
    cluster.run(&["cluster", "stop"]).ok();
    cluster.run(&["zookeeper", "clean", "--yes"]).fails(3);
    for id in ["1", "2"] {
        cluster.run(&["broker", "wipe", id, "--yes"]).ok();
    }
    cluster.run(&["zookeeper", "clean", "--yes"]).ok();
    kafsh.run(&["cluster", "up", &cluster.name]).ok();
    assert_eq!(cluster.run(&["topic", "list"]).ok().stdout, "", "a new cluster");
}

#[test]
fn a_spec_says_all_that_kafka_can() {
    let cluster = RealCluster::reserve("spec");
    let (base, zookeeper) = (cluster.base_port, cluster.zookeeper_port());
    let jaas = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                username=\"admin\" password=\"a;b 'c' \\\\ d\" user_admin=\"a;b 'c' \\\\ d\";";
    // What is advertised is another port than the broker's own, as behind a container's.
    let shown = |port: u16| if port == base { base + 10 } else { port };
    let listener = |name: &str, protocol: &str, port: u16, more: &str| {
        let shown = shown(port);
        format!(
            "{{ name = \"{name}\", protocol = \"{protocol}\", bind = \"127.0.0.1\", \
             port = {port}, advertised_host = \"localhost\", advertised_port = {shown}{more} }}"
        )
    };
    servers::forward(shown(base), base);
    let broker = |id: u16, rack: &str, first: u16| {
        format!(
            "[[brokers]]\nid = {id}\nrack = \"{rack}\"\nlisteners = [\n{},\n{},\n{},\n]\n",
            listener("CLIENT", "PLAINTEXT", first, ""),
            listener("INTERNAL", "PLAINTEXT", first + 1, ", inter_broker = true"),
            listener("SECURE", "SASL_PLAINTEXT", first + 2, ""),
        )
    };
    let spec = format!(
        "schema = 1\nname = \"{}\"\nkafka = \"3.9.2\"\n\
         [zookeeper]\nbind = \"127.0.0.1\"\nport = {zookeeper}\nchroot = \"/kafka/one\"\n\
         [properties]\n\
         \"authorizer.class.name\" = \"kafka.security.authorizer.AclAuthorizer\"\n\
         \"allow.everyone.if.no.acl.found\" = \"true\"\n\
         \"sasl.enabled.mechanisms\" = \"PLAIN\"\n\
         \"listener.name.secure.plain.sasl.jaas.config\" = '''{jaas}'''\n{}{}",
        cluster.name,
        broker(7, "a", base),
        broker(1200, "b", base + 4),
    );
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("spec.toml");
    std::fs::write(&file, spec).expect("a spec");
    let path = file.to_str().expect("a plain path");
    Kafsh::at(&cluster.home).run(&["cluster", "up", "--spec", path]).ok();
    let status = cluster.run(&["cluster", "status", "-O", "json"]).ok().json();
    assert_eq!(status["healthy"], true, "{status}");
    let properties = cluster.folder().join("nodes/broker-7/config/server.properties");
    let written = std::fs::read_to_string(properties).expect("properties");
    let escaped = jaas.replace('\\', "\\\\");
    assert!(written.contains(&escaped), "byte for byte, escaped as Java reads it:\n{written}");
    let configs = cluster.run(&["broker", "config", "7", "--all", "-O", "json"]).ok();
    assert!(!configs.stdout.contains("\"dynamic"), "nobody asked for a dynamic setting");
    assert!(!configs.stdout.contains("a;b 'c'"), "a secret is not shown");
    cluster.run(&["zookeeper", "ls", "/brokers/ids"]).ok().says("1200");
    let password = "a;b 'c' \\ d";
    servers::log_in(&cluster, base + 2, password).ok().says("7 rack: a");
    servers::log_in(&cluster, base + 2, "another").fails(1);
    cluster.run(&["topic", "create", "t", "-p", "2", "-r", "2"]).ok();
    let again = Kafsh::at(&cluster.home).run(&["cluster", "up", "--spec", path]).ok();
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
}

#[test]
fn the_examples_run() {
    let cluster = RealCluster::up("examples", 3);
    cluster.run(&["topic", "create", "test", "-p", "3", "-r", "3"]).ok();
    // One key, one partition: a group's lag is counted where it has committed.
    cluster.kafsh().stdin("hello\nfailed\n").run(&["produce", "test", "--key", "k"]).ok();
    let example = |name: &str, args: &[&str]| {
        let path = format!("scripts/examples/{name}.ksh");
        cluster.run(&[&["run", path.as_str()][..], args].concat())
    };
    example("topics-from-csv", &[]).ok().says("payments");
    example("topics-from-csv", &[]).ok();
    example("find-record", &["--word", "hello"]).ok().says("\"value\":\"hello\"");
    example("lag-check", &["--limit", "1000"]).ok();
    cluster.run(&["consume", "test", "--group", "g", "--count", "1"]).ok();
    example("lag-check", &["--limit", "0"]).fails(1).says("g lags by 1");
    example("rotate-broker", &["--broker", "2"]).ok();
    let kept = tempfile::tempdir().expect("a folder");
    let kept = kept.path().join("people.checkpoint");
    let kept = ["--checkpoint", kept.to_str().expect("a plain path")];
    example("mask-and-route", &kept).ok();
    example("mask-and-route", &kept).ok();
    let offsets = cluster.run(&["consume", "people-de", "people-unread"]).ok();
    assert_eq!(offsets.stdout.lines().count(), 4, "two runs, each its own records");
    let throwaway = support::unique("ci");
    let args = ["--name", throwaway.as_str(), "--tests", "echo at $KAFSH_BOOTSTRAP"];
    let path = root().join("scripts/examples/ci-throwaway.ksh");
    // It writes a log beside where it is run.
    let folder = tempfile::tempdir().expect("a folder");
    Kafsh::at(&test_home())
        .in_directory(folder.path())
        .run(&[&["run", path.to_str().expect("a plain path")][..], &args].concat())
        .ok()
        .says("at 127.0.0.1:");
    assert!(!test_home().join("clusters").join(&throwaway).exists(), "it is gone");
}

/// Killed in the middle, a pipeline goes on where it was: every record arrives, some twice.
#[test]
fn a_killed_pipeline_loses_nothing() {
    const RECORDS: usize = 100_000;
    let cluster = RealCluster::up("killed", 1);
    for topic in ["source", "by-group", "by-file"] {
        cluster.run(&["topic", "create", topic, "-p", "3", "-r", "1"]).ok();
    }
    let lines: String =
        (0..RECORDS).map(|n| format!("k{n}:{{\"n\":{n},\"email\":\"secret\"}}\n")).collect();
    cluster.kafsh().stdin(lines).run(&["produce", "source", "--key-separator", ":"]).ok();
    let folder = tempfile::tempdir().expect("a folder");
    let group = "--group g -X session.timeout.ms=6000";
    for (to, how) in [("by-file", "--checkpoint kept.checkpoint"), ("by-group", group)] {
        let pipeline = format!(
            "consume source {how} | transform mask-fields --set fields=email | produce {to}"
        );
        let kafsh = || cluster.kafsh().in_directory(folder.path());
        let count = || cluster.run(&["consume", to]).ok().stdout.lines().count();
        let mut child = kafsh().spawn(&["-c", &pipeline]);
        let end = Instant::now() + Duration::from_secs(60);
        while count() == 0 {
            assert!(Instant::now() < end, "nothing came to {to}");
        }
        child.kill().expect("a signal");
        child.wait().expect("its end");
        let before = count();
        assert!((1..RECORDS).contains(&before), "{before}: it was not killed in the middle");
        kafsh().run(&["-c", &pipeline]).ok();
        let read = cluster.run(&["consume", to]).ok().stdout;
        assert!(!read.contains("secret"), "what is not masked never passes");
        let numbers: std::collections::BTreeSet<&str> = read.lines().collect();
        assert_eq!(numbers.len(), RECORDS, "{to}: {} records came", read.lines().count());
        eprintln!("{to}: {before} before the kill, {} in all", read.lines().count());
        kafsh().run(&["-c", &pipeline]).ok();
        assert_eq!(count(), read.lines().count(), "a third run finds nothing to do");
    }
}

#[test]
fn policies_decide_on_a_real_cluster() {
    let cluster = RealCluster::up("policies", 1);
    // The home outlives the test: only this cluster may be meant.
    let bind = ["policy", "bind", "--name", "real", "--clusters", &cluster.name];
    let with = |policy: &str, setting: &str| {
        cluster.run(&[&bind[..2], &[policy], &bind[2..], &["--set", setting]].concat()).ok();
    };
    with("naming", "pattern=[a-z]+");
    let denied = cluster.run(&["topic", "create", "Loud", "-p", "1", "-r", "1"]);
    assert_eq!(denied.status, 3, "{}", denied.stderr);
    denied.says("`real` [name-not-allowed]");
    cluster.run(&["topic", "create", "quiet", "-p", "3", "-r", "1"]).ok();
    with("partitions", "max=4");
    let denied = cluster.run(&["topic", "add-partitions", "quiet", "--total", "6"]);
    assert_eq!(denied.status, 3, "{}", denied.stderr);
    cluster.run(&["topic", "add-partitions", "quiet", "--total", "4"]).ok();
    with("retention", "max=1d");
    let denied = cluster.run(&["topic", "set", "quiet", "retention.ms=7d"]);
    assert_eq!(denied.status, 3, "{}", denied.stderr);
    cluster.run(&["policy", "check", "quiet"]).ok();
    cluster.run(&["policy", "unbind", "real"]).ok();
    cluster.run(&["topic", "set", "quiet", "retention.ms=7d"]).ok();
    let topics = cluster.run(&["topic", "list", "-O", "name"]).ok();
    assert_eq!(topics.stdout.trim(), "quiet");
}

#[test]
fn every_example_is_in_the_test() {
    let source = std::fs::read_to_string(root().join("tests/cluster.rs")).expect("this file");
    for entry in std::fs::read_dir(root().join("scripts/examples")).expect("examples").flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|ending| ending == "ksh") {
            let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
            assert!(
                source.contains(&format!("{name}.ksh")) || source.contains(&format!("\"{name}\"")),
                "{name}"
            );
        }
    }
}

/// Returns when the process has begun to end (it has lost its arguments) and may still hold ports
/// and locks: what kafsh does next must cope with that.
fn kill(pid: u32) {
    signal("-KILL", pid);
    let end = Instant::now() + Duration::from_secs(20);
    while std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty()) {
        assert!(Instant::now() < end, "pid {pid} does not end");
        std::thread::sleep(Duration::from_millis(2));
    }
}
