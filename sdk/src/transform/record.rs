//! Views of the records of a batch. Nothing is copied.

use std::fmt;

use super::{Batch, Outgoing};

/// Marks what is null.
pub(super) const NULL: u32 = u32::MAX;
/// Numbers of each record in `bounds`, and of each header in `headers`.
pub(super) const BOUNDS: usize = 6;
pub(super) const HEADER: usize = 4;

/// Records of one partition, in order.
pub struct Records {
    pub(super) batch: Batch,
}

impl Records {
    #[doc(hidden)]
    pub fn new(batch: Batch) -> Self {
        Records { batch }
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn batch(&self) -> &Batch {
        &self.batch
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn into_batch(self) -> Batch {
        self.batch
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.batch.offsets.len()
    }

    /// Whether there are none; a host asks only where there are some.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The topic that they come from.
    pub fn topic(&self) -> &str {
        &self.batch.topic
    }

    /// Below 0 where they come from no partition.
    pub fn partition(&self) -> i32 {
        self.batch.partition
    }

    /// The record at `index`. Panics where there is none.
    pub fn get(&self, index: usize) -> Record<'_> {
        assert!(index < self.len(), "record {index} of {}", self.len());
        Record { records: self, index }
    }

    /// All of them, in the order of their offsets.
    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        (0..self.len()).map(|index| Record { records: self, index })
    }

    fn bytes(&self, start: u32, len: u32) -> Option<&[u8]> {
        let start = (start != NULL).then_some(start as usize)?;
        Some(&self.batch.arena[start..start + len as usize])
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A record, borrowed from its batch.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    pub(super) records: &'a Records,
    pub(super) index: usize,
}

/// A header, borrowed from its record's batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// A name may come twice in a record
    pub name: &'a str,
    /// `None`: null, which is not empty
    pub value: Option<&'a [u8]>,
}

impl<'a> Record<'a> {
    pub(super) fn bounds(self) -> &'a [u32] {
        &self.records.batch.bounds[self.index * BOUNDS..(self.index + 1) * BOUNDS]
    }

    /// Where it stands in its batch.
    pub fn index(self) -> usize {
        self.index
    }

    /// `None`: it has none, which is not an empty one.
    pub fn key(self) -> Option<&'a [u8]> {
        let bounds = self.bounds();
        self.records.bytes(bounds[0], bounds[1])
    }

    /// `None`: a tombstone.
    pub fn value(self) -> Option<&'a [u8]> {
        let bounds = self.bounds();
        self.records.bytes(bounds[2], bounds[3])
    }

    /// Its headers, in order.
    pub fn headers(self) -> impl Iterator<Item = Header<'a>> {
        let (first, count) = (self.bounds()[4] as usize, self.bounds()[5] as usize);
        let rows = &self.records.batch.headers[first * HEADER..(first + count) * HEADER];
        rows.chunks_exact(HEADER).map(move |row| {
            let name = self.records.bytes(row[0], row[1]).unwrap_or_default();
            Header {
                // The host gives names as UTF-8.
                name: std::str::from_utf8(name).unwrap_or_default(),
                value: self.records.bytes(row[2], row[3]),
            }
        })
    }

    /// The value of the last header called `name`; `None` also where it is null.
    pub fn header(self, name: &str) -> Option<&'a [u8]> {
        self.headers().filter(|header| header.name == name).last()?.value
    }

    /// Below 0 where it has none.
    pub fn offset(self) -> i64 {
        self.records.batch.offsets[self.index]
    }

    /// ms since 1970-01-01 UTC; below 0 where it has none.
    pub fn timestamp(self) -> i64 {
        self.records.batch.timestamps[self.index]
    }

    /// The topic that it comes from.
    pub fn topic(self) -> &'a str {
        self.records.topic()
    }

    /// Below 0 where it comes from no partition.
    pub fn partition(self) -> i32 {
        self.records.partition()
    }

    /// The record with another value.
    pub fn with_value(self, value: &'a (impl AsRef<[u8]> + ?Sized)) -> Outgoing<'a> {
        Outgoing::from(self).with_value(value)
    }

    /// The record with a value of null: a tombstone.
    pub fn without_value(self) -> Outgoing<'a> {
        Outgoing::from(self).without_value()
    }

    /// The record with another key.
    pub fn with_key(self, key: &'a (impl AsRef<[u8]> + ?Sized)) -> Outgoing<'a> {
        Outgoing::from(self).with_key(key)
    }

    /// The record with one header more.
    pub fn with_header(
        self,
        name: &'a str,
        value: &'a (impl AsRef<[u8]> + ?Sized),
    ) -> Outgoing<'a> {
        Outgoing::from(self).with_header(name, value)
    }

    /// The record without the headers called `name`.
    pub fn without_header(self, name: &'a str) -> Outgoing<'a> {
        Outgoing::from(self).without_header(name)
    }

    /// The record for another topic, which has to be one of the plugin's `outputs`.
    pub fn to_topic(self, topic: &'a str) -> Outgoing<'a> {
        Outgoing::from(self).to_topic(topic)
    }
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: Option<&[u8]>| bytes.map(|b| String::from_utf8_lossy(b).into_owned());
        f.debug_struct("Record")
            .field("key", &text(self.key()))
            .field("value", &text(self.value()))
            .field("offset", &self.offset())
            .finish()
    }
}
