//! `cluster logs [CLUSTER]`: the ends of the logs of all nodes, merged by time.

use std::time::Duration;

use kafsh_cluster::{Cancel, Engine, logscan};
use kafsh_model::plan::{Finding, Node, Severity};
use kafsh_model::port::BoxFuture;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Error, Result};

use super::common::{self, CLUSTER_ARG};
use crate::call::Call;
use crate::flow::{Flow, Lines, Output, Source};
use crate::spec::{CommandSpec, Example, FlagSpec, Kind};

/// Lines of each node where no number is given.
const LINES_DEFAULT: i64 = 50;

/// Most lines of one node that are looked at.
const LINES_MAX: i64 = 100_000;

/// Lines of each node in which errors are looked for.
const SCAN_LINES: usize = 5_000;

/// Pause between two looks of `--follow`.
const FOLLOW_POLL: Duration = Duration::from_millis(300);

/// Lines of one node looked at in one such look.
const FOLLOW_LINES: usize = 2_000;

/// Lines that must be the same where a look goes on from the one before.
const OVERLAP_LINES: usize = 20;

pub const LINES: FlagSpec =
    FlagSpec::value("lines", "N", Kind::Int(1, LINES_MAX), "lines of each node (default 50)")
        .short('n');
pub const ERRORS: FlagSpec =
    FlagSpec::switch("errors", "only lines that say what went wrong, and what they mean");
pub const ALL: FlagSpec =
    FlagSpec::switch("all", "with --errors: those too that are known to pass by themselves");
pub const FOLLOW: FlagSpec = FlagSpec::switch("follow", "go on as lines are written").short('f');

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "logs"],
    summary: "show the ends of the servers' logs, merged by time",
    detail: "Lines since the last start of each node, each behind its node's name. --errors keeps \
             errors and says what causes those that are known; what brokers write while another \
             one is away, and what passes by itself, is left out unless --all is given.",
    args: &[CLUSTER_ARG],
    flags: &[
        FlagSpec::value("broker", "ID", Kind::Broker, "only this broker").repeated(),
        FlagSpec::switch("zookeeper", "only ZooKeeper, or it too"),
        LINES,
        ERRORS,
        ALL,
        FOLLOW,
    ],
    examples: &[
        Example { line: "cluster logs demo --lines 20", about: "the last 20 of each node" },
        Example { line: "cluster logs demo --errors", about: "what went wrong" },
        Example { line: "cluster logs demo --broker 2", about: "one broker" },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let mut nodes = Vec::new();
    if call.args.switch("zookeeper") {
        nodes.push(Node::ZooKeeper);
    }
    for id in call.args.texts("broker") {
        nodes.extend(id.parse().map(Node::Broker));
    }
    shown(&call, nodes).await
}

/// The logs of these nodes, or of all of them where none is named.
///
/// # Errors
/// `broker-not-found`; where a log cannot be read.
pub async fn shown(call: &Call, nodes: Vec<Node>) -> Result<Output> {
    let spec = common::managed(call)?;
    let nodes = if nodes.is_empty() { spec.nodes() } else { nodes };
    super::common::check_nodes(&spec, &nodes)?;
    let engine = common::engine(call)?;
    if call.args.switch("errors") {
        return errors(&engine, &spec, &nodes, call.args.switch("all")).await;
    }
    let lines = call.args.opt_int("lines")?.unwrap_or(LINES_DEFAULT);
    let lines = usize::try_from(lines).unwrap_or(usize::MAX);
    let named = nodes.len() > 1;
    let mut tails = Vec::new();
    for node in &nodes {
        tails.push((*node, engine.runtime.log_tail(&spec, *node, lines).await?));
    }
    if call.args.switch("follow") {
        let first = merged(&tails, named);
        let cancel = call.cancel.clone();
        let follow = Follow { engine, spec, named, cancel, tails, first: Some(first) };
        return Ok(Output::of(Flow::Lines(Box::new(follow))));
    }
    let merged = merged(&tails, named);
    if merged.is_empty() {
        return Ok(Output::nothing().note("no lines since the last start"));
    }
    Ok(Output::of(Flow::lines(merged)))
}

async fn errors(engine: &Engine, spec: &ClusterSpec, nodes: &[Node], all: bool) -> Result<Output> {
    let mut found = Vec::new();
    let mut causes: Vec<String> = Vec::new();
    for node in nodes {
        let tail = engine.runtime.log_tail(spec, *node, SCAN_LINES).await?;
        let lines = match all {
            true => logscan::all_error_lines(&tail),
            false => logscan::error_lines(&tail),
        };
        found.push((*node, lines.into_iter().map(String::from).collect()));
        // What is only worth knowing, a log recovery for one, is no error.
        let mut told = logscan::diagnose(*node, &tail);
        told.retain(|finding| all || finding.severity > Severity::Note);
        causes.extend(told.iter().map(explained));
    }
    let mut lines = merged(&found, nodes.len() > 1);
    lines.extend(causes.into_iter().map(String::into_bytes));
    if lines.is_empty() {
        return Ok(Output::nothing().note("no errors since the last start"));
    }
    Ok(Output::of(Flow::lines(lines)))
}

fn explained(finding: &Finding) -> String {
    let mut text = match finding.message.contains(&finding.subject) {
        true => finding.message.clone(),
        false => format!("{}: {}", finding.subject, finding.message),
    };
    if let Some(cause) = &finding.cause {
        text.push_str(&format!(", because {cause}"));
    }
    if let Some(next) = finding.next.first() {
        text.push_str(&format!(" (try `{next}`)"));
    }
    text
}

/// Lines of several nodes in the order of their times; a line without one (of a stack trace)
/// stays behind the one before it.
fn merged(tails: &[(Node, Vec<String>)], named: bool) -> Lines {
    let mut all: Vec<(&str, Vec<u8>)> = Vec::new();
    for (node, lines) in tails {
        let mut time = "";
        for line in lines {
            time = time_of(line).unwrap_or(time);
            let shown = if named { format!("{node}  {line}") } else { line.clone() };
            all.push((time, shown.into_bytes()));
        }
    }
    all.sort_by_key(|(time, _)| *time);
    all.into_iter().map(|(_, line)| line).collect()
}

/// `[2026-01-31 12:00:00,123]` of log4j, which sorts as text.
fn time_of(line: &str) -> Option<&str> {
    let inside = line.strip_prefix('[')?.split(']').next()?;
    (inside.len() == 23 && inside.starts_with(|c: char| c.is_ascii_digit())).then_some(inside)
}

struct Follow {
    engine: Engine,
    spec: ClusterSpec,
    named: bool,
    cancel: Cancel,
    /// What was seen of each node last
    tails: Vec<(Node, Vec<String>)>,
    first: Option<Lines>,
}

impl Source<Lines> for Follow {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Lines>>> {
        Box::pin(async {
            if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
                return Ok(Some(first));
            }
            loop {
                tokio::select! {
                    () = self.cancel.cancelled() => return Err(Error::interrupted()),
                    () = tokio::time::sleep(FOLLOW_POLL) => {}
                }
                let mut new = Vec::new();
                for (node, seen) in &mut self.tails {
                    let runtime = &self.engine.runtime;
                    let tail = runtime.log_tail(&self.spec, *node, FOLLOW_LINES).await?;
                    new.push((*node, after(seen, &tail).to_vec()));
                    if !tail.is_empty() {
                        *seen = tail;
                    }
                }
                let lines = merged(&new, self.named);
                if !lines.is_empty() {
                    return Ok(Some(lines));
                }
            }
        })
    }
}

/// What stands in `tail` behind the end of what was seen: a log has no positions here, and it may
/// have been rotated in between.
fn after<'t>(seen: &[String], tail: &'t [String]) -> &'t [String] {
    let end = &seen[seen.len().saturating_sub(OVERLAP_LINES)..];
    if end.is_empty() {
        return tail;
    }
    let at = (0..tail.len().saturating_sub(end.len() - 1))
        .rev()
        .find(|start| tail[*start..*start + end.len()] == *end);
    at.map_or(tail, |start| &tail[start + end.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| text.to_string()).collect()
    }

    #[test]
    fn merges_by_time_and_keeps_stack_traces_together() {
        let one =
            lines(&["[2026-01-31 12:00:00,100] ERROR x", "\tat a", "[2026-01-31 12:00:00,300] b"]);
        let two = lines(&["[2026-01-31 12:00:00,200] c"]);
        let tails = [(Node::Broker(1), one), (Node::ZooKeeper, two)];
        let shown: Vec<String> =
            merged(&tails, true).into_iter().map(|l| String::from_utf8(l).unwrap()).collect();
        assert_eq!(shown[1], "broker 1  \tat a");
        assert_eq!(shown[2], "zookeeper  [2026-01-31 12:00:00,200] c");
    }

    #[test]
    fn follows_from_where_it_was() {
        let seen = lines(&["a", "b"]);
        assert_eq!(after(&seen, &lines(&["a", "b", "c"])), ["c"]);
        assert_eq!(after(&seen, &lines(&["a", "b"])), [""; 0]);
        assert_eq!(after(&seen, &lines(&["x"])), ["x"], "rotated");
        assert_eq!(after(&[], &lines(&["x", "y"])), ["x", "y"]);
        assert_eq!(after(&lines(&["a", "a"]), &lines(&["a", "a", "a"])), [""; 0]);
    }
}
