//! What was typed before: a file of ours, private, without secrets, bounded.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use kafsh_model::secrets;
use rustix::fs::OFlags;

/// Most entries that are kept.
pub const ENTRIES_MAX: usize = 10_000;

/// Longest entry that is kept, in bytes: a pasted file is no line to search for.
const ENTRY_BYTES_MAX: usize = 16 << 10;

/// Most bytes of the file that are read.
const FILE_BYTES_MAX: u64 = 32 << 20;

/// Read and written by the user alone.
const PRIVATE: u32 = 0o600;
const PRIVATE_FOLDER: u32 = 0o700;

/// Words that make a line one that is not kept, whatever stands behind them.
const SECRETS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "jaas",
    "credential",
    "token=",
    "api.key",
    "apikey",
    "private.key",
    "bearer ",
];

/// The file of entries, one a line, `\n` and `\\` escaped. A history that cannot be read or written
/// costs nobody a command, so nothing here fails.
pub struct HistoryFile {
    path: PathBuf,
}

impl HistoryFile {
    /// In the folder of what kafsh remembers.
    pub fn under(state: &Path) -> Self {
        HistoryFile { path: state.join("history") }
    }

    /// The entries, oldest first, each once, at its last place.
    pub fn load(&self) -> Vec<String> {
        let Some(text) = self.read() else { return Vec::new() };
        let lines = text.lines().count();
        let mut known = HashSet::new();
        let mut entries: Vec<String> = text
            .lines()
            .rev()
            .map(unescape)
            .filter(|entry| keeps(entry) && known.insert(entry.clone()))
            .take(ENTRIES_MAX)
            .collect();
        entries.reverse();
        // Rewritten only when much of it is old: other prompts append meanwhile.
        if lines > ENTRIES_MAX + ENTRIES_MAX / 2 {
            self.rewrite(&entries);
        }
        entries
    }

    /// Adds an entry, if it is one to keep.
    pub fn append(&self, entry: &str) {
        if !keeps(entry) {
            return;
        }
        let Some(mut file) = self.open(OpenOptions::new().create(true).append(true)) else {
            return;
        };
        // One write: lines of two prompts do not run into one another.
        let _ = file.write_all(format!("{}\n", escape(entry)).as_bytes());
    }

    fn read(&self) -> Option<String> {
        let file = self.open(OpenOptions::new().read(true))?;
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn rewrite(&self, entries: &[String]) {
        let Some(folder) = self.path.parent() else { return };
        // A temporary file is private, and takes the place of the old one at once.
        let Ok(mut file) = tempfile::NamedTempFile::new_in(folder) else { return };
        let text: String = entries.iter().map(|entry| format!("{}\n", escape(entry))).collect();
        if file.write_all(text.as_bytes()).is_ok() {
            let _ = file.persist(&self.path);
        }
    }

    /// Never through a link, and never what is not an ordinary file of this user alone.
    fn open(&self, options: &mut OpenOptions) -> Option<File> {
        if let Some(folder) = self.path.parent() {
            let _ = std::fs::DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(folder);
        }
        // A pipe in its place must not hang the prompt.
        let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).ok()?;
        let file = options.mode(PRIVATE).custom_flags(flags).open(&self.path).ok()?;
        let meta = file.metadata().ok()?;
        if !meta.is_file() || meta.nlink() != 1 {
            return None;
        }
        if meta.mode() & 0o077 != 0 {
            use std::os::unix::fs::PermissionsExt;
            file.set_permissions(std::fs::Permissions::from_mode(PRIVATE)).ok()?;
        }
        Some(file)
    }
}

/// Whether a line is remembered: not if it begins with a blank, as in other shells, nor if it may
/// hold a secret.
pub fn keeps(line: &str) -> bool {
    let blank = line.trim().is_empty() || line.starts_with(char::is_whitespace);
    !blank && line.len() <= ENTRY_BYTES_MAX && !holds_secret(line)
}

fn holds_secret(line: &str) -> bool {
    let lower = line.to_lowercase();
    SECRETS.iter().any(|secret| lower.contains(secret)) || secrets::value_at(line).is_some()
}

fn escape(entry: &str) -> String {
    entry.replace('\\', "\\\\").replace('\n', "\\n")
}

fn unescape(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => text.push('\n'),
                Some(other) => text.push(other),
                None => text.push('\\'),
            },
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_as_they_were_each_once() {
        let folder = tempfile::tempdir().unwrap();
        let history = HistoryFile::under(&folder.path().join("state"));
        for entry in ["topic list", "jq -n '\n\\n'", "topic list", " hidden", ""] {
            history.append(entry);
        }
        assert_eq!(history.load(), ["jq -n '\n\\n'", "topic list"]);
        let meta = std::fs::metadata(folder.path().join("state/history")).unwrap();
        assert_eq!(meta.mode() & 0o777, 0o600);
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("elsewhere");
        std::fs::write(&target, "old\n").unwrap();
        std::os::unix::fs::symlink(&target, folder.path().join("history")).unwrap();
        let history = HistoryFile::under(folder.path());
        history.append("topic list");
        assert!(history.load().is_empty());
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "old\n");
    }

    #[test]
    fn secrets_are_not_kept() {
        for line in [
            "consume t -X sasl.password=x",
            "cluster attach p --client sasl.jaas.config='a b'",
            "topic set t ssl.keystore.password=abc",
            "!curl -H 'Authorization: Bearer abc'",
            "let token=abc",
        ] {
            assert!(!keeps(line), "{line}");
        }
        assert!(keeps("topic set t retention.ms=1"));
    }

    #[test]
    fn the_file_stays_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let text: String = (0..ENTRIES_MAX * 2).map(|n| format!("jq {n}\n")).collect();
        std::fs::write(&path, text).unwrap();
        let history = HistoryFile::under(folder.path());
        let entries = history.load();
        assert_eq!(entries.len(), ENTRIES_MAX);
        assert_eq!(entries.last().map(String::as_str), Some("jq 19999"));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), ENTRIES_MAX);
    }
}
