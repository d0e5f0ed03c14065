//! After the tests: no server, cluster or temporary folder of theirs may be left.

use crate::run::Failure;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What temporary folders of rehearsals, and of the tests' browsers, are called.
const FOLDERS: [&str; 2] = ["/kafsh-rehearsal-", "/kafsh-chromium-"];

/// Their folders in the temporary folder; those of rehearsals may well be a user's.
pub struct Rehearsals(BTreeSet<String>);

/// Those that are there now.
pub fn rehearsals() -> Rehearsals {
    let all = names(&std::env::temp_dir(), "temporary folder");
    let ours = |line: &String| FOLDERS.iter().any(|name| line.contains(name));
    Rehearsals(all.into_iter().filter(ours).collect())
}

/// What the tests left behind that was not there `before`, in words.
///
/// # Errors
/// Anything was left.
pub fn check(test_home: &Path, before: &Rehearsals) -> Result<(), Failure> {
    let mut left = servers(Path::new("/proc"), test_home);
    left.extend(names(&test_home.join("clusters"), "cluster"));
    left.extend(rehearsals().0.difference(&before.0).cloned());
    if left.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("the tests left something behind\n  {}", left.join("\n  "))))
}

/// Servers that a kafsh started and whose files are under `home`.
fn servers(proc: &Path, home: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(proc) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let Ok(line) = fs::read(entry.path().join("cmdline")) else { continue };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains("-Dkafsh.nonce=") && line.contains(&home.display().to_string()) {
            found.push(format!("process {}: {line}", entry.file_name().to_string_lossy()));
        }
    }
    found
}

fn names(folder: &Path, what: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().map(|entry| format!("{what} {}", entry.path().display())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_and_a_cluster_are_found_and_a_stranger_is_not() {
        let folder = std::env::temp_dir().join(format!("xtask-leftovers-{}", std::process::id()));
        let home = folder.join("home");
        fs::create_dir_all(home.join("clusters").join("t-1")).unwrap();
        for (pid, line) in [
            ("7", format!("java\0-Dkafsh.nonce=x\0@{}/a", home.display())),
            ("8", format!("java\0@{}/a", home.display())),
            ("9", "java\0-Dkafsh.nonce=x\0@/elsewhere/a".to_owned()),
        ] {
            fs::create_dir_all(folder.join(pid)).unwrap();
            fs::write(folder.join(pid).join("cmdline"), line).unwrap();
        }
        let found = servers(&folder, &home);
        assert!(found.len() == 1 && found[0].starts_with("process 7"), "{found:?}");
        assert_eq!(names(&home.join("clusters"), "cluster").len(), 1);
        // A rehearsal that was there before the tests is somebody's who goes on working.
        let theirs = std::env::temp_dir().join(format!("kafsh-rehearsal-x{}", std::process::id()));
        fs::create_dir_all(&theirs).unwrap();
        let before = rehearsals();
        let other = folder.join("other");
        let of_theirs = |error: Failure| error.text.contains(&theirs.display().to_string());
        assert!(check(&other, &before).err().is_none_or(|error| !of_theirs(error)));
        let none = Rehearsals(BTreeSet::new());
        assert!(check(&other, &none).err().is_some_and(of_theirs));
        fs::remove_dir_all(&theirs).unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }
}
