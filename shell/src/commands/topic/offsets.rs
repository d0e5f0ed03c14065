//! `topic offsets NAME…`.

use std::collections::HashMap;

use kafsh_model::Result;
use kafsh_model::topic::{OffsetAt, TopicPartition};
use serde_json::{Value, json};

use super::describe::offsets;
use crate::call::Call;
use crate::flow::{Column, Output, View, column};
use crate::records::position;
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, FlagSpec, Kind, Needs};

const COLUMNS: &[Column] = &[
    column("topic", "TOPIC"),
    column("partition", "PARTITION"),
    column("earliest", "EARLIEST"),
    column("end", "END"),
    column("count", "COUNT"),
];

const COLUMNS_AT: &[Column] = &[
    column("topic", "TOPIC"),
    column("partition", "PARTITION"),
    column("earliest", "EARLIEST"),
    column("at", "AT"),
    column("end", "END"),
    column("count", "COUNT"),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["topic", "offsets"],
    summary: "show where the logs of topics begin and end",
    detail: "With `--at @TIME` also the first offset at or after a time; empty where there is no \
             such record. Offsets of a partition without a leader are not known.",
    args: &[ArgSpec { name: "name", kind: Kind::Topic, arity: Arity::Many, help: "the topics" }],
    flags: &[FlagSpec::value("at", "@TIME", Kind::Offset, "the first offset at or after a time")],
    needs: Needs::Cluster,
    examples: &[
        Example { line: "topic offsets test", about: "a row for each partition" },
        Example { line: "topic offsets test | jq '[.[].count] | add'", about: "all together" },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let names = call.args.texts("name");
    let at = call.args.opt_text("at").map(|text| position::timestamp(&text)).transpose()?;
    let admin = call.admin()?;
    let topics = admin.topics(Some(&names)).await?;
    let bounds = offsets(admin.as_ref(), &topics).await?;
    let at_time: HashMap<TopicPartition, Option<i64>> = match at {
        Some(ms) => {
            let led: Vec<TopicPartition> = bounds.keys().cloned().collect();
            admin.list_offsets(&led, OffsetAt::Timestamp(ms)).await?.into_iter().collect()
        }
        None => HashMap::new(),
    };
    let mut rows = Vec::new();
    for topic in &topics {
        for partition in &topic.partitions {
            let partition = partition.partition;
            let place = TopicPartition { topic: topic.name.clone(), partition };
            let found = bounds.get(&place);
            let mut row = json!({
                "topic": topic.name,
                "partition": partition,
                "earliest": found.map(|(start, _)| start),
                "end": found.map(|(_, end)| end),
                "count": found.map(|(start, end)| end - start),
            });
            if at.is_some() {
                row["at"] = json!(at_time.get(&place).copied().flatten());
            }
            rows.push(row);
        }
    }
    let columns = if at.is_some() { COLUMNS_AT } else { COLUMNS };
    Ok(Output::value(Value::Array(rows), View::Rows(columns)))
}
