//! Errors in the words of the real connector: the same codes, classes and commands.

use std::fmt;

use kafsh_model::Error;
use kafsh_model::topic::TopicPartition;

use crate::kafka_error::Kafka;

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
