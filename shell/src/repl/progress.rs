//! Progress of long work on standard error: one line that is drawn again and again on a terminal,
//! a short line for each thing worth one elsewhere.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kafsh_model::plan::Node;
use kafsh_model::port::{Progress, ProgressEvent};
use kafsh_model::units::show_duration;

use crate::error::Style;
use crate::output::escape_controls;

/// How often the line is drawn while nothing happens.
const TICK: Duration = Duration::from_millis(100);

const GREEN: &str = "\u{1b}[32m";
const RED: &str = "\u{1b}[31m";
const DIM: &str = "\u{1b}[2m";
const RESET: &str = "\u{1b}[0m";

/// What suits standard error as it is now.
pub fn for_terminal(style: Style) -> Arc<dyn Progress> {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty());
    match std::io::stderr().is_terminal() && !dumb {
        true => Arc::new(OneLine { style }),
        false => Arc::new(Lines { style }),
    }
}

/// Says nothing.
pub struct Quiet;

impl Progress for Quiet {
    fn event(&self, _: ProgressEvent<'_>) {}
}

/// The line that is being drawn; there is one standard error, so there is one.
static DRAWN: Mutex<Option<Drawn>> = Mutex::new(None);

struct Drawn {
    bar: ProgressBar,
    board: Board,
    began: Instant,
}

fn drawn() -> MutexGuard<'static, Option<Drawn>> {
    DRAWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the line that is being drawn, for something else to be written.
pub fn close_line() {
    close(&mut drawn(), false);
}

fn close(slot: &mut Option<Drawn>, finished: bool) {
    let Some(Drawn { bar, board, began }) = slot.take() else { return };
    bar.finish_and_clear();
    let mut text = board.text();
    if text.is_empty() {
        return;
    }
    if finished && board.items.len() > 1 && !board.is_of_one_broker() {
        let _ = write!(text, "   {}", show_duration(began.elapsed()));
    }
    tell!("{text}\n");
}

/// One line, drawn again with every event.
struct OneLine {
    style: Style,
}

impl Progress for OneLine {
    fn event(&self, event: ProgressEvent<'_>) {
        let mut slot = drawn();
        if is_said_elsewhere(&event) {
            return;
        }
        match event {
            ProgressEvent::Ended { error } => return close(&mut slot, error.is_none()),
            ProgressEvent::Note(text) => {
                let text = escape_controls(text);
                let text = if self.style.color { format!("{DIM}{text}{RESET}") } else { text };
                match slot.as_ref() {
                    Some(drawn) => drawn.bar.suspend(|| tell!("{text}\n")),
                    None => tell!("{text}\n"),
                }
                return;
            }
            _ => {}
        }
        let style = self.style;
        let drawn = slot.get_or_insert_with(|| Drawn {
            bar: bar(),
            board: Board::new(style),
            began: Instant::now(),
        });
        drawn.board.take(event);
        drawn.bar.set_message(drawn.board.line());
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{wide_msg}  {since}").map(|style| {
        style.with_key(
            "since",
            |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                let _ = write!(out, "{:.1}s", state.elapsed().as_secs_f64());
            },
        )
    });
    // The template is a literal that is known to be right; without it the bar has its own.
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}

/// A kill was asked for and is what the command itself tells of: no failure to point at.
fn is_said_elsewhere(event: &ProgressEvent<'_>) -> bool {
    matches!(event, ProgressEvent::Node { what: "killed", .. })
}

/// What happened so far, as one line.
struct Board {
    style: Style,
    items: Vec<Item>,
    /// The action under way
    doing: String,
}

struct Item {
    node: Option<Node>,
    what: String,
    state: State,
    elapsed: Duration,
}

impl Item {
    /// A gate that every broker passes on its way.
    fn is_implied(&self) -> bool {
        let gate = self.node.is_none();
        gate && (self.what == "registered" || self.what.starts_with("controller "))
    }

    fn same_as(&self, other: &Item) -> bool {
        self.state == other.state && self.what == other.what
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Pending,
    Done,
    Failed,
}

impl Board {
    fn new(style: Style) -> Self {
        Board { style, items: Vec::new(), doing: String::new() }
    }

    fn take(&mut self, event: ProgressEvent<'_>) {
        match event {
            ProgressEvent::Began { action, .. } => self.doing = escape_controls(action),
            ProgressEvent::Node { node, what, ok, elapsed } => {
                let state = match (ok, what.starts_with("started")) {
                    (false, _) => State::Failed,
                    (true, true) => State::Pending,
                    (true, false) => State::Done,
                };
                let what = if what == "ready" || state == State::Pending { "" } else { what };
                let item = Item { node: Some(node), what: what.to_string(), state, elapsed };
                match self.items.iter_mut().find(|item| item.node == Some(node)) {
                    // Gates are looked at again: how long it took is what the first look said.
                    Some(old) if old.state == State::Done && old.same_as(&item) => {}
                    Some(old) => *old = item,
                    None => self.items.push(item),
                }
                // Together, in the order in which they are spoken of.
                self.items.sort_by_key(|item| item.node.map_or((1, None), |node| (0, Some(node))));
            }
            ProgressEvent::Gate { what, elapsed } => {
                let what = what.to_string();
                self.items.push(Item { node: None, what, state: State::Done, elapsed });
            }
            ProgressEvent::Note(_) | ProgressEvent::Ended { .. } => {}
        }
    }

    /// The line as it stays at the end.
    fn text(&self) -> String {
        let brokers = |item: &&Item| matches!(item.node, Some(Node::Broker(_)));
        let several = self.items.iter().filter(brokers).count() > 1;
        let alone = self.is_of_one_broker();
        let mut text = String::new();
        let mut after_broker = false;
        for item in self.items.iter().filter(|item| !alone || !item.is_implied()) {
            let broker = matches!(item.node, Some(Node::Broker(_)));
            let close =
                after_broker == broker && !text.is_empty() && item.node != Some(Node::ZooKeeper);
            text.push_str(if text.is_empty() {
                ""
            } else if alone {
                if self.style.ascii { " - " } else { " · " }
            } else if close {
                "  "
            } else {
                "   "
            });
            match item.node {
                Some(Node::Broker(id)) if after_broker => text.push_str(&id.to_string()),
                Some(node) => text.push_str(&node.to_string()),
                None => text.push_str(&item.what),
            }
            text.push(' ');
            text.push_str(&self.mark(item.state));
            if item.node.is_some() && !item.what.is_empty() {
                text.push(' ');
                text.push_str(&item.what);
            }
            let timed = item.node == Some(Node::ZooKeeper) || (broker && !several);
            if timed && item.state != State::Pending {
                text.push(' ');
                text.push_str(&seconds(item.elapsed));
            }
            after_broker = broker;
        }
        text
    }

    /// One broker that serves: that it is registered goes without saying, and one time is enough.
    fn is_of_one_broker(&self) -> bool {
        let mut nodes = self.items.iter().filter(|item| item.node.is_some());
        let first = nodes.next().map(|item| (item.node, item.state));
        matches!(first, Some((Some(Node::Broker(_)), State::Done))) && nodes.next().is_none()
    }

    /// The line while work goes on.
    fn line(&self) -> String {
        let text = self.text();
        let waits = self.items.iter().any(|item| item.state == State::Pending);
        if self.doing.is_empty() || waits {
            return text;
        }
        let doing = match self.style.color {
            true => format!("{DIM}{}{RESET}", self.doing),
            false => self.doing.clone(),
        };
        if text.is_empty() { doing } else { format!("{text}   {doing}") }
    }

    fn mark(&self, state: State) -> String {
        let (sign, color) = match (state, self.style.ascii) {
            (State::Pending, true) => ("...", DIM),
            (State::Pending, false) => ("…", DIM),
            (State::Done, true) => ("ok", GREEN),
            (State::Done, false) => ("✓", GREEN),
            (State::Failed, true) => ("FAILED", RED),
            (State::Failed, false) => ("✗", RED),
        };
        if self.style.color { format!("{color}{sign}{RESET}") } else { sign.to_string() }
    }
}

fn seconds(elapsed: Duration) -> String {
    match elapsed.as_secs() {
        0..60 => format!("{:.1}s", elapsed.as_secs_f64()),
        _ => show_duration(elapsed),
    }
}

/// A line for each thing worth one: a log, not a drawing.
struct Lines {
    style: Style,
}

impl Progress for Lines {
    fn event(&self, event: ProgressEvent<'_>) {
        if let Some(line) = line_of(event, self.style.ascii).filter(|_| !is_said_elsewhere(&event))
        {
            tell!("{line}\n");
        }
    }
}

fn line_of(event: ProgressEvent<'_>, ascii: bool) -> Option<String> {
    let sign = |ok: bool| match (ok, ascii) {
        (true, true) => "ok",
        (true, false) => "✓",
        (false, true) => "FAILED",
        (false, false) => "✗",
    };
    match event {
        ProgressEvent::Node { what, ok: true, .. } if what.starts_with("started") => None,
        ProgressEvent::Node { node, what, ok, elapsed } => {
            Some(format!("{node} {} {what} {}", sign(ok), seconds(elapsed)))
        }
        ProgressEvent::Gate { what, elapsed } => {
            Some(format!("{what} {} {}", sign(true), seconds(elapsed)))
        }
        ProgressEvent::Note(text) => Some(escape_controls(text)),
        // What began is of interest while one waits; the error itself is said elsewhere.
        ProgressEvent::Began { .. } | ProgressEvent::Ended { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { color: false, ascii: false, place: true };

    fn node(node: Node, what: &str, ok: bool, ms: u64) -> ProgressEvent<'_> {
        ProgressEvent::Node { node, what, ok, elapsed: Duration::from_millis(ms) }
    }

    #[test]
    fn a_bring_up_is_one_line() {
        let mut board = Board::new(PLAIN);
        board.take(ProgressEvent::Began { step: "launch", action: "start zookeeper" });
        assert_eq!(board.line(), "start zookeeper");
        board.take(node(Node::ZooKeeper, "started, pid 1", true, 1));
        board.take(node(Node::ZooKeeper, "ready", true, 310));
        board.take(node(Node::ZooKeeper, "ready", true, 2));
        for id in [2, 1, 3] {
            board.take(node(Node::Broker(id), "started, pid 2", true, 1));
        }
        board.take(node(Node::Broker(1), "ready", true, 900));
        assert_eq!(board.line(), "zookeeper ✓ 0.3s   broker 1 ✓  2 …  3 …");
        for id in [2, 3] {
            board.take(node(Node::Broker(id), "ready", true, 1000));
        }
        let elapsed = Duration::from_secs(2);
        board.take(ProgressEvent::Gate { what: "registered", elapsed });
        board.take(ProgressEvent::Gate { what: "controller 1", elapsed });
        let text = "zookeeper ✓ 0.3s   broker 1 ✓  2 ✓  3 ✓   registered ✓  controller 1 ✓";
        assert_eq!(board.text(), text);
    }

    #[test]
    fn one_broker_says_how_long_it_took_and_a_failure_what_it_was() {
        let mut board = Board::new(PLAIN);
        board.take(node(Node::Broker(2), "ready", true, 2100));
        assert_eq!(board.text(), "broker 2 ✓ 2.1s");
        let elapsed = Duration::from_secs(2);
        for what in ["registered", "controller 1", "in sync 10/10"] {
            board.take(ProgressEvent::Gate { what, elapsed });
        }
        assert_eq!(board.text(), "broker 2 ✓ 2.1s · in sync 10/10 ✓");
        let mut board = Board::new(PLAIN);
        board.take(node(Node::Broker(2), "died", false, 700));
        assert_eq!(board.text(), "broker 2 ✗ died 0.7s");
        let mut ascii = Board::new(Style { ascii: true, ..PLAIN });
        ascii.take(node(Node::Broker(2), "died", false, 700));
        assert_eq!(ascii.text(), "broker 2 FAILED died 0.7s");
    }

    #[test]
    fn a_log_says_what_is_worth_a_line() {
        assert_eq!(line_of(node(Node::Broker(1), "started, pid 3", true, 1), false), None);
        let ready = line_of(node(Node::Broker(1), "ready", true, 900), true);
        assert_eq!(ready.as_deref(), Some("broker 1 ok ready 0.9s"));
        let began = ProgressEvent::Began { step: "launch", action: "start broker 1" };
        assert_eq!(line_of(began, false), None);
    }
}
