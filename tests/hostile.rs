//! Bad input of every kind: a clear error, bounded time, and nothing lost or half done.

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use support::{Kafsh, Ran};

/// Longest that refusing something may take, on a busy machine too.
const REFUSED_WITHIN: Duration = Duration::from_secs(60);

/// Runs a script of these bytes on a rehearsal.
fn script(bytes: &[u8]) -> Ran {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::write(home.path().join("case.ksh"), bytes).expect("a script");
    let kafsh = Kafsh::at(home.path()).in_directory(home.path());
    let begun = Instant::now();
    let ran = kafsh.with(&["--rehearse", "run", "case.ksh"]).run(&[]);
    assert!(begun.elapsed() < REFUSED_WITHIN, "it took {:?}", begun.elapsed());
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    ran
}

fn rehearse(words: &[&str]) -> Ran {
    let home = tempfile::tempdir().expect("a folder");
    let begun = Instant::now();
    let ran = Kafsh::at(home.path()).with(&["--rehearse"]).run(words);
    assert!(begun.elapsed() < REFUSED_WITHIN, "it took {:?}", begun.elapsed());
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    ran
}

#[test]
fn malformed_scripts_are_refused_before_anything_runs() {
    let first = b"!echo it ran\n".as_slice();
    let nested = "if jq -n 'true' { ".repeat(5_000);
    let long = "x".repeat(10 << 20);
    let cases: [(&str, &[u8]); 8] = [
        ("deep nesting", nested.as_bytes()),
        ("a line of 10 MB", long.as_bytes()),
        ("a NUL byte", b"topic list\0"),
        ("not UTF-8", b"topic list \xff\xfe"),
        ("an open quote", b"topic create 'orders"),
        ("an open block", b"for i in 1 2 {\n topic list\n"),
        ("a surplus brace", b"topic list\n}\n"),
        ("a bad filter", b"topic list | jq '((((('"),
    ];
    for (what, bytes) in cases {
        let ran = script(&[first, bytes].concat());
        assert_eq!(ran.status, 2, "{what}: {}", ran.stderr);
        assert!(!ran.stdout.contains("it ran"), "{what}: something ran");
        assert!(ran.stderr.contains("error"), "{what}: {}", ran.stderr);
        assert!(ran.stderr.len() < 20_000, "{what}: {} bytes of message", ran.stderr.len());
    }
}

/// A device gives bytes for ever: each reader of a file has its bound, and says so.
#[test]
fn a_file_without_an_end_is_not_read_to_it() {
    let plain =
        ["cluster up --spec /dev/zero", "cluster adopt x /dev/zero", "plugin verify /dev/zero"];
    for line in plain {
        let ran = script(format!("expect error {line}\n").as_bytes());
        assert!(!ran.stderr.contains("internal"), "{line}: {}", ran.stderr);
    }
    rehearse(&["--profile", "p", "topic", "list"]).fails(2);
}

#[test]
fn argv_is_one_command_and_never_text() {
    rehearse(&["topic", "describe", "x; !touch pwned"]).fails(2).says("no name for a topic");
    rehearse(&["topic", "list", "|", "jq", "."]).fails(2);
    rehearse(&["topic", "describe", "$HOME"]).fails(2);
    rehearse(&["topic", "create", "--partitions", "-1", "t"]).fails(2);
    rehearse(&["topic", "create", "t", "--partitions", "99999999999999999999"]).fails(2);
    rehearse(&["cluster", "up", "../../etc"]).fails(2).says("no name for a cluster");
    rehearse(&["cluster", "up", "demo", "--base-port", "65535"]).fails(2);
    rehearse(&["cluster", "up", "demo", "--brokers", "0"]).fails(2);
    rehearse(&["cluster", "up", "demo", "--brokers", "100000"]).fails(2);
    rehearse(&["nonsense"]).fails(2).says("no command");
    rehearse(&["", ""]).fails(2);
    rehearse(&["topic", &"x".repeat(100_000)]).fails(2);
}

#[test]
fn impossible_settings_are_refused_with_what_was_meant() {
    let up = |config: &str| rehearse(&["cluster", "up", "demo", "--config", config]);
    up("num.partitons=3").fails(2).says("num.partitions");
    up("num.partitions=many").fails(2);
    up("7:num.partitions=3").fails(2);
    up("log.dirs=/etc").fails(2);
    up("default.replication.factor=5").says("replication");
    rehearse(&["cluster", "up", "demo", "--advertise", "0.0.0.0"]).fails(2);
}

#[test]
fn a_spec_with_contradictions_says_all_of_them() {
    let home = tempfile::tempdir().expect("a folder");
    let spec = r#"
schema = 1
name = "demo"
kafka = "3.9.2"
[zookeeper]
bind = "127.0.0.1"
port = 9091
[[brokers]]
id = 1
listeners = [{ name = "A", bind = "127.0.0.1", port = 9091, advertised_host = "127.0.0.1", advertised_port = 9091 }]
[[brokers]]
id = 1
listeners = [{ name = "A", bind = "127.0.0.1", port = 9091, advertised_host = "0.0.0.0", advertised_port = 9091 }]
"#;
    std::fs::write(home.path().join("bad.toml"), spec).expect("a spec");
    let kafsh = Kafsh::at(home.path()).in_directory(home.path()).with(&["--rehearse"]);
    let ran = kafsh.run(&["cluster", "up", "--spec", "bad.toml"]).fails(2);
    for part in ["9091", "broker 1", "0.0.0.0"] {
        assert!(ran.stderr.contains(part), "no `{part}` in {}", ran.stderr);
    }
    std::fs::write(home.path().join("typo.toml"), "schema = 1\nnmae = \"demo\"\n").expect("a spec");
    let ran = kafsh.run(&["cluster", "up", "--spec", "typo.toml"]).fails(2);
    assert!(ran.stderr.contains("typo.toml") && ran.stderr.contains("nmae"), "{}", ran.stderr);
}

#[test]
fn hostile_filters_end_alone() {
    for filter in ["def f: 1 + f; f", "[range(1e12)]", "reduce range(1e9) as $i (null; [.])"] {
        let text = format!("try jq -n '{filter}'\njq -n '\"still here\"'\n");
        script(text.as_bytes()).ok().says("still here");
    }
    for filter in ["env", "$ENV", "input", "halt", "\"\\(env)\""] {
        rehearse(&["jq", "-n", filter]).fails(2);
    }
}

/// A release as Apache publishes it, made by the programs that Apache uses.
#[test]
fn an_archive_that_is_not_what_was_published_is_not_installed() {
    let home = tempfile::tempdir().expect("a folder");
    let sh = |line: &str| {
        let mut command = std::process::Command::new("sh");
        let done = command.args(["-ec", line]).current_dir(home.path()).output().expect("sh runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    sh(
        "mkdir -p r/libs r/bin && echo x > r/bin/x.sh && echo server > r/libs/kafka_2.13-3.0.99.jar
        tar czf r.tgz r && sha512sum r.tgz > r.tgz.sha512 && sha512sum r/bin/x.sh > wrong.sha512
        ln -s /etc/passwd r/libs/link.jar && tar czf linked.tgz r && sha512sum linked.tgz > linked",
    );
    let kafsh = || Kafsh::at(home.path()).in_directory(home.path());
    let install = |words: &[&str]| kafsh().run(&[&["kafka", "install", "3.0.99"], words].concat());
    let nothing = || assert!(!home.path().join("kafka/3.0.99").exists(), "nothing is installed");
    install(&["--from", "r.tgz", "--sha512", "wrong.sha512"]).fails(3).says("SHA-512");
    install(&["--from", "r.tgz", "--sha512", "abc"]).fails(2).says("128 hexadecimal digits");
    install(&["--sha512", "abc"]).fails(2).says("--from");
    install(&["--from", "r", "--sha512", "r.tgz.sha512"]).fails(2).says("is no archive");
    install(&["--from", "linked.tgz"]).fails(3).says("nothing tells whether");
    install(&["--from", "linked.tgz", "--sha512", "linked"]).fails(1).says("`link.jar`");
    install(&["--from", "no-such.tgz"]).fails(1);
    nothing();
    install(&["--from", "r.tgz", "--dry-run"]).ok().says("would be copied");
    nothing();
    // The digest beside it is taken without being asked for.
    install(&["--from", "r.tgz"]).ok().says("3.0.99");
    kafsh().run(&["kafka", "verify", "3.0.99"]).ok();
    sh("echo other > kafka/3.0.99/libs/kafka_2.13-3.0.99.jar");
    kafsh().run(&["kafka", "verify", "3.0.99"]).fails(1);
    kafsh().run(&["kafka", "remove", "3.0.99", "--yes"]).ok();
    nothing();
}

#[test]
fn two_shells_on_one_cluster_do_not_meet() {
    let home = tempfile::tempdir().expect("a folder");
    let kafsh = Kafsh::at(home.path());
    let lock = home.path().join("clusters").join("demo");
    std::fs::create_dir_all(&lock).expect("a folder");
    let held = hold_lock(home.path(), "demo");
    let ran = kafsh.run(&["cluster", "create", "demo", "--base-port", "21991"]);
    assert_ne!(ran.status, 0);
    assert!(ran.stderr.contains("pid"), "it says who holds it: {}", ran.stderr);
    drop(held);
}

/// Holds the lock of a cluster as another shell would.
fn hold_lock(home: &Path, name: &str) -> kafsh_cluster::store::ClusterLock {
    let store = kafsh_cluster::Store::open(home).expect("a store");
    let name = kafsh_model::ClusterName::new(name).expect("a name");
    store.lock(&name, "cluster up demo").expect("a free lock")
}

#[test]
fn escape_sequences_of_others_do_not_reach_a_terminal() {
    // The pty tests look at a terminal; here what goes to a pipe is the bytes, untouched.
    let ran = rehearse(&["jq", "-n", "\"\\u001b[31mred\""]).ok();
    assert_eq!(ran.stdout_bytes, b"\x1b[31mred\n");
}
