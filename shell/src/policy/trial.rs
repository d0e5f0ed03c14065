//! One question of no consequence, asked when a policy is bound: whether it can live with its
//! settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafsh_model::plugin::ClusterFacts;
use kafsh_model::policy::{Operation, PolicyMode, PolicyRequest, TopicState};
use kafsh_model::{Error, Result};

use super::{Asker, Bound};

/// The topic of the question; it exists nowhere.
const TOPIC: &str = "example";
const CLUSTER: &str = "example";
const PARTITIONS: u32 = 3;
const REPLICATION_FACTOR: u32 = 3;
const ORDINARY: &str = "3 partitions, replication factor 3, no settings of its own";

/// Asks a policy what it thinks of an ordinary topic. What it thinks does not matter; that it can
/// answer does. Gives a remark where one broke that may only warn.
///
/// # Errors
/// `bad-setting` where it says itself that it cannot answer; as what it broke, where it would
/// refuse by that from now on; why it could not be loaded.
pub async fn trial(bound: &Bound) -> Result<Option<String>> {
    let (policy, settings) = bound.policy.clone()?;
    let topic = TopicState {
        partitions: PARTITIONS,
        replication_factor: REPLICATION_FACTOR,
        configs: BTreeMap::new(),
    };
    let request = PolicyRequest {
        operation: Operation::Review,
        topic: TOPIC.to_string(),
        cluster: CLUSTER.to_string(),
        current: Some(topic.clone()),
        proposed: Some(topic.clone()),
        touched: Vec::new(),
        extras: Asker { dry_run: true, place: None }.extras(),
    };
    let facts = policy.wants_facts().then(|| {
        let topics = BTreeMap::from([(TOPIC.to_string(), topic)]);
        Arc::new(ClusterFacts { brokers: vec![1, 2, 3], topics })
    });
    let asked = move || policy.check(&request, &settings, facts.as_ref());
    let task = tokio::task::spawn_blocking(asked);
    let answer =
        task.await.map_err(|error| Error::bug(format!("a policy's thread broke: {error}")))?;
    let name = &bound.binding.policy;
    match answer {
        Ok(_) => Ok(None),
        Err(error) if error.code == "plugin-failed" => {
            let message = format!("policy `{name}` cannot decide with these settings");
            let mut refused = Error::usage("bad-setting", message)
                .with_next(format!("plugin info {name}"))
                .with_next(format!("plugin logs {name}"));
            (refused.cause, refused.evidence) = (error.cause, error.evidence);
            Err(refused)
        }
        Err(error) if bound.binding.mode == PolicyMode::Enforce => Err(error
            .with_evidence(format!("asked about an ordinary topic, before it is bound: {ORDINARY}"))
            .with_next(format!("policy bind {name} --mode warn"))),
        Err(error) => {
            let cause = error.cause.map(|cause| format!(": {cause}")).unwrap_or_default();
            Ok(Some(format!("asked about an ordinary topic it broke: {}{cause}", error.message)))
        }
    }
}
