//! Every example in `GRAMMAR.md` is understood, and the grammar names every keyword.

use kafsh_lang::{KEYWORDS, parse, render};

const GRAMMAR: &str = include_str!("../GRAMMAR.md");

/// Blocks fenced as `ksh`, with the line they start on.
fn examples() -> Vec<(usize, String)> {
    let (mut examples, mut current) = (Vec::new(), None::<(usize, String)>);
    for (index, line) in GRAMMAR.lines().enumerate() {
        match (&mut current, line) {
            (None, "```ksh") => current = Some((index + 2, String::new())),
            (Some(_), "```") => examples.extend(current.take()),
            (Some((_, text)), _) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, _) => {}
        }
    }
    examples
}

#[test]
fn examples_parse_and_print() {
    let examples = examples();
    assert!(examples.len() >= 6, "only {} examples", examples.len());
    for (line, text) in examples {
        let parsed = parse(&text);
        let problems: String = parsed
            .diagnostics
            .iter()
            .map(|found| render(found, "GRAMMAR.md", &text, false))
            .collect();
        assert!(problems.is_empty() && !parsed.incomplete, "example at line {line}:\n{problems}");
        assert!(!parsed.script.statements.is_empty(), "example at line {line} is empty");
        let printed = parse(&parsed.script.to_string()).script.without_spans();
        assert_eq!(printed, parsed.script.without_spans(), "example at line {line}");
    }
}

#[test]
fn every_keyword_and_limit_is_described() {
    for keyword in KEYWORDS {
        assert!(GRAMMAR.contains(&format!("\"{keyword}\"")), "`{keyword}` is not in the grammar");
    }
    let limits = include_str!("../src/limits.rs");
    let names =
        limits.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next());
    for name in names {
        assert!(GRAMMAR.contains(name), "{name} is not in the grammar");
    }
}

#[test]
fn a_duration_is_judged_by_what_it_says() {
    for wrong in ["wait \\Eif", "wait \"Eif\"", "wait E\"if\" topic list"] {
        let parsed = parse(wrong);
        assert!(parsed.script.statements.is_empty(), "{wrong}");
        assert!(parsed.diagnostics[0].message.contains("needs a duration"), "{wrong}");
    }
    for right in ["wait \\30s", "wait \"30s\"", "wait $pause", "wait \"$pause\""] {
        assert_eq!(parse(right).diagnostics, [], "{right}");
    }
}
