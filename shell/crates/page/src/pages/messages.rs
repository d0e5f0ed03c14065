//! Records of a topic: from where one likes, filtered, bounded in time and bytes, and the way on.

use std::time::Duration;

use jiff::Timestamp;
use kafsh_model::{Error, Result};
use maud::{Markup, html};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout, timeout_at};

use super::record::{self, Body};
use super::{Drawn, topic};
use crate::ask::{Answer, Browse, Progress, Question};
use crate::desk::{Asked, Visit};
use crate::layout;
use crate::{link, show};

/// Records on one page.
const SHOWN_MAX: usize = 50;

/// Records that one look reads, kept or not.
const SCANNED_MAX: u64 = 100_000;

/// How long one look reads.
const LOOK_TIME: Duration = Duration::from_secs(4);

/// Until reading begins: a filter is compiled when it is first used.
const OPEN_TIME: Duration = Duration::from_secs(15);

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
    let looked = read(visit, browse).await;
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

async fn read(visit: &Visit, browse: Browse) -> Result<Look> {
    let filtered = browse.keep.is_some();
    // The newest of each partition are taken whole, to be put in the order of their times.
    let newest = visit.request.param("from").is_empty() && visit.request.param("start").is_empty();
    let shown_max = if newest { SHOWN_MAX * 40 } else { SHOWN_MAX };
    let late = || {
        Error::timed_out("the first records did not come in time")
            .with_cause("a leader may be silent")
            .with_next("cluster health")
    };
    let opened = timeout(OPEN_TIME, visit.desk.browse(browse)).await;
    let mut records = opened.map_err(|_| late())??;
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
        if found.len() >= shown_max {
            stopped = Some("the page is full");
            break;
        }
        if records.progress().scanned >= SCANNED_MAX {
            stopped = Some("enough was read for one look");
            break;
        }
    }
    let mut progress = records.progress();
    if newest {
        found.sort_by_key(|record| {
            std::cmp::Reverse((record["timestamp"].as_i64(), record["offset"].as_i64()))
        });
        found.truncate(SHOWN_MAX);
    } else if found.len() > SHOWN_MAX {
        // What does not fit is where the next page begins.
        for record in found.drain(SHOWN_MAX..) {
            go_back(&mut progress, &record);
        }
    }
    Ok(Look { records: found, progress, stopped })
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
    let newest = visit.request.param("from").is_empty() && visit.request.param("start").is_empty();
    let on = visit.request.address_with(&[("start", &next), ("from", ""), ("value", "")]);
    html! {
        p.note role="status" {
            (look.records.len()) " shown of " (show::grouped(&look.progress.scanned.to_string()))
                " read"
            @if let Some(why) = look.stopped { ": " (why) }
            @if newest { ", the newest first" }
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
    let asked = visit.ask_in_part("newest", last, record::cut).await;
    let mut rows: Vec<&Value> = asked.rows().iter().collect();
    rows.sort_by_key(|row| row["partition"].as_i64());
    let now = visit.request.now_ms;
    let head = html! {
        th.number scope="col" { "Partition" } th.number scope="col" { "Newest offset" }
        th scope="col" { "Its time" }
    };
    let body = html! {
        @for row in rows.iter() {
            tr {
                th.number scope="row" { (row["partition"]) }
                td.number { (show::number(&row["offset"])) }
                td {
                    @if let Some(ms) = row["timestamp"].as_i64() {
                        (show::time(ms)) " (" (show::duration(now - ms)) " ago)"
                    }
                }
            }
        }
    };
    html! {
        @if !rows.is_empty() {
            h2 { "Newest of each partition" } (layout::table("Newest records", head, body))
        }
    }
}
