//! Batches as columns: the form in which they cross to a transform and come back
//! (`sdk/wit/transform`), with every range checked before it is used.

use std::fmt;

use super::{HeaderRow, NULL, RecordBatch, Row, Slice};

/// Numbers that each record has in `bounds`: key start and length, value start and length, index
/// of the first header, number of headers.
pub const BOUNDS_STRIDE: usize = 6;

/// Numbers that each header has: name start and length, value start and length.
pub const HEADER_STRIDE: usize = 4;

/// Marks an emitted record that goes to the topic that the pipeline says.
pub const SAME_TOPIC: u32 = u32::MAX;

/// The integer columns of a batch of one partition. Kept and filled anew for the next batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    pub bounds: Vec<u32>,
    pub headers: Vec<u32>,
    pub offsets: Vec<i64>,
    /// ms since 1970-01-01 UTC; below 0: none
    pub timestamps: Vec<i64>,
}

/// What a transform gives back. Positions below the length of the input's arena lie in it, the
/// others in `arena`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Emitted {
    pub arena: Vec<u8>,
    pub bounds: Vec<u32>,
    pub headers: Vec<u32>,
    pub sources: Vec<u32>,
    pub timestamps: Vec<i64>,
    pub topics: Vec<u32>,
    pub topic_names: Vec<String>,
}

/// Why columns are no batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadColumns(String);

impl fmt::Display for BadColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn bad<T>(what: impl Into<String>) -> Result<T, BadColumns> {
    Err(BadColumns(what.into()))
}

impl RecordBatch {
    /// The bytes of keys, values and headers.
    pub fn arena(&self) -> &[u8] {
        &self.arena
    }

    /// Fills `columns` with this batch's, over [`RecordBatch::arena`].
    pub fn columns(&self, columns: &mut Columns) {
        let Columns { bounds, headers, offsets, timestamps } = columns;
        bounds.clear();
        headers.clear();
        offsets.clear();
        timestamps.clear();
        bounds.reserve(self.rows.len() * BOUNDS_STRIDE);
        offsets.reserve(self.rows.len());
        timestamps.reserve(self.rows.len());
        for row in &self.rows {
            let (first, count) = (row.headers.start, row.headers.end - row.headers.start);
            let (key, value) = (row.key, row.value);
            bounds.extend_from_slice(&[key.start, key.len, value.start, value.len, first, count]);
            offsets.push(row.offset);
            timestamps.push(row.timestamp_ms);
        }
        headers.reserve(self.headers.len() * HEADER_STRIDE);
        for HeaderRow { name, value } in &self.headers {
            headers.extend_from_slice(&[name.start, name.len, value.start, value.len]);
        }
    }

    /// Makes this batch what `emitted` says, which was made of it. A record keeps the partition and
    /// offset of its source unless it goes to another topic.
    ///
    /// # Errors
    /// A column of the wrong length, a range outside the arenas or across both, a header name that
    /// is not UTF-8, a source that is not there or falls. The batch is then as it was.
    pub fn replace(&mut self, emitted: &Emitted) -> Result<(), BadColumns> {
        let arenas = Arenas { input: &self.arena, output: &emitted.arena };
        if arenas.len() > super::BATCH_BYTES_MAX {
            return bad("its bytes and those of its input are too many for one batch");
        }
        let headers = arenas.headers(&emitted.headers)?;
        let rows = self.rows_of(emitted, &arenas, headers.len())?;
        let first_name = self.topics.len() as u32;
        self.topics.extend(emitted.topic_names.iter().map(|name| name.as_str().into()));
        self.rows = rows;
        for (row, topic) in self.rows.iter_mut().zip(&emitted.topics) {
            if *topic != SAME_TOPIC {
                row.topic = first_name + topic;
                (row.partition, row.offset) = (-1, -1);
            }
        }
        self.headers = headers;
        self.arena.extend_from_slice(&emitted.arena);
        Ok(())
    }

    fn rows_of(
        &self,
        emitted: &Emitted,
        arenas: &Arenas<'_>,
        headers: usize,
    ) -> Result<Vec<Row>, BadColumns> {
        let count = emitted.sources.len();
        if emitted.bounds.len() != count * BOUNDS_STRIDE {
            return bad(format!("{} bounds for {count} records", emitted.bounds.len()));
        }
        if emitted.timestamps.len() != count || emitted.topics.len() != count {
            return bad("its columns are of different lengths");
        }
        let mut rows = Vec::with_capacity(count);
        let mut last = 0;
        for (index, bounds) in emitted.bounds.chunks_exact(BOUNDS_STRIDE).enumerate() {
            let source = emitted.sources[index];
            let Some(origin) = self.rows.get(source as usize) else {
                return bad(format!(
                    "record {index} is made of record {source}, which is not there"
                ));
            };
            if source < last {
                return bad(format!("record {index} is out of order"));
            }
            last = source;
            let topic = emitted.topics[index];
            if topic != SAME_TOPIC && topic as usize >= emitted.topic_names.len() {
                return bad(format!("record {index} goes to topic {topic}, which has no name"));
            }
            let (first, count) = (bounds[4], bounds[5]);
            let end = first.checked_add(count).filter(|end| *end as usize <= headers);
            let Some(end) = end else {
                return bad(format!("headers of record {index} are not there"));
            };
            rows.push(Row {
                key: arenas.slice(bounds[0], bounds[1])?,
                value: arenas.slice(bounds[2], bounds[3])?,
                headers: first..end,
                timestamp_ms: emitted.timestamps[index],
                ..origin.clone()
            });
        }
        Ok(rows)
    }

    /// Whether all records are of one partition, as a transform takes them.
    pub fn is_of_one_partition(&self) -> bool {
        let place = |row: &Row| (row.topic, row.partition);
        self.rows.windows(2).all(|pair| place(&pair[0]) == place(&pair[1]))
    }

    /// The record at `index` alone, with everything it has. Panics where there is none.
    pub fn alone(&self, index: usize) -> RecordBatch {
        let mut batch = RecordBatch::new();
        // One record of a batch is never larger than the batch.
        let _fits = batch.push(self.get(index));
        batch
    }
}

struct Arenas<'a> {
    input: &'a [u8],
    output: &'a [u8],
}

impl Arenas<'_> {
    fn len(&self) -> usize {
        self.input.len() + self.output.len()
    }

    fn slice(&self, start: u32, len: u32) -> Result<Slice, BadColumns> {
        if start == NULL {
            return Ok(Slice::NONE);
        }
        let (from, border) = (start as usize, self.input.len());
        let end = from + len as usize;
        let inside = if from < border { end <= border } else { end <= self.len() };
        if inside { Ok(Slice { start, len }) } else { bad("a range lies outside its arena") }
    }

    fn bytes(&self, slice: Slice) -> &[u8] {
        let (from, border) = (slice.start as usize, self.input.len());
        let len = slice.len as usize;
        if from < border {
            &self.input[from..from + len]
        } else {
            &self.output[from - border..from - border + len]
        }
    }

    fn headers(&self, column: &[u32]) -> Result<Vec<HeaderRow>, BadColumns> {
        if !column.len().is_multiple_of(HEADER_STRIDE) {
            return bad("its headers are cut short");
        }
        let mut rows = Vec::with_capacity(column.len() / HEADER_STRIDE);
        for bounds in column.chunks_exact(HEADER_STRIDE) {
            let name = self.slice(bounds[0], bounds[1])?;
            if name == Slice::NONE {
                return bad("a header has no name");
            }
            if std::str::from_utf8(self.bytes(name)).is_err() {
                return bad("the name of a header is not UTF-8");
            }
            rows.push(HeaderRow { name, value: self.slice(bounds[2], bounds[3])? });
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Headers, RecordView};
    use super::*;

    fn batch() -> RecordBatch {
        let headers: [(&str, Option<&[u8]>); 2] = [("trace", Some(b"7")), ("none", None)];
        let mut batch = RecordBatch::new();
        for (offset, key, value) in [
            (7, Some(b"k".as_slice()), Some(b"one".as_slice())),
            (8, None, Some(b"")),
            (9, Some(b"t"), None),
        ] {
            let record = RecordView {
                partition: 3,
                offset,
                timestamp_ms: 1_700_000_000_000 + offset,
                headers: Headers::Slice(&headers),
                ..RecordView::new("orders", key, value)
            };
            assert!(batch.push(record));
        }
        batch
    }

    /// What the identity gives back: no byte, the input's own columns.
    fn identity(batch: &RecordBatch) -> Emitted {
        let mut columns = Columns::default();
        batch.columns(&mut columns);
        let count = batch.len();
        Emitted {
            arena: vec![],
            bounds: columns.bounds,
            headers: columns.headers,
            sources: (0..count as u32).collect(),
            timestamps: columns.timestamps,
            topics: vec![SAME_TOPIC; count],
            topic_names: vec![],
        }
    }

    #[test]
    fn the_identity_changes_nothing() {
        let before = batch();
        let mut after = batch();
        after.replace(&identity(&before)).unwrap();
        assert!(before.iter().eq(after.iter()));
    }

    #[test]
    fn new_bytes_new_topic_and_a_dropped_record() {
        let mut records = batch();
        let border = records.arena().len() as u32;
        let mut emitted = identity(&records);
        emitted.arena = b"TWO".to_vec();
        emitted.bounds.truncate(BOUNDS_STRIDE * 2);
        emitted.bounds[2..4].copy_from_slice(&[border, 3]);
        emitted.sources = vec![0, 2];
        emitted.bounds[BOUNDS_STRIDE..BOUNDS_STRIDE + 2].copy_from_slice(&[border + 3, 0]);
        emitted.timestamps.truncate(2);
        emitted.topics = vec![0, SAME_TOPIC];
        emitted.topic_names = vec!["audit".into()];
        records.replace(&emitted).unwrap();
        assert_eq!(records.len(), 2);
        let (first, second) = (records.get(0), records.get(1));
        assert_eq!((first.topic, first.partition, first.offset), ("audit", -1, -1));
        assert_eq!((first.key, first.value), (Some(b"k".as_slice()), Some(b"TWO".as_slice())));
        assert_eq!((second.topic, second.partition, second.offset), ("orders", 3, 9));
        assert_eq!((second.key, second.value), (Some(b"".as_slice()), Some(b"".as_slice())));
    }

    #[test]
    fn what_is_wrong_is_refused_and_changes_nothing() {
        let good = batch();
        let border = good.arena().len() as u32;
        type Break = fn(&mut Emitted, u32);
        let broken: Vec<(&str, Break)> = vec![
            ("outside", |e, border| e.bounds[2..4].copy_from_slice(&[border, 1])),
            ("across both", |e, border| {
                e.arena = vec![0; 9];
                e.bounds[2..4].copy_from_slice(&[border - 1, 2]);
            }),
            ("overflowing", |e, _| e.bounds[2..4].copy_from_slice(&[NULL - 1, NULL])),
            ("stride", |e, _| e.bounds.truncate(7)),
            ("stride of headers", |e, _| e.headers.truncate(3)),
            ("headers that are not there", |e, _| e.bounds[5] = 100),
            ("headers that overflow", |e, _| e.bounds[4..6].copy_from_slice(&[NULL, NULL])),
            ("a header without a name", |e, _| e.headers[0] = NULL),
            ("a name that is not UTF-8", |e, border| {
                e.arena = vec![0xff];
                e.headers[0..2].copy_from_slice(&[border, 1]);
            }),
            ("a source that is not there", |e, _| e.sources[2] = 3),
            ("sources that fall", |e, _| e.sources[0] = 2),
            ("a topic without a name", |e, _| e.topics[0] = 0),
            ("a short column", |e, _| e.timestamps.truncate(1)),
            ("another short column", |e, _| e.topics.truncate(1)),
        ];
        for (what, damage) in broken {
            let mut records = good.clone();
            let mut emitted = identity(&good);
            damage(&mut emitted, border);
            assert!(records.replace(&emitted).is_err(), "{what}");
            assert!(records.iter().eq(good.iter()), "{what}");
        }
    }

    #[test]
    fn partitions_are_told_apart() {
        let mut records = batch();
        assert!(records.is_of_one_partition());
        assert!(records.push(RecordView::new("orders", None, None)));
        assert!(!records.is_of_one_partition());
        let alone = records.alone(0);
        assert_eq!(alone.len(), 1);
        assert_eq!(alone.get(0), records.get(0));
    }
}
