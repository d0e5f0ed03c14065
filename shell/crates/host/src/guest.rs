//! What belongs to one instance: its bounds, what it was lent, what it has said.

use std::fmt;
use std::sync::Arc;

use kafsh_model::plugin::Settings;
use wasmtime::ResourceLimiter;

use crate::capabilities::cluster_read::View;
use crate::capabilities::metrics::Counters;
use crate::capabilities::random::Dice;
use crate::capabilities::state::Kept;
use crate::limits::{INSTANCES_MAX, MEMORIES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX};
use crate::log::Captured;

/// The data of a store.
pub(crate) struct GuestState {
    pub(crate) limiter: Limiter,
    pub(crate) log: Captured,
    pub(crate) settings: Arc<Settings>,
    pub(crate) secrets_held: usize,
    pub(crate) cluster: View,
    pub(crate) kept: Kept,
    pub(crate) counters: Counters,
    /// Where runs are to be alike: random bytes come of it, and time stands still
    pub(crate) dice: Option<Dice>,
}

impl GuestState {
    pub(crate) fn new(memory_bytes_max: usize, settings: Arc<Settings>) -> Self {
        GuestState {
            limiter: Limiter { memory_bytes_max, memory_bytes: 0, table_elements: 0 },
            log: Captured::default(),
            settings,
            secrets_held: 0,
            cluster: View::default(),
            kept: Kept::default(),
            counters: Counters::default(),
            dice: None,
        }
    }
}

/// Sums what all memories and tables of a store take: the engine's own bounds are per memory.
pub(crate) struct Limiter {
    memory_bytes_max: usize,
    /// Memory never shrinks, so this is the peak too
    pub(crate) memory_bytes: usize,
    table_elements: usize,
}

/// A guest asked for more than it may have. Ends it at once.
#[derive(Debug)]
pub(crate) struct LimitReached {
    pub(crate) what: &'static str,
    pub(crate) limit: usize,
    pub(crate) requested: usize,
}

/// What a guest asks for when its memory grows.
const MEMORY: &str = "bytes of memory";

impl LimitReached {
    /// Whether it is the one that a manifest can ask for more of.
    pub(crate) fn is_memory(&self) -> bool {
        self.what == MEMORY
    }
}

impl fmt::Display for LimitReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "asked for {} {}, may have {}", self.requested, self.what, self.limit)
    }
}

impl std::error::Error for LimitReached {}

fn grow(
    held: &mut usize,
    by: usize,
    limit: usize,
    what: &'static str,
) -> Result<bool, LimitReached> {
    let requested = held.saturating_add(by);
    if requested > limit {
        return Err(LimitReached { what, limit, requested });
    }
    *held = requested;
    Ok(true)
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Its own no: nothing grows, so nothing is counted.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let by = desired.saturating_sub(current);
        grow(&mut self.memory_bytes, by, self.memory_bytes_max, MEMORY)
            .map_err(wasmtime::Error::new)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Its own no: nothing grows, so nothing is counted.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let by = desired.saturating_sub(current);
        grow(&mut self.table_elements, by, TABLE_ELEMENTS_MAX, "elements of tables")
            .map_err(wasmtime::Error::new)
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_are_summed() {
        let mut limiter = GuestState::new(8 << 20, Arc::default()).limiter;
        assert!(limiter.memory_growing(0, 4 << 20, None).unwrap());
        assert!(limiter.memory_growing(0, 4 << 20, None).unwrap());
        assert!(!limiter.memory_growing(65_536, 131_072, Some(65_536)).unwrap());
        let error = limiter.memory_growing(0, 65_536, None).unwrap_err();
        assert!(error.downcast_ref::<LimitReached>().is_some(), "{error}");
    }
}
