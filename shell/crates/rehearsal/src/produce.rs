//! Records out: checked, partitioned and written to every replica in sync.

use std::sync::Arc;
use std::time::Duration;

use kafsh_model::port::{
    BoxFuture, ConsumeOptions, Consumer, Delivered, Delivery, Producer, Records, Target,
};
use kafsh_model::record::{RecordBatch, RecordView, TimestampType, timestamp_zero};
use kafsh_model::{BrokerId, Error, Result};
use tokio::time::Instant;

use crate::Rehearsal;
use crate::consume::MemoryConsumer;
use crate::fault::{no_partition, no_topic};
use crate::ids::now_ms;
use crate::kafka_error::Kafka;
use crate::log::{Record, batch_bytes};
use crate::murmur2::partition_of;
use crate::world::{Contact, World};

/// How long a record waits for a leader. A real producer waits at least 30 s, since an election may
/// take long; here it takes the end of a session.
const ELECTION_WAIT: Duration = Duration::from_millis(500);

/// The bound of `max.message.bytes` where a topic's value cannot be read.
const MESSAGE_BYTES_MAX: usize = 1_048_588;

pub(crate) struct MemoryRecords {
    rehearsal: Rehearsal,
    target: Target,
}

impl MemoryRecords {
    pub(crate) fn new(rehearsal: &Rehearsal, target: &Target) -> Self {
        MemoryRecords { rehearsal: rehearsal.clone(), target: target.clone() }
    }
}

impl Records for MemoryRecords {
    fn producer(&self) -> Result<Arc<dyn Producer>> {
        let (rehearsal, bootstrap) = (self.rehearsal.clone(), self.target.bootstrap.clone());
        Ok(Arc::new(MemoryProducer { rehearsal, bootstrap }))
    }

    fn consumer(&self, options: ConsumeOptions) -> BoxFuture<'_, Result<Box<dyn Consumer>>> {
        Box::pin(async move {
            let consumer = MemoryConsumer::open(&self.rehearsal, &self.target, options)?;
            Ok(Box::new(consumer) as Box<dyn Consumer>)
        })
    }
}

struct MemoryProducer {
    rehearsal: Rehearsal,
    bootstrap: Vec<String>,
}

impl Producer for MemoryProducer {
    fn send<'a>(&'a self, batch: &'a RecordBatch) -> BoxFuture<'a, Result<Vec<Delivery>>> {
        Box::pin(async move {
            if batch.is_empty() {
                return Ok(Vec::new());
            }
            let deadline = Instant::now() + ELECTION_WAIT;
            let mut changes = self.rehearsal.changes();
            let turn = self.rehearsal.change(|world| {
                world.turn = world.turn.wrapping_add(1);
                world.contact(&self.bootstrap, "describe topics").map(|_| world.turn)
            })?;
            let mut deliveries: Vec<Option<Delivery>> = vec![None; batch.len()];
            loop {
                let written = self.rehearsal.change(|world| {
                    let contact = world.contact(&self.bootstrap, "describe topics")?;
                    world.write_batch(&contact, batch, turn, &mut deliveries);
                    Ok::<(), Error>(())
                });
                // Everybody may go away between two looks.
                let missing = deliveries.iter().any(Option::is_none);
                if !missing || !changes.wait(&self.rehearsal, deadline).await {
                    written.or_else(|error| if missing { Err(error) } else { Ok(()) })?;
                    break;
                }
            }
            let settle = |(index, delivery): (usize, Option<Delivery>)| {
                delivery.unwrap_or_else(|| Err(late(batch.get(index).topic)))
            };
            Ok(deliveries.into_iter().enumerate().map(settle).collect())
        })
    }
}

fn not_delivered(topic: &str) -> String {
    format!("a record to `{topic}` was not delivered")
}

fn late(topic: &str) -> Error {
    Error::timed_out(not_delivered(topic))
        .with_cause("the brokers did not acknowledge it in time")
        .with_evidence("librdkafka: Local: Message timed out")
        .with_next("cluster status")
        .with_next("cluster doctor")
}

impl World {
    /// Writes the records that have no outcome yet, in order. What waits for a leader stays
    /// without one, and so do later records of its partition: order is kept.
    fn write_batch(
        &mut self,
        contact: &Contact,
        batch: &RecordBatch,
        turn: usize,
        deliveries: &mut [Option<Delivery>],
    ) {
        let mut waiting: Vec<(String, i32)> = Vec::new();
        for (index, delivery) in deliveries.iter_mut().enumerate() {
            if delivery.is_some() {
                continue;
            }
            let record = batch.get(index);
            let partition = match self.partition(contact, &record, turn) {
                Ok(partition) => partition,
                Err(error) => {
                    *delivery = Some(Err(error));
                    continue;
                }
            };
            let place = (record.topic.to_string(), partition);
            if waiting.contains(&place) {
                continue;
            }
            match self.write(contact, &record, partition).transpose() {
                Some(outcome) => *delivery = Some(outcome),
                None => waiting.push(place),
            }
        }
    }

    /// The partition of a record: its own, its key's, or the next one that has a leader.
    fn partition(&self, contact: &Contact, record: &RecordView<'_>, turn: usize) -> Result<i32> {
        let name = record.topic;
        let topic = self.cluster_of(contact)?.topics.get(name).ok_or_else(|| no_topic(name))?;
        let count = topic.partitions.len();
        if record.partition >= 0 {
            let known = usize::try_from(record.partition).is_ok_and(|index| index < count);
            return match known {
                true => Ok(record.partition),
                false => Err(no_partition(name, record.partition)),
            };
        }
        let index = match record.key {
            Some(key) => partition_of(key, count.max(1)),
            None => {
                let led: Vec<usize> =
                    (0..count).filter(|index| topic.partitions[*index].leader.is_some()).collect();
                led.get(turn % led.len().max(1)).copied().unwrap_or(0)
            }
        };
        Ok(i32::try_from(index).unwrap_or(i32::MAX))
    }

    /// `None` where there is no leader at the moment.
    fn write(
        &mut self,
        contact: &Contact,
        view: &RecordView<'_>,
        partition: i32,
    ) -> Result<Option<Delivered>> {
        let name = view.topic;
        let refuse = |kafka: Kafka| Err(kafka.error(not_delivered(name), name, ""));
        let cluster = self.cluster_of(contact)?;
        let topic = cluster.topics.get(name).ok_or_else(|| no_topic(name))?;
        let Some(state) = topic.partitions.get(partition as usize) else {
            return Err(no_partition(name, partition));
        };
        if state.leader.and_then(|leader| self.live(cluster, leader)).is_none() {
            return Ok(None);
        }
        let value = |key: &str| self.topic_value(cluster, topic, key);
        let number = |key: &str| value(key).trim().parse::<i64>().ok();
        let max = number("max.message.bytes").and_then(|max| usize::try_from(max).ok());
        if batch_bytes(view) > max.unwrap_or(MESSAGE_BYTES_MAX) {
            return refuse(Kafka::MessageTooLarge);
        }
        if view.key.is_none() && value("cleanup.policy").contains("compact") {
            return refuse(Kafka::InvalidRecord);
        }
        if view.timestamp_ms == 0 {
            return Err(timestamp_zero(not_delivered(name)));
        }
        let now = now_ms();
        let (timestamp_ms, kind) = match value("message.timestamp.type").as_str() {
            "LogAppendTime" => (now, TimestampType::LogAppend),
            _ if view.timestamp_ms < 0 => (now, TimestampType::Create),
            _ => (view.timestamp_ms, TimestampType::Create),
        };
        let past = number("message.timestamp.before.max.ms").unwrap_or(i64::MAX);
        let ahead = number("message.timestamp.after.max.ms").unwrap_or(i64::MAX);
        if now.saturating_sub(timestamp_ms) > past || timestamp_ms.saturating_sub(now) > ahead {
            return refuse(Kafka::InvalidTimestamp);
        }
        let min = number("min.insync.replicas").and_then(|min| usize::try_from(min).ok());
        // A topic with fewer replicas than that is written all the same (`effectiveMinIsr`).
        if state.isr.len() < min.unwrap_or(1).min(state.replicas.len()) {
            return refuse(Kafka::NotEnoughReplicas);
        }
        let (id, isr) = (topic.id.clone(), state.isr.clone());
        let record = Arc::new(Record::new(view, timestamp_ms, kind));
        Ok(self.append(contact, &isr, (id, partition), &record))
    }

    fn append(
        &mut self,
        contact: &Contact,
        isr: &[BrokerId],
        at: (String, i32),
        record: &Arc<Record>,
    ) -> Option<Delivered> {
        let cluster = self.cluster(&contact.home)?;
        let owners: Vec<_> = isr
            .iter()
            .filter_map(|id| cluster.brokers.get(id))
            .map(|registration| registration.owner.clone())
            .collect();
        let mut offset = None;
        for owner in owners {
            if let Some(server) = self.servers.get_mut(&owner) {
                let log = server.broker.logs.entry(at.clone()).or_default();
                offset = Some(log.append(record.clone()));
            }
        }
        offset.map(|offset| Delivered { partition: at.1, offset })
    }
}
