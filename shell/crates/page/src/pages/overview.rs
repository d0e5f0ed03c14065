//! What an operator looks at first: what fails, what is at risk, and since when.

use maud::{Markup, html};
use serde_json::Value;

use super::Drawn;
use crate::ask::Question;
use crate::desk::{Asked, Visit};
use crate::layout::{self, Tone, badge, tile};
use crate::{advice, link, show};

/// Partitions that are shown: the worst come first, and the pages of topics have them all.
const PARTITIONS_MAX: usize = 20;

pub async fn draw(visit: &Visit) -> Drawn {
    let (health, status) = tokio::join!(
        visit.ask("health", Question::new(["cluster", "health"])),
        visit.ask("status", Question::new(["cluster", "status"])),
    );
    let now = visit.request.now_ms;
    let body = html! {
        (layout::remarks(&health))
        (tiles(&health, status.value(), now))
        (reasons(status.value()))
        (nodes(visit, &status))
        (bad_partitions(health.value(), now))
    };
    Drawn::new("Overview", body)
}

fn tiles(health: &Asked, status: &Value, now: i64) -> Markup {
    let value = health.value();
    html! {
        div.tiles {
            (problem("/topics?show=offline", "Offline", &value["offline"], now, Tone::Red,
                "partitions without a leader"))
            (problem("/topics?show=under-min-isr", "Under min ISR", &value["under_min_isr"], now,
                Tone::Red, "refuse acks=all"))
            (problem("/topics?show=under-replicated", "Under-replicated",
                &value["under_replicated"], now, Tone::Amber, "a replica is missing"))
            (brokers(value))
            (controller(&value["controller"], status, now))
            (skew(value))
            (tile("/topics?internal=1", "Topics", show::number(&value["topics"]), html! {
                (show::number(&value["partitions_total"])) " partitions, Kafka's own among them"
            }, Tone::Plain))
        }
    }
}

/// A count that should be nought.
fn problem(href: &str, name: &str, value: &Value, now: i64, tone: Tone, what: &str) -> Markup {
    let tone = match value["count"].as_u64() {
        None => Tone::Unknown,
        Some(0) => Tone::Good,
        Some(_) => tone,
    };
    let more = match tone {
        Tone::Amber | Tone::Red => html! {
            (what) br;
            @if value["since_ms"].is_number() { (show::since(&value["since_ms"], now)) }
            @else { "since: " (show::unknown()) }
        },
        _ => html! { (what) },
    };
    tile(href, name, show::number(&value["count"]), more, tone)
}

fn brokers(value: &Value) -> Markup {
    let (ready, total) = (value["brokers_ready"].as_u64(), value["brokers_total"].as_u64());
    let tone = match (ready, total) {
        (Some(0), _) => Tone::Red,
        (Some(ready), Some(total)) if ready < total => Tone::Amber,
        (Some(_), Some(_)) => Tone::Good,
        _ => Tone::Unknown,
    };
    let shown = html! {
        (show::number(&value["brokers_ready"])) " of " (show::number(&value["brokers_total"]))
    };
    tile("/brokers", "Brokers", shown, html! { "up of expected" }, tone)
}

/// The state of the controller's process where it does not serve: the others hold it for the
/// controller until its session ends.
fn unfit(value: &Value, status: &Value) -> Option<String> {
    let nodes = status["nodes"].as_array()?;
    let node = nodes.iter().find(|node| node["broker"] == value["broker"])?;
    let fit = !value["broker"].is_number() || node["ready"] != Value::Bool(false);
    (!fit).then(|| match node["state"].as_str() {
        Some("running") | None => "silent".to_string(),
        Some(state) => state.to_string(),
    })
}

fn controller(value: &Value, status: &Value, now: i64) -> Markup {
    let changes = value["changes"].as_array();
    let unfit = unfit(value, status);
    let tone = match (value["broker"].is_number(), value.is_object(), changes.map(Vec::len)) {
        (_, false, _) => Tone::Unknown,
        (false, true, _) => Tone::Red,
        (true, true, _) if unfit.is_some() => Tone::Amber,
        // One or two elections in an hour are a start and a restart; more are a fight.
        (true, true, Some(3..)) => Tone::Amber,
        (true, true, _) => Tone::Good,
    };
    let shown = match value["broker"].as_i64() {
        Some(id) => html! { "broker " (id) },
        None if tone == Tone::Red => html! { "none" },
        None => show::unknown(),
    };
    let more = html! {
        @if let Some(state) = &unfit { (state) ", and none is elected yet" br; }
        (show::since(&value["since_ms"], now)) br;
        @match changes {
            Some(changes) if changes.len() == 1 => "1 change in the last hour",
            Some(changes) => { (changes.len()) " changes in the last hour" }
            None => { "changes: " (show::unknown()) }
        }
    };
    let href = value["broker"].as_i64().map_or("/brokers".to_string(), link::broker);
    tile(&href, "Controller", shown, more, tone)
}

/// Leaders beyond an even share, in percent of it, from which on one broker does the work of two.
const SKEW_MAX: f64 = 100.0;

/// The same from which on it is worth a look.
const SKEW_NOTED: f64 = 25.0;

fn skew(value: &Value) -> Markup {
    let percent = value["leader_skew_percent"].as_f64();
    let ready = value["brokers_ready"].as_u64();
    let all_up = ready == value["brokers_total"].as_u64();
    let tone = match percent {
        None => Tone::Unknown,
        Some(SKEW_MAX..) => Tone::Amber,
        // What is even among those that are left is not as it was meant.
        Some(percent) if percent >= SKEW_NOTED || !all_up => Tone::Plain,
        Some(_) => Tone::Good,
    };
    let shown = percent.map_or_else(show::unknown, |percent| html! { (format!("{percent:.0} %")) });
    let more = html! {
        "busiest broker over an even share"
        @if !all_up { ", of the brokers that are up" }
        @else if percent.is_some_and(|percent| percent >= SKEW_NOTED) {
            // auto.leader.rebalance.enable and leader.imbalance.check.interval.seconds
            ": Kafka hands leaders back every five minutes unless it is told not to"
        }
    };
    tile("/brokers", "Leader skew", shown, more, tone)
}

fn reasons(status: &Value) -> Markup {
    let list = |key: &str| status[key].as_array().cloned().unwrap_or_default();
    let (reasons, mut drift) = (list("reasons"), list("drift"));
    // A server that the reasons name need not be told of twice.
    drift.retain(|line| {
        let server = line.as_str().and_then(|line| line.split_once(':')).map(|(server, _)| server);
        !server.is_some_and(|server| {
            let told = |reason: &Value| {
                let rest = reason.as_str().and_then(|reason| reason.strip_prefix(server));
                rest.is_some_and(|rest| rest.starts_with(' '))
            };
            reasons.iter().any(told)
        })
    });
    html! {
        @if !reasons.is_empty() || !drift.is_empty() {
            section aria-labelledby="why" {
                h2 #why { "Why" }
                ul.reasons {
                    @for line in reasons.iter().chain(&drift) { li { (show::safe(line)) } }
                }
            }
        }
    }
}

fn bad_partitions(health: &Value, now: i64) -> Markup {
    let rows = health["partitions"].as_array().map_or(&[][..], Vec::as_slice);
    if rows.is_empty() {
        return html! {};
    }
    let head = html! {
        th scope="col" { "Partition" } th scope="col" { "Problem" } th scope="col" { "Missing" }
        th scope="col" { "In sync" } th.wide scope="col" { "Leader" } th scope="col" { "Since" }
    };
    let body = html! {
        @for row in rows.iter().take(PARTITIONS_MAX) {
            @let topic = show::text(&row["topic"]);
            tr {
                th scope="row" {
                    a href=(link::topic(&topic)) { (show::visible(&topic)) "/" (row["partition"]) }
                }
                td { @for problem in row["problems"].as_array().into_iter().flatten() {
                    (badge(&show::text(problem), tone_of(problem))) " "
                } }
                td { (missing(&row["missing"])) }
                td.number {
                    (row["isr"].as_array().map_or(0, Vec::len))
                    @if row["min_isr"].is_number() { " (min " (row["min_isr"]) ")" }
                }
                td.number.wide {
                    @if row["leader"].is_number() { (row["leader"]) } @else { "none" }
                }
                td { @if let Some(ms) = row["since_ms"].as_i64() { (show::ago(ms, now)) }
                    @else { (show::unknown()) } }
            }
        }
    };
    let left_out = health["partitions_left_out"].as_u64().unwrap_or(0);
    let left = left_out + rows.len().saturating_sub(PARTITIONS_MAX) as u64;
    html! {
        section aria-labelledby="bad" {
            h2 #bad { "Partitions that need care" }
            (layout::table("Partitions that need care", head, body))
            @if left > 0 {
                p.note {
                    "The worst " (PARTITIONS_MAX) "; " (show::number(&left.into())) " more: "
                    a href="/topics?show=offline" { "offline" } ", "
                    a href="/topics?show=under-min-isr" { "under min ISR" } ", "
                    a href="/topics?show=under-replicated" { "under-replicated" }
                }
            }
        }
    }
}

fn missing(ids: &Value) -> Markup {
    let ids = ids.as_array().map_or(&[][..], Vec::as_slice);
    html! {
        @for (index, id) in ids.iter().enumerate() {
            @if index > 0 { ", " }
            @match id.as_i64() {
                Some(number) => a.short href=(link::broker(number)) { "broker " (number) },
                None => (show::text(id)),
            }
        }
    }
}

pub fn tone_of(problem: &Value) -> Tone {
    match problem.as_str() {
        Some("under-replicated") => Tone::Amber,
        _ => Tone::Red,
    }
}

fn nodes(visit: &Visit, status: &Asked) -> Markup {
    let now = visit.request.now_ms;
    let rows = status.value()["nodes"].as_array().map_or(&[][..], Vec::as_slice);
    let head = html! {
        th scope="col" { "Server" } th scope="col" { "State" } th scope="col" { "Up" }
        th.wide scope="col" { "Clients use" } th.number.wide scope="col" { "Data" }
    };
    let body = html! {
        @for row in rows {
            tr {
                th scope="row" {
                    @match row["broker"].as_i64() {
                        Some(id) => a href=(link::broker(id)) { (show::text(&row["node"])) },
                        None => a href="/zookeeper" { (show::text(&row["node"])) },
                    }
                    @if row["controller"] == Value::Bool(true) {
                        " " (badge("controller", Tone::Plain))
                    }
                }
                td { (badge(&show::text(&row["state"]), tone_of_node(row))) (down_since(row, now))
                    (mend(visit, row)) }
                td.short {
                    @if row["uptime_ms"].is_number() { (show::duration_of(&row["uptime_ms"])) }
                }
                td.wide { code { (show::safe(&row["endpoints"])) } }
                td.number.wide {
                    @if row["data_bytes"].is_number() { (show::size_of(&row["data_bytes"])) }
                }
            }
        }
    };
    html! {
        section aria-labelledby="servers" {
            h2 #servers { "Servers" }
            (layout::remarks(status))
            @if !rows.is_empty() { (layout::table("Servers", head, body)) }
        }
    }
}

/// Since when a server does not serve; nothing of one that does.
pub fn down_since(row: &Value, now: i64) -> Markup {
    html! {
        @if row["ready"] == Value::Bool(false) {
            " " span.since {
                @if row["since_ms"].is_number() { (show::since(&row["since_ms"], now)) }
                @else { "since: " (show::unknown()) }
            }
        }
    }
}

/// What to type for a server that does not serve; nothing for one that does.
pub fn mend(visit: &Visit, row: &Value) -> Markup {
    let id = row["broker"].as_i64();
    let line = match (row["ready"].as_bool(), row["state"].as_str(), id) {
        (Some(false), Some("paused"), Some(id)) => format!("broker resume {id}"),
        (Some(false), Some("stopped" | "died"), Some(id)) => format!("broker start {id}"),
        (Some(false), Some("stopped" | "died"), None) => "zookeeper start".to_string(),
        (Some(false), Some(_), _) => "cluster doctor".to_string(),
        _ => return html! {},
    };
    html! { " " code.next { (advice::typed(&visit.desk.program(), &line)) } }
}

/// A server that should serve and does not takes redundancy away.
pub fn tone_of_node(row: &Value) -> Tone {
    match (row["ready"].as_bool(), row["state"].as_str()) {
        (Some(true), _) => Tone::Good,
        (_, Some("stopped")) => Tone::Plain,
        _ => Tone::Amber,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_worst_are_shown_and_the_others_counted() {
        let row = |partition: usize| {
            json!({ "topic": "t", "partition": partition, "problems": ["offline"],
                    "missing": [2], "isr": [], "since_ms": 1_000 })
        };
        let rows: Vec<Value> = (0..PARTITIONS_MAX + 3).map(row).collect();
        let health = json!({ "partitions": rows, "partitions_left_out": 4 });
        let shown = bad_partitions(&health, 5_000).into_string();
        assert_eq!(shown.matches("<th scope=\"row\">").count(), PARTITIONS_MAX);
        assert!(shown.contains("; 7 more: "), "{shown}");
        let few = json!({ "partitions": [row(0)], "partitions_left_out": 0 });
        assert!(!bad_partitions(&few, 5_000).into_string().contains(" more"));
    }

    #[test]
    fn since_when_a_server_does_not_serve_is_never_left_open() {
        let shown = |row: Value| down_since(&row, 5_000).into_string();
        assert_eq!(shown(json!({ "ready": true, "since_ms": null })), "");
        assert!(shown(json!({ "ready": false, "since_ms": 1_000 })).contains("(4s)"));
        assert!(shown(json!({ "ready": false, "since_ms": null })).contains(show::UNKNOWN));
    }
}
