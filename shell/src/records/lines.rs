//! Lines of bytes: from text, from values, from records.

use std::collections::VecDeque;

use kafsh_model::Result;
use kafsh_model::port::BoxFuture;
use kafsh_model::record::RecordBatch;
use serde_json::Value;

use super::envelope;
use crate::flow::{Flow, Lines, Ready, Source};

/// Splits text at newlines; a `\r` before one stays part of the line, as records are not altered.
pub fn split(text: &[u8]) -> Lines {
    let mut lines: Lines = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}

/// What another program is given: a text raw, rows and records as one line of JSON each.
pub fn from_flow(flow: Flow) -> Box<dyn Source<Lines>> {
    match flow {
        Flow::Nothing => Box::new(Ready(VecDeque::new())),
        Flow::Value { value, .. } => Box::new(Ready(VecDeque::from([of_value(&value)]))),
        Flow::Values(values) => Box::new(OfValues(values)),
        Flow::Lines(lines) => lines,
        Flow::Records(records) => Box::new(OfRecords(records)),
    }
}

/// A list is a line an element; an object with names alone is its names.
fn of_value(value: &Value) -> Lines {
    match value {
        Value::Null => Lines::new(),
        Value::Array(items) => items.iter().flat_map(of_value).collect(),
        Value::String(text) => split(text.as_bytes()),
        other => vec![other.to_string().into_bytes()],
    }
}

struct OfValues(Box<dyn Source<Value>>);

impl Source<Lines> for OfValues {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Lines>>> {
        Box::pin(async { Ok(self.0.next().await?.map(|value| of_value(&value))) })
    }

    fn ready(&self) -> bool {
        self.0.ready()
    }

    fn acknowledge(&mut self) -> BoxFuture<'_, Result<()>> {
        self.0.acknowledge()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>> {
        self.0.finish()
    }
}

struct OfRecords(Box<dyn Source<RecordBatch>>);

impl Source<Lines> for OfRecords {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Lines>>> {
        Box::pin(async {
            let batch = self.0.next().await?;
            let Some(batch) = batch else { return Ok(None) };
            let lines = batch.iter().map(|r| envelope::to_json(&r).to_string().into_bytes());
            Ok(Some(lines.collect()))
        })
    }

    fn acknowledge(&mut self) -> BoxFuture<'_, Result<()>> {
        self.0.acknowledge()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>> {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_bytes() {
        let cases: [(&[u8], &[&[u8]]); 5] = [
            (b"a\nb\n", &[b"a", b"b"]),
            (b"a\r\nb", &[b"a\r", b"b"]),
            (b"", &[]),
            (b"\n", &[b""]),
            (b"\xff\n\n", &[b"\xff", b""]),
        ];
        for (text, wanted) in cases {
            assert_eq!(split(text), wanted, "{text:?}");
        }
    }
}
