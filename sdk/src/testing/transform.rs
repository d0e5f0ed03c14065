//! Records for transforms, and what came out of them.

use crate::settings::Settings;
use crate::transform::{Batch, Emitted, Emitter, Record, Records, Transform, process};
use crate::{Error, Result};

const NULL: u32 = u32::MAX;

/// Records in the making, of partition 0, with offsets from 0 and timestamps from
/// 1,700,000,000,000 on.
#[derive(Clone, Debug)]
pub struct RecordsBuilder {
    batch: Batch,
}

/// Records of `topic`.
pub fn records(topic: &str) -> RecordsBuilder {
    let batch = Batch {
        topic: topic.to_owned(),
        partition: 0,
        arena: Vec::new(),
        bounds: Vec::new(),
        headers: Vec::new(),
        offsets: Vec::new(),
        timestamps: Vec::new(),
    };
    RecordsBuilder { batch }
}

impl RecordsBuilder {
    fn put(&mut self, bytes: Option<&[u8]>) -> [u32; 2] {
        let Some(bytes) = bytes else { return [NULL, 0] };
        let start = self.batch.arena.len() as u32;
        self.batch.arena.extend_from_slice(bytes);
        [start, bytes.len() as u32]
    }

    /// A record.
    pub fn record(mut self, key: Option<&[u8]>, value: Option<&[u8]>) -> Self {
        let (key, value) = (self.put(key), self.put(value));
        let first = (self.batch.headers.len() / 4) as u32;
        self.batch.bounds.extend([key[0], key[1], value[0], value[1], first, 0]);
        let index = self.batch.offsets.len() as i64;
        self.batch.offsets.push(index);
        self.batch.timestamps.push(1_700_000_000_000 + index);
        self
    }

    /// A record without key.
    pub fn value(self, value: impl AsRef<[u8]>) -> Self {
        self.record(None, Some(value.as_ref()))
    }

    /// A record with key and value.
    pub fn keyed(self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.record(Some(key.as_ref()), Some(value.as_ref()))
    }

    /// A record with a key and without value.
    pub fn tombstone(self, key: impl AsRef<[u8]>) -> Self {
        self.record(Some(key.as_ref()), None)
    }

    /// A header of the last record.
    ///
    /// # Panics
    /// If there is no record yet.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let (name, value) = (self.put(Some(name.as_bytes())), self.put(Some(value.as_ref())));
        self.batch.headers.extend([name[0], name[1], value[0], value[1]]);
        *self.batch.bounds.last_mut().expect("a header belongs to a record") += 1;
        self
    }

    /// The timestamp of the last record, ms since 1970-01-01 UTC.
    ///
    /// # Panics
    /// If there is no record yet.
    pub fn timestamp(mut self, ms: i64) -> Self {
        *self.batch.timestamps.last_mut().expect("a timestamp belongs to a record") = ms;
        self
    }

    /// The records as a transform gets them.
    pub fn build(self) -> Records {
        Records::new(self.batch)
    }
}

/// A record that came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Out {
    /// Index of the record that it was made of
    pub source: usize,
    /// `None`: it has none
    pub key: Option<Vec<u8>>,
    /// `None`: a tombstone
    pub value: Option<Vec<u8>>,
    /// In order; a name may come twice, a value be null
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// ms since 1970-01-01 UTC; below 0 where it has none
    pub timestamp: i64,
    /// Where it goes elsewhere than the others
    pub topic: Option<String>,
}

/// What came out of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Ran {
    /// In the order in which they were emitted
    pub records: Vec<Out>,
    /// Records that could not be transformed: index and why
    pub failures: Vec<(usize, Error)>,
    /// Bytes that were not simply pointed to in the input
    pub copied: usize,
}

impl Ran {
    /// The values that came out, as text; `null` where there is none.
    pub fn values(&self) -> Vec<String> {
        self.records.iter().map(|record| shown(record.value.as_deref())).collect()
    }

    /// The keys that came out, as text; `null` where there is none.
    pub fn keys(&self) -> Vec<String> {
        self.records.iter().map(|record| shown(record.key.as_deref())).collect()
    }

    /// Codes of the records that failed.
    pub fn codes(&self) -> Vec<&str> {
        self.failures.iter().map(|(_, error)| error.code()).collect()
    }
}

fn shown(bytes: Option<&[u8]>) -> String {
    bytes.map_or("null".to_owned(), |bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// Gives each of `records` to a function without settings.
pub fn each(
    function: impl Fn(Record<'_>, &mut Emitter<'_>) -> Result<()>,
    records: Records,
) -> Ran {
    each_with(|record, out, ()| function(record, out), &(), records)
}

/// Gives each of `records` to a function with settings.
pub fn each_with<S: Settings>(
    function: impl Fn(Record<'_>, &mut Emitter<'_>, &S) -> Result<()>,
    settings: &S,
    records: Records,
) -> Ran {
    let mut out = Emitter::new(&records);
    out.each(&records, |record, out| function(record, out, settings));
    let emitted = out.into_emitted();
    ran(&records.arena(), emitted)
}

/// Gives `records` to an instance of a transform.
///
/// # Panics
/// If it refuses the batch as a whole.
pub fn run(transform: &mut impl Transform, records: Records) -> Ran {
    let (arena, batch) = (records.arena(), records.into_batch());
    let emitted = process(transform, batch).expect("the batch is worked with");
    ran(&arena, emitted)
}

impl Records {
    fn arena(&self) -> Vec<u8> {
        self.batch().arena.clone()
    }
}

fn ran(input: &[u8], emitted: Emitted) -> Ran {
    let copied = emitted.arena.len();
    let bytes = |start: u32, len: u32| {
        let (from, len) = (start as usize, len as usize);
        (start != NULL).then(|| match from.checked_sub(input.len()) {
            Some(from) => emitted.arena[from..from + len].to_vec(),
            None => input[from..from + len].to_vec(),
        })
    };
    let header = |row: &[u32]| {
        let name = bytes(row[0], row[1]).unwrap_or_default();
        (String::from_utf8_lossy(&name).into_owned(), bytes(row[2], row[3]))
    };
    let rows = emitted.bounds.chunks_exact(6).enumerate().map(|(index, bounds)| Out {
        source: emitted.sources[index] as usize,
        key: bytes(bounds[0], bounds[1]),
        value: bytes(bounds[2], bounds[3]),
        headers: emitted
            .headers
            .chunks_exact(4)
            .skip(bounds[4] as usize)
            .take(bounds[5] as usize)
            .map(header)
            .collect(),
        timestamp: emitted.timestamps[index],
        topic: emitted.topic_names.get(emitted.topics[index] as usize).cloned(),
    });
    let failures = emitted.failures.iter();
    let failure = |f: &crate::bindings::transform::kafsh::transform::types::RecordFailure| {
        (f.index as usize, Error::new(f.code.clone(), f.message.clone()))
    };
    Ran { records: rows.collect(), failures: failures.map(failure).collect(), copied }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Records {
        records("orders").keyed("k", "one").header("trace", "7").value("two").build()
    }

    #[test]
    fn what_is_unchanged_is_not_copied() {
        let same = |record: Record<'_>, out: &mut Emitter<'_>| {
            out.emit(record);
            Ok(())
        };
        let ran = each(same, sample());
        assert_eq!(
            (ran.values(), ran.keys(), ran.copied),
            (vec!["one".to_owned(), "two".to_owned()], vec!["k".to_owned(), "null".to_owned()], 0)
        );
        assert_eq!(ran.records[0].headers, [("trace".to_owned(), Some(b"7".to_vec()))]);
        assert_eq!(ran.records[1].timestamp, 1_700_000_000_001);
    }

    #[test]
    fn everything_of_a_record_can_be_changed() {
        let change = |record: Record<'_>, out: &mut Emitter<'_>| {
            out.emit(record.with_value("VALUE").with_key(b"KEY").to_topic("audit"));
            out.emit(
                record
                    .without_value()
                    .without_key()
                    .without_header("trace")
                    .with_header("new", "8")
                    .with_timestamp(5),
            );
            Ok(())
        };
        let ran = each(change, records("t").keyed("k", "v").header("trace", "7").build());
        let [first, second] = ran.records.as_slice() else { panic!("{ran:?}") };
        assert_eq!(
            (first.value.as_deref(), first.key.as_deref()),
            (Some(b"VALUE".as_slice()), Some(b"KEY".as_slice()))
        );
        assert_eq!((first.topic.as_deref(), first.headers.len()), (Some("audit"), 1));
        assert_eq!((&second.value, &second.key, second.timestamp), (&None, &None, 5));
        assert_eq!(second.headers, [("new".to_owned(), Some(b"8".to_vec()))]);
        assert_eq!((second.source, &second.topic), (0, &None));
    }

    #[test]
    fn nothing_is_left_of_a_record_that_fails() {
        let fail = |record: Record<'_>, out: &mut Emitter<'_>| {
            out.emit(record.with_value("half").with_header("h", "x").to_topic("gone"));
            if record.index() == 0 { Err(Error::new("no", "not this one")) } else { Ok(()) }
        };
        let ran = each(fail, sample());
        assert_eq!(ran.failures, [(0, Error::new("no", "not this one"))]);
        assert_eq!((ran.values(), ran.records[0].source), (vec!["half".to_owned()], 1));
        assert_eq!((ran.copied, ran.records[0].headers.len()), (6, 1));
    }

    #[test]
    fn a_tombstone_has_a_key_alone() {
        let alone = |record: Record<'_>, out: &mut Emitter<'_>| {
            if record.value().is_none() {
                out.emit(record);
            }
            Ok(())
        };
        let ran = each(alone, records("orders").keyed("a", "1").tombstone("b").build());
        assert_eq!((ran.keys(), ran.values()), (vec!["b".to_owned()], vec!["null".to_owned()]));
    }

    #[test]
    #[should_panic(expected = "in the order in which they came")]
    fn records_stay_in_order() {
        let records = sample();
        let mut out = Emitter::new(&records);
        out.emit(records.get(1));
        out.emit(records.get(0));
    }
}
