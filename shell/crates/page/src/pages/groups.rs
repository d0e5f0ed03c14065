//! Consumer groups: the worst first, and where each is stuck.

use maud::{Markup, html};
use serde_json::Value;

use super::Drawn;
use crate::ask::Question;
use crate::desk::Visit;
use crate::layout::{self, Tone, badge};
use crate::trend::{Trend, Trends};
use crate::{link, show};

/// Groups on one page.
const ROWS_MAX: usize = 100;

pub async fn list(visit: &Visit) -> Drawn {
    let all = visit.ask("groups", Question::new(["group", "list"]).switch("lag")).await;
    let wanted = visit.request.param("q").to_lowercase();
    let has = |row: &&Value| show::text(&row["group"]).to_lowercase().contains(&wanted);
    let rows: Vec<&Value> = all.rows().iter().filter(has).collect();
    let trends = &visit.desk.trends;
    for row in rows.iter().take(ROWS_MAX) {
        if let (Some(group), Some(lag)) = (row["group"].as_str(), whole(row)) {
            trends.note(group, lag, all.read_ms);
        }
    }
    let body = html! {
        form.filter method="get" action="/groups" role="search" hx-get="/groups"
            hx-trigger="submit, input delay:300ms" hx-target="#live" hx-select="#live > *"
            hx-select-oob="#commands" hx-push-url="true" {
            label {
                "Name has" input #q type="search" name="q" value=(visit.request.param("q"))
                    maxlength="249" autocomplete="off";
            }
            button type="submit" { "Filter" }
        }
        (layout::remarks(&all))
        @if all.error().is_none() {
            p.note { (rows.len()) @if rows.len() == 1 { " group" } @else { " groups" } }
        }
        @if !rows.is_empty() { (table(&rows[..rows.len().min(ROWS_MAX)], Some(trends))) }
        @if rows.len() > ROWS_MAX {
            p.note { "The first " (ROWS_MAX) " are shown: filter by name." }
        }
    };
    Drawn::new("Groups", body)
}

/// Groups as a table, with where their lag goes where somebody has watched it.
pub fn table(rows: &[&Value], trends: Option<&Trends>) -> Markup {
    let head = html! {
        th scope="col" { "Group" } th scope="col" { "State" } th.number scope="col" { "Lag" }
        @if trends.is_some() { th scope="col" { "Trend" } }
        th scope="col" { "Furthest behind" } th.number.wide scope="col" { "Members" }
        th.wide scope="col" { "Topics" }
    };
    let body = html! {
        @for row in rows {
            @let name = show::text(&row["group"]);
            tr {
                th scope="row" { a href=(link::group(&name)) { (show::visible(&name)) } }
                td { (badge(&show::text(&row["state"]), state_tone(row))) }
                td.number { (total(row)) }
                @if let Some(trends) = trends { td { (trend(trends.of(&name))) } }
                td { (place(&row["worst"])) }
                td.number.wide { (show::number(&row["members"])) }
                td.wide { (show::safe(&row["topics"])) }
            }
        }
    };
    layout::table("Groups", head, body)
}

/// The lag, where nothing is left out of it: part of it against all of it is no trend.
fn whole(row: &Value) -> Option<i64> {
    row["total_lag"].as_i64().filter(|_| row["unknown"].as_u64().unwrap_or(0) == 0)
}

/// A sum that leaves something out says so.
fn total(row: &Value) -> Markup {
    let left_out = row["unknown"].as_u64().unwrap_or(0) > 0 && row["total_lag"].is_number();
    html! { @if left_out { span.unknown { "at least " } } (show::number(&row["total_lag"])) }
}

fn trend(trend: Option<Trend>) -> Markup {
    match trend {
        None => html! {
            span.unknown title="two looks some time apart make a trend" { "not known yet" }
        },
        Some(Trend::Steady) => html! { "steady" },
        Some(Trend::Growing(by)) => html! { (badge(&format!("growing {by}"), Tone::Amber)) },
        Some(Trend::Draining(by)) => html! { (badge(&format!("draining {by}"), Tone::Good)) },
    }
}

/// A group with something to read and nobody to read it is what an operator looks for.
fn state_tone(row: &Value) -> Tone {
    let lags = row["total_lag"].as_i64().unwrap_or(0) > 0;
    match row["state"].as_str().unwrap_or_default() {
        _ if row["stuck"].as_u64().unwrap_or(0) > 0 => Tone::Amber,
        "Stable" => Tone::Good,
        "Dead" => Tone::Red,
        "Empty" if lags => Tone::Amber,
        _ => Tone::Plain,
    }
}

fn place(worst: &Value) -> Markup {
    let Some(topic) = worst["topic"].as_str() else { return html! {} };
    html! {
        @let partition = show::text(&worst["partition"]);
        a href=(link::with(&link::topic(topic), &[("partition", &partition)])) {
            (show::visible(topic)) "/" (partition)
        }
        ", " (show::number(&worst["lag"])) " behind"
    }
}

pub async fn one(visit: &Visit) -> Drawn {
    let name = visit.request.name();
    let asked = visit.ask("group", Question::new(["group", "describe"]).name(name)).await;
    if let Some(error) = asked.error() {
        let drawn = Drawn::new(name, layout::error(error));
        return if error.class == kafsh_model::Class::NotFound { drawn.missing() } else { drawn };
    }
    let group = asked.value();
    if let Some(lag) = whole(group) {
        visit.desk.trends.note(name, lag, asked.read_ms);
    }
    let body = html! {
        (layout::remarks(&asked))
        dl.facts {
            dt { "State" } dd { (badge(&show::text(&group["state"]), state_tone(group))) }
            dt { "Lag" }
            dd {
                (total(group)) @if group["total_lag"] == 1 { " record" } @else { " records" }
                @if group["lag_ms"].is_number() {
                    ", the oldest waits " (show::duration_of(&group["lag_ms"]))
                }
                " · " (trend(visit.desk.trends.of(name)))
            }
            dt { "Waits longest" } dd { (place(&group["worst"])) }
            dt { "Assignor" } dd {
                @match group["protocol"].as_str() {
                    Some("") => "none: nobody is in it",
                    _ => (show::safe(&group["protocol"])),
                }
            }
            dt { "Coordinator" }
            dd {
                @if let Some(id) = group["coordinator"].as_i64() {
                    a href=(link::broker(id)) { "broker " (id) }
                }
            }
        }
        h2 { "Partitions" }
        (partitions(group))
        h2 { "Members" }
        (members(group))
    };
    Drawn::new(name, body)
}

fn partitions(group: &Value) -> Markup {
    let mut rows: Vec<&Value> = group["partitions"].as_array().into_iter().flatten().collect();
    // What waits longest first, as the group's worst is chosen.
    rows.sort_by_key(|row| std::cmp::Reverse((row["lag_ms"].as_i64(), row["lag"].as_i64())));
    let head = html! {
        th scope="col" { "Partition" } th.number scope="col" { "Lag" } th scope="col" { "Waiting" }
        th.number scope="col" { "Committed" } th.number.wide scope="col" { "End" }
        th.wide scope="col" { "Member" } th scope="col" { "Look" }
    };
    let body = html! {
        @for row in rows {
            @let topic = show::text(&row["topic"]);
            tr {
                th scope="row" {
                    a href=(link::topic(&topic)) { (show::visible(&topic)) "/" (row["partition"]) }
                }
                td.number {
                    (show::number(&row["lag"]))
                    @if row["stuck"] == Value::Bool(true) { " " (badge("stuck", Tone::Amber)) }
                }
                td.short { @if row["lag_ms"].is_number() { (show::duration_of(&row["lag_ms"])) } }
                td.number {
                    @if row["committed"].is_number() {
                        (show::number(&row["committed"]))
                    } @else { "none" }
                }
                td.number.wide { (show::number(&row["end"])) }
                td.wide { (show::safe(&row["member"])) }
                td { (around(row, &topic)) }
            }
        }
    };
    layout::table("Partitions of the group", head, body)
}

/// The records around the offset that a group has come to.
fn around(row: &Value, topic: &str) -> Markup {
    /// Records before the committed offset that are shown too.
    const BEFORE: i64 = 5;
    let Some(committed) = row["committed"].as_i64() else { return html! {} };
    let from = (committed - BEFORE).max(0).to_string();
    let partition = show::text(&row["partition"]);
    let mark = committed.to_string();
    let params = [("partition", &*partition), ("from", &*from), ("mark", &*mark)];
    let href = link::with(&format!("{}/messages", link::topic(topic)), &params);
    html! {
        a href=(href) aria-label={ "records around offset " (committed) " of partition "
            (partition) } {
            "records"
        }
    }
}

fn members(group: &Value) -> Markup {
    let rows = group["members"].as_array().map_or(&[][..], Vec::as_slice);
    if rows.is_empty() {
        return html! { p.note { "No member at the moment." } };
    }
    let head = html! {
        th scope="col" { "Client" } th scope="col" { "Host" } th.number scope="col" { "Lag" }
        th scope="col" { "Partitions" } th.wide scope="col" { "Member" }
    };
    let body = html! {
        @for row in rows {
            tr {
                th scope="row" { (show::safe(&row["client_id"])) }
                td { (show::safe(&row["client_host"])) }
                td.number { (show::number(&row["lag"])) }
                td { (show::safe(&row["partitions"])) }
                td.wide { code { (show::safe(&row["member_id"])) } }
            }
        }
    };
    layout::table("Members", head, body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::Desk;
    use crate::testing::{Told, request};
    use serde_json::json;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_sum_that_leaves_something_out_says_so() {
        let row = |group: &str, lag: Value, unknown: Value| {
            let state = "Stable";
            json!({ "group": group, "state": state, "total_lag": lag, "unknown": unknown })
        };
        let rows = json!([row("part", json!(7), json!(2)), row("none", Value::Null, Value::Null)]);
        let desk = Arc::new(Desk::new(Arc::new(Told::new().answers("group list --lag", rows))));
        let visit = Visit::new(desk.clone(), request("/groups"));
        let text = list(&visit).await.body.into_string();
        assert!(text.contains("at least </span>7"), "{text}");
        assert_eq!(text.matches("at least").count(), 1, "{text}");
        let trends = format!("{:?}", desk.trends.of("part"));
        assert_eq!(trends, "None");
    }

    #[test]
    fn what_is_stuck_is_amber_whatever_the_state() {
        let row = |state: &str, stuck: u64| json!({ "state": state, "stuck": stuck });
        assert_eq!(state_tone(&row("Stable", 1)), Tone::Amber);
        assert_eq!(state_tone(&row("Stable", 0)), Tone::Good);
    }
}
