//! Kafka's error codes as our errors, in the words of the real connector.

use kafsh_model::{Class, Error};

use Class::{Busy, Failed, NotFound, Refused, Unavailable, Usage};

/// Kafka's own errors that a rehearsal can come to (`org.apache.kafka.common.protocol.Errors`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kafka {
    UnknownTopicOrPartition,
    MessageTooLarge,
    CoordinatorNotAvailable,
    InvalidTopicException,
    NotEnoughReplicas,
    InvalidTimestamp,
    TopicAlreadyExists,
    InvalidPartitions,
    InvalidReplicationFactor,
    InvalidReplicaAssignment,
    InvalidConfig,
    InvalidRequest,
    GroupIdNotFound,
    TopicDeletionDisabled,
    InvalidRecord,
}

struct Words {
    kafka: Kafka,
    name: &'static str,
    code: &'static str,
    class: Class,
    cause: &'static str,
    /// `{}` stands for the name of the topic or group
    next: &'static [&'static str],
}

/// In the order of [`Kafka`].
const WORDS: [Words; 15] = [
    Words {
        kafka: Kafka::UnknownTopicOrPartition,
        name: "UNKNOWN_TOPIC_OR_PARTITION",
        code: "topic-not-found",
        class: NotFound,
        cause: "no topic, or no such partition of it, is known to the broker",
        next: &["topic list", "topic create {}"],
    },
    Words {
        kafka: Kafka::MessageTooLarge,
        name: "MESSAGE_TOO_LARGE",
        code: "record-too-large",
        class: Failed,
        cause: "the record is larger than `max.message.bytes` of the topic allows",
        next: &["config get topic/{}"],
    },
    Words {
        kafka: Kafka::CoordinatorNotAvailable,
        name: "COORDINATOR_NOT_AVAILABLE",
        code: "coordinator-not-available",
        class: Unavailable,
        cause: "no coordinator is there for the group: `__consumer_offsets` may be offline",
        next: &["topic describe __consumer_offsets", "cluster status"],
    },
    Words {
        kafka: Kafka::InvalidTopicException,
        name: "INVALID_TOPIC_EXCEPTION",
        code: "bad-topic-name",
        class: Usage,
        cause: "the name breaks Kafka's rule, collides with another's (`.` and `_` are the same in \
            metrics), or is an internal topic's",
        next: &["topic list"],
    },
    Words {
        kafka: Kafka::NotEnoughReplicas,
        name: "NOT_ENOUGH_REPLICAS",
        code: "not-enough-replicas",
        class: Busy,
        cause: "fewer replicas are in sync than `min.insync.replicas` asks for",
        next: &["topic describe {}", "cluster status"],
    },
    Words {
        kafka: Kafka::InvalidTimestamp,
        name: "INVALID_TIMESTAMP",
        code: "invalid-timestamp",
        class: Failed,
        cause: "the record's timestamp is too far from the broker's clock for the topic's \
            settings",
        next: &["config get topic/{}"],
    },
    Words {
        kafka: Kafka::TopicAlreadyExists,
        name: "TOPIC_ALREADY_EXISTS",
        code: "topic-exists",
        class: Failed,
        cause: "a topic of that name exists",
        next: &["topic describe {}", "topic create {} --if-not-exists"],
    },
    Words {
        kafka: Kafka::InvalidPartitions,
        name: "INVALID_PARTITIONS",
        code: "invalid-partitions",
        class: Usage,
        cause: "the number of partitions must be above 0 and can only grow",
        next: &["topic describe {}"],
    },
    Words {
        kafka: Kafka::InvalidReplicationFactor,
        name: "INVALID_REPLICATION_FACTOR",
        code: "invalid-replication-factor",
        class: Usage,
        cause: "there are not that many brokers up",
        next: &["broker list"],
    },
    Words {
        kafka: Kafka::InvalidReplicaAssignment,
        name: "INVALID_REPLICA_ASSIGNMENT",
        code: "invalid-replica-assignment",
        class: Usage,
        cause: "the replicas named are not brokers of the cluster, repeat, or differ in number",
        next: &["broker list"],
    },
    Words {
        kafka: Kafka::InvalidConfig,
        name: "INVALID_CONFIG",
        code: "invalid-config",
        class: Usage,
        cause: "a property is unknown or its value is not allowed",
        next: &["config get topic/{}"],
    },
    Words {
        kafka: Kafka::InvalidRequest,
        name: "INVALID_REQUEST",
        code: "invalid-request",
        class: Failed,
        cause: "the broker did not take the request as it stands",
        next: &[],
    },
    Words {
        kafka: Kafka::GroupIdNotFound,
        name: "GROUP_ID_NOT_FOUND",
        code: "group-not-found",
        class: NotFound,
        cause: "no group of that name is known",
        next: &["group list"],
    },
    Words {
        kafka: Kafka::TopicDeletionDisabled,
        name: "TOPIC_DELETION_DISABLED",
        code: "topic-deletion-disabled",
        class: Refused,
        cause: "`delete.topic.enable` is false",
        next: &[],
    },
    Words {
        kafka: Kafka::InvalidRecord,
        name: "INVALID_RECORD",
        code: "invalid-record",
        class: Failed,
        cause: "the broker refuses the record: a compacted topic needs a key",
        next: &["config get topic/{}"],
    },
];

impl Kafka {
    fn words(self) -> &'static Words {
        let words = &WORDS[self as usize];
        debug_assert_eq!(words.kafka, self, "the table is in order");
        words
    }

    /// `what` is what failed, `subject` the topic or group, `said` what the broker would add.
    pub(crate) fn error(self, what: impl Into<String>, subject: &str, said: &str) -> Error {
        let words = self.words();
        let evidence = match said {
            "" => format!("Kafka: {}", words.name),
            said => format!("Kafka: {}: {said}", words.name),
        };
        let mut error = Error::new(words.class, words.code, what)
            .with_evidence(evidence)
            .with_cause(words.cause);
        for command in words.next {
            if !command.contains("{}") || !subject.is_empty() {
                error = error.with_next(command.replace("{}", subject));
            }
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_list() {
        for words in &WORDS {
            let listed = kafsh_model::codes::find(words.code).map(|known| known.class);
            assert_eq!(listed, Some(words.class), "{}", words.code);
        }
    }

    #[test]
    fn the_table_is_in_order_and_keeps_the_rules_for_words() {
        for (index, words) in WORDS.iter().enumerate() {
            assert_eq!(words.kafka as usize, index, "{:?}", words.kafka);
            assert!(words.next.len() <= 3 && !words.cause.ends_with('.'), "{}", words.name);
        }
        let error = Kafka::GroupIdNotFound.error("no group `g`", "g", "");
        assert_eq!((error.code.as_ref(), error.class), ("group-not-found", NotFound));
        let error = Kafka::TopicAlreadyExists.error("x", "", "said");
        assert!(error.next.is_empty() && error.evidence == ["Kafka: TOPIC_ALREADY_EXISTS: said"]);
    }
}
