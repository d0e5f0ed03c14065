//! Kafka's protocol over a connection of ours: framing, versions, routing.

pub(crate) mod client;
pub(crate) mod connection;
pub(crate) mod fault;
pub(crate) mod frame;
pub(crate) mod greet;
pub(crate) mod transport;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;
