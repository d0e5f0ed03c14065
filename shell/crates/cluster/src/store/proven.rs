//! Whether a record went through every replica of a cluster with this layout.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;

use kafsh_model::{ClusterName, Error, Result};
use serde::{Deserialize, Serialize};

use super::Store;
use crate::runtime::files;

pub(super) const FILES: [&str; 1] = ["proven.json"];

/// The layout it was proven with: another one voids it, and so does the death of a server. An
/// orderly stop and start does not.
#[derive(Serialize, Deserialize)]
struct Proven {
    schema: u32,
    /// SHA-256 of each node's layout, by the node's words
    layout: BTreeMap<String, String>,
}

impl Store {
    /// Records the proof.
    pub(crate) fn set_proven(
        &self,
        name: &ClusterName,
        layout: BTreeMap<String, String>,
    ) -> Result<()> {
        let path = self.state_dir(name).join(FILES[0]);
        let text = serde_json::to_vec(&Proven { schema: 1, layout })
            .map_err(|error| Error::bug(format!("a proof: {error}")))?;
        files::write_atomic(&path, &text, files::PRIVATE)
    }

    /// Voids the proof: after a death, and before data is moved or a new proof is made.
    pub(crate) fn clear_proven(&self, name: &ClusterName) -> Result<()> {
        let path = self.state_dir(name).join(FILES[0]);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(files::io_error("delete", &path, &error))
            }
            _ => Ok(()),
        }
    }

    /// The layout of the last proof, by the nodes' words. What cannot be read proves nothing.
    pub(crate) fn proven_layout(&self, name: &ClusterName) -> Option<BTreeMap<String, String>> {
        let bytes = fs::read(self.state_dir(name).join(FILES[0])).ok()?;
        let proven: Proven = serde_json::from_slice(&bytes).ok()?;
        (proven.schema == 1).then_some(proven.layout)
    }
}
