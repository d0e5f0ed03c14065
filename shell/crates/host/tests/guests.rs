//! Every guest of `tests/guests` is held: its error is the one named here, in time and in bounds.

mod support;

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafsh_host::{Limits, PluginHost, limits};
use kafsh_model::error::{Error, Result};
use kafsh_model::plan::{Action, Node};
use kafsh_model::plugin::{PluginKind, Secret, Settings};
use kafsh_model::policy::Policies;
use kafsh_model::port::Steps;
use kafsh_model::transform::{State, Transforms};
use support::{
    Place, batch, component, core_module, folder, input, kind_of, manifest, on_a_lent_thread,
    partition, request, source, source_of,
};

/// A guest, the code of its error (`None`: it answers well), and words of the error.
type Case = (&'static str, Option<&'static str>, &'static str);

const STEPS: &[Case] = &[
    ("well-behaved", None, ""),
    ("log-flood", None, ""),
    ("log-escapes", None, ""),
    ("plan-endless", Some("plugin-timeout"), "took too long in `plan`"),
    ("verify-endless", Some("plugin-timeout"), "took too long in `verify`"),
    ("free-endless", Some("plugin-timeout"), "took too long in `plan`"),
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
    ("log-bomb", Some("plugin-bad-output"), "larger than 16 MiB"),
    ("list-outside", Some("plugin-bad-output"), "list"),
    ("list-long", Some("plugin-bad-output"), "20000 actions, at most 10000"),
    ("list-amplified", Some("plugin-bad-output"), "larger than 16 MiB"),
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

const POLICIES: &[Case] = &[
    ("policy-well-behaved", None, ""),
    ("policy-log-flood", None, ""),
    ("policy-escapes", None, ""),
    ("policy-check-endless", Some("plugin-timeout"), "may take 250ms"),
    ("policy-realloc-endless", Some("plugin-timeout"), "took too long in `check`"),
    ("policy-free-endless", Some("plugin-timeout"), "took too long in `check`"),
    ("policy-describe-endless", Some("plugin-timeout"), "took too long in `describe`"),
    ("policy-start-endless", Some("plugin-timeout"), "took too long in `start`"),
    ("policy-recursion", Some("plugin-stack"), "ran out of stack in `check`"),
    ("policy-recursion-in-memory", Some("plugin-stack"), "the stack in its own memory is used up"),
    ("policy-memory-bomb", Some("plugin-memory"), "bytes of memory, may have 16777216"),
    ("policy-table-bomb", Some("plugin-memory"), "elements of tables, may have 10000"),
    ("policy-random-greedy", Some("plugin-memory"), "1000000 random bytes at once"),
    ("policy-secret-hoard", Some("plugin-memory"), "65 handles of secrets, may have 64"),
    ("policy-trap", Some("plugin-panic"), "no key at src/lib.rs:7\\u{1b}[2J"),
    ("policy-says-no", Some("plugin-failed"), "there are none"),
    ("policy-answer-outside", Some("plugin-bad-output"), "pointer"),
    ("policy-string-not-utf8", Some("plugin-bad-output"), "utf-8"),
    ("policy-list-bomb", Some("plugin-bad-output"), "list"),
    ("policy-list-amplified", Some("plugin-bad-output"), "larger than 4 MiB"),
    ("policy-flood", Some("plugin-bad-output"), "1000 findings, at most 100"),
    ("policy-foreign-field", Some("plugin-bad-output"), "`colour` is no field"),
    ("policy-foreign-value", Some("plugin-bad-output"), "`many` is no value of `partitions`"),
    ("policy-no-such-severity", Some("plugin-bad-output"), "discriminant"),
    ("policy-import-network", Some("plugin-import-refused"), "`wasi:sockets/network@0.2.0`"),
    ("policy-import-state", Some("plugin-import-refused"), "`kafsh:host/state@1.0.0`"),
    ("policy-import-undeclared", Some("plugin-import-refused"), "its manifest does not ask for"),
];

const TRANSFORMS: &[Case] = &[
    ("transform-identity", None, ""),
    ("transform-keeps", None, ""),
    ("transform-log-flood", None, ""),
    ("transform-escapes", None, ""),
    ("transform-state-bomb", None, ""),
    ("transform-process-endless", Some("plugin-timeout"), "took too long in `process`"),
    ("transform-realloc-endless", Some("plugin-timeout"), "took too long in `process`"),
    ("transform-free-endless", Some("plugin-timeout"), "took too long in `process`"),
    ("transform-configure-endless", Some("plugin-timeout"), "took too long in `configure`"),
    ("transform-describe-endless", Some("plugin-timeout"), "took too long in `describe`"),
    ("transform-start-endless", Some("plugin-timeout"), "took too long in `start`"),
    ("transform-recursion", Some("plugin-stack"), "ran out of stack in `process`"),
    ("transform-memory-bomb", Some("plugin-memory"), "bytes of memory, may have 67108864"),
    ("transform-table-bomb", Some("plugin-memory"), "elements of tables, may have 10000"),
    ("transform-trap", Some("plugin-panic"), "no key at src/lib.rs:7\\u{1b}[2J"),
    ("transform-says-no", Some("plugin-failed"), "cannot answer `process`"),
    ("transform-configure-says-no", Some("plugin-failed"), "does not take its settings"),
    ("transform-answer-outside", Some("plugin-bad-output"), "pointer"),
    ("transform-range-outside", Some("plugin-bad-output"), "outside its arena"),
    ("transform-range-across", Some("plugin-bad-output"), "outside its arena"),
    ("transform-source-foreign", Some("plugin-bad-output"), "record 999, which is not there"),
    ("transform-columns-short", Some("plugin-bad-output"), "columns are of different lengths"),
    ("transform-header-outside", Some("plugin-bad-output"), "headers of record 0 are not there"),
    ("transform-header-not-utf8", Some("plugin-bad-output"), "name of a header is not UTF-8"),
    ("transform-output-undeclared", Some("transform-output-refused"), "no output `payments`"),
    ("transform-topic-no-name", Some("plugin-bad-output"), "is no name for a topic"),
    ("transform-topic-not-utf8", Some("plugin-bad-output"), "utf-8"),
    ("transform-failure-emitted", Some("plugin-bad-output"), "came out all the same"),
    ("transform-failure-outside", Some("plugin-bad-output"), "record 999 failed, which is not"),
    ("transform-list-bomb", Some("plugin-bad-output"), "list"),
    ("transform-records-flood", Some("plugin-bad-output"), "200000 records, at most 100000"),
    ("transform-arena-bomb", Some("plugin-bad-output"), "larger than 17 MiB"),
    ("transform-names-amplified", Some("plugin-bad-output"), "larger than 17 MiB"),
    ("transform-amplified", Some("plugin-bad-output"), "bytes of records, at most 1048576"),
    ("transform-import-network", Some("plugin-import-refused"), "`wasi:sockets/network@0.2.0`"),
    ("transform-import-cluster", Some("plugin-import-refused"), "`kafsh:host/cluster-read@1.0.0`"),
    ("transform-import-undeclared", Some("plugin-import-refused"), "manifest does not ask for"),
];

fn cases() -> impl Iterator<Item = &'static Case> {
    [STEPS, POLICIES, TRANSFORMS].into_iter().flatten()
}

/// So much later than its deadline is a guest's end with all that is before it: it is compiled and
/// described, on a machine that has other tests to run.
const LATE_MAX: Duration = Duration::from_secs(2);

/// Bytes of the process at its peak: compiler, engine, and guests that take what they get.
const PEAK_BYTES_MAX: u64 = 400 << 20;

/// Bytes that the process may have grown by once all of them are gone: code that is kept, and what
/// the allocator holds on to for each of the threads.
const GROWTH_BYTES_MAX: u64 = 128 << 20;

/// A value that guests may use and not see.
fn settings() -> Settings {
    let secrets = [("token".to_owned(), Secret(b"hush".to_vec()))].into();
    Settings { secrets, ..Settings::default() }
}

/// Calls the guest as its kind is called.
fn run(place: &Place, name: &str, component: Vec<u8>) -> Result<()> {
    let host = place.host(true);
    host.add(source_of(name, component, manifest(name)))?;
    match kind_of(name) {
        PluginKind::Step => {
            let step = host.step(name)?;
            step.plan(&input())?;
            step.verify(&input()).map(drop)
        }
        PluginKind::Policy => host.policy(name)?.check(&request(), &settings(), None).map(drop),
        PluginKind::Transform => {
            let settings = Arc::new(settings());
            let mut open = host.transform(name)?.open(&partition(), &settings, State::new())?;
            let before = batch(3, 100);
            let mut after = before.clone();
            let outcome = open.process(&mut after).map(drop);
            if outcome.is_err() {
                assert!(after.iter().eq(before.iter()), "{name}: a failed batch is changed");
                let again = open.process(&mut after).unwrap_err();
                assert_eq!(again.code, "bug", "{name}: it is used after it had failed");
            }
            outcome
        }
    }
}

/// All that an error says, in one string.
fn all_of(error: &Error) -> String {
    let cause = error.cause.as_deref().unwrap_or("");
    format!("{}: {cause} {}", error.message, error.evidence.join(" "))
}

fn bytes_of_process(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|found| found.starts_with(line)).unwrap();
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
    let named: BTreeSet<String> = cases().map(|case| case.0.to_owned()).collect();
    assert_eq!(files, named);
    assert_eq!(named.len(), cases().count(), "a guest has two cases");
}

/// What is wrong with how the guests are held, each called from this thread.
fn not_held() -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, code, words) in cases() {
        let place = Place::new();
        let component = component(name);
        let began = Instant::now();
        let outcome = run(&place, name, component);
        let elapsed = began.elapsed();
        let limits = Limits::of(kind_of(name), &manifest(name).limits);
        if elapsed > limits.call.max(limits.start) + LATE_MAX {
            wrong.push(format!("{name}: took {elapsed:?}"));
        }
        match (outcome, code) {
            (Ok(()), None) => {}
            (Ok(()), Some(code)) => wrong.push(format!("{name}: an answer instead of {code}")),
            (Err(error), code) => {
                let text = all_of(&error);
                // Not in the guest's own name, which the message has.
                let said = text.replace(&format!("`{name}`"), "");
                if Some(&*error.code) != *code || !said.contains(words) {
                    wrong.push(format!("{name}: {} instead of {code:?}: {text}", error.code));
                }
                // A file that is no plugin has no name yet that a command could be about.
                let advice = error.next.iter().any(|next| next.contains(&format!(" {name}")));
                if !advice {
                    wrong.push(format!("{name}: no command is named: {:?}", error.next));
                }
                let safe = text.chars().all(|c| !c.is_control());
                let named = format!("{} `{name}` 0.1.0 (", kind_of(name));
                if !safe || !error.message.contains(&named) {
                    wrong.push(format!("{name}: {text:?}"));
                }
            }
        }
        let lines = place.lines.lock().unwrap();
        if lines.len() > limits::LOG_LINES_MAX + 1 {
            wrong.push(format!("{name}: {} lines of log", lines.len()));
        }
        let drives = |text: &str| text.chars().any(|c| c.is_control() || c == '\u{202e}');
        if lines.iter().any(|line| drives(&line.text)) {
            wrong.push(format!("{name}: its log drives a terminal: {lines:?}"));
        }
    }
    wrong
}

#[test]
fn every_guest_is_held() {
    let resting = bytes_of_process("VmRSS:");
    // Handed over to a thread of the host's; and all on one and the same, which outlives them.
    let wrong = std::thread::scope(|scope| {
        let lent = scope.spawn(|| on_a_lent_thread(not_held));
        [not_held(), lent.join().expect("a lent thread")].concat()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let (peak, now) = (bytes_of_process("VmHWM:"), bytes_of_process("VmRSS:"));
    assert!(peak < PEAK_BYTES_MAX, "the process had {} MiB", peak >> 20);
    let grown = now.saturating_sub(resting);
    assert!(grown < GROWTH_BYTES_MAX, "the process keeps {} MiB", grown >> 20);
}

#[test]
fn the_largest_stack_fits_a_lent_thread_that_is_in_use() {
    fn position(frame: &[u8]) -> usize {
        black_box(frame).as_ptr().addr()
    }
    /// The guest that recurses without end, called where so much of the stack is in use.
    fn below(begin: usize, bytes: usize, host: &PluginHost) -> Error {
        let frame = [0_u8; 1 << 10];
        let error = match begin.abs_diff(position(&frame)) < bytes {
            true => below(begin, bytes, host),
            false => host.step("recursion").unwrap().plan(&input()).unwrap_err(),
        };
        position(&frame);
        error
    }
    let code = on_a_lent_thread(|| {
        let (place, mut manifest) = (Place::new(), manifest("recursion"));
        manifest.limits.stack_kib = Some(u32::MAX);
        let host = place.host(true);
        host.add(source_of("recursion", component("recursion"), manifest)).unwrap();
        let begin = position(&[0]);
        // Just before it would be handed over, and then deep enough for that.
        let most = limits::THREAD_STACK_USED_MAX;
        [0, most - (48 << 10), most * 2].map(|bytes| below(begin, bytes, &host).code)
    });
    assert_eq!(code, ["plugin-stack"; 3]);
}

#[test]
fn a_good_guest_answers_and_its_log_is_bounded() {
    let place = Place::new();
    let host = place.host(true);
    host.add(source("well-behaved")).unwrap();
    let plan = host.step("well-behaved").unwrap().plan(&input()).unwrap();
    assert_eq!(plan.summary, "one folder");
    assert_eq!(plan.actions, [Action::CreateDirectories { node: Node::Broker(2) }]);
    assert!(place.lines.lock().unwrap().is_empty());

    run(&place, "log-flood", component("log-flood")).unwrap();
    let lines = place.lines.lock().unwrap();
    assert_eq!(lines.len(), limits::LOG_LINES_MAX + 1);
    assert!(lines.iter().all(|line| line.text.len() < limits::LOG_LINE_BYTES_MAX + 64));
    assert_eq!(lines.last().unwrap().text, "99800 more lines were not kept");
    drop(lines);

    let place = Place::new();
    run(&place, "log-escapes", component("log-escapes")).unwrap();
    let lines = place.lines.lock().unwrap();
    let said: Vec<&str> = lines.iter().map(|line| &*line.text).collect();
    assert_eq!(said, ["\\u{1b}[2J\\u{1b}]0;title\\u{7}red\\u{202e}\\r\\nbelow"]);
}

#[test]
fn a_host_works_on_after_a_fault() {
    let place = Place::new();
    let host = place.host(true);
    host.add(source("recursion")).unwrap();
    host.add(source("well-behaved")).unwrap();
    for _ in 0..3 {
        let error = host.step("recursion").unwrap().plan(&input()).unwrap_err();
        assert_eq!(error.code, "plugin-stack");
        assert!(error.message.starts_with("step `recursion` 0.1.0 ("), "{}", error.message);
        assert!(host.step("well-behaved").unwrap().plan(&input()).is_ok());
    }
}

/// What is refused at once, before anything is parsed.
fn refused(component: Vec<u8>) -> String {
    let mut source = source("well-behaved");
    source.component = component.into();
    let error = Place::new().host(true).add(source).unwrap_err();
    assert!(error.cause.is_some(), "{error:?}");
    error.code.into_owned()
}

#[test]
fn what_is_no_component_is_refused_at_once() {
    let core = core_module(PluginKind::Step, "core", "");
    assert_eq!(refused(core), "plugin-not-component");
    assert_eq!(refused(b"".to_vec()), "plugin-not-component");
    assert_eq!(refused(b"(component)".to_vec()), "plugin-not-component");
    let large = vec![0; limits::COMPONENT_BYTES_MAX + 1];
    assert_eq!(refused(large), "plugin-too-large");
}

#[test]
fn native_code_is_refused_at_once() {
    let place = Place::new();
    let host = place.host(false);
    host.add(source("well-behaved")).unwrap();
    host.load(PluginKind::Step, "well-behaved").unwrap();
    let compiled = place.compiled();
    let kept = std::fs::read(&compiled[0]).unwrap();
    // Behind the MAC there is what the engine would take as it is.
    let native = kept[32..].to_vec();
    assert_eq!(native[..4], *b"\x7fELF");
    assert_eq!(refused(native), "plugin-precompiled");
}

#[test]
fn a_component_cut_short_is_refused_wherever_it_is_cut() {
    for name in ["well-behaved", "policy-well-behaved", "transform-identity"] {
        let whole = source(name);
        for end in (8..whole.component.len() - 1).step_by(149) {
            let host = Place::new().host(true);
            let mut cut = whole.clone();
            cut.component = whole.component[..end].to_vec().into();
            cut.digest = kafsh_host::Digest::of(&cut.component);
            host.add(cut).unwrap();
            let error = host.load(kind_of(name), name).unwrap_err();
            let known = ["plugin-not-component", "plugin-wrong-world", "plugin-no-manifest"];
            assert!(known.contains(&&*error.code), "{end}: {error:?}");
        }
    }
}

#[test]
fn an_unknown_plugin_is_named_with_the_known_ones() {
    let host = Place::new().host(true);
    host.add(source("well-behaved")).unwrap();
    let error = host.step("wel-behaved").err().unwrap();
    assert_eq!(error.code, "step-not-found");
    assert!(all_of(&error).contains("`well-behaved`"), "{error:?}");
    assert_eq!(host.policy("well-behaved").err().unwrap().code, "plugin-not-found");
    assert_eq!(host.transform("well-behaved").err().unwrap().code, "plugin-not-found");
}
