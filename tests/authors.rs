//! What an author of plugins sees at work: `plugin dev` from the first time to Ctrl-C, and what is
//! said where the compiler cannot build for WebAssembly.

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use support::Kafsh;

/// Longest that one turn of `plugin dev` may take.
const TURN_MAX: Duration = Duration::from_secs(150);

/// A running `plugin dev`.
struct Dev {
    child: Child,
    lines: Receiver<String>,
}

impl Dev {
    fn start(home: &Path, folder: &Path) -> Dev {
        let kafsh = Kafsh::at(home).in_directory(folder).with_cargo();
        let mut child = kafsh.spawn(&["plugin", "dev", "limits"]);
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Dev { child, lines }
    }

    /// The lines up to one that says `end`.
    #[track_caller]
    fn until(&self, end: &str) -> Vec<String> {
        let deadline = Instant::now() + TURN_MAX;
        let mut seen: Vec<String> = Vec::new();
        while let Ok(line) =
            self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            seen.push(line);
            if seen.last().is_some_and(|line| line == end) {
                return seen;
            }
        }
        panic!("no `{end}` in {seen:#?}");
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn dev_shows_what_changed_until_ctrl_c() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kafsh = Kafsh::at(home.path()).in_directory(folder.path());
    kafsh.run(&["plugin", "new", "limits", "--kind", "policy"]).ok();
    let mut dev = Dev::start(home.path(), folder.path());
    let first = dev.until("3 ok");
    assert!(first[0].starts_with("ok     tests of the crate"), "{first:#?}");
    let cases = folder.path().join("limits/cases/partitions.toml");
    let text = fs::read_to_string(&cases).unwrap();
    fs::write(&cases, text.replace("verdict = \"deny\"", "verdict = \"warn\"")).unwrap();
    let turn = dev.until("1 of 3 failed");
    assert_eq!(turn[0], "changed: cases/partitions.toml");
    assert!(turn[1].starts_with("failed too many are refused"), "{turn:#?}");
    assert_eq!(turn[2].trim(), "expect.verdict: expected \"warn\", got \"deny\"");
    assert_eq!(turn.len(), 4, "only what changed is shown: {turn:#?}");
    fs::write(&cases, text).unwrap();
    let turn = dev.until("3 ok");
    assert!(turn[1].starts_with("ok     too many are refused"), "{turn:#?}");
    let source = folder.path().join("limits/src/lib.rs");
    let text = fs::read_to_string(&source).unwrap();
    fs::write(&source, format!("{text}\nconst WRONG: u8 = \"\";\n")).unwrap();
    let turn = dev.until("1 of 1 failed");
    assert!(turn.iter().any(|line| line.contains("error[E0308]")), "{turn:#?}");
    let pid = Pid::from_raw(i32::try_from(dev.child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    let status = loop {
        if let Some(status) = dev.child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < end, "it goes on after Ctrl-C");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(0), "Ctrl-C is how it ends");
}

#[test]
fn a_budget_of_work_is_kept_and_cannot_be_blessed_away() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kafsh = || Kafsh::at(home.path()).in_directory(folder.path()).with_cargo();
    kafsh().run(&["plugin", "new", "limits", "--kind", "policy"]).ok();
    let cases = folder.path().join("limits/cases/partitions.toml");
    let text = fs::read_to_string(&cases).unwrap();
    let text = text.replace("name = \"too", "fuel = 1\nname = \"too");
    fs::write(&cases, &text).unwrap();
    let ran = kafsh().run(&["plugin", "test", "limits", "--bless"]).fails(1);
    ran.says("too many are refused: fuel: at most 1, took ");
    assert_eq!(fs::read_to_string(&cases).unwrap(), text);
}

#[test]
fn a_compiler_without_the_target_names_what_installs_it() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kafsh = || Kafsh::at(home.path()).in_directory(folder.path());
    kafsh().run(&["plugin", "new", "limits", "--kind", "policy"]).ok();
    let without = kafsh().env("KAFSH_GUEST_TOOLCHAIN", "rustup").env("RUSTC", "/nowhere/rustc");
    let ran = without.run(&["plugin", "build", "limits"]).fails(1);
    ran.says("rustup target add wasm32-unknown-unknown").says("cannot run `/nowhere/rustc`");
    assert!(!folder.path().join("limits/target").exists(), "nothing is half built");
}
