//! Kafka's error codes as our errors: one table, so that a code means the same wherever it comes
//! from, an administrative answer or a delivery report.

use kafka_protocol::error::ResponseError;
use kafsh_model::{Class, Error};

pub(crate) const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
pub(crate) const NOT_CONTROLLER: i16 = 41;
pub(crate) const COORDINATOR_NOT_AVAILABLE: i16 = 15;
pub(crate) const GROUP_ID_NOT_FOUND: i16 = 69;

/// True where asking again, perhaps another coordinator, may help.
pub(crate) fn is_coordinator_moving(code: i16) -> bool {
    // COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR
    matches!(code, 14 | COORDINATOR_NOT_AVAILABLE | 16)
}

/// True where fresh metadata may name the right leader.
pub(crate) fn is_leader_moving(code: i16) -> bool {
    // LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER, REPLICA_NOT_AVAILABLE, FENCED_LEADER_EPOCH,
    // UNKNOWN_LEADER_EPOCH, OFFSET_NOT_AVAILABLE, and a topic so new that the leader has not heard.
    matches!(code, UNKNOWN_TOPIC_OR_PARTITION | 5 | 6 | 9 | 74 | 75 | 78)
}

struct Entry {
    kafka: i16,
    code: &'static str,
    class: Class,
    /// Why, in one sentence
    cause: &'static str,
    /// Commands; `{}` stands for the name of the topic or group
    next: &'static [&'static str],
}

const fn entry(
    kafka: i16,
    code: &'static str,
    class: Class,
    cause: &'static str,
    next: &'static [&'static str],
) -> Entry {
    Entry { kafka, code, class, cause, next }
}

use Class::{Busy, Failed, NotAuthorised, NotFound, Refused, TimedOut, Unavailable, Usage};

/// Sorted by Kafka's code (`org.apache.kafka.common.protocol.Errors`).
const TABLE: &[Entry] = &[
    entry(
        1,
        "offset-out-of-range",
        Failed,
        "the partition does not hold that offset",
        &["topic describe {}"],
    ),
    entry(
        2,
        "corrupt-record",
        Failed,
        "the record did not pass its checksum or the topic's rules: a compacted topic needs a key",
        &["config get topic/{}"],
    ),
    entry(
        3,
        "topic-not-found",
        NotFound,
        "no topic, or no such partition of it, is known to the broker",
        &["topic list", "topic create {}"],
    ),
    entry(
        5,
        "leader-not-available",
        Unavailable,
        "the partition has no leader at the moment",
        &["topic describe {}", "cluster status"],
    ),
    entry(
        6,
        "not-leader",
        Unavailable,
        "the partition's leader has just moved",
        &["topic describe {}"],
    ),
    entry(
        7,
        "timed-out",
        TimedOut,
        "the brokers did not finish in the time that the request allowed",
        &["cluster status"],
    ),
    entry(
        8,
        "broker-not-available",
        Unavailable,
        "a broker that is needed is down",
        &["cluster status"],
    ),
    entry(
        9,
        "replica-not-available",
        Unavailable,
        "a replica that is needed is down",
        &["topic describe {}"],
    ),
    entry(
        10,
        "record-too-large",
        Failed,
        "the record is larger than `max.message.bytes` of the topic allows",
        &["config get topic/{}"],
    ),
    entry(
        14,
        "coordinator-loading",
        Unavailable,
        "the group's coordinator is still loading",
        &["group list"],
    ),
    entry(
        15,
        "coordinator-not-available",
        Unavailable,
        "no coordinator is there for the group: `__consumer_offsets` may be offline",
        &["topic describe __consumer_offsets", "cluster status"],
    ),
    entry(
        16,
        "not-coordinator",
        Unavailable,
        "the group's coordinator has just moved",
        &["group list"],
    ),
    entry(
        17,
        "bad-topic-name",
        Usage,
        "the name breaks Kafka's rule, is an internal topic's, or differs from another's only by \
         `.` and `_`",
        &["topic list"],
    ),
    entry(
        18,
        "record-too-large",
        Failed,
        "the batch of records is larger than the broker's segment",
        &["config get topic/{}"],
    ),
    entry(
        19,
        "not-enough-replicas",
        Busy,
        "fewer replicas are in sync than `min.insync.replicas` asks for",
        &["topic describe {}", "cluster status"],
    ),
    entry(
        20,
        "not-enough-replicas",
        Busy,
        "the record was written, but fewer replicas are in sync than `min.insync.replicas` asks for",
        &["topic describe {}", "cluster status"],
    ),
    entry(22, "rebalance", Failed, "the group was rebalanced meanwhile", &["group describe {}"]),
    entry(24, "bad-group-name", Usage, "the group's name is empty or not allowed", &["group list"]),
    entry(25, "rebalance", Failed, "the group no longer knows this member", &["group describe {}"]),
    entry(27, "rebalance", Failed, "the group is being rebalanced", &["group describe {}"]),
    entry(29, "not-authorised", NotAuthorised, "the principal may not do this with the topic", &[]),
    entry(30, "not-authorised", NotAuthorised, "the principal may not do this with the group", &[]),
    entry(
        31,
        "not-authorised",
        NotAuthorised,
        "the principal may not do this with the cluster",
        &[],
    ),
    entry(
        32,
        "invalid-timestamp",
        Failed,
        "the record's timestamp is too far from the broker's clock for the topic's settings",
        &["config get topic/{}"],
    ),
    entry(
        35,
        "unsupported-version",
        Failed,
        "the broker does not know this version of the request",
        &[],
    ),
    entry(
        36,
        "topic-exists",
        Failed,
        "a topic of that name exists",
        &["topic describe {}", "topic create {} --if-not-exists"],
    ),
    entry(
        37,
        "invalid-partitions",
        Usage,
        "the number of partitions must be above 0 and can only grow",
        &["topic describe {}"],
    ),
    entry(
        38,
        "invalid-replication-factor",
        Usage,
        "there are not that many brokers up",
        &["broker list"],
    ),
    entry(
        39,
        "invalid-replica-assignment",
        Usage,
        "the replicas named are not brokers of the cluster, repeat, or differ in number",
        &["broker list"],
    ),
    entry(
        40,
        "invalid-config",
        Usage,
        "a property is unknown or its value is not allowed",
        &["config get topic/{}"],
    ),
    entry(41, "not-controller", Unavailable, "the controller has just moved", &["cluster status"]),
    entry(42, "invalid-request", Failed, "the broker did not take the request as it stands", &[]),
    entry(44, "policy-violation", Refused, "a policy of the brokers refuses it", &[]),
    entry(
        47,
        "producer-fenced",
        Failed,
        "a newer producer with the same transactional id took over",
        &[],
    ),
    entry(54, "not-authorised", NotAuthorised, "the principal may not do this", &[]),
    entry(56, "log-dir-failed", Failed, "a disk of the broker failed", &["broker logs"]),
    entry(58, "not-authorised", NotAuthorised, "the credentials were not accepted", &[]),
    entry(
        60,
        "reassignment-in-progress",
        Busy,
        "partitions of the topic are being moved",
        &["topic describe {}"],
    ),
    entry(69, "group-not-found", NotFound, "no group of that name is known", &["group list"]),
    entry(
        72,
        "listener-not-found",
        Unavailable,
        "the partition's leader has no listener of that name",
        &["broker list"],
    ),
    entry(73, "topic-deletion-disabled", Refused, "`delete.topic.enable` is false", &[]),
    entry(
        87,
        "invalid-record",
        Failed,
        "the broker refuses the record: a compacted topic needs a key",
        &["config get topic/{}"],
    ),
    entry(89, "throttled", Busy, "a quota is used up for now", &[]),
    entry(
        100,
        "topic-not-found",
        NotFound,
        "no topic has that id: it may have been deleted and created anew",
        &["topic list"],
    ),
];

/// Our error for Kafka's `code`. `what` is what failed ("cannot create topic `orders`"), `subject`
/// the name of the topic or group; `message` is Kafka's own, kept as evidence.
pub(crate) fn kafka_error(
    code: i16,
    message: Option<&str>,
    what: impl Into<String>,
    subject: &str,
) -> Error {
    let known = ResponseError::try_from_code(code);
    let name = match known {
        Some(ResponseError::Unknown(_)) | None => format!("error {code}"),
        Some(error) => screaming(&format!("{error:?}")),
    };
    let evidence = match message.filter(|message| !message.is_empty()) {
        Some(message) => format!("Kafka: {name}: {message}"),
        None => format!("Kafka: {name}"),
    };
    let Ok(index) = TABLE.binary_search_by_key(&code, |entry| entry.kafka) else {
        let (class, own) = match known {
            Some(error) if error.is_retriable() => (Class::Unavailable, "kafka-not-ready"),
            _ => (Class::Failed, "kafka-error"),
        };
        return Error::new(class, own, what).with_evidence(evidence);
    };
    let entry = &TABLE[index];
    let mut error =
        Error::new(entry.class, entry.code, what).with_evidence(evidence).with_cause(entry.cause);
    for command in entry.next {
        if !command.contains("{}") || !subject.is_empty() {
            error = error.with_next(command.replace("{}", subject));
        }
    }
    error
}

/// `UnknownMemberId` as Kafka writes it: `UNKNOWN_MEMBER_ID`.
fn screaming(camel: &str) -> String {
    let mut out = String::new();
    for c in camel.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_words_keep_the_rules() {
        assert!(TABLE.windows(2).all(|pair| pair[0].kafka < pair[1].kafka));
        for entry in TABLE {
            let kebab = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(entry.code.chars().all(kebab), "{}", entry.code);
            assert!(!entry.cause.ends_with('.') && !entry.cause.is_empty(), "{}", entry.cause);
            assert!(entry.next.len() <= 3);
            let listed = kafsh_model::codes::find(entry.code).map(|known| known.class);
            assert_eq!(listed, Some(entry.class), "{}", entry.code);
        }
    }

    #[test]
    fn codes_that_others_rely_on() {
        let cases = [
            (3, "topic-not-found", Class::NotFound),
            (10, "record-too-large", Class::Failed),
            (19, "not-enough-replicas", Class::Busy),
            (29, "not-authorised", Class::NotAuthorised),
            (36, "topic-exists", Class::Failed),
            (37, "invalid-partitions", Class::Usage),
            (38, "invalid-replication-factor", Class::Usage),
            (40, "invalid-config", Class::Usage),
            (44, "policy-violation", Class::Refused),
            (69, "group-not-found", Class::NotFound),
            (7, "timed-out", Class::TimedOut),
            // Not in the table: Kafka's own name, or a number that nobody knows, is evidence.
            (48, "kafka-error", Class::Failed),
            (13, "kafka-not-ready", Class::Unavailable),
            (30_000, "kafka-error", Class::Failed),
            (-1, "kafka-error", Class::Failed),
        ];
        for (kafka, code, class) in cases {
            let error = kafka_error(kafka, None, "cannot do it", "orders");
            assert_eq!((error.code.as_ref(), error.class), (code, class), "{kafka}");
        }
    }

    #[test]
    fn kafkas_own_words_are_kept_and_commands_name_the_subject() {
        let error = kafka_error(36, Some("Topic 'a' already exists."), "cannot create `a`", "a");
        assert_eq!(error.evidence, ["Kafka: TOPIC_ALREADY_EXISTS: Topic 'a' already exists."]);
        assert_eq!(error.next, ["topic describe a", "topic create a --if-not-exists"]);
        assert_eq!(error.message, "cannot create `a`");
        let without = kafka_error(36, Some(""), "x", "");
        assert!(without.next.is_empty() && without.evidence == ["Kafka: TOPIC_ALREADY_EXISTS"]);
    }
}
