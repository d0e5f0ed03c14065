//! Records in batches: one arena of bytes and columns of integers, so that a batch costs a handful
//! of allocations however many records it holds, and crosses to a guest as it stands.

mod columns;
mod epoch;

use std::ops::Range;
use std::sync::Arc;

pub use columns::{BOUNDS_STRIDE, BadColumns, Columns, Emitted, HEADER_STRIDE, SAME_TOPIC};
pub use epoch::timestamp_zero;

/// Kafka's timestamp types (message format v2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TimestampType {
    #[default]
    Create,
    LogAppend,
    NotAvailable,
}

/// Marks an absent key, value or header value in a column of bounds.
const NULL: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slice {
    start: u32,
    len: u32,
}

impl Slice {
    const NONE: Slice = Slice { start: NULL, len: 0 };

    fn get(self, arena: &[u8]) -> Option<&[u8]> {
        if self.start == NULL {
            return None;
        }
        let start = self.start as usize;
        Some(&arena[start..start + self.len as usize])
    }
}

#[derive(Clone, Debug)]
struct Row {
    topic: u32,
    partition: i32,
    offset: i64,
    timestamp_ms: i64,
    timestamp_type: TimestampType,
    key: Slice,
    value: Slice,
    headers: Range<u32>,
}

#[derive(Clone, Copy, Debug)]
struct HeaderRow {
    name: Slice,
    value: Slice,
}

/// Most bytes the arena of one batch can hold: positions are 32 bit.
pub const BATCH_BYTES_MAX: usize = u32::MAX as usize - 1;

/// A batch of records, in order. Keys, values and headers are bytes, kept exactly.
#[derive(Clone, Debug, Default)]
pub struct RecordBatch {
    arena: Vec<u8>,
    rows: Vec<Row>,
    headers: Vec<HeaderRow>,
    topics: Vec<Arc<str>>,
}

/// One record to be pushed to a batch, or read from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordView<'a> {
    pub topic: &'a str,
    /// Below 0: not chosen yet
    pub partition: i32,
    /// Below 0: not written yet
    pub offset: i64,
    /// ms since 1970-01-01 UTC; below 0: the broker or producer decides; 0 cannot be written
    pub timestamp_ms: i64,
    pub timestamp_type: TimestampType,
    pub key: Option<&'a [u8]>,
    /// `None` with a key is a tombstone
    pub value: Option<&'a [u8]>,
    pub headers: Headers<'a>,
}

impl<'a> RecordView<'a> {
    /// A record to produce: no partition, offset or timestamp chosen, no headers.
    pub fn new(topic: &'a str, key: Option<&'a [u8]>, value: Option<&'a [u8]>) -> Self {
        RecordView {
            topic,
            partition: -1,
            offset: -1,
            timestamp_ms: -1,
            timestamp_type: TimestampType::Create,
            key,
            value,
            headers: Headers::Slice(&[]),
        }
    }

    /// `topic/partition@offset`, how a record is named in messages.
    pub fn coordinate(&self) -> String {
        format!("{}/{}@{}", self.topic, self.partition, self.offset)
    }
}

/// The headers of a record, in order; a name may occur more than once, a value may be null.
#[derive(Clone, Copy)]
pub enum Headers<'a> {
    Slice(&'a [(&'a str, Option<&'a [u8]>)]),
    #[doc(hidden)]
    Rows(HeaderRows<'a>),
}

#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct HeaderRows<'a> {
    arena: &'a [u8],
    rows: &'a [HeaderRow],
}

impl<'a> Headers<'a> {
    pub fn len(&self) -> usize {
        match self {
            Headers::Slice(slice) => slice.len(),
            Headers::Rows(rows) => rows.rows.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Names are text by Kafka's protocol; bytes that are not UTF-8 come with replacement
    /// characters only if the client library let them through, which librdkafka does.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, Option<&'a [u8]>)> {
        (0..self.len()).map(move |index| match self {
            Headers::Slice(slice) => slice[index],
            Headers::Rows(HeaderRows { arena, rows }) => {
                let name = rows[index].name.get(arena).unwrap_or_default();
                // Pushed as `&str`, so this cannot fail; empty rather than a panic if it did.
                (std::str::from_utf8(name).unwrap_or_default(), rows[index].value.get(arena))
            }
        })
    }
}

impl PartialEq for Headers<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers<'_> {}

impl std::fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl RecordBatch {
    pub fn new() -> Self {
        RecordBatch::default()
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes of keys, values and headers held.
    pub fn bytes(&self) -> usize {
        self.arena.len()
    }

    /// The topics of its records, each once.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.topics.iter().map(|topic| &**topic)
    }

    /// Empties the batch and keeps its memory for the next one.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.rows.clear();
        self.headers.clear();
        self.topics.clear();
    }

    /// Copies a record to the end of the batch. False, and nothing changed, where the batch would
    /// pass [`BATCH_BYTES_MAX`].
    #[must_use]
    pub fn push(&mut self, record: RecordView<'_>) -> bool {
        let headers_bytes: usize =
            record.headers.iter().map(|(n, v)| n.len() + v.map_or(0, <[u8]>::len)).sum();
        let bytes =
            record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len) + headers_bytes;
        if self.arena.len().saturating_add(bytes) > BATCH_BYTES_MAX {
            return false;
        }
        let topic = self.intern(record.topic);
        let key = self.store(record.key);
        let value = self.store(record.value);
        let first = self.headers.len() as u32;
        for (name, value) in record.headers.iter() {
            let name = self.store(Some(name.as_bytes()));
            let value = self.store(value);
            self.headers.push(HeaderRow { name, value });
        }
        let headers = first..self.headers.len() as u32;
        self.rows.push(Row {
            topic,
            partition: record.partition,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            timestamp_type: record.timestamp_type,
            key,
            value,
            headers,
        });
        true
    }

    fn intern(&mut self, topic: &str) -> u32 {
        // The last one first: batches mostly hold one topic.
        match self.topics.iter().rposition(|known| &**known == topic) {
            Some(index) => index as u32,
            None => {
                self.topics.push(topic.into());
                self.topics.len() as u32 - 1
            }
        }
    }

    fn store(&mut self, bytes: Option<&[u8]>) -> Slice {
        match bytes {
            None => Slice::NONE,
            Some(bytes) => {
                let start = self.arena.len() as u32;
                self.arena.extend_from_slice(bytes);
                Slice { start, len: bytes.len() as u32 }
            }
        }
    }

    /// The record at `index`, borrowed. Panics where there is none.
    pub fn get(&self, index: usize) -> RecordView<'_> {
        let row = &self.rows[index];
        let headers = &self.headers[row.headers.start as usize..row.headers.end as usize];
        RecordView {
            topic: &self.topics[row.topic as usize],
            partition: row.partition,
            offset: row.offset,
            timestamp_ms: row.timestamp_ms,
            timestamp_type: row.timestamp_type,
            key: row.key.get(&self.arena),
            value: row.value.get(&self.arena),
            headers: Headers::Rows(HeaderRows { arena: &self.arena, rows: headers }),
        }
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = RecordView<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_keeps_every_byte() {
        let headers: Vec<(&str, Option<&[u8]>)> =
            vec![("a", Some(b"1")), ("a", Some(b"\xff\x00")), ("b", None), ("", Some(b""))];
        let record = RecordView {
            partition: 3,
            offset: 1042,
            timestamp_ms: 1_700_000_000_000,
            headers: Headers::Slice(&headers),
            ..RecordView::new("orders", Some(b"k\0\xfe"), Some(b""))
        };
        let tombstone = RecordView::new("orders", Some(b""), None);
        let other = RecordView::new("else", None, Some(b"v"));
        let mut batch = RecordBatch::new();
        for view in [record, tombstone, other] {
            assert!(batch.push(view));
        }
        assert_eq!(batch.get(0), record);
        assert_eq!(batch.get(1), tombstone);
        assert_eq!(batch.get(2), other);
        assert_eq!(batch.get(0).coordinate(), "orders/3@1042");
        batch.clear();
        assert!(batch.is_empty() && batch.bytes() == 0);
    }
}
