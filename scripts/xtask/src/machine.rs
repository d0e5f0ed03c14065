//! What xtask knows about the machine it runs on, gathered once so that tests can give another.

use crate::place::Place;
use crate::run::find_all;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The machine as set-up sees it.
#[derive(Clone)]
pub struct Machine {
    /// The search path that programs are looked up in and started with.
    pub path: OsString,
    /// Where the file system begins: `/`, but in tests a folder.
    pub root: PathBuf,
    pub java_home: Option<PathBuf>,
    /// Whether we may install packages.
    pub superuser: bool,
    /// Whether there is somebody to ask.
    pub terminal: bool,
    /// The repository: rustup reads its pinned toolchain from there.
    pub checkout: PathBuf,
}

impl Machine {
    /// The machine that this process runs on.
    pub fn here(place: &Place) -> Self {
        Self {
            path: std::env::var_os("PATH").unwrap_or_default(),
            root: PathBuf::from("/"),
            java_home: std::env::var_os("JAVA_HOME")
                .filter(|home| !home.is_empty())
                .map(Into::into),
            superuser: effective_user() == Some(0),
            terminal: std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
            checkout: place.checkout.clone(),
        }
    }

    /// The first executable called `program` on the search path.
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        find_all(program, &self.path).into_iter().next()
    }

    /// A path of the file system, such as `/usr/lib/jvm`.
    pub fn at(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    /// A command that is looked up on this machine's search path and runs in the checkout.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let program = program.as_ref();
        let found = program.to_str().and_then(|name| self.find(name));
        let mut command = Command::new(found.unwrap_or_else(|| program.to_owned()));
        command.env("PATH", &self.path).current_dir(&self.checkout);
        // `cargo run` describes xtask's own package to us; a cargo below us must not see it.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }

    /// The cargo that runs us, or the one on the search path.
    pub fn cargo(&self) -> Command {
        self.command(std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from))
    }

    /// Whether packages come from apt-get here.
    pub fn debian_like(&self) -> bool {
        self.at("/etc/debian_version").exists() && self.find("apt-get").is_some()
    }
}

/// The effective user id, as Linux tells it: the standard library has no call for it.
fn effective_user() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn the_effective_user_owns_the_files_we_make() {
        let sandbox = crate::sandbox::Sandbox::new();
        let file = sandbox.folder().join("mine");
        std::fs::write(&file, "").unwrap();
        assert_eq!(effective_user(), Some(file.metadata().unwrap().uid()));
    }
}
