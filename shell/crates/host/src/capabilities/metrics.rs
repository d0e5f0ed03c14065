//! `metrics`: counters of what a plugin did.

use std::collections::BTreeMap;

use super::host::metrics::Host;
use crate::guest::GuestState;
use crate::limits::{COUNTER_NAME_BYTES_MAX, COUNTERS_MAX};
use crate::log::LogLevel;

/// Counters of an instance: what calls that succeeded have added, and what this one has.
#[derive(Default)]
pub(crate) struct Counters {
    by_name: BTreeMap<String, Counter>,
    warned: bool,
}

#[derive(Clone, Copy, Default)]
struct Counter {
    total: u64,
    pending: u64,
}

impl Counters {
    fn add(&mut self, name: String, by: u64) -> Result<(), String> {
        if let Some(counter) = self.by_name.get_mut(&name) {
            counter.pending = counter.pending.saturating_add(by);
            return Ok(());
        }
        let is_name = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        if name.is_empty() || name.len() > COUNTER_NAME_BYTES_MAX || !name.bytes().all(is_name) {
            return Err("a counter whose name is not of `[a-z0-9_]{1,64}` is ignored".into());
        }
        if self.by_name.len() == COUNTERS_MAX {
            return Err(format!("counters beyond the first {COUNTERS_MAX} are ignored"));
        }
        self.by_name.insert(name, Counter { total: 0, pending: by });
        Ok(())
    }

    /// The call succeeded: what it counted counts.
    pub(crate) fn commit(&mut self) {
        for counter in self.by_name.values_mut() {
            counter.total = counter.total.saturating_add(counter.pending);
            counter.pending = 0;
        }
    }

    /// The call failed and will be made again, or not at all.
    pub(crate) fn roll_back(&mut self) {
        self.by_name.values_mut().for_each(|counter| counter.pending = 0);
    }

    pub(crate) fn totals(&self) -> BTreeMap<String, u64> {
        let counted = self.by_name.iter().filter(|(_, counter)| counter.total > 0);
        counted.map(|(name, counter)| (name.clone(), counter.total)).collect()
    }
}

impl Host for GuestState {
    fn add(&mut self, counter: String, by: u64) -> wasmtime::Result<()> {
        if let Err(why) = self.counters.add(counter, by)
            && !self.counters.warned
        {
            self.counters.warned = true;
            self.log.write(LogLevel::Warn, &why);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_succeeded_is_counted() {
        let mut counters = Counters::default();
        counters.add("seen".into(), 2).unwrap();
        counters.commit();
        counters.add("seen".into(), 5).unwrap();
        counters.add("failed".into(), 1).unwrap();
        counters.roll_back();
        counters.add("seen".into(), u64::MAX).unwrap();
        counters.commit();
        assert_eq!(counters.totals(), BTreeMap::from([("seen".to_owned(), u64::MAX)]));
    }

    #[test]
    fn names_and_their_number_are_bounded() {
        let mut counters = Counters::default();
        for bad in ["", "A", "a-b", &"a".repeat(65)] {
            assert!(counters.add(bad.into(), 1).is_err(), "{bad}");
        }
        for number in 0..COUNTERS_MAX {
            counters.add(format!("c{number}"), 1).unwrap();
        }
        assert!(counters.add("one_more".into(), 1).is_err());
        counters.add("c0".into(), 1).unwrap();
    }
}
