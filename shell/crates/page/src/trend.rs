//! Where the lag of a group goes: what the page saw before against what it sees now. Kafka keeps no
//! such history, so it is known only while somebody looks.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Looks of one group that are compared, in ms: older ones say nothing about now.
const AGE_MS_MAX: i64 = 60_000;

/// Between two looks that are compared, in ms: less is noise.
const APART_MS_MIN: i64 = 1_500;

/// Looks that are kept of one group.
const LOOKS_MAX: usize = 16;

/// Groups that are watched.
const GROUPS_MAX: usize = 1_024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trend {
    Steady,
    Growing(Rate),
    Draining(Rate),
}

/// Whole records in a second, or in a minute where that is less than one a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    Second(i64),
    Minute(i64),
}

impl Rate {
    fn of(by: i64, ms: i64) -> Rate {
        match by * 1_000 / ms {
            0 => Rate::Minute((by * 60_000 / ms).max(1)),
            records => Rate::Second(records),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rate::Second(records) => write!(f, "{records}/s"),
            Rate::Minute(records) => write!(f, "{records}/min"),
        }
    }
}

/// Lags by group, with the time of each look in ms.
#[derive(Default)]
pub struct Trends {
    seen: Mutex<HashMap<String, Vec<(i64, i64)>>>,
}

impl Trends {
    pub fn note(&self, group: &str, lag: i64, at_ms: i64) {
        let mut seen = self.seen();
        if seen.len() >= GROUPS_MAX && !seen.contains_key(group) {
            let last = |looks: &[(i64, i64)]| looks.last().map_or(i64::MIN, |(at, _)| *at);
            let oldest = seen.iter().min_by_key(|(_, looks)| last(looks)).map(|(of, _)| of.clone());
            oldest.map(|of| seen.remove(&of));
        }
        let looks = seen.entry(group.to_string()).or_default();
        looks.retain(|(at, _)| at_ms - at <= AGE_MS_MAX);
        if looks.last().is_none_or(|(at, _)| at_ms - at >= APART_MS_MIN) {
            looks.push((at_ms, lag));
        }
        if looks.len() > LOOKS_MAX {
            looks.remove(0);
        }
    }

    /// `None` until it was seen twice.
    pub fn of(&self, group: &str) -> Option<Trend> {
        let seen = self.seen();
        let looks = seen.get(group)?;
        let ((from, before), (to, now)) = (looks.first()?, looks.last()?);
        let (ms, by) = (to - from, now - before);
        if ms < APART_MS_MIN {
            return None;
        }
        let rate = Rate::of(by.abs(), ms);
        // A group that keeps up lacks a few records at one look and none at the next: only where
        // all that was seen later is beyond all that was seen before does it go anywhere.
        let (earlier, later) = looks.split_at(looks.len() / 2);
        let lags = |looks: &[(i64, i64)]| looks.iter().map(|(_, lag)| *lag).collect::<Vec<_>>();
        let (earlier, later) = (lags(earlier), lags(later));
        Some(match () {
            () if later.iter().min() > earlier.iter().max() => Trend::Growing(rate),
            () if later.iter().max() < earlier.iter().min() => Trend::Draining(rate),
            () => Trend::Steady,
        })
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<String, Vec<(i64, i64)>>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_were_not_looked_at_for_longest_are_forgotten_first() {
        let trends = Trends::default();
        trends.note("before", 1, 1_000);
        for at in [10_000, 12_000] {
            for group in 0..GROUPS_MAX {
                trends.note(&format!("g{group}"), at, at);
            }
        }
        assert_eq!(trends.of("before"), None);
        assert_eq!(trends.of("g0"), Some(Trend::Growing(Rate::Second(1_000))));
        assert_eq!(trends.seen().len(), GROUPS_MAX);
    }

    #[test]
    fn a_group_that_keeps_up_goes_nowhere() {
        let trends = Trends::default();
        for (look, lag) in [0, 1, 0, 2, 0, 1].into_iter().enumerate() {
            trends.note("g", lag, look as i64 * 2_000);
        }
        assert_eq!(trends.of("g"), Some(Trend::Steady));
    }

    #[test]
    fn one_record_in_many_seconds_is_not_one_a_second() {
        let trends = Trends::default();
        trends.note("g", 7, 0);
        trends.note("g", 8, 20_000);
        assert_eq!(trends.of("g"), Some(Trend::Growing(Rate::Minute(3))));
        assert_eq!(Rate::Minute(3).to_string(), "3/min");
    }

    #[test]
    fn two_looks_tell_where_it_goes() {
        let trends = Trends::default();
        trends.note("g", 100, 10_000);
        assert_eq!(trends.of("g"), None, "one look is no trend");
        trends.note("g", 140, 12_000);
        assert_eq!(trends.of("g"), Some(Trend::Growing(Rate::Second(20))));
        trends.note("g", 40, 14_000);
        assert_eq!(trends.of("g"), Some(Trend::Steady), "up and down is no way to go");
        trends.note("g", 20, 16_000);
        assert_eq!(trends.of("g"), Some(Trend::Draining(Rate::Second(13))));
        trends.note("g", 0, 10_000 + 2 * AGE_MS_MAX);
        assert_eq!(trends.of("g"), None, "what was is long gone");
        assert_eq!(trends.of("other"), None);
    }
}
