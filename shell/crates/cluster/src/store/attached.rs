//! Clusters that are not ours: how they are reached, and whether they may be changed.

use std::collections::BTreeMap;

use kafsh_model::{ClusterName, Error, Result};
use serde::{Deserialize, Serialize};

use super::{Store, check_schema, damaged};
use crate::runtime::files;

const SCHEMA: u32 = 1;

/// Most clusters that can be attached.
const ATTACHED_MAX: usize = 1000;

/// One attached cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attached {
    pub name: ClusterName,
    /// `host:port`, at least one
    pub bootstrap: Vec<String>,
    /// `host:port/chroot`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zookeeper: Option<String>,
    /// Commands that change something are refused
    #[serde(default = "yes")]
    pub read_only: bool,
    /// The id it had when it was attached: another id is another cluster
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// Properties for the client (`-X key=value`); may hold secrets, so the file is private
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub client: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    #[serde(default)]
    cluster: Vec<Attached>,
}

impl Store {
    /// The attached clusters, in alphabetical order.
    ///
    /// # Errors
    /// `state-damaged`, `state-too-new`.
    pub fn attached(&self) -> Result<Vec<Attached>> {
        let path = self.home.join("attached.toml");
        let Some(text) = files::read_small_text(&path)? else { return Ok(Vec::new()) };
        check_schema(&text, &path)?;
        let mut file: File =
            toml::from_str(&text).map_err(|error| damaged(&path, error.message()))?;
        file.cluster.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(file.cluster)
    }

    /// The attached cluster of this name.
    ///
    /// # Errors
    /// As [`Store::attached`].
    pub fn attached_cluster(&self, name: &ClusterName) -> Result<Option<Attached>> {
        Ok(self.attached()?.into_iter().find(|attached| attached.name == *name))
    }

    /// Adds an attached cluster, or replaces the one of the same name.
    ///
    /// # Errors
    /// `cluster-exists` where a managed cluster has the name; `bad-bootstrap`.
    pub fn attach(&self, attached: Attached) -> Result<()> {
        if self.exists(&attached.name) {
            return Err(Error::failed(
                "cluster-exists",
                format!("`{}` is a cluster of this host", attached.name),
            )
            .with_cause("a name is either managed or attached"));
        }
        if attached.bootstrap.is_empty() {
            return Err(Error::usage("bad-bootstrap", "no `host:port` to attach to"));
        }
        let _lock = self.lock_registry()?;
        let mut all = self.attached()?;
        all.retain(|other| other.name != attached.name);
        if all.len() >= ATTACHED_MAX {
            return Err(Error::failed("too-many-clusters", "too many attached clusters")
                .with_cause(format!("at most {ATTACHED_MAX} can be attached")));
        }
        all.push(attached);
        self.save_attached(all)
    }

    /// Forgets an attached cluster; false where there was none.
    ///
    /// # Errors
    /// As [`Store::attached`].
    pub fn detach(&self, name: &ClusterName) -> Result<bool> {
        let _lock = self.lock_registry()?;
        let mut all = self.attached()?;
        let before = all.len();
        all.retain(|other| other.name != *name);
        if all.len() == before {
            return Ok(false);
        }
        self.save_attached(all)?;
        Ok(true)
    }

    fn lock_registry(&self) -> Result<super::ClusterLock> {
        // No cluster can have this name: names begin with a letter or digit.
        self.lock_file(".attached", "cluster attach")
    }

    fn save_attached(&self, mut cluster: Vec<Attached>) -> Result<()> {
        cluster.sort_by(|a, b| a.name.cmp(&b.name));
        let text = toml::to_string(&File { schema: SCHEMA, cluster })
            .map_err(|error| Error::bug(format!("attached clusters: {error}")))?;
        files::create_dir_all(&self.home)?;
        files::write_atomic(&self.home.join("attached.toml"), text.as_bytes(), files::PRIVATE)
    }
}
