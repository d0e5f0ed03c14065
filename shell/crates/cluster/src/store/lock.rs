//! One command at a time changes a cluster: a file lock that ends with its process.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
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

    pub(super) fn lock_file(&self, name: &str, command: &str) -> Result<ClusterLock> {
        let folder = self.home.join("locks");
        files::create_dir_all(&folder)?;
        let path = folder.join(format!("{name}.lock"));
        let fail = |error: &std::io::Error| files::io_error("open the lock", &path, error);
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| fail(&error))?;
        let begin = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
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
