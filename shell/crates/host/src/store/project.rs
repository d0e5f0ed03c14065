//! `kafsh-plugins.lock`: which plugins a project's scripts run with, by digest and grants.
//!
//! Kept beside the scripts and committed with them. With `--locked` nothing else is run.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use kafsh_model::error::{Error, Result};
use kafsh_model::plugin::{Capability, CapabilityName, PluginKind};
use kafsh_model::quote::quoted;
use kafsh_pack::Digest;
use rustix::process::{getegid, geteuid};
use serde::{Deserialize, Serialize};

use super::{Installed, grant_word};
use crate::inspect::is_plugin_name;
use crate::text::shown_within;

/// The file's name.
pub const LOCK_FILE: &str = "kafsh-plugins.lock";
/// Version of its form.
const LOCK_SCHEMA: u32 = 1;
/// Bytes of it.
const LOCK_BYTES_MAX: u64 = 1 << 20;
/// Bytes that are shown of why it cannot be understood.
const WHY_BYTES_MAX: usize = 512;
/// Folders that are looked through upwards.
const FOLDERS_UP_MAX: usize = 64;

const HEADING: &str = "# Which plugins the scripts of this project run with. Written by \
                       `plugin install --lock`, `plugin grant` and the like; held to with \
                       `kafsh --locked`.\n\n";

/// A plugin as the project holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPlugin {
    pub name: String,
    pub kind: PluginKind,
    pub version: String,
    pub api: String,
    /// 64 hexadecimal digits
    pub sha256: String,
    /// URL, or a path that is relative to the file where it lies below it
    pub source: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub granted: Vec<LockedGrant>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedGrant {
    pub name: CapabilityName,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    #[serde(default, rename = "plugin")]
    plugins: Vec<LockedPlugin>,
}

/// A project's lock file.
#[derive(Clone, Debug)]
pub struct ProjectLock {
    path: PathBuf,
    plugins: BTreeMap<String, LockedPlugin>,
}

impl ProjectLock {
    /// The lock file of `folder`; below a folder that holds `.git`, and is not above `home`, also
    /// of the nearest folder up to that one. `None`: the project has none.
    ///
    /// # Errors
    /// `lock-untrusted` where somebody else could have written it: what it grants is not asked
    /// again; `lock-damaged`, `state-too-new`; where it cannot be read.
    pub fn find(folder: &Path, home: Option<&Path>) -> Result<Option<Self>> {
        let folders: Vec<&Path> = folder.ancestors().take(FOLDERS_UP_MAX).collect();
        let top = folders.iter().position(|folder| home == Some(*folder));
        let within = &folders[..top.map_or(folders.len(), |top| top + 1)];
        // Without a root anybody's file in a folder above (`/tmp`) would be the project's.
        let root = within.iter().position(|folder| folder.join(".git").exists());
        for folder in &within[..=root.unwrap_or(0)] {
            let path = folder.join(LOCK_FILE);
            if let Some(text) = read(&path)? {
                return parse(path, &text).map(Some);
            }
        }
        Ok(None)
    }

    /// An empty one in `folder`; nothing is written yet.
    pub fn new(folder: &Path) -> Self {
        ProjectLock { path: folder.join(LOCK_FILE), plugins: BTreeMap::new() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn get(&self, name: &str) -> Option<&LockedPlugin> {
        self.plugins.get(name)
    }

    pub fn put(&mut self, plugin: &Installed) {
        let current = &plugin.current;
        let locked = LockedPlugin {
            name: plugin.name.clone(),
            kind: plugin.kind,
            version: current.version.clone(),
            api: current.api.clone(),
            sha256: current.digest.to_string(),
            source: self.relative(&current.source),
            granted: grants_of(&current.granted),
        };
        self.plugins.insert(plugin.name.clone(), locked);
    }

    /// Whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        self.plugins.remove(name).is_some()
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// Where it cannot be written; the old one is then intact.
    pub fn save(&self) -> Result<()> {
        let failed =
            |e: &io::Error| Error::io(format!("`{}` cannot be written", self.path.display()), e);
        let file = File { schema: LOCK_SCHEMA, plugins: self.plugins.values().cloned().collect() };
        let text = toml::to_string(&file)
            .map_err(|e| Error::bug(format!("a lock file cannot be written: {e}")))?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut new = tempfile::NamedTempFile::new_in(folder).map_err(|e| failed(&e))?;
        io::Write::write_all(&mut new, format!("{HEADING}{text}").as_bytes())
            .and_then(|()| new.as_file().sync_all())
            .and_then(|()| {
                // A file of the project, as any other: its readers are the project's.
                use std::os::unix::fs::PermissionsExt;
                new.as_file().set_permissions(fs::Permissions::from_mode(0o644))
            })
            .map_err(|e| failed(&e))?;
        new.persist(&self.path).map_err(|e| failed(&e.error))?;
        Ok(())
    }

    /// That an installed plugin is what the project holds.
    ///
    /// # Errors
    /// `plugin-not-locked`, with what differs.
    pub fn check(&self, plugin: &Installed) -> Result<()> {
        let (name, current) = (&plugin.name, &plugin.current);
        let place = self.path.display();
        let Some(locked) = self.get(name) else {
            let message = format!("plugin `{name}` is not in the lock file");
            return Err(Error::refused("plugin-not-locked", message)
                .with_evidence(place.to_string())
                .with_cause("with `--locked` only plugins of that file are run")
                .with_next(format!("plugin install {} --lock", quoted(&current.source))));
        };
        let granted = grants_of(&current.granted);
        let mut differs = Vec::new();
        if locked.sha256 != current.digest.as_str() {
            differs.push(format!("locked    {} sha256:{}", locked.version, locked.sha256));
            differs.push(format!("installed {} sha256:{}", current.version, current.digest));
        }
        if locked.granted != granted {
            differs.push(format!("locked    grants {}", in_words(&locked.granted)));
            differs.push(format!("installed grants {}", in_words(&granted)));
        }
        if locked.kind != plugin.kind {
            differs.push(format!("locked a {}, installed a {}", locked.kind, plugin.kind));
        }
        if differs.is_empty() {
            return Ok(());
        }
        let message = format!("plugin `{name}` is not the one of the lock file");
        let error = Error::refused("plugin-not-locked", message)
            .with_cause(format!("with `--locked` plugins are run as {place} has them"));
        let error = differs.into_iter().fold(error, Error::with_evidence);
        Err(error.with_next(self.install_line(locked)))
    }

    /// The command that installs what the file holds.
    pub fn install_line(&self, locked: &LockedPlugin) -> String {
        let source = self.source(locked);
        let mut line = format!(
            "plugin install {} --name {} --digest sha256:{}",
            quoted(&source),
            locked.name,
            locked.sha256
        );
        for grant in &locked.granted {
            line.push_str(&format!(" --grant {}", grant_word(&grant.capability())));
        }
        line
    }

    /// Where a plugin came from, usable from anywhere.
    fn source(&self, locked: &LockedPlugin) -> String {
        if locked.source.contains("://") {
            return locked.source.clone();
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        folder.join(&locked.source).display().to_string()
    }

    /// A path below the file's folder is the same path on everybody's machine.
    fn relative(&self, source: &str) -> String {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        match Path::new(source).strip_prefix(folder) {
            Ok(path) => path.display().to_string(),
            Err(_) => source.to_owned(),
        }
    }
}

impl LockedPlugin {
    /// What was granted to it.
    pub fn grants(&self) -> Vec<Capability> {
        self.granted.iter().map(LockedGrant::capability).collect()
    }
}

impl LockedGrant {
    fn capability(&self) -> Capability {
        Capability { name: self.name, scope: self.scope.clone(), reason: String::new() }
    }
}

fn grants_of(granted: &[Capability]) -> Vec<LockedGrant> {
    let grant = |c: &Capability| LockedGrant { name: c.name, scope: c.scope.clone() };
    let mut grants: Vec<LockedGrant> = granted.iter().map(grant).collect();
    grants.sort();
    grants
}

fn in_words(grants: &[LockedGrant]) -> String {
    let words: Vec<String> = grants.iter().map(|grant| grant_word(&grant.capability())).collect();
    match words.is_empty() {
        true => "nothing".to_owned(),
        false => words.join(", "),
    }
}

fn read(path: &Path) -> Result<Option<String>> {
    let failed = |e: io::Error| Error::io(format!("`{}` cannot be read", path.display()), &e);
    // A pipe in its place would be waited for.
    let no_wait = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = match fs::OpenOptions::new().read(true).custom_flags(no_wait).open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    check_ours(path, &file.metadata().map_err(failed)?)?;
    let mut bytes = Vec::new();
    file.take(LOCK_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LOCK_BYTES_MAX {
        return Err(damaged(path, &format!("it has more than {LOCK_BYTES_MAX} bytes")));
    }
    String::from_utf8(bytes).map(Some).map_err(|e| damaged(path, &e.to_string()))
}

/// That nobody else can have written it. This user's own group may: that is what many systems give
/// a checkout.
fn check_ours(path: &Path, facts: &fs::Metadata) -> Result<()> {
    let own_group = facts.gid() == getegid().as_raw();
    let others = if own_group { 0o002 } else { 0o022 };
    let why = if !facts.is_file() {
        "it is no file"
    } else if facts.uid() != geteuid().as_raw() {
        "it belongs to another user"
    } else if facts.mode() & others != 0 {
        "other users can write to it"
    } else {
        return Ok(());
    };
    let shown = path.display().to_string();
    Err(Error::refused("lock-untrusted", format!("`{shown}` is not relied upon"))
        .with_evidence(why)
        .with_cause("what it grants to plugins is not asked again, so it has to be your own")
        .with_next(format!("!ls -l {}", quoted(&shown))))
}

fn parse(path: PathBuf, text: &str) -> Result<ProjectLock> {
    let table: toml::Table = toml::from_str(text).map_err(|e| damaged(&path, e.message()))?;
    match table.get("schema").and_then(toml::Value::as_integer) {
        Some(schema) if schema == i64::from(LOCK_SCHEMA) => {}
        Some(schema) => {
            let message = format!("`{}` was written by a newer kafsh", path.display());
            return Err(Error::failed("state-too-new", message)
                .with_evidence(format!("schema {schema}, this kafsh knows {LOCK_SCHEMA}")));
        }
        None => return Err(damaged(&path, "it has no `schema`")),
    }
    let file: File = toml::from_str(text).map_err(|e| damaged(&path, e.message()))?;
    let mut plugins = BTreeMap::new();
    for mut plugin in file.plugins {
        plugin.granted.sort();
        let name = plugin.name.clone();
        if !is_plugin_name(&name) || Digest::parse(&plugin.sha256).is_none() {
            return Err(damaged(&path, &format!("the name or the digest of `{name}` is none")));
        }
        if plugins.insert(name.clone(), plugin).is_some() {
            return Err(damaged(&path, &format!("`{name}` stands there twice")));
        }
    }
    Ok(ProjectLock { path, plugins })
}

fn damaged(path: &Path, why: &str) -> Error {
    Error::failed("lock-damaged", format!("`{}` cannot be understood", path.display()))
        .with_evidence(shown_within(why, WHY_BYTES_MAX))
        .with_cause("it was changed by hand, or two changes were merged badly")
        .with_next("plugin install ./PLUGIN.wasm --lock")
}
