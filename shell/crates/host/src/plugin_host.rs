//! The plugins of a shell: registered by name, compiled when first called, cached.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use kafsh_model::error::{Error, Result};
use kafsh_model::plan::{StepInfo, StepInput, StepPlan, Verification};
use kafsh_model::port::{Step, Steps};
use kafsh_pack::Digest;

use crate::cache::Cache;
use crate::engine::Engine;
use crate::fault::Identity;
use crate::inspect;
use crate::kinds::step::{Caller, Linked, WORLD};
use crate::log::{LogLevel, LogLine, LogSink};

/// Where a host keeps what it compiled, and whom it tells.
#[derive(Clone)]
pub struct HostOptions {
    /// For compiled code; a folder `plugins` of mode 0700 is made in it
    pub cache_dir: PathBuf,
    /// For the key that proves compiled code ours; not inside `cache_dir`
    pub state_dir: PathBuf,
    /// Compile every time, write nothing
    pub no_cache: bool,
    pub log: LogSink,
}

impl HostOptions {
    /// With a cache; lines of plugins go nowhere.
    pub fn new(cache_dir: impl Into<PathBuf>, state_dir: impl Into<PathBuf>) -> Self {
        HostOptions {
            cache_dir: cache_dir.into(),
            state_dir: state_dir.into(),
            no_cache: false,
            log: Arc::new(|_| {}),
        }
    }
}

/// Plugins by name. Cheap to make: the engine starts and plugins are compiled when first needed.
pub struct PluginHost {
    shared: Arc<Shared>,
    steps: RwLock<BTreeMap<String, Arc<StepPlugin>>>,
}

struct Shared {
    options: HostOptions,
    engine: Mutex<Option<Arc<Engine>>>,
    cache: OnceLock<Option<Cache>>,
}

impl PluginHost {
    pub fn new(options: HostOptions) -> Self {
        let shared = Shared { options, engine: Mutex::new(None), cache: OnceLock::new() };
        PluginHost { shared: Arc::new(shared), steps: RwLock::default() }
    }

    /// Registers a step under the name by which it also calls itself; replaces one of that name.
    ///
    /// # Errors
    /// `plugin-too-large`, `plugin-precompiled`, `plugin-not-component`: what the first bytes show.
    /// The rest is checked when the step is first asked for.
    pub fn add_step(&self, name: &str, component: impl Into<Cow<'static, [u8]>>) -> Result<()> {
        let component = component.into();
        let digest = Digest::of(&component);
        self.add(name, component, digest)
    }

    /// Like [`PluginHost::add_step`] for a step that travels inside the binary, whose digest was
    /// taken when it was built: start-up does not hash it again.
    ///
    /// # Errors
    /// As `add_step`; `bug` if `digest` is none.
    pub fn add_bundled_step(
        &self,
        name: &str,
        component: &'static [u8],
        digest: &str,
    ) -> Result<()> {
        let parsed = Digest::parse(digest);
        let parsed = parsed.ok_or_else(|| Error::bug(format!("`{digest}` is no digest")))?;
        self.add(name, Cow::Borrowed(component), parsed)
    }

    fn add(&self, name: &str, component: Cow<'static, [u8]>, digest: Digest) -> Result<()> {
        let identity = Identity { kind: "step", name: name.into(), version: None, digest };
        inspect::check_outside(&component).map_err(|refusal| identity.refused(&refusal))?;
        let plugin = StepPlugin {
            shared: Arc::clone(&self.shared),
            identity,
            component,
            info: OnceLock::new(),
            linked: Mutex::new(None),
        };
        let mut steps = self.steps.write().unwrap_or_else(PoisonError::into_inner);
        steps.insert(name.into(), Arc::new(plugin));
        Ok(())
    }

    fn plugins(&self) -> Vec<Arc<StepPlugin>> {
        let steps = self.steps.read().unwrap_or_else(PoisonError::into_inner);
        steps.values().cloned().collect()
    }
}

impl Steps for PluginHost {
    fn step(&self, name: &str) -> Result<Arc<dyn Step>> {
        let steps = self.steps.read().unwrap_or_else(PoisonError::into_inner);
        let found = steps.get(name).cloned();
        let known: Vec<String> = steps.keys().map(|name| format!("`{name}`")).collect();
        drop(steps);
        let plugin = found.ok_or_else(|| {
            Error::not_found(
                "step-not-found",
                format!("there is no step `{}`", name.escape_debug()),
            )
            .with_evidence(format!("known steps: {}", known.join(", ")))
        })?;
        plugin.known_info()?;
        Ok(plugin)
    }

    fn list(&self) -> Vec<StepInfo> {
        let describe = |plugin: Arc<StepPlugin>| match plugin.known_info() {
            Ok(info) => info.clone(),
            Err(error) => StepInfo {
                name: plugin.identity.name.clone(),
                version: "?".into(),
                summary: format!("cannot be loaded: {error}"),
            },
        };
        self.plugins().into_iter().map(describe).collect()
    }
}

impl Shared {
    fn engine(&self) -> Result<Arc<Engine>> {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = &*engine {
            return Ok(Arc::clone(engine));
        }
        let started = Arc::new(Engine::new()?);
        *engine = Some(Arc::clone(&started));
        Ok(started)
    }

    /// `None` where it is switched off or cannot be used, which is said once.
    fn cache(&self) -> Option<&Cache> {
        let open = || {
            if self.options.no_cache {
                return None;
            }
            let cache = Cache::open(&self.options.cache_dir, &self.options.state_dir);
            cache
                .map_err(|why| self.say("cache", &format!("compiled plugins are not kept: {why}")))
                .ok()
        };
        self.cache.get_or_init(open).as_ref()
    }

    fn keep(&self, name: &str, body: &[u8]) {
        if let Some(Err(error)) = self.cache().map(|cache| cache.put(name, body)) {
            self.say("cache", &format!("`{name}` is not kept: {error}"));
        }
    }

    fn say(&self, plugin: &str, text: &str) {
        let (plugin, text) = (plugin.into(), text.into());
        (self.options.log)(&LogLine { plugin, level: LogLevel::Warn, text });
    }
}

/// A registered step.
struct StepPlugin {
    shared: Arc<Shared>,
    identity: Identity,
    component: Cow<'static, [u8]>,
    info: OnceLock<StepInfo>,
    linked: Mutex<Option<Linked>>,
}

impl StepPlugin {
    /// From memory, else from the cache, else by asking it.
    fn known_info(&self) -> Result<&StepInfo> {
        if let Some(info) = self.info.get() {
            return Ok(info);
        }
        let file = format!("{}.info", self.identity.digest);
        let cached = self.shared.cache().and_then(|cache| cache.get(&file));
        let cached = cached.and_then(|bytes| serde_json::from_slice::<StepInfo>(&bytes).ok());
        // One component may be registered under two names; only one of them is its own.
        let info = match cached.filter(|info| info.name == self.identity.name) {
            Some(info) => info,
            None => {
                let info = self.ask(|caller, linked| caller.describe(linked))?;
                if let Ok(bytes) = serde_json::to_vec(&info) {
                    self.shared.keep(&file, &bytes);
                }
                info
            }
        };
        Ok(self.info.get_or_init(|| info))
    }

    fn ask<T>(&self, ask: impl FnOnce(&Caller<'_>, &Linked) -> Result<T>) -> Result<T> {
        let mut identity = self.identity.clone();
        identity.version = self.info.get().map(|info| info.version.clone());
        let engine = self.shared.engine()?;
        let linked = self.linked(&engine, &identity)?;
        let sink = &self.shared.options.log;
        ask(&Caller { engine: &engine, identity: &identity, sink }, &linked)
    }

    fn linked(&self, engine: &Engine, identity: &Identity) -> Result<Linked> {
        let mut linked = self.linked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(linked) = &*linked {
            return Ok(linked.clone());
        }
        let file = format!("{}-{}.code", identity.digest, engine.fingerprint);
        let cached = self.shared.cache().and_then(|cache| cache.get(&file));
        // SAFETY: the MAC shows that this host wrote the bytes, which `compile` had made.
        let loaded = cached.and_then(|code| unsafe { engine.load(&code) }.ok());
        let component = match loaded {
            Some(component) => component,
            None => {
                let code = self.compile(engine, identity)?;
                self.shared.keep(&file, &code);
                // SAFETY: `compile` made the bytes just now.
                unsafe { engine.load(&code) }.map_err(|e| {
                    Error::bug(format!("{identity}: compiled code is refused: {e:#}"))
                })?
            }
        };
        let made = Linked::new(engine, &component).map_err(|e| identity.not_linked(&e))?;
        *linked = Some(made.clone());
        Ok(made)
    }

    fn compile(&self, engine: &Engine, identity: &Identity) -> Result<Vec<u8>> {
        if Digest::of(&self.component) != identity.digest {
            return Err(Error::bug(format!("{identity} has another digest")));
        }
        inspect::check_inside(&self.component, &WORLD).map_err(|r| identity.refused(&r))?;
        engine.compile(&self.component).map_err(|e| identity.not_compiled(e))
    }
}

impl Step for StepPlugin {
    fn info(&self) -> &StepInfo {
        // `PluginHost::step` hands out no step of which nothing is known.
        self.info.get().expect("a step is handed out after it was described")
    }

    fn plan(&self, input: &StepInput) -> Result<StepPlan> {
        self.ask(|caller, linked| caller.plan(linked, input))
    }

    fn verify(&self, input: &StepInput) -> Result<Verification> {
        self.ask(|caller, linked| caller.verify(linked, input))
    }
}
