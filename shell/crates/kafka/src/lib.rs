//! The ports of kafsh over the wire: administration in Kafka's own protocol, records through
//! librdkafka, ZooKeeper through its client and four-letter words.
//!
//! Everything here runs inside a multi-threaded tokio runtime. Connections are made when first
//! needed and belong to what the connector returned; nothing is global.

mod admin;
mod consume;
mod kafka_error;
mod native;
mod produce;
mod wire;
mod zookeeper;

use std::sync::Arc;

use kafsh_model::Result;
use kafsh_model::port::{Admin, Connector, Records, Target, ZooKeeper};

use crate::admin::KafkaAdmin;
use crate::consume::KafkaRecords;
use crate::zookeeper::KafkaZooKeeper;

/// Makes connections to real clusters.
#[derive(Clone, Copy, Debug, Default)]
pub struct KafkaConnector;

impl KafkaConnector {
    pub fn new() -> Self {
        KafkaConnector
    }
}

impl Connector for KafkaConnector {
    /// `bad-address`, `no-bootstrap` or `unsupported-security` where the target cannot be right.
    fn admin(&self, target: &Target) -> Result<Arc<dyn Admin>> {
        Ok(KafkaAdmin::new(target)? as Arc<dyn Admin>)
    }

    /// As `admin`, and `unknown-property`, `invalid-property` or `fixed-property` where one of
    /// `target.client` cannot be.
    fn records(&self, target: &Target) -> Result<Arc<dyn Records>> {
        Ok(KafkaRecords::new(target)? as Arc<dyn Records>)
    }

    /// `bad-address` where it is not `host:port`.
    fn zookeeper(&self, address: &str) -> Result<Arc<dyn ZooKeeper>> {
        Ok(KafkaZooKeeper::new(address)? as Arc<dyn ZooKeeper>)
    }
}
