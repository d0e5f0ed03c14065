//! The engine that all plugins share: what is switched on, compiling, running on a thread.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::mpsc;
use std::thread;

use kafsh_model::error::{Error, Result};
use wasmtime::component::Component;
use wasmtime::{Config, Store};

use crate::guest::GuestState;
use crate::limits::{COMPILE_TIME_MAX, STACK_BYTES_MAX, THREAD_STACK_BYTES, TRANSFER_BYTES_MAX};
use crate::ticker::Ticker;

pub(crate) struct Engine {
    pub(crate) wasmtime: wasmtime::Engine,
    pub(crate) ticker: Ticker,
    /// Compiled code of another engine's fingerprint is of no use here
    pub(crate) fingerprint: String,
}

/// Why there is no compiled code.
#[derive(Debug)]
pub(crate) enum CompileError {
    TooSlow,
    Refused(wasmtime::Error),
    Host(Error),
}

impl Engine {
    pub(crate) fn new() -> Result<Self> {
        let wasmtime = wasmtime::Engine::new(&config())
            .map_err(|e| Error::bug(format!("the plugin engine does not start: {e:#}")))?;
        let clock = wasmtime.clone();
        let ticker = Ticker::start(move || clock.increment_epoch())?;
        let mut hasher = DefaultHasher::new();
        wasmtime.precompile_compatibility_hash().hash(&mut hasher);
        let fingerprint = format!("{:016x}", hasher.finish());
        Ok(Engine { wasmtime, ticker, fingerprint })
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

    /// A store for one call, with every bound in force but the deadline.
    pub(crate) fn store(&self) -> Store<GuestState> {
        let mut store = Store::new(&self.wasmtime, GuestState::default());
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(TRANSFER_BYTES_MAX);
        store.epoch_deadline_trap();
        store
    }
}

/// Only what guests of the SDK need: optional features of an engine carry its bugs.
fn config() -> Config {
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES_MAX)
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

/// Runs `work` on a thread with a stack that is large enough for a guest and of known size.
pub(crate) fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    thread::scope(|scope| {
        thread::Builder::new()
            .name("plugin".into())
            .stack_size(THREAD_STACK_BYTES)
            .spawn_scoped(scope, work)
            .map_err(|e| Error::io("cannot start a thread for a plugin", &e))?
            .join()
            .map_err(|_| Error::bug("the host of plugins panicked"))
    })
}
