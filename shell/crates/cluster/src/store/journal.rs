//! The journal of a cluster: what each run was about to do, and what came of it.
//!
//! A line is written before an action and another after it. Lines are not synced: they have to
//! outlive a killed shell, which needs no more than the write; a power loss takes the servers too,
//! and what they left is looked at anew.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use kafsh_model::plan::Action;
use kafsh_model::{ClusterName, Error, Result};
use serde::{Deserialize, Serialize};

use super::Store;
use crate::runtime::files;

const SCHEMA: u32 = 1;

pub(super) const FILES: [&str; 2] = ["journal.jsonl", "journal.1.jsonl"];

/// Size at which a journal is set aside when a run begins, in bytes; one older file is kept.
const JOURNAL_BYTES_MAX: u64 = 1 << 20;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub schema: u32,
    /// Names the run: 128 random bits
    pub run: String,
    /// ms since 1970-01-01 UTC
    pub time_ms: i64,
    #[serde(flatten)]
    pub event: Event,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    Began {
        command: String,
        pid: u32,
    },
    /// About to do it
    Intent {
        step: String,
        what: Action,
    },
    Done {
        step: String,
    },
    Failed {
        step: String,
        code: String,
        message: String,
    },
    Undone {
        what: String,
    },
    Ended {
        end: JournalEnd,
    },
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JournalEnd {
    Done,
    /// Failed, and everything was undone
    Undone,
    /// Failed, and something was left
    Left,
}

/// What the last run left open, where it has no end of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    pub began_ms: i64,
    pub pid: u32,
    pub done: u32,
    pub in_flight: Option<Action>,
}

/// The open journal of one run.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    run: String,
}

impl Journal {
    /// Adds one line.
    ///
    /// # Errors
    /// Where it cannot be written: then the action must not be begun.
    pub fn write(&mut self, event: Event) -> Result<()> {
        let time_ms = i64::try_from(files::now_ms()).unwrap_or(i64::MAX);
        let entry = Entry { schema: SCHEMA, run: self.run.clone(), time_ms, event };
        let mut line = serde_json::to_string(&entry)
            .map_err(|error| Error::bug(format!("a journal entry: {error}")))?;
        line.push('\n');
        self.file
            .write_all(line.as_bytes())
            .map_err(|error| files::io_error("write", &self.path, &error))
    }
}

impl Store {
    /// Begins a run: opens the journal, and tells what the last run left open.
    ///
    /// # Errors
    /// Where the journal cannot be read or written; `state-too-new`.
    pub fn begin_run(
        &self,
        name: &ClusterName,
        command: &str,
    ) -> Result<(Journal, Option<Unfinished>)> {
        let folder = self.state_dir(name);
        files::create_dir_all(&folder)?;
        let path = folder.join(FILES[0]);
        let (text, whole) = read(&path)?;
        let unfinished = unfinished(&text, &path)?;
        if text.len() as u64 > JOURNAL_BYTES_MAX {
            let old = folder.join(FILES[1]);
            fs::rename(&path, &old).map_err(|e| files::io_error("set aside", &path, &e))?;
        }
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(files::PRIVATE)
            .open(&path)
            .map_err(|error| files::io_error("open", &path, &error))?;
        if !whole {
            // The last line was cut off by a crash; the next begins on a line of its own.
            file.write_all(b"\n").map_err(|error| files::io_error("write", &path, &error))?;
        }
        let mut journal = Journal { file, path, run: files::nonce()? };
        journal.write(Event::Began { command: command.to_string(), pid: std::process::id() })?;
        Ok((journal, unfinished))
    }

    /// What the last run left open; `None` where it came to its end.
    ///
    /// # Errors
    /// Where the journal cannot be read; `state-too-new`.
    pub fn unfinished(&self, name: &ClusterName) -> Result<Option<Unfinished>> {
        let path = self.state_dir(name).join(FILES[0]);
        let (text, _) = read(&path)?;
        unfinished(&text, &path)
    }

    /// Every entry that can be read, oldest first.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn journal(&self, name: &ClusterName) -> Result<Vec<Entry>> {
        let (text, _) = read(&self.state_dir(name).join(FILES[0]))?;
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}

/// The text, and whether its last line is whole.
fn read(path: &Path) -> Result<(String, bool)> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(files::io_error("read", path, &error)),
    };
    let whole = bytes.is_empty() || bytes.ends_with(b"\n");
    Ok((String::from_utf8_lossy(&bytes).into_owned(), whole))
}

/// Walks to the last run. Lines that cannot be read were cut off by a crash: they are passed over.
fn unfinished(text: &str, path: &Path) -> Result<Option<Unfinished>> {
    let mut open: Option<Unfinished> = None;
    for line in text.lines() {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let schema = value.get("schema").and_then(serde_json::Value::as_i64).unwrap_or(0);
        if schema > i64::from(SCHEMA) {
            return Err(super::too_new(path, schema));
        }
        let Ok(entry) = serde_json::from_value::<Entry>(value) else { continue };
        match (entry.event, &mut open) {
            (Event::Began { pid, .. }, _) => {
                open = Some(Unfinished { began_ms: entry.time_ms, pid, done: 0, in_flight: None });
            }
            (Event::Intent { what, .. }, Some(run)) => run.in_flight = Some(what),
            (Event::Done { .. }, Some(run)) => {
                run.in_flight = None;
                run.done += 1;
            }
            (Event::Ended { .. }, _) => open = None,
            _ => {}
        }
    }
    Ok(open)
}
