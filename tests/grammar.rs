//! What the binder finds wrong, announced in the scripts themselves: `tests/grammar/bind-*.ksh`.
//!
//! Below a line that is wrong a comment holds carets under the place, the code and a part of the
//! message, as in the files of the grammar itself; every finding must be announced. Columns are
//! characters, so these files keep to ASCII.

mod support;

use support::{Kafsh, root};

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    line: u64,
    column: u64,
    width: u64,
    code: String,
}

#[test]
fn what_the_binder_finds_is_what_is_announced() {
    let mut cases = 0;
    for entry in std::fs::read_dir(root().join("tests/grammar")).expect("a folder").flatten() {
        let path = entry.path();
        let name = path.file_name().and_then(|n| n.to_str()).expect("a name").to_string();
        if !name.starts_with("bind-") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a script");
        let (script, announced) = split(&text);
        cases += announced.len();
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("case.ksh"), script).expect("a case");
        let kafsh = Kafsh::at(folder.path()).in_directory(folder.path());
        let ran = kafsh.run(&["--check", "-O", "json", "run", "case.ksh"]).fails(2);
        compare(&name, &ran.stdout, announced);
    }
    assert!(cases >= 15, "only {cases} announced findings");
}

fn compare(name: &str, stdout: &str, announced: Vec<(Finding, String)>) {
    let mut found: Vec<(Finding, String)> = Vec::new();
    for line in stdout.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("a finding");
        let number = |key: &str| value[key].as_u64().expect("a number");
        let column = number("column");
        let finding = Finding {
            line: number("line"),
            column,
            width: number("end_column").saturating_sub(column),
            code: value["code"].as_str().expect("a code").to_string(),
        };
        found.push((finding, value["message"].as_str().expect("a message").to_string()));
    }
    found.sort();
    let shown: Vec<&Finding> = found.iter().map(|(finding, _)| finding).collect();
    let wanted: Vec<&Finding> = announced.iter().map(|(finding, _)| finding).collect();
    assert_eq!(shown, wanted, "{name}\n{stdout}");
    for ((finding, message), (_, part)) in found.iter().zip(&announced) {
        assert!(
            message.contains(part.as_str()),
            "{name}:{}: no `{part}` in `{message}`",
            finding.line
        );
    }
}

/// The script with its announcements blanked, and the announcements.
fn split(text: &str) -> (String, Vec<(Finding, String)>) {
    let mut script = String::new();
    let mut announced = Vec::new();
    let mut above = 0;
    for (index, line) in text.lines().enumerate() {
        match announcement(line, above) {
            Some(finding) => announced.push(finding),
            None => {
                script.push_str(line);
                above = index as u64 + 1;
            }
        }
        script.push('\n');
    }
    announced.sort();
    (script, announced)
}

fn announcement(line: &str, above: u64) -> Option<(Finding, String)> {
    let rest = line.strip_prefix('#')?;
    let carets = rest.trim_start_matches(' ');
    let width = carets.len() - carets.trim_start_matches('^').len();
    let (code, message) = carets[width..].trim_start().split_once(": ")?;
    if width == 0 || code.contains(' ') {
        return None;
    }
    let indent = rest.len() - carets.len();
    let column = if indent == 0 { 1 } else { indent as u64 + 2 };
    let finding = Finding { line: above, column, width: width as u64, code: code.to_string() };
    Some((finding, message.trim().to_string()))
}
