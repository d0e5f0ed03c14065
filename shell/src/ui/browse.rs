//! Records for the page: `consume`, counted, and a filter behind it.

use std::sync::{Arc, Mutex, PoisonError};

use kafsh_model::port::BoxFuture;
use kafsh_model::record::RecordBatch;
use kafsh_model::{Error, Result};
use kafsh_page::{Progress, Records};
use serde_json::Value;

use super::Ready;
use crate::flow::{Flow, Origin, Source};
use crate::records::envelope;

type Shared = Arc<Mutex<Progress>>;

/// Starts reading, and the filter behind it.
pub async fn start(
    reading: Ready,
    text: Option<String>,
    filter: Option<Ready>,
) -> Result<Browsing> {
    let (run, call) = reading;
    let inner = records(run(call).await?.flow)?;
    let progress = Shared::default();
    let counted = Box::new(Counted { inner, text, progress: progress.clone() });
    let stream: Box<dyn Source<RecordBatch>> = match filter {
        None => counted,
        Some((run, mut call)) => {
            call.input = Flow::Records(counted).into();
            records(run(call).await?.flow)?
        }
    };
    Ok(Browsing { stream, progress })
}

fn records(flow: Flow) -> Result<Box<dyn Source<RecordBatch>>> {
    match flow {
        Flow::Records(stream) => Ok(stream),
        _ => Err(Error::bug("what was to be browsed gives no records")),
    }
}

/// Counts what is read, and passes on what has the text in it.
struct Counted {
    inner: Box<dyn Source<RecordBatch>>,
    text: Option<String>,
    progress: Shared,
}

impl Source<RecordBatch> for Counted {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<RecordBatch>>> {
        Box::pin(async {
            let Some(batch) = self.inner.next().await? else { return Ok(None) };
            let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
            for record in batch.iter() {
                progress.scanned += 1;
                let next = progress.next.entry(record.partition).or_default();
                *next = (*next).max(record.offset + 1);
            }
            drop(progress);
            Ok(Some(match &self.text {
                Some(text) => having(&batch, text.as_bytes()),
                None => batch,
            }))
        })
    }

    fn ready(&self) -> bool {
        self.inner.ready()
    }

    fn origin(&self) -> Option<Origin> {
        self.inner.origin()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>> {
        self.inner.finish()
    }
}

/// Those whose key, value or headers have the text in them.
fn having(batch: &RecordBatch, text: &[u8]) -> RecordBatch {
    let has = |bytes: Option<&[u8]>| {
        bytes.is_some_and(|bytes| bytes.windows(text.len().max(1)).any(|part| part == text))
    };
    let mut kept = RecordBatch::default();
    for record in batch.iter() {
        let in_headers =
            || record.headers.iter().any(|(name, value)| has(Some(name.as_bytes())) || has(value));
        if text.is_empty() || has(record.key) || has(record.value) || in_headers() {
            // It fits: what it was in was no smaller.
            let _ = kept.push(record);
        }
    }
    kept
}

/// What the page pulls from.
pub struct Browsing {
    stream: Box<dyn Source<RecordBatch>>,
    progress: Shared,
}

impl Records for Browsing {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<Value>>>> {
        Box::pin(async {
            let batch = self.stream.next().await?;
            Ok(batch.map(|batch| batch.iter().map(|record| envelope::to_json(&record)).collect()))
        })
    }

    fn progress(&self) -> Progress {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
