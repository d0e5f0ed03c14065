//! The list of error codes is whole: what the sources give stands in it, with its class, and what
//! stands in it is given somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kafsh_model::codes;

/// Calls whose first text is a code, and the class that they give it: none where the list decides
/// (`problem`), or where it is said in the call (`Class::`).
const GIVE_A_CODE: [(&str, Option<&str>); 8] = [
    ("Error::failed(", Some("failed")),
    ("Error::not_found(", Some("not-found")),
    ("Error::usage(", Some("usage")),
    ("Error::refused(", Some("refused")),
    ("Error::unavailable(", Some("unavailable")),
    ("Error::busy(", Some("busy")),
    ("Class::", None),
    ("problem(", Some("")),
];

/// The repository's sources that are built into the binary or into first-party plugins, without
/// their tests.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let mut found = Vec::new();
    collect(&root.join("shell"), &mut found);
    collect(&root.join("plugins"), &mut found);
    assert!(found.len() > 100, "only {} files", found.len());
    found
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !["tests", "examples", "fuzz", "target"].contains(&name.as_str()) {
            collect(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).expect("text");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            found.push((path, code.to_string()));
        }
    }
}

/// The text literal that `rest` begins with, if it may be a code.
fn literal(rest: &str) -> Option<&str> {
    let (text, _) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
    let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (!text.is_empty() && text.chars().all(kebab)).then_some(text)
}

/// Every code that is given, and the class it is given, if that is said there.
fn given(text: &str) -> Vec<(&str, Option<String>)> {
    let mut found = Vec::new();
    for (call, class) in GIVE_A_CODE {
        for (at, _) in text.match_indices(call) {
            let rest = &text[at + call.len()..];
            let one = match class {
                Some(class) => {
                    literal(rest).map(|code| (code, (!class.is_empty()).then(|| class.to_string())))
                }
                None => rest.split_once(',').and_then(|(variant, rest)| {
                    let class = codes::all().iter().map(|entry| entry.class);
                    let class = class.into_iter().find(|class| format!("{class:?}") == variant)?;
                    Some((literal(rest)?, Some(class.name().to_string())))
                }),
            };
            found.extend(one);
        }
    }
    found
}

#[test]
fn every_code_that_is_given_is_listed_with_its_class() {
    let mut wrong = BTreeSet::new();
    let mut count = 0;
    for (path, text) in sources() {
        for (code, class) in given(&text) {
            count += 1;
            let shown = path.display();
            match (codes::find(code), class) {
                (None, _) => drop(wrong.insert(format!("{shown}: `{code}` is not listed"))),
                (Some(known), Some(class)) if known.class.name() != class => {
                    let listed = known.class.name();
                    wrong.insert(format!("{shown}: `{code}` is {class} here, {listed} listed"));
                }
                _ => {}
            }
        }
    }
    assert!(count > 250, "only {count} uses were seen: has the way to make an error changed?");
    let wrong: Vec<String> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "shell/crates/model/data/errors.tsv:\n  {}", wrong.join("\n  "));
}

#[test]
fn every_code_that_is_listed_is_given_somewhere() {
    let sources = sources();
    let unused: Vec<&str> = codes::all()
        .iter()
        .map(|entry| entry.code)
        .filter(|code| {
            let quoted = format!("\"{code}\"");
            !sources.iter().any(|(_, text)| text.contains(&quoted))
        })
        .collect();
    assert!(unused.is_empty(), "listed but never given: {}", unused.join(", "));
}
