//! Tables for people: aligned by display width, cut to the terminal, nothing drawn but text.

use std::time::Duration;

use kafsh_model::units::{show_duration, show_size};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::{Medium, bare, escape_controls, lookup};
use crate::flow::{Column, Section, Show, View};

/// Blanks between columns.
const GAP: usize = 2;

/// Narrowest a column is cut to.
const WIDTH_MIN: usize = 8;

pub fn render(value: &Value, view: View, medium: Medium) -> String {
    match view {
        View::Text => match value {
            Value::String(text) if text.is_empty() || text.ends_with('\n') => escape_controls(text),
            Value::String(text) => format!("{}\n", escape_controls(text)),
            other => format!("{other}\n"),
        },
        View::Rows(columns) | View::Told(columns) => rows_table(value, columns, medium),
        View::Blocks(fields) => record(value, fields, &[], medium),
        View::Record { fields, sections } => record(value, fields, sections, medium),
        View::Plain => plain(value, medium),
    }
}

fn plain(value: &Value, medium: Medium) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let rows: Vec<&Value> = items.iter().collect();
            let keys = columns_of(&rows);
            let cells = |row: &&Value| keys.iter().map(|key| bare(lookup(row, key))).collect();
            let titles = keys.iter().map(|key| key.to_uppercase()).collect();
            draw(titles, rows.iter().map(cells).collect(), &[], medium)
        }
        Value::Array(items) => {
            items.iter().map(|item| format!("{}\n", escape_controls(&bare(Some(item))))).collect()
        }
        Value::Object(map) => {
            let width = map.keys().map(|key| display_width(key)).max().unwrap_or(0);
            map.iter()
                .map(|(key, item)| {
                    let pad = " ".repeat(width - display_width(key));
                    format!("{key}{pad}  {}\n", escape_controls(&bare(Some(item))))
                })
                .collect()
        }
        other => format!("{}\n", escape_controls(&bare(Some(other)))),
    }
}

fn rows_table(value: &Value, columns: &[Column], medium: Medium) -> String {
    let rows: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        other => vec![other],
    };
    let titles = columns.iter().map(|column| column.title.to_string()).collect();
    let right: Vec<bool> = columns
        .iter()
        .map(|column| {
            let numeric = |row: &&Value| lookup(row, column.key).is_some_and(Value::is_number);
            matches!(column.show, Show::Plain | Show::Size) && rows.iter().any(numeric)
        })
        .collect();
    let cells = rows
        .iter()
        .map(|row| columns.iter().map(|column| cell(row, column, medium)).collect())
        .collect();
    draw(titles, cells, &right, medium)
}

fn record(value: &Value, fields: &[Column], sections: &[Section], medium: Medium) -> String {
    if let Value::Array(items) = value {
        let texts = items.iter().map(|item| record(item, fields, sections, medium));
        return texts.collect::<Vec<_>>().join("\n");
    }
    let shown: Vec<(&str, String)> = fields
        .iter()
        .flat_map(|field| {
            // Commands to choose from stand below each other: each can be copied by itself.
            let sentences = match (field.show, lookup(value, field.key)) {
                (Show::Sentences, Some(Value::Array(items))) => items.as_slice(),
                _ => return vec![(field.title, cell(value, field, medium))],
            };
            let texts = sentences.iter().map(|sentence| tame(&bare(Some(sentence))));
            std::iter::once(field.title).chain(std::iter::repeat("")).zip(texts).collect()
        })
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let width = shown.iter().map(|(title, _)| display_width(title)).max().unwrap_or(0);
    let mut out = String::new();
    for (title, text) in shown {
        let pad = " ".repeat(width - display_width(title));
        out.push_str(&format!("{title}{pad}  {text}\n"));
    }
    for section in sections {
        let Some(rows) = lookup(value, section.key) else { continue };
        if rows.as_array().is_none_or(Vec::is_empty) {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        if !section.title.is_empty() {
            out.push_str(section.title);
            out.push('\n');
        }
        out.push_str(&rows_table(rows, section.columns, medium));
    }
    out
}

fn cell(row: &Value, column: &Column, medium: Medium) -> String {
    let value = lookup(row, column.key);
    let number = value.and_then(Value::as_i64);
    let text = match (column.show, number) {
        (Show::Size, Some(bytes)) => show_size(u64::try_from(bytes).unwrap_or(0)),
        (Show::Duration, Some(ms)) => {
            show_duration(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
        }
        (Show::Time, Some(ms)) => match jiff::Timestamp::from_millisecond(ms) {
            Ok(time) => time
                .to_zoned(jiff::tz::TimeZone::system())
                .strftime("%Y-%m-%d %H:%M:%S%:z")
                .to_string(),
            Err(_) => ms.to_string(),
        },
        (Show::Tick, _) => match value {
            Some(Value::Bool(true)) if medium.ascii => "yes".to_string(),
            Some(Value::Bool(true)) => "✓".to_string(),
            _ => String::new(),
        },
        (Show::Sentences, _) => match value.and_then(Value::as_array) {
            Some(items) => items.iter().map(|i| bare(Some(i))).collect::<Vec<_>>().join("; "),
            None => bare(value),
        },
        _ => bare(value),
    };
    tame(&text)
}

/// The last word on what reaches a terminal: no cell is obeyed, whatever view it came from.
fn tame(text: &str) -> String {
    escape_controls(text).replace(['\n', '\t'], " ")
}

fn draw(titles: Vec<String>, rows: Vec<Vec<String>>, right: &[bool], medium: Medium) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| tame(cell)).collect()).collect();
    let mut widths: Vec<usize> = titles.iter().map(|title| display_width(title)).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(display_width(cell));
        }
    }
    shrink(&mut widths, medium.width);
    let ellipsis = if medium.ascii { "..." } else { "…" };
    let mut out = String::new();
    let header: Vec<String> = titles;
    for row in std::iter::once(&header).chain(&rows) {
        let mut line = String::new();
        for (index, cell) in row.iter().enumerate() {
            if index > 0 {
                line.push_str(&" ".repeat(GAP));
            }
            let cut = cut(cell, widths[index], ellipsis);
            let pad = " ".repeat(widths[index].saturating_sub(display_width(&cut)));
            match right.get(index) {
                Some(true) => line.extend([pad.as_str(), cut.as_str()]),
                _ => line.extend([cut.as_str(), pad.as_str()]),
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Takes from the widest columns until the table fits.
fn shrink(widths: &mut [usize], available: usize) {
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > available {
        let Some(widest) = widths.iter_mut().max() else { return };
        if *widest <= WIDTH_MIN {
            return;
        }
        *widest -= 1;
    }
}

fn cut(text: &str, width: usize, ellipsis: &str) -> String {
    if display_width(text) <= width {
        return text.to_string();
    }
    let mut out = String::new();
    let room = width.saturating_sub(display_width(ellipsis));
    for c in text.chars() {
        if display_width(&out) + unicode_width::UnicodeWidthChar::width(c).unwrap_or(0) > room {
            break;
        }
        out.push(c);
    }
    out + ellipsis
}

/// Keys of the objects among the rows, in the order they are first seen.
pub fn columns_of(rows: &[&Value]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for row in rows {
        for key in row.as_object().into_iter().flat_map(|map| map.keys()) {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
    }
    keys
}

/// Columns a text takes on a terminal.
pub fn display_width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// True where the locale is not UTF-8: only ASCII is drawn then.
pub fn is_ascii_locale() -> bool {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    !(locale.contains("utf-8") || locale.contains("utf8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{column, column_as};
    use serde_json::json;

    const WIDE: Medium = Medium { terminal: true, width: 80, color: false, ascii: false };

    #[test]
    fn columns_line_up_by_display_width() {
        const COLUMNS: &[Column] =
            &[column("name", "NAME"), column("n", "N"), column_as("size", "SIZE", Show::Size)];
        let value = json!([
            {"name": "주문", "n": 3, "size": 2048}, {"name": "orders", "n": 12, "size": 10}
        ]);
        let text = render(&value, View::Rows(COLUMNS), WIDE);
        assert_eq!(text, "NAME     N     SIZE\n주문     3  2.0 KiB\norders  12     10 B\n");
    }

    #[test]
    fn a_key_with_dots_is_one_key_where_there_is_one() {
        let value = json!([{"retention.ms": "5", "a": {"b": 1}}]);
        const COLUMNS: &[Column] = &[column("retention.ms", "R"), column("a.b", "AB")];
        assert_eq!(render(&value, View::Rows(COLUMNS), WIDE), "R  AB\n5   1\n");
    }

    #[test]
    fn of_blocks_nothing_is_cut_and_each_command_has_its_line() {
        const FIELDS: &[Column] = &[
            column("message", "finding"),
            column("cause", "because"),
            column_as("next", "try", Show::Sentences),
        ];
        let value = json!([
            {"message": "x".repeat(30), "cause": null, "next": ["a; b", "c\u{1b}"]},
            {"message": "y", "cause": "z", "next": []}
        ]);
        let narrow = Medium { width: 20, ..WIDE };
        let text = render(&value, View::Blocks(FIELDS), narrow);
        let first = format!("finding  {}\ntry      a; b\n         c\\u{{1b}}\n", "x".repeat(30));
        assert_eq!(text, format!("{first}\nfinding  y\nbecause  z\n"));
    }

    #[test]
    fn a_narrow_terminal_cuts_the_widest_column() {
        let value = json!([{"a": "x".repeat(40), "b": "short"}]);
        let narrow = Medium { width: 20, ..WIDE };
        let text = render(&value, View::Plain, narrow);
        assert_eq!(text.lines().nth(1), Some("xxxxxxxxxxxx…  short"));
    }

    #[test]
    fn control_characters_are_shown_not_obeyed() {
        let value = json!([{"a": "\u{1b}[31mred\u{7}"}]);
        let text = render(&value, View::Plain, WIDE);
        assert!(!text.contains('\u{1b}') && text.contains("\\u{1b}[31mred"));
    }
}
