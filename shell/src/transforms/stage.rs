//! A transform as a stage of a pipeline. What it hands out is acknowledged upstream only when all
//! that was pulled from there is where it should be: passed on, dropped, or a dead letter that is
//! written.

use std::collections::VecDeque;
use std::sync::Arc;

use kafsh_model::plugin::Manifest;
use kafsh_model::port::BoxFuture;
use kafsh_model::record::RecordBatch;
use kafsh_model::{Error, Result};
use tokio::sync::oneshot;

use super::checkpoint::{Checkpoint, Key};
use super::letters::Letters;
use super::runner::{Failure, Passed, Runner, Totals};
use super::worker::{Summary, Worker, answer};
use crate::flow::{Origin, Source};
use crate::records::sending::records as count_of;

/// Records that were left out and are named at the end.
const SKIPPED_SHOWN: usize = 5;

/// What becomes of records that cannot be transformed.
pub enum OnError {
    Fail,
    Skip,
    DeadLetter(Letters),
}

pub struct Stage {
    manifest: Manifest,
    worker: Worker,
    upstream: Box<dyn Source<RecordBatch>>,
    on_error: OnError,
    kept: Option<(Arc<Checkpoint>, Key)>,
    /// A batch that the worker has
    under_way: Option<oneshot::Receiver<Passed>>,
    /// To be written before anything else happens
    letters: Option<RecordBatch>,
    queue: VecDeque<RecordBatch>,
    /// What comes when the queue is empty
    error: Option<Error>,
    /// It ended with an error: nothing is acknowledged any more
    failed: bool,
    /// All that was pulled is where it should be
    clean: bool,
    skipped: Vec<String>,
    /// Of those that left this stage
    failed_count: u64,
    dead_lettered: u64,
}

impl Stage {
    pub fn start(
        runner: Runner,
        upstream: Box<dyn Source<RecordBatch>>,
        on_error: OnError,
        kept: Option<(Arc<Checkpoint>, Key)>,
    ) -> Result<Stage> {
        Ok(Stage {
            manifest: runner.manifest().clone(),
            worker: Worker::start(runner)?,
            upstream,
            on_error,
            kept,
            under_way: None,
            letters: None,
            queue: VecDeque::new(),
            error: None,
            failed: false,
            clean: true,
            skipped: Vec::new(),
            failed_count: 0,
            dead_lettered: 0,
        })
    }

    async fn pull(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            // Kept in `self` until it is done: whoever waits may be interrupted and come again.
            if let Some(under_way) = &mut self.under_way {
                let passed = answer(under_way).await;
                self.under_way = None;
                self.settle(passed?)?;
            }
            if let (Some(letters), OnError::DeadLetter(to)) = (&self.letters, &self.on_error) {
                let sent = to.send(letters).await;
                let count = letters.len() as u64;
                self.letters = None;
                match sent {
                    Ok(()) => self.dead_lettered += count,
                    Err(error) => {
                        self.queue.clear();
                        self.error = Some(error);
                    }
                }
            }
            if let Some(batch) = self.queue.pop_front() {
                return Ok(Some(batch));
            }
            if let Some(error) = self.error.take() {
                self.failed = true;
                let totals = self.worker.summary().await?.totals;
                let counts = self.counts(&totals);
                return Err(error.with_evidence(counts));
            }
            if self.failed {
                return Ok(None);
            }
            let Some(batch) = self.upstream.next().await? else { return Ok(None) };
            self.clean = false;
            self.under_way = Some(self.worker.run(batch)?);
        }
    }

    fn settle(&mut self, passed: Passed) -> Result<()> {
        let Passed { outs, failures, error } = passed;
        self.error = error;
        self.queue.extend(outs.into_iter().map(|out| out.batch));
        if self.queue.is_empty() {
            // All dropped: whoever pulls is to acknowledge that too.
            self.queue.push_back(RecordBatch::new());
        }
        if failures.is_empty() {
            return Ok(());
        }
        self.failed_count += failures.len() as u64;
        match &self.on_error {
            OnError::Fail => {
                let failure = failures.first();
                self.error = failure.map(|f| self.stopped_at(f)).or(self.error.take());
            }
            OnError::Skip => {
                let room = SKIPPED_SHOWN.saturating_sub(self.skipped.len());
                self.skipped.extend(failures.iter().take(room).map(shown));
            }
            OnError::DeadLetter(to) => self.letters = Some(to.write(&self.manifest, &failures)?),
        }
        Ok(())
    }

    fn stopped_at(&self, failure: &Failure) -> Error {
        let name = &self.manifest.name;
        let message = format!("`{name}` could not transform {}", failure.place);
        let error = Error::failed("transform-failed", message)
            .with_evidence(format!("{}: {}", failure.code, failure.message))
            .with_cause("what came before it was passed on, it and what follows were not");
        let original = failure.original.iter().next();
        let error = match original.filter(|record| record.offset >= 0) {
            Some(record) => error.with_next(format!(
                "consume {} --partition {} --from {} --count 1 -O jsonl",
                record.topic, record.partition, record.offset
            )),
            None => error,
        };
        error
            .with_next(format!("… | transform {name} --on-error dead-letter --dead-letter TOPIC"))
            .with_next(format!("… | transform {name} --on-error skip"))
    }

    /// Everything that came from upstream has left this stage.
    fn is_empty(&self) -> bool {
        let nothing_here = self.under_way.is_none() && self.letters.is_none();
        nothing_here && self.queue.is_empty() && self.error.is_none() && !self.failed
    }

    /// Gives what is remembered to the checkpoint, which keeps it with the progress.
    async fn keep(&mut self, at_the_end: bool) -> Result<()> {
        if let Some((checkpoint, key)) = &self.kept
            && (at_the_end || checkpoint.is_due())
        {
            checkpoint.put(key, self.worker.states().await?);
        }
        Ok(())
    }

    async fn acknowledge_all(&mut self) -> Result<()> {
        if !self.is_empty() {
            return Ok(());
        }
        self.keep(false).await?;
        self.upstream.acknowledge().await?;
        self.clean = true;
        Ok(())
    }

    fn counts(&self, totals: &Totals) -> String {
        let name = &self.manifest.name;
        let mut counts =
            format!("transform {name}: {} in, {} out", count_of(totals.taken), totals.passed);
        for (count, what) in [(totals.dropped, "dropped"), (totals.failed, "failed")] {
            if count > 0 {
                counts.push_str(&format!(", {count} {what}"));
            }
        }
        if let OnError::DeadLetter(to) = &self.on_error {
            counts.push_str(&format!(", {} to {}", self.dead_lettered, to.topic()));
        }
        counts
    }

    fn notes(&self, summary: &Summary) -> Vec<String> {
        let name = &self.manifest.name;
        let totals = summary.totals;
        let mut notes = vec![self.counts(&totals)];
        notes.extend(self.left_out());
        if !summary.counters.is_empty() {
            let counters: Vec<String> =
                summary.counters.iter().map(|(name, count)| format!("{name} {count}")).collect();
            notes.push(format!("transform {name} counted {}", counters.join(", ")));
        }
        if summary.keeps_something && self.kept.is_none() {
            notes.push(format!(
                "what {name} remembers ends with this run; `consume … --checkpoint FILE` keeps it"
            ));
        }
        notes
    }

    fn left_out(&self) -> Option<String> {
        if self.skipped.is_empty() {
            return None;
        }
        let more = self.failed_count.saturating_sub(self.skipped.len() as u64);
        let more = if more > 0 { format!("; {more} more") } else { String::new() };
        let name = &self.manifest.name;
        Some(format!("transform {name} left out {}{more}", self.skipped.join("; ")))
    }

    async fn end(mut self) -> Result<Vec<String>> {
        // What is under way is no longer wanted.
        if self.under_way.is_some() {
            self.worker.stop();
        }
        if self.clean && self.is_empty() {
            self.keep(true).await?;
        }
        let summary = match self.under_way.take() {
            Some(_) => None,
            None => Some(self.worker.summary().await?),
        };
        let own = match summary {
            Some(summary) => self.notes(&summary),
            None => Vec::from_iter(self.left_out()),
        };
        let mut notes = self.upstream.finish().await?;
        notes.extend(own);
        Ok(notes)
    }
}

fn shown(failure: &Failure) -> String {
    format!("{} ({}: {})", failure.place, failure.code, failure.message)
}

impl Source<RecordBatch> for Stage {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<RecordBatch>>> {
        Box::pin(self.pull())
    }

    fn acknowledge(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.acknowledge_all())
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>> {
        Box::pin(self.end())
    }

    fn ready(&self) -> bool {
        match self.queue.is_empty() {
            false => true,
            true => self.is_empty() && self.upstream.ready(),
        }
    }

    fn origin(&self) -> Option<Origin> {
        self.upstream.origin()
    }
}

#[cfg(test)]
#[path = "stage_tests.rs"]
mod tests;
