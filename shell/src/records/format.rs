//! `-f`: kcat's letters for a record. `%s` value, `%k` key, `%h` headers, `%o` offset,
//! `%p` partition, `%t` topic, `%T` timestamp in ms, `%S` and `%K` lengths, `%%` a percent sign;
//! `\n`, `\t`, `\r`, `\0` and `\xHH` as in C.

use kafsh_model::record::RecordView;
use kafsh_model::{Error, Result};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Bytes(Vec<u8>),
    Letter(u8),
}

/// A format, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFormat {
    pieces: Vec<Piece>,
}

impl RecordFormat {
    pub fn parse(text: &str) -> Result<RecordFormat> {
        let mut pieces = Vec::new();
        let mut plain = Vec::new();
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'%' => match bytes.next() {
                    Some(b'%') => plain.push(b'%'),
                    Some(letter) if b"skhoptTSK".contains(&letter) => {
                        if !plain.is_empty() {
                            pieces.push(Piece::Bytes(std::mem::take(&mut plain)));
                        }
                        pieces.push(Piece::Letter(letter));
                    }
                    other => return Err(unknown(other)),
                },
                b'\\' => plain.push(escape(&mut bytes)?),
                other => plain.push(other),
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Bytes(plain));
        }
        Ok(RecordFormat { pieces })
    }

    /// Takes a newline off the end of the format; true where there was one.
    pub fn strip_newline(&mut self) -> bool {
        let Some(Piece::Bytes(bytes)) = self.pieces.last_mut() else { return false };
        if bytes.last() != Some(&b'\n') {
            return false;
        }
        bytes.pop();
        true
    }

    /// Writes a record; nothing is added at its end.
    pub fn write(&self, record: &RecordView<'_>, out: &mut Vec<u8>) {
        let length = |bytes: Option<&[u8]>| bytes.map_or(-1, |b| b.len() as i64).to_string();
        for piece in &self.pieces {
            match piece {
                Piece::Bytes(bytes) => out.extend_from_slice(bytes),
                Piece::Letter(b's') => out.extend_from_slice(record.value.unwrap_or_default()),
                Piece::Letter(b'k') => out.extend_from_slice(record.key.unwrap_or_default()),
                Piece::Letter(b'h') => write_headers(record, out),
                Piece::Letter(b'o') => out.extend_from_slice(record.offset.to_string().as_bytes()),
                Piece::Letter(b'p') => {
                    out.extend_from_slice(record.partition.to_string().as_bytes());
                }
                Piece::Letter(b't') => out.extend_from_slice(record.topic.as_bytes()),
                Piece::Letter(b'T') => {
                    out.extend_from_slice(record.timestamp_ms.to_string().as_bytes());
                }
                Piece::Letter(b'S') => out.extend_from_slice(length(record.value).as_bytes()),
                Piece::Letter(_) => out.extend_from_slice(length(record.key).as_bytes()),
            }
        }
    }
}

/// A text with the escapes of a format and no letters: `\t` for `--key-separator`.
pub fn unescape(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(if byte == b'\\' { escape(&mut bytes)? } else { byte });
    }
    Ok(out)
}

fn write_headers(record: &RecordView<'_>, out: &mut Vec<u8>) {
    for (index, (name, value)) in record.headers.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        out.extend_from_slice(value.unwrap_or(b"NULL"));
    }
}

fn unknown(letter: Option<u8>) -> Error {
    let shown = letter.map_or("at the end".to_string(), |l| format!("`%{}`", char::from(l)));
    Error::usage("bad-format", format!("a format has no letter {shown}")).with_cause(
        "letters: %s value, %k key, %h headers, %o offset, %p partition, %t topic, %T time",
    )
}

fn escape(bytes: &mut std::str::Bytes<'_>) -> Result<u8> {
    let bad = || Error::usage("bad-format", "a format ends in, or has, a broken `\\` escape");
    match bytes.next().ok_or_else(bad)? {
        b'n' => Ok(b'\n'),
        b't' => Ok(b'\t'),
        b'r' => Ok(b'\r'),
        b'0' => Ok(0),
        b'\\' => Ok(b'\\'),
        b'x' => {
            let mut digit =
                || bytes.next().and_then(|b| char::from(b).to_digit(16)).ok_or_else(bad);
            let (high, low) = (digit()?, digit()?);
            u8::try_from(high * 16 + low).map_err(|_| bad())
        }
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafsh_model::record::Headers;

    #[test]
    fn letters() {
        let headers: Vec<(&str, Option<&[u8]>)> = vec![("a", Some(b"1")), ("b", None)];
        let record = RecordView {
            partition: 1,
            offset: 7,
            timestamp_ms: 5,
            headers: Headers::Slice(&headers),
            ..RecordView::new("t", Some(b"k\xff"), None)
        };
        let mut out = Vec::new();
        let format = RecordFormat::parse("%t/%p@%o %T %k=%s;%h;%S;%K%%\\x41\\n").unwrap();
        format.write(&record, &mut out);
        assert_eq!(out, b"t/1@7 5 k\xff=;a=1,b=NULL;-1;2%A\n");
        for bad in ["%z", "%", "\\", "\\xZZ", "\\q"] {
            assert!(RecordFormat::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn escapes_and_the_newline_at_the_end() {
        assert_eq!(unescape("a\\t%s\\x00").unwrap(), b"a\t%s\0");
        assert_eq!(unescape("\\").unwrap_err().code, "bad-format");
        for (text, stripped) in [("%s\\n", true), ("%s", false), ("\\n%s", false)] {
            assert_eq!(RecordFormat::parse(text).unwrap().strip_newline(), stripped, "{text}");
        }
    }
}
