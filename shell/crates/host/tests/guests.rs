//! Every guest of `tests/guests` is held: its error is the one named here, in time and in bounds.

mod support;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kafsh_host::limits;
use kafsh_model::error::{Error, Result};
use kafsh_model::plan::{Action, Node, StepPlan};
use kafsh_model::port::Steps;
use support::{Place, component, core_module, folder, input};

/// A guest, the code of its error (`None`: it answers well), and words of the error.
type Case = (&'static str, Option<&'static str>, &'static str);

const CASES: &[Case] = &[
    ("well-behaved", None, ""),
    ("log-flood", None, ""),
    ("plan-endless", Some("plugin-timeout"), "took too long in `plan`"),
    ("describe-endless", Some("plugin-timeout"), "took too long in `describe`"),
    ("start-endless", Some("plugin-timeout"), "took too long in `start`"),
    ("realloc-endless", Some("plugin-timeout"), "took too long in `plan`"),
    ("realloc-outside", Some("plugin-bad-output"), "realloc"),
    ("memory-bomb", Some("plugin-memory"), "bytes of memory, may have 67108864"),
    ("memory-huge", Some("plugin-memory"), "asked for 131072000 bytes of memory"),
    ("table-bomb", Some("plugin-memory"), "elements of tables, may have 10000"),
    ("table-huge", Some("plugin-memory"), "elements of tables, may have 10000"),
    ("recursion", Some("plugin-stack"), "ran out of stack in `plan`"),
    ("trap", Some("plugin-panic"), "no broker left at src/lib.rs:7\\u{1b}[2J"),
    ("trap-in-describe", Some("plugin-panic"), "panicked in `describe`"),
    ("divide-by-zero", Some("plugin-panic"), "integer divide by zero"),
    ("log-bomb", Some("plugin-bad-output"), "larger than 8 MiB"),
    ("list-outside", Some("plugin-bad-output"), "list"),
    ("list-long", Some("plugin-bad-output"), "20000 actions, at most 10000"),
    ("list-amplified", Some("plugin-bad-output"), "larger than 8 MiB"),
    ("string-outside", Some("plugin-bad-output"), "string"),
    ("string-not-utf8", Some("plugin-bad-output"), "utf-8"),
    ("string-long", Some("plugin-bad-output"), "100000 bytes of summary"),
    ("result-outside", Some("plugin-bad-output"), "pointer"),
    ("result-unaligned", Some("plugin-bad-output"), "pointer"),
    ("no-such-variant", Some("plugin-bad-output"), "discriminant"),
    ("no-such-action", Some("plugin-bad-output"), "discriminant"),
    ("foreign-node", Some("plugin-bad-output"), "cluster `demo` has no broker 99"),
    ("foreign-topic", Some("plugin-bad-output"), "is no name for a topic"),
    ("says-no", Some("plugin-failed"), "there is none"),
    ("impostor", Some("plugin-bad-output"), "calls itself `preflight`"),
    ("import-unknown", Some("plugin-import-refused"), "`wasi:filesystem/preopens@0.2.0`"),
    ("import-later-function", Some("plugin-wrong-world"), "erase"),
    ("wrong-world", Some("plugin-wrong-world"), "does not export `kafsh:step/step@1.0.0`"),
    ("wrong-type", Some("plugin-wrong-world"), "another version of the contract"),
];

/// A loaded machine may be late, but not by as much as the deadline again.
const LATE_MAX: Duration = Duration::from_secs(5);

/// Bytes of the process at its peak: compiler, engine, and guests that take what they get.
const PEAK_BYTES_MAX: u64 = 400 << 20;

fn run(place: &Place, name: &str, component: Vec<u8>) -> Result<StepPlan> {
    let host = place.host(true);
    host.add_step(name, component)?;
    host.step(name)?.plan(&input())
}

/// All that an error says, in one string.
fn all_of(error: &Error) -> String {
    let cause = error.cause.as_deref().unwrap_or("");
    format!("{}: {cause} {}", error.message, error.evidence.join(" "))
}

fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

#[test]
fn each_file_has_a_case_and_each_case_a_file() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "wat"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let cases: BTreeSet<String> = CASES.iter().map(|case| case.0.to_owned()).collect();
    assert_eq!(files, cases);
    assert_eq!(cases.len(), CASES.len(), "a guest has two cases");
}

#[test]
fn every_guest_is_held() {
    let mut wrong = Vec::new();
    for (name, code, words) in CASES {
        let place = Place::new();
        let component = component(name);
        let began = Instant::now();
        let outcome = run(&place, name, component);
        let elapsed = began.elapsed();
        let limit = limits::PLAN_TIME_MAX + LATE_MAX;
        if elapsed > limit {
            wrong.push(format!("{name}: took {elapsed:?}"));
        }
        match (outcome, code) {
            (Ok(_), None) => {}
            (Ok(plan), Some(code)) => wrong.push(format!("{name}: {plan:?} instead of {code}")),
            (Err(error), code) => {
                let text = all_of(&error);
                // Not in the guest's own name, which the message has.
                let said = text.replace(&format!("`{name}`"), "");
                if Some(&*error.code) != *code || !said.contains(words) {
                    wrong.push(format!("{name}: {} instead of {code:?}: {text}", error.code));
                }
                let safe = text.chars().all(|c| !c.is_control());
                if !safe || !error.message.contains(&format!("step `{name}`")) {
                    wrong.push(format!("{name}: {text:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let peak = peak_bytes();
    assert!(peak < PEAK_BYTES_MAX, "the process had {} MiB", peak >> 20);
}

#[test]
fn a_good_guest_answers_and_its_log_is_bounded() {
    let place = Place::new();
    let plan = run(&place, "well-behaved", component("well-behaved")).unwrap();
    assert_eq!(plan.summary, "one folder");
    assert_eq!(plan.actions, [Action::CreateDirectories { node: Node::Broker(2) }]);
    assert!(place.lines.lock().unwrap().is_empty());

    run(&place, "log-flood", component("log-flood")).unwrap();
    let lines = place.lines.lock().unwrap();
    assert_eq!(lines.len(), limits::LOG_LINES_MAX + 1);
    assert!(lines.iter().all(|line| line.text.len() < limits::LOG_LINE_BYTES_MAX + 64));
    assert_eq!(lines.last().unwrap().text, "99800 more lines were not kept");
}

#[test]
fn a_host_works_on_after_a_fault() {
    let place = Place::new();
    let host = place.host(true);
    host.add_step("recursion", component("recursion")).unwrap();
    host.add_step("well-behaved", component("well-behaved")).unwrap();
    for _ in 0..3 {
        let error = host.step("recursion").unwrap().plan(&input()).unwrap_err();
        assert_eq!(error.code, "plugin-stack");
        assert!(error.message.starts_with("step `recursion` 0.1.0 ("), "{}", error.message);
        assert!(host.step("well-behaved").unwrap().plan(&input()).is_ok());
    }
}

/// What is refused at once, before anything is parsed.
fn refused(component: Vec<u8>) -> String {
    let error = Place::new().host(true).add_step("bad", component).unwrap_err();
    assert!(error.cause.is_some(), "{error:?}");
    error.code.into_owned()
}

#[test]
fn what_is_no_component_is_refused_at_once() {
    assert_eq!(refused(core_module("core", "")), "plugin-not-component");
    assert_eq!(refused(b"".to_vec()), "plugin-not-component");
    assert_eq!(refused(b"(component)".to_vec()), "plugin-not-component");
    let large = vec![0; limits::COMPONENT_BYTES_MAX + 1];
    assert_eq!(refused(large), "plugin-too-large");
}

#[test]
fn native_code_is_refused_at_once() {
    let place = Place::new();
    let host = place.host(false);
    host.add_step("well-behaved", component("well-behaved")).unwrap();
    host.step("well-behaved").unwrap();
    let compiled = place.compiled();
    let kept = std::fs::read(&compiled[0]).unwrap();
    // Behind the MAC there is what the engine would take as it is.
    let native = kept[32..].to_vec();
    assert_eq!(native[..4], *b"\x7fELF");
    assert_eq!(refused(native), "plugin-precompiled");
}

#[test]
fn a_component_cut_short_is_refused_wherever_it_is_cut() {
    let whole = component("well-behaved");
    for end in (8..whole.len()).step_by(97) {
        let error = run(&Place::new(), "cut", whole[..end].to_vec()).unwrap_err();
        let known = ["plugin-not-component", "plugin-wrong-world"].contains(&&*error.code);
        assert!(known, "{end}: {error:?}");
    }
}

#[test]
fn an_unknown_step_is_named_with_the_known_ones() {
    let host = Place::new().host(true);
    host.add_step("well-behaved", component("well-behaved")).unwrap();
    let error = host.step("wel-behaved").err().unwrap();
    assert_eq!(error.code, "step-not-found");
    assert!(all_of(&error).contains("`well-behaved`"), "{error:?}");
}
