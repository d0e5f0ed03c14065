//! A transform and a source for the tests of this folder: what is done stands in the values.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use kafsh_model::plugin::{Manifest, PluginKind, Settings};
use kafsh_model::port::BoxFuture;
use kafsh_model::record::{Columns, Emitted, RecordBatch, RecordView, SAME_TOPIC};
use kafsh_model::transform::{
    FailedRecord, SourcePartition, State, Transform, TransformInstance, Transformed,
};
use kafsh_model::{Error, Result};

use crate::flow::Source;

/// `poison` breaks it, `bad` fails, `drop` is dropped, `refused` ends everything, `once` passes
/// only the first time in its partition; all else passes.
#[derive(Default)]
pub struct Fake {
    pub opened: AtomicUsize,
    pub calls: AtomicUsize,
    /// Partitions in the order in which they were opened
    pub places: Mutex<Vec<SourcePartition>>,
    pub refuses_settings: bool,
    manifest: Option<Manifest>,
}

impl Fake {
    pub fn new() -> Arc<Fake> {
        Arc::new(Fake { manifest: Some(manifest()), ..Fake::default() })
    }

    pub fn refusing() -> Arc<Fake> {
        Arc::new(Fake { refuses_settings: true, manifest: Some(manifest()), ..Fake::default() })
    }
}

fn manifest() -> Manifest {
    Manifest {
        schema: 1,
        name: "fake".to_string(),
        version: "1.2.3".to_string(),
        kind: PluginKind::Transform,
        api: "kafsh:transform@1.0.0".to_string(),
        sdk: String::new(),
        summary: String::new(),
        authors: Vec::new(),
        license: String::new(),
        repository: String::new(),
        capabilities: Vec::new(),
        limits: Default::default(),
        settings: Vec::new(),
        outputs: Vec::new(),
    }
}

/// The fake, shared with its instances.
pub struct Shared(pub Arc<Fake>);

struct Instance {
    fake: Arc<Fake>,
    place: SourcePartition,
    state: State,
    seen: u64,
    broken: bool,
}

impl Transform for Shared {
    fn manifest(&self) -> &Manifest {
        self.0.manifest.as_ref().expect("made with one")
    }

    fn open(
        &self,
        source: &SourcePartition,
        _: &Arc<Settings>,
        state: State,
    ) -> Result<Box<dyn TransformInstance>> {
        if self.0.refuses_settings {
            return Err(Error::failed("plugin-failed", "no"));
        }
        self.0.opened.fetch_add(1, Ordering::Relaxed);
        self.0.places.lock().unwrap().push(source.clone());
        let (fake, place) = (self.0.clone(), source.clone());
        Ok(Box::new(Instance { fake, place, state, seen: 0, broken: false }))
    }
}

impl TransformInstance for Instance {
    fn process(&mut self, batch: &mut RecordBatch) -> Result<Transformed> {
        self.fake.calls.fetch_add(1, Ordering::Relaxed);
        assert!(!self.broken, "not used again after a failure");
        let first = batch.get(0);
        assert_eq!((first.topic, first.partition), (&*self.place.topic, self.place.partition));
        assert!(batch.is_of_one_partition());
        let is = |record: &RecordView<'_>, what: &[u8]| record.value == Some(what);
        if batch.iter().any(|record| is(&record, b"refused")) {
            return Err(Error::refused("transform-output-refused", "went too far"));
        }
        if batch.iter().any(|record| is(&record, b"poison")) {
            self.broken = true;
            return Err(Error::failed("plugin-panic", "it broke"));
        }
        self.seen += batch.len() as u64;
        let (mut columns, mut emitted) = (Columns::default(), Emitted::default());
        batch.columns(&mut columns);
        let mut failed = Vec::new();
        for (index, record) in batch.iter().enumerate() {
            if is(&record, b"bad") {
                let (code, message) = ("bad-value".to_string(), "it is bad".to_string());
                let (index, original) = (index as u32, batch.alone(index));
                failed.push(FailedRecord { index, code, message, original });
                continue;
            }
            let again =
                is(&record, b"once") && self.state.insert(b"once".into(), vec![1]).is_some();
            if is(&record, b"drop") || again {
                continue;
            }
            emitted.bounds.extend_from_slice(&columns.bounds[index * 6..index * 6 + 6]);
            emitted.sources.push(index as u32);
            emitted.timestamps.push(record.timestamp_ms);
            emitted.topics.push(SAME_TOPIC);
        }
        emitted.headers = columns.headers;
        batch.replace(&emitted).expect("made of it");
        Ok(Transformed { sources: emitted.sources, failed, fuel: None })
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn counters(&self) -> BTreeMap<String, u64> {
        BTreeMap::from([("seen".to_string(), self.seen)])
    }
}

/// Values of `topic/partition`, with offsets from `first`.
pub fn batch(partition: i32, first: i64, values: &[&str]) -> RecordBatch {
    let mut batch = RecordBatch::new();
    for (offset, value) in (first..).zip(values) {
        let view = RecordView::new("t", None, Some(value.as_bytes()));
        assert!(batch.push(RecordView { partition, offset, ..view }));
    }
    batch
}

pub fn values(batch: &RecordBatch) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    batch.iter().map(|record| text(record.value.unwrap_or_default())).collect()
}

/// Batches, and how many of them were acknowledged.
pub struct Given {
    pub batches: VecDeque<RecordBatch>,
    pub pulled: Arc<AtomicUsize>,
    pub acknowledged: Arc<AtomicUsize>,
}

impl Given {
    pub fn new(batches: impl IntoIterator<Item = RecordBatch>) -> Given {
        let batches = batches.into_iter().collect();
        Given { batches, pulled: Arc::default(), acknowledged: Arc::default() }
    }
}

impl Source<RecordBatch> for Given {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<RecordBatch>>> {
        Box::pin(async {
            let batch = self.batches.pop_front();
            self.pulled.fetch_add(usize::from(batch.is_some()), Ordering::Relaxed);
            Ok(batch)
        })
    }

    fn acknowledge(&mut self) -> BoxFuture<'_, Result<()>> {
        let pulled = self.pulled.load(Ordering::Relaxed);
        self.acknowledged.store(pulled, Ordering::Relaxed);
        Box::pin(async { Ok(()) })
    }
}
