//! librdkafka's error codes as our errors. From 0 on they are Kafka's own, below they are its.

use std::ffi::CStr;

use kafsh_model::{Class, Error};
use rdkafka::bindings as rd;

use crate::kafka_error::kafka_error;

/// A `rd_kafka_resp_err_t` as a number: a broker may send a code that the generated enum lacks, and
/// such an enum must never be made.
pub(crate) type Code = i32;

pub(crate) const NO_ERROR: Code = 0;
pub(crate) const TRANSPORT: Code = -195;
pub(crate) const MSG_TIMED_OUT: Code = -192;
pub(crate) const PARTITION_EOF: Code = -191;
pub(crate) const UNKNOWN_PARTITION: Code = -190;
pub(crate) const UNKNOWN_TOPIC: Code = -188;
pub(crate) const ALL_BROKERS_DOWN: Code = -187;
pub(crate) const INVALID_ARG: Code = -186;
pub(crate) const TIMED_OUT: Code = -185;
pub(crate) const QUEUE_FULL: Code = -184;
const RESOLVE: Code = -193;
const SSL: Code = -181;
pub(crate) const NO_OFFSET: Code = -168;
const AUTHENTICATION: Code = -169;
const TIMED_OUT_QUEUE: Code = -166;
const PURGE_QUEUE: Code = -152;
const PURGE_INFLIGHT: Code = -151;
const FATAL: Code = -150;
const MAX_POLL_EXCEEDED: Code = -147;
const UNKNOWN_BROKER: Code = -146;

/// librdkafka's sentence for `code`.
pub(crate) fn describe(code: Code) -> String {
    // Asked by name through the table of descriptions, so that no enum is made of a foreign number.
    let mut table: *const rd::rd_kafka_err_desc = std::ptr::null();
    let mut count = 0_usize;
    // SAFETY: both pointers are valid for writing; the table is static inside librdkafka.
    unsafe { rd::rd_kafka_get_err_descs(&mut table, &mut count) };
    for index in 0..count {
        // SAFETY: the table has `count` entries. `code` is read as an integer, see `Code`.
        let (found, text) = unsafe {
            let entry = table.add(index);
            ((&raw const (*entry).code).cast::<Code>().read(), (*entry).desc)
        };
        if found == code && !text.is_null() {
            // SAFETY: descriptions are static strings that end in NUL.
            return unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
        }
    }
    format!("error {code}")
}

/// Our error for `code`. `what` is what failed, `subject` the topic or group, `detail` what
/// librdkafka says beyond the code.
pub(crate) fn native_error(
    code: Code,
    detail: Option<&str>,
    what: impl Into<String>,
    subject: &str,
) -> Error {
    if let Ok(code) = i16::try_from(code)
        && code > 0
    {
        return kafka_error(code, detail, what, subject);
    }
    let (class, name, cause) = match code {
        UNKNOWN_TOPIC => return kafka_error(3, detail, what, subject),
        UNKNOWN_PARTITION => {
            (Class::NotFound, "partition-not-found", "the topic has fewer partitions")
        }
        MSG_TIMED_OUT | TIMED_OUT | TIMED_OUT_QUEUE => {
            (Class::TimedOut, "timed-out", "the brokers did not acknowledge it in time")
        }
        TRANSPORT | ALL_BROKERS_DOWN | RESOLVE | UNKNOWN_BROKER => {
            (Class::Unavailable, "unavailable", "no broker that is needed can be reached")
        }
        AUTHENTICATION | SSL => {
            (Class::NotAuthorised, "not-authorised", "the credentials were not accepted")
        }
        QUEUE_FULL => (Class::Busy, "queue-full", "too many records wait to be sent"),
        INVALID_ARG => (Class::Usage, "invalid-argument", "a value is outside what Kafka allows"),
        MAX_POLL_EXCEEDED => (
            Class::Failed,
            "left-group",
            "no record was asked for in `max.poll.interval.ms`, so the group went on without it",
        ),
        PURGE_QUEUE => (Class::Failed, "not-sent", "the producer was closed before it was sent"),
        PURGE_INFLIGHT => (
            Class::Unavailable,
            "outcome-unknown",
            "the producer was closed before the broker answered, so it may have been written",
        ),
        FATAL => (Class::Failed, "producer-failed", "the producer cannot go on with its sequence"),
        _ => (Class::Failed, "client-failed", "the client library gave up"),
    };
    let text = describe(code);
    let evidence = match detail.filter(|detail| !detail.is_empty() && *detail != text) {
        Some(detail) => format!("librdkafka: {text}: {detail}"),
        None => format!("librdkafka: {text}"),
    };
    let error = Error::new(class, name, what).with_cause(cause).with_evidence(evidence);
    match class {
        Class::Busy | Class::Unavailable | Class::TimedOut => {
            error.with_next("cluster status").with_next("cluster doctor")
        }
        Class::NotFound => error.with_next(format!("topic describe {subject}")),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kafka's MSG_SIZE_TOO_LARGE: also said by librdkafka itself, before anything is sent.
    const TOO_LARGE: Code = 10;

    #[test]
    fn the_numbers_are_librdkafkas() {
        use rd::rd_kafka_resp_err_t as E;
        let pairs = [
            (TRANSPORT, E::RD_KAFKA_RESP_ERR__TRANSPORT),
            (MSG_TIMED_OUT, E::RD_KAFKA_RESP_ERR__MSG_TIMED_OUT),
            (PARTITION_EOF, E::RD_KAFKA_RESP_ERR__PARTITION_EOF),
            (UNKNOWN_PARTITION, E::RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION),
            (UNKNOWN_TOPIC, E::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC),
            (ALL_BROKERS_DOWN, E::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN),
            (INVALID_ARG, E::RD_KAFKA_RESP_ERR__INVALID_ARG),
            (TIMED_OUT, E::RD_KAFKA_RESP_ERR__TIMED_OUT),
            (QUEUE_FULL, E::RD_KAFKA_RESP_ERR__QUEUE_FULL),
            (RESOLVE, E::RD_KAFKA_RESP_ERR__RESOLVE),
            (SSL, E::RD_KAFKA_RESP_ERR__SSL),
            (NO_OFFSET, E::RD_KAFKA_RESP_ERR__NO_OFFSET),
            (AUTHENTICATION, E::RD_KAFKA_RESP_ERR__AUTHENTICATION),
            (TIMED_OUT_QUEUE, E::RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE),
            (PURGE_QUEUE, E::RD_KAFKA_RESP_ERR__PURGE_QUEUE),
            (PURGE_INFLIGHT, E::RD_KAFKA_RESP_ERR__PURGE_INFLIGHT),
            (FATAL, E::RD_KAFKA_RESP_ERR__FATAL),
            (MAX_POLL_EXCEEDED, E::RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED),
            (UNKNOWN_BROKER, E::RD_KAFKA_RESP_ERR__UNKNOWN_BROKER),
            (TOO_LARGE, E::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE),
        ];
        for (code, name) in pairs {
            assert_eq!(code, name as Code, "{name:?}");
        }
    }

    #[test]
    fn codes_of_both_kinds_become_errors() {
        let error = native_error(TOO_LARGE, None, "cannot produce", "orders");
        assert_eq!(error.code, "record-too-large");
        let error = native_error(UNKNOWN_TOPIC, None, "cannot produce", "orders");
        assert_eq!((error.code.as_ref(), error.class), ("topic-not-found", Class::NotFound));
        let error = native_error(ALL_BROKERS_DOWN, Some("2/2 brokers are down"), "x", "");
        assert_eq!(error.class, Class::Unavailable);
        assert!(error.evidence[0].contains("2/2 brokers are down"), "{:?}", error.evidence);
        assert_eq!(native_error(-7, None, "x", "").code, "client-failed");
        assert_eq!(describe(30_000), "error 30000");
    }
}
