//! What can go wrong between us and one broker, before any Kafka error code is read.

use std::fmt;
use std::time::Duration;

use kafsh_model::Error;
use kafsh_model::units::show_duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No connection: refused, unknown host, unreachable
    Refused(String),
    /// Connected (or not even that), but nothing came in time
    Silent { what: String, waited: Duration },
    /// The connection turned out to be closed before the request was written
    Stale,
    /// The connection broke after the request may have been sent
    Lost(String),
    /// What came is not Kafka's protocol as we know it
    Garbled(String),
    /// No version of this request that both sides know
    Unsupported { api: String, broker: Option<(i16, i16)>, client: (i16, i16) },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Refused(why) => write!(f, "no connection: {why}"),
            Fault::Silent { what, waited } => {
                write!(f, "no answer to {what} within {}", show_duration(*waited))
            }
            Fault::Stale => f.write_str("the connection was already closed"),
            Fault::Lost(why) => write!(f, "the connection was lost: {why}"),
            Fault::Garbled(why) => write!(f, "the answer is not Kafka's protocol: {why}"),
            Fault::Unsupported { api, broker: None, .. } => {
                write!(f, "the broker does not know {api}")
            }
            Fault::Unsupported { api, broker: Some((low, high)), client } => write!(
                f,
                "the broker knows {api} {low} to {high}, kafsh knows {} to {}",
                client.0, client.1
            ),
        }
    }
}

impl Fault {
    /// Of a request that was handed to a connection: whether the broker may have carried it out.
    pub fn may_have_been_done(&self) -> bool {
        matches!(self, Fault::Lost(_) | Fault::Silent { .. })
    }

    /// True where a broker that is still starting, or is gone, would look the same.
    pub fn is_unavailable(&self) -> bool {
        !matches!(self, Fault::Unsupported { .. } | Fault::Garbled(_))
    }

    /// The failure of `doing` ("list topics") at `address`.
    pub fn error(&self, doing: &str, address: &str) -> Error {
        let evidence = format!("{address}: {self}");
        let error = match self {
            Fault::Unsupported { .. } => {
                Error::failed("unsupported-version", format!("cannot {doing} at `{address}`"))
                    .with_cause("the broker is too old or too new for this request")
            }
            Fault::Garbled(_) => {
                Error::failed("not-kafka", format!("cannot {doing} at `{address}`"))
                    .with_cause("something other than a plaintext Kafka listener answers there")
            }
            Fault::Refused(_) => {
                Error::unavailable("unavailable", format!("cannot {doing} at `{address}`"))
                    .with_cause("nothing accepts connections there")
            }
            Fault::Silent { .. } => {
                Error::unavailable("unavailable", format!("cannot {doing} at `{address}`"))
                    .with_cause("the broker did not answer in time: it may be starting or paused")
            }
            Fault::Lost(_) | Fault::Stale => {
                Error::unavailable("unavailable", format!("cannot {doing} at `{address}`"))
                    .with_cause("the broker closed the connection: it may be stopping")
            }
        };
        error.with_evidence(evidence).with_next("cluster status").with_next("cluster doctor")
    }
}
