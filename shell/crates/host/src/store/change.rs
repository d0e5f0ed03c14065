//! What changes the store: each change reads, checks and writes under the store's lock.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use kafsh_model::error::{Error, Result};
use kafsh_model::plugin::{Capability, CapabilityName};
use kafsh_pack::Digest;

use super::files::{self, UNFINISHED_PREFIX};
use super::state::{Entry, HISTORY_MAX, PLUGINS_MAX, State, file_name};
use super::{Installed, PluginStore, Version, covered_by, grant_word, lacking};
use crate::inspect::{Inspected, is_plugin_name, within_scope};

/// What an installation would mean, before anything is written.
#[derive(Clone, Debug)]
pub struct Preview {
    /// By which it will be called
    pub name: String,
    /// What is installed under that name
    pub before: Option<Installed>,
    /// Granted to the version before, and asked for again: goes on
    pub carried: Vec<Capability>,
    /// Asked for beyond that: has to be granted
    pub wanted: Vec<Capability>,
}

/// What an installation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Installed,
    Replaced,
    /// The same file was there: at most its grants are other ones
    Same,
}

impl PluginStore {
    /// Says what installing would mean.
    ///
    /// # Errors
    /// `bad-name`; `plugin-name-taken` where the name is a bundled plugin's or another plugin's.
    pub fn preview(&self, inspected: &Inspected, name: Option<&str>) -> Result<Preview> {
        self.preview_in(&self.state()?, inspected, name)
    }

    fn preview_in(
        &self,
        state: &State,
        inspected: &Inspected,
        name: Option<&str>,
    ) -> Result<Preview> {
        let own = &inspected.manifest.name;
        let name = name.unwrap_or(own);
        if !is_plugin_name(name) {
            let message = format!("`{}` is no name for a plugin", name.escape_debug());
            return Err(Error::usage("bad-name", message)
                .with_cause("a small letter, then small letters, digits and `-`, at most 63"));
        }
        if let Some(kind) = self.reserved.get(name) {
            let message = format!("`{name}` is a {kind} that is part of kafsh");
            return Err(Error::refused("plugin-name-taken", message)
                .with_cause("an installed plugin may not pass for a bundled one")
                .with_next(format!("plugin install SOURCE --name my-{name}")));
        }
        let before = state.plugins.get(name).cloned().map(|entry| entry.named(name.to_owned()));
        let other = |before: &&Installed| before.own_name != *own || before.kind != inspected.kind;
        if let Some(other) = before.as_ref().filter(other) {
            let (kind, own) = (other.kind, &other.own_name);
            let message = format!("another plugin is installed as `{name}`");
            return Err(Error::refused("plugin-name-taken", message)
                .with_evidence(format!("it is the {kind} `{own}` {}", other.current.version))
                .with_next("plugin install SOURCE --name OTHER")
                .with_next(format!("plugin remove {name}")));
        }
        let granted = before.as_ref().map_or(&[][..], |before| &before.current.granted);
        let asks = &inspected.capabilities;
        let (carried, wanted) =
            asks.iter().fold((Vec::new(), Vec::new()), |(mut carried, mut wanted), ask| {
                match granted.iter().find(|grant| grant.name == ask.name) {
                    // Granted more narrowly than it asked, and it asks for no more than then.
                    Some(grant) if carries(before.as_ref(), grant, ask) => {
                        carried.push(with_scope(ask, narrower(grant, ask)));
                    }
                    _ => wanted.push(ask.clone()),
                }
                (carried, wanted)
            });
        Ok(Preview { name: name.to_owned(), before, carried, wanted })
    }

    /// Installs a component that was inspected, with these grants beside those that carry over.
    ///
    /// # Errors
    /// As [`PluginStore::preview`]; `bad-grant` where a grant was not asked for; `locked`; where a
    /// file cannot be written. Then all is as it was.
    pub fn install(
        &self,
        component: &[u8],
        inspected: &Inspected,
        name: Option<&str>,
        source: &str,
        grants: &[Capability],
    ) -> Result<(Installed, Change)> {
        self.change(|state| {
            let preview = self.preview_in(state, inspected, name)?;
            check_asked(&preview.name, grants, &inspected.capabilities)?;
            let mut granted = grants.to_vec();
            granted.extend(lacking(&preview.carried, grants));
            granted.sort();
            let manifest = &inspected.manifest;
            let current = Version {
                version: manifest.version.clone(),
                api: manifest.api.clone(),
                digest: inspected.digest.clone(),
                bytes: inspected.bytes,
                source: source.to_owned(),
                installed_ms: now_ms(),
                summary: manifest.summary.clone(),
                asks: inspected.capabilities.clone(),
                granted,
            };
            let (mut history, mut later) = (Vec::new(), Vec::new());
            let mut disabled = false;
            let mut change = Change::Installed;
            if let Some(before) = preview.before {
                (history, later, disabled) = (before.history, before.later, before.disabled);
                change = Change::Same;
                if before.current.digest != current.digest {
                    change = Change::Replaced;
                    // What a rollback left is older than what is installed now.
                    let left = later.drain(..).rev();
                    history.extend(left.filter(|left| left.digest != current.digest));
                    history.push(before.current);
                    let surplus = history.len().saturating_sub(HISTORY_MAX);
                    history.drain(..surplus);
                }
            } else if state.plugins.len() >= PLUGINS_MAX {
                return Err(Error::failed(
                    "too-many",
                    format!("{PLUGINS_MAX} plugins are installed"),
                )
                .with_next("plugin list"));
            }
            let file = file_name(&current.digest);
            files::write_atomic(&self.folder, &file, component)
                .map_err(|e| Error::io(format!("plugin `{}` cannot be kept", preview.name), &e))?;
            let own_name = manifest.name.clone();
            let entry = Entry { own_name, kind: inspected.kind, disabled, current, history, later };
            state.plugins.insert(preview.name.clone(), entry.clone());
            Ok((entry.named(preview.name), change))
        })
    }

    /// Forgets a plugin, its history and its grants.
    ///
    /// # Errors
    /// `plugin-not-found`, `plugin-bundled`, `locked`.
    pub fn remove(&self, name: &str) -> Result<Installed> {
        self.change(|state| match state.plugins.remove(name) {
            Some(entry) => Ok(entry.named(name.to_owned())),
            None => Err(self.not_found(name, state.plugins.keys())),
        })
    }

    /// Goes back to the version before, with what was granted to that one; or to the one that is
    /// called `to`, which may be one that an earlier rollback left. None is forgotten.
    ///
    /// # Errors
    /// `plugin-no-history`; as [`PluginStore::remove`]. `plugin-digest-changed` where the file of
    /// that version is not what it was: then all is as it was.
    pub fn rollback(&self, name: &str, to: Option<&str>) -> Result<Installed> {
        self.change_one(name, |entry| {
            let found = match to {
                None => entry.step_back(),
                Some(to) => turn_to(entry, to),
            };
            if !found {
                let message = match to {
                    None => format!("there is no version of `{name}` before this one"),
                    Some(to) => format!("no version `{}` of `{name}` is kept", to.escape_debug()),
                };
                return Err(Error::not_found("plugin-no-history", message)
                    .with_next(format!("plugin info {name}")));
            }
            self.bytes(&entry.clone().named(name.to_owned())).map(|_| ())
        })
    }

    /// Switches a plugin off without forgetting it, or on again.
    ///
    /// # Errors
    /// As [`PluginStore::remove`].
    pub fn set_disabled(&self, name: &str, disabled: bool) -> Result<Installed> {
        self.change_one(name, |entry| {
            entry.disabled = disabled;
            Ok(())
        })
    }

    /// Grants to the installed version, beside or in place of what it has.
    ///
    /// # Errors
    /// `bad-grant` where it did not ask for it; `plugin-digest-changed` where another file than
    /// `digest` is installed by now; as [`PluginStore::remove`].
    pub fn grant(&self, name: &str, digest: &Digest, grants: &[Capability]) -> Result<Installed> {
        self.change_one(name, |entry| {
            if entry.current.digest != *digest {
                let message = format!("another version of `{name}` was installed meanwhile");
                return Err(Error::refused("plugin-digest-changed", message)
                    .with_next(format!("plugin info {name}")));
            }
            check_asked(name, grants, &entry.current.asks)?;
            let kept = lacking(&entry.current.granted, grants);
            entry.current.granted = grants.iter().cloned().chain(kept).collect();
            entry.current.granted.sort();
            Ok(())
        })
    }

    /// Takes back what was granted; `names` empty: all of it.
    ///
    /// # Errors
    /// `bad-grant` where it was not granted; as [`PluginStore::remove`].
    pub fn revoke(&self, name: &str, names: &[CapabilityName]) -> Result<Installed> {
        self.change_one(name, |entry| {
            let granted = &mut entry.current.granted;
            for capability in names {
                if !granted.iter().any(|grant| grant.name == *capability) {
                    let message = format!("`{}` was not granted to `{name}`", capability.name());
                    return Err(
                        Error::usage("bad-grant", message).with_next(format!("plugin info {name}"))
                    );
                }
            }
            granted.retain(|grant| !names.is_empty() && !names.contains(&grant.name));
            Ok(())
        })
    }

    fn change_one(
        &self,
        name: &str,
        change: impl FnOnce(&mut Entry) -> Result<()>,
    ) -> Result<Installed> {
        self.change(|state| {
            let Some(entry) = state.plugins.get_mut(name) else {
                return Err(self.not_found(name, state.plugins.keys()));
            };
            change(entry)?;
            Ok(entry.clone().named(name.to_owned()))
        })
    }

    /// Under the lock: read, change, write, sweep. Where `change` fails nothing is written.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let folder = self.folder.display();
        let failed = |e: std::io::Error| Error::io(format!("plugins in `{folder}`"), &e);
        files::private_folder(&self.folder, files::OTHERS_WRITE).map_err(failed)?;
        let Some(_lock) = files::lock(&self.folder).map_err(failed)? else {
            return Err(Error::busy("locked", "another kafsh is changing the plugins")
                .with_cause("only one command at a time changes them")
                .with_next("plugin list"));
        };
        let mut state = self.state()?;
        let changed = change(&mut state)?;
        self.save(&state)?;
        self.sweep(&state);
        Ok(changed)
    }

    /// Deletes files that no name leads to: left by a version that is gone, or by a shell that was
    /// killed. What cannot be deleted now is deleted by a later change.
    fn sweep(&self, state: &State) {
        let needed = state.files();
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let component = name.ends_with(".wasm") && !needed.contains(&name);
            if component || name.starts_with(UNFINISHED_PREFIX) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Makes the version that is called `to` the current one: an older one before a newer one.
fn turn_to(entry: &mut Entry, to: &str) -> bool {
    if entry.current.is_called(to) {
        return true;
    }
    if entry.history.iter().any(|version| version.is_called(to)) {
        while !entry.current.is_called(to) && entry.step_back() {}
        return true;
    }
    if entry.later.iter().any(|version| version.is_called(to)) {
        while !entry.current.is_called(to) && entry.step_forth() {}
        return true;
    }
    false
}

/// Whether a grant to the version before holds for what the new one asks: it asks for no more
/// than what was granted, or for no more than it did when the user chose a narrower scope.
fn carries(before: Option<&Installed>, grant: &Capability, ask: &Capability) -> bool {
    let asked = before.and_then(|b| b.current.asks.iter().find(|asked| asked.name == ask.name));
    let narrowed = asked.is_some_and(|asked| {
        within_scope(&ask.scope, &asked.scope) && within_scope(&grant.scope, &ask.scope)
    });
    within_scope(&ask.scope, &grant.scope) || narrowed
}

/// The narrower of what was granted and what is asked for.
fn narrower(grant: &Capability, ask: &Capability) -> Vec<String> {
    match within_scope(&ask.scope, &grant.scope) {
        true => ask.scope.clone(),
        false => grant.scope.clone(),
    }
}

fn with_scope(capability: &Capability, scope: Vec<String>) -> Capability {
    Capability { scope, ..capability.clone() }
}

/// That all grants were asked for, and are within what was asked for.
fn check_asked(name: &str, grants: &[Capability], asked: &[Capability]) -> Result<()> {
    let Some(grant) = grants.iter().find(|grant| !covered_by(&[(*grant).clone()], asked)) else {
        return Ok(());
    };
    let asked: Vec<String> = asked.iter().map(grant_word).collect();
    let asks = match asked.as_slice() {
        [] => "nothing that has to be granted".to_owned(),
        list => list.join(", "),
    };
    let message = format!("`{name}` does not ask for `{}`", grant_word(grant).replace('\'', ""));
    Err(Error::usage("bad-grant", message).with_evidence(format!("it asks for {asks}")))
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
