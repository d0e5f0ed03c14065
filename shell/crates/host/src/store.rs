//! Installed plugins on disk: files by digest, what was granted to each, what was there before.
//!
//! ```text
//! <folder>/<sha256>.wasm   components, written once, mode 0600
//!          state.json      names, digests, grants, history; replaced atomically
//!          lock            held while something is changed
//! ```
//!
//! A file is written before the state names it and deleted after the state has forgotten it, so a
//! shell that is killed in between leaves a file that nobody names; the next change deletes it.

mod change;
pub(crate) mod files;
mod project;
mod state;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kafsh_model::error::{Error, Result};
use kafsh_model::plugin::{Capability, CapabilityName, PluginKind};
use kafsh_model::quote::quoted;
use kafsh_model::suggest::{did_you_mean, suggest};
use kafsh_pack::Digest;

use crate::inspect::{Inspected, inspect, within_scope};
use crate::limits::COMPONENT_BYTES_MAX;
pub use change::{Change, Preview};
pub use project::{LOCK_FILE, LockedPlugin, ProjectLock};
pub use state::{Installed, Version};

/// The installed plugins of one user. Cheap to make; nothing is read or made before it is needed.
#[derive(Clone, Debug)]
pub struct PluginStore {
    folder: PathBuf,
    /// Read where `folder` has nothing yet, never changed: the real plugins of a rehearsal
    beneath: Option<PathBuf>,
    /// Names of bundled plugins, and of what kind they are
    reserved: BTreeMap<String, PluginKind>,
}

impl PluginStore {
    /// `folder` is made by the first change, for this user alone.
    pub fn open(folder: impl Into<PathBuf>) -> Self {
        PluginStore { folder: folder.into(), beneath: None, reserved: BTreeMap::new() }
    }

    /// Names that no installed plugin may take.
    #[must_use]
    pub fn reserving(mut self, names: impl IntoIterator<Item = (String, PluginKind)>) -> Self {
        self.reserved.extend(names);
        self
    }

    /// Begins with what is installed in `folder`, and leaves it as it is.
    #[must_use]
    pub fn over(self, folder: impl Into<PathBuf>) -> Self {
        PluginStore { beneath: Some(folder.into()), ..self }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every installed plugin, by name.
    ///
    /// # Errors
    /// `state-damaged`, `state-too-new`; where the file cannot be read.
    pub fn list(&self) -> Result<Vec<Installed>> {
        let state = self.state()?;
        Ok(state.plugins.into_iter().map(|(name, entry)| entry.named(name)).collect())
    }

    /// One installed plugin.
    ///
    /// # Errors
    /// `plugin-not-found` with what may have been meant; as [`PluginStore::list`].
    pub fn get(&self, name: &str) -> Result<Installed> {
        let mut state = self.state()?;
        match state.plugins.remove(name) {
            Some(entry) => Ok(entry.named(name.to_owned())),
            None => Err(self.not_found(name, state.plugins.keys())),
        }
    }

    /// That no plugin has this name, with what may have been meant.
    fn not_found<'a>(&'a self, name: &str, known: impl Iterator<Item = &'a String>) -> Error {
        let shown = name.escape_debug();
        if let Some(kind) = self.reserved.get(name) {
            return Error::refused("plugin-bundled", format!("`{name}` is part of kafsh"))
                .with_cause(format!("the {kind} comes and goes with the binary, as it is"));
        }
        let known = known.chain(self.reserved.keys()).map(String::as_str);
        let near = did_you_mean(&suggest(name, known));
        let message = format!("there is no plugin `{shown}`{near}");
        Error::not_found("plugin-not-found", message)
            .with_next("plugin list")
            .with_next("plugin install ./PLUGIN.wasm")
    }

    /// The component of an installed plugin, ready to be run: enabled, and byte for byte what was
    /// inspected and granted.
    ///
    /// # Errors
    /// `plugin-disabled`, `plugin-not-granted`, `plugin-digest-changed`.
    pub fn load(&self, plugin: &Installed) -> Result<Vec<u8>> {
        let name = &plugin.name;
        if plugin.disabled {
            return Err(Error::refused("plugin-disabled", format!("plugin `{name}` is disabled"))
                .with_next(format!("plugin enable {name}")));
        }
        if let Some(first) = plugin.missing().first() {
            let lacks: Vec<&str> = plugin.missing().iter().map(|c| c.name.name()).collect();
            return Err(Error::refused(
                "plugin-not-granted",
                format!("plugin `{name}` was not granted all that it needs"),
            )
            .with_evidence(format!("it lacks: {}", lacks.join(", ")))
            .with_next(format!("plugin grant {name} {}", grant_word(first))));
        }
        self.bytes(plugin)
    }

    /// The component of an installed plugin, whether it may be run or not.
    ///
    /// # Errors
    /// `plugin-digest-changed` where the file is gone or is not what it was.
    pub fn bytes(&self, plugin: &Installed) -> Result<Vec<u8>> {
        let (name, digest) = (&plugin.name, &plugin.current.digest);
        let changed = |why: String| {
            Error::refused("plugin-digest-changed", format!("the file of plugin `{name}` changed"))
                .with_evidence(why)
                .with_cause("what was granted was granted to the file as it was installed")
                .with_next(format!(
                    "plugin install {} --digest sha256:{digest}",
                    quoted(&plugin.current.source)
                ))
                .with_next(format!("plugin remove {name}"))
        };
        let mut why = None;
        for folder in [Some(&self.folder), self.beneath.as_ref()].into_iter().flatten() {
            let path = folder.join(state::file_name(digest));
            match files::read_ours(&path, COMPONENT_BYTES_MAX as u64, files::OTHERS_WRITE) {
                Ok(bytes) => {
                    let now = Digest::of(&bytes);
                    if now == *digest {
                        return Ok(bytes);
                    }
                    why = Some(format!("sha256:{now} in {}", path.display()));
                    break;
                }
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => {
                    why = Some(format!("{}: {e}", path.display()));
                    break;
                }
            }
        }
        Err(changed(why.unwrap_or_else(|| format!("there is no {}", state::file_name(digest)))))
    }

    /// Hashes and inspects the file of an installed plugin again, and holds both against the state.
    ///
    /// # Errors
    /// `plugin-digest-changed`; what [`inspect`] says; `plugin-digest-changed` also where the state
    /// grants what the file does not ask for.
    pub fn verify(&self, plugin: &Installed) -> Result<Inspected> {
        let inspected = inspect(&self.bytes(plugin)?)?;
        let asks = &inspected.capabilities;
        let fits = inspected.kind == plugin.kind && covered_by(&plugin.current.granted, asks);
        if fits && plugin.current.asks == *asks {
            return Ok(inspected);
        }
        let message = format!("the file of plugin `{}` is not what the state says", plugin.name);
        Err(Error::refused("plugin-digest-changed", message)
            .with_cause("`state.json` was changed by something else")
            .with_next(format!("plugin remove {}", plugin.name)))
    }
}

/// Whether everything in `granted` lies within `asked`.
pub(crate) fn covered_by(granted: &[Capability], asked: &[Capability]) -> bool {
    granted.iter().all(|grant| {
        let same = asked.iter().find(|asked| asked.name == grant.name);
        same.is_some_and(|asked| within_scope(&grant.scope, &asked.scope))
    })
}

/// What of `asked` is not in `granted`, by name: a narrower scope is a grant all the same.
pub(crate) fn lacking(asked: &[Capability], granted: &[Capability]) -> Vec<Capability> {
    let has = |name: CapabilityName| granted.iter().any(|grant| grant.name == name);
    asked.iter().filter(|capability| !has(capability.name)).cloned().collect()
}

/// A capability as `plugin grant` takes it.
pub fn grant_word(capability: &Capability) -> String {
    let name = capability.name.name();
    match capability.scope.as_slice() {
        [] => name.to_owned(),
        scope => format!("'{name}={}'", scope.join(",")),
    }
}
