//! What comes out: the columns of the contract, filled record by record. What is unchanged points
//! into the input and is not copied.

use super::record::{BOUNDS, HEADER, NULL};
use super::{Emitted, Record, Records};
use crate::bindings::transform::kafsh::transform::types::RecordFailure;
use crate::{Error, Result};

#[derive(Clone, Copy)]
enum Part<'a> {
    Same,
    Null,
    New(&'a [u8]),
}

/// A record on its way out, and what of it is new.
#[must_use = "it goes out by `Emitter::emit`"]
pub struct Outgoing<'a> {
    record: Record<'a>,
    key: Part<'a>,
    value: Part<'a>,
    added: Vec<(&'a str, Option<&'a [u8]>)>,
    removed: Vec<&'a str>,
    timestamp: Option<i64>,
    topic: Option<&'a str>,
}

impl<'a> From<Record<'a>> for Outgoing<'a> {
    fn from(record: Record<'a>) -> Self {
        Outgoing {
            record,
            key: Part::Same,
            value: Part::Same,
            added: Vec::new(),
            removed: Vec::new(),
            timestamp: None,
            topic: None,
        }
    }
}

impl<'a> Outgoing<'a> {
    /// Another value.
    pub fn with_value(mut self, value: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.value = Part::New(value.as_ref());
        self
    }

    /// A tombstone.
    pub fn without_value(mut self) -> Self {
        self.value = Part::Null;
        self
    }

    /// Another key. The partition follows from it where the record is written.
    pub fn with_key(mut self, key: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.key = Part::New(key.as_ref());
        self
    }

    /// No key.
    pub fn without_key(mut self) -> Self {
        self.key = Part::Null;
        self
    }

    /// One header more; one of that name that is there stays.
    pub fn with_header(mut self, name: &'a str, value: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.added.push((name, Some(value.as_ref())));
        self
    }

    /// Takes away the headers called `name` that the record came with.
    pub fn without_header(mut self, name: &'a str) -> Self {
        self.removed.push(name);
        self
    }

    /// ms since 1970-01-01 UTC.
    pub fn with_timestamp(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// Another topic, which has to be one of the plugin's `outputs`.
    pub fn to_topic(mut self, topic: &'a str) -> Self {
        self.topic = Some(topic);
        self
    }
}

/// Takes what comes out of a batch. A record that is not emitted is dropped; one may be emitted
/// more than once.
pub struct Emitter<'a> {
    input: &'a Records,
    out: Emitted,
}

impl<'a> Emitter<'a> {
    pub(crate) fn new(input: &'a Records) -> Self {
        let count = input.len();
        let batch = &input.batch;
        let out = Emitted {
            arena: Vec::new(),
            bounds: Vec::with_capacity(count * BOUNDS),
            headers: Vec::with_capacity(batch.headers.len()),
            sources: Vec::with_capacity(count),
            timestamps: Vec::with_capacity(count),
            topics: Vec::with_capacity(count),
            topic_names: Vec::new(),
            failures: Vec::new(),
        };
        Emitter { input, out }
    }

    pub(crate) fn into_emitted(self) -> Emitted {
        self.out
    }

    /// Sends a record on. Panics where a later record of the batch was emitted before it.
    pub fn emit<'b>(&mut self, outgoing: impl Into<Outgoing<'b>>) {
        let outgoing = outgoing.into();
        let value = match outgoing.value {
            Part::Same => None,
            Part::Null => Some((NULL, 0)),
            Part::New(bytes) => Some(self.put(bytes)),
        };
        self.row(&outgoing, value);
    }

    /// Sends a record on with the value that `edit` appends to the bytes it is given; where `edit`
    /// answers 0, as it was. A value of null stays null, and `edit` is not asked.
    ///
    /// # Errors
    /// Those of `edit`; nothing is emitted then.
    pub fn emit_edited<'b>(
        &mut self,
        outgoing: impl Into<Outgoing<'b>>,
        edit: impl FnOnce(&[u8], &mut Vec<u8>) -> Result<usize>,
    ) -> Result<()> {
        let outgoing = outgoing.into();
        let Some(before) = outgoing.record.value() else {
            self.row(&outgoing, None);
            return Ok(());
        };
        let began = self.out.arena.len();
        match edit(before, &mut self.out.arena) {
            Ok(0) => {
                self.out.arena.truncate(began);
                self.row(&outgoing, None);
                Ok(())
            }
            Ok(_) => {
                let place = self.place(began);
                self.row(&outgoing, Some(place));
                Ok(())
            }
            Err(error) => {
                self.out.arena.truncate(began);
                Err(error)
            }
        }
    }

    /// Says that a record could not be transformed. Nothing may be emitted of it.
    pub fn fail(&mut self, record: Record<'_>, error: Error) {
        let (code, message) = error.into_parts();
        let index = record.index as u32;
        self.out.failures.push(RecordFailure { index, code, message });
    }

    /// Gives each record to `one`. Of a record that fails, all that was emitted is taken back.
    pub fn each(
        &mut self,
        records: &Records,
        mut one: impl FnMut(Record<'_>, &mut Self) -> Result<()>,
    ) {
        for record in records.iter() {
            let out = &self.out;
            let mark =
                (out.arena.len(), out.headers.len(), out.sources.len(), out.topic_names.len());
            if let Err(error) = one(record, self) {
                let out = &mut self.out;
                out.arena.truncate(mark.0);
                out.headers.truncate(mark.1);
                out.sources.truncate(mark.2);
                out.timestamps.truncate(mark.2);
                out.topics.truncate(mark.2);
                out.bounds.truncate(mark.2 * BOUNDS);
                out.topic_names.truncate(mark.3);
                self.fail(record, error);
            }
        }
    }

    /// Where the bytes lie that were appended since the arena was `began` long.
    fn place(&self, began: usize) -> (u32, u32) {
        let (from, to) = (self.input.batch.arena.len() + began, self.out.arena.len());
        let start = u32::try_from(from).ok().filter(|start| *start < NULL);
        // The host refuses far less.
        (start.expect("less than 4 GiB come out of a batch"), (to - began) as u32)
    }

    fn put(&mut self, bytes: &[u8]) -> (u32, u32) {
        let began = self.out.arena.len();
        self.out.arena.extend_from_slice(bytes);
        self.place(began)
    }

    fn row(&mut self, outgoing: &Outgoing<'_>, value: Option<(u32, u32)>) {
        let record = outgoing.record;
        let source = record.index as u32;
        if let Some(last) = self.out.sources.last() {
            assert!(*last <= source, "records are emitted in the order in which they came");
        }
        let bounds = record.bounds();
        let key = match outgoing.key {
            Part::Same => (bounds[0], bounds[1]),
            Part::Null => (NULL, 0),
            Part::New(bytes) => self.put(bytes),
        };
        let value = value.unwrap_or((bounds[2], bounds[3]));
        let first = (self.out.headers.len() / HEADER) as u32;
        self.headers(outgoing, bounds[4] as usize, bounds[5] as usize);
        let count = (self.out.headers.len() / HEADER) as u32 - first;
        self.out.bounds.extend_from_slice(&[key.0, key.1, value.0, value.1, first, count]);
        self.out.sources.push(source);
        self.out.timestamps.push(outgoing.timestamp.unwrap_or_else(|| record.timestamp()));
        let topic = outgoing.topic.map_or(NULL, |name| self.topic(name));
        self.out.topics.push(topic);
    }

    fn headers(&mut self, outgoing: &Outgoing<'_>, first: usize, count: usize) {
        let rows = &self.input.batch.headers[first * HEADER..(first + count) * HEADER];
        if outgoing.removed.is_empty() {
            self.out.headers.extend_from_slice(rows);
        } else {
            for (row, header) in rows.chunks_exact(HEADER).zip(outgoing.record.headers()) {
                if !outgoing.removed.contains(&header.name) {
                    self.out.headers.extend_from_slice(row);
                }
            }
        }
        for (name, value) in &outgoing.added {
            let name = self.put(name.as_bytes());
            let value = value.map_or((NULL, 0), |value| self.put(value));
            self.out.headers.extend_from_slice(&[name.0, name.1, value.0, value.1]);
        }
    }

    /// Its index among the names, of which there are few.
    fn topic(&mut self, name: &str) -> u32 {
        let names = &mut self.out.topic_names;
        let found = names.iter().position(|other| other == name);
        found.unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        }) as u32
    }
}
