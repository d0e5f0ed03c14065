//! Whether a broker is in the middle of loading or recovering its logs, by what it wrote last.

/// What it writes while it does; all of Kafka 2.8 to 3.9, in one version or another.
const UNDER_WAY: [&str; 5] = [
    "Loading logs from log dirs",
    "since no clean shutdown file was found",
    "Completed load of Log(",
    "[LogLoader partition=",
    "Loading producer state till offset",
];

/// What it writes only after. A new partition is loaded, too, and then created: no recovery.
const OVER: [&str; 3] = ["INFO Loaded ", "Created log for partition ", "] started (kafka.server."];

/// How far a recovery has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The last line that tells of it: while it changes, there is progress
    pub line: String,
    /// Logs loaded, and logs in all, of the folder told of last; `None`: not told yet
    pub done: Option<(u64, u64)>,
}

/// The recovery that a broker is in by the last lines of its log; `None`: in none.
pub fn recovery(lines: &[String]) -> Option<Recovery> {
    let any = |line: &str, texts: &[&str]| texts.iter().any(|text| line.contains(text));
    let last = lines.iter().rposition(|line| any(line, &UNDER_WAY))?;
    if lines[last..].iter().any(|line| any(line, &OVER)) {
        return None;
    }
    let done = lines[..=last].iter().rev().find_map(|line| completed(line));
    Some(Recovery { line: lines[last].clone(), done })
}

/// `… in 23ms (2/13 completed in /data) …`
fn completed(line: &str) -> Option<(u64, u64)> {
    let (before, _) = line.split_once(" completed in ")?;
    let (done, all) = before.rsplit_once('(')?.1.split_once('/')?;
    Some((done.parse().ok()?, all.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Kafka 3.9.2 wrote after it had been killed.
    const LOG: &str = include_str!("../../tests/logs/recovery.log");

    #[test]
    fn a_recovery_is_seen_from_its_first_line_to_its_last() {
        let lines: Vec<String> = LOG.lines().map(String::from).collect();
        let end = lines.iter().position(|line| line.contains("INFO Loaded 13 logs")).unwrap();
        let mut seen: Vec<Recovery> = Vec::new();
        for count in 1..=end {
            seen.push(recovery(&lines[..count]).expect("it is under way"));
        }
        assert_eq!(seen[1].done, None, "nothing is loaded yet");
        assert_eq!(seen[end - 1].done.map(|(_, all)| all), Some(13));
        assert_ne!(seen[1].line, seen[end - 1].line, "it moves");
        assert_eq!(recovery(&lines[..=end]), None, "it is over");
    }

    #[test]
    fn a_partition_that_is_made_is_no_recovery() {
        let made = [
            "[2026-11-22 20:37:17,963] INFO [LogLoader partition=test-6, dir=/d] Loading producer \
             state till offset 0 with message format version 2 (kafka.log.UnifiedLog$)",
            "[2026-11-22 20:37:17,964] INFO Created log for partition test-6 in /d/test-6 with \
             properties {} (kafka.log.LogManager)",
        ]
        .map(String::from);
        assert!(recovery(&made[..1]).is_some(), "nobody could tell by this line");
        assert_eq!(recovery(&made), None);
        assert_eq!(recovery(&[]), None);
    }
}
