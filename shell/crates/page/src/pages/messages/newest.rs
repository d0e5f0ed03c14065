//! The newest record of each partition: whether anything comes at all, and where.

use jiff::Timestamp;
use kafsh_model::Result;
use maud::{Markup, html};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::ask::{Answer, Browse, Question};
use crate::desk::{ANSWER_DEADLINE, Asked, Visit};
use crate::{layout, show};

/// Partitions whose newest record is shown.
const PARTITIONS_MAX: usize = 200;

/// The time of the newest record of each partition: whether anything comes at all.
pub async fn newest(visit: &Visit, name: &str) -> Markup {
    let last = Question::new(["consume"]).name(name).flag("from", "-1").flag("output", "jsonl");
    let browse = Browse { consume: last, text: None, keep: None };
    let line = browse.line(&visit.desk.program());
    let mut rows = Vec::new();
    // What came in time stays.
    let read = timeout(ANSWER_DEADLINE, times(visit, browse, &mut rows)).await;
    rows.sort_by_key(|row| row["partition"].as_i64());
    let (outcome, whole) = match read {
        Ok(Err(error)) if rows.is_empty() => (Err(error), false),
        Ok(Ok(())) => (Ok(()), true),
        Ok(Err(_)) | Err(_) => (Ok(()), false),
    };
    let answer = Answer { value: Value::Array(rows.clone()), notes: Vec::new() };
    let read_ms = Timestamp::now().as_millisecond();
    visit.keep("newest", Asked { line, read_ms, outcome: outcome.map(|()| answer) });
    html! {
        h2 { "Newest of each partition" }
        (times_table(&rows, visit.request.now_ms))
        @if !whole { p.note { "Not every partition gave its newest record in time." } }
        @else if rows.is_empty() { p.note { "No partition holds a record." } }
    }
}

/// Reads where and when; bodies are let go of as they come.
async fn times(visit: &Visit, browse: Browse, rows: &mut Vec<Value>) -> Result<()> {
    let mut records = visit.desk.browse(browse).await?;
    while let Some(batch) = records.next().await? {
        rows.extend(batch.iter().map(|record| {
            json!({
                "partition": record["partition"],
                "offset": record["offset"],
                "timestamp": record["timestamp"],
            })
        }));
    }
    Ok(())
}

fn times_table(rows: &[Value], now: i64) -> Markup {
    let head = html! {
        th.number scope="col" { "Partition" } th.number scope="col" { "Newest offset" }
        th scope="col" { "Its time" }
    };
    let body = html! {
        @for row in rows.iter().take(PARTITIONS_MAX) {
            tr {
                th.number scope="row" { (row["partition"]) }
                td.number { (show::number(&row["offset"])) }
                td {
                    @match row["timestamp"].as_i64() {
                        Some(ms) => { (show::time(ms)) " (" (show::duration(now - ms)) " ago)" }
                        None => (show::unknown()),
                    }
                }
            }
        }
    };
    html! {
        @if !rows.is_empty() { (layout::table("Newest records", head, body)) }
        @if rows.len() > PARTITIONS_MAX {
            p.note { "and " (rows.len() - PARTITIONS_MAX) " more partitions" }
        }
    }
}
