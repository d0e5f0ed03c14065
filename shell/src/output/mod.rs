//! Values to bytes: one place that knows formats, columns and terminals.

mod delimited;
mod table;
mod yaml;

use std::io::IsTerminal;

use kafsh_model::{Error, Result};
use serde_json::Value;

use crate::flow::View;

pub use table::{columns_of, display_width, is_ascii_locale};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Table,
    Json,
    Jsonl,
    Yaml,
    Csv,
    Tsv,
    /// The first column alone
    Name,
}

impl Format {
    pub fn parse(text: &str) -> Result<Format> {
        Ok(match text {
            "table" => Format::Table,
            "json" => Format::Json,
            "jsonl" => Format::Jsonl,
            "yaml" => Format::Yaml,
            "csv" => Format::Csv,
            "tsv" => Format::Tsv,
            "name" => Format::Name,
            _ => {
                return Err(Error::usage("bad-value", format!("`{text}` is no output format"))
                    .with_cause(format!("formats: {}", crate::spec::OUTPUT_FORMATS.join(", "))));
            }
        })
    }
}

/// Where results go and what that place can show.
#[derive(Clone, Copy, Debug)]
pub struct Medium {
    pub terminal: bool,
    /// Columns of the terminal
    pub width: usize,
    pub color: bool,
    /// The locale has no UTF-8: only ASCII is drawn
    pub ascii: bool,
}

impl Medium {
    /// A file or pipe: nothing cut, nothing coloured.
    pub fn plain() -> Self {
        Medium { terminal: false, width: usize::MAX, color: false, ascii: is_ascii_locale() }
    }

    pub fn of_stdout() -> Self {
        let terminal = std::io::stdout().is_terminal();
        if !terminal {
            return Medium::plain();
        }
        let width = rustix::termios::tcgetwinsize(std::io::stdout())
            .map(|size| usize::from(size.ws_col))
            .ok()
            .filter(|width| *width > 0)
            .unwrap_or(80);
        Medium { terminal, width, color: wants_color(), ascii: is_ascii_locale() }
    }
}

/// `NO_COLOR` and `TERM=dumb` turn colours off.
pub fn wants_color() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !no_color && !dumb
}

/// A value in a format, ready to be written; it ends with a newline unless it is empty.
pub fn render(value: &Value, view: View, format: Option<Format>, medium: Medium) -> String {
    if medium.terminal && format.is_none() && matches!(view, View::Told(_)) {
        return String::new();
    }
    let default = if medium.terminal { Format::Table } else { Format::Tsv };
    match format.unwrap_or(default) {
        Format::Json => pretty(value),
        Format::Jsonl => jsonl(value),
        Format::Yaml => yaml::render(value),
        Format::Csv => delimited::render(value, view, delimited::CSV),
        Format::Tsv => delimited::render(value, view, delimited::TSV),
        Format::Name => delimited::names(value, view),
        Format::Table => table::render(value, view, medium),
    }
}

/// One of many values: a text raw, anything else as one line of JSON.
pub fn render_item(value: &Value, format: Option<Format>, medium: Medium) -> String {
    match (format, value) {
        (None | Some(Format::Table | Format::Tsv | Format::Name), Value::String(text)) => {
            let mut text = if medium.terminal { escape_controls(text) } else { text.clone() };
            text.push('\n');
            text
        }
        (Some(Format::Json), _) => pretty(value),
        (Some(Format::Yaml), _) => format!("---\n{}", yaml::render(value)),
        (Some(Format::Csv), _) => delimited::render(value, View::Plain, delimited::CSV),
        _ => format!("{value}\n"),
    }
}

fn pretty(value: &Value) -> String {
    // Writing a `Value` to a string cannot fail.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

fn jsonl(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(|item| format!("{item}\n")).collect(),
        other => format!("{other}\n"),
    }
}

/// A cell or text of somebody else's for a terminal: control characters are shown, not obeyed.
pub fn escape_controls(text: &str) -> String {
    if !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return text.to_string();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

/// What `a.b` names inside a value.
fn lookup<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    // Kafka's own keys have dots in them: `retention.ms` is one key where there is one.
    if let Some(found) = value.get(key) {
        return Some(found);
    }
    key.split('.').try_fold(value, |at, part| at.get(part))
}

/// A value as a bare cell: texts raw, lists joined by commas, null empty, objects as JSON.
fn bare(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) if items.iter().all(|i| !i.is_object() && !i.is_array()) => {
            items.iter().map(|item| bare(Some(item))).collect::<Vec<_>>().join(",")
        }
        Some(other) => other.to_string(),
    }
}
