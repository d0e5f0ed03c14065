//! A few records through a transform, with what became of each: for the author of a plugin.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafsh_model::plugin::Settings;
use kafsh_model::record::RecordBatch;
use kafsh_model::transform::Transform;
use kafsh_model::{Error, Result};

use super::runner::{Failure, OnFailure, Runner};

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
    let passed = runner.run(batch);
    if let Some(error) = passed.error {
        return Err(error);
    }
    for out in passed.outs {
        for (record, source) in out.batch.iter().zip(out.sources) {
            if let Some(Fate::Became(records)) = fates.get_mut(source as usize)
                && !records.push(record)
            {
                return Err(Error::bug("a record is larger than its batch"));
            }
        }
    }
    for failure in passed.failures {
        if let Some(fate) = fates.get_mut(failure.index as usize) {
            *fate = Fate::Failed(failure);
        }
    }
    Ok((fates, runner.counters()))
}
