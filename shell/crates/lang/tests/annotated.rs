//! Runs `tests/grammar/syntax-*.ksh`: what is wrong with a text is said in the text itself, below
//! the line that has it, by a comment with carets under the span:
//!
//! ```text
//! topic list | | jq .
//! #          ^ syntax/empty-stage: no stage follows
//! ```
//!
//! Carets right behind the `#` mean a span that starts at column 1. The message need only be a
//! part of the real one. Every finding must be announced. A line `#---` begins a new case, so
//! that one unclosed quote does not eat the file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use kafsh_lang::{line_col, parse};
use unicode_width::UnicodeWidthStr;

#[derive(Debug, PartialEq, Eq)]
struct Finding {
    line: usize,
    column: usize,
    carets: usize,
    code: String,
    message: String,
}

/// The finding that a comment announces about the line `above`.
fn announced(comment: &str, above: usize) -> Option<Finding> {
    let rest = comment.strip_prefix('#')?;
    let carets = rest.trim_start_matches(' ');
    let count = carets.len() - carets.trim_start_matches('^').len();
    let (code, message) = carets[count..].trim_start().split_once(": ")?;
    if count == 0 || code.contains(' ') {
        return None;
    }
    let indent = rest.len() - carets.len();
    let column = if indent == 0 { 1 } else { indent + 2 };
    Some(Finding {
        line: above,
        column,
        carets: count,
        code: code.to_owned(),
        message: message.trim().to_owned(),
    })
}

/// The text without its announcements (their lines stay, empty), and the announcements.
fn split(case: &str) -> (String, Vec<Finding>) {
    let (mut text, mut findings) = (String::new(), Vec::new());
    let mut above = 0;
    for (index, line) in case.split('\n').enumerate() {
        if let Some(finding) = announced(line, above) {
            findings.push(finding);
            continue;
        }
        if index > 0 {
            text.push('\n');
        }
        text.push_str(line);
        above = text.matches('\n').count() + 1;
    }
    (text, findings)
}

fn found(text: &str) -> Vec<Finding> {
    let found = parse(text).diagnostics.into_iter().map(|diagnostic| {
        let (line, _) = line_col(text, diagnostic.span.start);
        // Columns of the screen, since that is where a caret stands.
        let before = text[..diagnostic.span.start].rsplit('\n').next().unwrap_or_default();
        let column = before.width() + 1;
        let shown = text[diagnostic.span.start..diagnostic.span.end].lines().next().unwrap_or("");
        Finding {
            line,
            column,
            carets: shown.width().max(1),
            code: diagnostic.code.to_owned(),
            message: diagnostic.message,
        }
    });
    found.collect()
}

fn matches(found: &[Finding], announced: &[Finding]) -> bool {
    found.len() == announced.len()
        && found.iter().zip(announced).all(|(found, announced)| {
            let place = |finding: &Finding| (finding.line, finding.column, finding.carets);
            place(found) == place(announced)
                && found.code == announced.code
                && found.message.contains(&announced.message)
        })
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/grammar");
    let entries = std::fs::read_dir(&folder).expect("tests/grammar");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.starts_with("syntax-") && name.ends_with(".ksh")
        })
        .collect();
    files.sort();
    files
}

#[test]
fn every_finding_is_where_the_file_says() {
    let (mut cases, mut failures) = (0, String::new());
    for path in files() {
        let file = std::fs::read_to_string(&path).expect("a readable file");
        for case in file.split("#---\n") {
            let (text, announced) = split(case);
            let found = found(&text);
            cases += announced.len();
            if !matches(&found, &announced) {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let _ = writeln!(
                    failures,
                    "{name}:\n{text}\nannounced {announced:#?}\nfound {found:#?}\n"
                );
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(cases >= 20, "only {cases} findings are announced");
}

#[test]
fn announcements_are_read_as_written() {
    let (text, findings) = split("a }\n# ^ x/y: some thing\nb\n# not ^ one\n");
    assert_eq!(text, "a }\nb\n# not ^ one\n");
    let (code, message) = ("x/y".to_owned(), "some thing".to_owned());
    assert_eq!(findings, [Finding { line: 1, column: 3, carets: 1, code, message }]);
    assert_eq!(split("| a\n#^ x/y: z").1[0].column, 1);
    assert!(!matches(&found("a }"), &[]));
}
