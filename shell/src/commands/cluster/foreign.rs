//! What can be told of a cluster that is not ours: over its brokers alone.

use std::collections::BTreeMap;

use kafsh_cluster::engine::report::{ClusterStatus, NodeStatus};
use kafsh_cluster::engine::{MinIsr, Partitions};
use kafsh_cluster::store::Attached;
use kafsh_model::topic::{BrokerView, ClusterView, TopicDescription};
use kafsh_model::{BrokerId, Result};

use crate::call::Call;

/// The status of an attached cluster, and the partitions it was made of.
///
/// # Errors
/// `unavailable` where no broker answers; `not-authorised`.
pub async fn status(call: &Call, attached: &Attached) -> Result<(ClusterStatus, Partitions)> {
    let target = call.context.target(attached.name.as_str())?;
    let admin = call.context.admin(&target)?;
    let view = admin.cluster().await?;
    let partitions = Partitions::read(&*admin, &[], MinIsr::OfLacking).await?;
    let health = partitions.health();
    let known = replica_holders(&partitions.topics);
    let lost: Vec<BrokerId> =
        known.into_iter().filter(|id| !view.brokers.iter().any(|b| b.id == *id)).collect();
    let mut reasons: Vec<String> =
        lost.iter().map(|id| format!("broker {id} holds replicas and is not there")).collect();
    if view.controller.is_none() {
        reasons.push("there is no controller".to_string());
    }
    for (count, what) in [
        (health.offline, "offline"),
        (health.under_min_isr, "under min.insync.replicas"),
        (health.under_replicated, "under-replicated"),
    ] {
        if count > 0 {
            reasons.push(format!("{count} partitions {what}"));
        }
    }
    let drift = drift(attached, &view);
    let status = ClusterStatus {
        name: attached.name.to_string(),
        healthy: reasons.is_empty() && drift.is_empty(),
        state: if reasons.is_empty() { "healthy" } else { "degraded" }.to_string(),
        cluster_id: view.cluster_id.clone(),
        controller: view.controller,
        bootstrap: attached.bootstrap.clone(),
        zookeeper: attached.zookeeper.clone().unwrap_or_default(),
        brokers_ready: view.brokers.len(),
        brokers_total: view.brokers.len() + lost.len(),
        nodes: nodes(&view, &lost),
        partitions: Some(health),
        proven: false,
        drift,
        reasons,
        ephemeral: false,
        orphaned: false,
    };
    Ok((status, partitions))
}

/// Another id than when it was attached is another cluster at the same address.
fn drift(attached: &Attached, view: &ClusterView) -> Vec<String> {
    match (&attached.cluster_id, &view.cluster_id) {
        (Some(pinned), Some(now)) if pinned != now => {
            vec![format!("cluster id: {pinned} when it was attached, {now} now")]
        }
        _ => Vec::new(),
    }
}

fn nodes(view: &ClusterView, lost: &[BrokerId]) -> Vec<NodeStatus> {
    let there = view.brokers.iter().map(|broker| (broker.id, Some(broker)));
    let mut all: Vec<(BrokerId, Option<&BrokerView>)> =
        there.chain(lost.iter().map(|id| (*id, None))).collect();
    all.sort_by_key(|(id, _)| *id);
    all.into_iter()
        .map(|(id, broker)| NodeStatus {
            node: format!("broker {id}"),
            broker: Some(id),
            state: if broker.is_some() { "running" } else { "missing" }.to_string(),
            ready: broker.is_some(),
            pid: None,
            uptime_ms: None,
            since_ms: None,
            endpoints: broker.map(|b| format!("{}:{}", b.host, b.port)).into_iter().collect(),
            controller: view.controller == Some(id),
            data_bytes: 0,
            rack: broker.and_then(|broker| broker.rack.clone()),
            restart_needed: false,
        })
        .collect()
}

/// Brokers that hold a replica of something.
fn replica_holders(topics: &[TopicDescription]) -> Vec<BrokerId> {
    let partitions = topics.iter().flat_map(|topic| &topic.partitions);
    let mut ids: Vec<BrokerId> = partitions.flat_map(|p| p.replicas.iter().copied()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Leaders and replicas that each broker has.
pub fn shares(topics: &[TopicDescription]) -> BTreeMap<BrokerId, (usize, usize)> {
    let mut shares: BTreeMap<BrokerId, (usize, usize)> = BTreeMap::new();
    for partition in topics.iter().flat_map(|topic| &topic.partitions) {
        if let Some(leader) = partition.leader {
            shares.entry(leader).or_default().0 += 1;
        }
        for replica in &partition.replicas {
            shares.entry(*replica).or_default().1 += 1;
        }
    }
    shares
}
