//! What belongs to one instance: its bounds on memory and what it has logged.

use std::fmt;
use std::sync::Arc;

use kafsh_model::plugin::Settings;
use wasmtime::ResourceLimiter;

use crate::limits::{
    INSTANCES_MAX, MEMORIES_MAX, MEMORY_BYTES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX,
};
use crate::log::Captured;

/// The data of a store.
#[derive(Default)]
pub(crate) struct GuestState {
    pub(crate) limiter: Limiter,
    pub(crate) log: Captured,
    pub(crate) settings: Arc<Settings>,
    pub(crate) secrets_held: usize,
}

/// Sums what all memories and tables of a store take: the engine's own bounds are per memory.
#[derive(Default)]
pub(crate) struct Limiter {
    memory_bytes: usize,
    table_elements: usize,
}

/// A guest asked for more than it may have. Ends it at once.
#[derive(Debug)]
pub(crate) struct LimitReached {
    pub(crate) what: &'static str,
    pub(crate) limit: usize,
    pub(crate) requested: usize,
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
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let by = desired.saturating_sub(current);
        grow(&mut self.memory_bytes, by, MEMORY_BYTES_MAX, "bytes of memory")
            .map_err(wasmtime::Error::new)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
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
        let mut limiter = Limiter::default();
        assert!(limiter.memory_growing(0, MEMORY_BYTES_MAX / 2, None).unwrap());
        assert!(limiter.memory_growing(0, MEMORY_BYTES_MAX / 2, None).unwrap());
        let error = limiter.memory_growing(0, 65_536, None).unwrap_err();
        assert!(error.downcast_ref::<LimitReached>().is_some(), "{error}");
    }
}
