//! What follows a start: until the partitions are in sync again, or for as long as it is worth.

use std::time::Duration;

use kafsh_cluster::Engine;
use kafsh_cluster::engine::report::CaughtUp;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::units::show_duration;
use kafsh_model::{Class, Result};

use super::common::counted;
use crate::spec::FlagSpec;

/// Longest that partitions are waited for; they go on catching up without us.
const PATIENCE: Duration = Duration::from_secs(30);

/// Most partitions that a remark names.
const PARTITIONS_SHOWN: usize = 5;

pub const NO_WAIT: FlagSpec =
    FlagSpec::switch("no-wait", "do not wait until the partitions are in sync again");

/// How a remark begins where all is well.
pub const GOOD: &str = "in sync ";

/// Waits, and says how it ended; `None` where there is no partition.
///
/// # Errors
/// `interrupted` alone: the servers run, whatever nobody could tell.
pub async fn remark(engine: &Engine, spec: &ClusterSpec) -> Result<Option<String>> {
    match engine.await_caught_up(spec, PATIENCE).await {
        Ok(seen) => Ok(words(&seen, spec.name.as_str())),
        Err(error) if error.class == Class::Interrupted => Err(error),
        Err(error) => {
            let name = &spec.name;
            Ok(Some(format!(
                "warning: whether partitions are in sync is not known: {error}\n  \
                 try  cluster status {name}"
            )))
        }
    }
}

fn words(seen: &CaughtUp, cluster: &str) -> Option<String> {
    if seen.partitions == 0 {
        return None;
    }
    if !seen.behind.is_empty() {
        let count = counted(seen.behind.len(), "partition");
        let verb = if seen.behind.len() == 1 { "is" } else { "are" };
        let more = seen.behind.len().saturating_sub(PARTITIONS_SHOWN);
        let mut shown = seen.behind[..seen.behind.len() - more].join(", ");
        if more > 0 {
            shown.push_str(&format!(" and {more} more"));
        }
        let after = show_duration(PATIENCE);
        return Some(format!(
            "warning: {count} {verb} not in sync after {after}: {shown}\n  \
             try  cluster status {cluster}"
        ));
    }
    let mut text = format!("{GOOD}{}/{}", seen.in_sync, seen.partitions);
    if seen.without_broker > 0 {
        text.push_str(&format!(
            ", {} lack a replica whose broker does not run",
            seen.without_broker
        ));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_left_and_nothing_of_nothing() {
        assert_eq!(words(&CaughtUp::default(), "demo"), None);
        let all = CaughtUp { partitions: 10, in_sync: 10, ..CaughtUp::default() };
        assert_eq!(words(&all, "demo").unwrap(), "in sync 10/10");
        let some = CaughtUp { in_sync: 6, without_broker: 4, ..all.clone() };
        let told = words(&some, "demo").unwrap();
        assert_eq!(told, "in sync 6/10, 4 lack a replica whose broker does not run");
        let behind = (0..7).map(|n| format!("t/{n}")).collect();
        let late = words(&CaughtUp { in_sync: 3, behind, ..all }, "demo").unwrap();
        let after = show_duration(PATIENCE);
        let begin = format!("warning: 7 partitions are not in sync after {after}: t/0, ");
        assert!(late.starts_with(&begin), "{late}");
        assert!(late.contains("t/4 and 2 more\n") && late.ends_with("cluster status demo"));
    }
}
