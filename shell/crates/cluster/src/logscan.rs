//! What a server's log says about its failure: known texts to causes and commands.
//!
//! The texts are data, in `data/log-patterns.toml`.

mod recovery;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use kafsh_model::plan::{Finding, Node, Severity};
use serde::Deserialize;

pub use recovery::{Recovery, recovery};

const TABLE: &str = include_str!("../data/log-patterns.toml");

/// Longest captured text and evidence line, in characters.
const SHOWN_CHARS_MAX: usize = 300;

#[derive(Deserialize)]
struct Table {
    pattern: Vec<Pattern>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pattern {
    code: String,
    #[serde(default = "problem")]
    severity: Severity,
    nodes: Nodes,
    #[serde(rename = "match")]
    texts: Vec<String>,
    message: String,
    #[serde(default)]
    cause: Option<String>,
    next: Vec<String>,
    /// Counts only where nothing else matched
    #[serde(default)]
    fallback: bool,
}

fn problem() -> Severity {
    Severity::Problem
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Nodes {
    Any,
    Broker,
    Zookeeper,
}

impl Nodes {
    fn include(self, node: Node) -> bool {
        match self {
            Nodes::Any => true,
            Nodes::Broker => matches!(node, Node::Broker(_)),
            Nodes::Zookeeper => node == Node::ZooKeeper,
        }
    }
}

/// The table as text is checked by a test, so reading it cannot fail in use.
static PATTERNS: LazyLock<Vec<Pattern>> =
    LazyLock::new(|| toml::from_str::<Table>(TABLE).map(|t| t.pattern).unwrap_or_default());

/// What the lines of a node's log tell, each code once, the most telling first. `{cluster}` stands
/// in `next` where a command needs the cluster's name: see [`name_cluster`].
pub fn diagnose(node: Node, lines: &[String]) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for pattern in PATTERNS.iter().filter(|pattern| pattern.nodes.include(node)) {
        let problems = found.iter().any(|finding| finding.severity == Severity::Problem);
        let known = found.iter().any(|finding| finding.code == pattern.code);
        if known || pattern.fallback && problems {
            continue;
        }
        let hit = lines.iter().find_map(|line| {
            pattern.texts.iter().find_map(|text| Some((line, capture(text, line)?)))
        });
        if let Some((line, captured)) = hit {
            found.push(finding(pattern, node, line, captured));
        }
    }
    found
}

/// Puts the cluster's name into the commands.
pub fn name_cluster(findings: &mut [Finding], cluster: &str) {
    for finding in findings {
        for command in &mut finding.next {
            *command = command.replace("{cluster}", cluster);
        }
    }
}

fn finding(
    pattern: &Pattern,
    node: Node,
    line: &str,
    mut names: BTreeMap<String, String>,
) -> Finding {
    names.insert("node".into(), node.to_string());
    if let Node::Broker(id) = node {
        names.insert("broker".into(), id.to_string());
    }
    // A captured text comes from a log: it may stand in a message, but in a command only where it
    // is a plain word.
    let mut plain = names.clone();
    plain.retain(|_, text| text.chars().all(is_plain));
    let commands = pattern.next.iter().map(|command| fill(command, &plain));
    Finding {
        severity: pattern.severity,
        code: pattern.code.clone(),
        subject: node.to_string(),
        message: fill(&pattern.message, &names),
        evidence: vec![shown(line)],
        cause: pattern.cause.as_deref().map(|cause| fill(cause, &names)),
        next: commands.filter(|text| !text.replace("{cluster}", "").contains('{')).collect(),
        safe_to_fix: false,
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn shown(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX).collect()
}

/// What `{name}`s of a pattern stand for in `line`; `None` where its texts are not there in order.
fn capture(pattern: &str, line: &str) -> Option<BTreeMap<String, String>> {
    let mut captured = BTreeMap::new();
    let mut pieces = pattern.split('{');
    let first = pieces.next().unwrap_or_default();
    let mut rest = &line[line.find(first)? + first.len()..];
    for piece in pieces {
        let (name, literal) = piece.split_once('}')?;
        let end = if literal.is_empty() { rest.len() } else { rest.find(literal)? };
        captured.insert(name.to_string(), shown(&rest[..end]));
        rest = &rest[end + literal.len()..];
    }
    Some(captured)
}

fn fill(template: &str, names: &BTreeMap<String, String>) -> String {
    names.iter().fold(template.to_string(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value)
    })
}

/// What brokers write at ERROR while another one is away or restarts, and that passes by itself.
const PASSING: [&str; 1] = ["but cannot become follower since the new leader -1 is unavailable"];

/// As [`all_error_lines`], without those that are known to pass by themselves.
pub fn error_lines(lines: &[String]) -> Vec<&str> {
    let mut found = all_error_lines(lines);
    found.retain(|line| !PASSING.iter().any(|text| line.contains(text)));
    found
}

/// The lines that tell of errors: those at ERROR and FATAL, the exceptions below them without
/// their stacks, and what the JVM itself complains of. Each text once: Kafka repeats them.
pub fn all_error_lines(lines: &[String]) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    let mut below_error = false;
    for line in lines {
        let starts_entry =
            line.starts_with('[') && line.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        let wanted = if starts_entry {
            let level = line.split(']').nth(1).unwrap_or_default().split_whitespace().next();
            below_error = matches!(level, Some("ERROR" | "FATAL"));
            below_error
        } else {
            let of_jvm = ["Error ", "Error:", "Exception in thread", "java.lang.OutOfMemoryError"];
            let in_stack = line.starts_with(char::is_whitespace) || line.is_empty();
            below_error && !in_stack
                || of_jvm.iter().any(|start| line.starts_with(start))
                || line.contains("Terminating due to java.lang.OutOfMemoryError")
        };
        if wanted && !found.contains(&line.as_str()) {
            found.push(line);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(String::from).collect()
    }

    fn codes(node: Node, text: &str) -> Vec<String> {
        diagnose(node, &lines(text)).into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn the_table_is_whole() {
        let table: Table = toml::from_str(TABLE).unwrap();
        assert!(table.pattern.len() > 30);
        for pattern in &table.pattern {
            let first = pattern.texts.iter().all(|text| !text.starts_with('{'));
            assert!(first && !pattern.texts.is_empty(), "{}", pattern.code);
            assert!(pattern.code.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
            assert!((1..=3).contains(&pattern.next.len()), "{}", pattern.code);
            // Names that one text of a pattern lacks must not be needed.
            let texts = [&pattern.message, pattern.cause.as_ref().unwrap_or(&pattern.message)];
            for text in texts {
                for name in text.split('{').skip(1).filter_map(|p| p.split('}').next()) {
                    let given = ["node", "broker"].contains(&name);
                    let marker = format!("{{{name}}}");
                    let all = pattern.texts.iter().all(|text| text.contains(&marker));
                    assert!(given || all, "{}: {name}", pattern.code);
                }
            }
        }
    }

    #[test]
    fn what_passes_by_itself_is_no_error() {
        let log = lines(
            "[2026-11-22 21:00:45,687] ERROR [Broker id=3] Received LeaderAndIsrRequest with \
             correlation id 3 from controller 3 epoch 3 for partition t2-5 (last update controller \
             epoch 3) but cannot become follower since the new leader -1 is unavailable. \
             (state.change.logger)\n\
             [2026-11-22 21:00:46,000] ERROR Disk error while writing (kafka.log.LogManager)",
        );
        assert_eq!(all_error_lines(&log).len(), 2);
        let left = error_lines(&log);
        assert!(left.len() == 1 && left[0].contains("Disk error"), "{left:?}");
    }

    /// Each file is what Kafka 3.9.2 or ZooKeeper 3.8.4 wrote when it was provoked.
    #[test]
    fn real_failures_are_told_apart() {
        let cases = [
            ("broker-port", "port-taken", include_str!("../tests/logs/broker-port.log")),
            ("bad-host", "bad-bind-address", include_str!("../tests/logs/bad-host.log")),
            ("cluster-id", "cluster-id-mismatch", include_str!("../tests/logs/cluster-id.log")),
            ("broker-id", "broker-id-mismatch", include_str!("../tests/logs/broker-id.log")),
            ("kraft", "kraft-data", include_str!("../tests/logs/kraft.log")),
            ("locked", "log-dir-locked", include_str!("../tests/logs/locked.log")),
            ("stale", "stale-registration", include_str!("../tests/logs/stale-ephemeral.log")),
            ("endpoint", "endpoint-registered", include_str!("../tests/logs/endpoint-taken.log")),
            ("value", "bad-config", include_str!("../tests/logs/bad-value.log")),
            ("meta", "bad-listeners", include_str!("../tests/logs/advertised-meta.log")),
            ("protocol", "bad-listeners", include_str!("../tests/logs/bad-protocol.log")),
            ("zk", "zookeeper-unreachable", include_str!("../tests/logs/zk-unreachable.log")),
            ("heap", "heap-exhausted", include_str!("../tests/logs/oom.log")),
            ("huge heap", "memory-exhausted", include_str!("../tests/logs/heap-huge.log")),
            ("tiny heap", "bad-heap", include_str!("../tests/logs/heap-tiny.log")),
        ];
        for (name, code, text) in cases {
            let found = diagnose(Node::Broker(1), &lines(text));
            let problems: Vec<&str> = found
                .iter()
                .filter(|finding| finding.severity == Severity::Problem)
                .map(|finding| finding.code.as_str())
                .collect();
            assert_eq!(problems, [code], "{name}");
            assert!(!error_lines(&lines(text)).is_empty(), "{name}");
        }
        let port = include_str!("../tests/logs/zk-port.log");
        assert_eq!(codes(Node::ZooKeeper, port), ["port-taken"]);
        let snapshot = include_str!("../tests/logs/zk-no-snapshot.log");
        assert_eq!(codes(Node::ZooKeeper, snapshot)[0], "snapshot-missing");
        let config = include_str!("../tests/logs/zk-bad-config.log");
        assert_eq!(codes(Node::ZooKeeper, config), ["bad-config"]);
    }

    #[test]
    fn texts_of_older_versions_match_too() {
        let cases = [
            (
                "kafka.common.InconsistentClusterIdException: The Cluster ID aaa doesn't match \
                 stored clusterId Some(bbb) in meta.properties. The broker is trying to join the \
                 wrong cluster. Configured zookeeper.connect may be wrong.",
                "cluster-id-mismatch",
            ),
            (
                "kafka.common.InconsistentBrokerIdException: Configured broker.id 1 doesn't match \
                 stored broker.id 7 in meta.properties. If you moved your data, make sure",
                "broker-id-mismatch",
            ),
            (
                "ERROR Error while creating ephemeral at /brokers/ids/1, node already exists and \
                 owner '72057654275276801' does not match current session '72057654275276802'",
                "stale-registration",
            ),
            (
                "kafka.common.InconsistentBrokerMetadataException: BrokerMetadata is not \
                 consistent across log.dirs. This could happen if",
                "log-dirs-disagree",
            ),
        ];
        for (line, code) in cases {
            assert_eq!(codes(Node::Broker(1), line), [code], "{line}");
        }
    }

    #[test]
    fn a_finding_names_ids_and_commands() {
        let line = "java.lang.RuntimeException: Invalid cluster.id in: /d/meta.properties. \
                    Expected zzz, but read aaa";
        let mut found = diagnose(Node::Broker(2), &lines(line));
        name_cluster(&mut found, "demo");
        assert_eq!(
            found[0].message,
            "broker 2 holds data of cluster aaa, but ZooKeeper is that of zzz"
        );
        assert_eq!(found[0].next[0], "cluster restore demo");
        assert_eq!(found[0].evidence, [line]);
    }

    #[test]
    fn a_log_cannot_put_words_into_a_command() {
        let line = "requirement failed: Configured end points a:1 in advertised listeners are \
                    already registered by broker 1; !rm -rf x";
        let found = diagnose(Node::Broker(2), &lines(line));
        assert_eq!(found[0].next, ["broker describe 2"]);
    }

    #[test]
    fn the_general_yields_to_the_particular() {
        let fatal = "[2026-11-22 18:07:27,395] ERROR Fatal error during KafkaServer startup. \
                     Prepare to shutdown (kafka.server.KafkaServer)";
        assert_eq!(codes(Node::Broker(1), fatal), ["start-failed"]);
        assert!(codes(Node::Broker(1), "[x] INFO started (kafka.server.KafkaServer)").is_empty());
    }

    #[test]
    fn error_lines_leave_stacks_out() {
        let log = lines(
            "[2026-11-22 18:07:27,390] INFO fine (x)\n\
             [2026-11-22 18:07:27,391] ERROR broken (y)\n\
             java.lang.RuntimeException: why\n\tat a.b(C.java:1)\n\
             Caused by: java.io.IOException: deeper\n\t... 3 more\n\
             [2026-11-22 18:07:27,392] WARN java.io.IOException: harmless (z)\n\
             java.io.IOException: below a warning\n\
             Error occurred during initialization of VM",
        );
        let expected = [log[1].as_str(), &log[2], &log[4], &log[8]];
        assert_eq!(error_lines(&log), expected);
    }
}
