//! Properties over generated trees and arbitrary text.

use std::time::{Duration, Instant};

use kafsh_lang::{
    Block, Diagnostic, Else, Heredoc, KEYWORDS, LetValue, Name, Part, Pipeline, Redirect, Script,
    Span, Stage, StageKind, Statement, StatementKind, Word, at_cursor, limits, parse, render,
    tokens,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const NO: Span = Span { start: 0, end: 0 };

// Trees

fn name() -> impl Strategy<Value = String> {
    "[a-z_][a-z0-9_]{0,4}"
}

/// Literal text of an unquoted word: everything that a backslash can keep.
fn bare_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9.,:=/-]{1,8}",
        2 => "[ \t#|;<>'\"\\\\$`{}@!&(é漢\u{a0}a-c]{1,5}",
        1 => proptest::sample::select(KEYWORDS).prop_map(str::to_owned),
        1 => proptest::sample::select(&["error", "3", "true", "&&", "{", "}", "=", "-x", "2"][..])
            .prop_map(str::to_owned),
    ]
}

fn quoted_text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z ]{0,8}", "[ \t\r\n#|;<>'\"\\\\$`{}@!\u{0}\u{1b}é漢a-c]{0,6}"]
}

/// As the parser gives them: no empty literal, and no two side by side.
fn tidy(parts: Vec<Part>) -> Vec<Part> {
    let mut tidied: Vec<Part> = Vec::new();
    for part in parts {
        match (tidied.last_mut(), part) {
            (_, Part::Literal(text)) if text.is_empty() => {}
            (Some(Part::Literal(last)), Part::Literal(text)) => last.push_str(&text),
            (_, part) => tidied.push(part),
        }
    }
    tidied
}

fn word() -> impl Strategy<Value = Word> {
    let variable = || name().prop_map(|name| Part::Variable { name, span: NO });
    let bare = vec(prop_oneof![4 => bare_text().prop_map(Part::Literal), 1 => variable()], 1..3);
    let quoted =
        vec(prop_oneof![4 => quoted_text().prop_map(Part::Literal), 1 => variable()], 0..3);
    prop_oneof![
        3 => bare.prop_map(|parts| Word { parts: tidy(parts), quoted: false, span: NO }),
        1 => quoted.prop_map(|parts| Word { parts: tidy(parts), quoted: true, span: NO }),
    ]
}

fn plain_word() -> impl Strategy<Value = Word> {
    "[a-z]{1,6}".prop_map(|text| Word { parts: vec![Part::Literal(text)], quoted: false, span: NO })
}

fn heredoc() -> impl Strategy<Value = Heredoc> {
    ("[A-Z_][A-Z0-9_.-]{0,3}", vec("[a-z $'|}\r\t\u{0}]{0,6}\n", 0..3))
        .prop_map(|(tag, lines)| Heredoc { tag, body: lines.concat(), span: NO, body_span: NO })
}

fn stage(is_last_with_redirect: bool) -> impl Strategy<Value = Stage> {
    let command = (vec(word(), 1..4), option::weighted(0.1, heredoc()))
        .prop_map(|(words, heredoc)| StageKind::Command { words, heredoc });
    let system = "[a-z|#>'\"{};$ ]{0,6}[a-z]".prop_map(|text| StageKind::Os { text, span: NO });
    // Nothing can follow a `!` line on it, a redirect neither.
    let system_weight = u32::from(!is_last_with_redirect);
    let kind = prop_oneof![6 => command, system_weight => system];
    (option::weighted(0.2, word()), kind).prop_map(|(cluster, kind)| Stage {
        cluster,
        kind,
        span: NO,
    })
}

fn pipeline() -> impl Strategy<Value = Pipeline> {
    let redirect =
        (any::<bool>(), word()).prop_map(|(append, path)| Redirect { append, path, span: NO });
    let plain =
        vec(stage(false), 1..4).prop_map(|stages| Pipeline { stages, redirect: None, span: NO });
    let redirected = (vec(stage(false), 0..2), stage(true), redirect).prop_map(
        |(mut stages, last, redirect)| {
            stages.push(last);
            Pipeline { stages, redirect: Some(redirect), span: NO }
        },
    );
    prop_oneof![3 => plain, 1 => redirected]
}

/// A word that `let` takes for a value whatever stands in it.
fn value() -> impl Strategy<Value = LetValue> {
    let number = proptest::sample::select(&["0", "-1.5e3", "true", "null"][..]).prop_map(|text| {
        Word { parts: vec![Part::Literal(text.to_owned())], quoted: false, span: NO }
    });
    let other = word().prop_map(|mut word| {
        let is_literal = word.variables().next().is_none();
        word.quoted |= is_literal;
        word
    });
    prop_oneof![number, other].prop_map(LetValue::Word)
}

/// The pipeline of a `let`, that no rule turns into a value.
fn let_pipeline() -> impl Strategy<Value = LetValue> {
    pipeline().prop_map(|mut pipeline| {
        let single = pipeline.words().count() == 1;
        if let (true, StageKind::Command { words, .. }) = (single, &mut pipeline.stages[0].kind) {
            words[0].quoted = false;
            words[0].parts = vec![Part::Literal("3".to_owned())];
        }
        LetValue::Pipeline(pipeline)
    })
}

fn given() -> impl Strategy<Value = Name> {
    name().prop_map(|text| Name { text, span: NO })
}

fn block(statement: impl Strategy<Value = Statement>) -> impl Strategy<Value = Block> {
    vec(statement, 0..3).prop_map(|statements| Block { statements, span: NO })
}

fn leaf() -> impl Strategy<Value = StatementKind> {
    let digit = "[1-9][a-z]{0,2}".prop_map(|text| Word {
        parts: vec![Part::Literal(text)],
        quoted: false,
        span: NO,
    });
    prop_oneof![
        4 => pipeline().prop_map(StatementKind::Pipeline),
        1 => (given(), prop_oneof![value(), let_pipeline()])
            .prop_map(|(name, value)| StatementKind::Let { name, value }),
        1 => (digit, option::of(pipeline()))
            .prop_map(|(duration, pipeline)| StatementKind::Wait { duration, pipeline }),
        1 => (option::of(word()), pipeline())
            .prop_map(|(error, pipeline)| StatementKind::Expect { error, pipeline }),
        1 => (given(), option::of(word()))
            .prop_map(|(name, default)| StatementKind::Param { name, default }),
        1 => (word(), word()).prop_map(|(name, value)| StatementKind::Set { name, value }),
        1 => plain_word().prop_map(|path| StatementKind::Source { path }),
    ]
}

fn statement() -> impl Strategy<Value = Statement> {
    let spanless = |kind| Statement { kind, span: NO };
    leaf().prop_map(spanless).prop_recursive(3, 12, 3, move |inner| {
        let inner = inner.boxed();
        let branch = (pipeline(), block(inner.clone()), option::of(block(inner.clone())))
            .prop_map(|(condition, then, otherwise)| StatementKind::If {
                condition,
                then,
                otherwise: otherwise.map(Else::Block),
            })
            .boxed();
        let chain = (pipeline(), block(inner.clone()), branch.clone().prop_map(spanless)).prop_map(
            |(condition, then, next)| StatementKind::If {
                condition,
                then,
                otherwise: Some(Else::If(Box::new(next))),
            },
        );
        let kind = prop_oneof![
            branch,
            chain,
            (given(), vec(word(), 1..3), block(inner.clone()))
                .prop_map(|(name, items, body)| StatementKind::For { name, items, body }),
            inner.clone().prop_map(|inner| StatementKind::Try(Box::new(inner))),
            block(inner).prop_map(StatementKind::OnExit),
        ];
        kind.prop_map(spanless)
    })
}

fn script() -> impl Strategy<Value = Script> {
    vec(statement(), 0..4).prop_map(|statements| Script { statements })
}

// Texts

/// Noise, and noise made of what the grammar knows.
fn text() -> impl Strategy<Value = String> {
    let pieces = [
        "if ",
        "else ",
        "for ",
        "in ",
        "let ",
        "= ",
        "wait ",
        "3s ",
        "expect ",
        "error ",
        "try ",
        "on-exit ",
        "param ",
        "set ",
        "source ",
        "{ ",
        "} ",
        "{",
        "}",
        "| ",
        "||",
        "> ",
        ">>",
        "<",
        "<<E",
        "<<",
        "E",
        "\nE\n",
        "\n",
        "\r\n",
        "\r",
        ";",
        "'",
        "\"",
        "\\",
        "$",
        "${",
        "$x",
        "$(",
        "`",
        "!",
        "@",
        "@p ",
        "#",
        "a ",
        "b",
        " ",
        "\t",
        "é",
        "漢",
        "\u{a0}",
        "\u{feff}",
        "\0",
        "&",
        "&&",
        "2>",
        "-1.5",
        "password=x",
    ];
    let known =
        vec(proptest::sample::select(pieces.to_vec()), 0..40).prop_map(|pieces| pieces.concat());
    prop_oneof![3 => known, 1 => any::<String>()]
}

fn is_within(span: Span, text: &str) -> bool {
    span.start <= span.end && text.get(span.start..span.end).is_some()
}

fn spans(script: &Script) -> Vec<Span> {
    let mut spans = Vec::new();
    kafsh_lang::walk(script, &mut |statement| {
        spans.push(statement.span);
        for word in statement.words() {
            spans.push(word.span);
            spans.extend(word.variables().map(|(_, span)| span));
        }
        for stage in statement.pipeline().iter().flat_map(|pipeline| &pipeline.stages) {
            spans.push(stage.span);
            match &stage.kind {
                StageKind::Os { span, .. } => spans.push(*span),
                StageKind::Command { heredoc: Some(heredoc), .. } => {
                    spans.extend([heredoc.span, heredoc.body_span]);
                }
                StageKind::Command { .. } => {}
            }
        }
    });
    spans
}

fn config() -> ProptestConfig {
    // A case that failed becomes a unit test, not a file of seeds.
    ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn printing_then_parsing_gives_the_same_tree(script in script()) {
        let text = script.to_string();
        let parsed = parse(&text);
        prop_assert_eq!(&parsed.diagnostics, &Vec::<Diagnostic>::new(), "{}", text);
        prop_assert_eq!(parsed.script.without_spans(), script, "{}", text);
    }

    #[test]
    fn any_text_parses_to_something_sound(text in text(), cursor in 0_usize..200) {
        let parsed = parse(&text);
        for span in spans(&parsed.script) {
            prop_assert!(is_within(span, &text), "{span:?}");
        }
        for diagnostic in &parsed.diagnostics {
            prop_assert!(is_within(diagnostic.span, &text), "{diagnostic:?}");
            render(diagnostic, "x", &text, false);
            prop_assert!(render(diagnostic, "x", &text, true).is_ascii());
        }
        let again = parse(&text);
        prop_assert_eq!(&again.script, &parsed.script);
        prop_assert_eq!(again.diagnostics, parsed.diagnostics.clone());
        if parsed.diagnostics.is_empty() {
            let printed = parse(&parsed.script.to_string());
            prop_assert_eq!(printed.script.without_spans(), parsed.script.without_spans());
        }
        let mut end = 0;
        for (span, _) in tokens(&text) {
            prop_assert!(is_within(span, &text) && span.start >= end && span.end > span.start);
            end = span.end;
        }
        let context = at_cursor(&text, cursor);
        prop_assert!(is_within(context.partial.span, &text));
        prop_assert!(context.partial.span.end <= cursor);
    }
}

// Sizes

#[test]
fn hostile_texts_are_answered_within_a_second() {
    let many = 100_000;
    let hostile = [
        ("{ ", "{ ".repeat(many)),
        ("{", "{".repeat(many)),
        ("} ", "} ".repeat(many)),
        ("|", "|".repeat(many)),
        ("| a", "| a".repeat(many)),
        ("\"", "\"".repeat(many)),
        ("'", "'".repeat(many)),
        ("\\", "\\".repeat(many)),
        ("$(", "$(".repeat(many)),
        ("${", "${".repeat(many)),
        ("`", "`".repeat(many)),
        ("\\\n", "\\\n".repeat(many)),
        ("\r", "\r".repeat(many)),
        ("@", "@".repeat(many)),
        ("!", "!".repeat(many)),
        ("<<E ", "<<E ".repeat(many)),
        ("a <<E; ", "a <<E; ".repeat(many / 4)),
        ("a <<E\\n", "a <<E\n".repeat(many)),
        ("if a {", "if a {\n".repeat(many)),
        ("try ", "try ".repeat(many)),
        ("else if", format!("if a {{ }}{}", " else if a { }".repeat(many))),
        ("if } # else", "if a { }\n# else\n\n".repeat(many / 10)),
        ("\0", "\0".repeat(many)),
        (";", ";".repeat(many)),
        ("a word", "a ".repeat(many)),
        ("a line", format!("a {}", "b".repeat(10_000_000))),
        ("a quoted line", format!("a \"{}\"", "b".repeat(10_000_000))),
        ("a here-document", format!("a <<E\n{}\nE\n", "b".repeat(10_000_000))),
        ("many lines", "a 'b' \"c $d\"\n".repeat(20_000)),
    ];
    for (what, text) in hostile {
        // The best of three, since others may be using the machine.
        let spent = (0..3).map(|_| {
            let start = Instant::now();
            parse(&text);
            start.elapsed()
        });
        let is_fast = |spent: &Duration| *spent < Duration::from_secs(1);
        assert!(spent.into_iter().any(|spent| is_fast(&spent)), "{what}");
        let parsed = parse(&text);
        assert!(parsed.diagnostics.len() <= limits::DIAGNOSTICS_MAX, "{what}");
        for diagnostic in &parsed.diagnostics {
            let spent = (0..3).map(|_| {
                let start = Instant::now();
                assert!(render(diagnostic, "x", &text, false).len() < 2_000, "{what}");
                start.elapsed()
            });
            assert!(spent.into_iter().any(|spent| is_fast(&spent)), "{what}: rendering");
        }
    }
}
