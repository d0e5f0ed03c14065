//! A diagnostic as text: message, position, the line with the place underlined, help.

use std::borrow::Cow;

use kafsh_model::secrets::{MASK, value_at};
use unicode_width::UnicodeWidthChar;

use crate::diagnostic::{Diagnostic, Severity};
use crate::tree::Span;

/// Columns of a source line that are shown; the rest is cut away around the span.
const LINE_COLUMNS_MAX: usize = 100;
/// Columns kept before the span when a line is cut.
const CONTEXT_COLUMNS: usize = 30;
/// Characters of a message that are shown from its beginning where it is too long, and from its
/// end: what was typed may stand in it, and be of any length.
const BRIEF_CHARS: (usize, usize) = (400, 100);

/// Line and column of a byte offset, from 1; columns count characters.
pub fn line_col(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset)];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before[start..].trim_start_matches('\u{feff}').chars().count() + 1;
    (line, column)
}

/// Draws a diagnostic about `text`, with a newline at its end.
///
/// Control characters are escaped and values that look like credentials masked, so that it can
/// go to a terminal or log. With `ascii` every other character is escaped too.
pub fn render(diagnostic: &Diagnostic, source_name: &str, text: &str, ascii: bool) -> String {
    let (line, column) = line_col(text, diagnostic.span.start);
    let label = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Note => "note",
    };
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    let (shown, underline) = snippet(text, diagnostic.span, ascii);
    let mut lines = vec![
        format!("{label}: {}", plain(&brief(&diagnostic.message), ascii)),
        format!("{margin} --> {}:{line}:{column}", plain(source_name, ascii)),
        format!("{number} | {shown}"),
        format!("{margin} | {underline}"),
    ];
    if let Some(help) = &diagnostic.help {
        lines.push(format!("{margin} help: {}", plain(&brief(help), ascii)));
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The message itself, or where it is long its beginning and its end.
pub fn brief(message: &str) -> Cow<'_, str> {
    let (begin, end) = BRIEF_CHARS;
    let count = message.chars().count();
    if count <= begin + end + 1 {
        return Cow::Borrowed(message);
    }
    let begin: String = message.chars().take(begin).collect();
    let end: String = message.chars().skip(count - end).collect();
    Cow::Owned(format!("{begin}…{end}"))
}

/// A character of the line as it is shown, or a stretch of it that is shown as one.
struct Cell {
    /// Bytes of the text
    span: Span,
    shown: String,
    columns: usize,
}

/// The first line that the span touches, and what underlines the span in it.
fn snippet(text: &str, span: Span, ascii: bool) -> (String, String) {
    let at = text.floor_char_boundary(span.start);
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
    let line = text[start..end].strip_suffix('\r').unwrap_or(&text[start..end]);
    let cells = cells(line, start, span, ascii);
    let (cells, cut_before, cut_after) = window(&cells, span);
    let ellipsis = if ascii { "..." } else { "…" };
    let (mut shown, mut underline) = (String::new(), String::new());
    if cut_before {
        shown.push_str(ellipsis);
        underline.push_str(&" ".repeat(ellipsis.chars().count()));
    }
    let mut marked = false;
    for cell in cells {
        shown.push_str(&cell.shown);
        let is_marked = cell.span.end > span.start && cell.span.start < span.end.max(at + 1);
        marked |= is_marked;
        match cell.shown.as_str() {
            _ if is_marked => underline.push_str(&"^".repeat(cell.columns.max(1))),
            "\t" => underline.push('\t'),
            _ => underline.push_str(&" ".repeat(cell.columns)),
        }
    }
    if cut_after {
        shown.push_str(ellipsis);
    }
    if !marked {
        underline.push('^');
    }
    (shown, underline)
}

/// The characters of a line that can matter: those near the span if it is long.
fn cells(line: &str, start: usize, span: Span, ascii: bool) -> Vec<Cell> {
    let secret = value_at(line).map(|at| start + at);
    // Bytes enough for the columns on either side, whatever their characters.
    let reach = LINE_COLUMNS_MAX * 4;
    let from = line.ceil_char_boundary(span.start.saturating_sub(start + reach).min(line.len()));
    let to = line.floor_char_boundary((span.start + reach).saturating_sub(start).min(line.len()));
    let mut cells = Vec::new();
    for (at, c) in line[from..to.max(from)].char_indices() {
        let at = start + from + at;
        let end = at + c.len_utf8();
        if secret.is_some_and(|secret| secret <= at) {
            let whole = Span::new(at, start + line.len());
            cells.push(Cell { span: whole, shown: MASK.to_owned(), columns: MASK.len() });
            break;
        }
        // A tab under a caret would be as wide as the terminal likes.
        let shown = if c == '\t' { "\t".to_owned() } else { shown(c, ascii) };
        let columns = shown.chars().map(|c| c.width().unwrap_or(1)).sum();
        cells.push(Cell { span: Span::new(at, end), shown, columns });
    }
    cells
}

/// The cells to show, and whether some are left out before and after them.
fn window(cells: &[Cell], span: Span) -> (&[Cell], bool, bool) {
    let total: usize = cells.iter().map(|cell| cell.columns).sum();
    if total <= LINE_COLUMNS_MAX {
        return (cells, false, false);
    }
    let marked = cells.partition_point(|cell| cell.span.end <= span.start);
    let mut first = marked;
    let mut before = 0;
    while first > 0 && before + cells[first - 1].columns <= CONTEXT_COLUMNS {
        first -= 1;
        before += cells[first].columns;
    }
    let mut last = first;
    let mut columns = 0;
    while last < cells.len() && columns + cells[last].columns <= LINE_COLUMNS_MAX {
        columns += cells[last].columns;
        last += 1;
    }
    // Near the end of the line there is room for more before the span.
    while last == cells.len() && first > 0 && columns + cells[first - 1].columns <= LINE_COLUMNS_MAX
    {
        first -= 1;
        columns += cells[first].columns;
    }
    (&cells[first..last], first > 0, last < cells.len())
}

/// Text without anything that a terminal would act on.
fn plain(text: &str, ascii: bool) -> String {
    text.chars().map(|c| shown(c, ascii)).collect()
}

fn shown(c: char, ascii: bool) -> String {
    // Marks that turn the direction of text round can make a line read as another one.
    let turns = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}');
    match c {
        '\t' => " ".to_owned(),
        '…' if ascii => "...".to_owned(),
        _ if c.is_control() || turns || (ascii && !c.is_ascii()) => c.escape_unicode().to_string(),
        _ => c.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, span: (usize, usize), expected: &str) {
        let diagnostic = Diagnostic::error("x", Span::new(span.0, span.1), "wrong").with_help("do");
        let rendered = render(&diagnostic, "f.ksh", text, false);
        let lines: Vec<&str> = rendered.lines().collect();
        assert_eq!(lines[2..lines.len() - 1].join("\n"), expected, "{text:?}");
    }

    #[test]
    fn a_long_message_keeps_its_ends() {
        let word = "x".repeat(100_000);
        let diagnostic = Diagnostic::error("x", Span::new(0, 1), format!("`{word}` is no number"))
            .with_help(format!("`{word}`: write a number"));
        let rendered = render(&diagnostic, "f.ksh", "x", false);
        assert!(rendered.len() < 1_200, "{} bytes", rendered.len());
        assert!(rendered.contains("x` is no number\n") && rendered.contains(": write a number\n"));
        assert_eq!(brief(&word[..501]).len(), 501);
        assert_eq!(brief(&word[..502]), format!("{}…{}", &word[..400], &word[..100]));
    }

    #[test]
    fn whole() {
        let diagnostic =
            Diagnostic::error("x", Span::new(6, 10), "no `list` here").with_help("write `é`");
        assert_eq!(
            render(&diagnostic, "a/b.ksh", "a\nb c list\n", false),
            "error: no `list` here\n  --> a/b.ksh:2:5\n2 | b c list\n  |     ^^^^\n  \
             help: write `é`\n"
        );
        assert!(render(&diagnostic, "b", "a\nb c list", true).contains("`\\u{e9}`"));
        let note = Diagnostic::note("x", Span::new(0, 0), "n");
        assert_eq!(render(&note, "b", "", false), "note: n\n  --> b:1:1\n1 |\n  | ^\n");
    }

    #[test]
    fn underline() {
        check("a b", (2, 3), "1 | a b\n  |   ^");
        check("a b", (3, 3), "1 | a b\n  |    ^");
        check("\ta 漢字 b", (3, 9), "1 | \ta 漢字 b\n  | \t  ^^^^");
        check("漢 b\r\nc", (4, 5), "1 | 漢 b\n  |    ^");
        check("a 'b\nc", (2, 6), "1 | a 'b\n  |   ^^");
        check("\u{1b}[2J x", (5, 6), "1 | \\u{1b}[2J x\n  |           ^");
        check("a\u{202e}b", (4, 5), "1 | a\\u{202e}b\n  |          ^");
    }

    #[test]
    fn long_lines() {
        let text = format!("{} HERE {}", "a".repeat(500), "b".repeat(500_000));
        let expected = format!(
            "1 | …{} HERE {}…\n  |  {}^^^^",
            "a".repeat(29),
            "b".repeat(65),
            " ".repeat(30)
        );
        check(&text, (501, 505), &expected);
        let text = format!("{}X", "é".repeat(300));
        check(&text, (600, 601), &format!("1 | …{}X\n  |  {}^", "é".repeat(99), " ".repeat(99)));
    }

    #[test]
    fn credentials() {
        check(
            "a -X sasl.password=hunter2 }",
            (27, 28),
            "1 | a -X sasl.password=***\n  |                    ^^^",
        );
        check("a } --password hunter2", (2, 3), "1 | a } --password ***\n  |   ^");
        check("} {\"Token\": \"x\"}", (0, 1), "1 | } {\"Token\": \"***\n  | ^");
        check("} set ssl.key.password 'a b'", (0, 1), "1 | } set ssl.key.password '***\n  | ^");
        check("} sasl.jaas.config='m r user=1'", (0, 1), "1 | } sasl.jaas.config='***\n  | ^");
        check(
            "let client_secret = abc }",
            (24, 25),
            "1 | let client_secret = ***\n  |                     ^^^",
        );
        check(
            "topic create token-events }",
            (26, 27),
            "1 | topic create token-events }\n  |                           ^",
        );
        check(
            "topic describe secret x }",
            (24, 25),
            "1 | topic describe secret x }\n  |                         ^",
        );
    }

    #[test]
    fn credentials_far_from_the_span_stay_masked() {
        let text = format!("a password={} }}", "x".repeat(2000));
        let rendered =
            render(&Diagnostic::error("x", Span::new(2012, 2013), "m"), "f", &text, false);
        assert!(!rendered.contains("xx"), "{rendered}");
    }

    #[test]
    fn positions() {
        assert_eq!(line_col("", 0), (1, 1));
        assert_eq!(line_col("é x\nab", 3), (1, 3));
        assert_eq!(line_col("é x\nab", 6), (2, 2));
        assert_eq!(line_col("\u{feff}ab", 3), (1, 1));
        assert_eq!(line_col("ab", 99), (1, 3));
    }
}
