//! The transform `flatten`: makes nested JSON objects flat. Values of fields keep their bytes;
//! arrays are values. What is no object passes as it is.

use kafsh_sdk::json;
use kafsh_sdk::transform::{Emitter, Record, transform};
use kafsh_sdk::{Error, Result, Settings};

#[derive(Clone, Debug, Settings)]
pub struct Flat {
    /// What stands between the names
    #[setting(default = ".")]
    pub separator: String,
}

#[transform]
pub fn flatten(record: Record<'_>, out: &mut Emitter<'_>, flat: &Flat) -> Result<()> {
    out.emit_edited(record, |value, out| {
        if !is_nested(value)? {
            return Ok(0);
        }
        let mut writer = Writer { separator: &flat.separator, names: Vec::new(), out };
        writer.out.push(b'{');
        writer.object(value, "")?;
        writer.out.push(b'}');
        Ok(1)
    })
}

/// Whether `text` is an object with objects in it.
fn is_nested(text: &[u8]) -> Result<bool> {
    let members = json::members(text)?;
    Ok(members.is_some_and(|mut members| members.any(|(_, value)| is_full_object(value))))
}

/// An empty object is a value: there is nothing in it to name.
fn is_full_object(raw: &[u8]) -> bool {
    json::members(raw).ok().flatten().is_some_and(|mut members| members.next().is_some())
}

struct Writer<'a> {
    separator: &'a str,
    /// Names written so far
    names: Vec<String>,
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    fn object(&mut self, raw: &[u8], above: &str) -> Result<()> {
        for (name, value) in json::members(raw)?.into_iter().flatten() {
            let name = json::text(name).unwrap_or_default();
            let name = match above {
                "" => name.into_owned(),
                above => format!("{above}{}{name}", self.separator),
            };
            if is_full_object(value) {
                self.object(value, &name)?;
                continue;
            }
            if self.names.contains(&name) {
                let message = format!("two fields would be called `{name}`");
                return Err(Error::new("name-taken", message));
            }
            if !self.names.is_empty() {
                self.out.push(b',');
            }
            json::quote(&name, self.out);
            self.out.push(b':');
            self.out.extend_from_slice(value);
            self.names.push(name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use kafsh_sdk::testing::{self, Ran};

    use super::*;

    fn run(value: &str, separator: &str) -> Ran {
        let flat = Flat { separator: separator.into() };
        testing::each_with(flatten, &flat, testing::records("t").value(value).build())
    }

    #[test]
    fn objects_within_objects_become_names() {
        let text = r#"{"a": {"b": 1.50, "c": {"d": [{"e": 1}]}}, "f": {}, "g": null}"#;
        let flat = r#"{"a.b":1.50,"a.c.d":[{"e": 1}],"f":{},"g":null}"#;
        assert_eq!(run(text, ".").values(), [flat]);
        assert_eq!(run(r#"{"a": {"b": 1}}"#, "_").values(), [r#"{"a_b":1}"#]);
    }

    #[test]
    fn what_is_flat_is_not_even_copied() {
        for text in [r#"{ "a" : 1, "b": [{"c":{}}] }"#, "[1, {\"a\":{\"b\":1}}]", "7", "{}"] {
            let ran = run(text, ".");
            assert_eq!((ran.values(), ran.copied), (vec![text.to_owned()], 0));
        }
    }

    #[test]
    fn no_value_is_lost() {
        assert_eq!(run(r#"{"a.b": 1, "a": {"b": 2}}"#, ".").codes(), ["name-taken"]);
        assert_eq!(run(r#"{"a": {"b": 2}"#, ".").codes(), ["bad-json"]);
    }
}
