//! A replica's log: records by offset.

use std::sync::Arc;

use kafsh_model::record::{Headers, RecordView, TimestampType};
use kafsh_model::topic::OffsetAt;

/// A record as it is kept: shared by the replicas that hold it.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) timestamp_ms: i64,
    pub(crate) timestamp_type: TimestampType,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Record {
    pub(crate) fn new(view: &RecordView<'_>, timestamp_ms: i64, kind: TimestampType) -> Self {
        let headers = view.headers.iter();
        Record {
            timestamp_ms,
            timestamp_type: kind,
            key: view.key.map(<[u8]>::to_vec),
            value: view.value.map(<[u8]>::to_vec),
            headers: headers.map(|(n, v)| (n.to_string(), v.map(<[u8]>::to_vec))).collect(),
        }
    }

    /// Runs `with` on a view: headers are borrowed through a list that lives as long.
    pub(crate) fn view<T>(
        &self,
        topic: &str,
        partition: i32,
        offset: i64,
        with: impl FnOnce(RecordView<'_>) -> T,
    ) -> T {
        let headers: Vec<(&str, Option<&[u8]>)> =
            self.headers.iter().map(|(n, v)| (n.as_str(), v.as_deref())).collect();
        with(RecordView {
            topic,
            partition,
            offset,
            timestamp_ms: self.timestamp_ms,
            timestamp_type: self.timestamp_type,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: Headers::Slice(&headers),
        })
    }

    fn bytes(&self) -> u64 {
        let headers = self.headers.iter().map(|(n, v)| n.len() + v.as_ref().map_or(0, Vec::len));
        let bytes = self.key.as_ref().map_or(0, Vec::len)
            + self.value.as_ref().map_or(0, Vec::len)
            + headers.sum::<usize>();
        bytes as u64
    }
}

/// Records from offset 0 on: nothing is deleted or compacted in a rehearsal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    records: Vec<Arc<Record>>,
}

impl Log {
    /// The offset that the next record will get; also the high watermark, since all replicas in
    /// sync are written at once.
    pub(crate) fn end(&self) -> i64 {
        self.records.len() as i64
    }

    pub(crate) fn append(&mut self, record: Arc<Record>) -> i64 {
        self.records.push(record);
        self.end() - 1
    }

    pub(crate) fn get(&self, offset: i64) -> Option<&Arc<Record>> {
        self.records.get(usize::try_from(offset).ok()?)
    }

    pub(crate) fn offset_at(&self, at: OffsetAt) -> Option<i64> {
        match at {
            OffsetAt::Earliest => Some(0),
            OffsetAt::Latest => Some(self.end()),
            OffsetAt::Timestamp(ms) => {
                let found = self.records.iter().position(|r| r.timestamp_ms >= ms.max(0));
                found.map(|index| index as i64)
            }
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.records.iter().map(|record| record.bytes()).sum()
    }
}

/// Bytes of the header of a batch (message format v2).
const BATCH_OVERHEAD: usize = 61;

/// Size of a batch that holds this record alone: what `max.message.bytes` is compared with.
pub(crate) fn batch_bytes(view: &RecordView<'_>) -> usize {
    let part = |bytes: Option<&[u8]>| match bytes {
        None => varint_bytes(-1),
        Some(bytes) => varint_bytes(bytes.len() as i64) + bytes.len(),
    };
    let headers: usize = view.headers.iter().map(|(n, v)| part(Some(n.as_bytes())) + part(v)).sum();
    // Attributes, and the deltas of timestamp and offset, which are 0.
    let body = 3 + part(view.key) + part(view.value) + varint_bytes(view.headers.len() as i64);
    let body = body + headers;
    BATCH_OVERHEAD + varint_bytes(body as i64) + body
}

/// Length of a zigzag varint.
fn varint_bytes(value: i64) -> usize {
    let zigzag = ((value << 1) ^ (value >> 63)) as u64;
    (64 - zigzag.leading_zeros() as usize).div_ceil(7).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_by_time_are_the_first_in_order() {
        let mut log = Log::default();
        for ms in [5, 9, 7, 12] {
            let view = RecordView::new("t", None, Some(b"v"));
            log.append(Arc::new(Record::new(&view, ms, TimestampType::Create)));
        }
        let at = |ms| log.offset_at(OffsetAt::Timestamp(ms));
        assert_eq!(
            [at(-1), at(5), at(6), at(8), at(10), at(13)],
            [Some(0), Some(0), Some(1), Some(1), Some(3), None]
        );
        assert_eq!(log.offset_at(OffsetAt::Latest), Some(4));
    }

    #[test]
    fn a_batch_is_measured_as_on_the_wire() {
        // Length 1, attributes 1, deltas 1 + 1, no key 1, value 1 + 1, no headers 1.
        assert_eq!(batch_bytes(&RecordView::new("t", None, Some(b"v"))), 61 + 8);
        let long = [0; 100];
        assert_eq!(
            batch_bytes(&RecordView::new("t", Some(b"k"), Some(&long))),
            61 + 2 + 4 + 2 + 102
        );
        assert_eq!([0, -1, 63, 64, 8_191, 8_192].map(varint_bytes), [1, 1, 1, 2, 2, 3]);
    }
}
