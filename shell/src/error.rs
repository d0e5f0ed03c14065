//! Errors to text: what, evidence, cause, next; on standard error, with a caret in scripts.

use kafsh_lang::{Diagnostic, Span};
use kafsh_model::{Class, Error};

use crate::bind::{Rejected, Source};
use crate::output::escape_controls;

/// An error and the place in a source whose statement failed.
#[derive(Debug)]
pub struct Failure {
    pub error: Error,
    pub place: Option<(std::sync::Arc<Source>, Span)>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { error, place: None }
    }
}

/// How errors are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub color: bool,
    pub ascii: bool,
    /// At the prompt the line stands just above: no place is drawn
    pub place: bool,
}

const RED: &str = "\u{1b}[1;31m";
const DIM: &str = "\u{1b}[2m";
const RESET: &str = "\u{1b}[0m";

/// The text of a failure, ended by a newline.
pub fn render_failure(failure: &Failure, style: Style) -> String {
    let error = &failure.error;
    let mut out = String::new();
    // Whoever ended it knows that it was no error.
    let label = match error.class {
        Class::Interrupted => String::new(),
        _ => format!("{} ", paint("error:", RED, style)),
    };
    out.push_str(&format!("{label}{}\n", escape_controls(&kafsh_lang::brief(&error.message))));
    if let (Some((source, span)), true) = (&failure.place, style.place) {
        out.push_str(&place(source, *span, style));
    }
    for line in &error.evidence {
        out.push_str(&format!("  {}\n", escape_controls(line)));
    }
    if let Some(cause) = &error.cause {
        out.push_str(&format!("  {} {}\n", paint("because", DIM, style), escape_controls(cause)));
    }
    for (index, next) in error.next.iter().enumerate() {
        // No numbers: what looks like a menu is answered with one.
        let lead = if index == 0 { "try" } else { "or" };
        out.push_str(&format!("  {lead:<3}  {}\n", escape_controls(next)));
    }
    out
}

/// Where in a script: `  --> file:line:column` and the statement with a caret.
fn place(source: &Source, span: Span, style: Style) -> String {
    let pointer = Diagnostic::note("run/place", span, "");
    let text = kafsh_lang::render(&pointer, &source.name, &source.text, style.ascii);
    text.lines().skip(1).map(|line| format!("{line}\n")).collect()
}

/// Diagnostics of a source that was rejected, each with its caret.
pub fn render_rejected(rejected: &Rejected, style: Style) -> String {
    let source = &rejected.source;
    rejected
        .diagnostics
        .iter()
        .map(|diagnostic| render_diagnostic(diagnostic, source, style))
        .collect()
}

/// The same for editors and tests: one JSON object a line, positions from 1, columns in characters.
pub fn findings_json(rejected: &Rejected) -> String {
    let source = &rejected.source;
    let one = |diagnostic: &Diagnostic| {
        let (line, column) = kafsh_lang::line_col(&source.text, diagnostic.span.start);
        let (end_line, end_column) = kafsh_lang::line_col(&source.text, diagnostic.span.end);
        serde_json::json!({
            "file": source.name, "line": line, "column": column,
            "end_line": end_line, "end_column": end_column,
            "severity": match diagnostic.severity {
                kafsh_lang::Severity::Error => "error",
                kafsh_lang::Severity::Note => "note",
            },
            "code": diagnostic.code, "message": diagnostic.message, "help": diagnostic.help,
        })
    };
    rejected.diagnostics.iter().map(|diagnostic| format!("{}\n", one(diagnostic))).collect()
}

pub fn render_diagnostic(diagnostic: &Diagnostic, source: &Source, style: Style) -> String {
    let text = kafsh_lang::render(diagnostic, &source.name, &source.text, style.ascii);
    let text = if style.place { text } else { without_place(&text) };
    match text.strip_prefix("error:") {
        Some(rest) => format!("{}{rest}", paint("error:", RED, style)),
        None => text,
    }
}

/// At the prompt, the message and the help alone: the line stands just above.
fn without_place(text: &str) -> String {
    let help = text.lines().skip(1).filter(|line| line.trim_start().starts_with("help: "));
    let lines = text.lines().take(1).chain(help);
    lines.map(|line| format!("{}\n", line.replacen("  help: ", "  ", 1))).collect()
}

fn paint(text: &str, color: &str, style: Style) -> String {
    if style.color { format!("{color}{text}{RESET}") } else { text.to_string() }
}
