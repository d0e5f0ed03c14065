//! jq filters, run in a process of their own.
//!
//! A filter can recurse until its stack is gone, build values until memory is gone, or never end,
//! and none of that can be caught in-process. So each filter has a worker: this same program, with
//! limits on memory and stack, that reads values and writes answers. If it dies, the statement
//! fails and the shell goes on. One worker serves a filter for as long as its stage lives.

pub mod filter;
pub mod worker;

use std::collections::BTreeMap;
use std::process::Stdio;

use kafsh_model::{Error, Result};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};

/// Deepest nesting of a value given to a filter, as its input or a variable: what reads JSON here
/// stops at 127, and a variable travels two levels down.
pub const VALUE_DEPTH_MAX: usize = 100;

/// Bytes of one answer of a filter to one input, all outputs together.
pub const ANSWER_BYTES_MAX: usize = 256 << 20;

/// Outputs of a filter for one input.
const OUTPUTS_MAX: usize = 1_000_000;

/// Bytes that are counted for each output beside its text: what a value takes in memory.
const OUTPUT_BYTES_FIXED: usize = 64;

/// A running filter.
pub struct Filter {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    text: String,
    line: Vec<u8>,
}

impl Filter {
    /// Starts a worker for a filter; `variables` are jq variables (`$name`).
    pub async fn start(text: &str, variables: &BTreeMap<String, Value>) -> Result<Filter> {
        let variables = named_in(text, variables);
        if let Some((name, _)) = variables.iter().find(|(_, value)| too_deep(value)) {
            return Err(deep(&format!("the variable `${name}`")));
        }
        let mut child = crate::exec::own_worker(worker::FLAG)?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| Error::io("the worker for jq filters could not be started", &e))?;
        let stdin = child.stdin.take().ok_or_else(|| Error::bug("a worker without input"))?;
        let stdout = child.stdout.take().ok_or_else(|| Error::bug("a worker without output"))?;
        let stdout = BufReader::with_capacity(64 << 10, stdout);
        let mut filter = Filter { child, stdin, stdout, text: text.to_string(), line: Vec::new() };
        let program = serde_json::json!({ "filter": text, "variables": variables });
        filter.send(&program).await?;
        Ok(filter)
    }

    /// The outputs of the filter for one input.
    pub async fn apply(&mut self, input: &Value) -> Result<Vec<Value>> {
        if too_deep(input) {
            return Err(deep("a value"));
        }
        self.send(input).await?;
        self.answer().await
    }

    async fn send(&mut self, value: &Value) -> Result<()> {
        let mut line = value.to_string().into_bytes();
        line.push(b'\n');
        match self.stdin.write_all(&line).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.died().await),
        }
    }

    async fn answer(&mut self) -> Result<Vec<Value>> {
        let mut outputs = Vec::new();
        let mut bytes = 0;
        loop {
            self.line.clear();
            // A line is never longer in memory than what is left to the answer.
            let room = (ANSWER_BYTES_MAX.saturating_sub(bytes) + 1) as u64;
            let mut bounded = (&mut self.stdout).take(room);
            let read = bounded.read_until(b'\n', &mut self.line).await;
            let (Ok(1..), Some((tag, rest))) = (read, self.line.split_first()) else {
                return Err(self.died().await);
            };
            bytes += rest.len() + OUTPUT_BYTES_FIXED;
            if bytes > ANSWER_BYTES_MAX || outputs.len() > OUTPUTS_MAX {
                return Err(Error::failed("jq-failed", "a filter gave more than it may")
                    .with_cause(format!(
                        "the bounds for one input are {OUTPUTS_MAX} outputs and \
                         {ANSWER_BYTES_MAX} bytes"
                    )));
            }
            match tag {
                b'o' => outputs.push(serde_json::from_slice(rest).map_err(|e| unread(rest, &e))?),
                b'.' => return Ok(outputs),
                _ => {
                    let message = String::from_utf8_lossy(rest);
                    return Err(Error::failed("jq-failed", format!("`{}`", self.text))
                        .with_cause(message.trim().to_string()));
                }
            }
        }
    }

    async fn died(&mut self) -> Error {
        let how = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        Error::failed("jq-failed", format!("the filter `{}` broke down", self.text))
            .with_evidence(how)
            .with_cause(
                "it ran out of its stack or memory, and was ended; nothing else was touched",
            )
    }
}

/// Only what the filter may name: a variable it does not use cannot fail it.
fn named_in<'v>(
    text: &str,
    variables: &'v BTreeMap<String, Value>,
) -> BTreeMap<&'v String, &'v Value> {
    variables.iter().filter(|(name, _)| text.contains(&format!("${name}"))).collect()
}

fn deep(what: &str) -> Error {
    Error::failed("jq-failed", format!("{what} is nested too deeply for a filter"))
        .with_cause(format!("the bound is {VALUE_DEPTH_MAX} levels"))
}

fn unread(json: &[u8], error: &serde_json::Error) -> Error {
    match nesting(json) > VALUE_DEPTH_MAX {
        true => Error::failed("jq-failed", "a filter gave a value that is nested too deeply")
            .with_cause(format!("{VALUE_DEPTH_MAX} levels can be relied upon")),
        false => Error::failed("jq-failed", "a filter gave what is not JSON")
            .with_cause(error.to_string()),
    }
}

fn too_deep(value: &Value) -> bool {
    depth_exceeds(value, VALUE_DEPTH_MAX)
}

fn depth_exceeds(value: &Value, left: usize) -> bool {
    let within = |item: &Value| depth_exceeds(item, left - 1);
    match value {
        Value::Array(items) => left == 0 || items.iter().any(within),
        Value::Object(map) => left == 0 || map.values().any(within),
        _ => false,
    }
}

/// Levels of lists and objects in a JSON text, which need not be sound.
fn nesting(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if std::mem::take(&mut escaped) => {}
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(Value::from(1), |inner, _| Value::Array(vec![inner]))
    }

    #[test]
    fn the_bound_is_on_lists_and_objects() {
        assert!(!too_deep(&nested(VALUE_DEPTH_MAX)));
        assert!(too_deep(&nested(VALUE_DEPTH_MAX + 1)));
        assert!(too_deep(&serde_json::json!({ "a": nested(VALUE_DEPTH_MAX) })));
    }

    #[test]
    fn what_a_filter_is_given_can_be_read_back() {
        let deepest = nested(VALUE_DEPTH_MAX);
        let task = serde_json::json!({ "filter": "", "variables": { "x": deepest } });
        assert!(serde_json::from_str::<Value>(&task.to_string()).is_ok());
    }

    #[test]
    fn a_result_is_called_deep_only_where_it_is() {
        assert_eq!(nesting(br#"{"[[[": ["\"[", []]}"#), 3);
        assert_eq!(nesting(b"1"), 0);
        let text = nested(200).to_string();
        let error = serde_json::from_str::<Value>(&text).unwrap_err();
        assert!(unread(text.as_bytes(), &error).message.contains("too deeply"));
        let error = serde_json::from_str::<Value>("[nan]").unwrap_err();
        assert!(unread(b"[nan]", &error).message.contains("not JSON"));
    }

    #[test]
    fn a_filter_gets_the_variables_it_names() {
        let all: BTreeMap<String, Value> =
            ["a", "b"].map(|name| (name.to_string(), nested(1))).into();
        let names: Vec<&String> = named_in(". + $b", &all).into_keys().collect();
        assert_eq!(names, ["b"]);
    }
}
