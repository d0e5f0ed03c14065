//! Where reading goes on with a checkpoint: every partition at an offset of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kafsh_model::port::{Admin, ConsumeOptions, From};
use kafsh_model::topic::{OffsetAt, TopicPartition};
use kafsh_model::{Error, Result};

use crate::transforms::checkpoint::{Checkpoint, Identity, Offsets};

/// Opens the checkpoint at `path`, settles where each partition begins and writes that down before
/// anything is read: what comes between two runs must not be missed, whatever `--from` says.
///
/// # Errors
/// `checkpoint-mismatch`, `checkpoint-damaged`, `checkpoint-in-use`, `checkpoint-ahead`; what
/// asking the brokers says.
pub async fn resume(
    admin: &dyn Admin,
    path: &Path,
    options: &mut ConsumeOptions,
    notes: &mut Vec<String>,
) -> Result<Arc<Checkpoint>> {
    let view = admin.cluster().await?;
    let topics = admin.topics(Some(&options.topics)).await?;
    let mut partitions = Vec::new();
    for topic in &topics {
        let numbers = topic.partitions.iter().map(|partition| partition.partition);
        let wanted =
            numbers.filter(|n| options.partitions.is_empty() || options.partitions.contains(n));
        let topic = &topic.name;
        partitions
            .extend(wanted.map(|partition| TopicPartition { topic: topic.clone(), partition }));
    }
    let identity = Identity {
        cluster: view.cluster_id,
        topics: topics.into_iter().map(|topic| (topic.name, topic.id)).collect(),
    };
    let (checkpoint, known) = Checkpoint::open(path, identity)?;
    let ends = Ends::ask(admin, &partitions, options.from).await?;
    let mut starts = Offsets::new();
    for at in partitions {
        let start = match known.get(&at) {
            Some(offset) => ends.go_on(&at, *offset, path, notes)?,
            None => ends.begin(&at, options.from)?,
        };
        starts.insert(at, start);
    }
    options.starts = starts.iter().map(|(at, offset)| (at.clone(), *offset)).collect();
    let checkpoint = Arc::new(checkpoint);
    let begun = checkpoint.clone();
    let begin = tokio::task::spawn_blocking(move || begun.acknowledged(starts, true)).await;
    begin.map_err(|error| Error::bug(format!("a task of ours failed: {error}")))??;
    Ok(checkpoint)
}

/// What is known of the logs.
struct Ends {
    earliest: BTreeMap<TopicPartition, i64>,
    latest: BTreeMap<TopicPartition, i64>,
    /// First offset at or after the time that was asked for
    timed: BTreeMap<TopicPartition, i64>,
}

impl Ends {
    async fn ask(admin: &dyn Admin, partitions: &[TopicPartition], from: From) -> Result<Ends> {
        let known = |answers: Vec<(TopicPartition, Option<i64>)>| {
            answers.into_iter().filter_map(|(at, offset)| Some((at, offset?))).collect()
        };
        let timed = match from {
            From::Timestamp(ms) => {
                known(admin.list_offsets(partitions, OffsetAt::Timestamp(ms)).await?)
            }
            _ => BTreeMap::new(),
        };
        Ok(Ends {
            earliest: known(admin.list_offsets(partitions, OffsetAt::Earliest).await?),
            latest: known(admin.list_offsets(partitions, OffsetAt::Latest).await?),
            timed,
        })
    }

    fn of(&self, at: &TopicPartition) -> Result<(i64, i64)> {
        match (self.earliest.get(at), self.latest.get(at)) {
            (Some(earliest), Some(latest)) => Ok((*earliest, *latest)),
            _ => {
                let message = format!("no leader says where {}/{} ends", at.topic, at.partition);
                Err(Error::unavailable("leader-not-available", message)
                    .with_next(format!("topic describe {}", at.topic)))
            }
        }
    }

    fn begin(&self, at: &TopicPartition, from: From) -> Result<i64> {
        let (earliest, latest) = self.of(at)?;
        Ok(match from {
            From::Earliest | From::Committed => earliest,
            From::Latest => latest,
            From::Offset(offset) => offset.max(earliest),
            From::Tail(count) => latest.saturating_sub_unsigned(count).max(earliest),
            From::Timestamp(_) => self.timed.get(at).copied().unwrap_or(latest),
        })
    }

    fn go_on(
        &self,
        at: &TopicPartition,
        offset: i64,
        path: &Path,
        notes: &mut Vec<String>,
    ) -> Result<i64> {
        let (earliest, latest) = self.of(at)?;
        let place = format!("{}/{}", at.topic, at.partition);
        if offset > latest {
            let message = format!("the checkpoint is ahead of {place}");
            return Err(Error::failed("checkpoint-ahead", message)
                .with_evidence(format!("`{}` goes on at offset {offset}", path.display()))
                .with_evidence(format!("{place} ends before offset {latest}"))
                .with_cause("records that were read are gone: what is there now is something else")
                .with_next(format!("topic offsets {}", at.topic)));
        }
        if offset < earliest {
            let gone = earliest - offset;
            notes.push(format!(
                "{gone} offsets of {place} were deleted before they were read; it begins at \
                 {earliest}"
            ));
        }
        Ok(offset.max(earliest))
    }
}
