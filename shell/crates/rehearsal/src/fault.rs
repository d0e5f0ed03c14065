//! Errors in the words of the real connector: the same codes, classes and commands.

use std::fmt;

use kafsh_model::topic::TopicPartition;
use kafsh_model::{Class, Error};

use Class::{Failed, NotFound, Refused, Unavailable, Usage};

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
    name: &'static str,
    code: &'static str,
    class: Class,
    cause: &'static str,
    /// `{}` stands for the name of the topic or group
    next: &'static [&'static str],
}

impl Kafka {
    fn words(self) -> Words {
        let (name, code, class, cause, next): (_, _, _, _, &'static [&'static str]) = match self {
            Kafka::UnknownTopicOrPartition => (
                "UNKNOWN_TOPIC_OR_PARTITION",
                "topic-not-found",
                NotFound,
                "no topic, or no such partition of it, is known to the broker",
                &["topic list", "topic create {}"],
            ),
            Kafka::MessageTooLarge => (
                "MESSAGE_TOO_LARGE",
                "record-too-large",
                Failed,
                "the record is larger than `max.message.bytes` of the topic allows",
                &["config list topic {}"],
            ),
            Kafka::CoordinatorNotAvailable => (
                "COORDINATOR_NOT_AVAILABLE",
                "coordinator-not-available",
                Unavailable,
                "no coordinator is there for the group: `__consumer_offsets` may be offline",
                &["topic describe __consumer_offsets", "cluster status"],
            ),
            Kafka::InvalidTopicException => (
                "INVALID_TOPIC_EXCEPTION",
                "bad-topic-name",
                Usage,
                "the name breaks Kafka's rule, collides with another's (`.` and `_` are the same in metrics), or is an internal topic's",
                &["topic list"],
            ),
            Kafka::NotEnoughReplicas => (
                "NOT_ENOUGH_REPLICAS",
                "not-enough-replicas",
                Unavailable,
                "fewer replicas are in sync than `min.insync.replicas` asks for",
                &["topic describe {}", "cluster status"],
            ),
            Kafka::InvalidTimestamp => (
                "INVALID_TIMESTAMP",
                "invalid-timestamp",
                Failed,
                "the record's timestamp is too far from the broker's clock for the topic's settings",
                &["config list topic {}"],
            ),
            Kafka::TopicAlreadyExists => (
                "TOPIC_ALREADY_EXISTS",
                "topic-exists",
                Failed,
                "a topic of that name exists",
                &["topic describe {}", "topic create {} --if-not-exists"],
            ),
            Kafka::InvalidPartitions => (
                "INVALID_PARTITIONS",
                "invalid-partitions",
                Usage,
                "the number of partitions must be above 0 and can only grow",
                &["topic describe {}"],
            ),
            Kafka::InvalidReplicationFactor => (
                "INVALID_REPLICATION_FACTOR",
                "invalid-replication-factor",
                Usage,
                "there are not that many brokers up",
                &["broker list"],
            ),
            Kafka::InvalidReplicaAssignment => (
                "INVALID_REPLICA_ASSIGNMENT",
                "invalid-replica-assignment",
                Usage,
                "the replicas named are not brokers of the cluster, repeat, or differ in number",
                &["broker list"],
            ),
            Kafka::InvalidConfig => (
                "INVALID_CONFIG",
                "invalid-config",
                Usage,
                "a property is unknown or its value is not allowed",
                &["config list topic {}"],
            ),
            Kafka::InvalidRequest => (
                "INVALID_REQUEST",
                "invalid-request",
                Failed,
                "the broker did not take the request as it stands",
                &[],
            ),
            Kafka::GroupIdNotFound => (
                "GROUP_ID_NOT_FOUND",
                "group-not-found",
                NotFound,
                "no group of that name is known",
                &["group list"],
            ),
            Kafka::TopicDeletionDisabled => (
                "TOPIC_DELETION_DISABLED",
                "topic-deletion-disabled",
                Refused,
                "`delete.topic.enable` is false",
                &[],
            ),
            Kafka::InvalidRecord => (
                "INVALID_RECORD",
                "invalid-record",
                Failed,
                "the broker refuses the record: a compacted topic needs a key",
                &["config list topic {}"],
            ),
        };
        Words { name, code, class, cause, next }
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

pub(crate) fn no_topic(topic: &str) -> Error {
    Kafka::UnknownTopicOrPartition.error(format!("no topic `{topic}`"), topic, "")
}

pub(crate) fn no_partition(topic: &str, partition: i32) -> Error {
    Error::not_found("partition-not-found", format!("no partition `{topic}/{partition}`"))
        .with_cause("the topic has fewer partitions")
        .with_next(format!("topic describe {topic}"))
}

pub(crate) fn no_leader(partitions: &[TopicPartition]) -> Error {
    /// Partitions named in the message.
    const SHOWN: usize = 8;
    let shown = partitions.iter().take(SHOWN).map(|p| format!("`{}/{}`", p.topic, p.partition));
    let shown: Vec<String> = shown.collect();
    let topic = partitions.first().map_or("", |p| p.topic.as_str());
    Error::unavailable("leader-not-available", format!("no leader for {}", shown.join(", ")))
        .with_cause("the brokers that hold the partition are down")
        .with_next(format!("topic describe {topic}"))
        .with_next("cluster status")
}

/// Why a broker does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// Nothing listens there
    Refused,
    /// Paused, or silent by an injected fault
    Silent,
    /// It does not know its cluster any more
    Lost,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Silence::Refused => "no connection: Connection refused (os error 111)",
            Silence::Silent => "no answer to ApiVersions in time",
            Silence::Lost => "the connection was lost: closed by the broker",
        })
    }
}

impl Silence {
    /// The failure of `doing` ("list topics") at `address`.
    pub(crate) fn error(self, doing: &str, address: &str) -> Error {
        let cause = match self {
            Silence::Refused => "nothing accepts connections there",
            Silence::Silent => "the broker did not answer in time: it may be starting or paused",
            Silence::Lost => "the broker closed the connection: it may be stopping",
        };
        Error::unavailable("unavailable", format!("cannot {doing} at `{address}`"))
            .with_cause(cause)
            .with_evidence(format!("{address}: {self}"))
            .with_next("cluster status")
            .with_next("cluster doctor")
    }

    /// The failure of a probe.
    pub(crate) fn not_ready(self, address: &str) -> Error {
        let (message, cause) = match self {
            Silence::Refused => (
                format!("nothing listens at `{address}`"),
                "the broker is down, or still starting: it opens its port late",
            ),
            Silence::Silent => (
                format!("the broker at `{address}` is silent"),
                "it is starting, paused or overloaded",
            ),
            Silence::Lost => (
                format!("the broker at `{address}` closed the connection"),
                "it is stopping, or not ready yet",
            ),
        };
        Error::unavailable("unavailable", message)
            .with_evidence(format!("{address}: {self}"))
            .with_cause(cause)
            .with_next("cluster status")
            .with_next("broker logs")
    }
}

/// No address of several answers.
pub(crate) fn unreachable(doing: &str, silent: &[(String, Silence)]) -> Error {
    if let [(address, silence)] = silent {
        return silence.error(doing, address);
    }
    let addresses: Vec<&str> = silent.iter().map(|(address, _)| address.as_str()).collect();
    let shown = addresses.join(", ");
    let mut error = Error::unavailable(
        "unavailable",
        format!("cannot {doing}: no broker answers at `{shown}`"),
    )
    .with_cause("every address refused or was silent: the brokers may be down or starting");
    for (address, silence) in silent {
        error = error.with_evidence(format!("{address}: {silence}"));
    }
    error.with_next("cluster status").with_next("cluster doctor")
}

pub(crate) fn no_controller(doing: &str, why: &str) -> Error {
    Error::unavailable("unavailable", format!("cannot {doing}: no controller could be reached"))
        .with_evidence(why)
        .with_cause("the brokers have not elected a controller, or it is going down")
        .with_next("cluster status")
        .with_next("cluster doctor")
}
