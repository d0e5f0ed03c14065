//! Plugins and policies: what others' code may do here, what was refused, and what policies think
//! of the topics that are there.

use maud::{Markup, html};
use serde_json::Value;

use super::Drawn;
use crate::ask::Question;
use crate::desk::{Asked, Visit};
use crate::layout::{self, Tone, badge};
use crate::{link, show};

/// Characters of a digest that tell it apart.
const DIGEST_CHARS: usize = 19;

/// Verdicts that are shown.
const VERDICTS_MAX: usize = 200;

pub async fn draw(visit: &Visit) -> Drawn {
    let audit = Question::new(["audit"]).flag("since", "1h").switch("failed").flag("count", "200");
    let of_plugins = Question::new(["plugin", "logs"]).flag("since", "1h").switch("denied");
    let (plugins, policies, verdicts, refused, kept) = tokio::join!(
        visit.ask("plugins", Question::new(["plugin", "list"])),
        visit.ask("policies", Question::new(["policy", "list"])),
        visit.ask("verdicts", Question::new(["policy", "check"])),
        visit.ask("refused", audit),
        visit.ask("denied", of_plugins),
    );
    let body = html! {
        h2 { "Changes that policies and plugins stopped in the last hour" }
        (denied(&refused))
        h2 { "Limits that plugins reached, and what they were denied, in the last hour" }
        (withheld(&kept))
        h2 { "Policies in charge" }
        (bound(&policies))
        h2 { "What they think of the topics that are there" }
        (thoughts(&verdicts))
        h2 { "Plugins" }
        (layout::remarks(&plugins))
        @if plugins.error().is_none() { (installed(plugins.rows())) }
    };
    Drawn::new("Plugins", body)
}

/// An outcome that a policy or a plugin had a part in; others fail too, for reasons of their own.
fn is_theirs(row: &Value) -> bool {
    let outcome = row["outcome"].as_str().unwrap_or_default();
    ["policy-", "plugin-", "transform-", "step-"].iter().any(|part| outcome.starts_with(part))
}

fn denied(refused: &Asked) -> Markup {
    let rows: Vec<&Value> = refused.rows().iter().filter(|row| is_theirs(row)).collect();
    let head = html! {
        th scope="col" { "When" } th scope="col" { "Outcome" } th scope="col" { "Command" }
        th.wide scope="col" { "Cluster" }
    };
    let body = html! {
        @for row in &rows {
            @let outcome = show::text(&row["outcome"]);
            tr {
                td { @if let Some(ms) = row["time_ms"].as_i64() { (show::time(ms)) } }
                td {
                    (badge(&outcome, if outcome == "policy-denied" { Tone::Amber } else {
                        Tone::Plain }))
                }
                th scope="row" { code { (show::safe(&row["command"])) } }
                td.wide { (show::safe(&row["cluster"])) }
            }
        }
    };
    html! {
        @match &refused.outcome {
            Err(error) => (layout::error(error)),
            Ok(_) if rows.is_empty() => p.note { "Nothing." },
            Ok(_) => (layout::table("Stopped", head, body)),
        }
    }
}

/// Limits that were reached and capabilities that were not given: a line for all that are alike.
fn withheld(kept: &Asked) -> Markup {
    let mut alike: Vec<(&Value, usize)> = Vec::new();
    let same = |a: &Value, b: &Value| ["plugin", "code", "text"].iter().all(|key| a[key] == b[key]);
    for row in kept.rows() {
        match alike.iter_mut().find(|(known, _)| same(known, row)) {
            Some((last, count)) => {
                *count += 1;
                if row["time_ms"].as_i64() > last["time_ms"].as_i64() {
                    *last = row;
                }
            }
            None => alike.push((row, 1)),
        }
    }
    let head = html! {
        th scope="col" { "Last" } th.number scope="col" { "Times" } th scope="col" { "Plugin" }
        th scope="col" { "Code" } th scope="col" { "What" }
    };
    let body = html! {
        @for (row, count) in &alike {
            @let name = show::text(&row["plugin"]);
            tr {
                td { @if let Some(ms) = row["time_ms"].as_i64() { (show::time(ms)) } }
                td.number { (count) }
                th scope="row" {
                    a href=(format!("/plugins/{}", link::segment(&name))) { (show::visible(&name)) }
                }
                td { (badge(&show::text(&row["code"]), Tone::Amber)) }
                td { (show::safe(&row["text"])) }
            }
        }
    };
    html! {
        @match &kept.outcome {
            Err(error) => (layout::error(error)),
            Ok(_) if alike.is_empty() => p.note { "Nothing." },
            Ok(_) => (layout::table("Limits and denials", head, body)),
        }
    }
}

fn bound(policies: &Asked) -> Markup {
    let head = html! {
        th scope="col" { "Binding" } th scope="col" { "Mode" } th scope="col" { "Policy" }
        th scope="col" { "Topics" } th.wide scope="col" { "Clusters" }
        th.wide scope="col" { "Settings" }
    };
    let body = html! {
        @for row in policies.rows() {
            @let mode = show::text(&row["mode"]);
            tr {
                th scope="row" { (show::safe(&row["name"])) }
                td { (badge(&mode, if mode == "enforce" { Tone::Good } else { Tone::Plain }))
                     @if row["problem"].is_string() { " " (badge(&show::text(&row["problem"]),
                         Tone::Red)) } }
                td { (show::safe(&row["policy"])) }
                td { code { (show::safe(&row["topics"])) } }
                td.wide { code { (show::safe(&row["clusters"])) } }
                td.wide { code { (show::safe(&row["settings"])) } }
            }
        }
    };
    html! {
        (layout::remarks(policies))
        @if !policies.rows().is_empty() { (layout::table("Policies in charge", head, body)) }
        @else if policies.error().is_none() { p.note { "None: every change is allowed." } }
    }
}

fn thoughts(verdicts: &Asked) -> Markup {
    let rows = verdicts.rows();
    let head = html! {
        th scope="col" { "Topic" } th scope="col" { "Policy" } th scope="col" { "Verdict" }
        th scope="col" { "Because" }
    };
    let body = html! {
        @for row in rows.iter().take(VERDICTS_MAX) {
            @let topic = show::text(&row["topic"]);
            @let verdict = show::text(&row["verdict"]);
            tr {
                th scope="row" { a href=(link::topic(&topic)) { (show::visible(&topic)) } }
                td { (show::safe(&row["binding"])) }
                td { (badge(&verdict, if verdict == "allow" { Tone::Good } else { Tone::Amber })) }
                td { (show::safe(&row["message"])) }
            }
        }
    };
    html! {
        (layout::remarks(verdicts))
        @if !rows.is_empty() { (layout::table("Verdicts", head, body)) }
        @if rows.len() > VERDICTS_MAX { p.note { "and " (rows.len() - VERDICTS_MAX) " more" } }
    }
}

fn installed(rows: &[Value]) -> Markup {
    let head = html! {
        th scope="col" { "Plugin" } th scope="col" { "Kind" } th scope="col" { "State" }
        th scope="col" { "May" } th.wide scope="col" { "Source" } th.wide scope="col" { "Digest" }
    };
    let body = html! {
        @for row in rows {
            @let name = show::text(&row["name"]);
            @let state = show::text(&row["state"]);
            @let digest: String = show::text(&row["digest"]).chars().take(DIGEST_CHARS).collect();
            tr {
                th scope="row" {
                    a href=(format!("/plugins/{}", link::segment(&name))) { (show::visible(&name))
                        } " " (show::safe(&row["version"]))
                }
                td { (show::text(&row["kind"])) }
                td { (badge(&state, if state == "ready" { Tone::Good } else { Tone::Amber })) }
                td {
                    @let may = show::text(&row["granted"]); @if may.is_empty() {
                        "nothing more"
                    } @else { (show::visible(&may)) }
                }
                td.wide { (show::safe(&row["source"])) }
                td.wide { code title=(show::text(&row["digest"])) { (digest) } }
            }
        }
    };
    layout::table("Plugins", head, body)
}

pub async fn one(visit: &Visit) -> Drawn {
    let name = visit.request.name();
    let asked = visit.ask("plugin", Question::new(["plugin", "info"]).name(name)).await;
    if let Some(error) = asked.error() {
        let drawn = Drawn::new(name, layout::error(error));
        return if error.class == kafsh_model::Class::NotFound { drawn.missing() } else { drawn };
    }
    let logs = visit.ask("log", Question::new(["plugin", "logs"]).name(name)).await;
    let plugin = asked.value();
    let fact = |key: &str| show::safe(&plugin[key]);
    let body = html! {
        (layout::remarks(&asked))
        p { (fact("summary")) }
        dl.facts {
            dt { "Kind" } dd { (fact("kind")) }
            dt { "State" }
            dd {
                (badge(&fact("state"), if plugin["state"] == "ready" { Tone::Good } else {
                    Tone::Amber }))
            }
            dt { "Version" } dd { (fact("version")) ", for " code { (fact("api")) } }
            dt { "Source" } dd { (fact("source")) }
            dt { "Digest" } dd { code { (fact("digest")) } }
            dt { "Licence" } dd { (fact("license")) }
        }
        h2 { "What it may do" }
        (list(&plugin["capabilities"], "Nothing but read its settings and write its log."))
        h2 { "Limits" }
        (limits(&plugin["limits"]))
        h2 { "Settings" }
        (settings(&plugin["settings"]))
        h2 { "Its log" }
        (logged(&logs))
    };
    Drawn::new(name, body)
}

fn list(items: &Value, none: &str) -> Markup {
    let items = items.as_array().map_or(&[][..], Vec::as_slice);
    html! {
        @if items.is_empty() { p.note { (none) } }
        ul.reasons { @for item in items { li { (show::visible(&words(item))) } } }
    }
}

/// The fields of an object as `name: value`, or a text as it is.
fn words(item: &Value) -> String {
    match item {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| format!("{name}: {}", show::text(value)))
            .collect::<Vec<_>>()
            .join(", "),
        other => show::text(other),
    }
}

fn limits(rows: &Value) -> Markup {
    let head = html! { th scope="col" { "Limit" } th scope="col" { "In force" } th scope="col" {
    "Asked for" } th scope="col" { "At most" } };
    let body = html! {
        @for row in rows.as_array().into_iter().flatten() {
            tr {
                th scope="row" { (show::text(&row["limit"])) }
                td { (show::text(&row["effective"])) }
                td { (show::text(&row["requested"])) } td { (show::text(&row["cap"])) }
            }
        }
    };
    layout::table("Limits", head, body)
}

fn settings(rows: &Value) -> Markup {
    let head = html! { th scope="col" { "Setting" } th scope="col" { "Type" } th scope="col" {
    "Default" } th scope="col" { "What it says" } };
    let body = html! {
        @for row in rows.as_array().into_iter().flatten() {
            tr {
                th scope="row" { code { (show::safe(&row["name"])) } }
                td {
                    (show::text(&row["type"])) @if row["required"] == Value::Bool(true) {
                        ", required"
                    }
                }
                td { code { (show::safe(&row["default"])) } }
                td { (show::safe(&row["doc"])) }
            }
        }
    };
    layout::table("Settings", head, body)
}

fn logged(logs: &Asked) -> Markup {
    let lines: Vec<String> = logs.rows().iter().map(words).collect();
    html! {
        @match &logs.outcome {
            Err(error) => (layout::error(error)),
            Ok(_) if lines.is_empty() => p.note { "No lines." },
            Ok(_) => pre.log tabindex="0" { (show::visible(&lines.join("\n"))) },
        }
    }
}
