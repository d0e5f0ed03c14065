//! CSV and tab-separated values, untruncated; and the first column alone.

use serde_json::Value;

use super::{bare, columns_of, lookup};
use crate::flow::View;

pub struct Dialect {
    separator: char,
    header: bool,
    quotes: bool,
}

/// RFC 4180, with a header.
pub const CSV: Dialect = Dialect { separator: ',', header: true, quotes: true };

/// No header; tabs, newlines and backslashes inside a cell are escaped.
pub const TSV: Dialect = Dialect { separator: '\t', header: false, quotes: false };

impl Dialect {
    fn cell(&self, text: &str) -> String {
        if self.quotes {
            let special = |c| matches!(c, ',' | '"' | '\n' | '\r');
            if text.contains(special) || text.starts_with(' ') {
                return format!("\"{}\"", text.replace('"', "\"\""));
            }
            return text.to_string();
        }
        text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
    }

    fn row(&self, cells: impl Iterator<Item = String>) -> String {
        let cells: Vec<String> = cells.map(|cell| self.cell(&cell)).collect();
        format!("{}\n", cells.join(&self.separator.to_string()))
    }
}

pub fn render(value: &Value, view: View, dialect: Dialect) -> String {
    if let (View::Text, Value::String(text)) = (view, value) {
        return with_newline(text);
    }
    if let View::Record { fields, sections } = view {
        return record(value, fields, sections, &dialect);
    }
    let (rows, columns) = rows_and_columns(value, view);
    let mut out = String::new();
    if dialect.header && !columns.is_empty() {
        out.push_str(&dialect.row(columns.iter().cloned()));
    }
    for row in rows {
        if columns.is_empty() {
            out.push_str(&dialect.row(std::iter::once(bare(Some(row)))));
        } else {
            out.push_str(&dialect.row(columns.iter().map(|key| bare(lookup(row, key)))));
        }
    }
    out
}

/// Fields as `key<TAB>value`, then the rows of the sections, each begun with its key.
fn record(
    value: &Value,
    fields: &[crate::flow::Column],
    sections: &[crate::flow::Section],
    dialect: &Dialect,
) -> String {
    if let Value::Array(items) = value {
        return items.iter().map(|item| record(item, fields, sections, dialect)).collect();
    }
    let mut out = String::new();
    for field in fields {
        let cells = [field.key.to_string(), shown(value, field)];
        out.push_str(&dialect.row(cells.into_iter()));
    }
    for section in sections {
        let rows = lookup(value, section.key).and_then(Value::as_array);
        for row in rows.into_iter().flatten() {
            let cells = section.columns.iter().map(|column| bare(lookup(row, column.key)));
            out.push_str(&dialect.row(std::iter::once(section.key.to_string()).chain(cells)));
        }
    }
    out
}

/// Sentences have commas of their own.
fn shown(row: &Value, column: &crate::flow::Column) -> String {
    match (column.show, lookup(row, column.key)) {
        (crate::flow::Show::Sentences, Some(Value::Array(items))) => {
            items.iter().map(|item| bare(Some(item))).collect::<Vec<_>>().join("; ")
        }
        (_, value) => bare(value),
    }
}

pub fn names(value: &Value, view: View) -> String {
    let (rows, columns) = match view {
        View::Record { fields, .. } => {
            let rows = value.as_array().map_or(vec![value], |items| items.iter().collect());
            (rows, fields.iter().map(|field| field.key.to_string()).collect())
        }
        other => rows_and_columns(value, other),
    };
    let first = |row: &Value| match columns.first() {
        Some(key) => bare(lookup(row, key)),
        None => bare(Some(row)),
    };
    rows.into_iter().map(|row| format!("{}\n", first(row))).collect()
}

fn rows_and_columns(value: &Value, view: View) -> (Vec<&Value>, Vec<String>) {
    let rows: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        other => vec![other],
    };
    let columns = match view {
        View::Rows(columns) | View::Told(columns) | View::Blocks(columns) => {
            columns.iter().map(|column| column.key.to_string()).collect()
        }
        _ => columns_of(&rows),
    };
    (rows, columns)
}

fn with_newline(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') { text.to_string() } else { format!("{text}\n") }
}
