//! A checkpoint: how far reading has come and what transforms remember, in one file that is always
//! whole. It is replaced, not written over, and one process at a time has it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kafsh_model::topic::TopicPartition;
use kafsh_model::transform::{SourcePartition, State};
use kafsh_model::{Error, Result};
use serde::{Deserialize, Serialize};

use super::pool::States;
use crate::records::envelope::{decode, encode};

/// Version of the file's form.
const SCHEMA: u32 = 1;
/// Pause between two savings: what a kill costs is read again.
const PAUSE: Duration = Duration::from_secs(1);
/// Saving large states must not become the work: so many times as long is left between.
const PAUSE_FACTOR: u32 = 10;
/// Bytes of the file.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// How often the file may be replaced under our hands before it is somebody else's.
const OPEN_TRIES: usize = 3;

/// The next offset to be read of each partition.
pub type Offsets = BTreeMap<TopicPartition, i64>;

/// One transform of a pipeline: `dedupe#1`.
pub type Key = String;

/// What a checkpoint is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub cluster: Option<String>,
    /// With Kafka's topic ids, where brokers tell them
    pub topics: BTreeMap<String, Option<String>>,
}

#[derive(Serialize, Deserialize)]
struct Contents {
    schema: u32,
    cluster: Option<String>,
    topics: BTreeMap<String, Option<String>>,
    /// By topic and partition
    offsets: BTreeMap<String, BTreeMap<i32, i64>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    transforms: BTreeMap<Key, Vec<PartitionState>>,
}

#[derive(Serialize, Deserialize)]
struct PartitionState {
    topic: String,
    partition: i32,
    /// Keys and values in base64
    entries: Vec<(String, String)>,
}

pub struct Checkpoint {
    path: PathBuf,
    inner: Mutex<Inner>,
}

struct Inner {
    contents: Contents,
    /// The file as it is there now; its lock is ours. None: it is not there yet
    held: Option<File>,
    /// The transforms of this pipeline
    registered: Vec<Key>,
    /// What they gave since reading last heard that all is done
    round: BTreeMap<Key, States>,
    /// How far all was done when it was not yet time to save, with what belongs to it
    unsaved: Option<(Offsets, BTreeMap<Key, States>)>,
    next: Instant,
}

impl Checkpoint {
    /// Opens what is there and takes it for this process; the offsets that it holds.
    ///
    /// # Errors
    /// `checkpoint-in-use`, `checkpoint-damaged`, `checkpoint-mismatch`; it cannot be read.
    pub fn open(path: &Path, identity: Identity) -> Result<(Checkpoint, Offsets)> {
        let (held, contents) = match take(path)? {
            Some((file, contents)) => {
                check(path, &contents, &identity)?;
                (Some(file), contents)
            }
            None => (None, Contents::new(identity)),
        };
        let mut offsets = Offsets::new();
        for (topic, partitions) in &contents.offsets {
            for (partition, offset) in partitions {
                let at = TopicPartition { topic: topic.clone(), partition: *partition };
                offsets.insert(at, *offset);
            }
        }
        let (registered, round) = (Vec::new(), BTreeMap::new());
        let next = Instant::now();
        let inner = Inner { contents, held, registered, round, unsaved: None, next };
        Ok((Checkpoint { path: path.to_path_buf(), inner: Mutex::new(inner) }, offsets))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // What panicked under the lock had not changed the file.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A transform of this pipeline, with what it kept the last time. Nothing is saved from here
    /// on without what it keeps.
    ///
    /// # Errors
    /// `checkpoint-damaged`.
    pub fn register(&self, plugin: &str) -> Result<(Key, States)> {
        let mut inner = self.inner();
        let prefix = format!("{plugin}#");
        let number = inner.registered.iter().filter(|key| key.starts_with(&prefix)).count() + 1;
        let key = format!("{prefix}{number}");
        inner.registered.push(key.clone());
        let mut states = States::new();
        for kept in inner.contents.transforms.get(&key).into_iter().flatten() {
            let place = SourcePartition { topic: kept.topic.clone(), partition: kept.partition };
            let entry = |(key, value): &(String, String)| Some((decode(key)?, decode(value)?));
            let state: Option<State> = kept.entries.iter().map(entry).collect();
            let state = state.ok_or_else(|| damaged(&self.path, "a state is not base64"))?;
            states.insert(place, state);
        }
        Ok((key, states))
    }

    /// What is kept would be saved with the next acknowledgement.
    pub fn is_due(&self) -> bool {
        Instant::now() >= self.inner().next
    }

    /// What a transform remembers of all that was pulled so far.
    pub fn put(&self, key: &Key, states: States) {
        self.inner().round.insert(key.clone(), states);
    }

    /// All before `positions` is where it should be. Saved where it is time and every transform
    /// gave what belongs to it: offsets and states of different moments would lose or count twice.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn acknowledged(&self, positions: Offsets, at_the_end: bool) -> Result<()> {
        let mut inner = self.inner();
        let round = std::mem::take(&mut inner.round);
        let complete = inner.registered.iter().all(|key| round.contains_key(key));
        if !complete {
            return Ok(());
        }
        if !(at_the_end || Instant::now() >= inner.next) {
            inner.unsaved = Some((positions, round));
            return Ok(());
        }
        self.keep(&mut inner, positions, round)
    }

    fn keep(
        &self,
        inner: &mut Inner,
        positions: Offsets,
        round: BTreeMap<Key, States>,
    ) -> Result<()> {
        inner.unsaved = None;
        let mut changed = inner.held.is_none();
        for (at, offset) in positions {
            let known = inner.contents.offsets.entry(at.topic).or_default();
            changed |= known.insert(at.partition, offset) != Some(offset);
        }
        if !changed {
            return Ok(());
        }
        for (key, states) in round {
            let states: Vec<PartitionState> = states.into_iter().map(written).collect();
            match states.is_empty() {
                true => drop(inner.contents.transforms.remove(&key)),
                false => drop(inner.contents.transforms.insert(key, states)),
            }
        }
        let began = Instant::now();
        inner.held = Some(save(&self.path, &inner.contents, inner.held.is_none())?);
        inner.next = Instant::now() + PAUSE.max(began.elapsed() * PAUSE_FACTOR);
        Ok(())
    }
}

/// A pipeline that is left before its end (`| head 3`) ends here, and what it did is done.
impl Drop for Checkpoint {
    fn drop(&mut self) {
        let mut inner = self.inner();
        if let Some((positions, round)) = inner.unsaved.take() {
            // Nobody is left to be told; what is not saved is read again.
            let _ = self.keep(&mut inner, positions, round);
        }
    }
}

impl Contents {
    fn new(identity: Identity) -> Self {
        let Identity { cluster, topics } = identity;
        let (offsets, transforms) = (BTreeMap::new(), BTreeMap::new());
        Contents { schema: SCHEMA, cluster, topics, offsets, transforms }
    }
}

fn written((place, state): (SourcePartition, State)) -> PartitionState {
    let entries = state.iter().map(|(key, value)| (encode(key), encode(value))).collect();
    PartitionState { topic: place.topic, partition: place.partition, entries }
}

/// The file that is there, with its lock.
fn take(path: &Path) -> Result<Option<(File, Contents)>> {
    let cannot = |e: &std::io::Error| Error::io(format!("`{}` cannot be read", path.display()), e);
    for _ in 0..OPEN_TRIES {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cannot(&error)),
        };
        if file.try_lock().is_err() {
            return Err(in_use(path));
        }
        let ours = file.metadata().map_err(|e| cannot(&e))?;
        // Replaced between our opening and our locking it: what we have is nobody's any more.
        let is_there = std::fs::metadata(path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino()));
        if !is_there {
            continue;
        }
        if ours.len() > FILE_BYTES_MAX {
            return Err(damaged(path, "it is larger than any that is written"));
        }
        let contents: Contents = serde_json::from_reader(std::io::BufReader::new(&file))
            .map_err(|error| damaged(path, &error.to_string()))?;
        if contents.schema != SCHEMA {
            return Err(damaged(path, &format!("its schema is {}", contents.schema)));
        }
        return Ok(Some((file, contents)));
    }
    Err(in_use(path))
}

/// Replaces the file as a whole; the new one is locked before it has the name.
fn save(path: &Path, contents: &Contents, is_first: bool) -> Result<File> {
    let cannot =
        |e: &std::io::Error| Error::io(format!("`{}` cannot be written", path.display()), e);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".checkpoint-")
        .tempfile_in(folder)
        .map_err(|e| cannot(&e))?;
    let bytes = serde_json::to_vec(contents).map_err(|e| Error::bug(e.to_string()))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let message = format!("what is to be kept in `{}` is too large", path.display());
        return Err(Error::failed("checkpoint-too-large", message)
            .with_cause(format!("a checkpoint has at most {} MiB", FILE_BYTES_MAX >> 20)));
    }
    file.write_all(&bytes).and_then(|()| file.as_file().sync_all()).map_err(|e| cannot(&e))?;
    file.as_file().try_lock().map_err(|_| in_use(path))?;
    let file = match is_first {
        true => file.persist_noclobber(path).map_err(|error| match error.error.kind() {
            std::io::ErrorKind::AlreadyExists => in_use(path),
            _ => cannot(&error.error),
        })?,
        false => file.persist(path).map_err(|error| cannot(&error.error))?,
    };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| cannot(&e))?;
    Ok(file)
}

fn in_use(path: &Path) -> Error {
    let message = format!("the checkpoint `{}` is in use", path.display());
    Error::failed("checkpoint-in-use", message)
        .with_cause("another pipeline reads on from it at this moment")
}

fn damaged(path: &Path, why: &str) -> Error {
    let message = format!("the checkpoint `{}` cannot be understood", path.display());
    Error::failed("checkpoint-damaged", message)
        .with_evidence(why)
        .with_cause("it is no checkpoint of this program, or was changed")
}

fn check(path: &Path, contents: &Contents, identity: &Identity) -> Result<()> {
    let shown = path.display();
    let differ = |what: &str, there: String, here: String| {
        let message = format!("the checkpoint `{shown}` is of {what}");
        Err(Error::refused("checkpoint-mismatch", message)
            .with_evidence(format!("in the file: {there}"))
            .with_evidence(format!("asked for: {here}"))
            .with_cause("going on from it would leave records out or read others")
            .with_next("consume TOPIC --checkpoint ANOTHER-FILE"))
    };
    if let (Some(there), Some(here)) = (&contents.cluster, &identity.cluster)
        && there != here
    {
        return differ("another cluster", there.clone(), here.clone());
    }
    let names = |topics: &BTreeMap<String, Option<String>>| -> String {
        topics.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    };
    if !contents.topics.keys().eq(identity.topics.keys()) {
        return differ("other topics", names(&contents.topics), names(&identity.topics));
    }
    for (topic, here) in &identity.topics {
        if let (Some(Some(there)), Some(here)) = (contents.topics.get(topic), here)
            && there != here
        {
            let what = format!("a topic `{topic}` that was deleted");
            return differ(&what, format!("topic id {there}"), format!("topic id {here}"));
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "checkpoint_tests.rs"]
mod tests;
