//! Where values begin and end. Everything scanned is checked: grammar, escapes, UTF-8.

use super::JsonError;

/// Arrays and objects within each other, at most.
pub const DEPTH_MAX: u32 = 127;

pub(super) type Scan<T = usize> = Result<T, JsonError>;

pub(super) fn missing<T>(at: usize, expected: &'static str) -> Scan<T> {
    Err(JsonError::Malformed { at, expected })
}

/// Where the next byte that is no white space stands.
pub(super) fn blank(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// The one value that `text` holds, between its white space.
pub(super) fn document(text: &[u8]) -> Scan<(usize, usize)> {
    let start = blank(text, 0);
    let end = value(text, start, 0)?;
    at_end(text, end)?;
    Ok((start, end))
}

pub(super) fn at_end(text: &[u8], end: usize) -> Scan<()> {
    let rest = blank(text, end);
    if rest == text.len() { Ok(()) } else { missing(rest, "the end") }
}

/// The end of the value that begins at `at`, within `depth` arrays and objects.
pub(super) fn value(text: &[u8], at: usize, depth: u32) -> Scan {
    value_with(text, at, depth, &mut |_, _| Ok::<(), JsonError>(()))
}

/// Which of the open arrays and objects are objects; the innermost is the lowest bit.
struct Open {
    bits: u128,
    depth: u32,
    /// How many may be open
    room: u32,
}

impl Open {
    fn push(&mut self, is_object: bool, at: usize) -> Scan<()> {
        if self.depth == self.room {
            return missing(at, "an end of nesting");
        }
        self.bits = (self.bits << 1) | u128::from(is_object);
        self.depth += 1;
        Ok(())
    }

    fn pop(&mut self) {
        self.bits >>= 1;
        self.depth -= 1;
    }

    fn is_object(&self) -> bool {
        self.bits & 1 == 1
    }
}

/// [`value`], telling `seen` start and end of every string that is a value, in order.
pub(super) fn value_with<E: From<JsonError>>(
    text: &[u8],
    at: usize,
    depth: u32,
    seen: &mut impl FnMut(usize, usize) -> Result<(), E>,
) -> Result<usize, E> {
    let mut open = Open { bits: 0, depth: 0, room: DEPTH_MAX.saturating_sub(depth) };
    let mut at = at;
    loop {
        match text.get(at) {
            Some(&start @ (b'{' | b'[')) => {
                // Also an empty one counts.
                open.push(start == b'{', at)?;
                let inner = blank(text, at + 1);
                let close = if start == b'{' { b'}' } else { b']' };
                if text.get(inner) == Some(&close) {
                    open.pop();
                    at = inner + 1;
                } else {
                    at = if start == b'{' { key(text, inner)?.1 } else { inner };
                    continue;
                }
            }
            Some(b'"') => {
                let end = string(text, at)?;
                seen(at, end)?;
                at = end;
            }
            Some(b'-' | b'0'..=b'9') => at = number(text, at)?,
            Some(b't') => at = word(text, at, b"true")?,
            Some(b'f') => at = word(text, at, b"false")?,
            Some(b'n') => at = word(text, at, b"null")?,
            _ => missing(at, "a value")?,
        }
        // A value has ended; with it end those that it is the last of.
        loop {
            if open.depth == 0 {
                return Ok(at);
            }
            at = blank(text, at);
            match (text.get(at), open.is_object()) {
                (Some(b','), true) => {
                    at = key(text, blank(text, at + 1))?.1;
                    break;
                }
                (Some(b','), false) => {
                    at = blank(text, at + 1);
                    break;
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    at += 1;
                    open.pop();
                }
                (_, true) => missing(at, "`,` or `}`")?,
                (_, false) => missing(at, "`,` or `]`")?,
            }
        }
    }
}

/// Past the key that begins at `at`: where the key ends, and where its value begins.
pub(super) fn key(text: &[u8], at: usize) -> Scan<(usize, usize)> {
    if text.get(at) != Some(&b'"') {
        return missing(at, "the name of a field");
    }
    let end = string(text, at)?;
    let colon = blank(text, end);
    if text.get(colon) != Some(&b':') {
        return missing(colon, "`:`");
    }
    Ok((end, blank(text, colon + 1)))
}

/// Past the string whose quote is at `start`.
pub(super) fn string(text: &[u8], start: usize) -> Scan {
    let mut at = start + 1;
    let mut is_ascii = true;
    loop {
        if let Some(eight) = text.get(at..at + 8) {
            let mut word = [0; 8];
            word.copy_from_slice(eight);
            let special = specials(u64::from_le_bytes(word));
            if special == 0 {
                at += 8;
                continue;
            }
            at += special.trailing_zeros() as usize / 8;
        }
        match text.get(at) {
            Some(b'"') => break,
            Some(b'\\') => at = escape(text, at)?,
            None | Some(0..=0x1f) => return missing(at, "the end of a string"),
            Some(byte) => {
                is_ascii &= *byte < 0x80;
                at += 1;
            }
        }
    }
    if !is_ascii && std::str::from_utf8(&text[start..at]).is_err() {
        return missing(start, "UTF-8");
    }
    Ok(at + 1)
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGHS: u64 = ONES << 7;

/// The high bit of each byte that ends a plain run: a quote, a backslash, a control character or
/// the beginning of what is no ASCII. Bits above the lowest may be wrong.
fn specials(word: u64) -> u64 {
    let equals = |byte: u8| {
        let other = word ^ (ONES * u64::from(byte));
        other.wrapping_sub(ONES) & !other
    };
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (equals(b'"') | equals(b'\\') | control | word) & HIGHS
}

/// Past the escape whose backslash is at `at`.
fn escape(text: &[u8], at: usize) -> Scan {
    match text.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match hex4(text, at + 2)? {
            0xD800..=0xDBFF => {
                let low = text.get(at + 6..at + 8) == Some(br"\u");
                match low.then(|| hex4(text, at + 8)).transpose()? {
                    Some(0xDC00..=0xDFFF) => Ok(at + 12),
                    _ => missing(at + 6, "the second half of a surrogate pair"),
                }
            }
            0xDC00..=0xDFFF => missing(at, "the first half of a surrogate pair"),
            _ => Ok(at + 6),
        },
        _ => missing(at + 1, "an escape"),
    }
}

/// The number that four hexadecimal digits from `at` on make.
pub(super) fn hex4(text: &[u8], at: usize) -> Scan<u32> {
    let digits = text.get(at..at + 4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
    match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
        Some(number) => Ok(number),
        None => missing(at, "four hexadecimal digits"),
    }
}

fn word(text: &[u8], at: usize, word: &[u8]) -> Scan {
    if text[at..].starts_with(word) { Ok(at + word.len()) } else { missing(at, "a value") }
}

fn digits(text: &[u8], from: usize) -> Scan {
    let mut at = from;
    while matches!(text.get(at), Some(b'0'..=b'9')) {
        at += 1;
    }
    if at > from { Ok(at) } else { missing(at, "a digit") }
}

fn number(text: &[u8], start: usize) -> Scan {
    let mut at = if text[start] == b'-' { start + 1 } else { start };
    at = if text.get(at) == Some(&b'0') { at + 1 } else { digits(text, at)? };
    if text.get(at) == Some(&b'.') {
        at = digits(text, at + 1)?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let signed = matches!(text.get(at + 1), Some(b'+' | b'-'));
        at = digits(text, at + 1 + usize::from(signed))?;
    }
    Ok(at)
}
