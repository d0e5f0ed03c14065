//! What the logs of servers say when they cannot start, word for word as of Kafka 3.9: who reads
//! logs for causes finds them here, too.

use crate::ids::{log_stamp, now_ms};
use crate::world::Bound;

/// What a broker's log says before the cause.
const FATAL: &str =
    "Fatal error during KafkaServer startup. Prepare to shutdown (kafka.server.KafkaServer)";

/// A line as log4j writes it.
pub(crate) fn line(level: &str, text: &str) -> String {
    format!("[{}] {level} {text}", log_stamp(now_ms()))
}

/// What a broker says that has become the controller.
pub(crate) fn elected(id: i32, epoch: i32) -> String {
    format!(
        "[Controller id={id}] {id} successfully elected as the controller. Epoch incremented to \
         {epoch} and epoch zk version is now {epoch} (kafka.controller.KafkaController)"
    )
}

pub(super) fn fatal(cause: String) -> Vec<String> {
    vec![line("ERROR", FATAL), cause]
}

pub(super) fn zookeeper_port_taken(taken: &Bound) -> Vec<String> {
    vec![
        line("ERROR", "Unexpected exception, exiting abnormally"),
        format!("java.net.BindException: Address already in use ({}:{})", taken.host, taken.port),
    ]
}

pub(super) fn no_zookeeper() -> String {
    "kafka.zookeeper.ZooKeeperClientTimeoutException: \
     Timed out waiting for connection while in state: CONNECTING"
        .to_string()
}

pub(super) fn other_cluster(path: &str, expected: &str, stored: &str) -> String {
    format!(
        "java.lang.RuntimeException: Invalid cluster.id in: {path}/meta.properties. \
         Expected {expected}, but read {stored}"
    )
}

pub(super) fn other_id(path: &str, wanted: i32, stored: i32) -> String {
    format!(
        "java.lang.RuntimeException: Stored node id {stored} doesn't match previous node id \
         {wanted} in {path}/meta.properties. If you moved your data, make sure your configured \
         node id matches."
    )
}

pub(super) fn port_taken(taken: &Bound) -> String {
    format!(
        "org.apache.kafka.common.KafkaException: Socket server failed to bind to {}:{}: \
         Address already in use.",
        taken.host, taken.port
    )
}

pub(super) fn registered(id: i32, session: i64) -> String {
    format!(
        "org.apache.zookeeper.KeeperException$NodeExistsException: \
         KeeperErrorCode = NodeExists for /brokers/ids/{id} (owner {session})"
    )
}

pub(super) fn endpoint_registered(endpoint: &str, other: i32) -> String {
    format!(
        "java.lang.IllegalArgumentException: requirement failed: Configured end points {endpoint} \
         in advertised listeners are already registered by broker {other}"
    )
}
