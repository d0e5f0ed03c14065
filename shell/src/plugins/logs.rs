//! Lines that plugins logged, kept in bounded files under the state folder for `plugin logs`.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use kafsh_cluster::store::set_aside;
use kafsh_host::{LogLevel, LogLine, is_plugin_name};
use kafsh_model::{Error, Result};
use serde_json::{Value, json};

/// Bytes of the file of one plugin; a full one is put aside, and the one put aside before goes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Bytes that are read of each of the two files of a plugin: what one may have, and a line more.
const READ_BYTES_MAX: u64 = FILE_BYTES_MAX + (64 << 10);

const PRIVATE_FILE_MODE: u32 = 0o600;
const PRIVATE_DIR_MODE: u32 = 0o700;

/// One file for each plugin, and one that is full.
pub struct PluginLogs {
    folder: PathBuf,
    /// Lines of one process do not mix; those of another are appended as a whole
    writing: Mutex<()>,
}

impl PluginLogs {
    pub fn new(folder: PathBuf) -> Self {
        PluginLogs { folder, writing: Mutex::new(()) }
    }

    /// Keeps a line. A log that cannot be written fails no command.
    pub fn write(&self, line: &LogLine) {
        if is_plugin_name(&line.plugin) {
            let _ = self.append(line);
        }
    }

    fn path(&self, name: &str, full: bool) -> PathBuf {
        self.folder.join(format!("{name}.jsonl{}", if full { ".1" } else { "" }))
    }

    fn append(&self, line: &LogLine) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        fs::DirBuilder::new().recursive(true).mode(PRIVATE_DIR_MODE).create(&self.folder)?;
        let path = self.path(&line.plugin, false);
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(PRIVATE_FILE_MODE);
        set_aside(&path, &self.path(&line.plugin, true), FILE_BYTES_MAX - 1)?;
        let mut file = options.open(&path)?;
        let entry = json!({
            "time_ms": jiff::Timestamp::now().as_millisecond(),
            "level": level(line.level),
            "text": line.text,
            "code": line.code,
        });
        // At once, so that lines of two shells do not mix.
        file.write_all(format!("{entry}\n").as_bytes())
    }

    /// The last `count` lines of a plugin, the oldest first. A line that was cut short by a crash
    /// is passed over.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub fn read(&self, name: &str, count: usize) -> Result<Vec<Value>> {
        let failed = |e: io::Error| Error::io(format!("the log of plugin `{name}`"), &e);
        let mut lines = Vec::new();
        for full in [true, false] {
            let Some(text) = self.end_of(name, full).map_err(failed)? else { continue };
            let entries = text.lines().filter_map(|line| serde_json::from_str(line).ok());
            lines.extend(entries.filter(Value::is_object));
        }
        let surplus = lines.len().saturating_sub(count);
        lines.drain(..surplus);
        Ok(lines)
    }

    fn end_of(&self, name: &str, full: bool) -> io::Result<Option<String>> {
        let mut file = match File::open(self.path(name, full)) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(READ_BYTES_MAX)))?;
        let mut bytes = Vec::new();
        file.take(READ_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Plugins that there are lines of, in order.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>> {
        let failed = |e: io::Error| Error::io("the logs of plugins", &e);
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed(e)),
        };
        let mut names = BTreeSet::new();
        for entry in entries {
            let file = entry.map_err(failed)?.file_name();
            let name = file.to_str().and_then(|file| file.split_once(".jsonl")).map(|(n, _)| n);
            names.extend(name.filter(|name| is_plugin_name(name)).map(String::from));
        }
        Ok(names.into_iter().collect())
    }

    /// Deletes the lines of a plugin that is gone.
    pub fn forget(&self, name: &str) {
        for full in [true, false] {
            let _ = fs::remove_file(self.path(name, full));
        }
    }
}

fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(plugin: &str, text: &str) -> LogLine {
        LogLine { plugin: plugin.into(), level: LogLevel::Warn, text: text.into(), code: None }
    }

    #[test]
    fn lines_are_kept_and_read_by_plugin() {
        let home = tempfile::tempdir().unwrap();
        let logs = PluginLogs::new(home.path().join("logs"));
        assert!(logs.read("naming", 10).unwrap().is_empty());
        for number in 0..5 {
            logs.write(&line("naming", &format!("line {number}")));
        }
        logs.write(&line("../outside", "no"));
        let read = logs.read("naming", 2).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!((&read[0]["text"], &read[1]["level"]), (&json!("line 3"), &json!("warn")));
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing outside");
        assert_eq!(logs.names().unwrap(), ["naming"]);
        logs.forget("naming");
        assert!(logs.read("naming", 10).unwrap().is_empty());
    }

    #[test]
    fn files_are_bounded_and_the_latest_lines_stay() {
        let home = tempfile::tempdir().unwrap();
        let logs = PluginLogs::new(home.path().to_path_buf());
        let long = "x".repeat(60 << 10);
        for number in 0..60 {
            logs.write(&line("naming", &format!("{number} {long}")));
        }
        let sizes =
            fs::read_dir(home.path()).unwrap().map(|f| f.unwrap().metadata().unwrap().len());
        assert!(sizes.sum::<u64>() <= 2 * READ_BYTES_MAX);
        let last = logs.read("naming", 1).unwrap();
        assert!(last[0]["text"].as_str().unwrap().starts_with("59 "));
    }
}
