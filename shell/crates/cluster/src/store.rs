//! State on disk: specs, locks, journal, attached clusters, the audit log.
//!
//! ```text
//! <home>/clusters/<name>/spec.toml       the wish
//!                        state/          journal.jsonl, proven.json, identity.json,
//!                                        owner.json: the engine's
//!                        nodes/          zookeeper/, broker-<id>/: the runtime's
//!                        archive/        units moved aside: the runtime's
//! <home>/locks/<name>.lock               held while a command changes the cluster
//! <home>/current                         the cluster of `cluster use`
//! <home>/attached.toml                   clusters that are not ours
//! <home>/audit.jsonl                     every command that changed something
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use kafsh_model::spec::{ClusterSpec, SPEC_SCHEMA};
use kafsh_model::{ClusterName, Error, Result, suggest};

use crate::runtime::files;
use crate::spec::{PortRegistry, read_full, render};

mod attached;
mod audit;
mod identity;
mod journal;
mod lock;
mod owner;
mod policies;
mod proven;

pub use attached::Attached;
pub use audit::{AUDIT_BYTES_MAX, AUDIT_DONE, AuditEntry, AuditQuery, set_aside};
pub use journal::{Entry, Event, Journal, JournalEnd, Unfinished};
pub use lock::ClusterLock;
pub use owner::Owner;

/// Everything kafsh keeps, below one folder. Cheap to clone; nothing is made before it is needed.
#[derive(Clone, Debug)]
pub struct Store {
    home: PathBuf,
}

impl Store {
    /// `home` is `KAFSH_HOME` or what stands for it.
    ///
    /// # Errors
    /// `bad-home` where it is not an absolute path, or is `/` itself.
    pub fn open(home: impl Into<PathBuf>) -> Result<Self> {
        let home = home.into();
        if !home.is_absolute() || home.parent().is_none() {
            return Err(Error::usage(
                "bad-home",
                format!("`{}` is no folder for kafsh's state", home.display()),
            )
            .with_cause("it is an absolute path below `/`"));
        }
        Ok(Store { home })
    }

    pub fn home(&self) -> &Path {
        &self.home
    }

    pub fn clusters_dir(&self) -> PathBuf {
        self.home.join("clusters")
    }

    pub fn cluster_dir(&self, name: &ClusterName) -> PathBuf {
        self.clusters_dir().join(name.as_str())
    }

    pub fn state_dir(&self, name: &ClusterName) -> PathBuf {
        self.cluster_dir(name).join("state")
    }

    pub fn spec_path(&self, name: &ClusterName) -> PathBuf {
        self.cluster_dir(name).join("spec.toml")
    }

    /// Names of the managed clusters, in alphabetical order. Folders without a spec, and with names
    /// that are none, are passed over: they are not ours.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn list(&self) -> Result<Vec<ClusterName>> {
        let names = files::names_in(&self.clusters_dir())?;
        let names = names.into_iter().filter_map(|name| ClusterName::new(name).ok());
        Ok(names.filter(|name| self.exists(name)).collect())
    }

    pub fn exists(&self, name: &ClusterName) -> bool {
        self.spec_path(name).is_file()
    }

    /// A managed cluster's spec.
    ///
    /// # Errors
    /// `cluster-not-found` with what may have been meant; `state-damaged` or `state-too-new`, and
    /// the file stays as it is.
    pub fn load_spec(&self, name: &ClusterName) -> Result<ClusterSpec> {
        let path = self.spec_path(name);
        let Some(text) = files::read_small_text(&path)? else { return Err(self.not_found(name)) };
        check_schema(&text, &path)?;
        let spec = read_full(&text, &path.display().to_string())
            .map_err(|error| damaged(&path, &error.message))?;
        if spec.name != *name {
            return Err(damaged(&path, &format!("it is the spec of `{}`", spec.name)));
        }
        Ok(spec)
    }

    /// That a cluster does not exist, with what may have been meant.
    pub fn not_found(&self, name: &ClusterName) -> Error {
        let known = self.list().unwrap_or_default();
        let near = suggest::suggest(name.as_str(), known.iter().map(ClusterName::as_str));
        let mut error = Error::not_found("cluster-not-found", format!("no cluster `{name}`"));
        if let Some(near) = near.first() {
            error = error.with_cause(format!("did you mean `{near}`?"));
        }
        error.with_next("cluster list").with_next(format!("cluster up {name}"))
    }

    /// Replaces a cluster's spec; makes its folder. Only under its lock.
    ///
    /// # Errors
    /// Where the file cannot be written; the old one is then intact.
    pub fn save_spec(&self, spec: &ClusterSpec) -> Result<()> {
        let path = self.spec_path(&spec.name);
        files::create_dir_all(&self.state_dir(&spec.name))?;
        files::write_atomic(&path, render(spec)?.as_bytes(), files::PRIVATE)
    }

    /// Takes a cluster's spec and state away, and its folder if nothing else is in it. What the
    /// runtime keeps there is the runtime's to delete, before.
    ///
    /// # Errors
    /// Where a file cannot be deleted.
    pub fn remove(&self, name: &ClusterName) -> Result<()> {
        let folder = self.cluster_dir(name);
        let state = self.state_dir(name);
        let gone = |outcome: std::io::Result<()>, path: &Path| match outcome {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(files::io_error("delete", path, &error))
            }
            _ => Ok(()),
        };
        // The spec last: until it is gone, the cluster is listed and can be destroyed again.
        let state_files = [&proven::FILES, &identity::FILES, &owner::FILES];
        for file in journal::FILES.iter().chain(state_files.into_iter().flatten()) {
            let path = state.join(file);
            gone(fs::remove_file(&path), &path)?;
        }
        // Not empty, where the runtime keeps something: then it stays.
        let _ = fs::remove_dir(&state);
        let spec = self.spec_path(name);
        gone(fs::remove_file(&spec), &spec)?;
        let _ = fs::remove_dir(&folder);
        if self.current()?.as_ref() == Some(name) {
            self.set_current(None)?;
        }
        Ok(())
    }

    /// The cluster of `cluster use`; `None` where none was chosen, or what was chosen is no name.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn current(&self) -> Result<Option<ClusterName>> {
        let text = files::read_small_text(&self.home.join("current"))?;
        Ok(text.and_then(|text| ClusterName::new(text.trim()).ok()))
    }

    /// # Errors
    /// Where the file cannot be written.
    pub fn set_current(&self, name: Option<&ClusterName>) -> Result<()> {
        let path = self.home.join("current");
        match name {
            Some(name) => {
                files::create_dir_all(&self.home)?;
                files::write_atomic(&path, format!("{name}\n").as_bytes(), files::PRIVATE)
            }
            None => match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    Err(files::io_error("delete", &path, &error))
                }
                _ => Ok(()),
            },
        }
    }

    /// The ports that clusters other than `except` keep, over `registry`'s own bind test. Specs
    /// that cannot be read are passed over: one damaged cluster must not stop all others.
    ///
    /// # Errors
    /// Where the folder of clusters cannot be read.
    pub fn keep_ports(
        &self,
        mut registry: PortRegistry,
        except: Option<&ClusterName>,
    ) -> Result<PortRegistry> {
        for name in self.list()?.iter().filter(|name| Some(*name) != except) {
            if let Ok(spec) = self.load_spec(name) {
                registry.add(&spec);
            }
        }
        Ok(registry)
    }
}

/// Refuses a file of a newer schema before its fields are looked at.
fn check_schema(text: &str, path: &Path) -> Result<()> {
    let table: toml::Table =
        toml::from_str(text).map_err(|error| damaged(path, error.message()))?;
    match table.get("schema").and_then(toml::Value::as_integer) {
        Some(schema) if schema > i64::from(SPEC_SCHEMA) => Err(too_new(path, schema)),
        Some(_) => Ok(()),
        None => Err(damaged(path, "it has no `schema`")),
    }
}

fn too_new(path: &Path, schema: i64) -> Error {
    Error::failed("state-too-new", format!("`{}` was written by a newer kafsh", path.display()))
        .with_evidence(format!("schema {schema}, this kafsh knows {SPEC_SCHEMA}"))
        .with_cause("an older kafsh could lose what it does not know, so it changes nothing")
}

/// A state file that cannot be understood. It is never overwritten or deleted because of that:
/// whoever wants it out of the way moves it, and every command that needs it would fail as this.
fn damaged(path: &Path, why: &str) -> Error {
    let file = path.display().to_string().replace('\'', r"'\''");
    Error::failed("state-damaged", format!("`{}` cannot be understood", path.display()))
        .with_evidence(why.to_string())
        .with_cause("the file was changed by something else; it was left as it is")
        .with_next(format!("!mv '{file}' '{file}.damaged'"))
}
