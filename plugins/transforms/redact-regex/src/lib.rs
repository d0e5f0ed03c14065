//! The transform `redact-regex`: replaces what regular expressions find. In a JSON value they look
//! into strings alone, so that what comes out is JSON; all other bytes stay as they are.

use kafsh_sdk::json;
use kafsh_sdk::transform::{Emitter, Record, Transform, transform};
use kafsh_sdk::{Choice, Error, Result, Settings};
use regex_lite::{Regex, RegexBuilder};

/// Size of a pattern once it is compiled, at most, in bytes.
const PATTERN_BYTES_MAX: usize = 256 * 1024;

#[derive(Clone, Debug, Settings)]
pub struct Redact {
    /// Regular expressions
    #[setting(required)]
    pub patterns: Vec<String>,
    /// What stands instead; `$1` is what the first group found
    #[setting(default = "***")]
    pub with: String,
    /// What values are
    #[setting(default = "json")]
    pub values: Form,
}

#[derive(Clone, Copy, Choice, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Text,
}

pub struct RedactRegex {
    patterns: Vec<Regex>,
    with: String,
    form: Form,
}

#[transform]
impl Transform for RedactRegex {
    type Settings = Redact;

    fn configure(settings: Redact) -> Result<Self> {
        let compile = |pattern: &String| {
            let regex = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build();
            regex.map_err(|why| Error::new("bad-pattern", format!("`{pattern}`: {why}")))
        };
        let patterns = settings.patterns.iter().map(compile).collect::<Result<_>>()?;
        Ok(RedactRegex { patterns, with: settings.with, form: settings.values })
    }

    fn record(&mut self, record: Record<'_>, out: &mut Emitter<'_>) -> Result<()> {
        out.emit_edited(record, |value, out| match self.form {
            Form::Json => Ok(json::map_strings(value, out, |text| self.redacted(text))?),
            Form::Text => {
                let text = std::str::from_utf8(value)
                    .map_err(|_| Error::new("not-text", "the value is not UTF-8"))?;
                let redacted = self.redacted(text);
                out.extend_from_slice(redacted.as_deref().unwrap_or_default().as_bytes());
                Ok(usize::from(redacted.is_some()))
            }
        })
    }
}

impl RedactRegex {
    /// `None` where nothing was found.
    fn redacted(&self, text: &str) -> Option<String> {
        let mut changed: Option<String> = None;
        for pattern in &self.patterns {
            let now = changed.as_deref().unwrap_or(text);
            if pattern.is_match(now) {
                changed = Some(pattern.replace_all(now, self.with.as_str()).into_owned());
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use kafsh_sdk::testing::{self, Ran};

    use super::*;

    fn redact(pattern: &str, with: &str, values: Form) -> Result<RedactRegex> {
        let patterns = vec![pattern.to_owned()];
        RedactRegex::configure(Redact { patterns, with: with.into(), values })
    }

    fn run(mut redact: RedactRegex, value: impl AsRef<[u8]>) -> Ran {
        testing::run(&mut redact, testing::records("t").value(value).build())
    }

    #[test]
    fn strings_are_redacted_and_json_stays_json() {
        let digits = || redact("[0-9]{4}-[0-9]{4}", "\"*\"", Form::Json).unwrap();
        let ran = run(digits(), r#"{ "a": "x 1234-5678", "1234-5678": 1.0 }"#);
        assert_eq!(ran.values(), [r#"{ "a": "x \"*\"", "1234-5678": 1.0 }"#]);
        let ran = run(digits(), r#"{"escaped": "1234\u002d5678"}"#);
        assert_eq!(ran.values(), [r#"{"escaped": "\"*\""}"#]);
        assert_eq!(run(digits(), "1234-5678").codes(), ["bad-json"]);
    }

    #[test]
    fn text_is_redacted_as_a_whole() {
        let mail = || redact("[a-z]+@([a-z.]+)", "…@$1", Form::Text).unwrap();
        assert_eq!(run(mail(), "to kim@example.org").values(), ["to …@example.org"]);
        let ran = run(mail(), "nobody");
        assert_eq!((ran.values(), ran.copied), (vec!["nobody".to_owned()], 0));
        assert_eq!(run(mail(), b"\xff").codes(), ["not-text"]);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        assert_eq!(redact("[", "", Form::Text).err().unwrap().code(), "bad-pattern");
    }
}
