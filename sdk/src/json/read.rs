//! Reading: one field, the members of an object, the text of a string.

use std::borrow::Cow;

use super::JsonError;
use super::path::{Path, Step};
use super::scan::{self, Scan};

/// Checks that `text` is one JSON value.
///
/// # Errors
/// [`JsonError::Malformed`] with the place.
pub fn check(text: &[u8]) -> Result<(), JsonError> {
    scan::document(text).map(|_| ())
}

/// The first value at `path`, as it is written; `None` where there is none.
///
/// # Errors
/// Where `text` is malformed, be it behind that value.
pub fn find<'a>(text: &'a [u8], path: &Path) -> Result<Option<&'a [u8]>, JsonError> {
    let mut found = None;
    let start = scan::blank(text, 0);
    let end = seek(text, start, 0, &path.steps, &mut found)?;
    scan::at_end(text, end)?;
    Ok(found.map(|(start, end)| &text[start..end]))
}

type Span = (usize, usize);

fn seek(text: &[u8], at: usize, depth: u32, steps: &[Step], found: &mut Option<Span>) -> Scan {
    let Some((step, rest)) = steps.split_first() else {
        let end = scan::value(text, at, depth)?;
        found.get_or_insert((at, end));
        return Ok(end);
    };
    let (open, close) = match step {
        Step::Field(_) => (b'{', b'}'),
        _ => (b'[', b']'),
    };
    if text.get(at) != Some(&open) || found.is_some() {
        return scan::value(text, at, depth);
    }
    let mut at = scan::blank(text, at + 1);
    if text.get(at) == Some(&close) {
        return Ok(at + 1);
    }
    let mut index = 0_u32;
    loop {
        let hit = match step {
            Step::Field(name) => {
                let (end, value) = scan::key(text, at)?;
                let hit = is_name(&text[at..end], name.as_bytes());
                at = value;
                hit
            }
            Step::Index(number) => *number == index,
            Step::Each => true,
        };
        at = if hit {
            seek(text, at, depth + 1, rest, found)?
        } else {
            scan::value(text, at, depth + 1)?
        };
        at = scan::blank(text, at);
        index += 1;
        match text.get(at) {
            Some(b',') => at = scan::blank(text, at + 1),
            Some(byte) if *byte == close => return Ok(at + 1),
            _ => return scan::missing(at, "`,` or the end of what is open"),
        }
    }
}

/// Whether the string `raw`, with its quotes, is `name`.
pub(super) fn is_name(raw: &[u8], name: &[u8]) -> bool {
    let inner = &raw[1..raw.len() - 1];
    if !inner.contains(&b'\\') {
        return inner == name;
    }
    text(raw).is_some_and(|text| text.as_bytes() == name)
}

/// The text of a string as it is written, quotes and all; `None` where `raw` is no string.
///
/// ```
/// assert_eq!(kafsh_sdk::json::text(br#""a\nb""#).unwrap(), "a\nb");
/// assert_eq!(kafsh_sdk::json::text(b"7"), None);
/// ```
pub fn text(raw: &[u8]) -> Option<Cow<'_, str>> {
    if raw.first() != Some(&b'"') || scan::string(raw, 0).ok()? != raw.len() {
        return None;
    }
    let inner = std::str::from_utf8(&raw[1..raw.len() - 1]).ok()?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let (kind, tail) = after.split_at_checked(1)?;
        rest = tail;
        text.push(match kind {
            "b" => '\u{8}',
            "f" => '\u{c}',
            "n" => '\n',
            "r" => '\r',
            "t" => '\t',
            "u" => {
                let (c, taken) = unicode(rest.as_bytes())?;
                rest = &rest[taken..];
                c
            }
            other => other.chars().next()?,
        });
    }
    text.push_str(rest);
    Some(Cow::Owned(text))
}

/// The character of the digits after `\u`, and how many bytes they take.
fn unicode(digits: &[u8]) -> Option<(char, usize)> {
    let first = scan::hex4(digits, 0).ok()?;
    if !(0xD800..0xDC00).contains(&first) {
        return Some((char::from_u32(first)?, 4));
    }
    // Past `\u` of the second half.
    let second = scan::hex4(digits, 6).ok()?;
    let c = 0x10000 + ((first - 0xD800) << 10) + second.checked_sub(0xDC00)?;
    Some((char::from_u32(c)?, 10))
}

/// A string's text, or a number or boolean as it is written; `None` for `null`, arrays and
/// objects.
pub fn scalar(raw: &[u8]) -> Option<Cow<'_, str>> {
    match raw.first()? {
        b'"' => text(raw),
        b'{' | b'[' | b'n' => None,
        _ => std::str::from_utf8(raw).ok().map(Cow::Borrowed),
    }
}

/// Appends `text` as a JSON string.
pub fn quote(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            byte => out.push(byte),
        }
    }
    out.push(b'"');
}

/// The fields of an object, in order: name as it is written, value as it is written.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    text: &'a [u8],
    /// Where the next name stands
    at: usize,
}

/// The fields of the object `raw`; `None` where it is none.
///
/// # Errors
/// Where `raw` is malformed.
pub fn members(raw: &[u8]) -> Result<Option<Members<'_>>, JsonError> {
    let (start, _) = scan::document(raw)?;
    let inner = || scan::blank(raw, start + 1);
    Ok((raw[start] == b'{').then(|| Members { text: raw, at: inner() }))
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // All of it was checked when the iterator was made.
        let (end, value) = scan::key(self.text, self.at).ok()?;
        let value_end = scan::value(self.text, value, 0).ok()?;
        let name = &self.text[self.at..end];
        let comma = scan::blank(self.text, value_end);
        self.at = if self.text.get(comma) == Some(&b',') {
            scan::blank(self.text, comma + 1)
        } else {
            self.text.len()
        };
        Some((name, &self.text[value..value_end]))
    }
}

/// Appends `text` to `out` with every string that is a value, not a name, given to `change` and
/// replaced by what it answers. Says how many were replaced; where none was, nothing is appended.
///
/// # Errors
/// Where `text` is malformed; nothing is appended then.
pub fn map_strings(
    text: &[u8],
    out: &mut Vec<u8>,
    mut change: impl FnMut(&str) -> Option<String>,
) -> Result<usize, JsonError> {
    let (began, mut copied, mut count) = (out.len(), 0, 0);
    let start = scan::blank(text, 0);
    let mut seen = |from: usize, to: usize| -> Result<(), JsonError> {
        let changed = self::text(&text[from..to]).and_then(|before| change(&before));
        if let Some(changed) = changed {
            out.extend_from_slice(&text[copied..from]);
            quote(&changed, out);
            copied = to;
            count += 1;
        }
        Ok(())
    };
    let end = scan::value_with(text, start, 0, &mut seen);
    if let Err(error) = end.and_then(|end| scan::at_end(text, end)) {
        out.truncate(began);
        return Err(error);
    }
    if count > 0 {
        out.extend_from_slice(&text[copied..]);
    }
    Ok(count)
}
