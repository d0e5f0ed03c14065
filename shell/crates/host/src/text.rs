//! Text of plugins, made safe for a terminal and bounded.

/// `text` on one line, with everything escaped that would move the cursor, change colours or turn
/// the direction of writing.
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hazardous(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// [`shown`], cut to `bytes_max` at a character; what was cut is marked.
pub(crate) fn shown_within(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return shown(text);
    }
    let end = text.floor_char_boundary(bytes_max);
    format!("{} … ({} bytes)", shown(&text[..end]), text.len())
}

/// Lines as one: what the macros of tests and panics say comes in several.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for part in text.lines().map(str::trim).filter(|part| !part.is_empty()) {
        match line.chars().last() {
            None => {}
            Some(':' | ',' | ';') => line.push(' '),
            Some(_) => line.push_str("; "),
        }
        line.push_str(part);
    }
    line
}

/// Controls, and the format characters that hide or reorder text.
pub(crate) fn is_hazardous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{061c}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_drive_a_terminal_is_escaped() {
        assert_eq!(shown("\x1b[31mred\r\n"), "\\u{1b}[31mred\\r\\n");
        assert_eq!(shown("a\u{202e}b\u{9b}"), "a\\u{202e}b\\u{9b}");
        assert_eq!(shown("日本語 é ✓"), "日本語 é ✓");
    }

    #[test]
    fn lines_are_joined() {
        assert_eq!(
            one_line("panicked at src/lib.rs:7:5:\nno key"),
            "panicked at src/lib.rs:7:5: no key"
        );
        assert_eq!(
            one_line("a == b failed\n  left: 6\n\n right: 9\n"),
            "a == b failed; left: 6; right: 9"
        );
        assert_eq!(one_line(""), "");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(shown_within("ééé", 3), "é … (6 bytes)");
        assert_eq!(shown_within("ééé", 6), "ééé");
    }
}
