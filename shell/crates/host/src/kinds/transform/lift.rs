//! What a transform gives back, checked, and the batch made what it says.

use kafsh_model::error::{Error, Result};
use kafsh_model::glob::fits;
use kafsh_model::name::check_topic_name;
use kafsh_model::record::{self, BOUNDS_STRIDE, HEADER_STRIDE, RecordBatch};
use kafsh_model::transform::{FailedRecord, Transformed};

use super::{TransformKind, types};
use crate::answer::{self, at_most, check_code};
use crate::fault::{Call, Identity};
use crate::grants::may_send_to;
use crate::limits::{
    BATCH_RECORDS_MAX, FAILURE_BYTES_MAX, STRING_BYTES_MAX, TOPIC_NAMES_MAX, output_bytes_max,
};
use crate::plugin::Plugin;
use crate::text::shown_within;

/// Topics that brokers keep for themselves begin so, whatever a manifest says.
const INTERNAL_PREFIX: &str = "__";

/// Its own no, in its own words.
pub(super) fn failure(identity: &Identity, call: Call, failure: &types::Failure) -> Error {
    let checked = check_code(&failure.code)
        .and_then(|()| answer::text(&failure.message, STRING_BYTES_MAX, "message"));
    match checked {
        Ok(_) => identity.said_no(call, &failure.code, &failure.message),
        Err(why) => identity.bad_output(call, why),
    }
}

/// Makes `batch` what came out of it.
///
/// # Errors
/// `plugin-failed`, `plugin-bad-output`; `transform-output-refused`, which is no fault of a record
/// and ends the pipeline. `batch` is then as it was.
pub(super) fn emitted(
    plugin: &Plugin<TransformKind>,
    call: Call,
    batch: &mut RecordBatch,
    emitted: std::result::Result<types::Emitted, types::Failure>,
) -> Result<Transformed> {
    let identity = &plugin.identity;
    let emitted = emitted.map_err(|said| failure(identity, call, &said))?;
    let bad = |why: String| identity.bad_output(call, why);
    check_amounts(batch, &emitted).map_err(bad)?;
    check_failures(batch.len(), &emitted).map_err(bad)?;
    for (index, name) in emitted.topic_names.iter().enumerate() {
        check_topic_name(name).map_err(|e| bad(e.to_string()))?;
        if let Some(refused) = refused_output(plugin, call, name) {
            return Err(name_record(refused, batch, &emitted, index));
        }
    }
    let failed = emitted.failures.into_iter().map(|failure| FailedRecord {
        index: failure.index,
        code: failure.code,
        message: shown_within(&failure.message, FAILURE_BYTES_MAX),
        original: batch.alone(failure.index as usize),
    });
    let failed = failed.collect();
    let columns = record::Emitted {
        arena: emitted.arena,
        bounds: emitted.bounds,
        headers: emitted.headers,
        sources: emitted.sources,
        timestamps: emitted.timestamps,
        topics: emitted.topics,
        topic_names: emitted.topic_names,
    };
    batch.replace(&columns).map_err(|why| bad(why.to_string()))?;
    Ok(Transformed { sources: columns.sources, failed, fuel: None })
}

/// Why nothing may be sent to the topic `name`.
fn refused_output(plugin: &Plugin<TransformKind>, call: Call, name: &str) -> Option<Error> {
    let identity = &plugin.identity;
    let refused = |why: String| identity.output_refused(call, why);
    if !plugin.manifest.outputs.iter().any(|glob| fits(glob, name)) {
        let line = format!("`outputs = [\"{name}\"]` in `[package.metadata.kafsh]` would name it");
        return Some(refused(format!("its manifest has no output `{name}`")).with_evidence(line));
    }
    if !may_send_to(plugin.grants(), name) {
        return Some(refused(format!("it was not granted the output `{name}`")));
    }
    let is_kafkas = name.starts_with(INTERNAL_PREFIX);
    is_kafkas.then(|| refused(format!("`{name}` is a topic of Kafka's own")))
}

/// Tells which record would have gone to the topic at `index`.
fn name_record(error: Error, batch: &RecordBatch, emitted: &types::Emitted, index: usize) -> Error {
    let is_it = |topic: &u32| *topic as usize == index;
    let row = emitted.topics.iter().position(is_it);
    let source = row.and_then(|row| emitted.sources.get(row)).map(|source| *source as usize);
    match source.filter(|source| *source < batch.len()).map(|source| batch.get(source)) {
        Some(record) if record.offset >= 0 => {
            error.with_evidence(format!("the first to go there: {}", record.coordinate()))
        }
        _ => error,
    }
}

fn check_amounts(batch: &RecordBatch, emitted: &types::Emitted) -> answer::Result<()> {
    at_most(emitted.sources.len(), BATCH_RECORDS_MAX, "records")?;
    at_most(emitted.topic_names.len(), TOPIC_NAMES_MAX, "names of topics")?;
    let max = output_bytes_max(batch.arena().len());
    at_most(emitted.arena.len(), max, "bytes of arena")?;
    let bytes = usize::try_from(record_bytes(emitted)).unwrap_or(usize::MAX);
    at_most(bytes, max, "bytes of records")
}

/// What all records together would take if each had bytes of its own: a guest may point to the
/// same bytes, and headers, as often as it likes.
fn record_bytes(emitted: &types::Emitted) -> u64 {
    let headers = emitted.headers.chunks_exact(HEADER_STRIDE);
    let mut sums = Vec::with_capacity(headers.len() + 1);
    let mut sum = 0_u64;
    sums.push(sum);
    for header in headers {
        sum += size_of::<[u32; HEADER_STRIDE]>() as u64;
        sum += u64::from(header[1]) + u64::from(header[3]);
        sums.push(sum);
    }
    let mut bytes = 0_u64;
    for bounds in emitted.bounds.chunks_exact(BOUNDS_STRIDE) {
        let (first, end) = (bounds[4] as usize, bounds[4].saturating_add(bounds[5]) as usize);
        // One that is not there is refused when the batch is made.
        if let (Some(before), Some(after)) = (sums.get(first), sums.get(end)) {
            bytes = bytes.saturating_add(after - before);
        }
        bytes = bytes.saturating_add(u64::from(bounds[1]) + u64::from(bounds[3]));
    }
    bytes
}

/// Each is of a record that is there, told once, and nothing of it came out.
fn check_failures(records: usize, emitted: &types::Emitted) -> answer::Result<()> {
    if emitted.failures.is_empty() {
        return Ok(());
    }
    at_most(emitted.failures.len(), records, "failures")?;
    let mut failed = vec![false; records];
    for failure in &emitted.failures {
        let index = failure.index;
        match failed.get_mut(index as usize) {
            Some(seen) if !*seen => *seen = true,
            Some(_) => return Err(format!("record {index} failed twice")),
            None => return Err(format!("record {index} failed, which is not there")),
        }
        check_code(&failure.code)?;
        at_most(failure.message.len(), STRING_BYTES_MAX, "bytes of message")?;
    }
    let is_failed = |source: &&u32| failed.get(**source as usize) == Some(&true);
    match emitted.sources.iter().find(is_failed) {
        Some(source) => Err(format!("record {source} failed and came out all the same")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
