//! What texts mean, and what is wrong with them: tables of input and expectation.

use super::parse;
use crate::limits::{
    DIAGNOSTICS_MAX, LINE_BYTES_MAX, NESTING_MAX, SOURCE_BYTES_MAX, STAGES_MAX, STATEMENTS_MAX,
    WORDS_MAX,
};
use crate::tree::{Else, LetValue, Script, StageKind, StatementKind};

/// The text is right and reads, in canonical form, as expected.
fn check(text: &str, expected: &str) -> Script {
    let parsed = parse(text);
    assert_eq!(parsed.diagnostics, [], "{text:?}");
    assert!(!parsed.incomplete, "{text:?}");
    assert_eq!(parsed.script.to_string().trim_end(), expected, "{text:?}");
    parsed.script
}

/// What is wrong, as `code start..end`; and what is left of the script.
fn check_wrong(text: &str, problems: &[&str], left: &str) {
    let parsed = parse(text);
    let found: Vec<String> = parsed
        .diagnostics
        .iter()
        .map(|found| format!("{} {:?}", found.code.trim_start_matches("syntax/"), found.span))
        .collect();
    assert_eq!(found, problems, "{text:?}");
    assert_eq!(parsed.script.to_string().trim_end(), left, "{text:?}");
    assert!(!parsed.incomplete, "{text:?}");
}

fn check_incomplete(text: &str, code: &str) {
    let parsed = parse(text);
    let codes: Vec<&str> = parsed.diagnostics.iter().map(|found| found.code).collect();
    assert_eq!(codes, [format!("syntax/{code}")], "{text:?}");
    assert!(parsed.incomplete, "{text:?}");
}

/// The here-document of the first command.
fn document(text: &str) -> String {
    let parsed = parse(text);
    assert_eq!(parsed.diagnostics, [], "{text:?}");
    let pipeline = parsed.script.statements[0].pipeline().expect("a pipeline");
    let StageKind::Command { heredoc: Some(heredoc), .. } = &pipeline.stages[0].kind else {
        panic!("no here-document in {text:?}");
    };
    assert_eq!(&text[heredoc.body_span.start..heredoc.body_span.end], heredoc.body);
    heredoc.body.clone()
}

#[test]
fn nothing() {
    for text in ["", "\n", "  \t\r\n", "# comment", "#!/usr/bin/env kafsh\n", "\u{feff}", ";;\n;"] {
        check(text, "");
    }
    check("\u{feff}#!/usr/bin/env kafsh\r\ntopic list\r\n", "topic list");
}

#[test]
fn words() {
    check("topic   create\ta", "topic create a");
    check("a \"b c\"'d'e", "a 'b cde'");
    check("a b\\ c \\\" \\'", "a b\\ c \\\" \\'");
    check("a 'it is \\ $x `'", "a 'it is \\ $x `'");
    check(r#"a "\\ \" \$ \` \n \'""#, "a \"\\\\ \\\" \\$ \\` \\\\n \\\\'\"");
    check("a {a,b} {} a} {a", "a {a,b} {} a} {a");
    check("a b#c # d", "a b#c");
    check("a \"^b$\" c$ $ $-", "a '^b$' c\\$ \\$ \\$-");
    check("a foo\\\nbar \\\r\n baz \"x\\\ny\"", "a foobar baz 'xy'");
    check("a ''", "a ''");
    check("a *?[x]~ (b) x=y a&b 2 > f", "a *?[x]~ (b) x=y a&b 2 > f");
    check("a $x.y ${x}y \"$x\"", "a $x.y ${x}y \"$x\"");
    check("jq '.a | .b'|jq \"> {\"", "jq '.a | .b' | jq '> {'");
    check("a \"\u{1b}\u{0}\"", "a '\u{1b}\u{0}'");
    check("a topic if let ! @b in", "a topic if let ! @b in");
}

#[test]
fn spans() {
    let script = check("  a 'é'  $x | @p b > f ", "a 'é' $x | @p b > f");
    let pipeline = script.statements[0].pipeline().expect("a pipeline");
    assert_eq!(format!("{:?}", pipeline.span), "2..23");
    assert_eq!(format!("{:?}", pipeline.stages[1].span), "15..19");
    let spans: Vec<String> = pipeline.words().map(|word| format!("{:?}", word.span)).collect();
    assert_eq!(spans, ["2..3", "4..8", "10..12", "16..17", "18..19", "22..23"]);
}

#[test]
fn pipelines() {
    check("a | b|c >> f; d", "a | b | c >> f\nd");
    check("a\n  | b\n\t|c\nd", "a | b | c\nd");
    check("a # why\n  | b", "a | b");
    check("a |\n\n # why\n b", "a | b");
    check("@prod a | @'my own' b", "@prod a | @'my own' b");
    check("a >f", "a > f");
    check(
        "a | !sort -k 'x | y > z # no\nb",
        "a\\\n".replace("\\\n", " | !sort -k 'x | y > z # no\nb").as_str(),
    );
    check("!a \\\nb", "!a \\\nb");
    check("!a\r\r\n!b\r", "!a\n!b");
    check("@p ! a\r\n| b", "@p ! a\n| b");
    check_wrong("a\n\n| b", &["empty-stage 3..4"], "a");
    check_wrong("a\n# why\n| b", &["empty-stage 8..9"], "a");
}

#[test]
fn here_documents() {
    assert_eq!(document("produce t <<END\nhello\nworld\nEND\n"), "hello\nworld\n");
    assert_eq!(document("produce t <<END\r\n$x \\ 'a\r\n END\r\nEND\r\nb"), "$x \\ 'a\r\n END\r\n");
    assert_eq!(document("produce t <<'E' | b > c\n\u{0}|\nE"), "\u{0}|\n");
    assert_eq!(document("if produce t << E {\n}\nE\nb }"), "}\n");
    assert_eq!(document("produce t <<E\nE"), "");
    check("a <<A; b <<B\n1\nA\n2\nB\nc", "a <<A\n1\nA\nb <<B\n2\nB\nc");
    check("a <<A\n1\nA\n | b", "a <<A | b\n1\nA");
    check("a <<A \\\n --b\n1\nA", "a --b <<A\n1\nA");
    check("a <<A | !b 'c\n1\nA\nd", "a <<A | !b 'c\n1\nA\nd");
}

#[test]
fn let_values() {
    for value in ["3", "-1.5e3", "true", "null", "$x", "a$x", "'a b'", "\"\"", "0"] {
        let script =
            check(&format!("let x = {value}"), &format!("let x = {}", value.replace('"', "'")));
        let kind = &script.statements[0].kind;
        assert!(matches!(kind, StatementKind::Let { value: LetValue::Word(_), .. }), "{value}");
    }
    for value in ["a", "topic list", "30s", "'a' | b", "3 > f", "@p 3", "007", "!x", "\\3"] {
        let script = check(&format!("let x = {value}"), &format!("let x = {value}"));
        let kind = &script.statements[0].kind;
        assert!(matches!(kind, StatementKind::Let { value: LetValue::Pipeline(_), .. }), "{value}");
    }
    check("let x = topic list\n | jq .", "let x = topic list | jq .");
}

#[test]
fn statements() {
    check("if a { b; c } else { d }", "if a {\n    b\n    c\n} else {\n    d\n}");
    check("if a | b\n{\nc\n}\n\n# why\nelse if d { }", "if a | b {\n    c\n} else if d {\n}");
    check("for t in $names 'x' { a $t }; b", "for t in $names 'x' {\n    a $t\n}\nb");
    check("wait 30s; wait $t a b | c", "wait 30s\nwait $t a b | c");
    check("expect a | b", "expect a | b");
    check("expect error policy-denied topic create X", "expect error policy-denied topic create X");
    check("try try a", "try try a");
    check("try if a { b }", "try if a {\n    b\n}");
    check("on-exit { cluster logs > \"x.log\" }", "on-exit {\n    cluster logs > 'x.log'\n}");
    check("param a\nparam b = 3\nparam c = 'x y'", "param a\nparam b = 3\nparam c = 'x y'");
    check("set output json; source lib/x.ksh", "set output json\nsource lib/x.ksh");
    check("if !test -f x\n{ a }", "if !test -f x\n{\n    a\n}");
    check("'if' a; \\for b; \"let\" c", "'if' a\n\\for b\n'let' c");
    let script = check("if a { } else if b { } else { }", "if a {\n} else if b {\n} else {\n}");
    let StatementKind::If { otherwise: Some(Else::If(inner)), .. } = &script.statements[0].kind
    else {
        panic!("no else if");
    };
    assert!(matches!(&inner.kind, StatementKind::If { otherwise: Some(Else::Block(_)), .. }));
}

#[test]
fn incomplete() {
    for (text, code) in [
        ("a 'b", "unclosed-quote"),
        ("a 'b\nc", "unclosed-quote"),
        ("a \"b $x", "unclosed-quote"),
        ("a ${b", "bad-variable"),
        ("a \\", "trailing-backslash"),
        ("a b\\", "trailing-backslash"),
        ("a |", "trailing-pipe"),
        ("a | b |\n\n", "trailing-pipe"),
        ("if a {", "unclosed-block"),
        ("if a { b\nif c {\n", "unclosed-block"),
        ("if a { b 'c", "unclosed-quote"),
        ("if a { b |", "trailing-pipe"),
        ("if a", "missing-block"),
        ("if a { } else", "missing-block"),
        ("for x in a b\n", "missing-block"),
        ("on-exit", "missing-block"),
        ("a <<END", "unclosed-heredoc"),
        ("a <<END\nb", "unclosed-heredoc"),
        ("a <<A; b <<B\n1\nA\n2", "unclosed-heredoc"),
        ("if a { produce t <<END\nx\n", "unclosed-heredoc"),
    ] {
        check_incomplete(text, code);
    }
    // Wrong is not incomplete: no further line could mend it.
    for text in ["a }\nif b {", "let x =", "a 'b\n' && c 'd"] {
        let parsed = parse(text);
        assert!(!parsed.incomplete && !parsed.diagnostics.is_empty(), "{text:?}");
    }
    check("a \\\n", "a");
}

#[test]
fn wrong_words() {
    check_wrong("a $(b c) d", &["substitution 2..8"], "a '' d");
    check_wrong("a \"x $(b)\"; c", &["substitution 5..9"], "a 'x '\nc");
    check_wrong("a `b`", &["substitution 2..5"], "a ''");
    check_wrong(
        "a $1 $? ${x:-y}",
        &["special-variable 2..4", "special-variable 5..7", "bad-variable 8..15"],
        "a '' '' ''",
    );
    check_wrong("a $'x'", &["dollar-quote 2..3"], "a 'x'");
    check_wrong("a\u{0} b\u{7f}", &["control-character 1..2", "control-character 4..5"], "a b");
    check_wrong(
        "# \u{1}\n!b \u{2}",
        &["control-character 2..3", "control-character 7..8"],
        "!b \u{2}",
    );
    check_wrong("a \\\r\r\nb", &["control-character 3..4"], "a ''\nb");
    check_wrong("a\u{a0}b", &["odd-blank 1..3"], "ab");
    check_wrong("a < b; c", &["input-redirect 2..3"], "c");
    check_wrong("a > f < b", &["input-redirect 6..7"], "a > f");
    check_wrong("a <<<x", &["input-redirect 2..5"], "");
    check_wrong("a <<-E\n1\nE", &["heredoc-dash 2..6"], "a <<E\n1\nE");
    check_wrong("a <<E <<F\n1\nE\n2\nF", &["second-heredoc 6..9"], "a <<E\n1\nE");
    check_wrong("<<E\n1\nE\nb", &["empty-stage 0..3"], "b");
}

#[test]
fn wrong_pipelines() {
    check_wrong("a || b; c", &["shell-operator 2..4"], "c");
    check_wrong("a && b; c", &["shell-operator 2..4"], "c");
    check_wrong("a &", &["shell-operator 2..3"], "");
    check_wrong("| a", &["empty-stage 0..1"], "");
    check_wrong("a | | b", &["empty-stage 2..3"], "");
    check_wrong("a |; b", &["empty-stage 2..3"], "b");
    check_wrong("a | !", &["empty-stage 4..5"], "");
    check_wrong("a >; b", &["redirect 2..3"], "b");
    check_wrong("a > f b", &["redirect 6..7"], "");
    check_wrong("a > f\n| b\nc", &["redirect 6..7"], "c");
    check_wrong("a > f > g", &["redirect 6..7"], "");
    check_wrong("a 2> f", &["redirect-descriptor 2..4"], "");
    check_wrong("a >&2", &["redirect-descriptor 2..5"], "");
    check_wrong("> f", &["empty-stage 0..1"], "");
    check_wrong("@ a", &["cluster 0..1"], "");
    check_wrong("@a @b c", &["cluster 3..5"], "");
    check_wrong("@a", &["empty-stage 2..2"], "");
}

#[test]
fn wrong_statements() {
    check_wrong("a }\nb", &["surplus-brace 2..3"], "a\nb");
    check_wrong("a { b && c }; d", &["unexpected 2..3", "shell-operator 6..8"], "a\nd");
    check_wrong("{ a }", &["unexpected 0..1"], "");
    check_wrong("if a { b } c", &["missing-separator 11..12"], "if a {\n    b\n}\nc");
    check_wrong("if a { b } | c", &["unexpected 11..12"], "if a {\n    b\n}");
    check_wrong("if a { b } > c", &["unexpected 11..12"], "if a {\n    b\n}");
    check_wrong("if a {b}; c", &["missing-block 8..9"], "c");
    check_wrong("if a {b}\nc { }", &["missing-block 8..8", "unexpected 11..12"], "c");
    check_wrong("if a\n\n# x\nc", &["missing-block 4..4"], "c");
    check_wrong("if { a }", &["malformed 3..4"], "");
    check_wrong("else { a }", &["misplaced-keyword 0..4"], "");
    check_wrong("in a", &["misplaced-keyword 0..2"], "");
    check_wrong("let x=3", &["malformed 4..7"], "");
    check_wrong("let $x = 3", &["malformed 4..6"], "");
    check_wrong(
        "let 3x = 3; let x 3; let x =; let",
        &["malformed 4..6", "malformed 18..19", "malformed 28..29", "malformed 33..33"],
        "",
    );
    check_wrong("for x { a }", &["malformed 6..7"], "");
    check_wrong("for x in { a | | b }", &["malformed 9..10", "empty-stage 13..14"], "");
    check_wrong("for x in a | b { }", &["malformed 11..12"], "");
    check_wrong("wait cluster; wait", &["malformed 5..12", "malformed 18..18"], "");
    check_wrong("expect; expect error", &["empty-stage 6..7", "malformed 15..20"], "");
    check_wrong(
        "set a; set; set a b c",
        &["malformed 4..5", "malformed 7..10", "malformed 20..21"],
        "",
    );
    check_wrong(
        "source; source $x; source a b",
        &["malformed 0..6", "malformed 15..17", "malformed 28..29"],
        "",
    );
    check_wrong(
        "param; param x 3; param x =",
        &["malformed 5..6", "malformed 15..16", "malformed 26..27"],
        "",
    );
    check_wrong("try", &["empty-stage 3..3"], "");
}

#[test]
fn a_system_line_may_swallow_a_brace() {
    let parsed = parse("if a { !b }\n");
    assert!(parsed.incomplete);
    assert!(parsed.diagnostics[0].help.as_deref().is_some_and(|help| help.contains("own")));
}

#[test]
fn limits() {
    let nested = |depth: usize| format!("{}{}", "if a { ".repeat(depth), "} ".repeat(depth));
    let chain = |depth: usize| format!("if a {{ }}{}", " else if b { }".repeat(depth));
    type Text<'a> = &'a dyn Fn(usize) -> String;
    let cases: [(&str, Text<'_>, usize); 7] = [
        ("limit/nesting", &nested, NESTING_MAX),
        ("limit/nesting", &|depth| format!("{}a", "try ".repeat(depth)), NESTING_MAX),
        ("limit/nesting", &|depth| chain(depth - 1), NESTING_MAX),
        ("limit/words", &|count| "a ".repeat(count), WORDS_MAX),
        ("limit/words", &|count| format!("for x in {}{{ }}", "a ".repeat(count)), WORDS_MAX),
        ("limit/stages", &|count| format!("a{}", "| a".repeat(count - 1)), STAGES_MAX),
        ("limit/statements", &|count| "a\n".repeat(count), STATEMENTS_MAX),
    ];
    for (code, text, limit) in cases {
        assert_eq!(parse(&text(limit)).diagnostics, [], "{code}");
        let beyond = parse(&text(limit + 1));
        let codes: Vec<&str> = beyond.diagnostics.iter().map(|found| found.code).collect();
        assert_eq!(codes, [code]);
        assert!(!beyond.incomplete);
    }
    let many = parse(&"}\n".repeat(DIAGNOSTICS_MAX * 2));
    assert_eq!(many.diagnostics.len(), DIAGNOSTICS_MAX);
}

#[test]
fn byte_limits() {
    let code =
        |text: &str| parse(text).diagnostics.first().map(|found| (found.code, found.span.start));
    let long = "a".repeat(LINE_BYTES_MAX);
    assert_eq!(code(&format!("{long}\nb")), None);
    assert_eq!(code(&format!("b\n{long}a\nb")), Some(("limit/line", 2)));
    assert_eq!(code(&format!("b\n#{long}\nb")), Some(("limit/line", 2)));
    assert_eq!(code(&format!("b\n!{long}\nb")), Some(("limit/line", 2)));
    assert_eq!(code(&format!("b 'c\n {long}\nb'")), Some(("limit/line", 5)));
    assert_eq!(code(&format!("a <<E\nb{long}\nE\nb")), None);
    assert_eq!(code(&" ".repeat(SOURCE_BYTES_MAX + 1)), Some(("limit/source", 0)));
}
