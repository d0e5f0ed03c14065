//! Watching a crate: by the times and sizes of its files, looked at a few times a second.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kafsh_cluster::Cancel;
use kafsh_model::Result;

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Most files that are looked at.
const FILES_MAX: usize = 10_000;
/// Folders that a build writes, and what others keep beside the sources.
const PASSED_OVER: [&str; 2] = ["target", ".git"];

/// The files of a crate at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

impl Files {
    /// Looks at everything below `folder` but what is built.
    pub fn look(folder: &Path) -> Files {
        let mut files = Files::default();
        files.add(folder, folder);
        files
    }

    fn add(&mut self, top: &Path, folder: &Path) {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name());
            // Cargo writes its lock file by itself.
            let passed = PASSED_OVER.iter().any(|other| name == *other) || name == "Cargo.lock";
            let Ok(about) = entry.metadata() else { continue };
            if passed || self.0.len() >= FILES_MAX {
                continue;
            }
            if about.is_dir() {
                self.add(top, &path);
            } else {
                let short = path.strip_prefix(top).unwrap_or(&path).to_path_buf();
                self.0.insert(short, (about.modified().ok(), about.len()));
            }
        }
    }

    /// Files that are new, gone or another than they were, by name.
    pub fn changed(&self, now: &Files) -> Vec<String> {
        let (old, new) = (&self.0, &now.0);
        let mut names: Vec<&PathBuf> = old.keys().chain(new.keys()).collect();
        names.sort();
        names.dedup();
        names.retain(|name| old.get(*name) != new.get(*name));
        names.iter().map(|name| name.display().to_string()).collect()
    }
}

/// Waits until something in `folder` differs from `before`, and then until nothing more is written;
/// gives the new state and what is different.
///
/// # Errors
/// `interrupted`.
pub async fn change(
    folder: &Path,
    before: &Files,
    cancel: &Cancel,
) -> Result<(Files, Vec<String>)> {
    let wait = || {
        cancel.run(async {
            tokio::time::sleep(LOOK_EVERY).await;
            Ok(())
        })
    };
    loop {
        wait().await?;
        let mut seen = Files::look(folder);
        if before.changed(&seen).is_empty() {
            continue;
        }
        // Editors write in several steps.
        loop {
            wait().await?;
            let again = Files::look(folder);
            if again == seen {
                break;
            }
            seen = again;
        }
        let changed = before.changed(&seen);
        if !changed.is_empty() {
            return Ok((seen, changed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_and_what_is_built_is_not() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path();
        fs::create_dir_all(folder.join("src")).unwrap();
        fs::create_dir_all(folder.join("target/x")).unwrap();
        fs::write(folder.join("src/lib.rs"), "a").unwrap();
        fs::write(folder.join("gone"), "a").unwrap();
        let before = Files::look(folder);
        fs::write(folder.join("target/x/y"), "a").unwrap();
        fs::write(folder.join("Cargo.lock"), "a").unwrap();
        assert!(before.changed(&Files::look(folder)).is_empty());
        fs::write(folder.join("src/lib.rs"), "ab").unwrap();
        fs::remove_file(folder.join("gone")).unwrap();
        fs::write(folder.join("new"), "").unwrap();
        assert_eq!(before.changed(&Files::look(folder)), ["gone", "new", "src/lib.rs"]);
    }

    #[tokio::test]
    async fn watching_ends_with_a_change_or_a_cancellation() {
        let home = tempfile::tempdir().unwrap();
        let before = Files::look(home.path());
        let cancel = Cancel::new();
        fs::write(home.path().join("a"), "1").unwrap();
        let (_, changed) = change(home.path(), &before, &cancel).await.unwrap();
        assert_eq!(changed, ["a"]);
        cancel.cancel();
        let error = change(home.path(), &Files::look(home.path()), &cancel).await.unwrap_err();
        assert_eq!(error.code, "interrupted");
    }
}
