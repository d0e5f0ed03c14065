//! librdkafka behind a small safe face. The C interface rather than the `rdkafka` crate's clients,
//! for what those cannot do: header names that are not UTF-8 (they panic), batch consumption with a
//! rebalance callback of our own, delivery reports without a 100 ms poll, and a quick end.
//!
//! Every `unsafe` block of this crate is in this folder.

pub(crate) mod conf;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod handle;
pub(crate) mod message;
pub(crate) mod partitions;
