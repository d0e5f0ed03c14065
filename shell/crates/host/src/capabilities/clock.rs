//! `clock`: wall-clock time, to the millisecond.

use std::time::{SystemTime, UNIX_EPOCH};

use super::host::clock::Host;
use crate::guest::GuestState;

/// When it is, where runs are to be alike: 2026-01-01T00:00:00Z, in ms since 1970-01-01 UTC.
pub(crate) const FROZEN_MS: u64 = 1_767_225_600_000;

impl Host for GuestState {
    fn now(&mut self) -> wasmtime::Result<u64> {
        if self.dice.is_some() {
            return Ok(FROZEN_MS);
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}
