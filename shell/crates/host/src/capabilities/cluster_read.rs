//! `cluster-read`: facts of the cluster as they were read before the call, within a scope.

use std::sync::Arc;

use kafsh_model::plugin::ClusterFacts;

use super::host::cluster_read::{Host, Property, Topic};
use crate::grants::in_scope;
use crate::guest::GuestState;

/// What of a cluster can be seen.
#[derive(Clone, Default)]
pub(crate) struct View {
    pub(crate) facts: Arc<ClusterFacts>,
    /// Globs of topic names; empty: all
    pub(crate) scope: Arc<[String]>,
}

impl Host for GuestState {
    fn brokers(&mut self) -> wasmtime::Result<Vec<i32>> {
        Ok(self.cluster.facts.brokers.clone())
    }

    fn topics(&mut self) -> wasmtime::Result<Vec<String>> {
        let View { facts, scope } = &self.cluster;
        Ok(facts.topics.keys().filter(|name| in_scope(scope, name)).cloned().collect())
    }

    fn get_topic(&mut self, name: String) -> wasmtime::Result<Option<Topic>> {
        let View { facts, scope } = &self.cluster;
        let found = facts.topics.get(&name).filter(|_| in_scope(scope, &name));
        Ok(found.map(|state| Topic {
            partitions: state.partitions,
            replication_factor: state.replication_factor,
            configs: state
                .configs
                .iter()
                .map(|(key, value)| Property { key: key.clone(), value: value.clone() })
                .collect(),
            extras: Vec::new(),
            name,
        }))
    }
}
