//! The one timestamp that a record cannot be written with.

use crate::{Class, Error};

/// A record of the first millisecond of 1970: the client library takes 0 for "now", and what was
/// asked for is never written as something else. `what` is what failed.
pub fn timestamp_zero(what: impl Into<String>) -> Error {
    Error::new(Class::Failed, "timestamp-zero", what)
        .with_cause("a record's timestamp cannot be 0, which means \"now\" to the client library")
        .with_evidence("timestamps are in ms since 1970, from 1 on")
}
