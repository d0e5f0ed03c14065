//! Log folders, asked of every broker side by side: each knows only its own.

use std::time::Duration;

use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::describe_log_dirs_response::DescribeLogDirsResult;
use kafka_protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use kafsh_model::log_dir::{LogDir, ReplicaSize};
use kafsh_model::port::BrokerLogDirs;
use kafsh_model::topic::TopicPartition;
use kafsh_model::{BrokerId, Error, Result};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::{KafkaAdmin, topic_name};
use crate::kafka_error::kafka_error;
use crate::wire::client::Repeat;
use crate::wire::fault::Fault;

const DOING: &str = "describe log folders";

/// `CLUSTER_AUTHORIZATION_FAILED`: what an empty answer of an old broker means.
const NOT_AUTHORISED: i16 = 31;

/// `UNKNOWN_SERVER_ERROR`: what a broker says of a whole folder that it uses and cannot measure.
/// Java finds no file system, for one, for a folder in a chroot that is no mount point.
const NOT_MEASURED: i16 = -1;

impl KafkaAdmin {
    pub(super) async fn log_folders(
        &self,
        partitions: Option<&[TopicPartition]>,
        timeout: Duration,
    ) -> Result<Vec<BrokerLogDirs>> {
        // Who asks for so little time does not wait any longer, but the connection is not given up:
        // others wait for answers on it, and a broker that is slow is not silent.
        let deadline = self.client.deadline();
        let soon = deadline.min(Instant::now() + timeout);
        let silent = move |address: &str| {
            let what = "DescribeLogDirs".into();
            Fault::Silent { what, waited: timeout }.error(DOING, address)
        };
        let brokers = timeout_at(soon, self.client.brokers(DOING, deadline)).await;
        let brokers = brokers.unwrap_or_else(|_| Err(silent("any broker")))?;
        let request = request(partitions);
        let mut tasks = JoinSet::new();
        for (broker, address) in brokers {
            let (client, request) = (self.client.clone(), request.clone());
            tasks.spawn(async move {
                let ask = |_| request.clone();
                let asked = client.call_broker(DOING, broker, ask, Repeat::Safe, deadline);
                let asked = timeout_at(soon, asked).await.unwrap_or_else(|_| Err(silent(&address)));
                (broker, asked.and_then(|response| folders(broker, &response)))
            });
        }
        let mut all = Vec::new();
        while let Some(joined) = tasks.join_next().await {
            all.push(joined.map_err(|e| Error::bug(format!("a task of ours failed: {e}")))?);
        }
        all.sort_by_key(|(broker, _)| *broker);
        Ok(all)
    }
}

fn request(partitions: Option<&[TopicPartition]>) -> DescribeLogDirsRequest {
    let Some(partitions) = partitions else {
        return DescribeLogDirsRequest::default().with_topics(None);
    };
    let mut sorted: Vec<&TopicPartition> = partitions.iter().collect();
    sorted.sort();
    sorted.dedup();
    let mut topics: Vec<DescribableLogDirTopic> = Vec::new();
    for TopicPartition { topic, partition } in sorted {
        match topics.last_mut() {
            Some(last) if *last.topic.0 == **topic => last.partitions.push(*partition),
            _ => topics.push(
                DescribableLogDirTopic::default()
                    .with_topic(topic_name(topic))
                    .with_partitions(vec![*partition]),
            ),
        }
    }
    DescribeLogDirsRequest::default().with_topics(Some(topics))
}

fn folders(broker: BrokerId, response: &DescribeLogDirsResponse) -> Result<Vec<LogDir>> {
    // Before version 3 there is no code for the whole answer; a broker without a folder is none.
    let code = match response.error_code {
        0 if response.results.is_empty() => NOT_AUTHORISED,
        code => code,
    };
    if code != 0 {
        let what = format!("cannot {DOING} of broker `{broker}`");
        let error = kafka_error(code, None, what, &broker.to_string());
        return Err(Error { next: vec!["broker list".to_string()], ..error });
    }
    let mut folders: Vec<LogDir> = response.results.iter().map(folder).collect();
    folders.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(folders)
}

fn folder(result: &DescribeLogDirsResult) -> LogDir {
    let error = (result.error_code != 0).then(|| {
        let what = match result.error_code {
            NOT_MEASURED => format!("`{}` could not be measured", result.log_dir),
            _ => format!("`{}` is not in use", result.log_dir),
        };
        let error = kafka_error(result.error_code, None, what, "");
        [vec![error.message], error.evidence].concat().join(": ")
    });
    let replicas = result.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|partition| ReplicaSize {
            at: TopicPartition {
                topic: topic.name.0.to_string(),
                partition: partition.partition_index,
            },
            size_bytes: u64::try_from(partition.partition_size).unwrap_or(0),
            offset_lag: partition.offset_lag,
            is_future: partition.is_future_key,
        })
    });
    LogDir {
        path: result.log_dir.to_string(),
        error,
        // -1: an older broker, or a folder that cannot be read.
        total_bytes: u64::try_from(result.total_bytes).ok(),
        usable_bytes: u64::try_from(result.usable_bytes).ok(),
        replicas: replicas.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::protocol::StrBytes;

    fn at(topic: &str, partition: i32) -> TopicPartition {
        TopicPartition { topic: topic.to_string(), partition }
    }

    #[test]
    fn all_none_and_some_are_asked_for_in_different_ways() {
        assert!(request(None).topics.is_none(), "all");
        assert_eq!(request(Some(&[])).topics, Some(Vec::new()), "none, only the folders");
        let some = [at("b", 1), at("a", 0), at("b", 0), at("b", 1)];
        let topics = request(Some(&some)).topics.unwrap_or_default();
        let shown: Vec<(String, Vec<i32>)> =
            topics.iter().map(|t| (t.topic.0.to_string(), t.partitions.clone())).collect();
        assert_eq!(shown, [("a".to_string(), vec![0]), ("b".to_string(), vec![0, 1])]);
    }

    #[test]
    fn what_an_older_broker_does_not_tell_is_not_known() {
        let dir = || DescribeLogDirsResult::default().with_log_dir(StrBytes::from_static_str("/d"));
        let old = folder(&dir());
        assert_eq!((old.total_bytes, old.usable_bytes, old.error), (None, None, None));
        let new = folder(&dir().with_total_bytes(9).with_usable_bytes(0));
        assert_eq!((new.total_bytes, new.usable_bytes), (Some(9), Some(0)));
        let unmeasured = folder(&dir().with_error_code(-1)).error.unwrap_or_default();
        assert!(unmeasured.starts_with("`/d` could not be measured: Kafka: "), "{unmeasured}");
        let lost = folder(&dir().with_error_code(56));
        let said = lost.error.unwrap_or_default();
        assert!(said.starts_with("`/d` is not in use: Kafka: KAFKA_STORAGE_ERROR"), "{said}");
    }

    #[test]
    fn no_folder_at_all_is_a_refusal() {
        let refused = folders(2, &DescribeLogDirsResponse::default()).unwrap_err();
        assert_eq!(refused.class, kafsh_model::Class::NotAuthorised);
    }
}
