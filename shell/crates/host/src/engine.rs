//! An engine that plugins share: what is switched on, compiling, stores.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::thread;

use kafsh_model::error::{Error, Result};
use wasmtime::component::Component;
use wasmtime::{Config, Store};

use crate::guest::GuestState;
use crate::limits::{BACKTRACE_FRAMES_MAX, COMPILE_TIME_MAX, Limits};
use crate::ticker::Ticker;

/// Version of wasmtime, the engine that plugins run in.
pub const ENGINE_VERSION: &str = "48.0.8";

pub(crate) struct Engine {
    pub(crate) wasmtime: wasmtime::Engine,
    pub(crate) ticker: Ticker,
    /// Compiled code of another engine's fingerprint is of no use here
    pub(crate) fingerprint: String,
    /// Whether it counts the work that guests do
    pub(crate) counts_fuel: bool,
}

/// Why there is no compiled code.
#[derive(Debug)]
pub(crate) enum CompileError {
    TooSlow,
    Refused(wasmtime::Error),
    Host(Error),
}

impl Engine {
    /// Guests of one engine have stacks of the same size.
    pub(crate) fn new(stack_bytes: usize, counts_fuel: bool) -> Result<Self> {
        let wasmtime = wasmtime::Engine::new(&config(stack_bytes, counts_fuel))
            .map_err(|e| Error::bug(format!("the plugin engine does not start: {e:#}")))?;
        let clock = wasmtime.clone();
        let ticker = Ticker::start(move || clock.increment_epoch())?;
        let mut hasher = DefaultHasher::new();
        wasmtime.precompile_compatibility_hash().hash(&mut hasher);
        let fingerprint = format!("{:016x}", hasher.finish());
        Ok(Engine { wasmtime, ticker, fingerprint, counts_fuel })
    }

    /// Native code of `component`, as the cache keeps it.
    ///
    /// The compiler cannot be interrupted: one that takes too long is left behind on its thread.
    pub(crate) fn compile(&self, component: &[u8]) -> Result<Vec<u8>, CompileError> {
        let (done, result) = mpsc::channel();
        let (engine, component) = (self.wasmtime.clone(), component.to_vec());
        thread::Builder::new()
            .name("plugin-compile".into())
            .spawn(move || {
                let _ = done.send(engine.precompile_component(&component));
            })
            .map_err(|e| CompileError::Host(Error::io("cannot start a thread", &e)))?;
        match result.recv_timeout(COMPILE_TIME_MAX) {
            Ok(compiled) => compiled.map_err(CompileError::Refused),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(CompileError::TooSlow),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                Err(CompileError::Host(Error::bug("the compiler of plugins panicked")))
            }
        }
    }

    /// Loads what [`Engine::compile`] made.
    ///
    /// # Safety
    /// `compiled` must be the unaltered result of `compile`: it is run as native code.
    pub(crate) unsafe fn load(&self, compiled: &[u8]) -> wasmtime::Result<Component> {
        // SAFETY: the caller vouches for the bytes.
        unsafe { Component::deserialize(&self.wasmtime, compiled) }
    }

    /// A store for one instance, with every bound in force but the deadline.
    pub(crate) fn store(&self, state: GuestState, limits: &Limits) -> Store<GuestState> {
        let mut store = Store::new(&self.wasmtime, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(limits.transfer_bytes);
        store.epoch_deadline_trap();
        store
    }
}

/// Only what guests of the SDK need: optional features of an engine carry its bugs.
fn config(stack_bytes: usize, counts_fuel: bool) -> Config {
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .epoch_interruption(true)
        .consume_fuel(counts_fuel)
        .max_wasm_stack(stack_bytes)
        .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES_MAX))
        .wasm_component_model(true)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .wasm_tail_call(false)
        .shared_memory(false);
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_that_is_told_is_the_one_that_is_built() {
        let lock = include_str!("../../../../Cargo.lock");
        let built = format!("name = \"wasmtime\"\nversion = \"{ENGINE_VERSION}\"");
        assert!(lock.contains(&built), "Cargo.lock has another wasmtime than {ENGINE_VERSION}");
    }
}
