//! `group describe NAME…`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kafsh_model::Result;
use kafsh_model::group::{CommittedOffset, GroupDescription};
use kafsh_model::port::Admin;
use kafsh_model::topic::{OffsetAt, TopicPartition};
use serde_json::{Value, json};

use crate::call::Call;
use crate::flow::{Column, Output, Section, View, column};
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, Kind, Needs};

const FIELDS: &[Column] = &[
    column("group", "group"),
    column("state", "state"),
    column("protocol", "assignor"),
    column("coordinator", "coordinator"),
    column("total_lag", "total lag"),
];

const PARTITIONS: Section = Section {
    key: "partitions",
    title: "",
    columns: &[
        column("topic", "TOPIC"),
        column("partition", "PARTITION"),
        column("committed", "COMMITTED"),
        column("end", "END"),
        column("lag", "LAG"),
        column("member", "MEMBER"),
    ],
};

const MEMBERS: Section = Section {
    key: "members",
    title: "",
    columns: &[
        column("member_id", "MEMBER"),
        column("client_id", "CLIENT"),
        column("client_host", "HOST"),
        column("partitions", "PARTITIONS"),
    ],
};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["group", "describe"],
    summary: "show members, committed offsets and lag of consumer groups",
    detail: "All partitions of the topics that the group has commits in or members on. Lag is the \
             end of a partition's log less the committed offset; where nothing was committed yet, \
             COMMITTED is empty and the lag is all that the partition holds. One group is one \
             object, several are a list.",
    args: &[ArgSpec { name: "name", kind: Kind::Group, arity: Arity::Many, help: "the groups" }],
    needs: Needs::Cluster,
    examples: &[
        Example {
            line: "consume test --group billing; group describe billing",
            about: "one group",
        },
        Example {
            line: "consume test --group billing; group describe billing | jq '.total_lag'",
            about: "its lag, for a script",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let admin = call.admin()?;
    let mut described = Vec::new();
    for name in call.args.texts("name") {
        described.push(describe(admin.as_ref(), &name).await?);
    }
    let value = match described.len() {
        1 => described.remove(0),
        _ => Value::Array(described),
    };
    Ok(Output::value(value, View::Record { fields: FIELDS, sections: &[PARTITIONS, MEMBERS] }))
}

async fn describe(admin: &dyn Admin, name: &str) -> Result<Value> {
    let (group, committed) =
        tokio::try_join!(admin.describe_group(name), admin.committed_offsets(name))?;
    let mut partitions = partitions(&group, &committed);
    // A topic that was deleted since has no end: its commits are still shown.
    let existing = existing(admin, &partitions).await?;
    for place in &existing {
        partitions.entry(place.clone()).or_default();
    }
    // Where nothing was committed, all that is there is still to be read.
    let uncommitted: Vec<TopicPartition> =
        existing.iter().filter(|place| partitions[place].0.is_none()).cloned().collect();
    let (ends, starts) = tokio::try_join!(
        admin.list_offsets(&existing, OffsetAt::Latest),
        admin.list_offsets(&uncommitted, OffsetAt::Earliest),
    )?;
    Ok(value(&group, &partitions, &known(ends), &known(starts)))
}

fn known(offsets: Vec<(TopicPartition, Option<i64>)>) -> HashMap<TopicPartition, i64> {
    offsets.into_iter().filter_map(|(place, offset)| Some((place, offset?))).collect()
}

/// All partitions that there are of the topics in `partitions`.
async fn existing(admin: &dyn Admin, partitions: &Partitions) -> Result<Vec<TopicPartition>> {
    let names: BTreeSet<&String> = partitions.keys().map(|place| &place.topic).collect();
    let names: Vec<String> = names.into_iter().cloned().collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let topics = match admin.topics(Some(&names)).await {
        // One of them is gone: those that are there have to be picked out.
        Err(error) if error.code == "topic-not-found" => admin.topics(None).await?,
        topics => topics?,
    };
    let there = topics.iter().filter(|topic| names.contains(&topic.name));
    let places = there.flat_map(|topic| {
        topic
            .partitions
            .iter()
            .map(|p| TopicPartition { topic: topic.name.clone(), partition: p.partition })
    });
    Ok(places.collect())
}

/// A partition's committed offset and the member that reads it.
type Partitions = BTreeMap<TopicPartition, (Option<i64>, Option<String>)>;

fn partitions(group: &GroupDescription, committed: &[CommittedOffset]) -> Partitions {
    let mut partitions = Partitions::new();
    for commit in committed {
        let place = TopicPartition { topic: commit.topic.clone(), partition: commit.partition };
        partitions.entry(place).or_default().0 = Some(commit.offset).filter(|offset| *offset >= 0);
    }
    for member in &group.members {
        for place in &member.assignment {
            partitions.entry(place.clone()).or_default().1 = Some(member.member_id.clone());
        }
    }
    partitions
}

fn value(
    group: &GroupDescription,
    partitions: &Partitions,
    ends: &HashMap<TopicPartition, i64>,
    starts: &HashMap<TopicPartition, i64>,
) -> Value {
    let mut total_lag = 0;
    let rows: Vec<Value> = partitions
        .iter()
        .map(|(place, (committed, member))| {
            let end = ends.get(place).copied();
            let read_to = committed.or_else(|| starts.get(place).copied());
            // A log that was cut or made anew can end before what was committed.
            let lag = read_to.zip(end).map(|(read_to, end)| (end - read_to).max(0));
            total_lag += lag.unwrap_or(0);
            json!({
                "topic": place.topic,
                "partition": place.partition,
                "committed": committed,
                "end": end,
                "lag": lag,
                "member": member,
            })
        })
        .collect();
    let members: Vec<Value> = group
        .members
        .iter()
        .map(|member| {
            let places = member.assignment.iter();
            let places: Vec<String> =
                places.map(|place| format!("{}/{}", place.topic, place.partition)).collect();
            json!({
                "member_id": member.member_id,
                "client_id": member.client_id,
                "client_host": member.client_host,
                "partitions": places,
            })
        })
        .collect();
    json!({
        "group": group.group,
        "state": group.state,
        "protocol_type": group.protocol_type,
        "protocol": group.protocol,
        "coordinator": group.coordinator,
        "total_lag": total_lag,
        "partitions": rows,
        "members": members,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafsh_model::group::GroupMember;

    #[test]
    fn lag_is_end_less_committed() {
        let place = |partition| TopicPartition { topic: "t".to_string(), partition };
        let group = GroupDescription {
            group: "g".to_string(),
            state: "Stable".to_string(),
            protocol_type: "consumer".to_string(),
            protocol: "range".to_string(),
            coordinator: Some(1),
            members: vec![GroupMember {
                member_id: "m".to_string(),
                client_id: "c".to_string(),
                client_host: "/127.0.0.1".to_string(),
                assignment: vec![place(0), place(1)],
            }],
        };
        let commit = |partition, offset| CommittedOffset {
            topic: "t".to_string(),
            partition,
            offset,
            metadata: None,
        };
        let partitions = partitions(&group, &[commit(0, 5), commit(2, 9)]);
        let ends = [(place(0), 12), (place(1), 3), (place(2), 4)].into_iter().collect();
        let starts = [(place(1), 1)].into_iter().collect();
        let value = value(&group, &partitions, &ends, &starts);
        assert_eq!(value["total_lag"], 9);
        let lags: Vec<&Value> =
            value["partitions"].as_array().unwrap().iter().map(|row| &row["lag"]).collect();
        assert_eq!(lags, [&json!(7), &json!(2), &json!(0)]);
        assert_eq!(value["partitions"][1]["committed"], Value::Null);
        assert_eq!(value["partitions"][1]["member"], "m");
        assert_eq!(value["members"][0]["partitions"], json!(["t/0", "t/1"]));
    }
}
