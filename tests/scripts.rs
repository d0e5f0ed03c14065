//! Golden scripts: each `tests/scripts/**/*.ksh` runs on a rehearsal, and what it prints must be
//! what stands in the `.out` beside it. `cargo xtask bless` writes them anew. `KAFSH_GOLDEN=topic/`
//! runs those alone whose path contains that.

mod support;

#[path = "../shell/crates/host/tests/support/mod.rs"]
mod guests;

#[path = "support/component.rs"]
mod component;
#[path = "support/plugins.rs"]
mod plugins;

use std::path::{Path, PathBuf};

use support::{Kafsh, root};

/// Guests of `tests/guests` that scripts install.
const HOSTILE: [&str; 2] = ["policy-trap", "policy-check-endless"];

#[test]
fn scripts_print_what_they_should() {
    let folder = root().join("tests").join("scripts");
    let scripts = scripts_in(&folder);
    assert!(scripts.len() >= 10, "the golden scripts are gone");
    let only = std::env::var("KAFSH_GOLDEN").unwrap_or_default();
    let meant = |script: &&PathBuf| script.to_string_lossy().contains(&only);
    // One after the other: what waits in them for a session to end has its time.
    let wrong: Vec<String> =
        scripts.iter().filter(meant).filter_map(|script| differs(script)).collect();
    assert!(wrong.is_empty(), "{} scripts differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// How what a script prints differs from its golden; with `KAFSH_BLESS=1` the golden is written.
fn differs(script: &Path) -> Option<String> {
    let golden = script.with_extension("out");
    let printed = run(script);
    if std::env::var_os("KAFSH_BLESS").is_some_and(|bless| bless == "1") {
        std::fs::write(&golden, &printed).expect("a golden to write");
        return None;
    }
    let wanted = std::fs::read_to_string(&golden).unwrap_or_default();
    let differs = wanted != printed;
    differs.then(|| format!("{}\n{}", script.display(), difference(&wanted, &printed)))
}

#[test]
fn every_golden_has_its_script() {
    for golden in files_in(&root().join("tests").join("scripts"), "out") {
        assert!(golden.with_extension("ksh").is_file(), "{} is an orphan", golden.display());
    }
}

/// Verbs that no golden can show, with the test that uses them.
const TESTED_ELSEWHERE: [(&str, &str); 3] =
    [("completion", "repl/shells"), ("plugin dev", "authors"), ("ui", "page/walk")];

/// A new verb without a test fails here: `help` lists every verb, and each has to be in a golden
/// script, or in a test that is named above. That its examples run does not count: nobody looks at
/// what they print.
#[test]
fn every_verb_is_in_a_golden_or_a_test() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let help = Kafsh::at(home.path()).run(&["help"]).ok().stdout;
    let verbs = verbs(&help);
    assert!(verbs.len() > 60, "only {} verbs in\n{help}", verbs.len());
    let read = |path: &PathBuf| std::fs::read_to_string(path).expect("a text");
    let scripts: Vec<String> =
        scripts_in(&root().join("tests").join("scripts")).iter().map(read).collect();
    let untested: Vec<&str> = verbs
        .iter()
        .copied()
        .filter(|verb| !scripts.iter().any(|script| uses(script, verb)))
        .filter(|verb| !TESTED_ELSEWHERE.iter().any(|(tested, _)| tested == verb))
        .collect();
    assert!(untested.is_empty(), "no golden script and no test uses {untested:?}");
    for (verb, target) in TESTED_ELSEWHERE {
        assert!(verbs.contains(&verb), "there is no `{verb}`");
        assert!(!scripts.iter().any(|script| uses(script, verb)), "`{verb}` has a golden now");
        let words: Vec<String> = verb.split(' ').map(|word| format!("\"{word}\"")).collect();
        let source = read(&root().join("tests").join(format!("{target}.rs")));
        assert!(source.contains(&words.join(", ")), "tests/{target}.rs does not use `{verb}`");
    }
}

/// The commands of `help`: two blanks, the words, at least two blanks, what it does. The words of
/// the language stand behind them.
fn verbs(help: &str) -> Vec<&str> {
    let commands = help.split("\nstatements").next().unwrap_or(help);
    let rows = commands.lines().filter_map(|line| line.strip_prefix("  "));
    let rows = rows.filter(|row| row.starts_with(|c: char| c.is_ascii_lowercase()));
    rows.filter_map(|row| row.split_once("  ")).map(|(verb, _)| verb).collect()
}

/// Whether a statement or stage of a script begins with these words.
fn uses(script: &str, verb: &str) -> bool {
    let code = script.lines().filter(|line| !line.trim_start().starts_with('#'));
    code.flat_map(|line| line.match_indices(verb).map(move |(at, _)| line.split_at(at))).any(
        |(before, from)| {
            let ends = from[verb.len()..].starts_with(|c: char| c.is_whitespace() || c == ';');
            let starts = before.is_empty() || before.ends_with([' ', '\t']);
            starts && (ends || from.len() == verb.len())
        },
    )
}

#[test]
fn a_verb_is_found_where_it_is_used() {
    let help =
        "commands\n\n  topic list   lists\n  jq           filters\n\nstatements\n\n  let  names\n";
    assert_eq!(verbs(help), ["topic list", "jq"]);
    assert!(uses("try topic list | jq '.'", "topic list") && uses("topic list", "topic list"));
    assert!(!uses("# topic list\ntopic lists", "topic list"));
    assert!(!uses("topic list", "list-topics"));
}

fn scripts_in(folder: &Path) -> Vec<PathBuf> {
    files_in(folder, "ksh")
}

fn files_in(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_in(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Status, standard output and standard error, with what changes from run to run replaced.
fn run(script: &Path) -> String {
    let home = tempfile::tempdir().expect("a temporary folder");
    let relative = script.strip_prefix(root()).expect("a script of this repository");
    let words = ["run", relative.to_str().expect("a plain name")];
    let folder = tempfile::tempdir().expect("a temporary folder");
    // What a script writes is not left in the checkout.
    for name in ["scripts", "tests"] {
        std::os::unix::fs::symlink(root().join(name), folder.path().join(name)).expect("a link");
    }
    let kafsh = Kafsh::at(home.path()).with(&["--rehearse"]).in_directory(folder.path());
    let kafsh = match relative.starts_with("tests/scripts/plugin") {
        true => {
            plugins::fill(folder.path());
            for name in HOSTILE {
                let file = folder.path().join("plugins").join(format!("{name}.wasm"));
                std::fs::write(file, guests::source(name).component).expect("a plugin");
            }
            kafsh.with_cargo()
        }
        false => kafsh,
    };
    let ran = kafsh.run(&words);
    let text =
        format!("status {}\n--- stdout\n{}--- stderr\n{}", ran.status, ran.stdout, ran.stderr);
    let text = text.replace(folder.path().to_str().expect("a plain name"), "HERE");
    redact(&redact_digests(&text), home.path())
}

/// Digests, and times in ms, change with the toolchain and the day.
fn redact_digests(text: &str) -> String {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let mut redacted = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_digit) {
        let (before, from) = rest.split_at(at);
        let length = from.find(|c| !is_digit(c)).unwrap_or(from.len());
        let (run, after) = from.split_at(length);
        redacted.push_str(before);
        let is_time = length == 13 && run.chars().all(|c| c.is_ascii_digit());
        redacted.push_str(match (length, is_time) {
            (64, _) if run.contains(|c| c != '0') => "DIGEST",
            (12, _) if after.starts_with('…') || before.ends_with('(') => "DIGEST",
            (_, true) => "TIME",
            _ => run,
        });
        rest = after;
    }
    redacted + rest
}

/// Durations, times, pids and folders become words.
fn redact(text: &str, home: &Path) -> String {
    // How often it is said hangs on how quick the machine is.
    let of_sessions =
        ["is still registered from before", "until its session ends", "try  @demo broker"];
    let is_steady = |line: &&str| !of_sessions.iter().any(|text| line.contains(text));
    let text: String = text.split_inclusive('\n').filter(is_steady).collect();
    let text = text.replace(home.to_str().expect("a plain name"), "HOME");
    text.split_inclusive(['\n', ' ', '\t', '(', ')', ',']).map(redact_word).collect()
}

fn redact_word(word: &str) -> String {
    let end = word.len()
        - word.chars().next_back().filter(|c| "\n \t(),".contains(*c)).map_or(0, char::len_utf8);
    let (bare, tail) = word.split_at(end);
    let digits = bare.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &bare[digits.len()..];
    let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    if is_number && matches!(unit, "ms" | "s") && bare != "0s" {
        return format!("TIME{tail}");
    }
    if bare.contains("/kafsh-rehearsal-") {
        return format!("FOLDER{tail}");
    }
    word.to_string()
}

fn difference(wanted: &str, printed: &str) -> String {
    let (wanted, printed): (Vec<_>, Vec<_>) = (wanted.lines().collect(), printed.lines().collect());
    let same = wanted.iter().zip(&printed).take_while(|(a, b)| a == b).count();
    let show = |mark: &str, lines: &[&str]| -> String {
        lines.iter().skip(same).take(12).map(|line| format!("  {mark} {line}\n")).collect()
    };
    format!("  from line {}\n{}{}", same + 1, show("-", &wanted), show("+", &printed))
}
