//! The audit log: every command that changed something, one JSON object a line.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use kafsh_model::Result;
use serde::{Deserialize, Serialize};

use super::Store;
use crate::runtime::files;

/// Size at which the log is set aside as `audit.1.jsonl`, in bytes; one older file is kept.
pub const AUDIT_BYTES_MAX: u64 = 4 << 20;

/// Longest command line that is kept, in bytes.
const COMMAND_BYTES_MAX: usize = 4096;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// ms since 1970-01-01 UTC
    pub time_ms: i64,
    pub cluster: Option<String>,
    /// Secrets masked already, see `kafsh_model::secrets`
    pub command: String,
    /// `done`, or the code of the error
    pub outcome: String,
}

impl Store {
    /// Adds an entry. One write of one line: two shells do not tear each other's lines.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn audit(&self, entry: &AuditEntry) -> Result<()> {
        let path = self.home.join("audit.jsonl");
        files::create_dir_all(&self.home)?;
        if fs::metadata(&path).is_ok_and(|meta| meta.len() > AUDIT_BYTES_MAX) {
            let old = self.home.join("audit.1.jsonl");
            fs::rename(&path, &old).map_err(|e| files::io_error("set aside", &path, &e))?;
        }
        let mut entry = entry.clone();
        if entry.command.len() > COMMAND_BYTES_MAX {
            let cut = entry.command.floor_char_boundary(COMMAND_BYTES_MAX);
            entry.command.truncate(cut);
            entry.command.push('…');
        }
        let mut line = serde_json::to_string(&entry)
            .map_err(|error| kafsh_model::Error::bug(format!("an audit entry: {error}")))?;
        line.push('\n');
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(files::PRIVATE)
            .open(&path)
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .map_err(|error| files::io_error("write", &path, &error))
    }

    /// The last entries, oldest first; lines that cannot be read are passed over.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn audit_tail(&self, count: usize) -> Result<Vec<AuditEntry>> {
        let path = self.home.join("audit.jsonl");
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(files::io_error("read", &path, &error)),
        };
        let entries: Vec<AuditEntry> =
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ok(entries[entries.len().saturating_sub(count)..].to_vec())
    }
}
