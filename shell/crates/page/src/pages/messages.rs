//! Records of a topic: from where one likes, filtered, bounded in time and bytes, and the way on.

mod look;
mod newest;
mod place;

use maud::{Markup, html};
use serde_json::Value;

use self::look::Look;
#[cfg(test)]
pub use self::look::OPEN_TIME;
pub use self::look::open;
use self::place::Newest;
pub use self::place::Place;
use super::record::Body;
use super::{Drawn, topic};
use crate::ask::Question;
use crate::desk::{Asked, Visit};
use crate::layout;
use crate::{link, show};

/// Where a page of messages begins, in words.
const FROM: &[(&str, &str)] = &[
    ("", "the newest"),
    ("earliest", "the earliest"),
    ("offset", "an offset"),
    ("time", "a time"),
];

pub async fn draw(visit: &Visit) -> Drawn {
    let name = visit.request.name();
    let place = Place::of(&visit.request);
    let found = async {
        match &place {
            Err(error) => {
                let line = Question::new(["consume"]).name(name).line(&visit.desk.program());
                let (read_ms, outcome) = (visit.request.now_ms, Err(error.clone()));
                visit.keep("messages", Asked { line, read_ms, outcome });
                layout::error(error)
            }
            Ok(place) => match look::look(visit, place).await {
                Err(error) => layout::error(&error),
                Ok(look) => found(visit, place, &look),
            },
        }
    };
    let (found, ends) = tokio::join!(found, newest::newest(visit, name));
    let title = format!("Messages of {name}");
    let body = html! {
        (topic::tabs(name, "messages"))
        (form(visit))
        (found)
        (ends)
    };
    // A page of records stays as it was read; what follows the end is a live page's.
    Drawn::new(title, body).still()
}

fn found(visit: &Visit, place: &Place, look: &Look) -> Markup {
    let filtered = ["text", "keep"].iter().any(|name| !visit.request.param(name).is_empty());
    html! {
        p.note role="status" {
            (look.records.len())
            @if filtered {
                " kept of " (show::grouped(&look.progress.scanned.to_string())) " read"
            } @else if look.records.len() == 1 { " message" } @else { " messages" }
            @if let Some(why) = look.stopped { ": " (why) }
            @match (&place.newest, look.stopped) {
                (Some(_), None) => ", the newest first",
                (Some(_), Some(_)) => ", the newest of these first: there may be newer ones",
                (None, _) => {}
            }
            "."
        }
        @for remark in &look.remarks { p.note { (show::visible(remark)) } }
        (follow(visit))
        (table(&look.records, visit.request.param("mark")))
        @if look.records.is_empty() { p.note { "Nothing here." } }
        @match &place.newest {
            Some(newest) => (before(visit, newest, look, filtered)),
            None => (behind(visit, place, look)),
        }
    }
}

/// The way to what follows, where reading stopped before the end.
fn behind(visit: &Visit, place: &Place, look: &Look) -> Markup {
    let next = place.onward(&look.progress.next);
    html! {
        @if look.stopped.is_some() && !next.is_empty() {
            p { a.button href=(visit.request.address_with(&[("start", &next)])) {
                "Go on from here →"
            } }
        }
    }
}

/// The way to what stands before these; where the end was not reached it is not known.
fn before(visit: &Visit, newest: &Newest, look: &Look, filtered: bool) -> Markup {
    let earlier = look.earlier(newest);
    let partitions = look.progress.next.len();
    let depth = newest.further(look.records.len(), filtered, partitions).to_string();
    let to = [("before", place::written(&earlier)), ("value", depth)];
    let to = to.each_ref().map(|(name, value)| (*name, value.as_str()));
    html! {
        @if look.stopped.is_none() && !earlier.is_empty() {
            p { a.button href=(visit.request.address_with(&to)) {
                @if filtered { "Look further back →" } @else { "Older messages →" }
            } }
        }
    }
}

/// The switch of the live page; it needs a script, and is not there without one.
fn follow(visit: &Visit) -> Markup {
    let address = visit.request.address_with(&[
        ("from", "latest"),
        ("start", ""),
        ("value", ""),
        ("before", ""),
    ]);
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
        th.number scope="col" { "Partition@offset" } th scope="col" { "Time" }
        th scope="col" { "Key" }
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
                "Offset, time or how many" input name="value" value=(value)
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

#[cfg(test)]
mod tests;
