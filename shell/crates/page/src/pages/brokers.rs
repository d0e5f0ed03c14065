//! Brokers: who is missing, whether its process is gone, stopped or silent, and what it said last.

use maud::{Markup, html};
use serde_json::Value;

use super::{Drawn, overview, topic};
use crate::ask::Question;
use crate::desk::{Asked, Visit};
use crate::layout::{self, Tone, badge};
use crate::{link, show};

/// Lines of a log that are shown.
const LOG_LINES: &str = "60";

/// How long a broker may take to tell its settings.
const CONFIG_DEADLINE: &str = "2s";

pub async fn list(visit: &Visit) -> Drawn {
    let (list, errors) = tokio::join!(
        visit.ask("brokers", Question::new(["broker", "list"])),
        visit.ask("errors", Question::new(["cluster", "logs"]).switch("errors")),
    );
    let body = html! {
        (layout::remarks(&list))
        @if !list.rows().is_empty() { (table(visit, list.rows())) }
        h2 { "What their logs say" }
        (log(&errors, "No line of an ERROR since their last starts; warnings are in the log of each broker."))
    };
    Drawn::new("Brokers", body)
}

fn table(visit: &Visit, rows: &[Value]) -> Markup {
    let mut rows: Vec<&Value> = rows.iter().collect();
    rows.sort_by_key(|row| overview::tone_of_node(row) == Tone::Good);
    let head = html! {
        th scope="col" { "Broker" } th scope="col" { "State" } th scope="col" { "Up" }
        th.number scope="col" { "Leaders" } th.number scope="col" { "Replicas" }
        th.number scope="col" { "Disk left" } th.number.wide scope="col" { "Data" }
        th.wide scope="col" { "Clients use" } th.wide scope="col" { "Rack" }
    };
    let body = html! {
        @for row in rows {
            tr {
                th scope="row" {
                    @if let Some(id) = row["broker"].as_i64() {
                        a href=(link::broker(id)) { "broker " (id) }
                    }
                    @if row["controller"] == Value::Bool(true) {
                        " " (badge("controller", Tone::Plain))
                    }
                }
                td { (state(visit, row)) }
                td.short {
                    @if row["uptime_ms"].is_number() { (show::duration_of(&row["uptime_ms"])) }
                }
                td.number { (show::number(&row["leaders"])) }
                td.number { (show::number(&row["replicas"])) }
                td.number { (show::size_of(&row["disk_free_bytes"])) }
                td.number.wide { (show::size_of(&row["data_bytes"])) }
                td.wide { code { (show::safe(&row["endpoints"])) } }
                td.wide { (show::safe(&row["rack"])) }
            }
        }
    };
    layout::table("Brokers", head, body)
}

/// The state of the process, and whether the broker in it serves.
fn state(visit: &Visit, row: &Value) -> Markup {
    let words = show::text(&row["state"]);
    let silent = row["state"] == "running" && row["ready"] == Value::Bool(false);
    html! {
        (badge(&words, overview::tone_of_node(row)))
        @if silent { " its process runs and does not answer" }
        (overview::down_since(row, visit.request.now_ms))
        (overview::mend(visit, row))
    }
}

pub async fn one(visit: &Visit) -> Drawn {
    let id = visit.request.name();
    let title = format!("Broker {id}");
    // An id is a number; what is not one is nobody's.
    if id.is_empty() || id.len() > 10 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        let body = html! { p { "There is no such broker. " a href="/brokers" { "All brokers" } } };
        return Drawn::new(title, body).missing();
    }
    // Settings are the broker's own to tell: one that hangs does not hold the page up.
    let config = Question::new(["broker", "config"]).name(id).switch("all");
    let config = config.flag("deadline", CONFIG_DEADLINE);
    let (broker, status, errors, config, logs) = tokio::join!(
        visit.ask("broker", Question::new(["broker", "describe"]).name(id)),
        visit.ask("status", Question::new(["cluster", "status"])),
        visit.ask("errors", Question::new(["cluster", "logs"]).switch("errors").flag("broker", id)),
        visit.ask("config", config),
        visit.ask("log", Question::new(["broker", "logs"]).name(id).flag("lines", LOG_LINES)),
    );
    if let Some(error) = broker.error() {
        let drawn = Drawn::new(title, layout::error(error));
        return if error.class == kafsh_model::Class::NotFound { drawn.missing() } else { drawn };
    }
    let body = html! {
        (layout::remarks(&broker))
        (facts(visit, broker.value()))
        h2 { "What went wrong" }
        (drift(status.value(), id))
        (log(&errors, "No line of an ERROR in its log since its last start."))
        (dirs(broker.value()))
        h2 { "End of its log" }
        (log(&logs, "No lines since its last start."))
        h2 { "Settings" }
        (topic::config(&config))
    };
    Drawn::new(title, body)
}

/// What the cluster says of this broker that is not as it was left.
fn drift(status: &Value, id: &str) -> Markup {
    let node = format!("broker {id}");
    let about = |line: &&Value| {
        let text = line.as_str().unwrap_or_default();
        let rest = text.strip_prefix(&node);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let lines = ["reasons", "drift"].iter().flat_map(|key| status[key].as_array());
    let lines: Vec<&Value> = lines.flatten().filter(about).collect();
    html! {
        @if !lines.is_empty() {
            ul.reasons { @for line in lines { li { (show::safe(line)) } } }
        }
    }
}

fn facts(visit: &Visit, broker: &Value) -> Markup {
    html! {
        dl.facts {
            dt { "State" }
            dd {
                (state(visit, broker)) @if broker["controller"] == Value::Bool(true) {
                    " " (badge("controller", Tone::Plain))
                }
            }
            dt { "Process" }
            dd {
                @if broker["pid"].is_number() {
                    "pid " (broker["pid"])
                } @else {
                    @match broker["state"].as_str() {
                        Some("died") => "gone: it was not stopped in order",
                        Some("stopped") => "none: it was stopped",
                        _ => (show::unknown()),
                    }
                }
                @if broker["uptime_ms"].is_number() {
                    ", up " (show::duration_of(&broker["uptime_ms"]))
                }
                @if broker["rss_bytes"].is_number() {
                    ", memory " (show::size_of(&broker["rss_bytes"]))
                }
            }
            dt { "Clients use" } dd { code { (show::safe(&broker["endpoints"])) } }
            dt { "Partitions" }
            dd {
                "leads " (show::number(&broker["leaders"])) " of "
                    (show::number(&broker["replicas"])) " replicas"
            }
            dt { "Disk left" }
            dd {
                (show::size_of(&broker["disk_free_bytes"]))
                @if broker["disk_total_bytes"].is_number() {
                    " of " (show::size_of(&broker["disk_total_bytes"]))
                }
            }
            @if broker["rack"].is_string() { dt { "Rack" } dd { (show::safe(&broker["rack"])) } }
            @if broker["restart_needed"] == Value::Bool(true) {
                dt { "Restart" } dd { (badge("needed for its settings", Tone::Amber)) }
            }
        }
    }
}

fn dirs(broker: &Value) -> Markup {
    let listeners = broker["listeners"].as_array().map_or(&[][..], Vec::as_slice);
    let dirs = broker["log_dirs"].as_array().map_or(&[][..], Vec::as_slice);
    html! {
        @if !listeners.is_empty() {
            h2 { "Ports" }
            (layout::table("Ports", html! {
                th scope="col" { "Listener" } th scope="col" { "Protocol" }
                th scope="col" { "Bound to" } th scope="col" { "Advertised" }
            }, html! {
                @for row in listeners {
                    tr {
                        th scope="row" { (show::safe(&row["name"])) }
                        td { (show::text(&row["protocol"])) }
                        td { code { (show::safe(&row["bound"])) } }
                        td { code { (show::safe(&row["advertised"])) } }
                    }
                }
            }))
        }
        @if !dirs.is_empty() {
            h2 { "Log folders" }
            (layout::table("Log folders", html! {
                th scope="col" { "Folder" } th.number scope="col" { "Data" }
                th.wide scope="col" { "Cluster id" }
            }, html! {
                @for row in dirs {
                    tr {
                        th scope="row" { code { (show::safe(&row["path"])) } }
                        td.number { (show::size_of(&row["bytes"])) }
                        td.wide { code { (show::safe(&row["cluster_id"])) } }
                    }
                }
            }))
        }
    }
}

/// Lines of a log as they are.
pub fn log(asked: &Asked, none: &str) -> Markup {
    let lines: Vec<String> = asked.rows().iter().map(show::text).collect();
    html! {
        @match &asked.outcome {
            Err(error) => (layout::error(error)),
            Ok(_) if lines.is_empty() => p.note { (none) },
            Ok(_) => pre.log tabindex="0" { (show::visible(&lines.join("\n"))) },
        }
    }
}
