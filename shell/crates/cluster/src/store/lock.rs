//! One command at a time changes a cluster: a file lock that ends with its process.

use std::fs::{self, File, Metadata, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use kafsh_model::{ClusterName, Error, Result};

use super::Store;
use crate::runtime::files;

/// How long a lock that is held is tried again: an engine that just ended may be on its way out.
const LOCK_PATIENCE: Duration = Duration::from_millis(200);

/// Longest description of a holder that is read, in bytes.
const HOLDER_BYTES_MAX: u64 = 1024;

/// Held until it is dropped. The descriptor is close-on-exec, as all of Rust's are, so that no
/// server inherits it.
#[derive(Debug)]
pub struct ClusterLock {
    _file: File,
}

impl Store {
    /// Takes a cluster's lock. What is in the file only informs; the kernel's lock decides.
    ///
    /// # Errors
    /// `locked` (class busy), with pid and command of the holder.
    pub fn lock(&self, name: &ClusterName, command: &str) -> Result<ClusterLock> {
        self.lock_file(name.as_str(), command)
    }

    /// Deletes the file of a cluster's lock, which the caller holds and needs no more: whoever
    /// opened it before sees that it is another's and opens it anew.
    pub(crate) fn remove_lock(&self, name: &ClusterName) {
        // An empty file that stays harms nobody.
        let _ = fs::remove_file(self.home.join("locks").join(format!("{name}.lock")));
    }

    pub(super) fn lock_file(&self, name: &str, command: &str) -> Result<ClusterLock> {
        let folder = self.home.join("locks");
        files::create_dir_all(&folder)?;
        let path = folder.join(format!("{name}.lock"));
        let fail = |error: &std::io::Error| files::io_error("open the lock", &path, error);
        let open = || {
            let mut options = fs::OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).open(&path)
        };
        let mut file = open().map_err(|error| fail(&error))?;
        let begin = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => break,
                // Its cluster was destroyed, and the file with it, between our opening and locking.
                Ok(()) => file = open().map_err(|error| fail(&error))?,
                Err(TryLockError::WouldBlock) if begin.elapsed() < LOCK_PATIENCE => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => return Err(held(name, &mut file)),
                Err(TryLockError::Error(error)) => return Err(fail(&error)),
            }
        }
        // Informative only: a failure here changes nothing about the lock.
        let _ = file.set_len(0);
        let _ = file.seek(SeekFrom::Start(0));
        let _ = writeln!(file, "{}\n{command}", std::process::id());
        Ok(ClusterLock { _file: file })
    }
}

/// Whether `path` is still this file.
fn is_at(file: &File, path: &Path) -> bool {
    let inode = |metadata: Metadata| (metadata.dev(), metadata.ino());
    let there = fs::metadata(path).map(inode).ok();
    there.is_some() && there == file.metadata().map(inode).ok()
}

fn held(name: &str, file: &mut File) -> Error {
    let mut text = Vec::new();
    let _ = file.seek(SeekFrom::Start(0));
    let _ = file.take(HOLDER_BYTES_MAX).read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut lines = text.lines();
    let pid = lines.next().unwrap_or("").trim();
    let command = lines.next().unwrap_or("").trim();
    let mut error = Error::busy("locked", format!("another kafsh is changing cluster `{name}`"))
        .with_cause("only one command at a time changes a cluster");
    if !pid.is_empty() {
        let command = if command.is_empty() { "kafsh" } else { command };
        error = error.with_evidence(format!("pid {pid}: {}", command.escape_debug()));
    }
    error.with_next(format!("wait 60s cluster status {name} | jq '.healthy'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody opened the file, the cluster was destroyed, a third one made it anew.
    #[test]
    fn a_lock_on_a_file_that_is_gone_is_no_lock() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let name = ClusterName::new("demo").unwrap();
        let first = store.lock(&name, "destroy").unwrap();
        store.remove_lock(&name);
        let path = home.path().join("locks/demo.lock");
        assert!(!is_at(&first._file, &path));
        let second = store.lock(&name, "up").unwrap();
        assert!(is_at(&second._file, &path));
        assert_eq!(store.lock(&name, "up").unwrap_err().code, "locked");
        drop(first);
        assert_eq!(store.lock(&name, "up").unwrap_err().code, "locked");
    }
}
