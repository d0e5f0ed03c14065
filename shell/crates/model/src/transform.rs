//! Transforms: what becomes of each record. The contract is `sdk/wit/transform`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::Result;
use crate::plugin::{Manifest, Settings};
use crate::record::RecordBatch;

/// Where an instance of a transform stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourcePartition {
    pub topic: String,
    /// Below 0: records come from no partition
    pub partition: i32,
}

/// A record that could not be transformed.
#[derive(Clone, Debug)]
pub struct FailedRecord {
    /// Index in the batch that was given
    pub index: u32,
    pub code: String,
    pub message: String,
    /// The record as it was, alone in a batch
    pub original: RecordBatch,
}

/// What happened to a batch; the batch itself then holds what came out.
#[derive(Clone, Debug, Default)]
pub struct Transformed {
    /// One for each record that came out: index of the record it was made of; never falling
    pub sources: Vec<u32>,
    pub failed: Vec<FailedRecord>,
    /// Fuel burnt, where it is counted
    pub fuel: Option<u64>,
}

/// What an instance keeps beyond itself: the capability `state`.
pub type State = BTreeMap<Vec<u8>, Vec<u8>>;

/// One warm instance for one partition. Not used again after an error of code `plugin-…`.
pub trait TransformInstance: Send {
    /// Replaces `batch`, whose records are all of this partition, by what comes out.
    ///
    /// # Errors
    /// `plugin-…`, which may be the fault of a record; others are not, such as
    /// `transform-output-refused`. `batch` and what is kept are then as they were.
    fn process(&mut self, batch: &mut RecordBatch) -> Result<Transformed>;
    /// What it keeps, to be saved together with the progress of the pipeline.
    fn state(&self) -> &State;
    /// Counters of the capability `metrics`, since the instance was made.
    fn counters(&self) -> BTreeMap<String, u64>;
    /// Bytes of memory that it holds; 0 where that is not known.
    fn memory_bytes(&self) -> usize {
        0
    }
}

/// A transform plugin.
pub trait Transform: Send + Sync {
    fn manifest(&self) -> &Manifest;
    /// A new instance with what an earlier one kept.
    ///
    /// # Errors
    /// `plugin-…`; `plugin-failed` where it refuses its settings.
    fn open(
        &self,
        source: &SourcePartition,
        settings: &Arc<Settings>,
        state: State,
    ) -> Result<Box<dyn TransformInstance>>;
}

/// Finds transforms by name.
pub trait Transforms: Send + Sync {
    fn transform(&self, name: &str) -> Result<Arc<dyn Transform>>;
}
