//! One topic: its partitions, settings and groups.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::Value;

use super::Drawn;
use crate::ask::Question;
use crate::desk::{Asked, Visit};
use crate::layout::{self, Tone, badge};
use crate::{link, show};

/// What stands above the page of a topic; messages have a page of their own.
const TABS: &[(&str, &str)] = &[("", "Partitions"), ("config", "Settings"), ("groups", "Groups")];

pub async fn draw(visit: &Visit) -> Drawn {
    let name = visit.request.name();
    let topic = visit.ask("topic", Question::new(["topic", "describe"]).name(name)).await;
    if let Some(error) = topic.error() {
        let drawn = Drawn::new(name, layout::error(error));
        return if error.class == kafsh_model::Class::NotFound { drawn.missing() } else { drawn };
    }
    let tab = visit.request.param("tab");
    let part = match tab {
        "config" => settings(visit, name).await,
        "groups" => groups(visit, name).await,
        _ => partitions(visit, topic.value(), &since(visit, topic.value()).await),
    };
    let body = html! {
        (tabs(name, tab))
        (layout::remarks(&topic))
        (facts(topic.value()))
        (part)
    };
    Drawn::new(name, body)
}

/// The parts of a topic, the page of messages among them.
pub fn tabs(name: &str, here: &str) -> Markup {
    let messages = format!("{}/messages", link::topic(name));
    html! {
        nav.tabs aria-label="Parts of the topic" {
            @for (tab, words) in TABS {
                a href=(link::with(&link::topic(name), &[("tab", tab)])) aria-current=[(*tab ==
                    here).then_some("page")] {
                    (words)
                }
            }
            a href=(messages) aria-current=[(here == "messages").then_some("page")] { "Messages" }
        }
    }
}

fn facts(topic: &Value) -> Markup {
    html! {
        dl.facts {
            dt { "Health" } dd { (badge(&show::text(&topic["health"]), tone(topic))) }
            dt { "Replication" }
            dd {
                (show::number(&topic["replication_factor"])) " replicas, min ISR "
                    (show::number(&topic["min_isr"]))
            }
            dt { "Records" }
            dd {
                (show::number(&topic["records"])) " offsets, " (show::size_of(&topic["size_bytes"]))
            }
            dt { "Leaders" } dd { (leaders(topic)) }
            dt { "Id" } dd { code { (show::text(&topic["id"])) } }
        }
    }
}

fn tone(topic: &Value) -> Tone {
    let partitions = topic["partitions"].as_array().map_or(&[][..], Vec::as_slice);
    let min = topic["min_isr"].as_u64().unwrap_or(0);
    partitions
        .iter()
        .map(|row| tone_of(row, min))
        .max_by_key(|tone| rank(*tone))
        .unwrap_or(Tone::Good)
}

fn rank(tone: Tone) -> u8 {
    match tone {
        Tone::Red => 2,
        Tone::Amber => 1,
        Tone::Plain | Tone::Good | Tone::Unknown => 0,
    }
}

/// In sync: those that are in the ISR and not found dead since.
fn in_sync(row: &Value) -> usize {
    let ids = |key: &str| row[key].as_array().map_or(&[][..], Vec::as_slice);
    ids("isr").iter().filter(|id| !ids("missing").contains(id)).count()
}

fn tone_of(row: &Value, min_isr: u64) -> Tone {
    let led = row["leader"].is_number();
    let short = !row["missing"].as_array().is_none_or(Vec::is_empty);
    // Brokers ask for no more than there are.
    let replicas = row["replicas"].as_array().map_or(0, Vec::len) as u64;
    match () {
        () if !led || (in_sync(row) as u64) < min_isr.min(replicas) => Tone::Red,
        () if short => Tone::Amber,
        () => Tone::Good,
    }
}

/// How many partitions each broker leads.
fn leaders(topic: &Value) -> Markup {
    let mut counts = BTreeMap::<i64, usize>::new();
    for row in topic["partitions"].as_array().into_iter().flatten() {
        if let Some(leader) = row["leader"].as_i64() {
            *counts.entry(leader).or_default() += 1;
        }
    }
    html! {
        @for (index, (id, count)) in counts.iter().enumerate() {
            @if index > 0 { ", " }
            a href=(link::broker(*id)) { "broker " (id) } ": " (count)
        }
        @if counts.is_empty() { "none" }
    }
}

/// Since when partitions are ill, by their numbers: asked only where one is.
async fn since(visit: &Visit, topic: &Value) -> BTreeMap<i64, Value> {
    if tone(topic) == Tone::Good {
        return BTreeMap::new();
    }
    let health = visit.ask("health", Question::new(["cluster", "health"])).await;
    let rows = health.value()["partitions"].as_array().into_iter().flatten();
    let own = rows.filter(|row| row["topic"] == topic["name"]);
    own.filter_map(|row| Some((row["partition"].as_i64()?, row["since_ms"].clone()))).collect()
}

fn partitions(visit: &Visit, topic: &Value, since: &BTreeMap<i64, Value>) -> Markup {
    let min = topic["min_isr"].as_u64().unwrap_or(0);
    let mut rows: Vec<&Value> = topic["partitions"].as_array().into_iter().flatten().collect();
    // Those that need care on top; a stable sort leaves the others in their order.
    rows.sort_by_key(|row| std::cmp::Reverse(rank(tone_of(row, min))));
    let is_ill = tone(topic) != Tone::Good;
    let head = html! {
        th.number scope="col" { "Partition" } th scope="col" { "Leader" }
        th scope="col" { "In sync" }
        th scope="col" { "Missing" }
        @if is_ill { th scope="col" { "Since" } }
        th.number scope="col" { "Earliest" }
        th.number scope="col" { "End" }
        th.number scope="col" { "Count" } th.number.wide scope="col" { "Size" }
        th.wide scope="col" { "Look" }
    };
    let now = visit.request.now_ms;
    let name = visit.request.name();
    let messages = format!("{}/messages", link::topic(name));
    let body = html! {
        @for row in rows {
            @let partition = show::text(&row["partition"]);
            tr {
                th.number scope="row" { (partition) }
                td {
                    @match row["leader"].as_i64() {
                        Some(id) => a href=(link::broker(id)) { (id) },
                        None => { (badge("none", Tone::Red)) }
                    }
                }
                td { (replicas(row, min)) }
                td { (missing(row)) }
                @if is_ill { td { (since_of(row, min, since, now)) } }
                td.number { (show::number(&row["earliest"])) }
                td.number { (show::number(&row["end"])) }
                td.number { (show::number(&row["count"])) }
                td.number.wide { (show::size_of(&row["size_bytes"])) }
                td.wide {
                    a href=(link::with(&messages, &[("partition", &partition)])) aria-label={
                        "messages of partition " (partition) } {
                        "messages"
                    }
                }
            }
        }
    };
    layout::table("Partitions", head, body)
}

/// `2/3, min 2`, and the replicas in their order.
fn replicas(row: &Value, min_isr: u64) -> Markup {
    let all = row["replicas"].as_array().map_or(0, Vec::len);
    let tone = tone_of(row, min_isr);
    html! {
        (badge(&format!("{} of {all}", in_sync(row)), tone))
        @if min_isr > 0 { " min " (min_isr) }
        " " span.unknown title="replicas, the preferred leader first" {
            "(" (show::text(&row["replicas"])) ")"
        }
    }
}

/// Nothing of a partition that lacks nothing.
fn since_of(row: &Value, min_isr: u64, since: &BTreeMap<i64, Value>, now: i64) -> Markup {
    let told = row["partition"].as_i64().and_then(|partition| since.get(&partition)?.as_i64());
    html! {
        @match told {
            _ if tone_of(row, min_isr) == Tone::Good => {}
            Some(ms) => (show::ago(ms, now)),
            None => (show::unknown()),
        }
    }
}

fn missing(row: &Value) -> Markup {
    html! {
        @for (index, id) in row["missing"].as_array().into_iter().flatten().enumerate() {
            @if index > 0 { ", " }
            @if let Some(id) = id.as_i64() {
                a.bad.short href=(link::broker(id)) { "broker " (id) }
            }
        }
    }
}

async fn settings(visit: &Visit, name: &str) -> Markup {
    let resource = format!("topic/{name}");
    let all = visit.ask("config", Question::new(["config", "get"]).name(&resource)).await;
    config(&all)
}

/// Settings: those that somebody changed first, the others on demand.
pub fn config(all: &Asked) -> Markup {
    let default = |row: &&Value| row["source"] == "default";
    let (kept, changed): (Vec<&Value>, Vec<&Value>) = all.rows().iter().partition(default);
    html! {
        (layout::remarks(all))
        @if all.error().is_none() { h2 { "Changed" } }
        @if all.error().is_some() {}
        @else if changed.is_empty() { p.note { "Nothing: all is as Kafka has it." } }
        @else { (config_table("Changed settings", &changed)) }
        @if !kept.is_empty() {
            details #defaults {
                summary { "Kafka's defaults (" (kept.len()) ")" }
                (config_table("Kafka's defaults", &kept))
            }
        }
    }
}

fn config_table(label: &str, rows: &[&Value]) -> Markup {
    let head = html! {
        th scope="col" { "Setting" } th scope="col" { "Value" } th scope="col" { "Source" }
    };
    let body = html! {
        @for row in rows {
            tr {
                th scope="row" { code { (show::safe(&row["key"])) } }
                td { @if row["sensitive"] == Value::Bool(true) { span.unknown { "not shown" } }
                     @else { code { (show::safe(&row["value"])) } } }
                td { (show::text(&row["source"])) }
            }
        }
    };
    layout::table(label, head, body)
}

async fn groups(visit: &Visit, name: &str) -> Markup {
    let all = visit.ask("groups", Question::new(["group", "list"]).switch("lag")).await;
    let reads = |row: &&Value| {
        row["topics"].as_array().is_some_and(|topics| topics.iter().any(|topic| topic == name))
    };
    let rows: Vec<&Value> = all.rows().iter().filter(reads).collect();
    html! {
        (layout::remarks(&all))
        @if rows.is_empty() { p.note { "No group that was looked at reads it." } }
        @else { (super::groups::table(&rows, None)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn writes_that_fail_are_red_and_lost_redundancy_is_amber() {
        let row = |leader: Value, isr: Value, missing: Value| {
            json!({ "leader": leader,
            "replicas": [1, 2, 3], "isr": isr, "missing": missing })
        };
        let whole = row(json!(1), json!([1, 2, 3]), json!([]));
        assert_eq!(tone_of(&whole, 2), Tone::Good);
        let one_gone = row(json!(1), json!([1, 2]), json!([3]));
        assert_eq!(tone_of(&one_gone, 2), Tone::Amber);
        // The ISR as it is told still names a broker that is dead.
        let two_dead = row(json!(1), json!([1, 2]), json!([2, 3]));
        assert_eq!(tone_of(&two_dead, 2), Tone::Red);
        assert_eq!(tone_of(&row(Value::Null, json!([1]), json!([2, 3])), 1), Tone::Red);
    }
}
