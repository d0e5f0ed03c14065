//! The list of topics: what is wrong first, then by name; filtered, sorted and cut on the server.

use std::cmp::Ordering;
use std::collections::HashMap;

use maud::{Markup, html};
use serde_json::Value;

use super::Drawn;
use crate::ask::Question;
use crate::desk::Visit;
use crate::layout::{self, Tone, badge};
use crate::{link, show};

/// Topics on one page.
const ROWS_MAX: usize = 100;

/// What `show=` may say: the flag of `topic list` and the words for it.
const SHOWN: &[(&str, &str)] = &[
    ("", "all"),
    ("offline", "offline"),
    ("under-min-isr", "under min ISR"),
    ("under-replicated", "under-replicated"),
];

pub async fn draw(visit: &Visit) -> Drawn {
    let request = &visit.request;
    let shown = SHOWN.iter().find(|(name, _)| *name == request.param("show")).unwrap_or(&SHOWN[0]);
    let mut question = Question::new(["topic", "list"]);
    if !shown.0.is_empty() {
        question = question.switch(shown.0);
    }
    if request.param("internal") == "1" {
        question = question.switch("internal");
    }
    // Sizes are asked of every broker, and may come late or not at all; names do not wait for them.
    let with_sizes = question.clone().switch("sizes");
    let (list, sizes) = tokio::join!(visit.ask("topics", question), visit.ask("sizes", with_sizes));
    let by_name: HashMap<&str, &Value> =
        sizes.rows().iter().filter_map(|row| Some((row["name"].as_str()?, row))).collect();
    let wanted = request.param("q").to_lowercase();
    let name = |row: &Value| row["name"].as_str().unwrap_or_default().to_lowercase();
    let mut rows: Vec<&Value> = list
        .rows()
        .iter()
        .map(|row| by_name.get(row["name"].as_str().unwrap_or_default()).copied().unwrap_or(row))
        .filter(|row| name(row).contains(&wanted))
        .collect();
    sort(&mut rows, request.param("sort"));
    let from = start_of(request.param("page"), rows.len());
    let page = rows.get(from..).unwrap_or_default();
    let page = &page[..page.len().min(ROWS_MAX)];
    let body = html! {
        (filter(visit, shown.0))
        (layout::remarks(&list))
        @if sizes.error().is_some() && list.error().is_none() {
            p.note { "Sizes and counts are not known at the moment." }
        }
        @if list.error().is_none() {
            p.note {
                (rows.len()) @if rows.len() == 1 { " topic" } @else { " topics" }
                @if rows.len() > page.len() { ", " (from + 1) " to " (from + page.len()) " shown" }
            }
        }
        @if !page.is_empty() { (table(visit, page)) }
        (pages(visit, rows.len(), from))
    };
    Drawn::new("Topics", body)
}

/// Where a page begins: the last one where there are not so many.
fn start_of(page: &str, rows: usize) -> usize {
    let last = rows.saturating_sub(1) / ROWS_MAX;
    page.parse::<usize>().unwrap_or(1).saturating_sub(1).min(last) * ROWS_MAX
}

fn filter(visit: &Visit, shown: &str) -> Markup {
    let request = &visit.request;
    html! {
        form.filter method="get" action="/topics" role="search" hx-get="/topics"
            hx-trigger="submit, input delay:300ms" hx-target="#live" hx-select="#live > *"
            hx-select-oob="#commands" hx-push-url="true" {
            label {
                "Name has" input #q type="search" name="q" value=(request.param("q"))
                    maxlength="249" autocomplete="off";
            }
            label { "Show"
                select name="show" {
                    @for (name, words) in SHOWN {
                        option value=(name) selected[*name == shown] { (words) }
                    }
                }
            }
            label { "Kafka's own"
                select name="internal" {
                    option value="" selected[request.param("internal") != "1"] { "hidden" }
                    option value="1" selected[request.param("internal") == "1"] { "shown" }
                }
            }
            input type="hidden" name="sort" value=(request.param("sort"));
            button type="submit" { "Filter" }
        }
    }
}

/// What is worst first where nothing else is asked for.
fn sort(rows: &mut [&Value], by: &str) {
    let (key, down) = match by.strip_prefix('-') {
        Some(key) => (key, true),
        None => (by, false),
    };
    let bad = |row: &Value| {
        let count = |key: &str| row[key].as_u64().unwrap_or(0);
        // Where acks=all is refused before where only redundancy is lost.
        (count("offline"), count("under_min_isr"), count("under_replicated"))
    };
    let name = |row: &Value| row["name"].as_str().unwrap_or_default().to_string();
    rows.sort_by(|a, b| {
        let order = match key {
            "name" => Ordering::Equal,
            "partitions" | "records" | "size_bytes" | "replication_factor" => {
                a[key].as_u64().cmp(&b[key].as_u64())
            }
            _ => bad(b).cmp(&bad(a)),
        };
        let order = if down { order.reverse() } else { order };
        let by_name = name(a).cmp(&name(b));
        order.then(if down && key == "name" { by_name.reverse() } else { by_name })
    });
}

/// A heading that sorts by its column, and says how it is sorted.
fn heading(visit: &Visit, key: &str, words: &str, class: &str) -> Markup {
    let now = visit.request.param("sort");
    let (next, state) = match (now == key, now.strip_prefix('-') == Some(key)) {
        (true, _) => (format!("-{key}"), Some("ascending")),
        (_, true) => (key.to_string(), Some("descending")),
        _ if key == "name" => (key.to_string(), None),
        _ => (format!("-{key}"), None),
    };
    let href = visit.request.address_with(&[("sort", &next), ("page", "")]);
    html! { th scope="col" class=(class) aria-sort=[state] { a href=(href) { (words) } } }
}

fn table(visit: &Visit, rows: &[&Value]) -> Markup {
    let head = html! {
        (heading(visit, "name", "Topic", ""))
        (heading(visit, "", "Health", ""))
        (heading(visit, "partitions", "Partitions", "number"))
        (heading(visit, "replication_factor", "Replicas", "number wide"))
        (heading(visit, "records", "Records", "number"))
        (heading(visit, "size_bytes", "Size", "number wide"))
    };
    let body = html! {
        @for row in rows {
            @let name = show::text(&row["name"]);
            tr {
                th scope="row" { a href=(link::topic(&name)) { (show::visible(&name)) } }
                td {
                    // One below the other where there is no room.
                    @for part in health(row).split(", ") { (badge(part, tone_of(part, row))) " " }
                }
                td.number { (row["partitions"]) }
                td.number.wide { (row["replication_factor"]) }
                td.number { (show::number(&row["records"])) }
                td.number.wide { (show::size_of(&row["size_bytes"])) }
            }
        }
    };
    layout::table("Topics", head, body)
}

/// The word of the command, and what it leaves to the sizes: whether acks=all is refused.
fn health(row: &Value) -> String {
    let said = show::text(&row["health"]);
    match row["under_min_isr"].as_u64() {
        Some(under @ 1..) if said == "healthy" => format!("{under} under min ISR"),
        Some(under @ 1..) => format!("{said}, {under} under min ISR"),
        _ => said,
    }
}

/// Of one problem among several.
fn tone_of(part: &str, row: &Value) -> Tone {
    match part.ends_with(" under-replicated") {
        true => Tone::Amber,
        false => tone(row),
    }
}

fn tone(row: &Value) -> Tone {
    let count = |key: &str| row[key].as_u64().unwrap_or(0);
    match (count("offline") + count("under_min_isr"), count("under_replicated")) {
        // Whether acks=all is refused was not told.
        (0, 0) if !row["under_min_isr"].is_number() => Tone::Plain,
        (0, 0) => Tone::Good,
        (0, _) => Tone::Amber,
        _ => Tone::Red,
    }
}

fn pages(visit: &Visit, all: usize, from: usize) -> Markup {
    let here = from / ROWS_MAX + 1;
    let to = |page: usize| visit.request.address_with(&[("page", &page.to_string())]);
    html! {
        @if all > ROWS_MAX {
            p {
                @if here > 1 { a.button href=(to(here - 1)) { "← Back" } " " }
                @if from + ROWS_MAX < all { a.button href=(to(here + 1)) { "Next →" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_begins_within_the_list() {
        for (page, rows, start) in
            [("", 5, 0), ("2", 150, 100), ("3", 150, 100), ("2", 100, 0), ("9", 0, 0), ("-1", 5, 0)]
        {
            assert_eq!(start_of(page, rows), start, "page {page} of {rows}");
        }
        assert_eq!(start_of(&usize::MAX.to_string(), 250), 200);
    }

    #[test]
    fn what_is_worst_stands_first_unless_asked_otherwise() {
        let row = |name: &str, offline: u64, under: u64, size: u64| {
            json!({ "name": name,
            "offline": offline, "under_replicated": under, "size_bytes": size })
        };
        let all = [row("a", 0, 0, 5), row("b", 0, 2, 1), row("c", 1, 1, 9), row("d", 0, 0, 7)];
        let names = |by: &str| {
            let mut rows: Vec<&Value> = all.iter().collect();
            sort(&mut rows, by);
            rows.iter().map(|row| show::text(&row["name"])).collect::<String>()
        };
        assert_eq!(names(""), "cbad");
        assert_eq!(names("name"), "abcd");
        let refusing = json!({ "name": "e", "under_min_isr": 1, "under_replicated": 1 });
        let mut rows: Vec<&Value> = all.iter().chain([&refusing]).collect();
        sort(&mut rows, "");
        let order: String = rows.iter().map(|row| show::text(&row["name"])).collect();
        assert_eq!(order, "cebad");
        assert_eq!(names("-name"), "dcba");
        assert_eq!(names("-size_bytes"), "cdab");
    }
}
