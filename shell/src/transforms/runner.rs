//! Runs batches through a transform: what passes, what failed and where. Synchronous: a guest holds
//! the thread that calls it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kafsh_model::plugin::{Manifest, Settings};
use kafsh_model::record::RecordBatch;
use kafsh_model::transform::{FailedRecord, SourcePartition, Transform, Transformed};
use kafsh_model::{Error, Result};

use super::pool::{Pool, States};
use super::split::{Part, split};

/// Records that break a plugin one after the other before it is the plugin and not the records.
const BROKEN_IN_A_ROW_MAX: u32 = 100;

/// What happens with a record that cannot be transformed. It never passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Everything before it passes, then it ends
    Stop,
    /// All others pass
    GoOn,
}

/// Records that came out of one call.
pub struct Out {
    pub batch: RecordBatch,
    /// One for each record: index in what was given of the record that it was made of
    pub sources: Vec<u32>,
}

/// A record that could not be transformed.
pub struct Failure {
    /// Index in what was given
    pub index: u32,
    /// `topic/partition@offset`, or `record 17` of what has no offsets
    pub place: String,
    /// The plugin's own, or `plugin-…` where it broke
    pub code: String,
    pub message: String,
    /// Alone, as it was
    pub original: RecordBatch,
}

/// What became of a batch.
#[derive(Default)]
pub struct Passed {
    pub outs: Vec<Out>,
    pub failures: Vec<Failure>,
    /// It ended here: nothing of what followed was looked at
    pub error: Option<Error>,
}

/// How many records came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub taken: u64,
    pub passed: u64,
    pub dropped: u64,
    pub failed: u64,
}

pub struct Runner {
    transform: Arc<dyn Transform>,
    pool: Pool,
    on_failure: OnFailure,
    totals: Totals,
    broken_in_a_row: u32,
    /// Told to stop from outside: between two calls of a guest
    stop: Arc<AtomicBool>,
}

impl Runner {
    /// Has an instance read its settings before there is a record.
    ///
    /// # Errors
    /// `plugin-failed` where the plugin refuses its settings; `plugin-…` where it breaks on them.
    pub fn new(
        transform: Arc<dyn Transform>,
        settings: Arc<Settings>,
        on_failure: OnFailure,
    ) -> Result<Self> {
        let nowhere = SourcePartition { topic: String::new(), partition: -1 };
        transform.open(&nowhere, &settings, BTreeMap::new())?;
        let pool = Pool::new(transform.clone(), settings, States::new());
        Ok(Runner {
            transform,
            pool,
            on_failure,
            totals: Totals::default(),
            broken_in_a_row: 0,
            stop: Arc::default(),
        })
    }

    /// Goes on with what an earlier run kept.
    #[must_use]
    pub fn with_states(mut self, settings: Arc<Settings>, states: States) -> Self {
        self.pool = Pool::new(self.transform.clone(), settings, states);
        self
    }

    pub fn manifest(&self) -> &Manifest {
        self.transform.manifest()
    }

    /// Set, it makes the next [`Runner::run`] end between two calls.
    pub fn stopper(&self) -> Arc<AtomicBool> {
        self.stop.clone()
    }

    pub fn totals(&self) -> Totals {
        self.totals
    }

    pub fn counters(&self) -> BTreeMap<String, u64> {
        self.pool.counters()
    }

    pub fn states(&self) -> States {
        self.pool.states()
    }

    pub fn keeps_something(&self) -> bool {
        self.pool.keeps_something()
    }

    /// What becomes of a batch of any partitions, each in its order.
    pub fn run(&mut self, batch: RecordBatch) -> Passed {
        let before = self.totals.taken;
        let mut passed = Passed::default();
        let outcome = split(batch).and_then(|parts| {
            for part in parts {
                if !self.part(part, before, &mut passed)? {
                    break;
                }
            }
            Ok(())
        });
        passed.error = passed.error.or(outcome.err());
        passed
    }

    /// False where it ends here.
    fn part(&mut self, part: Part, before: u64, passed: &mut Passed) -> Result<bool> {
        let first = part.batch.get(0);
        let place = SourcePartition { topic: first.topic.to_string(), partition: first.partition };
        let mut left = vec![part];
        while let Some(mut part) = left.pop() {
            if self.stop.load(Ordering::Acquire) {
                return Err(Error::interrupted());
            }
            let outcome = self.pool.instance(&place)?.process(&mut part.batch);
            let failures = match outcome {
                Ok(transformed) => {
                    self.broken_in_a_row = 0;
                    self.take(part, transformed, before, passed)?
                }
                Err(error) => {
                    self.pool.close(&place);
                    if !error.code.starts_with("plugin-") {
                        return Err(error);
                    }
                    if part.batch.len() > 1 {
                        let (front, back) = part.halves()?;
                        left.extend([back, front]);
                        continue;
                    }
                    self.poison(part, error, before, passed)?
                }
            };
            if failures > 0 && self.on_failure == OnFailure::Stop {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The one record that broke the plugin; 1.
    fn poison(
        &mut self,
        part: Part,
        error: Error,
        before: u64,
        passed: &mut Passed,
    ) -> Result<usize> {
        self.totals.taken += 1;
        self.totals.failed += 1;
        self.broken_in_a_row += 1;
        let index = part.indexes.first().copied().unwrap_or_default();
        let place = place_of(&part.batch, before + u64::from(index));
        if self.broken_in_a_row >= BROKEN_IN_A_ROW_MAX {
            let name = &self.transform.manifest().name;
            let message = format!("`{name}` broke on {BROKEN_IN_A_ROW_MAX} records in a row");
            return Err(Error::failed("transform-broken", message)
                .with_evidence(format!("{place}: {}: {error}", error.code))
                .with_cause("that many together are no fault of the records")
                .with_next(format!("plugin info {name}")));
        }
        let message = error.to_string();
        let code = error.code.into_owned();
        passed.failures.push(Failure { index, place, code, message, original: part.batch });
        Ok(1)
    }

    /// Books what a call gave; the number of records that failed.
    fn take(
        &mut self,
        part: Part,
        transformed: Transformed,
        before: u64,
        passed: &mut Passed,
    ) -> Result<usize> {
        let Part { mut batch, indexes } = part;
        let Transformed { mut sources, failed, .. } = transformed;
        check(&batch, &sources, &failed, indexes.len())?;
        let failures = failed.len();
        let first = failed.iter().map(|failure| failure.index).min();
        let end = match (first, self.on_failure) {
            (Some(first), OnFailure::Stop) => first,
            _ => indexes.len() as u32,
        };
        if let Some(cut) = sources.iter().position(|source| *source >= end) {
            sources.truncate(cut);
            batch = first_of(&batch, cut)?;
        }
        let stopped = first.filter(|_| self.on_failure == OnFailure::Stop);
        let booked: Vec<FailedRecord> = match stopped {
            Some(first) => failed.into_iter().filter(|failure| failure.index == first).collect(),
            None => failed,
        };
        self.totals.taken += u64::from(end) + stopped.map_or(0, |_| 1);
        self.totals.failed += booked.len() as u64;
        self.totals.passed += sources.len() as u64;
        let made = sources.chunk_by(|a, b| a == b).count();
        let looked_at = end as usize - if stopped.is_some() { 0 } else { booked.len() };
        self.totals.dropped += looked_at.saturating_sub(made) as u64;
        sources.iter_mut().for_each(|source| *source = indexes[*source as usize]);
        if !batch.is_empty() {
            passed.outs.push(Out { batch, sources });
        }
        for FailedRecord { index, code, message, original } in booked {
            let index = indexes[index as usize];
            let place = place_of(&original, before + u64::from(index));
            passed.failures.push(Failure { index, place, code, message, original });
        }
        Ok(failures)
    }
}

/// What any host of plugins has to hold to, or a record that failed could pass.
fn check(
    batch: &RecordBatch,
    sources: &[u32],
    failed: &[FailedRecord],
    given: usize,
) -> Result<()> {
    let inside = |index: u32| (index as usize) < given;
    let sound = batch.len() == sources.len()
        && sources.is_sorted()
        && sources.last().is_none_or(|last| inside(*last))
        && failed
            .iter()
            .all(|failure| inside(failure.index) && sources.binary_search(&failure.index).is_err());
    match sound {
        true => Ok(()),
        false => Err(Error::bug("a transform gave records that cannot be")),
    }
}

fn first_of(batch: &RecordBatch, count: usize) -> Result<RecordBatch> {
    let mut first = RecordBatch::new();
    for record in batch.iter().take(count) {
        if !first.push(record) {
            return Err(Error::bug("a part of a batch is larger than the batch"));
        }
    }
    Ok(first)
}

/// How a record is named: by its coordinate, or by its number where it has none.
fn place_of(original: &RecordBatch, number: u64) -> String {
    match original.iter().next() {
        Some(record) if record.offset >= 0 => record.coordinate(),
        _ => format!("record {}", number + 1),
    }
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
