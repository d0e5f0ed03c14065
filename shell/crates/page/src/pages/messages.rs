//! Records of a topic: from where one likes, filtered, bounded in time and bytes, and the way on.

use std::time::Duration;

use jiff::Timestamp;
use kafsh_model::{Error, Result};
use maud::{Markup, html};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout, timeout_at};

use super::record::{self, Body};
use super::{Drawn, topic};
use crate::ask::{Answer, Browse, Progress, Question, Records};
use crate::desk::{ANSWER_DEADLINE, Asked, Desk, Visit};
use crate::layout;
use crate::{link, show};

/// Records on one page.
const SHOWN_MAX: usize = 50;

/// Records that one look reads, kept or not.
const SCANNED_MAX: u64 = 100_000;

/// How long one look reads.
const LOOK_TIME: Duration = Duration::from_secs(4);

/// Until reading begins: a filter is compiled when it is first used.
pub const OPEN_TIME: Duration = Duration::from_secs(15);

/// Partitions whose newest record is shown.
const PARTITIONS_MAX: usize = 200;

/// Where a page of messages begins, in words.
const FROM: &[(&str, &str)] = &[
    ("", "the newest"),
    ("earliest", "the earliest"),
    ("offset", "an offset"),
    ("time", "a time"),
];

/// What was looked for and what was found.
pub struct Look {
    pub records: Vec<Value>,
    pub progress: Progress,
    /// Why it stopped before the end, where it did
    pub stopped: Option<&'static str>,
}

pub async fn draw(visit: &Visit) -> Drawn {
    let name = visit.request.name();
    let browse = browse(visit);
    let (look, ends) = tokio::join!(look(visit, browse), newest(visit, name));
    let title = format!("Messages of {name}");
    let body = html! {
        (topic::tabs(name, "messages"))
        (form(visit))
        @match look {
            Err(error) => (layout::error(&error)),
            Ok(look) => (found(visit, &look)),
        }
        (ends)
    };
    // A page of records stays as it was read; what follows the end is a live page's.
    Drawn::new(title, body).still()
}

/// The question that the address asks.
pub fn browse(visit: &Visit) -> Browse {
    let request = &visit.request;
    let mut consume = Question::new(["consume"]).name(request.name()).flag("output", "jsonl");
    let partition = request.param("partition");
    if !partition.is_empty() {
        consume = consume.flag("partition", partition);
    }
    let starts: Vec<&str> = request.param("start").split(',').filter(|s| !s.is_empty()).collect();
    for start in &starts {
        consume = consume.flag("start", start);
    }
    if starts.is_empty() {
        consume = consume.flag("from", &from(visit));
    }
    let given = |name: &str| Some(request.param(name).to_string()).filter(|text| !text.is_empty());
    Browse { consume, text: given("text"), keep: given("keep") }
}

/// The position of `--from`: the newest where nothing is said.
fn from(visit: &Visit) -> String {
    let request = &visit.request;
    let value = request.param("value").trim();
    match request.param("from") {
        "" => format!("-{SHOWN_MAX}"),
        "offset" if !value.is_empty() => value.to_string(),
        "time" if !value.is_empty() => format!("@{}", value.trim_start_matches('@')),
        "offset" | "time" => "earliest".to_string(),
        other => other.to_string(),
    }
}

/// Reads until there is a page full, or a bound is reached.
async fn look(visit: &Visit, browse: Browse) -> Result<Look> {
    let line = browse.line(&visit.desk.program());
    let looked = read(visit, browse).await.map_err(|error| visit.desk.advise(error));
    let read_ms = Timestamp::now().as_millisecond();
    let outcome = match &looked {
        Ok(look) => Ok(Answer {
            value: json!({
                "records": look.records,
                "scanned": look.progress.scanned,
                "matched": look.records.len(),
                "stopped": look.stopped,
                "next": starts(&look.progress),
            }),
            notes: Vec::new(),
        }),
        Err(error) => Err(error.clone()),
    };
    visit.keep("messages", Asked { line, read_ms, outcome });
    looked
}

/// Begins to read.
///
/// # Errors
/// What the command says; `timed-out` where it does not begin.
pub async fn open(desk: &Desk, browse: Browse) -> Result<Box<dyn Records>> {
    let late = |_| {
        Error::timed_out("the first records did not come in time")
            .with_cause("a leader may be silent")
            .with_next("cluster health")
    };
    timeout(OPEN_TIME, desk.browse(browse)).await.map_err(late)?
}

async fn read(visit: &Visit, browse: Browse) -> Result<Look> {
    let filtered = browse.keep.is_some();
    let newest = is_newest(visit);
    let mut records = open(&visit.desk, browse).await?;
    let deadline = Instant::now() + LOOK_TIME;
    let mut found = Vec::new();
    let mut stopped = None;
    loop {
        let Ok(batch) = timeout_at(deadline, records.next()).await else {
            stopped = Some(match filtered {
                true => "the time for one look was over; the filter may be slow",
                false => "the time for one look was over",
            });
            break;
        };
        let Some(batch) = batch? else { break };
        found.extend(batch.into_iter().map(record::cut));
        if newest {
            // Every partition is read to its end: the newest of all may come last.
            keep_newest(&mut found);
        } else if found.len() >= SHOWN_MAX {
            stopped = Some("the page is full");
            break;
        }
        if records.progress().scanned >= SCANNED_MAX {
            stopped = Some("enough was read for one look");
            break;
        }
    }
    let mut progress = records.progress();
    // What does not fit is where the next page begins.
    for record in found.drain(SHOWN_MAX.min(found.len())..) {
        go_back(&mut progress, &record);
    }
    Ok(Look { records: found, progress, stopped })
}

/// Nothing is said of where to begin.
fn is_newest(visit: &Visit) -> bool {
    visit.request.param("from").is_empty() && visit.request.param("start").is_empty()
}

/// A page of the newest, in the order of their times.
fn keep_newest(found: &mut Vec<Value>) {
    found.sort_by_key(|record| {
        std::cmp::Reverse((record["timestamp"].as_i64(), record["offset"].as_i64()))
    });
    found.truncate(SHOWN_MAX);
}

fn go_back(progress: &mut Progress, record: &Value) {
    let partition = record["partition"].as_i64().and_then(|id| i32::try_from(id).ok());
    if let (Some(partition), Some(offset)) = (partition, record["offset"].as_i64()) {
        let next = progress.next.entry(partition).or_insert(offset);
        *next = (*next).min(offset);
    }
}

/// `0:120,1:88`: where each partition goes on.
fn starts(progress: &Progress) -> String {
    let each = progress.next.iter().map(|(partition, offset)| format!("{partition}:{offset}"));
    each.collect::<Vec<_>>().join(",")
}

fn found(visit: &Visit, look: &Look) -> Markup {
    let next = starts(&look.progress);
    let newest = is_newest(visit);
    let on = visit.request.address_with(&[("start", &next), ("from", ""), ("value", "")]);
    html! {
        p.note role="status" {
            (look.records.len()) " shown of " (show::grouped(&look.progress.scanned.to_string()))
                " read"
            @if let Some(why) = look.stopped { ": " (why) }
            @match (newest, look.stopped) {
                (true, None) => ", the newest first",
                (true, Some(_)) => ", the newest of these first: there may be newer ones",
                (false, _) => {}
            }
            "."
        }
        (follow(visit))
        (table(&look.records, visit.request.param("mark")))
        @if look.records.is_empty() { p.note { "Nothing here." } }
        @if look.stopped.is_some() && !newest && !next.is_empty() {
            p { a.button href=(on) { "Go on from here →" } }
        }
    }
}

/// The switch of the live page; it needs a script, and is not there without one.
fn follow(visit: &Visit) -> Markup {
    let address = visit.request.address_with(&[("from", "latest"), ("start", ""), ("value", "")]);
    html! {
        p {
            button #follow type="button" hidden data-follow=(link::with("/follow", &[("at",
                &address)])) aria-pressed="false" {
                "Follow"
            }
            span #followed role="status" {}
        }
    }
}

pub fn table(records: &[Value], mark: &str) -> Markup {
    let head = html! {
        th.number scope="col" { "Offset" } th scope="col" { "Time" } th scope="col" { "Key" }
        th scope="col" { "Value" } th.wide scope="col" { "Headers" }
    };
    let body = html! { @for record in records { (row(record, mark)) } };
    html! {
        div.scroll role="region" aria-label="Messages" tabindex="0" {
            table.messages { thead { tr { (head) } } tbody #records { (body) } }
        }
    }
}

/// One record as a row; the whole of it is a page of its own.
pub fn row(record: &Value, mark: &str) -> Markup {
    let offset = show::text(&record["offset"]);
    let name = show::text(&record["topic"]);
    let href = format!("{}/messages/{}/{}", link::topic(&name), record["partition"], offset);
    let headers = record["headers"].as_array().map_or(&[][..], Vec::as_slice);
    html! {
        tr.mark[offset == mark && !mark.is_empty()] {
            th.number scope="row" {
                a href=(href) { (record["partition"]) "@" (offset) }
                @if offset == mark && !mark.is_empty() {
                    " " (layout::badge("committed", layout::Tone::Plain))
                }
            }
            td { @if let Some(ms) = record["timestamp"].as_i64() { (show::time(ms)) } }
            td { (Body::of(&record["key"]).short()) }
            td { (Body::of(&record["value"]).short()) }
            td.wide {
                @for (index, header) in headers.iter().enumerate() {
                    @if index > 0 { ", " }
                    (show::safe(&header["name"])) "=" (Body::of(&header["value"]).short())
                }
            }
        }
    }
}

fn form(visit: &Visit) -> Markup {
    let request = &visit.request;
    let action = format!("{}/messages", link::topic(request.name()));
    // A plain number, as a link from a group gives it, is an offset.
    let given = request.param("from");
    let (from, value) = match given.parse::<u64>() {
        Ok(_) => ("offset", given),
        Err(_) => (given, request.param("value")),
    };
    html! {
        form.filter method="get" action=(action) role="search" {
            label { "From"
                select name="from" {
                    @for (name, words) in FROM {
                        option value=(name) selected[*name == from] { (words) }
                    }
                }
            }
            label {
                "Offset or time" input name="value" value=(value)
                    placeholder="120 or 2026-01-31T12:00" autocomplete="off";
            }
            label {
                "Partition" input name="partition" value=(request.param("partition"))
                    inputmode="numeric" size="6" placeholder="all" autocomplete="off";
            }
            label {
                "Has text" input #text type="search" name="text" value=(request.param("text"))
                    autocomplete="off";
            }
            label {
                "Keep where (jq)" input name="keep" value=(request.param("keep"))
                    placeholder=".amount > 100" autocomplete="off" spellcheck="false";
            }
            button type="submit" { "Look" }
        }
    }
}

/// The time of the newest record of each partition: whether anything comes at all.
async fn newest(visit: &Visit, name: &str) -> Markup {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Told, request};
    use std::sync::Arc;

    fn record(partition: i64, offset: i64, timestamp: i64) -> Value {
        json!({ "topic": "t", "partition": partition, "offset": offset, "timestamp": timestamp,
            "key": null, "value": "v", "headers": [] })
    }

    async fn looked(address: &str, question: &str, records: Vec<Value>) -> Look {
        let told = Told::new().answers(question, Value::Array(records));
        let visit = Visit::new(Arc::new(Desk::new(Arc::new(told))), request(address));
        let browse = browse(&visit);
        read(&visit, browse).await.unwrap()
    }

    /// The last partition holds the newest records; those before it fill many pages.
    #[tokio::test]
    async fn the_newest_are_found_in_whatever_partition_they_are() {
        let mut records: Vec<Value> =
            (0..100).flat_map(|p| (0..50).map(move |o| record(p, o, 1_000 + o))).collect();
        records.push(record(100, 7, 9_000));
        let look = looked("/topics/t/messages", "consume t --output=jsonl --from=-50", records);
        let look = look.await;
        assert_eq!(look.records.len(), SHOWN_MAX);
        assert_eq!((&look.records[0]["partition"], look.stopped), (&json!(100), None));
        assert_eq!(look.progress.scanned, 5_001);
    }

    #[tokio::test]
    async fn what_does_not_fit_is_where_the_next_page_begins() {
        let records: Vec<Value> = (0..70).map(|n| record(n % 2, n / 2, n)).collect();
        let question = "consume t --output=jsonl --from=earliest";
        let look = looked("/topics/t/messages?from=earliest", question, records).await;
        assert_eq!(look.records.len(), SHOWN_MAX);
        assert_eq!(starts(&look.progress), "0:25,1:25");
    }
}
