//! Finds a Java runtime that the Kafka version of the demo and the tests runs on.

use crate::machine::Machine;
use crate::run::output;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Java versions that Kafka 3.9 is tested on and supports ("Java Version" in its documentation;
/// Java 8 is deprecated there, and 24 and later lack the security manager that it calls).
pub const SUPPORTED: [u32; 3] = [11, 17, 21];

/// How long `java -version` may take.
const JAVA_VERSION_MAX: Duration = Duration::from_secs(20);

/// A Java runtime: its home and its feature release, such as 17.
#[derive(Debug, PartialEq, Eq)]
pub struct Java {
    pub home: PathBuf,
    pub release: u32,
}

/// Every runtime in `JAVA_HOME`, on the search path and in `/usr/lib/jvm`, in that order.
pub fn find_all(machine: &Machine) -> Vec<Java> {
    let mut homes: Vec<PathBuf> = machine.java_home.iter().cloned().collect();
    for program in crate::run::find_all("java", &machine.path) {
        // On Debian /usr/bin/java leads through two symbolic links to the home.
        let program = program.canonicalize().unwrap_or(program);
        homes.extend(program.ancestors().nth(2).map(Path::to_owned));
    }
    let folder = machine.at("/usr/lib/jvm");
    let mut installed: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|home| home.join("bin/java").is_file())
        .collect();
    installed.sort();
    homes.extend(installed);
    let mut found: Vec<Java> = Vec::new();
    for home in homes {
        let home = home.canonicalize().unwrap_or(home);
        if found.iter().any(|java| java.home == home) {
            continue;
        }
        if let Some(release) = release_of(machine, &home) {
            found.push(Java { home, release });
        }
    }
    found
}

/// The feature release of the runtime in `home`, from its `release` file or from itself.
fn release_of(machine: &Machine, home: &Path) -> Option<u32> {
    let program = home.join("bin/java");
    if !program.is_file() {
        return None;
    }
    let file = std::fs::read_to_string(home.join("release")).unwrap_or_default();
    let line = file.lines().find_map(|line| line.strip_prefix("JAVA_VERSION="));
    line.and_then(feature_release).or_else(|| {
        let mut command = machine.command(&program);
        let text = output(command.arg("--version"), JAVA_VERSION_MAX)?;
        // `openjdk 17.0.15 2025-04-15`
        feature_release(text.lines().next()?.split_whitespace().nth(1)?)
    })
}

/// `"17.0.15"` is 17, `"1.8.0_402"` is 8, `21-ea` is 21.
fn feature_release(version: &str) -> Option<u32> {
    let version = version.trim().trim_matches('"');
    let version = version.strip_prefix("1.").unwrap_or(version);
    let end = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Sandbox;

    #[test]
    fn versions_old_and_new_are_read() {
        let cases = [("\"17.0.15\"", 17), ("1.8.0_402", 8), ("21-ea", 21), ("25", 25)];
        for (version, release) in cases {
            assert_eq!(feature_release(version), Some(release), "{version}");
        }
        assert_eq!(feature_release("unknown"), None);
    }

    #[test]
    fn runtimes_are_found_once_each_in_the_order_of_preference() {
        let sandbox = Sandbox::new();
        sandbox.java("25");
        let seventeen = sandbox.java("17.0.1");
        let mut machine = sandbox.machine();
        machine.java_home = Some(seventeen.clone());
        let found = find_all(&machine);
        let releases: Vec<u32> = found.iter().map(|java| java.release).collect();
        assert_eq!(releases, [17, 25]);
        assert_eq!(found[0].home, seventeen.canonicalize().unwrap());
    }

    #[test]
    fn a_runtime_on_the_path_without_a_release_file_is_asked() {
        let sandbox = Sandbox::new();
        sandbox.program("java", "[ \"$1\" = --version ] && echo 'openjdk 21.0.2 2024-01-16'");
        let releases: Vec<u32> =
            find_all(&sandbox.machine()).iter().map(|java| java.release).collect();
        assert_eq!(releases, [21]);
    }
}
