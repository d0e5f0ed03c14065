//! The plugins of this shell: the bundled ones and the installed ones, by name, loaded when first
//! asked for and held to the project's lock file where `--locked` says so.

pub mod logs;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use kafsh_bundled::Bundled;
use kafsh_host::store::{Installed, PluginStore, ProjectLock};
use kafsh_host::{
    Digest, Grants, HostOptions, Inspected, LogLevel, LogLine, PluginHost, PluginSource, inspect,
    manifest_of,
};
use kafsh_model::plan::StepInfo;
use kafsh_model::plugin::{Capability, PluginKind};
use kafsh_model::policy::{Policies, Policy};
use kafsh_model::port::{Step, Steps};
use kafsh_model::suggest::{did_you_mean, suggest};
use kafsh_model::transform::{Transform, Transforms};
use kafsh_model::{Class, Error, Result};

use crate::config::Home;
use logs::PluginLogs;

/// Folder of installed plugins, below the data folder.
const FOLDER: &str = "plugins";

/// Where installed plugins are.
pub fn folder(home: &Home) -> PathBuf {
    home.data.join(FOLDER)
}

/// What the scripts of a project may count on.
#[derive(Clone, Debug)]
pub struct Project {
    /// Where the lock file is looked for, upwards
    pub directory: PathBuf,
    /// The user's home folder, above which no lock file is looked for
    pub home: Option<PathBuf>,
    /// `--locked`: installed plugins run only as the lock file has them
    pub locked: bool,
    /// False in a rehearsal: the lock file is a real one
    pub writable: bool,
}

impl Project {
    /// The lock file, if the project has one.
    ///
    /// # Errors
    /// `lock-damaged`, `state-too-new`.
    pub fn lock(&self) -> Result<Option<ProjectLock>> {
        ProjectLock::find(&self.directory, self.home.as_deref())
    }
}

/// Finds plugins of every kind by name.
pub struct PluginRegistry {
    pub store: PluginStore,
    pub project: Project,
    pub logs: Arc<PluginLogs>,
    home: Home,
    host: OnceLock<Arc<PluginHost>>,
    /// Installed plugins that the host has, by name, with their digests and grants
    loaded: Mutex<BTreeMap<String, (Digest, Vec<Capability>)>>,
}

impl PluginRegistry {
    /// Real ones; in a rehearsal changes go to `rehearsal` and are gone with it.
    pub fn new(home: &Home, project: Project, rehearsal: Option<PathBuf>) -> Self {
        let real = self::folder(home);
        let store = match rehearsal {
            Some(folder) => PluginStore::open(folder.join(FOLDER)).over(real),
            None => PluginStore::open(real),
        };
        let bundled = kafsh_bundled::plugins().iter();
        let reserved = bundled.filter_map(|p| Some((p.name.to_string(), kind_of(p)?)));
        PluginRegistry {
            store: store.reserving(reserved),
            project,
            logs: Arc::new(PluginLogs::new(home.state.join("plugin-logs"))),
            home: home.clone(),
            host: OnceLock::new(),
            loaded: Mutex::default(),
        }
    }

    /// A plugin that is part of kafsh, with what its component says.
    ///
    /// # Errors
    /// `bug` where it is not what it should be.
    pub fn bundled(&self, name: &str) -> Result<Option<Inspected>> {
        let found = kafsh_bundled::plugins().iter().find(|plugin| plugin.name == name);
        found.map(inspected).transpose()
    }

    /// All that are part of kafsh.
    ///
    /// # Errors
    /// As [`PluginRegistry::bundled`].
    pub fn all_bundled(&self) -> Result<Vec<Inspected>> {
        kafsh_bundled::plugins().iter().map(inspected).collect()
    }

    /// That an installed plugin may run now, where the project is held to its lock file.
    ///
    /// # Errors
    /// `plugin-not-locked`.
    pub fn check_locked(&self, plugin: &Installed) -> Result<()> {
        if !self.project.locked {
            return Ok(());
        }
        match self.project.lock()? {
            Some(lock) => lock.check(plugin),
            None => {
                let name = &plugin.name;
                let message = format!("plugin `{name}` is not locked: there is no lock file");
                Err(Error::refused("plugin-not-locked", message)
                    .with_evidence(format!("none in {}", self.project.directory.display()))
                    .with_cause("with `--locked` only plugins of `kafsh-plugins.lock` are run")
                    .with_next("plugin install SOURCE --lock"))
            }
        }
    }

    /// The host of all plugins, with the bundled ones.
    ///
    /// # Errors
    /// `bug`.
    pub fn host(&self) -> Result<&Arc<PluginHost>> {
        if let Some(host) = self.host.get() {
            return Ok(host);
        }
        let mut options = HostOptions::new(&self.home.cache, &self.home.state);
        let logs = self.logs.clone();
        options.log = Arc::new(move |line| logs.write(line));
        let host = PluginHost::new(options);
        for plugin in kafsh_bundled::plugins() {
            host.add_bundled(plugin.component, plugin.digest)?;
        }
        Ok(self.host.get_or_init(|| Arc::new(host)))
    }

    /// Keeps in its log that a plugin was refused, as far as it was.
    pub fn keep_refusal(&self, name: &str, error: &Error) {
        if error.class == Class::Refused && error.code.starts_with("plugin-") {
            self.logs.write(&LogLine {
                plugin: name.to_string(),
                level: LogLevel::Error,
                text: format!("{}: {error}", error.code),
                code: Some(error.code.to_string()),
            });
        }
    }

    /// The host, once it has the plugin of this kind and name: installed ones are read, hashed and
    /// held against their grants before each first use.
    ///
    /// # Errors
    /// `plugin-not-found`, `plugin-disabled`, `plugin-not-granted`, `plugin-digest-changed`,
    /// `plugin-not-locked`, `plugin-wrong-kind`.
    pub fn plugin(&self, kind: PluginKind, name: &str) -> Result<&Arc<PluginHost>> {
        let host = self.host()?;
        let wrong_kind = |is: &str| {
            Error::failed("plugin-wrong-kind", format!("`{name}` is a {is}"))
                .with_cause(format!("a {kind} is needed here"))
                .with_next(format!("plugin info {name}"))
        };
        let bundled = kafsh_bundled::plugins().iter().filter(|plugin| plugin.name == name);
        let kinds: Vec<&str> = bundled.map(|plugin| plugin.kind).collect();
        match kinds.first() {
            Some(_) if kinds.contains(&kind.name()) => return Ok(host),
            Some(other) => return Err(wrong_kind(other)),
            None => {}
        }
        let installed = self.store.get(name)?;
        if installed.kind != kind {
            return Err(wrong_kind(installed.kind.name()));
        }
        self.check_locked(&installed)?;
        // Read and hashed although the host has it: a changed file is refused at once.
        let component = self.store.load(&installed)?;
        let current = &installed.current;
        let held = (current.digest.clone(), current.granted.clone());
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.get(name) != Some(&held) {
            let manifest = manifest_of(&component)?;
            host.add(PluginSource {
                kind,
                name: name.to_string(),
                component: component.into(),
                digest: held.0.clone(),
                grants: Grants::of(&held.1),
                manifest,
            })?;
            loaded.insert(name.to_string(), held);
        }
        Ok(host)
    }
}

impl PluginRegistry {
    /// Names the steps that there are, installed ones too.
    fn no_step(&self, name: &str) -> Error {
        let known: Vec<String> = self.list().into_iter().map(|step| step.name).collect();
        let near = suggest(name, known.iter().map(String::as_str));
        let shown = name.escape_debug();
        let message = format!("there is no step `{shown}`{}", did_you_mean(&near));
        let quoted: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        Error::not_found("step-not-found", message)
            .with_evidence(format!("known steps: {}", quoted.join(", ")))
            .with_next("plugin list")
    }
}

fn kind_of(plugin: &Bundled) -> Option<PluginKind> {
    PluginKind::from_name(plugin.kind)
}

fn inspected(plugin: &Bundled) -> Result<Inspected> {
    inspect(plugin.component).map_err(|e| {
        let cause = e.cause.unwrap_or_default();
        Error::bug(format!("the bundled {} `{}`: {cause}", plugin.kind, plugin.name))
    })
}

impl Steps for PluginRegistry {
    fn step(&self, name: &str) -> Result<Arc<dyn Step>> {
        match self.plugin(PluginKind::Step, name) {
            Ok(host) => host.step(name),
            Err(error) if error.code == "plugin-not-found" => Err(self.no_step(name)),
            Err(error) => Err(error),
        }
    }

    fn list(&self) -> Vec<StepInfo> {
        let Ok(host) = self.host() else { return Vec::new() };
        let mut steps = host.list();
        let installed = self.store.list().unwrap_or_default();
        for plugin in installed.into_iter().filter(|plugin| plugin.kind == PluginKind::Step) {
            if !steps.iter().any(|step| step.name == plugin.name) {
                let Installed { name, current, .. } = plugin;
                steps.push(StepInfo { name, version: current.version, summary: current.summary });
            }
        }
        steps
    }
}

impl Policies for PluginRegistry {
    fn policy(&self, name: &str) -> Result<Arc<dyn Policy>> {
        self.plugin(PluginKind::Policy, name)?.policy(name)
    }
}

impl Transforms for PluginRegistry {
    fn transform(&self, name: &str) -> Result<Arc<dyn Transform>> {
        self.plugin(PluginKind::Transform, name)?.transform(name)
    }
}
