//! A record through every replica, in and out.

use std::time::{Duration, Instant};

use kafsh_model::port::{ConsumeOptions, From, To};
use kafsh_model::record::{RecordBatch, RecordView};
use kafsh_model::snapshot::NodeFacts;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::topic::TopicSpec;
use kafsh_model::{Error, Result};
use sha2::{Digest, Sha256};

use super::patience::bounded;
use super::{ADMIN_TIMEOUT, Engine, POLL_FIRST, POLL_MAX};
use crate::runtime::files;

/// Beginning of the names of topics that are the probe's.
pub(super) const PROBE_TOPIC: &str = "__kafsh_probe";

/// Longest until every broker shows a new topic with leaders, or shows a deleted one no more.
const TOPIC_DEADLINE: Duration = Duration::from_secs(30);

/// Longest until the records are in and out again.
const PROVE_DEADLINE: Duration = Duration::from_secs(30);

/// Most partitions of a topic that is proven.
const PARTITIONS_MAX: i32 = 1_000;

/// What of a node a proof is about: the version it runs and its properties, as SHA-256 in hex.
/// A digest, since properties may hold secrets.
pub(super) fn layout_of(spec: &ClusterSpec, facts: &NodeFacts) -> String {
    let mut properties: Vec<&(String, String)> = facts.properties.iter().collect();
    properties.sort();
    let mut digest = Sha256::new();
    digest.update(&spec.kafka);
    for (key, value) in properties {
        // Neither a key nor a value has a NUL.
        for part in ["\0", key, "\0", value] {
            digest.update(part);
        }
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Engine {
    /// Creates a topic and waits until every broker shows it with a leader for each partition.
    /// Returns false where it was there already. A probe's topic that an earlier run left is
    /// made anew.
    pub(super) async fn create_topic(
        &self,
        spec: &ClusterSpec,
        topic: &str,
        partitions: i32,
        replication_factor: i16,
        configs: &[(String, String)],
    ) -> Result<bool> {
        let admin = self.admin(spec)?;
        let wanted = TopicSpec {
            name: topic.to_string(),
            partitions: Some(partitions),
            replication_factor: Some(replication_factor),
            assignments: Vec::new(),
            configs: configs.iter().cloned().collect(),
        };
        let begin = Instant::now();
        let mut pause = POLL_FIRST;
        loop {
            let made =
                bounded(ADMIN_TIMEOUT, admin.create_topics(std::slice::from_ref(&wanted), false));
            match made.await?.into_iter().try_for_each(|(_, outcome)| outcome.map(drop)) {
                Ok(()) => break,
                Err(error) if error.code == "topic-exists" => {
                    if !topic.starts_with(PROBE_TOPIC) {
                        return Ok(false);
                    }
                    if begin.elapsed() > TOPIC_DEADLINE {
                        return Err(error);
                    }
                    // Left by a run that was cut off, or still on its way out.
                    let names = [topic.to_string()];
                    bounded(ADMIN_TIMEOUT, admin.delete_topics(&names)).await?;
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(POLL_MAX);
        }
        self.await_topic(spec, topic, Some(partitions)).await?;
        Ok(true)
    }

    pub(super) async fn delete_topic(&self, spec: &ClusterSpec, topic: &str) -> Result<()> {
        let admin = self.admin(spec)?;
        let names = [topic.to_string()];
        for (_, outcome) in bounded(ADMIN_TIMEOUT, admin.delete_topics(&names)).await? {
            match outcome {
                Err(error) if error.code != "topic-not-found" => return Err(error),
                _ => {}
            }
        }
        self.await_topic(spec, topic, None).await
    }

    /// Deletes the topics of a probe that was cut off.
    pub(super) async fn delete_leftovers(&self, spec: &ClusterSpec) -> Result<()> {
        let admin = self.admin(spec)?;
        for topic in bounded(ADMIN_TIMEOUT, admin.topics(None)).await? {
            if topic.name.starts_with(PROBE_TOPIC) {
                self.delete_topic(spec, &topic.name).await?;
            }
        }
        Ok(())
    }

    /// Waits until every live broker shows the topic with so many partitions, each with a leader;
    /// `None`: until none shows it.
    async fn await_topic(
        &self,
        spec: &ClusterSpec,
        topic: &str,
        partitions: Option<i32>,
    ) -> Result<()> {
        let admin = self.admin(spec)?;
        let names = [topic.to_string()];
        let wanted = partitions.map(|count| usize::try_from(count).unwrap_or(0));
        let begin = Instant::now();
        let mut pause = POLL_FIRST;
        loop {
            let seen = bounded(ADMIN_TIMEOUT, admin.topics_on_every_broker(&names)).await?;
            let shown = |list: &[kafsh_model::topic::TopicDescription]| {
                let found = list.iter().find(|description| description.name == topic);
                match (found, wanted) {
                    (None, wanted) => wanted.is_none(),
                    (Some(_), None) => false,
                    (Some(found), Some(wanted)) => {
                        found.partitions.len() == wanted
                            && found.partitions.iter().all(|p| !p.is_offline())
                    }
                }
            };
            if !seen.is_empty() && seen.iter().all(|(_, list)| shown(list)) {
                return Ok(());
            }
            if begin.elapsed() > TOPIC_DEADLINE {
                let what = if wanted.is_some() { "everywhere with leaders" } else { "gone" };
                return Err(Error::timed_out(format!("topic `{topic}` is not {what} yet"))
                    .with_next(format!("topic describe {topic}")));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(POLL_MAX);
        }
    }

    /// Sends a record to each partition, waits for every ack, and reads them back.
    pub(super) async fn prove_topic(
        &self,
        spec: &ClusterSpec,
        topic: &str,
        partitions: i32,
    ) -> Result<()> {
        if !(1..=PARTITIONS_MAX).contains(&partitions) {
            return Err(Error::failed("bad-plan", format!("`{partitions}` partitions to prove")));
        }
        self.store.clear_proven(&spec.name)?;
        let nonce = files::nonce()?;
        bounded(PROVE_DEADLINE, self.round_trip(spec, topic, partitions, &nonce)).await.map_err(
            |error| {
                let mut failed = Error::new(
                    error.class,
                    "not-proven",
                    format!("no record went through `{topic}` and back"),
                )
                .with_evidence(error.message);
                failed.evidence.extend(error.evidence);
                failed.cause = error.cause;
                failed.with_next(format!("@{} cluster doctor", spec.name))
            },
        )?;
        let nodes = self.node_facts(spec).await?;
        let layout = nodes.iter().map(|facts| (facts.node.to_string(), layout_of(spec, facts)));
        self.store.set_proven(&spec.name, layout.collect())
    }

    async fn round_trip(
        &self,
        spec: &ClusterSpec,
        topic: &str,
        partitions: i32,
        nonce: &str,
    ) -> Result<()> {
        let records = self.records(spec)?;
        let producer = records.producer()?;
        let mut batch = RecordBatch::default();
        for partition in 0..partitions {
            let value = format!("{nonce}/{partition}");
            let mut record = RecordView::new(topic, None, Some(value.as_bytes()));
            record.partition = partition;
            if !batch.push(record) {
                return Err(Error::bug("the records of a proof do not fit a batch"));
            }
        }
        for delivery in producer.send(&batch).await? {
            delivery?;
        }
        let mut consumer = records
            .consumer(ConsumeOptions {
                topics: vec![topic.to_string()],
                partitions: Vec::new(),
                from: From::Earliest,
                to: To::End,
                group: None,
                count_hint: u64::try_from(partitions).ok(),
                starts: Vec::new(),
            })
            .await?;
        let wanted = usize::try_from(partitions).unwrap_or(usize::MAX);
        let mut back = vec![false; wanted];
        loop {
            let fetched = consumer.next(wanted, Duration::from_secs(1)).await?;
            for record in fetched.batch.iter() {
                let own = format!("{nonce}/{}", record.partition);
                let index = usize::try_from(record.partition).unwrap_or(usize::MAX);
                if let (Some(value), Some(seen)) = (record.value, back.get_mut(index)) {
                    *seen |= value == own.as_bytes();
                }
            }
            if fetched.finished || back.iter().all(|seen| *seen) {
                break;
            }
        }
        consumer.close().await?;
        match back.iter().position(|seen| !seen) {
            None => Ok(()),
            Some(partition) => Err(Error::failed(
                "record-lost",
                format!(
                    "the record of partition {partition} was acknowledged and did not come back"
                ),
            )),
        }
    }
}
