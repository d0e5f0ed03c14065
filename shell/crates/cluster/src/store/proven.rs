//! Whether a record went through every replica since the nodes were last started.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;

use kafsh_model::{ClusterName, Error, Result};
use serde::{Deserialize, Serialize};

use super::Store;
use crate::runtime::files;

pub(super) const FILES: [&str; 1] = ["proven.json"];

/// The processes it was proven with: any other process voids it, and so does any start.
#[derive(Serialize, Deserialize)]
struct Proven {
    schema: u32,
    /// pid of each node, by the node's words
    pids: BTreeMap<String, u32>,
}

impl Store {
    /// Records the proof.
    pub(crate) fn set_proven(&self, name: &ClusterName, pids: BTreeMap<String, u32>) -> Result<()> {
        let path = self.state_dir(name).join(FILES[0]);
        let text = serde_json::to_vec(&Proven { schema: 1, pids })
            .map_err(|error| Error::bug(format!("a proof: {error}")))?;
        files::write_atomic(&path, &text, files::PRIVATE)
    }

    /// Voids the proof: before a node starts, or is killed or wiped.
    pub(crate) fn clear_proven(&self, name: &ClusterName) -> Result<()> {
        let path = self.state_dir(name).join(FILES[0]);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(files::io_error("delete", &path, &error))
            }
            _ => Ok(()),
        }
    }

    /// True where the proof was made with exactly these processes. What cannot be read proves
    /// nothing.
    pub(crate) fn is_proven(&self, name: &ClusterName, pids: &BTreeMap<String, u32>) -> bool {
        let path = self.state_dir(name).join(FILES[0]);
        let Ok(bytes) = fs::read(path) else { return false };
        serde_json::from_slice::<Proven>(&bytes)
            .is_ok_and(|proven| proven.schema == 1 && proven.pids == *pids)
    }
}
