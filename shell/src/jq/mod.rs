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
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};

/// Deepest nesting of a value given to a filter.
pub const VALUE_DEPTH_MAX: usize = 512;

/// Bytes of one answer of a filter to one input, all outputs together.
pub const ANSWER_BYTES_MAX: usize = 256 << 20;

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
        if depth_exceeds(input, VALUE_DEPTH_MAX) {
            return Err(Error::failed("jq-failed", "a value is nested too deeply for a filter")
                .with_cause(format!("the bound is {VALUE_DEPTH_MAX} levels")));
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
            let read = self.stdout.read_until(b'\n', &mut self.line).await;
            let (Ok(1..), Some((tag, rest))) = (read, self.line.split_first()) else {
                return Err(self.died().await);
            };
            bytes += rest.len();
            if bytes > ANSWER_BYTES_MAX {
                return Err(Error::failed("jq-failed", "a filter gave more than it may")
                    .with_cause(format!("the bound is {ANSWER_BYTES_MAX} bytes for one input")));
            }
            match tag {
                b'o' => outputs.push(serde_json::from_slice(rest).map_err(|e| {
                    Error::failed("jq-failed", "a filter gave what is not JSON")
                        .with_cause(e.to_string())
                })?),
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

fn depth_exceeds(value: &Value, left: usize) -> bool {
    if left == 0 {
        return true;
    }
    match value {
        Value::Array(items) => items.iter().any(|item| depth_exceeds(item, left - 1)),
        Value::Object(map) => map.values().any(|item| depth_exceeds(item, left - 1)),
        _ => false,
    }
}
