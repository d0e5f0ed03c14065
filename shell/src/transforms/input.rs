//! Lines and values as records: without key, topic or offset.

use std::collections::VecDeque;

use kafsh_model::port::BoxFuture;
use kafsh_model::record::{RecordBatch, RecordView};
use kafsh_model::{Error, Result};
use serde_json::Value;

use super::split::CALL_RECORDS_MAX;
use crate::flow::{Flow, Lines, Ready, Source};

/// What a stage gives as records; `None` where it gives nothing.
pub fn records(flow: Flow) -> Option<Box<dyn Source<RecordBatch>>> {
    let values = |values: Vec<Value>| -> Box<dyn Source<RecordBatch>> {
        Box::new(OfValues(Box::new(Ready(VecDeque::from(values)))))
    };
    Some(match flow {
        Flow::Nothing => return None,
        Flow::Records(records) => records,
        Flow::Lines(lines) => Box::new(OfLines(lines)),
        Flow::Values(values) => Box::new(OfValues(values)),
        Flow::Value { value: Value::Null, .. } => values(Vec::new()),
        Flow::Value { value: Value::Array(items), .. } => values(items),
        Flow::Value { value: Value::String(text), .. } => {
            let lines = crate::records::lines::split(text.as_bytes());
            Box::new(OfLines(Box::new(Ready([lines].into()))))
        }
        Flow::Value { value, .. } => values(vec![value]),
    })
}

fn push(batch: &mut RecordBatch, value: &[u8]) -> Result<()> {
    match batch.push(RecordView::new("", None, Some(value))) {
        true => Ok(()),
        false => Err(Error::failed("record-too-large", "lines do not fit a batch")),
    }
}

struct OfLines(Box<dyn Source<Lines>>);

impl Source<RecordBatch> for OfLines {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<RecordBatch>>> {
        Box::pin(async {
            let Some(lines) = self.0.next().await? else { return Ok(None) };
            let mut batch = RecordBatch::new();
            lines.iter().try_for_each(|line| push(&mut batch, line))?;
            Ok(Some(batch))
        })
    }

    fn acknowledge(&mut self) -> BoxFuture<'_, Result<()>> {
        self.0.acknowledge()
    }

    fn ready(&self) -> bool {
        self.0.ready()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>> {
        self.0.finish()
    }
}

/// A text is its bytes, anything else compact JSON.
struct OfValues(Box<dyn Source<Value>>);

impl Source<RecordBatch> for OfValues {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<RecordBatch>>> {
        Box::pin(async {
            let (mut batch, mut json) = (RecordBatch::new(), Vec::new());
            // What is there already goes together; nothing in hand waits for more.
            while let Some(value) = self.0.next().await? {
                match &value {
                    Value::String(text) => push(&mut batch, text.as_bytes())?,
                    other => {
                        json.clear();
                        serde_json::to_writer(&mut json, other)
                            .map_err(|error| Error::bug(format!("a value is no JSON: {error}")))?;
                        push(&mut batch, &json)?;
                    }
                }
                if batch.len() >= CALL_RECORDS_MAX || !self.0.ready() {
                    break;
                }
            }
            Ok((!batch.is_empty()).then_some(batch))
        })
    }

    fn acknowledge(&mut self) -> BoxFuture<'_, Result<()>> {
        self.0.acknowledge()
    }

    fn ready(&self) -> bool {
        self.0.ready()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>> {
        self.0.finish()
    }
}
