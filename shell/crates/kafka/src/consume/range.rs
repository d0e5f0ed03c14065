//! Which offsets of each partition are read, and how far reading has come.

use std::collections::{HashMap, HashSet};

use kafsh_model::port::{From, To};
use kafsh_model::topic::{OffsetAt, TopicPartition};
use kafsh_model::{Error, Result};
use tokio::time::Instant;

use crate::admin::{Isolation, KafkaAdmin};

/// What is known of a partition's log when reading starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Log {
    pub start: i64,
    /// High watermark, or last stable offset for who reads committed records only
    pub end: i64,
    /// First offset at or after `From::Timestamp`
    pub from_time: Option<i64>,
    /// First offset at or after `To::Timestamp`
    pub to_time: Option<i64>,
}

/// The offsets to be read of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// Where fetching begins: within the log
    pub fetch: i64,
    /// Records before this are left out (`From::Offset` past the end waits for its offset)
    pub first: i64,
    /// Records from here on are left out; `None`: goes on
    pub stop: Option<i64>,
}

impl Range {
    pub fn new(from: From, to: To, log: Log) -> Range {
        let first = match from {
            From::Earliest | From::Committed => log.start,
            From::Latest => log.end,
            // Below the log's start there is nothing any more: begin with what there is.
            From::Offset(offset) => offset.max(log.start),
            From::Tail(count) => {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                log.end.saturating_sub(count).max(log.start)
            }
            From::Timestamp(_) => log.from_time.unwrap_or(log.end),
        };
        let stop = match to {
            To::End => Some(log.end),
            To::Offset(offset) => Some(offset),
            // No such record yet: up to the end as it is now.
            To::Timestamp(_) => Some(log.to_time.unwrap_or(log.end)),
            To::Never => None,
        };
        Range { fetch: first.clamp(log.start, log.end.max(log.start)), first, stop }
    }

    /// True where there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.stop.is_some_and(|stop| self.first >= stop)
    }
}

/// Asks the leaders what `from` and `to` need to know, all questions side by side.
pub(super) async fn logs(
    admin: &KafkaAdmin,
    partitions: &[TopicPartition],
    from: From,
    to: To,
    isolation: Isolation,
) -> Result<HashMap<TopicPartition, Log>> {
    let deadline = admin.client.deadline();
    let ask = |at| admin.offsets(partitions, at, isolation, deadline);
    let at_time = |time: Option<i64>| maybe(admin, partitions, time, isolation, deadline);
    let from_time = match from {
        From::Timestamp(ms) => Some(ms),
        _ => None,
    };
    let to_time = match to {
        To::Timestamp(ms) => Some(ms),
        _ => None,
    };
    let (starts, ends, from_times, to_times) = tokio::try_join!(
        ask(OffsetAt::Earliest),
        ask(OffsetAt::Latest),
        at_time(from_time),
        at_time(to_time)
    )?;
    let mut logs = HashMap::new();
    for (index, (partition, start)) in starts.into_iter().enumerate() {
        let start = start.unwrap_or(0);
        let log = Log {
            start,
            end: ends[index].1.unwrap_or(start),
            from_time: from_times.get(index).and_then(|(_, offset)| *offset),
            to_time: to_times.get(index).and_then(|(_, offset)| *offset),
        };
        logs.insert(partition, log);
    }
    Ok(logs)
}

async fn maybe(
    admin: &KafkaAdmin,
    partitions: &[TopicPartition],
    time: Option<i64>,
    isolation: Isolation,
    deadline: Instant,
) -> Result<Vec<(TopicPartition, Option<i64>)>> {
    match time {
        Some(ms) => admin.offsets(partitions, OffsetAt::Timestamp(ms), isolation, deadline).await,
        None => Ok(Vec::new()),
    }
}

#[derive(Clone, Copy, Debug)]
struct Place {
    range: Range,
    done: bool,
    /// Offset after the last record handed on; below 0: none yet
    next: i64,
}

/// How far each partition has come. The reader's thread tells it of every record and end.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// By topic, then by partition: a record costs two short look-ups
    topics: Vec<(String, HashMap<i32, Place>)>,
    open: usize,
    /// Partitions are assigned; false before that, and while a group hands them out anew
    settled: bool,
    /// Reads on until it is stopped, also where there is nothing to read yet
    endless: bool,
    /// Gone to others since the last batch
    revoked: HashSet<TopicPartition>,
    /// Why an assignment cannot be read as asked
    trouble: Option<Error>,
}

impl Progress {
    pub fn new(to: To) -> Self {
        Progress { endless: to == To::Never, ..Progress::default() }
    }

    pub fn add(&mut self, partition: &TopicPartition, range: Range) {
        self.settled = true;
        self.drop_place(partition);
        let done = range.is_empty();
        self.open += usize::from(!done);
        let place = Place { range, done, next: -1 };
        match self.topics.iter_mut().find(|(topic, _)| *topic == partition.topic) {
            Some((_, places)) => drop(places.insert(partition.partition, place)),
            None => {
                let places = HashMap::from([(partition.partition, place)]);
                self.topics.push((partition.topic.clone(), places));
            }
        }
    }

    /// A group with more members than partitions leaves some without any.
    pub fn begin(&mut self) {
        self.settled = true;
    }

    /// Partitions were taken away; what is ours is known only with the next assignment, which
    /// always follows. Until then nothing is finished: a member that stopped polling here, since
    /// it has no partition left, would never hear of that assignment.
    pub fn revoke(&mut self, partitions: &[TopicPartition]) {
        self.settled = false;
        for partition in partitions {
            self.drop_place(partition);
            self.revoked.insert(partition.clone());
        }
    }

    fn drop_place(&mut self, partition: &TopicPartition) {
        let places = self.topics.iter_mut().find(|(topic, _)| *topic == partition.topic);
        let removed = places.and_then(|(_, places)| places.remove(&partition.partition));
        self.open -= usize::from(removed.is_some_and(|place| !place.done));
    }

    fn place(&mut self, topic: &str, partition: i32) -> Option<&mut Place> {
        let (_, places) = self.topics.iter_mut().find(|(name, _)| name == topic)?;
        places.get_mut(&partition)
    }

    /// True where the record is to be handed on.
    pub fn record(&mut self, topic: &str, partition: i32, offset: i64) -> bool {
        let Some(place) = self.place(topic, partition) else { return false };
        if place.done {
            return false;
        }
        let stop = place.range.stop;
        let wanted = offset >= place.range.first && stop.is_none_or(|stop| offset < stop);
        if wanted {
            place.next = offset + 1;
        }
        if stop.is_some_and(|stop| offset + 1 >= stop) {
            place.done = true;
            self.open -= 1;
        }
        wanted
    }

    /// The reader has reached `offset` and nothing is left: only what has no record (transaction
    /// marks, what compaction took) may lie before the stop.
    pub fn end(&mut self, topic: &str, partition: i32, offset: i64) {
        let Some(place) = self.place(topic, partition) else { return };
        if !place.done && place.range.stop.is_some_and(|stop| offset >= stop) {
            place.done = true;
            self.open -= 1;
        }
    }

    pub fn fail(&mut self, error: Error) {
        self.trouble = Some(error);
    }

    pub fn take_trouble(&mut self) -> Option<Error> {
        self.trouble.take()
    }

    pub fn is_finished(&self) -> bool {
        self.settled && self.open == 0 && !self.endless
    }

    pub fn take_revoked(&mut self) -> HashSet<TopicPartition> {
        std::mem::take(&mut self.revoked)
    }

    /// Offsets after the last record handed on since the last call.
    pub fn take_positions(&mut self) -> Vec<(TopicPartition, i64)> {
        let mut positions = Vec::new();
        for (topic, places) in &mut self.topics {
            for (partition, place) in places {
                if place.next >= 0 {
                    let place_of = TopicPartition { topic: topic.clone(), partition: *partition };
                    positions.push((place_of, place.next));
                    place.next = -1;
                }
            }
        }
        positions
    }

    /// Partitions that have not reached their stop.
    pub fn open(&self) -> Vec<TopicPartition> {
        let open = self.topics.iter().flat_map(|(topic, places)| {
            places.iter().filter(|(_, place)| !place.done).map(|(partition, _)| TopicPartition {
                topic: topic.clone(),
                partition: *partition,
            })
        });
        open.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: Log = Log { start: 5, end: 20, from_time: Some(9), to_time: Some(12) };

    #[test]
    fn starts_and_stops() {
        let cases = [
            (From::Earliest, To::End, (5, 5, Some(20))),
            (From::Committed, To::Never, (5, 5, None)),
            (From::Latest, To::Never, (20, 20, None)),
            (From::Latest, To::End, (20, 20, Some(20))),
            (From::Offset(7), To::Offset(9), (7, 7, Some(9))),
            // Deleted by retention, negative, and not there yet.
            (From::Offset(1), To::End, (5, 5, Some(20))),
            (From::Offset(-1), To::End, (5, 5, Some(20))),
            (From::Offset(25), To::Never, (20, 25, None)),
            (From::Offset(25), To::Offset(30), (20, 25, Some(30))),
            (From::Tail(3), To::End, (17, 17, Some(20))),
            (From::Tail(0), To::End, (20, 20, Some(20))),
            (From::Tail(100), To::End, (5, 5, Some(20))),
            (From::Tail(u64::MAX), To::End, (5, 5, Some(20))),
            (From::Timestamp(1), To::Timestamp(2), (9, 9, Some(12))),
        ];
        for (from, to, (fetch, first, stop)) in cases {
            let range = Range::new(from, to, LOG);
            assert_eq!(range, Range { fetch, first, stop }, "{from:?} {to:?}");
        }
        let late = Log { from_time: None, to_time: None, ..LOG };
        let range = Range::new(From::Timestamp(1), To::Timestamp(2), late);
        assert_eq!(range, Range { fetch: 20, first: 20, stop: Some(20) });
        assert!(range.is_empty());
        assert!(Range::new(From::Offset(25), To::End, LOG).is_empty());
        assert!(!Range::new(From::Latest, To::Never, LOG).is_empty());
        let empty = Log { start: 7, end: 7, from_time: None, to_time: None };
        assert!(Range::new(From::Earliest, To::End, empty).is_empty());
    }

    fn at(partition: i32) -> TopicPartition {
        TopicPartition { topic: "t".into(), partition }
    }

    #[test]
    fn progress_knows_records_ends_and_what_is_left() {
        let mut progress = Progress::new(To::End);
        assert!(!progress.is_finished(), "nothing was assigned yet");
        progress.add(&at(0), Range::new(From::Earliest, To::End, LOG));
        progress.add(&at(1), Range::new(From::Offset(18), To::End, LOG));
        progress.add(&at(2), Range::new(From::Latest, To::End, LOG));
        assert_eq!(progress.open().len(), 2);
        assert!(progress.record("t", 0, 5));
        assert!(!progress.record("t", 1, 17), "before the first wanted");
        assert!(!progress.record("u", 0, 5) && !progress.record("t", 9, 5), "not asked for");
        // An end that is not the end yet: the leader lags, or records came since.
        progress.end("t", 0, 19);
        assert!(!progress.is_finished());
        // The last offset before the stop holds a transaction mark: only the end tells.
        progress.end("t", 0, 20);
        progress.end("t", 0, 20);
        assert_eq!(progress.open(), [at(1)]);
        assert!(progress.record("t", 1, 18));
        assert!(!progress.record("t", 1, 20), "at the stop");
        assert!(progress.is_finished());
        let mut positions = progress.take_positions();
        positions.sort();
        assert_eq!(positions, [(at(0), 6), (at(1), 19)]);
        assert!(progress.take_positions().is_empty());
    }

    #[test]
    fn the_last_record_before_the_stop_ends_a_partition() {
        let mut progress = Progress::new(To::End);
        progress.add(&at(0), Range::new(From::Earliest, To::Offset(7), LOG));
        assert!(progress.record("t", 0, 5));
        assert!(progress.record("t", 0, 6));
        assert!(progress.is_finished());
    }

    #[test]
    fn revoked_partitions_do_not_hold_up_the_end_but_the_next_assignment_does() {
        let mut progress = Progress::new(To::End);
        progress.add(&at(0), Range::new(From::Earliest, To::End, LOG));
        progress.add(&at(1), Range::new(From::Earliest, To::End, LOG));
        progress.end("t", 0, 20);
        progress.revoke(&[at(0), at(1)]);
        assert!(!progress.is_finished() && progress.open().is_empty());
        assert_eq!(progress.take_revoked().len(), 2);
        progress.begin();
        assert!(progress.is_finished(), "others have got them all");
        progress.revoke(&[]);
        progress.add(&at(1), Range::new(From::Earliest, To::End, LOG));
        assert!(!progress.is_finished() && progress.take_revoked().is_empty());
        let mut idle = Progress::new(To::End);
        idle.begin();
        assert!(idle.is_finished());
    }

    #[test]
    fn what_has_no_end_does_not_finish_without_a_partition() {
        let mut progress = Progress::new(To::Never);
        progress.begin();
        assert!(!progress.is_finished(), "a member without a partition waits for one");
        progress.add(&at(0), Range::new(From::Earliest, To::Never, LOG));
        progress.revoke(&[at(0)]);
        assert!(!progress.is_finished());
    }
}
