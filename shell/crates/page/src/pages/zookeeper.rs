//! ZooKeeper: whether it serves, whose sessions it holds, and whether all data is of one cluster.

use maud::{Markup, html};
use serde_json::Value;

use super::Drawn;
use crate::ask::Question;
use crate::desk::Visit;
use crate::layout::{self, Tone, badge};
use crate::{link, show};

/// Children of a znode that are shown.
const CHILDREN_MAX: usize = 500;

/// Bytes of a znode's data that are shown.
const DATA_CHARS_MAX: usize = 16 << 10;

/// Where Kafka keeps SCRAM's keys and the keys of delegation tokens, below whatever chroot.
const SECRET: &[&str] = &["/config/users/", "/delegation_token/tokens/"];

pub async fn draw(visit: &Visit) -> Drawn {
    let given = visit.request.param("path");
    let path = if given.starts_with('/') { given } else { "/" };
    let (status, node, children) = tokio::join!(
        visit.ask("status", Question::new(["zookeeper", "status"])),
        node(visit, path),
        visit.ask("children", Question::new(["zookeeper", "ls"]).name(path)),
    );
    let body = html! {
        (layout::remarks(&status))
        @if status.value().is_object() {
            (facts(status.value())) (brokers(status.value())) (ids(status.value()))
        }
        h2 { "Tree" }
        (crumbs(path))
        (layout::remarks(&children))
        @if children.error().is_none() { (tree(path, children.rows())) }
        (node)
    };
    Drawn::new("ZooKeeper", body)
}

/// What a znode holds, where that is no credential.
async fn node(visit: &Visit, path: &str) -> Markup {
    let normal = format!("{}/", path.trim_end_matches('/'));
    if SECRET.iter().any(|part| normal.contains(part)) {
        return html! {
            h2 { "Data" }
            p.note { "It may hold credentials, which a page does not show." }
        };
    }
    let asked = visit.ask("znode", Question::new(["zookeeper", "get"]).name(path)).await;
    match asked.value().is_object() {
        true => data(asked.value()),
        false => layout::remarks(&asked),
    }
}

fn facts(status: &Value) -> Markup {
    let outstanding = status["outstanding"].as_u64();
    // Requests that wait: a handful is a moment's work, more is a server that does not keep up.
    let tone = match outstanding {
        None => Tone::Unknown,
        Some(0..=10) => Tone::Good,
        Some(_) => Tone::Amber,
    };
    let latency = &status["latency_ms"];
    html! {
        dl.facts {
            dt { "Mode" } dd { (badge(&show::text(&status["mode"]), Tone::Good)) }
            dt { "Version" } dd { (show::safe(&status["version"])) }
            dt { "Outstanding" }
            dd {
                @match outstanding {
                    Some(count) => { (badge(&count.to_string(), tone)) " requests" }
                    None => (show::unknown()),
                }
            }
            dt { "Latency" }
            dd {
                "min " (show::number(&latency["min"])) ", mean " (show::number(&latency["avg"]))
                    ", max " (show::number(&latency["max"])) " ms"
            }
            dt { "Connections" } dd { (show::number(&status["connections"])) }
            dt { "Znodes" } dd { (show::number(&status["znodes"])) }
            dt { "Address" }
            dd { code { (show::safe(&status["address"])) (show::safe(&status["chroot"])) } }
            dt { "Cluster id" } dd { code { (show::safe(&status["cluster_id"])) } }
        }
    }
}

fn brokers(status: &Value) -> Markup {
    let Some(rows) = status["brokers"].as_array() else { return html! {} };
    let head = html! {
        th scope="col" { "Broker" } th scope="col" { "Session" } th scope="col" { "Id" }
        th.wide scope="col" { "From" } th.wide scope="col" { "Times out after" }
    };
    let body = html! {
        @for row in rows {
            @let lives = row["state"] == "session";
            tr {
                th scope="row" {
                    @if let Some(id) = row["broker"].as_i64() {
                        a href=(link::broker(id)) { "broker " (id) }
                    }
                }
                td {
                    (badge(&show::text(&row["state"]), if lives { Tone::Good } else { Tone::Amber
                        }))
                }
                td { code { (show::text(&row["session"])) } }
                td.wide { code { (show::safe(&row["address"])) } }
                td.wide {
                    @if row["timeout_ms"].is_number() { (show::duration_of(&row["timeout_ms"])) }
                }
            }
        }
    };
    html! { h2 { "Sessions of brokers" } (layout::table("Sessions of brokers", head, body)) }
}

fn ids(status: &Value) -> Markup {
    let Some(rows) = status["cluster_ids"].as_array() else { return html! {} };
    let head = html! {
        th scope="col" { "Broker" } th scope="col" { "Agrees" } th scope="col" { "Cluster id" }
        th.wide scope="col" { "Folder" }
    };
    let body = html! {
        @for row in rows {
            tr {
                th scope="row" { "broker " (row["broker"]) }
                td { @match row["agrees"].as_bool() {
                    Some(true) => (badge("yes", Tone::Good)),
                    Some(false) => (badge("no", Tone::Red)),
                    None => (show::unknown()),
                } }
                td { code { (show::safe(&row["cluster_id"])) } }
                td.wide { code { (show::safe(&row["dir"])) } }
            }
        }
    };
    html! { h2 { "Whose data it is" } (layout::table("Cluster id in meta.properties", head, body)) }
}

fn at(path: &str) -> String {
    link::with("/zookeeper", &[("path", path)])
}

/// The way to a znode, each part a link.
fn crumbs(path: &str) -> Markup {
    let mut so_far = String::new();
    let parts: Vec<(String, String)> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| {
            so_far = format!("{so_far}/{part}");
            (part.to_string(), so_far.clone())
        })
        .collect();
    html! {
        p {
            a href=(at("/")) { "/" }
            @for (index, (part, whole)) in parts.iter().enumerate() {
                @if index > 0 { " / " } @else { " " }
                a href=(at(whole)) { (show::visible(part)) }
            }
        }
    }
}

fn tree(path: &str, children: &[Value]) -> Markup {
    let base = path.trim_end_matches('/');
    // Names alone, or objects that say more of each child.
    let name = |child: &Value| match child {
        Value::Object(_) => show::text(&child["name"]),
        other => show::text(other),
    };
    html! {
        @if children.is_empty() { p.note { "No children." } }
        ul.reasons {
            @for child in children.iter().take(CHILDREN_MAX) {
                @let name = name(child);
                li { a href=(at(&format!("{base}/{name}"))) { (show::visible(&name)) } }
            }
        }
        @if children.len() > CHILDREN_MAX {
            p.note { "and " (children.len() - CHILDREN_MAX) " more" }
        }
    }
}

fn data(node: &Value) -> Markup {
    let text = if node["text"].is_string() {
        show::text(&node["text"])
    } else {
        show::text(&node["base64"])
    };
    let cut: String = text.chars().take(DATA_CHARS_MAX).collect();
    let owner = show::text(&node["ephemeral_owner"]);
    html! {
        h2 { "Data of " code { (show::safe(&node["path"])) } }
        @if cut.is_empty() {
            p.note { "None." }
        } @else { pre.body tabindex="0" { (show::visible(&cut)) } }
        @if cut.len() < text.len() { p.note { "The beginning of " (text.len()) " bytes." } }
        p.note {
            @match node["modified_ms"].as_i64() {
                // ZooKeeper's own nodes are there from the beginning.
                Some(0) => "never changed",
                Some(ms) => { "changed " (show::time(ms)) }
                None => { "changed at a time that is " (show::unknown()) }
            }
            ", version " (show::text(&node["version"]))
            @if !owner.is_empty() && owner != "0x0" { ", ephemeral, of session " code { (owner) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::Desk;
    use crate::testing::{Told, request};
    use serde_json::json;
    use std::sync::Arc;

    async fn drawn(address: &str, told: Told) -> String {
        let visit = Visit::new(Arc::new(Desk::new(Arc::new(told))), request(address));
        draw(&visit).await.body.into_string()
    }

    #[tokio::test]
    async fn what_was_not_told_is_unknown() {
        let status = json!({ "mode": "standalone", "latency_ms": {} });
        let text = drawn("/zookeeper", Told::new().answers("zookeeper status", status)).await;
        assert!(text.contains("min <span class=\"unknown\">unknown"), "{text}");
        let outstanding = text.split("Outstanding").nth(1).unwrap();
        assert!(
            outstanding.starts_with("</dt> <dd><span class=\"unknown\">unknown")
                || outstanding.starts_with("</dt><dd><span class=\"unknown\">unknown"),
            "{text}"
        );
        assert!(!text.contains("No children"), "nobody told: {text}");
    }

    #[tokio::test]
    async fn credentials_are_not_shown() {
        for path in ["/config/users/alice", "/kafka/config/users/alice/", "/config/users"] {
            let told = Told::new()
                .answers(&format!("zookeeper get {path}"), json!({ "text": "salt=secret" }))
                .answers(&format!("zookeeper ls {path}"), json!(["a"]));
            let text = drawn(&format!("/zookeeper?path={path}"), told).await;
            assert!(!text.contains("secret") && text.contains("credentials"), "{path}: {text}");
        }
    }
}
