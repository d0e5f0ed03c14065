//! The `.properties` format, exactly as `java.util.Properties` writes and reads it.
//!
//! Kafka and ZooKeeper load their files from a byte stream, so the encoding is ISO 8859-1 with
//! `\uHHHH` for the rest. A differential test holds both directions against the JDK's own class.

use kafsh_model::{Error, Result};

/// Text of a file that holds `pairs`, each key once and in the order given, under a comment.
pub(crate) fn write(header: &[&str], pairs: &[(String, String)]) -> String {
    let mut text = String::new();
    for line in header {
        text.push_str("# ");
        text.extend(line.chars().filter(|c| c.is_ascii_graphic() || *c == ' '));
        text.push('\n');
    }
    let mut group = None;
    for (key, value) in pairs {
        let head = key.split('.').next().unwrap_or_default();
        if group.is_some_and(|last| last != head) {
            text.push('\n');
        }
        group = Some(head);
        escape(key, true, &mut text);
        text.push('=');
        escape(value, false, &mut text);
        text.push('\n');
    }
    text
}

fn escape(text: &str, is_key: bool, out: &mut String) {
    for (index, c) in text.chars().enumerate() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\x0c' => out.push_str("\\f"),
            // White space ends a key anywhere, and is skipped before a value.
            ' ' if is_key || index == 0 => out.push_str("\\ "),
            '=' | ':' | '#' | '!' if is_key => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04X}"));
                }
            }
        }
    }
}

/// Reads a file's pairs as Java would: a later duplicate wins, in the place of the first.
/// `bad-properties` where Java would throw (a malformed `\uHHHH`).
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<(String, String)>> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for line in logical_lines(bytes) {
        let (key, value) = split(&line);
        let (key, value) = (unescape(key)?, unescape(value)?);
        match pairs.iter_mut().find(|(known, _)| *known == key) {
            Some(pair) => pair.1 = value,
            None => pairs.push((key, value)),
        }
    }
    Ok(pairs)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\x0c')
}

/// Natural lines joined at a backslash, without comments, blanks and leading white space: the
/// states of Java's `LineReader`.
fn logical_lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    let mut line: Vec<u8> = Vec::new();
    let (mut skip_space, mut continued) = (true, false);
    let (mut comment, mut backslash) = (false, false);
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        at += 1;
        let ends = matches!(byte, b'\n' | b'\r');
        if skip_space {
            if is_space(byte) || (!continued && ends) {
                continue;
            }
            skip_space = false;
            continued = false;
        }
        if line.is_empty() && matches!(byte, b'#' | b'!') {
            comment = true;
            continue;
        }
        if !ends {
            if !comment {
                line.push(byte);
                backslash = byte == b'\\' && !backslash;
            }
            continue;
        }
        if comment || line.is_empty() {
            line.clear();
            (skip_space, comment, backslash) = (true, false, false);
        } else if backslash {
            line.pop();
            (skip_space, continued, backslash) = (true, true, false);
            if byte == b'\r' && bytes.get(at) == Some(&b'\n') {
                at += 1;
            }
        } else {
            lines.push(std::mem::take(&mut line));
            skip_space = true;
        }
    }
    if !comment && !line.is_empty() {
        if backslash {
            line.pop();
        }
        lines.push(line);
    }
    lines
}

fn split(line: &[u8]) -> (&[u8], &[u8]) {
    let mut backslash = false;
    let key_end = line
        .iter()
        .position(|&byte| {
            let ends = !backslash && (is_space(byte) || matches!(byte, b'=' | b':'));
            backslash = byte == b'\\' && !backslash;
            ends
        })
        .unwrap_or(line.len());
    let mut separated = false;
    let mut value = key_end;
    while let Some(&byte) = line.get(value) {
        if !is_space(byte) {
            if separated || !matches!(byte, b'=' | b':') {
                break;
            }
            separated = true;
        }
        value += 1;
    }
    (&line[..key_end], &line[value..])
}

fn unescape(bytes: &[u8]) -> Result<String> {
    let mut units: Vec<u16> = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            units.push(u16::from(byte));
            continue;
        }
        match rest.next() {
            Some(b'u') => {
                let mut unit: u16 = 0;
                for _ in 0..4 {
                    let digit = rest.next().and_then(|d| char::from(d).to_digit(16));
                    let digit = digit.ok_or_else(malformed)?;
                    unit = unit << 4 | digit as u16;
                }
                units.push(unit);
            }
            Some(b't') => units.push(u16::from(b'\t')),
            Some(b'n') => units.push(u16::from(b'\n')),
            Some(b'r') => units.push(u16::from(b'\r')),
            Some(b'f') => units.push(0x0c),
            Some(other) => units.push(u16::from(other)),
            None => {}
        }
    }
    Ok(String::from_utf16_lossy(&units))
}

fn malformed() -> Error {
    Error::usage("bad-properties", "the properties file cannot be read")
        .with_cause("it has a `\\u` without four hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::{Command, Stdio};

    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    #[test]
    fn written_values_stay_readable() {
        let text = write(
            &["written by kafsh"],
            &pairs(&[("broker.id", "1"), ("listeners", "PLAINTEXT://127.0.0.1:9091")]),
        );
        let expected = "# written by kafsh\nbroker.id=1\n\nlisteners=PLAINTEXT://127.0.0.1:9091\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_header_cannot_smuggle_a_line() {
        assert_eq!(write(&["a\nlog.dirs=/x"], &[]), "# alog.dirs=/x\n");
    }

    #[test]
    fn what_java_reads_otherwise_than_one_expects() {
        let text =
            b"a b c\n  ! comment \\\nk\\:1 = v \\\n   w\nx:=y\n\\u00e4\ndup=1\ndup=2\nlast\\";
        let expected = pairs(&[
            ("a", "b c"),
            ("k:1", "v w"),
            ("x", "=y"),
            ("ä", ""),
            ("dup", "2"),
            ("last", ""),
        ]);
        assert_eq!(parse(text).unwrap(), expected);
        assert_eq!(parse(b"a=\\u12").unwrap_err().code, "bad-properties");
    }

    /// Reads every file named on standard input with the JDK's class; prints its pairs sorted, as
    /// hexadecimal UTF-16, or `throws`.
    const JAVA_READER: &str = r#"
import java.io.*; import java.nio.file.*; import java.util.*;
public class Reader {
  static String hex(String s) { StringBuilder b = new StringBuilder();
    for (char c : s.toCharArray()) b.append(String.format("%04x", (int) c)); return b.toString(); }
  public static void main(String[] args) throws Exception {
    for (int i = 0; i < Integer.parseInt(args[1]); i++) {
      Properties p = new Properties(); StringBuilder line = new StringBuilder();
      try (InputStream in = Files.newInputStream(Paths.get(args[0], i + ""))) { p.load(in);
        for (String k : new TreeSet<>(p.stringPropertyNames()))
          line.append(hex(k)).append('=').append(hex(p.getProperty(k))).append(';');
        System.out.println(line);
      } catch (IllegalArgumentException e) { System.out.println("throws"); }
    } } }
"#;

    fn hex16(text: &str) -> String {
        text.encode_utf16().map(|unit| format!("{unit:04x}")).collect()
    }

    /// As `JAVA_READER` prints it.
    fn shown(pairs: &[(String, String)]) -> String {
        let mut pairs = pairs.to_vec();
        pairs.sort_by_key(|(key, _)| key.encode_utf16().collect::<Vec<_>>());
        pairs.iter().map(|(k, v)| format!("{}={};", hex16(k), hex16(v))).collect()
    }

    fn java_reads(folder: &Path, count: usize) -> Vec<String> {
        let source = folder.join("Reader.java");
        std::fs::write(&source, JAVA_READER).unwrap();
        let output = Command::new("java")
            .args(["-XX:TieredStopAtLevel=1"])
            .arg(&source)
            .arg(folder)
            .arg(count.to_string())
            .stdin(Stdio::null())
            .output()
            .expect("this test needs a JDK on PATH");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(String::from).collect()
    }

    /// xorshift: the same texts in every run.
    struct Texts(u64);

    impl Texts {
        fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % bound as u64) as usize
        }

        fn text(&mut self, alphabet: &[char], longest: usize) -> String {
            let length = self.below(longest + 1);
            (0..length).map(|_| alphabet[self.below(alphabet.len())]).collect()
        }
    }

    #[test]
    fn both_directions_agree_with_the_jdk() {
        const FILES: usize = 400;
        let hostile: Vec<char> =
            "ab \t\n\r\x0c\\=:#!u0041.$'\"\u{0}\u{7f}\u{e4}\u{20ac}\u{1f600}".chars().collect();
        let raw: Vec<char> = "ab  \t\n\n\r\x0c\\\\\\=:#!u0041\u{e4}".chars().collect();
        let folder = tempfile::tempdir().unwrap();
        let mut texts = Texts(0x9e37_79b9_7f4a_7c15);
        let mut expected = Vec::new();
        for index in 0..FILES {
            let bytes = if index % 2 == 0 {
                // What we write, Java reads as it was.
                let mut map = std::collections::BTreeMap::new();
                for _ in 0..5 {
                    map.insert(texts.text(&hostile, 8), texts.text(&hostile, 16));
                }
                let pairs: Vec<_> = map.into_iter().collect();
                expected.push(shown(&pairs));
                let bytes = write(&["header"], &pairs).into_bytes();
                assert_eq!(shown(&parse(&bytes).unwrap()), shown(&pairs));
                bytes
            } else {
                // What anybody wrote, we read as Java does.
                let text = texts.text(&raw, 60);
                let bytes: Vec<u8> = text.chars().map(|c| c as u8).collect();
                expected.push(parse(&bytes).map_or("throws".into(), |pairs| shown(&pairs)));
                bytes
            };
            std::fs::write(folder.path().join(index.to_string()), bytes).unwrap();
        }
        let seen = java_reads(folder.path(), FILES);
        assert_eq!(seen.len(), FILES);
        for (index, (java, ours)) in seen.iter().zip(&expected).enumerate() {
            let file = std::fs::read(folder.path().join(index.to_string())).unwrap();
            assert_eq!(java, ours, "{}", file.escape_ascii());
        }
    }
}
