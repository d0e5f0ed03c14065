//! The prompt, in a terminal: keys in, screen out. Everything is a rehearsal.

#[path = "repl/shells.rs"]
mod shells;

#[path = "repl/page.rs"]
mod page;

#[path = "repl/terminal.rs"]
mod terminal;

#[path = "support/component.rs"]
mod component;

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tempfile::TempDir;
use terminal::{CTRL_C, CTRL_D, CTRL_R, ENTER, TAB, Terminal, UP, piped};

const PROMPT: &str = "kafsh › ";

fn home() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A rehearsal that has ended keeps no folder.
#[track_caller]
fn nothing_is_left(home: &TempDir) {
    let names = std::fs::read_dir(home.path()).expect("a folder").flatten();
    let left: Vec<_> = names.map(|entry| entry.file_name()).filter(|name| name != "home").collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A rehearsed cluster of three brokers with the topic `test`, and its prompt.
fn with_cluster(terminal: &mut Terminal) {
    terminal.prompt(PROMPT);
    terminal.enter("cluster up demo --brokers 3");
    terminal.prompt("demo 3/3 › ");
    terminal.enter("topic create test --partitions 2 --replication-factor 3");
    terminal.prompt("demo 3/3 › ");
}

#[test]
fn a_banner_a_prompt_and_ctrl_d() {
    let home = home();
    let mut terminal = Terminal::start(home.path());
    terminal.expect("kafsh 0.");
    terminal.expect("no clusters yet");
    terminal.expect("Start with: cluster up demo");
    terminal.prompt(PROMPT);
    terminal.press(CTRL_D);
    assert_eq!(terminal.status(), 0);
    assert!(terminal.is_cooked(), "the terminal is left as it was");
    nothing_is_left(&home);
}

#[test]
fn tab_completes_and_lists() {
    let home = home();
    let mut terminal = Terminal::start(home.path());
    terminal.prompt(PROMPT);
    terminal.press("versi");
    terminal.press(TAB);
    terminal.expect("version ");
    terminal.press("--");
    terminal.press(TAB);
    terminal.expect("--output  how results are written");
    terminal.expect("--help ");
    terminal.press("out");
    terminal.press(TAB);
    terminal.press("js");
    terminal.press(TAB);
    terminal.expect("json   jsonl");
    terminal.enter("");
    terminal.expect("\"kafsh\": \"0.");
    terminal.prompt(PROMPT);
}

#[test]
fn a_block_goes_on_until_it_is_complete() {
    let home = home();
    let mut terminal = Terminal::start(home.path());
    terminal.prompt(PROMPT);
    terminal.enter("for n in 20 30 {");
    terminal.enter("jq -n '$n * 2'");
    assert!(!terminal.sees("\n40\n", Duration::from_millis(300)), "{}", terminal.text());
    terminal.enter("}");
    terminal.expect("\n40\n");
    terminal.expect("\n60\n");
    terminal.prompt(PROMPT);
}

#[test]
fn ctrl_c_throws_a_line_away() {
    let home = home();
    let mut terminal = Terminal::start(home.path());
    terminal.prompt(PROMPT);
    terminal.press("nonsense");
    terminal.expect("nonsense");
    terminal.press(CTRL_C);
    terminal.prompt(PROMPT);
    terminal.enter("jq -n '6 * 7'");
    terminal.expect("\n42\n");
    assert!(!terminal.text().contains("error"), "{}", terminal.text());
}

#[test]
fn ctrl_c_ends_the_command_and_not_the_shell() {
    let home = home();
    let mut terminal = Terminal::start(home.path());
    terminal.prompt(PROMPT);
    terminal.enter("wait 60s");
    std::thread::sleep(Duration::from_millis(300));
    // Twice at most: the first may come before the command has begun.
    terminal.press(CTRL_C);
    if !terminal.sees("interrupted", Duration::from_secs(2)) {
        terminal.press(CTRL_C);
        terminal.expect("interrupted");
    }
    terminal.prompt(PROMPT);
    terminal.enter("jq -n '6 * 7'");
    terminal.expect("\n42\n");
    terminal.prompt(PROMPT);
    terminal.press(CTRL_D);
    assert_eq!(terminal.status(), 0);
}

#[test]
fn ctrl_c_ends_a_read_of_the_keyboard() {
    for line in ["read -", "read - --as json", "read - --as jsonl | jq '.'"] {
        let home = home();
        let mut terminal = Terminal::start(home.path());
        terminal.prompt(PROMPT);
        terminal.enter(line);
        std::thread::sleep(Duration::from_millis(300));
        // Twice at most: the first may come before the command has begun.
        terminal.press(CTRL_C);
        if !terminal.sees("interrupted", Duration::from_secs(2)) {
            terminal.press(CTRL_C);
            terminal.expect("interrupted");
        }
        terminal.prompt(PROMPT);
        terminal.enter("jq -n '6 * 7'");
        terminal.expect("\n42\n");
    }
}

#[test]
fn an_error_is_shown_with_what_was_meant_and_the_shell_goes_on() {
    let home = home();
    let mut terminal = Terminal::start(home.path());
    terminal.prompt(PROMPT);
    terminal.enter("topik list");
    terminal.expect("error: ");
    terminal.expect("did you mean `topic list`?");
    let shown = terminal.prompt(PROMPT);
    assert!(!shown.contains("-->"), "one line needs no place: {shown}");
    terminal.enter("version --outptu json");
    terminal.expect("did you mean `--output`?");
    terminal.prompt(PROMPT);
    terminal.press(CTRL_D);
    assert_eq!(terminal.status(), 2, "the status of the last line");
}

#[test]
fn exit_leaves() {
    for word in ["exit", "quit"] {
        let home = home();
        let mut terminal = Terminal::start(home.path());
        terminal.prompt(PROMPT);
        terminal.enter(word);
        assert_eq!(terminal.status(), 0);
    }
}

#[test]
fn exit_takes_a_status() {
    let home = home();
    let mut terminal = Terminal::start(home.path());
    terminal.prompt(PROMPT);
    terminal.enter("exit 3");
    assert_eq!(terminal.status(), 3);
    assert_eq!(piped(home.path(), &["--rehearse", "exit", "9"], "").1, 9);
}

#[test]
fn following_says_so_and_ends_with_ctrl_c() {
    let home = home();
    let mut terminal = Terminal::start(home.path());
    with_cluster(&mut terminal);
    terminal.enter("consume test --follow");
    terminal.expect("following test: Ctrl-C stops");
    terminal.press(CTRL_C);
    terminal.expect("stopped following test: 0 records");
    let shown = terminal.prompt("demo 3/3 › ");
    assert!(!shown.contains("error"), "{shown}");
    terminal.press(CTRL_D);
    assert_eq!(terminal.status(), 130);
}

#[test]
fn a_line_that_goes_on_shows_it() {
    let home = home();
    let mut terminal = Terminal::start(home.path());
    terminal.prompt(PROMPT);
    terminal.press("jq -n '6 *");
    terminal.press(ENTER);
    terminal.expect("goes on");
    terminal.enter("7'");
    terminal.expect("\n42\n");
}

#[test]
fn one_command_is_about_one_cluster() {
    let home = home();
    let run = |args: &[&str]| piped(home.path(), args, "").1;
    assert_eq!(run(&["--rehearse", "-C", "a", "cluster", "up", "b"]), 2);
    assert_eq!(run(&["--rehearse", "-C", "a", "cluster", "up", "a"]), 0);
    assert_eq!(run(&["--rehearse", "-C", "a", "-c", "cluster up b"]), 0);
}

#[test]
fn history_is_kept_private_and_without_secrets() {
    let home = home();
    let mut terminal = Terminal::start(home.path());
    terminal.prompt(PROMPT);
    for line in ["jq -n '6 * 7'", " jq -n '1 + 1'", "let sasl-password = 'abc'"] {
        terminal.enter(line);
        terminal.prompt(PROMPT);
    }
    terminal.press(CTRL_D);
    terminal.status();
    let path = home.path().join("home/state/history");
    assert_eq!(std::fs::read_to_string(&path).expect("a history"), "jq -n '6 * 7'\n");
    let mode = std::fs::metadata(&path).expect("a history").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let mut terminal = Terminal::start(home.path());
    terminal.prompt(PROMPT);
    terminal.press(UP);
    terminal.expect("jq -n '6 * 7'");
    terminal.enter("");
    terminal.expect("\n42\n");
    terminal.prompt(PROMPT);
    terminal.press(CTRL_R);
    terminal.press("6 *");
    terminal.expect("jq -n '6 * 7'");
    terminal.press(ENTER);
    terminal.expect("\n42\n");
    terminal.prompt(PROMPT);
}

#[test]
fn what_is_pasted_waits_for_enter() {
    let home = home();
    let mut terminal = Terminal::start(home.path());
    terminal.prompt(PROMPT);
    terminal.press("\u{1b}[200~jq -n '6 * 7'\rjq -n '6 * 8'\r\u{1b}[201~");
    assert!(!terminal.sees("\n42\n", Duration::from_millis(400)), "{}", terminal.text());
    terminal.press(ENTER);
    terminal.expect("\n42\n");
    terminal.expect("\n48\n");
    terminal.prompt(PROMPT);
}

#[test]
fn lines_that_are_typed_ahead_are_not_lost() {
    let home = home();
    let mut terminal = Terminal::start(home.path());
    terminal.prompt(PROMPT);
    terminal.press("jq -n '6 * 7'\rjq -n '6 * 8'\r");
    terminal.expect("\n42\n");
    terminal.expect("\n48\n");
}

#[test]
fn settings_hold_for_the_lines_after_them() {
    let home = home();
    let mut terminal = Terminal::start(home.path());
    terminal.prompt(PROMPT);
    terminal.enter("set output json");
    terminal.prompt(PROMPT);
    terminal.enter("version");
    terminal.expect("\"kafsh\": \"0.");
    terminal.prompt(PROMPT);
    terminal.enter("let limit = 21");
    terminal.prompt(PROMPT);
    terminal.enter("jq -n '$limit * 2'");
    terminal.expect("\n42\n");
}

#[test]
fn on_exit_blocks_run_when_the_shell_is_left() {
    let home = home();
    let mut terminal = Terminal::start(home.path());
    terminal.prompt(PROMPT);
    terminal.enter("on-exit { jq -n '6 * 7' }");
    terminal.prompt(PROMPT);
    terminal.press(CTRL_D);
    terminal.expect("\n42\n");
    assert_eq!(terminal.status(), 0);
}

#[test]
fn sigterm_at_the_prompt_ends_in_order() {
    let home = home();
    let mut terminal = Terminal::start(home.path());
    terminal.prompt(PROMPT);
    terminal.enter("on-exit { jq -n '6 * 7' }");
    terminal.prompt(PROMPT);
    let pid = i32::try_from(terminal.pid()).ok().and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(pid.expect("a pid"), rustix::process::Signal::TERM)
        .expect("our own child can be signalled");
    terminal.expect("\n42\n");
    assert_eq!(terminal.status(), 130);
    assert!(terminal.is_cooked(), "the terminal is left as it was");
    nothing_is_left(&home);
}

#[test]
fn plain_terminals_get_plain_text() {
    let home = home();
    let ascii = [("LANG", "C"), ("NO_COLOR", "1")];
    let mut terminal = Terminal::start_with(home.path(), &["--rehearse"], &ascii);
    terminal.prompt("kafsh > ");
    terminal.enter("version");
    terminal.prompt("kafsh > ");
    assert!(terminal.raw().is_ascii(), "{}", terminal.text());
    let colors = String::from_utf8_lossy(&terminal.raw()).matches("\u{1b}[1;32m").count();
    assert_eq!(colors, 0);
    let dumb = [("TERM", "dumb")];
    let mut terminal = Terminal::start_with(home.path(), &["--rehearse"], &dumb);
    terminal.prompt(PROMPT);
    terminal.enter("jq -n '6 * 7'");
    terminal.expect("\n42\n");
    terminal.press(CTRL_D);
    assert_eq!(terminal.status(), 0);
}

#[test]
fn the_prompt_knows_its_cluster_and_the_names_in_it() {
    let home = home();
    let mut terminal = Terminal::start(home.path());
    with_cluster(&mut terminal);
    terminal.press("topic describe te");
    terminal.press(TAB);
    terminal.expect("describe test ");
    terminal.press(CTRL_C);
    terminal.prompt("demo 3/3 › ");
    terminal.press("topic set test ret");
    terminal.press(TAB);
    terminal.expect("retention.bytes  retention.ms");
    terminal.press("ms=");
    terminal.press(TAB);
    terminal.expect("604800000");
    terminal.press(CTRL_C);
    terminal.prompt("demo 3/3 › ");
}

#[test]
fn a_question_is_asked_before_something_is_lost() {
    let home = home();
    let mut terminal = Terminal::start(home.path());
    with_cluster(&mut terminal);
    // What was typed ahead is no answer.
    terminal.press("topic delete test\ry\r");
    terminal.expect("[y/N] ");
    terminal.enter("n");
    terminal.expect("nothing was done");
    terminal.expect("command `y`");
    terminal.prompt("demo 3/3 › ");
    terminal.enter("topic delete test");
    terminal.expect("[y/N] ");
    terminal.press(CTRL_C);
    terminal.prompt("demo 3/3 › ");
    terminal.enter("topic list -O name");
    terminal.expect("\ntest\n");
    terminal.prompt("demo 3/3 › ");
    terminal.enter("topic delete test");
    terminal.expect("[y/N] ");
    terminal.enter("y");
    terminal.prompt("demo 3/3 › ");
    terminal.enter("topic list -O json | jq '[.[] | select(.name == \"test\")] | length + 40'");
    terminal.expect("\n40\n");
}

#[test]
fn consent_is_asked_for_on_a_terminal_in_words() {
    let home = home();
    let plugin =
        component::plugin("policy", "house-rules", "1.0.0", &["log", "clock", "cluster-read"]);
    std::fs::write(home.path().join("house-rules.wasm"), plugin).expect("a plugin");
    let mut terminal = Terminal::start(home.path());
    terminal.prompt("kafsh › ");
    terminal.enter("plugin install house-rules.wasm");
    terminal.expect("policy `house-rules` 1.0.0 from ");
    terminal.expect("may it see the time, to the millisecond (clock)");
    terminal.expect("its author: needs the clock");
    terminal.expect("topics orders-* only (cluster-read)");
    terminal.expect("grant it that? [y/N] ");
    // Enter alone is no consent.
    terminal.press("\r");
    terminal.expect("nothing was done");
    terminal.prompt("kafsh › ");
    terminal.enter("plugin list --installed -O json | jq 'length + 40'");
    terminal.expect("\n40\n");
    terminal.prompt("kafsh › ");
    terminal.enter("plugin install house-rules.wasm");
    terminal.expect("grant it that? [y/N] ");
    terminal.enter("y");
    terminal.prompt("kafsh › ");
    terminal.enter("plugin info house-rules -O json | jq '.state, ([.capabilities[].granted])'");
    terminal.expect("\"ready\"");
    terminal.expect("orders-*");
    terminal.prompt("kafsh › ");
    // What is installed is completed.
    terminal.press("plugin disable h\t");
    terminal.expect("plugin disable house-rules ");
}

#[test]
fn standard_input_without_a_terminal_is_a_script() {
    let home = home();
    let (shown, status) = piped(home.path(), &[], "jq -n '6 * 7'\njq -n '6 * 8'\n");
    assert_eq!((shown.as_str(), status), ("42\n48\n", 0));
    let (shown, status) = piped(home.path(), &["--rehearse"], "jq -n '6 * 7'\nnonsense\n");
    assert_eq!((shown.as_str(), status), ("", 2), "all of it is read before any of it runs");
}

#[test]
fn other_shells_are_told_what_may_stand() {
    let home = home();
    let complete = |words: &[&str]| {
        let args: Vec<&str> =
            ["--complete", "--"].into_iter().chain(words.iter().copied()).collect();
        let (shown, status) = piped(home.path(), &args, "");
        assert_eq!(status, 0);
        shown.lines().map(|line| line.split('\t').next().unwrap_or(line).to_string()).collect()
    };
    let verbs: Vec<String> = complete(&["topic", ""]);
    assert!(verbs.contains(&"create".to_string()), "{verbs:?}");
    let keys: Vec<String> = complete(&["topic", "set", "test", "ret"]);
    assert_eq!(keys, ["retention.bytes=", "retention.ms="]);
    // Nothing answers, and that takes no longer than the budget.
    let none: Vec<String> = complete(&["-B", "127.0.0.1:1", "topic", "describe", ""]);
    assert_eq!(none, Vec::<String>::new());
}
