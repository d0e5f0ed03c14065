//! The audit log: every command that changed something, one JSON object a line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use kafsh_model::Result;
use serde::{Deserialize, Serialize};

use super::Store;
use crate::runtime::files;

/// Size at which the log is set aside as `audit.1.jsonl`, in bytes; one older file is kept.
pub const AUDIT_BYTES_MAX: u64 = 4 << 20;

/// Longest command line that is kept, in bytes.
const COMMAND_BYTES_MAX: usize = 4096;

/// Bytes that are read of each of the two files: what one may have, and a long line more.
const READ_BYTES_MAX: u64 = AUDIT_BYTES_MAX + (64 << 10);

const CURRENT: &str = "audit.jsonl";
const OLDER: &str = "audit.1.jsonl";

/// The outcome of a command that did what it was asked to.
pub const AUDIT_DONE: &str = "done";

/// Which entries are wanted.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// At most so many, the newest
    pub count: usize,
    /// Not older; ms since 1970-01-01 UTC
    pub since_ms: Option<i64>,
    /// Only those that did not do what they were asked to
    pub failed: bool,
    /// Only those about this cluster
    pub cluster: Option<String>,
}

impl AuditQuery {
    fn is_about(&self, entry: &AuditEntry) -> bool {
        self.since_ms.is_none_or(|since| entry.time_ms >= since)
            && !(self.failed && entry.outcome == AUDIT_DONE)
            && (self.cluster.is_none() || self.cluster == entry.cluster)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// ms since 1970-01-01 UTC
    pub time_ms: i64,
    pub cluster: Option<String>,
    /// Secrets masked already, see `kafsh_model::secrets`
    pub command: String,
    /// [`AUDIT_DONE`], or the code of the error
    pub outcome: String,
}

/// Renames a log that is larger than `bytes_max` to `old`, in place of what was there. Two shells
/// that find it too large at once do it once: the second would put the new log in place of the
/// full one.
///
/// # Errors
/// It cannot be renamed.
pub fn set_aside(path: &Path, old: &Path, bytes_max: u64) -> io::Result<()> {
    if !fs::metadata(path).is_ok_and(|meta| meta.len() > bytes_max) {
        return Ok(());
    }
    let Ok(file) = File::open(path) else { return Ok(()) };
    // Who does not get the lock leaves it to who has it.
    if file.try_lock().is_err() {
        return Ok(());
    }
    // Under the lock: what was opened may be the new one already, what has the name another.
    let (locked, now) = (file.metadata()?, fs::metadata(path));
    let is_same = |now: fs::Metadata| {
        locked.len() > bytes_max && (now.dev(), now.ino()) == (locked.dev(), locked.ino())
    };
    match now.is_ok_and(is_same) {
        true => fs::rename(path, old),
        false => Ok(()),
    }
}

impl Store {
    /// Adds an entry. One write of one line: two shells do not tear each other's lines.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn audit(&self, entry: &AuditEntry) -> Result<()> {
        let path = self.home.join(CURRENT);
        files::create_dir_all(&self.home)?;
        set_aside(&path, &self.home.join(OLDER), AUDIT_BYTES_MAX)
            .map_err(|e| files::io_error("set aside", &path, &e))?;
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

    /// Entries that fit, newest first; lines that cannot be read are passed over.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn audit_entries(&self, wanted: &AuditQuery) -> Result<Vec<AuditEntry>> {
        let mut entries = Vec::new();
        for name in [CURRENT, OLDER] {
            let path = self.home.join(name);
            let text = end_of(&path).map_err(|error| files::io_error("read", &path, &error))?;
            let read = text.lines().rev().filter_map(|line| serde_json::from_str(line).ok());
            let fits = read.filter(|entry| wanted.is_about(entry));
            entries.extend(fits.take(wanted.count - entries.len()));
        }
        Ok(entries)
    }
}

/// The end of a log, within bounds; empty where there is none.
fn end_of(path: &Path) -> io::Result<String> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(READ_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(READ_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_that_find_a_log_full_at_once_lose_none_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let (log, old) = (folder.path().join("log"), folder.path().join("log.1"));
        for round in 0..50 {
            let _ = fs::remove_file(&old);
            fs::write(&log, vec![b'x'; 100]).unwrap();
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        set_aside(&log, &old, 50).unwrap();
                        let mut file = OpenOptions::new().append(true).create(true).open(&log);
                        file.as_mut().unwrap().write_all(b"y").unwrap();
                    });
                }
            });
            let kept = fs::read(&old).unwrap();
            assert!(kept.starts_with(&[b'x'; 100]), "round {round}: {} bytes", kept.len());
        }
    }

    #[test]
    fn a_log_that_is_being_set_aside_is_left_to_who_does_it() {
        let folder = tempfile::tempdir().unwrap();
        let (log, old) = (folder.path().join("log"), folder.path().join("log.1"));
        fs::write(&log, vec![b'x'; 100]).unwrap();
        let held = File::open(&log).unwrap();
        held.lock().unwrap();
        set_aside(&log, &old, 50).unwrap();
        assert!(!old.exists());
        drop(held);
        set_aside(&log, &old, 50).unwrap();
        assert!(old.exists() && !log.exists());
    }
}
