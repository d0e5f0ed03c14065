//! No room left (here: a limit on the size of files): an error that names the file, what was there
//! untouched, and the same command works once there is room.

mod support;

#[path = "support/component.rs"]
mod component;
#[path = "support/plugins.rs"]
mod plugins;

use std::path::Path;
use std::process::Command;

use support::{RUN_DEADLINE, Ran, finish, test_home};

/// Runs kafsh with files of at most so many blocks of 512 bytes; no limit where it is `unlimited`.
/// A write fails then as on a full disk; that it is a signal as well is nobody's end.
fn limited(home: &Path, folder: &Path, blocks: &str, words: &[&str]) -> Ran {
    let mut command = Command::new("sh");
    let line = "ulimit -S -f \"$1\"; shift; exec \"$@\"";
    command.args(["-c", line, "sh", blocks, env!("CARGO_BIN_EXE_kafsh")]).args(words);
    command.current_dir(folder).env_clear().env("KAFSH_HOME", home).env("HOME", home);
    command.env("KAFKA_HOME", test_home().join("kafka/3.9.2")).env("LANG", "C.UTF-8");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let ran = finish(command.spawn().expect("sh runs"), RUN_DEADLINE, &format!("{words:?}"));
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    ran
}

/// Says how the limit of the running shell is set where the script says `FULL` and `ROOM`.
fn with_limits(text: &str) -> String {
    let limit = |to: &str| format!("!prlimit --pid $PPID --fsize={to}:");
    text.replace("FULL", &limit("64")).replace("ROOM", &limit("unlimited"))
}

/// A rehearsed script with room for everything, but where it says `FULL` and until it says `ROOM`.
fn script(folder: &Path, text: &str) -> Ran {
    let home = tempfile::tempdir().expect("a folder");
    limited(home.path(), folder, "unlimited", &["--rehearse", "--yes", "-c", &with_limits(text)])
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_new_cluster_is_whole_or_not_there() {
    let home = tempfile::tempdir().expect("a folder");
    let create = |limit: &str, name: &str| {
        let words = ["cluster", "create", name, "--base-port", "auto"];
        limited(home.path(), home.path(), limit, &words)
    };
    create("unlimited", "one").ok();
    let spec = home.path().join("clusters/one/spec.toml");
    let before = std::fs::read(&spec).expect("a spec");
    let ran = create("0", "two").fails(1);
    assert!(ran.stderr.contains("error"), "{}", ran.stderr);
    assert_eq!(std::fs::read(&spec).expect("a spec"), before, "what was there is untouched");
    assert!(!home.path().join("clusters/two").exists(), "half a cluster");
    create("unlimited", "two").ok();
}

#[test]
fn a_checkpoint_is_replaced_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = script(
        folder.path(),
        "cluster up demo --brokers 1
cluster use demo
topic create t --partitions 1
produce t <<END
one
END
consume t --checkpoint kept
!cp kept before
produce t <<END
two
END
FULL
expect error disk-full consume t --checkpoint kept
!cmp kept before
try consume t --checkpoint other
ROOM
consume t --checkpoint kept
",
    );
    let ran = ran.ok().says("other` cannot be written");
    // Read again, since nothing says that it was dealt with.
    assert!(ran.stdout.ends_with("\none\ntwo\n"), "{}", ran.stdout);
    assert_eq!(files(folder.path()), ["before", "kept"], "no part of a file is left");
}

#[test]
fn a_file_behind_a_redirect_is_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines: String = (0..20_000).map(|n| format!("line {n}\n")).collect();
    std::fs::write(folder.path().join("lines.txt"), lines).expect("lines");
    let ran = script(
        folder.path(),
        "jq -n '\"old\"' > out
FULL
try jq -n '[range(20000)]' > out
try jq -n '[range(20000)]' >> out
try jq -n '[range(20000)]' > new
try topic describe nothing > out
try read lines.txt > stream
ROOM
!cat out
jq -n '[range(100)] | length' > out
!cat out
",
    )
    .ok();
    assert_eq!(ran.stdout, "old\n100\n", "{}", ran.stderr);
    for name in ["out", "new", "stream"] {
        assert!(ran.stderr.contains(&format!("`{name}` could not be written")), "{}", ran.stderr);
    }
    // A stream is not held back until its end: what came is there, and the error says so.
    assert!(ran.stderr.contains("what came before this is in it"), "{}", ran.stderr);
    assert_eq!(files(folder.path()), ["lines.txt", "out", "stream"]);
}

#[test]
fn plugins_and_their_lock_file_are_as_they_were() {
    let folder = tempfile::tempdir().expect("a folder");
    plugins::fill(folder.path());
    let before = files(&folder.path().join("plugins"));
    let home = tempfile::tempdir().expect("a folder");
    let text = with_limits(
        "plugin install plugins/house-rules-1.wasm --grant clock --lock
!cp kafsh-plugins.lock before && cp \"$KAFSH_HOME/plugins/state.json\" state
FULL
try plugin install plugins/house-rules-2.wasm --yes --lock
try plugin install plugins/quiet.wasm --name hush --lock
!cmp kafsh-plugins.lock before && cmp \"$KAFSH_HOME/plugins/state.json\" state
ROOM
plugin verify
plugin list --installed -O name
plugin install plugins/quiet.wasm --name hush --lock
",
    );
    let ran = limited(home.path(), folder.path(), "unlimited", &["--yes", "-c", &text]);
    let ran = ran.ok();
    assert_eq!(ran.stderr.matches("went on after").count(), 2, "{}", ran.stderr);
    assert_eq!(files(&folder.path().join("plugins")), before);
}
