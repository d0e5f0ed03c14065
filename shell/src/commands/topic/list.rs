//! `topic list`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kafsh_model::Result;
use kafsh_model::config::ConfigResource;
use kafsh_model::port::Admin;
use kafsh_model::topic::TopicDescription;
use serde_json::{Value, json};

use super::down::Down;
use super::sizes::{self, Sizes};
use crate::call::Call;
use crate::flow::{Column, Output, Show, View, column, column_as};
use crate::spec::{CommandSpec, Example, FlagSpec, Needs};

const COLUMNS: &[Column] = &[
    column("name", "NAME"),
    column("partitions", "PARTITIONS"),
    column("replication_factor", "RF"),
    column("health", "HEALTH"),
];

const COLUMNS_SIZES: &[Column] = &[
    column("name", "NAME"),
    column("partitions", "PARTITIONS"),
    column("replication_factor", "RF"),
    column("records", "RECORDS"),
    column_as("size_bytes", "SIZE", Show::Size),
    column("out_of_sync", "OUT OF SYNC"),
    column("under_min_isr", "UNDER MIN ISR"),
    column("health", "HEALTH"),
];

/// Longest that brokers are asked for settings that only fill a column.
const CONFIGS_WAIT: Duration = Duration::from_secs(2);

pub static SPEC: CommandSpec = CommandSpec {
    path: &["topic", "list"],
    summary: "list topics and their health",
    detail: "Kafka's own topics are left out, unless asked for with `--internal` or by a filter \
             of health. Several filters show what any of them finds. --sizes adds `records` (the \
             span of offsets), `size_bytes` (what leaders have on their disks), `out_of_sync` \
             (replicas) and `under_min_isr` (partitions); null where a broker did not tell in \
             time.",
    flags: &[
        FlagSpec::switch("internal", "Kafka's own topics too"),
        FlagSpec::switch("under-replicated", "only those with a replica out of sync")
            .alias(&["under-replicated-partitions"]),
        FlagSpec::switch("under-min-isr", "only those that refuse acks=all at the moment")
            .alias(&["under-min-isr-partitions"]),
        FlagSpec::switch("offline", "only those with a partition without a leader")
            .alias(&["unavailable-partitions"]),
        FlagSpec::switch("sizes", "records, bytes, replicas out of sync"),
    ],
    needs: Needs::Cluster,
    examples: &[
        Example { line: "topic list", about: "all but Kafka's own" },
        Example { line: "topic list --under-replicated", about: "what needs care" },
        Example {
            line: "topic list --sizes | jq 'sort_by(-.size_bytes) | .[:10] | map(.name)'",
            about: "the ten largest",
        },
        Example { line: "topic list | jq '[.[].name]'", about: "names, for a script" },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let admin = call.admin()?;
    let (topics, down) = tokio::join!(admin.topics(None), Down::of(&call));
    let mut topics = topics?;
    let switch = |name: &str| call.args.switch(name);
    let filters = ["under-replicated", "under-min-isr", "offline"];
    let filtered = filters.iter().any(|name| switch(name));
    if !switch("internal") && !filtered {
        topics.retain(|topic| !topic.internal);
    }
    let notes = down.correct(&mut topics);
    let sized = switch("sizes");
    let exact = switch("under-min-isr");
    let (min_isr, held) =
        tokio::join!(least(admin.as_ref(), &topics, exact, sized), held(&admin, &topics, sized));
    let min_isr = min_isr?;
    topics.sort_by(|a, b| a.name.cmp(&b.name));
    let mut rows = Vec::new();
    for topic in &topics {
        let least = min_isr.as_ref().map(|known| known.get(&topic.name).copied());
        let under = least.map(|least| under_min_isr(topic, least));
        let kept = !filtered
            || (switch("under-replicated") && under_replicated(topic) > 0)
            || (exact && under > Some(0))
            || (switch("offline") && offline(topic) > 0);
        if kept {
            let mut row = row(topic);
            if exact || sized {
                row["under_min_isr"] = json!(under);
            }
            if let Some((records, bytes)) = &held {
                row["records"] = json!(sizes::total(topic, records));
                row["size_bytes"] = json!(sizes::total(topic, bytes));
                row["out_of_sync"] = json!(out_of_sync(topic));
            }
            rows.push(row);
        }
    }
    let columns = if sized { COLUMNS_SIZES } else { COLUMNS };
    Ok(Output { notes, ..Output::value(Value::Array(rows), View::Rows(columns)) })
}

/// `min.insync.replicas` of each topic where it is wanted. A filter has to know it (`exact`); in a
/// column it may be unknown, and nobody waits long for it.
async fn least(
    admin: &dyn Admin,
    topics: &[TopicDescription],
    exact: bool,
    sized: bool,
) -> Result<Option<HashMap<String, usize>>> {
    match (exact, sized) {
        (true, _) => min_isr(admin, topics).await.map(Some),
        (false, true) => {
            let asked = tokio::time::timeout(CONFIGS_WAIT, min_isr(admin, topics)).await;
            Ok(asked.ok().and_then(Result::ok))
        }
        (false, false) => Ok(None),
    }
}

/// Records and bytes, where they are wanted.
async fn held(
    admin: &Arc<dyn Admin>,
    topics: &[TopicDescription],
    wanted: bool,
) -> Option<(Sizes, Sizes)> {
    if !wanted {
        return None;
    }
    let bytes = sizes::bytes(admin.as_ref(), topics, false);
    Some(tokio::join!(sizes::records(admin, topics), bytes))
}

/// Replicas that are not in sync.
fn out_of_sync(topic: &TopicDescription) -> usize {
    topic.partitions.iter().map(|p| p.replicas.len().saturating_sub(p.isr.len())).sum()
}

fn row(topic: &TopicDescription) -> Value {
    json!({
        "name": topic.name,
        "partitions": topic.partitions.len(),
        "replication_factor": topic.replication_factor(),
        "internal": topic.internal,
        "under_replicated": under_replicated(topic),
        "offline": offline(topic),
        "health": health(topic),
    })
}

/// `healthy`, or how many partitions are not.
pub(super) fn health(topic: &TopicDescription) -> String {
    match (offline(topic), under_replicated(topic)) {
        (0, 0) => "healthy".to_string(),
        (0, under) => format!("{under} under-replicated"),
        (offline, under) if under > offline => {
            format!("{offline} offline, {} under-replicated", under - offline)
        }
        (offline, _) => format!("{offline} offline"),
    }
}

/// Partitions with a replica out of sync.
pub(super) fn under_replicated(topic: &TopicDescription) -> usize {
    topic.partitions.iter().filter(|partition| partition.is_under_replicated()).count()
}

/// Partitions without a leader.
pub(super) fn offline(topic: &TopicDescription) -> usize {
    topic.partitions.iter().filter(|partition| partition.is_offline()).count()
}

/// Partitions that refuse acks=all: with a leader and too few in sync.
pub(super) fn under_min_isr(topic: &TopicDescription, min_isr: Option<usize>) -> usize {
    let Some(min_isr) = min_isr else { return 0 };
    topic.partitions.iter().filter(|partition| partition.is_under_min_isr(min_isr)).count()
}

/// `min.insync.replicas` of each topic that lacks a replica, all asked for at once: no other can be
/// below it, and a broker reads it from ZooKeeper, topic by topic.
async fn min_isr(admin: &dyn Admin, topics: &[TopicDescription]) -> Result<HashMap<String, usize>> {
    let resources: Vec<ConfigResource> =
        topics.iter().filter(|topic| topic.lacks_replicas()).map(of_topic).collect();
    if resources.is_empty() {
        return Ok(HashMap::new());
    }
    let described = admin.describe_configs(&resources).await?;
    let found = described.into_iter().filter_map(|(resource, entries)| {
        let ConfigResource::Topic(name) = resource else { return None };
        let entry = entries.into_iter().find(|entry| entry.key == "min.insync.replicas")?;
        Some((name, entry.value?.parse().ok()?))
    });
    Ok(found.collect())
}

fn of_topic(topic: &TopicDescription) -> ConfigResource {
    ConfigResource::Topic(topic.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafsh_model::topic::PartitionDescription;

    fn topic(partitions: &[(Option<i32>, &[i32])]) -> TopicDescription {
        let partition =
            |(index, (leader, isr)): (usize, &(Option<i32>, &[i32]))| PartitionDescription {
                partition: index as i32,
                leader: *leader,
                leader_epoch: 0,
                replicas: vec![1, 2, 3],
                isr: isr.to_vec(),
                offline_replicas: Vec::new(),
            };
        TopicDescription {
            name: "t".to_string(),
            id: None,
            internal: false,
            partitions: partitions.iter().enumerate().map(partition).collect(),
        }
    }

    #[test]
    fn health_counts_partitions_once() {
        let all: &[i32] = &[1, 2, 3];
        assert_eq!(health(&topic(&[(Some(1), all)])), "healthy");
        let limping = topic(&[(Some(1), &[1]), (Some(2), &[2, 3]), (None, &[3])]);
        assert_eq!(health(&limping), "1 offline, 2 under-replicated");
        assert_eq!(health(&topic(&[(None, &[3])])), "1 offline");
        assert_eq!(health(&topic(&[(Some(1), &[1])])), "1 under-replicated");
        assert_eq!(under_min_isr(&limping, Some(2)), 2);
        assert_eq!(under_min_isr(&limping, None), 0);
        let mut single = topic(&[(Some(1), &[1])]);
        single.partitions[0].replicas.truncate(1);
        assert_eq!(under_min_isr(&single, Some(2)), 0, "brokers ask for no more than there are");
        assert_eq!(out_of_sync(&limping), 5);
    }
}
