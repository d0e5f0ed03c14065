//! `state.json`: names, digests, grants and history, in the form that is on disk.

use std::collections::BTreeMap;

use kafsh_model::error::{Error, Result};
use kafsh_model::plugin::{Capability, PluginKind};
use kafsh_pack::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{PluginStore, files, lacking};
use crate::inspect::is_plugin_name;

/// Version of the file's form.
const STATE_SCHEMA: u32 = 1;
pub(super) const STATE_FILE: &str = "state.json";
/// Bytes of the file.
const STATE_BYTES_MAX: u64 = 4 << 20;
/// Plugins that one user installs.
pub(super) const PLUGINS_MAX: usize = 1_000;
/// Versions of a plugin that are kept to go back to.
pub(super) const HISTORY_MAX: usize = 5;

/// Hexadecimal digits of a digest that name a version, at least.
const DIGEST_DIGITS_LEAST: usize = 4;

/// One version of an installed plugin, with what was granted to it and to nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub version: String,
    /// `kafsh:policy@1.0.0`
    pub api: String,
    #[serde(serialize_with = "write_digest", deserialize_with = "read_digest")]
    pub digest: Digest,
    /// Size of the file
    pub bytes: u64,
    /// Path or URL that it came from
    pub source: String,
    /// ms since 1970-01-01 UTC
    pub installed_ms: u64,
    pub summary: String,
    /// What it imports, with the scope and reason of its manifest
    pub asks: Vec<Capability>,
    /// What of it was granted, with the scope granted
    pub granted: Vec<Capability>,
}

impl Version {
    /// Whether a person means this one: by its version, or by the beginning of its digest.
    pub(super) fn is_called(&self, word: &str) -> bool {
        let digits = word.strip_prefix("sha256:");
        let begins = |digits: &str| {
            digits.len() >= DIGEST_DIGITS_LEAST && self.digest.as_str().starts_with(digits)
        };
        self.version == word || digits.is_some_and(begins)
    }
}

/// An installed plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// By which it is called here
    pub name: String,
    /// By which it calls itself
    pub own_name: String,
    pub kind: PluginKind,
    pub current: Version,
    pub disabled: bool,
    /// What was there before, the latest last
    pub history: Vec<Version>,
    /// What was left by a rollback, the next one last
    pub later: Vec<Version>,
}

impl Installed {
    /// What it asks for and was not granted: it cannot be run without.
    pub fn missing(&self) -> Vec<Capability> {
        lacking(&self.current.asks, &self.current.granted)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) own_name: String,
    pub(super) kind: PluginKind,
    #[serde(default)]
    pub(super) disabled: bool,
    pub(super) current: Version,
    #[serde(default)]
    pub(super) history: Vec<Version>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) later: Vec<Version>,
}

impl Entry {
    /// All that are kept.
    fn versions(&self) -> impl Iterator<Item = &Version> {
        self.history.iter().chain([&self.current]).chain(&self.later)
    }

    pub(super) fn named(self, name: String) -> Installed {
        let Entry { own_name, kind, disabled, current, history, later } = self;
        Installed { name, own_name, kind, current, disabled, history, later }
    }

    /// Makes the version before the current one; false where there is none.
    pub(super) fn step_back(&mut self) -> bool {
        let Some(before) = self.history.pop() else { return false };
        self.later.push(std::mem::replace(&mut self.current, before));
        true
    }

    /// Makes the version that a rollback left the current one; false where there is none.
    pub(super) fn step_forth(&mut self) -> bool {
        let Some(next) = self.later.pop() else { return false };
        self.history.push(std::mem::replace(&mut self.current, next));
        true
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    schema: u32,
    pub(super) plugins: BTreeMap<String, Entry>,
}

impl State {
    fn empty() -> Self {
        State { schema: STATE_SCHEMA, plugins: BTreeMap::new() }
    }

    /// Names of the files that it needs.
    pub(super) fn files(&self) -> Vec<String> {
        let entries = self.plugins.values();
        let versions = entries.flat_map(|entry| entry.versions());
        versions.map(|version| file_name(&version.digest)).collect()
    }
}

pub(super) fn file_name(digest: &Digest) -> String {
    format!("{digest}.wasm")
}

impl PluginStore {
    /// What is on disk; nothing where nothing was ever installed.
    pub(super) fn state(&self) -> Result<State> {
        for folder in [Some(&self.folder), self.beneath.as_ref()].into_iter().flatten() {
            let path = folder.join(STATE_FILE);
            let bytes = match files::read_ours(&path, STATE_BYTES_MAX, files::OTHERS_WRITE) {
                Ok(bytes) => bytes,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                Err(e) => {
                    return Err(Error::io(format!("`{}` cannot be read", path.display()), &e));
                }
            };
            return parse(&bytes).map_err(|why| why.error(&path.display().to_string()));
        }
        Ok(State::empty())
    }

    /// Replaces the state; only under the lock.
    pub(super) fn save(&self, state: &State) -> Result<()> {
        let path = self.folder.join(STATE_FILE);
        let failed =
            |e: &std::io::Error| Error::io(format!("`{}` cannot be written", path.display()), e);
        let mut bytes = serde_json::to_vec_pretty(state)
            .map_err(|e| Error::bug(format!("the state of plugins cannot be written: {e}")))?;
        bytes.push(b'\n');
        if bytes.len() as u64 > STATE_BYTES_MAX {
            return Err(Error::failed("too-many", "the state of plugins is full")
                .with_cause(format!("it has at most {STATE_BYTES_MAX} bytes"))
                .with_next("plugin list"));
        }
        files::write_atomic(&self.folder, STATE_FILE, &bytes).map_err(|e| failed(&e))
    }
}

/// Why a state cannot be used.
enum Unusable {
    TooNew(u64),
    Damaged(String),
}

impl Unusable {
    fn error(self, path: &str) -> Error {
        match self {
            Unusable::TooNew(schema) => {
                Error::failed("state-too-new", format!("`{path}` was written by a newer kafsh"))
                    .with_evidence(format!("schema {schema}, this kafsh knows {STATE_SCHEMA}"))
                    .with_cause("an older kafsh could lose what it does not know")
            }
            Unusable::Damaged(why) => {
                let file = path.replace('\'', r"'\''");
                Error::failed("state-damaged", format!("`{path}` cannot be understood"))
                    .with_evidence(why)
                    .with_cause("the file was changed by something else; it was left as it is")
                    .with_next(format!("!mv '{file}' '{file}.damaged'"))
            }
        }
    }
}

fn parse(bytes: &[u8]) -> Result<State, Unusable> {
    let damaged = |e: serde_json::Error| Unusable::Damaged(e.to_string());
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(damaged)?;
    match value.get("schema").and_then(serde_json::Value::as_u64) {
        Some(schema) if schema == u64::from(STATE_SCHEMA) => {}
        Some(schema) => return Err(Unusable::TooNew(schema)),
        None => return Err(Unusable::Damaged("it has no `schema`".into())),
    }
    let state: State = serde_json::from_slice(bytes).map_err(damaged)?;
    match state.plugins.keys().find(|name| !is_plugin_name(name)) {
        Some(name) => Err(Unusable::Damaged(format!("{name:?} is no name of a plugin"))),
        None => Ok(state),
    }
}

fn write_digest<S: Serializer>(digest: &Digest, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(digest.as_str())
}

fn read_digest<'de, D: Deserializer<'de>>(from: D) -> Result<Digest, D::Error> {
    let text = String::deserialize(from)?;
    // A digest names a file: nothing else may stand there.
    Digest::parse(&text).ok_or_else(|| de::Error::custom(format!("{text:?} is no digest")))
}
