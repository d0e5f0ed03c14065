//! Records for the page: `consume`, counted, and a filter behind it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kafsh_model::port::BoxFuture;
use kafsh_model::record::RecordBatch;
use kafsh_model::{Error, Result};
use kafsh_page::{Progress, Records};
use serde_json::Value;

use super::Ready;
use crate::flow::{Flow, Origin, Source};
use crate::records::envelope;

/// What was pulled, and how much of that is through the filter.
#[derive(Default)]
struct Reading {
    pulled: Progress,
    /// As `pulled.next` was when nothing was with the filter any more
    through: BTreeMap<i32, i64>,
}

type Shared = Arc<Mutex<Reading>>;

/// Most records that a filter is given at once. It begins with one and is given twice as many each
/// time, so that one that is slow or fails has said so before the time for a look is over.
const FILTERED_AT_ONCE: usize = 64;

/// Starts reading, and the filter behind it.
pub async fn start(
    consume: Ready,
    text: Option<String>,
    filter: Option<Ready>,
) -> Result<Browsing> {
    let (run, call) = consume;
    let inner = records(run(call).await?.flow)?;
    let reading = Shared::default();
    let mut counted = Box::new(Counted::new(inner, text, reading.clone()));
    let stream: Box<dyn Source<RecordBatch>> = match filter {
        None => counted,
        Some((run, mut call)) => {
            counted.at_once = 1;
            call.input = Flow::Records(counted).into();
            records(run(call).await?.flow)?
        }
    };
    Ok(Browsing { stream, reading })
}

fn locked(reading: &Shared) -> MutexGuard<'_, Reading> {
    reading.lock().unwrap_or_else(PoisonError::into_inner)
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
    reading: Shared,
    /// Most records that are handed on together, the next time
    at_once: usize,
    /// What was pulled and is still to be handed on
    waiting: VecDeque<RecordBatch>,
}

impl Counted {
    fn new(inner: Box<dyn Source<RecordBatch>>, text: Option<String>, reading: Shared) -> Self {
        Counted { inner, text, reading, at_once: usize::MAX, waiting: VecDeque::new() }
    }
}

impl Source<RecordBatch> for Counted {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<RecordBatch>>> {
        Box::pin(async {
            if self.waiting.is_empty() {
                let Some(batch) = self.inner.next().await? else { return Ok(None) };
                self.waiting = parts(batch, &mut self.at_once);
            }
            let batch = self.waiting.pop_front().unwrap_or_default();
            let mut reading = locked(&self.reading);
            for record in batch.iter() {
                reading.pulled.scanned += 1;
                let next = reading.pulled.next.entry(record.partition).or_default();
                *next = (*next).max(record.offset + 1);
            }
            drop(reading);
            Ok(Some(match &self.text {
                Some(text) => having(&batch, text.as_bytes()),
                None => batch,
            }))
        })
    }

    /// A stage behind it forwards this once nothing is with it any more. Nobody commits: a page
    /// only looks.
    fn acknowledge(&mut self) -> BoxFuture<'_, Result<()>> {
        let mut reading = locked(&self.reading);
        reading.through = reading.pulled.next.clone();
        Box::pin(async { Ok(()) })
    }

    fn ready(&self) -> bool {
        !self.waiting.is_empty() || self.inner.ready()
    }

    fn origin(&self) -> Option<Origin> {
        self.inner.origin()
    }

    /// What reading has to say of itself is not about the filter, of which the page asks.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>> {
        Box::pin(async { self.inner.finish().await.map(|_| Vec::new()) })
    }
}

/// The same records in batches of at most so many, which grow.
fn parts(batch: RecordBatch, at_once: &mut usize) -> VecDeque<RecordBatch> {
    if batch.len() <= *at_once {
        return [batch].into();
    }
    let mut parts = VecDeque::new();
    let mut part = RecordBatch::default();
    for record in batch.iter() {
        // It fits: what it was in was no smaller.
        let _ = part.push(record);
        if part.len() >= *at_once {
            parts.push_back(std::mem::take(&mut part));
            *at_once = (*at_once * 2).min(FILTERED_AT_ONCE);
        }
    }
    parts.extend(Some(part).filter(|part| !part.is_empty()));
    parts
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
    reading: Shared,
}

impl Records for Browsing {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<Value>>>> {
        Box::pin(async {
            let batch = self.stream.next().await?;
            self.stream.acknowledge().await?;
            let mut reading = locked(&self.reading);
            // Order is kept within a partition: what stood before these is through as well.
            for record in batch.iter().flat_map(RecordBatch::iter) {
                let through = reading.through.entry(record.partition).or_default();
                *through = (*through).max(record.offset + 1);
            }
            drop(reading);
            Ok(batch.map(|batch| batch.iter().map(|record| envelope::to_json(&record)).collect()))
        })
    }

    fn progress(&self) -> Progress {
        let reading = locked(&self.reading);
        Progress { scanned: reading.pulled.scanned, next: reading.through.clone() }
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>> {
        self.stream.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Ready as There;
    use kafsh_model::record::RecordView;

    /// Hands on one record at a time, as a filter that still has others to look at.
    struct OneByOne {
        inner: Box<dyn Source<RecordBatch>>,
        held: Vec<RecordBatch>,
    }

    impl Source<RecordBatch> for OneByOne {
        fn next(&mut self) -> BoxFuture<'_, Result<Option<RecordBatch>>> {
            Box::pin(async {
                if self.held.is_empty() {
                    let Some(batch) = self.inner.next().await? else { return Ok(None) };
                    let single = batch.iter().map(|record| one(record.partition, record.offset));
                    self.held = single.collect();
                    self.held.reverse();
                }
                Ok(self.held.pop())
            })
        }

        fn acknowledge(&mut self) -> BoxFuture<'_, Result<()>> {
            match self.held.is_empty() {
                true => self.inner.acknowledge(),
                false => Box::pin(async { Ok(()) }),
            }
        }
    }

    fn one(partition: i32, offset: i64) -> RecordBatch {
        batch(&[(partition, offset)])
    }

    fn batch(places: &[(i32, i64)]) -> RecordBatch {
        let mut batch = RecordBatch::default();
        for (partition, offset) in places {
            let record = RecordView::new("t", None, Some(b"v"));
            assert!(batch.push(RecordView { partition: *partition, offset: *offset, ..record }));
        }
        batch
    }

    #[tokio::test]
    async fn what_a_filter_still_works_on_is_read_again_by_the_next_page() {
        let reading = Shared::default();
        let inner = Box::new(There([batch(&[(0, 4), (0, 5), (1, 9)])].into()));
        let counted = Box::new(Counted::new(inner, None, reading.clone()));
        let stream = Box::new(OneByOne { inner: counted, held: Vec::new() });
        let mut browsing = Browsing { stream, reading };
        assert_eq!(browsing.progress(), Progress::default());
        browsing.next().await.unwrap();
        let progress = browsing.progress();
        assert_eq!((progress.scanned, progress.next), (3, BTreeMap::from([(0, 5)])));
        browsing.next().await.unwrap();
        browsing.next().await.unwrap();
        assert_eq!(browsing.progress().next, BTreeMap::from([(0, 6), (1, 10)]));
    }
}
