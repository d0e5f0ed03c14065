//! The frame around every page, and the parts that pages share.

use kafsh_model::{Class, Error};
use maud::{DOCTYPE, Markup, html};

use crate::advice;
use crate::desk::{Asked, Visit};
use crate::link;
use crate::pages::{Drawn, NAV};
use crate::show;

/// No style element of its own and no evaluated text, which the policy forbids anyway; requests to
/// here alone; no page kept in the browser's storage: the way back loads it anew.
const HTMX_CONFIG: &str = concat!(
    r#"{"includeIndicatorStyles":false,"allowEval":false,"#,
    r#""selfRequestsOnly":true,"historyCacheSize":0,"refreshOnHistoryMiss":true}"#
);

/// A whole document around what a page drew.
pub fn page(visit: &Visit, drawn: Drawn) -> Markup {
    let cluster = visit.desk.cluster();
    let address = visit.request.address();
    let asked = visit.asked();
    let read = asked.iter().map(|(_, asked)| asked.read_ms).min();
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(&format!("{} · {cluster} · kafsh", drawn.title)))
            body {
                a.skip href="#main" { "Skip to the page" }
                header.top {
                    a.brand href="/" { "kafsh" }
                    p.cluster { span.label { "cluster" } " " strong { (show::visible(&cluster)) } }
                    nav aria-label="Pages" {
                        @for (path, title) in NAV {
                            @let here = visit.request.is_below(path);
                            a href=(path) aria-current=[here.then_some("page")] { (title) }
                        }
                    }
                    p.mode { "read-only" }
                }
                main #main tabindex="-1" {
                    header.head {
                        h1 { (show::visible(&drawn.title)) }
                        p.clock {
                            "read at "
                            span #clock { @if let Some(read) = read { (show::time(read)) } }
                            " " (show::zone())
                            span #held hidden { " · held while you point at it" }
                            span #silent role="status" hidden {
                                " · not kept up to date: the server does not answer"
                            }
                            @if drawn.live {
                                button #pause type="button" hidden aria-pressed="false" { "Pause" }
                            }
                            a.reload href=(address) { "Read again" }
                        }
                    }
                    div #live data-live=[drawn.live.then(|| link::with("/live", &[("at",
                        &address)]))] {
                        (drawn.body)
                    }
                    (commands(&asked, &address))
                }
            }
        }
    }
}

/// A document for those who may not see the page.
pub fn refusal(title: &str, advice: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(title))
            body {
                main #main {
                    h1 { (title) }
                    p { (advice) }
                }
            }
        }
    }
}

fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="htmx-config" content=(HTMX_CONFIG);
            title { (show::visible(title)) }
            link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
            link rel="stylesheet" href="/assets/page.css";
            script src="/assets/htmx.js" defer {}
            script src="/assets/page.js" defer {}
        }
    }
}

/// The lines that give the same answers at the prompt.
fn commands(asked: &[(&'static str, Asked)], address: &str) -> Markup {
    let json = match address.contains('?') {
        true => format!("{address}&format=json"),
        false => format!("{address}?format=json"),
    };
    let mut lines: Vec<&str> = Vec::new();
    for (_, asked) in asked {
        if !lines.contains(&asked.line.as_str()) {
            lines.push(&asked.line);
        }
    }
    html! {
        section.commands #commands aria-labelledby="same" {
            h2 #same { "The same in a terminal" }
            @for line in lines {
                pre tabindex="0" { code { (show::visible(line)) } }
            }
            p { a href=(json) { "This page as JSON" } }
        }
    }
}

/// What went wrong with one question, with what to type next.
pub fn error(error: &Error) -> Markup {
    let serious = !matches!(error.class, Class::NotFound | Class::Usage);
    html! {
        div.error.serious[serious] role="alert" {
            p.what { strong { (show::visible(&error.message)) } " " code { (error.code) } }
            @for line in &error.evidence { p.evidence { (show::visible(line)) } }
            @if let Some(cause) = &error.cause { p { (show::visible(cause)) } }
            @if !error.next.is_empty() {
                p { "Next: " @for (index, next) in error.next.iter().enumerate() {
                    @if index > 0 { ", " }
                    code { (show::visible(next)) }
                } }
            }
        }
    }
}

/// The error of an answer, or its remarks.
pub fn remarks(asked: &Asked) -> Markup {
    match &asked.outcome {
        Err(failed) => error(failed),
        Ok(answer) => html! {
            @for note in &answer.notes { p.note { (remark(note)) } }
        },
    }
}

/// Its lines, with what to type as code.
fn remark(note: &str) -> Markup {
    html! {
        @for (index, line) in note.lines().enumerate() {
            @if index > 0 { br; }
            @match line.strip_prefix(advice::TRY) {
                Some(advice) => { "Next: " code { (show::visible(advice)) } }
                None => (show::visible(line)),
            }
        }
    }
}

/// A table that scrolls sideways by itself on a narrow screen.
pub fn table(label: &str, head: Markup, rows: Markup) -> Markup {
    html! {
        div.scroll role="region" aria-label=(label) tabindex="0" {
            table {
                thead { tr { (head) } }
                tbody { (rows) }
            }
        }
    }
}

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Good,
    /// Redundancy is lost
    Amber,
    /// Writes fail
    Red,
    Unknown,
}

impl Tone {
    pub fn class(self) -> &'static str {
        match self {
            Tone::Plain => "plain",
            Tone::Good => "good",
            Tone::Amber => "amber",
            Tone::Red => "red",
            Tone::Unknown => "dim",
        }
    }

    /// Colour alone says nothing to many people: the word that goes with it.
    fn word(self) -> Option<&'static str> {
        match self {
            Tone::Plain | Tone::Unknown => None,
            Tone::Good => Some("fine"),
            Tone::Amber => Some("at risk"),
            Tone::Red => Some("failing"),
        }
    }
}

/// A number with its name, which leads to what it counts.
pub fn tile(href: &str, name: &str, value: Markup, more: Markup, tone: Tone) -> Markup {
    html! {
        a.tile.(tone.class()) href=(href) {
            span.name { (name) @if let Some(word) = tone.word() { span.word { (word) } } }
            span.value { (value) }
            span.more { (more) }
        }
    }
}

/// A short word in its colour.
pub fn badge(text: &str, tone: Tone) -> Markup {
    html! { span.badge.(tone.class()) { (show::visible(text)) } }
}
