//! A few records through a transform, with what became of each: for the author of a plugin.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafsh_model::plugin::Settings;
use kafsh_model::record::RecordBatch;
use kafsh_model::transform::Transform;
use kafsh_model::{Error, Result};

use super::runner::{Failure, OnFailure, Out, Passed, Runner};

/// What a host says of a record that would go where its plugin may not send.
const OUTPUT_REFUSED: &str = "transform-output-refused";

/// What became of a record.
pub enum Fate {
    /// What came of it; nothing: it was dropped
    Became(RecordBatch),
    Failed(Failure),
}

/// What became of each record of `batch`, in order, and the counters of the plugin. Synchronous:
/// guests hold the thread.
///
/// # Errors
/// What the plugin says of its settings; `plugin-…` where it cannot be started.
pub fn run(
    transform: Arc<dyn Transform>,
    settings: Arc<Settings>,
    batch: RecordBatch,
) -> Result<(Vec<Fate>, BTreeMap<String, u64>)> {
    let mut fates: Vec<Fate> = Vec::with_capacity(batch.len());
    fates.resize_with(batch.len(), || Fate::Became(RecordBatch::new()));
    let mut runner = Runner::new(transform, settings, OnFailure::GoOn)?;
    match runner.run(batch.clone()) {
        Passed { error: None, outs, failures } => book(&mut fates, 0, outs, failures)?,
        // A pipeline ends there. Its author is shown what became of the others.
        Passed { error: Some(error), .. } if error.code == OUTPUT_REFUSED => {
            for index in 0..batch.len() {
                one_by_one(&mut runner, &batch, index, &mut fates)?;
            }
        }
        Passed { error: Some(error), .. } => return Err(error),
    }
    Ok((fates, runner.counters()))
}

fn one_by_one(
    runner: &mut Runner,
    batch: &RecordBatch,
    index: usize,
    fates: &mut [Fate],
) -> Result<()> {
    let Passed { error, outs, failures } = runner.run(batch.alone(index));
    match error {
        None => book(fates, index, outs, failures),
        Some(error) if error.code == OUTPUT_REFUSED => {
            fates[index] = Fate::Failed(Failure {
                index: u32::try_from(index).unwrap_or(u32::MAX),
                place: batch.get(index).coordinate(),
                code: error.code.to_string(),
                message: error.cause.unwrap_or(error.message),
                original: batch.alone(index),
            });
            Ok(())
        }
        Some(error) => Err(error),
    }
}

/// Puts down what became of records, the first of which has the number `first`.
fn book(fates: &mut [Fate], first: usize, outs: Vec<Out>, failures: Vec<Failure>) -> Result<()> {
    for out in outs {
        for (record, source) in out.batch.iter().zip(out.sources) {
            if let Some(Fate::Became(records)) = fates.get_mut(first + source as usize)
                && !records.push(record)
            {
                return Err(Error::bug("a record is larger than its batch"));
            }
        }
    }
    for failure in failures {
        if let Some(fate) = fates.get_mut(first + failure.index as usize) {
            *fate = Fate::Failed(failure);
        }
    }
    Ok(())
}
