//! What the plugins of a host share: options, engines, threads, cache.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use kafsh_model::error::Result;

use crate::cache::Cache;
use crate::engine::Engine;
use crate::limits::INSTANCES_WARM_MAX;
use crate::log::{LogLevel, LogLine, LogSink};
use crate::runner::Runner;

/// Where a host keeps what it compiled, whom it tells, and how exactly it repeats itself.
#[derive(Clone)]
pub struct HostOptions {
    /// For compiled code; a folder `plugins` of mode 0700 is made in it
    pub cache_dir: PathBuf,
    /// For the key that proves compiled code ours; not inside `cache_dir`
    pub state_dir: PathBuf,
    /// Compile every time, write nothing
    pub no_cache: bool,
    /// Count the work that plugins do, which slows them down: for tests and figures
    pub fuel: bool,
    /// The same random bytes each time, and a clock that stands still: for tests
    pub deterministic: bool,
    /// Plugins are called here as they are in the shell: errors name commands about them
    pub known: bool,
    pub log: LogSink,
}

impl HostOptions {
    /// With a cache; lines of plugins go nowhere.
    pub fn new(cache_dir: impl Into<PathBuf>, state_dir: impl Into<PathBuf>) -> Self {
        HostOptions {
            cache_dir: cache_dir.into(),
            state_dir: state_dir.into(),
            no_cache: false,
            fuel: false,
            deterministic: false,
            known: true,
            log: Arc::new(|_| {}),
        }
    }
}

pub(crate) struct Shared {
    pub(crate) options: HostOptions,
    pub(crate) runner: Runner,
    /// By the size of their guests' stacks, which is an engine's own
    engines: Mutex<BTreeMap<usize, Arc<Engine>>>,
    cache: OnceLock<Option<Cache>>,
    /// Instances that stay warm
    warm: Arc<AtomicUsize>,
}

/// A place among the instances that stay warm; free again when dropped.
pub(crate) struct WarmPlace(Arc<AtomicUsize>);

impl Drop for WarmPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    pub(crate) fn new(options: HostOptions) -> Self {
        let (engines, cache) = (Mutex::default(), OnceLock::new());
        Shared { options, runner: Runner::default(), engines, cache, warm: Arc::default() }
    }

    /// `None` where all of [`INSTANCES_WARM_MAX`] are taken.
    pub(crate) fn warm_place(&self) -> Option<WarmPlace> {
        let taken = self.warm.fetch_add(1, Ordering::Relaxed);
        // Made at once, so that it is given back in any case.
        let place = WarmPlace(Arc::clone(&self.warm));
        (taken < INSTANCES_WARM_MAX).then_some(place)
    }

    /// Started when first needed.
    pub(crate) fn engine(&self, stack_bytes: usize) -> Result<Arc<Engine>> {
        let mut engines = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = engines.get(&stack_bytes) {
            return Ok(Arc::clone(engine));
        }
        let started = Arc::new(Engine::new(stack_bytes, self.options.fuel)?);
        engines.insert(stack_bytes, Arc::clone(&started));
        Ok(started)
    }

    /// `None` where it is switched off or cannot be used, which is said once.
    pub(crate) fn cache(&self) -> Option<&Cache> {
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

    pub(crate) fn keep(&self, name: &str, body: &[u8]) {
        if let Some(Err(error)) = self.cache().map(|cache| cache.put(name, body)) {
            self.say("cache", &format!("`{name}` is not kept: {error}"));
        }
    }

    fn say(&self, plugin: &str, text: &str) {
        let (plugin, text) = (plugin.into(), text.into());
        (self.options.log)(&LogLine { plugin, level: LogLevel::Warn, text, code: None });
    }
}
