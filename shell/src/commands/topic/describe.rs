//! `topic describe NAME…`.

use std::collections::HashMap;
use std::time::Duration;

use kafsh_model::config::{ConfigEntry, ConfigResource, ConfigSource};
use kafsh_model::port::Admin;
use kafsh_model::topic::{OffsetAt, PartitionDescription, TopicDescription, TopicPartition};
use kafsh_model::{BrokerId, Error, Result};
use serde_json::{Map, Value, json};

use super::down::Down;
use super::sizes::{self, Sizes};
use crate::call::Call;
use crate::commands::config::resource;
use crate::flow::{Column, Output, Section, Show, View, column, column_as};
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, Kind, Needs};

const FIELDS: &[Column] = &[
    column("name", "topic"),
    column("id", "id"),
    column("replication_factor", "replication factor"),
    column("min_isr", "min.insync.replicas"),
    column("health", "health"),
    column("records", "records"),
    column_as("size_bytes", "size", Show::Size),
];

const PARTITIONS: Section = Section {
    key: "partitions",
    title: "",
    columns: &[
        column("partition", "PARTITION"),
        column("leader", "LEADER"),
        column("replicas", "REPLICAS"),
        column("isr", "ISR"),
        column("missing", "MISSING"),
        column("earliest", "EARLIEST"),
        column("end", "END"),
        column("count", "COUNT"),
        column_as("size_bytes", "SIZE", Show::Size),
    ],
};

const CONFIGS: Section = Section {
    key: "config_sources",
    title: "",
    columns: &[column("key", "SETTING"), column("value", "VALUE"), column("source", "SOURCE")],
};

/// How long offsets may take: they are a convenience here, and an ill leader may be silent.
const OFFSETS_WAIT: Duration = Duration::from_secs(1);

pub static SPEC: CommandSpec = CommandSpec {
    path: &["topic", "describe"],
    summary: "show a topic's partitions, replicas, offsets and changed settings",
    detail: "One topic is one object, several are a list. `configs` holds the settings that are \
             not Kafka's defaults; `missing` the replicas that are not in sync. `count` is the \
             span of offsets, which compaction and transactions make larger than the number of \
             records. `size_bytes` is what the leader has on its disk.",
    args: &[ArgSpec { name: "name", kind: Kind::Topic, arity: Arity::Many, help: "the topics" }],
    needs: Needs::Cluster,
    examples: &[
        Example { line: "topic describe test", about: "one topic" },
        Example {
            line: "topic describe test | jq '[.partitions[].leader] | unique'",
            about: "its leaders",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let names = call.args.texts("name");
    let admin = call.admin()?;
    let (found, down) = tokio::join!(admin.topics(Some(&names)), Down::of(&call));
    let found = found?;
    let mut topics = Vec::new();
    for name in &names {
        let topic = found.iter().find(|topic| topic.name == *name);
        topics.push(topic.cloned().ok_or_else(|| missing(name))?);
    }
    // What is told of the partitions stays as it was told; what is made of it counts the dead out.
    let mut real = topics.clone();
    let mut notes = down.correct(&mut real);
    let ids = down.ids();
    let resources: Vec<ConfigResource> = names.iter().cloned().map(ConfigResource::Topic).collect();
    let offsets = tokio::time::timeout(OFFSETS_WAIT, offsets(admin.as_ref(), &real));
    let sizes = sizes::bytes(admin.as_ref(), &real, true);
    let (configs, offsets, sizes) =
        tokio::join!(admin.describe_configs(&resources), offsets, sizes);
    let configs = configs?;
    let offsets = offsets.unwrap_or_else(|_| Err(Error::timed_out("no answer in time")));
    let offsets = offsets.unwrap_or_else(|error| {
        notes.push(format!("offsets are not known: {error}"));
        HashMap::new()
    });
    let mut described: Vec<Value> = topics
        .iter()
        .zip(&real)
        .map(|(topic, real)| {
            let of = ConfigResource::Topic(topic.name.clone());
            let entries = configs.iter().find(|(resource, _)| *resource == of);
            let entries = entries.map_or(&[][..], |(_, entries)| entries.as_slice());
            describe(topic, real, entries, &Held { offsets: &offsets, sizes: &sizes }, &ids)
        })
        .collect();
    let value = match described.len() {
        1 => described.remove(0),
        _ => Value::Array(described),
    };
    let output =
        Output::value(value, View::Record { fields: FIELDS, sections: &[PARTITIONS, CONFIGS] });
    Ok(Output { notes, ..output })
}

pub(super) fn missing(name: &str) -> Error {
    Error::not_found("topic-not-found", format!("no topic `{name}`"))
        .with_next("topic list")
        .with_next(format!("topic create {name}"))
}

/// Earliest offset and end of each partition that has a leader.
pub(super) async fn offsets(
    admin: &dyn Admin,
    topics: &[TopicDescription],
) -> Result<HashMap<TopicPartition, (i64, i64)>> {
    let partitions: Vec<TopicPartition> = topics
        .iter()
        .flat_map(|topic| {
            let led = topic.partitions.iter().filter(|partition| !partition.is_offline());
            led.map(|p| TopicPartition { topic: topic.name.clone(), partition: p.partition })
        })
        .collect();
    if partitions.is_empty() {
        return Ok(HashMap::new());
    }
    let (earliest, latest) = tokio::try_join!(
        admin.list_offsets(&partitions, OffsetAt::Earliest),
        admin.list_offsets(&partitions, OffsetAt::Latest)
    )?;
    let mut ends: HashMap<TopicPartition, Option<i64>> = latest.into_iter().collect();
    let both = earliest.into_iter().filter_map(|(partition, start)| {
        let end = ends.remove(&partition)??;
        Some((partition, (start?, end)))
    });
    Ok(both.collect())
}

/// What partitions hold; what is not in these is not known.
struct Held<'a> {
    /// Earliest offset and end
    offsets: &'a HashMap<TopicPartition, (i64, i64)>,
    sizes: &'a Sizes,
}

/// The word of `topic list`, and how many partitions refuse acks=all, which only who knows the
/// topic's settings can tell.
fn health(topic: &TopicDescription, min_isr: Option<usize>) -> String {
    let said = super::list::health(topic);
    match super::list::under_min_isr(topic, min_isr) {
        0 => said,
        under => format!("{said}, {under} under min.isr"),
    }
}

fn describe(
    topic: &TopicDescription,
    real: &TopicDescription,
    entries: &[ConfigEntry],
    held: &Held<'_>,
    down: &[BrokerId],
) -> Value {
    let mut sources = Vec::new();
    let mut configs = Map::new();
    let mut min_isr = None;
    for entry in entries {
        if entry.key == "min.insync.replicas" {
            min_isr = entry.value.as_ref().and_then(|value| value.parse::<i64>().ok());
        }
        if entry.source != ConfigSource::Default {
            let value = resource::value(entry);
            configs.insert(entry.key.clone(), json!(value));
            let source = resource::source(entry.source);
            sources.push(json!({ "key": entry.key, "value": value, "source": source }));
        }
    }
    let of = |partition: i32| {
        let place = TopicPartition { topic: topic.name.clone(), partition };
        (held.offsets.get(&place).copied(), held.sizes.get(&place).copied())
    };
    let counts: Option<i64> =
        topic.partitions.iter().map(|p| of(p.partition).0.map(|(start, end)| end - start)).sum();
    let partitions: Vec<Value> =
        topic.partitions.iter().map(|p| partition(p, of(p.partition), down)).collect();
    json!({
        "name": topic.name,
        "id": topic.id,
        "internal": topic.internal,
        "partitions": partitions,
        "replication_factor": topic.replication_factor(),
        "min_isr": min_isr,
        "health": health(real, min_isr.and_then(|min| usize::try_from(min).ok())),
        "records": counts,
        "size_bytes": sizes::total(topic, held.sizes),
        "configs": configs,
        "config_sources": sources,
    })
}

/// `down`: brokers whose processes do not run, whatever metadata says.
fn partition(
    partition: &PartitionDescription,
    (offsets, size_bytes): (Option<(i64, i64)>, Option<u64>),
    down: &[BrokerId],
) -> Value {
    let replicas = partition.replicas.iter().copied();
    let lost = |id: &BrokerId| down.contains(id);
    let missing: Vec<BrokerId> =
        replicas.clone().filter(|id| lost(id) || !partition.isr.contains(id)).collect();
    json!({
        "partition": partition.partition,
        "leader": partition.leader,
        "leader_epoch": partition.leader_epoch,
        "replicas": partition.replicas,
        "isr": partition.isr,
        "missing": missing,
        "down": replicas.filter(lost).collect::<Vec<_>>(),
        "offline_replicas": partition.offline_replicas,
        "earliest": offsets.map(|(start, _)| start),
        "end": offsets.map(|(_, end)| end),
        "count": offsets.map(|(start, end)| end - start),
        "size_bytes": size_bytes,
    })
}
