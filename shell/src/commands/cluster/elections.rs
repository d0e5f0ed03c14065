//! Changes of the controller, read from the brokers' own logs: ZooKeeper knows only the last one.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use kafsh_cluster::Engine;
use kafsh_model::BrokerId;
use kafsh_model::plan::Node;
use kafsh_model::spec::ClusterSpec;
use serde_json::{Value, json};

use super::common::millis;

/// How far back changes are told.
const LOOK_BACK: Duration = Duration::from_secs(3600);

/// Most of one broker's log that is searched, bytes from its end.
const LOG_BYTES_MAX: u64 = 4 << 20;

/// Longest that logs are searched.
const SEARCH_DEADLINE: Duration = Duration::from_secs(2);

/// Most changes told, the last ones: a controller that flaps has as many as it likes.
const CHANGES_MAX: usize = 100;

/// What a broker writes that has become the controller (`KafkaController.elect`).
const ELECTED: &str = " successfully elected as the controller. Epoch incremented to ";

#[derive(Debug, PartialEq, Eq)]
struct Election {
    /// ms since 1970-01-01 UTC
    time_ms: i64,
    broker: BrokerId,
    epoch: i64,
}

/// Elections of the last hour, oldest first; `null` where no broker has a log.
pub(super) async fn changes(
    engine: &Engine,
    spec: &ClusterSpec,
    zone: &TimeZone,
    now_ms: i64,
) -> Value {
    let search = async {
        let mut lines: Option<Vec<String>> = None;
        for broker in &spec.brokers {
            let node = Node::Broker(broker.id);
            let found = engine.runtime.log_lines_with(spec, node, ELECTED, LOG_BYTES_MAX).await;
            // A log that cannot be read is as one that is not there.
            if let Ok(Some(found)) = found {
                lines.get_or_insert_default().extend(found);
            }
        }
        lines
    };
    let Ok(Some(lines)) = tokio::time::timeout(SEARCH_DEADLINE, search).await else {
        return Value::Null;
    };
    let since = now_ms - i64::try_from(millis(LOOK_BACK)).unwrap_or(i64::MAX);
    let elections = lines.iter().filter_map(|line| election(line, zone));
    let mut recent: Vec<Election> = elections.filter(|one| one.time_ms >= since).collect();
    recent.sort_by_key(|one| (one.epoch, one.time_ms));
    let left_out = recent.len().saturating_sub(CHANGES_MAX);
    let shown = recent[left_out..].iter();
    shown.map(|e| json!({ "broker": e.broker, "epoch": e.epoch, "time_ms": e.time_ms })).collect()
}

/// `[2026-01-31 12:00:00,123] INFO [Controller id=1] 1 successfully elected as the controller.
/// Epoch incremented to 7 and …`, in the time of the broker's zone.
fn election(line: &str, zone: &TimeZone) -> Option<Election> {
    let (before, after) = line.split_once(ELECTED)?;
    let broker = before.rsplit(' ').next()?.parse().ok()?;
    let epoch = after.split(' ').next()?.parse().ok()?;
    let stamp = before.strip_prefix('[')?.split(']').next()?;
    let local: DateTime = stamp.replace(',', ".").parse().ok()?;
    let time_ms = local.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond();
    Some(Election { time_ms, broker, epoch })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As broker 12 of Kafka 3.9.2 wrote it.
    const LINE: &str = "[2026-11-22 20:37:14,907] INFO [Controller id=12] 12 successfully elected \
                        as the controller. Epoch incremented to 31 and epoch zk version is now 31 \
                        (kafka.controller.KafkaController)";

    #[test]
    fn a_line_of_an_election_is_understood() {
        let utc = election(LINE, &TimeZone::UTC).expect("an election");
        assert_eq!(utc, Election { time_ms: 1_795_379_834_907, broker: 12, epoch: 31 });
        let seoul = TimeZone::fixed(jiff::tz::offset(9));
        let there = election(LINE, &seoul).expect("an election");
        assert_eq!(utc.time_ms - there.time_ms, 9 * 3_600_000, "logs have the zone's own time");
    }

    #[test]
    fn other_lines_and_broken_ones_are_none() {
        let cut = &LINE[10..];
        let odd = LINE.replace("12 successfully", "x successfully");
        for line in ["", "[2026-11-22 20:37:14,907] INFO started", cut, &odd, ELECTED] {
            assert_eq!(election(line, &TimeZone::UTC), None, "{line}");
        }
    }
}
