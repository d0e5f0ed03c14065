//! Cuts what a pipeline gives into what a transform takes: records of one partition, in order, not
//! too many at once.

use std::collections::{HashMap, VecDeque};

use kafsh_model::record::{RecordBatch, RecordView};
use kafsh_model::{Error, Result};

/// Records of one call: Kafka's own `max.poll.records`.
pub const CALL_RECORDS_MAX: usize = 500;
/// Bytes of keys, values and headers of one call; a single record may be larger.
pub const CALL_BYTES_MAX: usize = 1 << 20;

/// Records of one partition.
pub struct Part {
    pub batch: RecordBatch,
    /// One for each record: its index in what was cut
    pub indexes: Vec<u32>,
}

impl Part {
    fn new() -> Self {
        Part { batch: RecordBatch::new(), indexes: Vec::new() }
    }

    fn push(&mut self, record: RecordView<'_>, index: u32) -> Result<()> {
        self.indexes.push(index);
        match self.batch.push(record) {
            true => Ok(()),
            false => Err(Error::bug("a part of a batch is larger than the batch")),
        }
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.batch.is_empty()
            || self.batch.len() < CALL_RECORDS_MAX && self.batch.bytes() + bytes <= CALL_BYTES_MAX
    }

    /// Both halves, in order, of a part of two records or more.
    pub fn halves(self) -> Result<(Part, Part)> {
        let middle = self.batch.len() / 2;
        let (mut front, mut back) = (Part::new(), Part::new());
        for (at, (record, index)) in self.batch.iter().zip(&self.indexes).enumerate() {
            let half = if at < middle { &mut front } else { &mut back };
            half.push(record, *index)?;
        }
        Ok((front, back))
    }
}

/// Bytes that a record takes in an arena.
fn bytes_of(record: &RecordView<'_>) -> usize {
    let headers = record.headers.iter().map(|(name, value)| name.len() + length(value));
    length(record.key) + length(record.value) + headers.sum::<usize>()
}

fn length(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(0, <[u8]>::len)
}

/// The parts of a batch. Those of one partition come in the order of their records.
pub fn split(batch: RecordBatch) -> Result<VecDeque<Part>> {
    let fits = batch.len() <= CALL_RECORDS_MAX && batch.bytes() <= CALL_BYTES_MAX;
    if batch.is_empty() {
        return Ok(VecDeque::new());
    }
    if fits && batch.is_of_one_partition() {
        let indexes = (0..batch.len() as u32).collect();
        return Ok(VecDeque::from([Part { batch, indexes }]));
    }
    let mut parts: VecDeque<Part> = VecDeque::new();
    // The last part of each partition, by number; mostly there is one topic.
    let mut open: HashMap<i32, Vec<usize>> = HashMap::new();
    let mut last: Option<usize> = None;
    for (index, record) in batch.iter().enumerate() {
        let is_its = |part: &Part| {
            let first = part.batch.get(0);
            first.partition == record.partition && first.topic == record.topic
        };
        let known = last.filter(|at| is_its(&parts[*at])).or_else(|| {
            let candidates = open.get(&record.partition)?;
            candidates.iter().copied().find(|at| is_its(&parts[*at]))
        });
        let at = match known {
            Some(at) if parts[at].has_room(bytes_of(&record)) => at,
            full => {
                let at = parts.len();
                parts.push_back(Part::new());
                let candidates = open.entry(record.partition).or_default();
                candidates.retain(|candidate| Some(*candidate) != full);
                candidates.push(at);
                at
            }
        };
        parts[at].push(record, index as u32)?;
        last = Some(at);
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(topic: &str, partition: i32, offset: i64) -> RecordView<'_> {
        RecordView { partition, offset, ..RecordView::new(topic, None, Some(b"value")) }
    }

    fn shape(parts: &VecDeque<Part>) -> Vec<(String, i32, Vec<i64>, Vec<u32>)> {
        let shape = |part: &Part| {
            assert!(part.batch.is_of_one_partition());
            let first = part.batch.get(0);
            let offsets = part.batch.iter().map(|record| record.offset).collect();
            (first.topic.to_string(), first.partition, offsets, part.indexes.clone())
        };
        parts.iter().map(shape).collect()
    }

    #[test]
    fn partitions_are_parted_and_keep_their_order() {
        let mut batch = RecordBatch::new();
        for (topic, partition, offset) in
            [("a", 0, 5), ("a", 1, 9), ("b", 0, 1), ("a", 0, 6), ("b", 0, 2), ("a", 1, 10)]
        {
            assert!(batch.push(record(topic, partition, offset)));
        }
        let expected = [
            ("a".to_string(), 0, vec![5, 6], vec![0, 3]),
            ("a".to_string(), 1, vec![9, 10], vec![1, 5]),
            ("b".to_string(), 0, vec![1, 2], vec![2, 4]),
        ];
        assert_eq!(shape(&split(batch).unwrap()), expected);
        assert!(split(RecordBatch::new()).unwrap().is_empty());
    }

    #[test]
    fn parts_are_bounded_by_count_and_bytes() {
        let mut many = RecordBatch::new();
        for offset in 0..1_201 {
            assert!(many.push(record("a", 0, offset)));
        }
        let parts = split(many).unwrap();
        let lengths: Vec<usize> = parts.iter().map(|part| part.batch.len()).collect();
        assert_eq!(lengths, [500, 500, 201]);
        let offsets = parts.iter().flat_map(|p| p.batch.iter().map(|r| r.offset));
        assert!(offsets.eq(0..1_201));
        let big = vec![b'x'; CALL_BYTES_MAX / 3];
        let huge = vec![b'x'; CALL_BYTES_MAX * 2];
        let mut large = RecordBatch::new();
        for value in [&big, &big, &big, &big, &huge, &big] {
            assert!(
                large.push(RecordView { offset: 0, ..RecordView::new("a", None, Some(value)) })
            );
        }
        let lengths: Vec<usize> =
            split(large).unwrap().iter().map(|part| part.batch.len()).collect();
        assert_eq!(lengths, [3, 1, 1, 1], "a record larger than a call comes alone");
    }

    #[test]
    fn halves_are_the_whole_in_order() {
        let mut batch = RecordBatch::new();
        for offset in 0..5 {
            assert!(batch.push(record("a", 0, offset)));
        }
        let (front, back) = split(batch).unwrap().remove(0).unwrap().halves().unwrap();
        assert_eq!(
            (front.indexes.as_slice(), back.indexes.as_slice()),
            ([0, 1].as_slice(), [2, 3, 4].as_slice())
        );
        assert_eq!(back.batch.get(0).offset, 2);
    }
}
