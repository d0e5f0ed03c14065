//! `read FILE`: lines, CSV, JSON or JSON lines, by the file's ending.

use std::collections::VecDeque;

use kafsh_model::port::BoxFuture;
use kafsh_model::{Error, Result};
use serde_json::{Map, Value};

use crate::call::Call;
use crate::flow::{Flow, Output, Source, View};
use crate::records::input::LineReader;
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, FlagSpec, Kind};

/// A JSON or CSV file is read whole up to this many bytes.
const WHOLE_BYTES_MAX: usize = 256 << 20;

pub static SPEC: CommandSpec = CommandSpec {
    path: &["read"],
    summary: "read a file: lines, CSV, JSON or JSON lines by its ending",
    detail: "`.csv` gives a list of rows with the first line for keys, `.json` its value, `.jsonl` \
             and `.ndjson` a value a line, anything else lines with their bytes kept. `-` is \
             standard input.",
    args: &[ArgSpec { name: "file", kind: Kind::Path, arity: Arity::One, help: "a path, or `-`" }],
    flags: &[FlagSpec::value(
        "as",
        "KIND",
        Kind::Choice(&["lines", "csv", "json", "jsonl"]),
        "how to read it, whatever its ending",
    )],
    examples: &[Example {
        line: "read scripts/examples/topics.csv | head 1",
        about: "rows of a CSV file",
    }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let name = call.args.text("file")?;
    let path = call.directory.join(&name);
    let kind = call.args.opt_text("as").unwrap_or_else(|| kind_of(&name).to_string());
    let failed = |error: &std::io::Error| Error::io(format!("`{name}` cannot be read"), error);
    let reader = match name.as_str() {
        "-" => LineReader::standard_input()?,
        _ => LineReader::file(std::fs::File::open(&path).map_err(|e| failed(&e))?, &name)?,
    };
    match kind.as_str() {
        "lines" => Ok(Output::of(Flow::Lines(Box::new(reader)))),
        "jsonl" => Ok(Output::of(Flow::Values(Box::new(JsonLines {
            lines: reader,
            name,
            ready: VecDeque::new(),
            at: 0,
        })))),
        _ => {
            let text = whole(reader, &name).await?;
            let value = match kind.as_str() {
                "json" => serde_json::from_str(&text).map_err(|error| {
                    Error::failed("bad-json", format!("`{name}` is not JSON"))
                        .with_cause(error.to_string())
                })?,
                _ => csv(&text, &name)?,
            };
            Ok(Output::value(value, View::Plain))
        }
    }
}

fn kind_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("csv") => "csv",
        Some("json") => "json",
        Some("jsonl" | "ndjson") => "jsonl",
        _ => "lines",
    }
}

async fn whole(reader: LineReader, name: &str) -> Result<String> {
    let Some(bytes) = reader.whole(WHOLE_BYTES_MAX).await? else {
        return Err(Error::failed("too-large", format!("`{name}` is too large to be read whole"))
            .with_cause(format!("the bound is {WHOLE_BYTES_MAX} bytes; `--as jsonl` has none")));
    };
    let text = String::from_utf8(bytes).map_err(|error| {
        Error::failed("not-text", format!("`{name}` is not UTF-8")).with_cause(error.to_string())
    })?;
    Ok(text.strip_prefix('\u{feff}').map(String::from).unwrap_or(text))
}

struct JsonLines {
    lines: LineReader,
    name: String,
    ready: VecDeque<Vec<u8>>,
    at: usize,
}

impl Source<Value> for JsonLines {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Value>>> {
        Box::pin(async {
            loop {
                let Some(line) = self.ready.pop_front() else {
                    match self.lines.next().await? {
                        Some(lines) => self.ready = lines.into(),
                        None => return Ok(None),
                    }
                    continue;
                };
                self.at += 1;
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return serde_json::from_slice(&line).map(Some).map_err(|error| {
                    let place = format!("line {} of `{}` is not JSON", self.at, self.name);
                    Error::failed("bad-json", place).with_cause(error.to_string())
                });
            }
        })
    }

    fn ready(&self) -> bool {
        !self.ready.is_empty()
    }
}

/// RFC 4180: the first record is the keys, every other an object of texts.
fn csv(text: &str, name: &str) -> Result<Value> {
    let mut records = csv_records(text)?.into_iter();
    let keys = records.next().unwrap_or_default();
    if let Some(twice) = keys.iter().enumerate().find(|(at, key)| keys[..*at].contains(key)) {
        let message = format!("two columns of `{name}` are named `{}`", twice.1.escape_debug());
        return Err(Error::failed("bad-csv", message)
            .with_cause("a field of a row has one value; the first record names the columns"));
    }
    let mut rows = Vec::new();
    for (index, record) in records.enumerate() {
        if record.len() != keys.len() {
            let row = index + 2;
            return Err(Error::failed("bad-csv", format!("record {row} of `{name}`")).with_cause(
                format!("it has {} fields, the first record has {}", record.len(), keys.len()),
            ));
        }
        let fields = keys.iter().cloned().zip(record.into_iter().map(Value::String));
        rows.push(Value::Object(fields.collect::<Map<_, _>>()));
    }
    Ok(Value::Array(rows))
}

fn csv_records(text: &str) -> Result<Vec<Vec<String>>> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quoted) {
            ('"', true) if chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            ('"', true) => quoted = false,
            (c, true) => field.push(c),
            ('"', false) if field.is_empty() => quoted = true,
            (',', false) => record.push(std::mem::take(&mut field)),
            ('\r', false) if chars.peek() == Some(&'\n') => {}
            ('\n', false) => {
                record.push(std::mem::take(&mut field));
                if record != [""] {
                    records.push(std::mem::take(&mut record));
                }
                record.clear();
            }
            (c, false) => field.push(c),
        }
    }
    if quoted {
        return Err(Error::failed("bad-csv", "a quote is not closed"));
    }
    if !field.is_empty() || !record.is_empty() {
        record.push(field);
        records.push(record);
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn csv_with_quotes() {
        let text = "name,note\r\na,\"x, \"\"y\"\"\nz\"\nb,\n\nc,d";
        let wanted = json!([
            {"name": "a", "note": "x, \"y\"\nz"}, {"name": "b", "note": ""}, {"name": "c", "note": "d"}
        ]);
        assert_eq!(csv(text, "f").unwrap(), wanted);
        assert_eq!(csv("", "f").unwrap(), json!([]));
        assert_eq!(csv("a,b\n1\n", "f").unwrap_err().code, "bad-csv");
        assert_eq!(csv("a,b,a\n1,2,3\n", "f").unwrap_err().code, "bad-csv");
        assert_eq!(csv("a\n\"1", "f").unwrap_err().code, "bad-csv");
    }
}
