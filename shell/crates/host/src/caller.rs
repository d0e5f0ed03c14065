//! Calling a guest: its instance, its deadline, what it logged, and what became of it.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafsh_model::error::Result;
use kafsh_model::plugin::PluginKind;
use wasmtime::Store;
use wasmtime::component::{InstancePre, Linker};

use crate::engine::Engine;
use crate::fault::{Call, Identity};
use crate::guest::GuestState;
use crate::inspect::World;
use crate::limits::{DESCRIBE_TIME_MAX, Limits};
use crate::log::{LogLevel, LogLine, LogSink};
use crate::ticker::ticks;

/// A kind of plugin, as the engine sees it.
pub(crate) trait Kind: Send + Sync + 'static {
    const KIND: PluginKind;
    const WORLD: World;
    /// A component with what it imports: each instance is made of it
    type Pre: Clone + Send + Sync + 'static;
    /// Its functions
    type Guest: Send + Sync + 'static;

    /// Links the types that its functions speak of.
    fn link_types(linker: &mut Linker<GuestState>) -> wasmtime::Result<()>;
    fn pre(linked: InstancePre<GuestState>) -> wasmtime::Result<Self::Pre>;
    fn instantiate(pre: &Self::Pre, store: &mut Store<GuestState>)
    -> wasmtime::Result<Self::Guest>;
    fn describe(
        guest: &Self::Guest,
        store: &mut Store<GuestState>,
    ) -> wasmtime::Result<Description>;
}

/// What every plugin says of itself when asked.
pub(crate) struct Description {
    pub(crate) name: String,
    pub(crate) version: String,
}

pub(crate) const DESCRIBE: Call = Call { function: "describe", limit: DESCRIBE_TIME_MAX };

/// Where a call happens, and in whose name.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) engine: Arc<Engine>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) limits: Limits,
    pub(crate) sink: LogSink,
}

/// An instance of a plugin with its store. After an error nothing of it may be used again.
pub(crate) struct Instance<K: Kind> {
    caller: Caller,
    store: Store<GuestState>,
    guest: K::Guest,
    /// Of the last call
    pub(crate) spent: Spent,
    kind: PhantomData<K>,
}

/// What a call has cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub(crate) elapsed: Duration,
    /// Where it is counted
    pub(crate) fuel: Option<u64>,
}

impl Caller {
    /// Makes an instance, its start functions included.
    pub(crate) fn instance<K: Kind>(&self, pre: &K::Pre, state: GuestState) -> Result<Instance<K>> {
        let mut store = self.engine.store(state, &self.limits);
        let start = Call { function: "start", limit: self.limits.start };
        let (guest, spent) = self.bounded(&mut store, start, |store| K::instantiate(pre, store))?;
        Ok(Instance { caller: self.clone(), store, guest, spent, kind: PhantomData })
    }

    /// Runs `work` under its deadline; tells what was logged, and what went wrong in its name.
    fn bounded<T>(
        &self,
        store: &mut Store<GuestState>,
        call: Call,
        work: impl FnOnce(&mut Store<GuestState>) -> wasmtime::Result<T>,
    ) -> Result<(T, Spent)> {
        let _ticking = self.engine.ticker.run();
        store.set_epoch_deadline(ticks(call.limit));
        if self.engine.counts_fuel {
            // A meter, not a bound: the deadline is the bound.
            store.set_fuel(u64::MAX).map_err(|e| self.identity.bug(&e))?;
        }
        let began = Instant::now();
        let outcome = work(store);
        let elapsed = began.elapsed();
        let fuel = self.engine.counts_fuel.then(|| u64::MAX - store.get_fuel().unwrap_or(u64::MAX));
        let mut said = std::mem::take(&mut store.data_mut().log);
        let panic = said.panic.take();
        said.hand_over(&self.identity.name, &self.sink);
        match outcome {
            Ok(answer) => Ok((answer, Spent { elapsed, fuel })),
            Err(error) => {
                let error = self.identity.broke(call, &self.limits, &error, panic, elapsed);
                // Kept with its lines: whoever asks what a plugin did wants to know how it ended.
                let text = format!("{}: {error}", error.code);
                let plugin = self.identity.name.clone();
                let code = Some(error.code.to_string());
                (self.sink)(&LogLine { plugin, level: LogLevel::Error, text, code });
                Err(error)
            }
        }
    }
}

impl<K: Kind> Instance<K> {
    /// Calls one of its functions.
    pub(crate) fn call<T>(
        &mut self,
        call: Call,
        ask: impl FnOnce(&K::Guest, &mut Store<GuestState>) -> wasmtime::Result<T>,
    ) -> Result<T> {
        let Instance { caller, store, guest, .. } = self;
        let (answer, spent) = caller.bounded(store, call, |store| ask(guest, store))?;
        self.spent = spent;
        Ok(answer)
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.caller.limits
    }

    pub(crate) fn data(&self) -> &GuestState {
        self.store.data()
    }

    pub(crate) fn data_mut(&mut self) -> &mut GuestState {
        self.store.data_mut()
    }

    /// What the calls from now on may make the host allocate, each.
    pub(crate) fn allow_transfer(&mut self, bytes: usize) {
        self.caller.limits.transfer_bytes = bytes;
        self.store.set_hostcall_fuel(bytes);
    }
}
