//! Records that a broker would refuse together: `max.message.bytes` counts a batch, and unlike the
//! Java client librdkafka does not split a batch that was refused.
//!
//! librdkafka makes requests of up to 1 MB and has several under way, so a refused one may be
//! followed by a smaller one that is taken; sending the first again would then put its records
//! behind later ones of their partition. So where a topic allows less than librdkafka's batches,
//! records go in parts that fit, one after the other; and what is refused together all the same is
//! sent again only where nothing of its partition that comes later was written.

use std::collections::{BTreeSet, HashMap};

use kafsh_model::config::ConfigResource;
use kafsh_model::port::{Admin, Delivery};
use kafsh_model::record::{RecordBatch, RecordView};
use kafsh_model::{Error, Result};

use super::{KafkaProducer, Outcome, failed_with, lock};

/// Bytes of one request of librdkafka (`batch.size`): topics that allow this need no parts.
const REQUEST_BYTES: usize = 1_000_000;

/// Least bytes of a batch for which the topic's limit is asked for: a line more or less is no
/// reason for another request.
const ASK_FROM_BYTES: usize = 1_024;

/// What a record may take beside its key, value and headers, in bytes: lengths, times, offsets.
const RECORD_OVERHEAD: usize = 40;

/// The same for each of its headers.
const HEADER_OVERHEAD: usize = 10;

/// What a batch takes beside its records, in bytes.
const BATCH_OVERHEAD: usize = 100;

const TOO_LARGE: &str = "record-too-large";

impl KafkaProducer {
    /// Sends a batch, in parts if it must be, and what is refused together again.
    pub(super) async fn deliver_in_order(
        &self,
        batch: &RecordBatch,
        missing: &HashMap<String, Error>,
    ) -> Result<Vec<Delivery>> {
        let limit = self.limit(batch, missing).await;
        let all: Vec<usize> = (0..batch.len()).collect();
        if limit >= REQUEST_BYTES {
            let outcomes = self.deliver(batch, missing).await?;
            return self.resend_apart(batch, all, outcomes, missing).await;
        }
        let mut deliveries = Vec::with_capacity(batch.len());
        for indexes in parts(batch, limit) {
            // What comes later must not pass what was not delivered.
            if deliveries.iter().any(|delivery: &Delivery| stops(delivery)) {
                deliveries.extend(indexes.iter().map(|_| Err(not_tried())));
                continue;
            }
            let outcomes = self.deliver(&part_of(batch, &indexes, None), missing).await?;
            deliveries.extend(self.resend_apart(batch, indexes, outcomes, missing).await?);
        }
        Ok(deliveries)
    }

    /// The least `max.message.bytes` of the batch's topics, in bytes; without limit where it is
    /// small, or where nobody says.
    async fn limit(&self, batch: &RecordBatch, missing: &HashMap<String, Error>) -> usize {
        if batch.bytes() < ASK_FROM_BYTES {
            return usize::MAX;
        }
        let topics: BTreeSet<&str> = batch.iter().map(|record| record.topic).collect();
        let mut least = usize::MAX;
        for topic in topics.into_iter().filter(|topic| !missing.contains_key(*topic)) {
            let known = lock(&self.limits).get(topic).copied();
            let limit = match known {
                Some(limit) => limit,
                None => {
                    let limit = self.ask_limit(topic).await.unwrap_or(usize::MAX);
                    lock(&self.limits).insert(topic.to_string(), limit);
                    limit
                }
            };
            least = least.min(limit);
        }
        least
    }

    /// None where it may not be asked for.
    async fn ask_limit(&self, topic: &str) -> Option<usize> {
        let resource = [ConfigResource::Topic(topic.to_string())];
        let described = self.admin.describe_configs(&resource).await.ok()?;
        let mut entries = described.into_iter().flat_map(|(_, entries)| entries);
        entries.find(|entry| entry.key == "max.message.bytes")?.value?.parse().ok()
    }

    /// Sends again, in halves, what was refused together, until only records that are too large
    /// alone are left. `outcomes` are of the records at `indexes`.
    async fn resend_apart(
        &self,
        batch: &RecordBatch,
        indexes: Vec<usize>,
        outcomes: Vec<Outcome>,
        missing: &HashMap<String, Error>,
    ) -> Result<Vec<Delivery>> {
        let mut outcomes = outcomes;
        let alone = indexes.len() < 2;
        let topic = |place: usize| batch.get(indexes[place]).topic;
        // Places in `outcomes`; the last group is the next to be sent.
        let all: Vec<usize> = (0..outcomes.len()).collect();
        let mut groups =
            if alone { Vec::new() } else { halves(&in_order(&mut outcomes, &all, &topic)) };
        while let Some(group) = groups.pop() {
            // A part before it may have lost the order.
            let group = in_order(&mut outcomes, &group, &topic);
            if group.is_empty() {
                continue;
            }
            let records: Vec<usize> = group.iter().map(|place| indexes[*place]).collect();
            let chosen: Vec<i32> = group.iter().map(|place| outcomes[*place].0).collect();
            let part = part_of(batch, &records, Some(&chosen));
            for (place, outcome) in group.iter().zip(self.deliver(&part, missing).await?) {
                outcomes[*place] = outcome;
            }
            if group.len() > 1 {
                groups.extend(halves(&in_order(&mut outcomes, &group, &topic)));
            }
        }
        Ok(outcomes.into_iter().map(|(_, delivery)| delivery).collect())
    }
}

/// The places of `group` that were refused as too large and may be sent again: nothing of their
/// partition, that of the `topic` of each place, that comes later was written. The others are told
/// so.
fn in_order<'t>(
    outcomes: &mut [Outcome],
    group: &[usize],
    topic: &impl Fn(usize) -> &'t str,
) -> Vec<usize> {
    let mut written: HashMap<(&str, i32), usize> = HashMap::new();
    for (place, (partition, delivery)) in outcomes.iter().enumerate() {
        if delivery.is_ok() {
            written.insert((topic(place), *partition), place);
        }
    }
    let mut again = Vec::new();
    for place in group {
        let (partition, delivery) = &mut outcomes[*place];
        if !failed_with(delivery, TOO_LARGE) {
            continue;
        }
        if written.get(&(topic(*place), *partition)).is_none_or(|last| last < place) {
            again.push(*place);
        } else if let Err(error) = delivery {
            let said = format!("later records of partition {partition} were written");
            if !error.evidence.contains(&said) {
                error.evidence.push(said);
            }
        }
    }
    again
}

/// True of a failure after which nothing may be sent that comes later.
fn stops(delivery: &Delivery) -> bool {
    let item = [TOO_LARGE, "topic-not-found", "partition-not-found", "invalid-record"];
    matches!(delivery, Err(error) if !item.contains(&error.code.as_ref()))
}

fn not_tried() -> Error {
    Error::failed("not-sent", "a record was not tried")
        .with_cause("a record before it was not delivered, and order is kept")
}

/// Records that follow each other and fit one batch of `limit` bytes; one alone where it does not.
fn parts(batch: &RecordBatch, limit: usize) -> Vec<Vec<usize>> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for (index, record) in batch.iter().enumerate() {
        let size = size(&record);
        match parts.last_mut() {
            Some(part) if size <= room => part.push(index),
            _ => {
                parts.push(vec![index]);
                room = limit.saturating_sub(BATCH_OVERHEAD);
            }
        }
        room = room.saturating_sub(size);
    }
    parts
}

/// An upper bound of a record's bytes in a batch that is not compressed.
fn size(record: &RecordView<'_>) -> usize {
    let bytes = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    let headers = record.headers.iter();
    let headers: usize =
        headers.map(|(name, value)| name.len() + bytes(value) + HEADER_OVERHEAD).sum();
    bytes(record.key) + bytes(record.value) + headers + RECORD_OVERHEAD
}

/// The records at `indexes`, to the partitions that were chosen for them before.
fn part_of(batch: &RecordBatch, indexes: &[usize], chosen: Option<&[i32]>) -> RecordBatch {
    let mut part = RecordBatch::new();
    for (place, index) in indexes.iter().enumerate() {
        let record = batch.get(*index);
        let partition = chosen.map_or(record.partition, |chosen| chosen[place]);
        let pushed = part.push(RecordView { partition, ..record });
        debug_assert!(pushed, "a part is not larger than the whole");
    }
    part
}

/// Two parts, the later one first; one or none where there is not more.
fn halves(indexes: &[usize]) -> Vec<Vec<usize>> {
    let (first, second) = indexes.split_at(indexes.len().div_ceil(2));
    [second, first].into_iter().filter(|part| !part.is_empty()).map(<[usize]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use kafsh_model::port::Delivered;

    use super::*;

    #[test]
    fn halves_keep_the_order_when_taken_from_the_back() {
        assert!(halves(&[]).is_empty());
        assert_eq!(halves(&[4]), [[4]]);
        let mut groups = halves(&[1, 2, 3, 4, 5]);
        assert_eq!(groups.pop().unwrap(), [1, 2, 3]);
        assert_eq!(groups.pop().unwrap(), [4, 5]);
    }

    #[test]
    fn what_was_passed_by_a_later_record_of_its_partition_is_not_sent_again() {
        let ok = |partition| (partition, Ok(Delivered { partition, offset: 0 }));
        let refused = |partition| (partition, Err(Error::failed(TOO_LARGE, "x")));
        let mut outcomes = vec![refused(0), refused(1), ok(0), refused(0), refused(1)];
        assert_eq!(in_order(&mut outcomes, &[0, 1, 2, 3, 4], &|_| "t"), [1, 3, 4]);
        let told = outcomes[0].1.as_ref().unwrap_err();
        assert_eq!(told.evidence, ["later records of partition 0 were written"]);
        assert_eq!(in_order(&mut outcomes, &[0, 3], &|_| "t"), [3]);
        assert_eq!(outcomes[0].1.as_ref().unwrap_err().evidence.len(), 1, "told once");
    }

    #[test]
    fn a_later_record_of_another_topic_stands_in_nobodys_way() {
        let refused = (0, Err(Error::failed(TOO_LARGE, "x")));
        let mut outcomes = vec![refused, (0, Ok(Delivered { partition: 0, offset: 0 }))];
        let topics = ["a", "b"];
        assert_eq!(in_order(&mut outcomes, &[0, 1], &|place| topics[place]), [0]);
        assert!(in_order(&mut outcomes, &[0, 1], &|_| "a").is_empty());
    }

    #[test]
    fn parts_fit_and_lose_nothing() {
        let mut batch = RecordBatch::new();
        for bytes in [10, 500, 300, 5_000, 10, 10] {
            assert!(batch.push(RecordView::new("t", None, Some(&vec![b'x'; bytes]))));
        }
        let parts = parts(&batch, 1_000);
        assert_eq!(parts, [vec![0, 1], vec![2], vec![3], vec![4, 5]]);
        let part = part_of(&batch, &parts[0], Some(&[4, 5]));
        assert_eq!((part.len(), part.get(1).partition), (2, 5));
    }
}
