//! A registered plugin of any kind: compiled and linked when first called.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use kafsh_model::error::{Error, Result};
use kafsh_model::plugin::{CapabilityName, ClusterFacts, Manifest, PluginKind, Settings};
use kafsh_pack::Digest;
use wasmtime::component::{Component, Linker};

use crate::caller::{Caller, DESCRIBE, Description, Instance, Kind, Spent};
use crate::capabilities::cluster_read::View;
use crate::capabilities::{asked_for, link};
use crate::engine::Engine;
use crate::fault::{Call, Identity};
use crate::grants::Grants;
use crate::guest::GuestState;
use crate::inspect::{self, Allowed, Refusal};
use crate::limits::Limits;
use crate::shared::Shared;

/// A plugin to be registered.
#[derive(Clone, Debug)]
pub struct PluginSource {
    pub kind: PluginKind,
    /// By which it is called: its own, or another that the user gave it
    pub name: String,
    pub component: Cow<'static, [u8]>,
    /// SHA-256 of `component`; compared when it is compiled
    pub digest: Digest,
    /// As [`manifest_of`] reads it from `component`; compared when it is compiled
    pub manifest: Manifest,
    pub grants: Grants,
}

/// What a component says of itself, read without looking further into it.
///
/// # Errors
/// `plugin-no-manifest`, `plugin-bad-manifest`, and what [`crate::PluginHost::add`] refuses.
pub fn manifest_of(component: &[u8]) -> Result<Manifest> {
    inspect::peek(component).map_err(|refusal| refusal.error())
}

/// What a call gave, and what it has cost.
#[derive(Clone, Debug)]
pub struct Measured<T> {
    pub value: T,
    /// Wall time of the function itself, without making the instance
    pub elapsed: std::time::Duration,
    /// Where it is counted: [`crate::HostOptions::fuel`]
    pub fuel: Option<u64>,
    /// Linear memory that its instance had in the end
    pub memory_bytes: usize,
}

pub(crate) struct Plugin<K: Kind> {
    shared: Arc<Shared>,
    pub(crate) identity: Arc<Identity>,
    component: Cow<'static, [u8]>,
    pub(crate) manifest: Manifest,
    grants: Grants,
    limits: Limits,
    scope: Arc<[String]>,
    linked: Mutex<Option<K::Pre>>,
    counters: Mutex<BTreeMap<String, u64>>,
}

impl<K: Kind> Plugin<K> {
    /// Looks at the first bytes only: the rest is checked when it is compiled.
    pub(crate) fn new(shared: Arc<Shared>, source: PluginSource) -> Result<Self> {
        let PluginSource { kind, name, component, digest, manifest, grants } = source;
        let version = Some(manifest.version.clone());
        let known = shared.options.known;
        let identity = Identity { kind, name, version, digest, known };
        inspect::check_outside(&component).map_err(|refusal| identity.refused(&refusal))?;
        if manifest.kind != kind {
            let why = format!("its manifest is of the {} `{}`", manifest.kind, manifest.name);
            return Err(identity.refused(&Refusal::BadManifest(why)));
        }
        Ok(Plugin {
            shared,
            identity: Arc::new(identity),
            component,
            limits: Limits::of(kind, &manifest.limits),
            scope: grants.scope(CapabilityName::ClusterRead).into(),
            manifest,
            grants,
            linked: Mutex::new(None),
            counters: Mutex::default(),
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn grants(&self) -> &Grants {
        &self.grants
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// What its calls have counted so far.
    pub(crate) fn counters(&self) -> BTreeMap<String, u64> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The data of a new store.
    pub(crate) fn state(
        &self,
        settings: &Arc<Settings>,
        facts: Option<&Arc<ClusterFacts>>,
    ) -> GuestState {
        let mut state = GuestState::new(self.limits.memory_bytes, Arc::clone(settings));
        if let Some(facts) = facts {
            state.cluster = View { facts: Arc::clone(facts), scope: Arc::clone(&self.scope) };
        }
        state.dice = self.shared.options.deterministic.then(Default::default);
        state
    }

    /// Calls one function of a new instance, which is gone afterwards, however it went.
    pub(crate) fn once<T: Send + 'static>(
        &self,
        state: GuestState,
        call: Call,
        ask: impl FnOnce(&K::Guest, &mut wasmtime::Store<GuestState>) -> wasmtime::Result<T>
        + Send
        + 'static,
    ) -> Result<Measured<T>> {
        let (caller, pre) = self.ready()?;
        let (value, spent, memory_bytes, counted) = self.shared.runner.run(move || {
            let mut instance: Instance<K> = caller.instance(&pre, state)?;
            let value = instance.call(call, ask)?;
            let data = instance.data_mut();
            data.counters.commit();
            let counted = data.counters.totals();
            let memory_bytes = data.limiter.memory_bytes;
            Ok::<_, Error>((value, instance.spent, memory_bytes, counted))
        })??;
        self.count(counted);
        let Spent { elapsed, fuel } = spent;
        Ok(Measured { value, elapsed, fuel, memory_bytes })
    }

    fn count(&self, counted: BTreeMap<String, u64>) {
        if counted.is_empty() {
            return;
        }
        let mut totals = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, by) in counted {
            let total = totals.entry(name).or_default();
            *total = total.saturating_add(by);
        }
    }

    /// Compiled and linked, now at the latest.
    pub(crate) fn ready(&self) -> Result<(Caller, K::Pre)> {
        let engine = self.shared.engine(self.limits.stack_bytes)?;
        let caller = Caller {
            engine,
            identity: Arc::clone(&self.identity),
            limits: self.limits,
            sink: Arc::clone(&self.shared.options.log),
        };
        let mut linked = self.linked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pre) = &*linked {
            return Ok((caller, pre.clone()));
        }
        let pre = self.load(&caller)?;
        *linked = Some(pre.clone());
        Ok((caller, pre))
    }

    /// From the cache, else by compiling it; one that was compiled is asked who it is.
    fn load(&self, caller: &Caller) -> Result<K::Pre> {
        let engine = &caller.engine;
        let file = format!("{}-{}.code", self.identity.digest, engine.fingerprint);
        let cached = self.shared.cache().and_then(|cache| cache.get(&file));
        // SAFETY: the MAC shows that this host wrote the bytes, which `compile` had made.
        let loaded = cached.and_then(|code| unsafe { engine.load(&code) }.ok());
        if let Some(component) = loaded {
            return self.link(engine, &component);
        }
        let code = self.compile(engine)?;
        // SAFETY: `compile` made the bytes just now.
        let component = unsafe { engine.load(&code) }.map_err(|e| self.identity.bug(&e))?;
        let pre = self.link(engine, &component)?;
        self.check_description(caller, &pre)?;
        self.shared.keep(&file, &code);
        Ok(pre)
    }

    fn compile(&self, engine: &Engine) -> Result<Vec<u8>> {
        let identity = &self.identity;
        if Digest::of(&self.component) != identity.digest {
            return Err(Error::refused("plugin-digest-changed", format!("{identity} is altered"))
                .with_cause("its bytes have another digest than they had"));
        }
        let checked = inspect::check_inside(&self.component, self.allowed()).and_then(|()| {
            match inspect::peek(&self.component)? == self.manifest {
                true => Ok(()),
                false => Err(Refusal::BadManifest("it has another manifest than it had".into())),
            }
        });
        checked.map_err(|refusal| identity.refused(&refusal))?;
        engine.compile(&self.component).map_err(|e| identity.not_compiled(e))
    }

    fn allowed(&self) -> Allowed<'_> {
        let (manifest, grants) = (&self.manifest, &self.grants);
        Allowed { kind: K::KIND, world: &K::WORLD, manifest, grants }
    }

    /// Gives `component` what it was granted, and nothing else.
    fn link(&self, engine: &Engine, component: &Component) -> Result<K::Pre> {
        let identity = &self.identity;
        // Compiled code in the cache outlives grants.
        let types = component.component_type();
        let imports: Vec<&str> = types.imports(&engine.wasmtime).map(|(name, _)| name).collect();
        let allowed = self.allowed().check(imports.iter().copied());
        allowed.map_err(|refusal| identity.refused(&refusal))?;
        let linked = || {
            let mut linker = Linker::new(&engine.wasmtime);
            K::link_types(&mut linker)?;
            for capability in CapabilityName::ALL {
                // Only what is imported: each interface costs time.
                let imported = imports.iter().any(|name| asked_for(name) == Some(capability));
                if imported && self.grants.has(capability) {
                    link(&mut linker, capability)?;
                }
            }
            K::pre(linker.instantiate_pre(component)?)
        };
        linked().map_err(|e: wasmtime::Error| identity.not_linked(K::WORLD.export, &e))
    }

    /// What it says of itself must agree with its manifest.
    fn check_description(&self, caller: &Caller, pre: &K::Pre) -> Result<()> {
        let (caller, pre) = (caller.clone(), pre.clone());
        let state = self.state(&Arc::default(), None);
        let said: Description = self.shared.runner.run(move || {
            caller
                .instance::<K>(&pre, state)?
                .call(DESCRIBE, |guest, store| K::describe(guest, store))
        })??;
        crate::answer::check_description(&self.manifest, &said)
            .map_err(|why| self.identity.bad_output(DESCRIBE, why))
    }
}
