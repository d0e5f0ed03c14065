//! Reading without a group: every partition is started by hand at its offset.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use kafsh_model::port::{ConsumeOptions, Target};
use kafsh_model::topic::TopicPartition;
use kafsh_model::{Error, Result};

use super::fetch::{Source, Thread};
use super::range::{Progress, Range, logs};
use super::{conf, isolation};
use crate::admin::{KafkaAdmin, no_partition};
use crate::native::error::native_error;
use crate::native::handle::{Handle, Kind};

pub(super) async fn start(
    target: &Target,
    admin: &KafkaAdmin,
    options: &ConsumeOptions,
) -> Result<Thread> {
    let conf = conf(target, options, None)?;
    let isolation = isolation(&conf);
    // librdkafka connects while we ask what to read.
    let handle = Handle::new(Kind::Consumer, conf, 0, None)?;
    let connecting = handle.clone();
    let patience = target.timeout;
    let warm = tokio::task::spawn_blocking(move || connecting.warm_up(patience));
    let wanted = partitions(admin, options).await?;
    let logs = logs(admin, &wanted, options.from, options.to, isolation).await?;
    // Brokers that answered us but not librdkafka are its to report, with the records.
    drop(warm.await);
    let queue = Arc::new(handle.new_queue()?);
    let mut progress = Progress::new(options.to);
    let mut started = Vec::new();
    for partition in &wanted {
        let log = logs.get(partition).copied().ok_or_else(|| no_partition(partition))?;
        let range = Range::new(options.from_of(partition), options.to, log);
        progress.add(partition, range);
        // What is empty is not fetched: no connection, no wait.
        if range.is_empty() {
            continue;
        }
        let topic = handle.topic(&partition.topic)?;
        topic.start(partition.partition, range.fetch, &queue).map_err(|code| {
            let what = format!("cannot read `{}/{}`", partition.topic, partition.partition);
            native_error(code, None, what, &partition.topic)
        })?;
        started.push((topic, partition.partition));
    }
    let progress = Arc::new(Mutex::new(progress));
    Thread::start(Source {
        handle,
        queue,
        progress,
        started,
        in_group: false,
        since: Instant::now(),
    })
}

/// The partitions to be read, of the topics as they are now.
async fn partitions(admin: &KafkaAdmin, options: &ConsumeOptions) -> Result<Vec<TopicPartition>> {
    let topics = existing_topics(admin, &options.topics).await?;
    let mut wanted = Vec::new();
    for topic in topics {
        if let Some(missing) = options
            .partitions
            .iter()
            .find(|wanted| !topic.partitions.iter().any(|p| p.partition == **wanted))
        {
            return Err(no_partition(&TopicPartition { topic: topic.name, partition: *missing }));
        }
        for partition in &topic.partitions {
            let partition = partition.partition;
            if options.partitions.is_empty() || options.partitions.contains(&partition) {
                wanted.push(TopicPartition { topic: topic.name.clone(), partition });
            }
        }
    }
    if wanted.is_empty() {
        return Err(Error::unavailable(
            "leader-not-available",
            "the topics have no partitions yet",
        )
        .with_next("topic list"));
    }
    Ok(wanted)
}

/// Descriptions of the topics, once each; `topic-not-found` where no broker knows one.
pub(super) async fn existing_topics(
    admin: &KafkaAdmin,
    names: &[String],
) -> Result<Vec<kafsh_model::topic::TopicDescription>> {
    let mut names = names.to_vec();
    names.sort();
    names.dedup();
    admin.topics_somewhere(&names).await
}
