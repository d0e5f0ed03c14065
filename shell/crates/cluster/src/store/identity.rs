//! The id that a cluster had when it was last ready: what its data has to belong to, while no
//! ZooKeeper runs that could tell.

use std::fs;
use std::io::ErrorKind;

use kafsh_model::{ClusterName, Error, Result};
use serde::{Deserialize, Serialize};

use super::Store;
use crate::runtime::files;

pub(super) const FILES: [&str; 1] = ["identity.json"];

#[derive(Serialize, Deserialize)]
struct Identity {
    schema: u32,
    /// As in `/cluster/id` of ZooKeeper
    cluster_id: String,
}

impl Store {
    /// Records the id of a cluster that is ready. Writes only what is new.
    pub(crate) fn set_cluster_id(&self, name: &ClusterName, id: &str) -> Result<()> {
        if self.cluster_id(name).as_deref() == Some(id) {
            return Ok(());
        }
        let path = self.state_dir(name).join(FILES[0]);
        let text = serde_json::to_vec(&Identity { schema: 1, cluster_id: id.to_string() })
            .map_err(|error| Error::bug(format!("an identity: {error}")))?;
        files::write_atomic(&path, &text, files::PRIVATE)
    }

    /// Before data is moved aside, brought back or deleted: another id may follow.
    pub(crate) fn clear_cluster_id(&self, name: &ClusterName) -> Result<()> {
        let path = self.state_dir(name).join(FILES[0]);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(files::io_error("delete", &path, &error))
            }
            _ => Ok(()),
        }
    }

    /// The recorded id; `None` where the cluster was never ready, or nothing readable is there.
    pub(crate) fn cluster_id(&self, name: &ClusterName) -> Option<String> {
        let bytes = fs::read(self.state_dir(name).join(FILES[0])).ok()?;
        let identity: Identity = serde_json::from_slice(&bytes).ok()?;
        (identity.schema == 1).then_some(identity.cluster_id)
    }
}
