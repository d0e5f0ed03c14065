//! A plugin on the bench: from a crate, a file or a name to a host that has it alone, with all that
//! its manifest asks for.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use kafsh_host::limits::COMPONENT_BYTES_MAX;
use kafsh_host::{Digest, Grants, HostOptions, LogLevel, PluginHost, PluginSource, manifest_of};
use kafsh_model::plugin::{Manifest, Settings};
use kafsh_model::{Error, Result};
use serde_json::Value;

use super::project::{Project, rebuilds};
use crate::args::Args;
use crate::call::Call;
use crate::spec::{ArgSpec, Arity, FlagSpec, Kind};

/// Lines of a plugin that are kept for its author.
const LOG_LINES_MAX: usize = 100;

/// What the commands of authors work on.
pub const PLUGIN_ARG: ArgSpec = ArgSpec {
    name: "plugin",
    kind: Kind::Text,
    arity: Arity::One,
    help: "a plugin's folder (it is built first), a component's file, or the name of a plugin",
};

pub const SET: FlagSpec =
    FlagSpec::value("set", "NAME=VALUE", Kind::KeyValue, "a setting of the plugin").repeated();

/// How a plugin on the bench is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As users run it
    Plain,
    /// Its work is counted, its clock stands still, its random bytes are the same each time
    Counted,
}

/// A component, and what it says of itself.
pub struct Component {
    pub bytes: Cow<'static, [u8]>,
    pub manifest: Manifest,
    /// It is kept compiled: it will be used again as it is
    keep: bool,
}

/// A plugin in a host of its own.
pub struct Subject {
    pub host: PluginHost,
    pub manifest: Manifest,
    log: Arc<Mutex<Vec<String>>>,
}

impl Component {
    /// Finds what `word` names: a crate's folder, which is built, a file, or a plugin.
    ///
    /// # Errors
    /// Those of the build; `file-not-found`, `plugin-not-found`; what its first bytes show.
    pub async fn find(call: &Call, word: &str) -> Result<Component> {
        let path = call.directory.join(word);
        if path.is_dir() {
            let project = Project::open(&path, &call.cancel).await?;
            return Component::built(&project, call).await;
        }
        if path.is_file() {
            let component = Component::of(read(&path)?.into(), false);
            return component.map_err(|error| match error.next.is_empty() {
                true => error.with_next(rebuilds(Path::new(word))),
                false => error,
            });
        }
        if word.contains('/') || word.ends_with(".wasm") {
            return Err(Error::not_found("file-not-found", format!("there is no `{word}`"))
                .with_next(rebuilds(Path::new(word))));
        }
        let bundled = kafsh_bundled::plugins();
        if let Some(plugin) = bundled.iter().find(|plugin| plugin.name == word) {
            return Component::of(Cow::Borrowed(plugin.component), true);
        }
        let plugins = call.context.plugins.clone();
        match plugins.store.get(word) {
            // What is installed has what it was granted, here too.
            Ok(installed) => {
                plugins.check_locked(&installed)?;
                Component::of(plugins.store.load(&installed)?.into(), true)
            }
            Err(error) if error.code == "plugin-not-found" => {
                Err(error.with_evidence("neither a folder nor a file is called so"))
            }
            Err(error) => Err(error),
        }
    }

    /// Builds a crate.
    ///
    /// # Errors
    /// As [`Project::build`].
    pub async fn built(project: &Project, call: &Call) -> Result<Component> {
        let built = project.build(&call.cancel).await?;
        Component::of(built.plugin.component.into(), false)
    }

    fn of(bytes: Cow<'static, [u8]>, keep: bool) -> Result<Component> {
        let manifest = manifest_of(&bytes)?;
        Ok(Component { bytes, manifest, keep })
    }

    /// Puts it into a host of its own and compiles it.
    ///
    /// # Errors
    /// What the host has against it.
    pub async fn start(&self, call: &Call, mode: Mode) -> Result<Subject> {
        let log = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&log);
        let mut options = HostOptions::new(&call.context.home.cache, &call.context.home.state);
        options.no_cache = !self.keep;
        options.known = self.keep;
        options.fuel = mode == Mode::Counted;
        options.deterministic = mode == Mode::Counted;
        options.log = Arc::new(move |line| {
            let mut lines = sink.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() < LOG_LINES_MAX {
                let level = match line.level {
                    LogLevel::Debug => "debug",
                    LogLevel::Info => "info",
                    LogLevel::Warn => "warn",
                    LogLevel::Error => "error",
                };
                lines.push(format!("{level}: {}", line.text));
            }
        });
        let (manifest, bytes) = (self.manifest.clone(), self.bytes.clone());
        let host = in_background(move || {
            let host = PluginHost::new(options);
            let (kind, name) = (manifest.kind, manifest.name.clone());
            host.add(PluginSource {
                kind,
                name: name.clone(),
                digest: Digest::of(&bytes),
                component: bytes,
                grants: Grants::all_of(&manifest),
                manifest,
            })?;
            host.load(kind, &name)?;
            Ok(host)
        })
        .await?;
        Ok(Subject { host, manifest: self.manifest.clone(), log })
    }
}

impl Subject {
    /// The settings that `--set` gives.
    ///
    /// # Errors
    /// `bad-setting`, `bad-value`.
    pub fn settings(&self, args: &Args) -> Result<Arc<Settings>> {
        let Manifest { name, settings, .. } = &self.manifest;
        let secret = &crate::config::secret;
        Settings::read(name, settings, &args.pairs("set")?, secret).map(Arc::new)
    }

    /// What the plugin has logged since it was asked last.
    pub fn logged(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// On a thread of its own: plugins are called synchronously.
///
/// # Errors
/// Those of `work`; `bug` where it panics.
pub async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let task = tokio::task::spawn_blocking(work);
    task.await.map_err(|e| Error::bug(format!("a plugin's thread broke: {e}")))?
}

/// A component's file; of one that is too large only enough for that to be seen.
fn read(path: &Path) -> Result<Vec<u8>> {
    use std::io::Read;
    let failed = |e: std::io::Error| Error::io(format!("`{}` cannot be read", path.display()), &e);
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(COMPONENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// A value of the model as JSON.
///
/// # Errors
/// `bug`.
pub fn json(value: impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|e| Error::bug(format!("a value is no JSON: {e}")))
}
