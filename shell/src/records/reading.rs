//! Records out of topics: pulls a consumer until the end, a count or a time, and says how it ended.

use std::sync::Arc;
use std::time::Duration;

use kafsh_cluster::Cancel;
use kafsh_model::port::{BoxFuture, Consumer};
use kafsh_model::record::RecordBatch;
use kafsh_model::topic::TopicPartition;
use kafsh_model::units::show_duration;
use kafsh_model::{Error, Result};
use tokio::time::Instant;

use super::format::RecordFormat;
use super::sending::records;
use crate::flow::{Ending, Lines, Origin, Source};
use crate::transforms::checkpoint::{Checkpoint, Offsets};

/// Most records pulled at once.
const BATCH_RECORDS: usize = 10_000;

/// Longest single wait for records; then the limits are looked at again.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// When to stop, beside the end of what is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    pub count: Option<u64>,
    pub timeout: Option<Duration>,
}

/// A consumer as a source of batches. Committing is the acknowledgement.
pub struct Reading {
    /// `None` once it was closed
    consumer: Option<Box<dyn Consumer>>,
    /// Its closing, kept here: whoever waits for it may be interrupted, the next one waits on
    closing: Option<BoxFuture<'static, Result<()>>>,
    limits: Limits,
    deadline: Option<Instant>,
    cancel: Cancel,
    /// Topics, for remarks
    what: String,
    seen: u64,
    /// It has no end of its own: Ctrl-C is its end, and no failure
    follows: bool,
    /// An offset that it was to begin at, which may lie beyond the end
    begins_at: Option<i64>,
    /// The consumer came to the end it was asked for
    at_end: bool,
    timed_out: bool,
    origin: Option<Origin>,
    /// Offsets after what was handed out, where a checkpoint keeps them
    positions: Offsets,
    /// All that was handed out is acknowledged
    clean: bool,
}

impl Reading {
    pub fn new(consumer: Box<dyn Consumer>, limits: Limits, what: String, cancel: Cancel) -> Self {
        Reading {
            consumer: Some(consumer),
            closing: None,
            limits,
            deadline: limits.timeout.map(|timeout| Instant::now() + timeout),
            cancel,
            what,
            seen: 0,
            follows: false,
            begins_at: None,
            at_end: false,
            timed_out: false,
            origin: None,
            positions: Offsets::new(),
            clean: true,
        }
    }

    /// Says which offset it was to begin at.
    pub fn beginning_at(self, begins_at: Option<i64>) -> Self {
        Reading { begins_at, ..self }
    }

    /// Says where it reads; a checkpoint there is kept.
    #[must_use]
    pub fn of(self, origin: Origin) -> Self {
        Reading { origin: Some(origin), ..self }
    }

    /// It goes on until it is told to stop.
    #[must_use]
    pub fn following(self, follows: bool) -> Self {
        Reading { follows, ..self }
    }

    fn checkpoint(&self) -> Option<Arc<Checkpoint>> {
        self.origin.as_ref()?.checkpoint.clone()
    }

    /// Notes how far a batch has come; records of one partition mostly come together.
    fn remember(&mut self, batch: &RecordBatch) {
        self.clean = false;
        if self.checkpoint().is_none() {
            return;
        }
        let mut records = batch.iter().peekable();
        while let Some(record) = records.next() {
            let goes_on = records.peek().is_some_and(|next| {
                next.partition == record.partition && next.topic == record.topic
            });
            if goes_on {
                continue;
            }
            let (topic, partition) = (record.topic.to_string(), record.partition);
            let next = record.offset + 1;
            self.positions.insert(TopicPartition { topic, partition }, next);
        }
    }

    /// Everything handed out is where it should be.
    async fn keep(&mut self, at_the_end: bool) -> Result<()> {
        let Some(checkpoint) = self.checkpoint() else { return Ok(()) };
        let positions = self.positions.clone();
        let keeping = move || checkpoint.acknowledged(positions, at_the_end);
        let kept = tokio::task::spawn_blocking(keeping).await;
        kept.map_err(|error| Error::bug(format!("a task of ours failed: {error}")))?
    }

    fn left(&self) -> u64 {
        self.limits.count.map_or(u64::MAX, |count| count.saturating_sub(self.seen))
    }

    async fn batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let left = self.left();
            if left == 0 || self.at_end {
                return Ok(None);
            }
            let now = Instant::now();
            let wait = self.deadline.map_or(WAIT_MAX, |at| at.saturating_duration_since(now));
            if wait.is_zero() {
                self.timed_out = true;
                return Ok(None);
            }
            let Some(consumer) = self.consumer.as_mut() else { return Ok(None) };
            // Never more than is wanted: what is handed out will be committed.
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(BATCH_RECORDS);
            let fetched = tokio::select! {
                biased;
                () = self.cancel.cancelled() => None,
                fetched = consumer.next(most, wait.min(WAIT_MAX)) => Some(fetched?),
            };
            let Some(fetched) = fetched else {
                // The group is to hear of it now, not when the session runs out.
                self.close().await?;
                return Err(match self.follows {
                    true => {
                        let (what, seen) = (&self.what, records(self.seen));
                        let message = format!("stopped following {what}: {seen}");
                        Error { message, ..Error::interrupted() }
                    }
                    false => Error::interrupted(),
                });
            };
            self.at_end = fetched.finished;
            self.seen += fetched.batch.len() as u64;
            if !fetched.batch.is_empty() {
                self.remember(&fetched.batch);
                return Ok(Some(fetched.batch));
            }
        }
    }

    async fn close(&mut self) -> Result<()> {
        if let Some(consumer) = self.consumer.take() {
            self.closing = Some(consumer.close());
        }
        let Some(closing) = &mut self.closing else { return Ok(()) };
        let closed = closing.await;
        self.closing = None;
        closed
    }

    fn remark(&self) -> Result<Vec<String>> {
        let (seen, what) = (records(self.seen), &self.what);
        let took = show_duration(self.limits.timeout.unwrap_or_default());
        if let (Some(count), true) = (self.limits.count, self.limits.timeout.is_some())
            && self.left() > 0
        {
            let message = format!("{} of {count} records came from {what}", self.seen);
            let cause = match self.timed_out {
                true => format!("the time was up after {took}"),
                false => format!("that was the end of {what}"),
            };
            return Err(Error::timed_out(message).with_cause(cause));
        }
        if self.timed_out {
            return Ok(vec![format!("stopped after {took}: {seen} of {what}")]);
        }
        if self.left() == 0 {
            return Ok(Vec::new());
        }
        let mut remarks = vec![format!("end of {what}: {seen}")];
        if let (0, Some(offset)) = (self.seen, self.begins_at) {
            remarks.push(format!(
                "nothing is there from offset {offset} on; `topic offsets` shows where topics end"
            ));
        }
        Ok(remarks)
    }
}

impl Source<RecordBatch> for Reading {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<RecordBatch>>> {
        Box::pin(self.batch())
    }

    fn acknowledge(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            if let Some(consumer) = self.consumer.as_mut() {
                consumer.commit().await?;
            }
            self.keep(false).await?;
            self.clean = true;
            Ok(())
        })
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>> {
        Box::pin(async move {
            self.close().await?;
            if self.clean {
                self.keep(true).await?;
            }
            self.remark()
        })
    }

    fn origin(&self) -> Option<Origin> {
        self.origin.clone()
    }
}

/// Records in a format of the user's, one item each.
pub struct Formatted {
    records: Box<dyn Source<RecordBatch>>,
    format: RecordFormat,
    /// The format ends in a newline, which the writer adds
    lines: bool,
}

impl Formatted {
    pub fn new(records: Box<dyn Source<RecordBatch>>, format: RecordFormat) -> Self {
        let mut format = format;
        let lines = format.strip_newline();
        Formatted { records, format, lines }
    }
}

impl Source<Lines> for Formatted {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Lines>>> {
        Box::pin(async {
            let Some(batch) = self.records.next().await? else { return Ok(None) };
            let write = |record| {
                let mut line = Vec::new();
                self.format.write(&record, &mut line);
                line
            };
            Ok(Some(batch.iter().map(write).collect()))
        })
    }

    fn acknowledge(&mut self) -> BoxFuture<'_, Result<()>> {
        self.records.acknowledge()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>> {
        self.records.finish()
    }

    fn ending(&self) -> Ending {
        Ending { newline: self.lines, foreign: true }
    }
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
