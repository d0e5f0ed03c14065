//! What the chores need from the machine, how to tell that it is there, and the Debian packages
//! that bring it.

use crate::machine::Machine;
use crate::run::output;
use crate::{guest, java};
use std::time::Duration;

/// How long a trial run of a compiler may take.
const TRIAL_MAX: Duration = Duration::from_secs(30);

/// One thing that must be on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Runs Kafka and ZooKeeper.
    Java,
    /// Fetches Kafka's jars.
    Maven,
    /// Compiles and links librdkafka, which records go through.
    C,
    Cxx,
    Make,
    /// Compiles the first-party plugins.
    Guest,
    /// The tests and benchmarks compare with it.
    Kcat,
    /// The tests look at the page of `ui` in it.
    Chromium,
    /// The tests complete a line of kafsh in it.
    Fish,
    Zsh,
    /// The tests serve and fetch a plugin over https.
    Openssl,
    Curl,
}

/// Building the shell and running clusters.
pub const DEMO: [Need; 6] = [Need::C, Need::Cxx, Need::Make, Need::Guest, Need::Java, Need::Maven];

/// The same and what only the tests and benchmarks use.
pub const EVERY: [Need; 12] = [
    Need::C,
    Need::Cxx,
    Need::Make,
    Need::Guest,
    Need::Java,
    Need::Maven,
    Need::Kcat,
    Need::Chromium,
    Need::Fish,
    Need::Zsh,
    Need::Openssl,
    Need::Curl,
];

/// Building the shell and taking pictures of its page on rehearsed clusters.
pub const PICTURES: [Need; 5] = [Need::C, Need::Cxx, Need::Make, Need::Guest, Need::Chromium];

impl Need {
    /// What it is, and what for.
    pub fn title(self) -> &'static str {
        match self {
            Self::Java => "Java 11, 17 or 21, to run Kafka and ZooKeeper",
            Self::Maven => "Maven, to fetch Kafka's jars",
            Self::C => "a C compiler, to build librdkafka",
            Self::Cxx => "a C++ compiler, to build librdkafka",
            Self::Make => "make, to build librdkafka",
            Self::Guest => "a Rust compiler for wasm32-unknown-unknown, to build the plugins",
            Self::Kcat => "kcat, which the tests and benchmarks compare with",
            Self::Chromium => "Chromium, in which the tests look at the page",
            Self::Fish => "fish, in which the tests complete a line",
            Self::Zsh => "zsh, in which the tests complete a line",
            Self::Openssl => "openssl, with which the tests serve a plugin over https",
            Self::Curl => "curl, which brings plugins over https",
        }
    }

    /// Where it is.
    ///
    /// # Errors
    /// What was found instead, empty if nothing.
    pub fn probe(self, machine: &Machine) -> Result<String, String> {
        match self {
            Self::Java => probe_java(machine),
            Self::Maven => probe_program(machine, "mvn"),
            Self::Make => probe_program(machine, "make"),
            Self::Kcat => probe_program(machine, "kcat"),
            Self::Chromium => probe_program(machine, "chromium"),
            Self::Fish => probe_program(machine, "fish"),
            Self::Zsh => probe_program(machine, "zsh"),
            Self::Openssl => probe_program(machine, "openssl"),
            Self::Curl => probe_program(machine, "curl"),
            Self::C => probe_compiler(machine, "cc", "c", "stdio.h"),
            Self::Cxx => probe_compiler(machine, "c++", "c++", "cstdio"),
            Self::Guest => guest::find(machine).ok_or_else(String::new),
        }
    }

    /// Sets of Debian packages that bring it, best first.
    pub fn packages(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Java => &[
                &["openjdk-17-jre-headless"],
                &["openjdk-21-jre-headless"],
                &["openjdk-11-jre-headless"],
                &["default-jre-headless"],
            ],
            Self::Maven => &[&["maven"]],
            // The compiler package only recommends the headers.
            Self::C => &[&["gcc", "libc6-dev"]],
            Self::Cxx => &[&["g++"]],
            Self::Make => &[&["make"]],
            Self::Guest => &[&["rustc-web", "cargo-web", "rust-web-src", "lld"]],
            Self::Kcat => &[&["kcat"], &["kafkacat"]],
            // Which font a bare machine has is left to chance, and there may be none.
            Self::Chromium => &[&["chromium", "fonts-dejavu-core"], &["chromium"]],
            Self::Fish => &[&["fish"]],
            Self::Zsh => &[&["zsh"]],
            Self::Openssl => &[&["openssl"]],
            Self::Curl => &[&["curl"]],
        }
    }
}

fn probe_program(machine: &Machine, program: &str) -> Result<String, String> {
    machine.find(program).map(|file| file.display().to_string()).ok_or_else(String::new)
}

fn probe_java(machine: &Machine) -> Result<String, String> {
    let found = java::find_all(machine);
    if let Some(java) = found.iter().find(|java| java::SUPPORTED.contains(&java.release)) {
        return Ok(format!("Java {}, {}", java.release, java.home.display()));
    }
    let others: Vec<String> = found.iter().map(|java| format!("Java {}", java.release)).collect();
    Err(others.join(", "))
}

/// A compiler without its headers is as good as none, so it has to read one.
fn probe_compiler(
    machine: &Machine,
    program: &str,
    language: &str,
    header: &str,
) -> Result<String, String> {
    let file = machine.find(program).ok_or_else(String::new)?;
    let source = std::path::Path::new("/dev/null");
    let mut command = machine.command(&file);
    command.args(["-fsyntax-only", "-include", header, "-x", language]).arg(source);
    match output(&mut command, TRIAL_MAX) {
        Some(_) => Ok(file.display().to_string()),
        None => Err(format!("`{program}` without `{header}`")),
    }
}

/// The packages to install for `missing`, in order and without repeats: of each need the first
/// set that apt knows, or the first of all if it knows none.
pub fn packages_for(missing: &[Need], known: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut chosen: Vec<&'static str> = Vec::new();
    for need in missing {
        let sets = need.packages();
        let set = sets.iter().find(|set| set.iter().all(|name| known(name)));
        for name in *set.unwrap_or(&sets[0]) {
            if !chosen.contains(name) {
                chosen.push(name);
            }
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Sandbox;

    #[test]
    fn packages_are_the_best_that_apt_knows() {
        let known = |name: &str| !matches!(name, "openjdk-17-jre-headless" | "kcat");
        let chosen = packages_for(&[Need::Java, Need::Kcat], known);
        assert_eq!(chosen, ["openjdk-21-jre-headless", "kafkacat"]);
        let chosen = packages_for(&[Need::Java, Need::Maven], |_| false);
        assert_eq!(chosen, ["openjdk-17-jre-headless", "maven"]);
        let chosen = packages_for(&[Need::Guest], |_| true);
        assert_eq!(chosen, ["rustc-web", "cargo-web", "rust-web-src", "lld"]);
    }

    #[test]
    fn packages_are_named_once() {
        let twice = packages_for(&[Need::C, Need::C, Need::Cxx], |_| true);
        assert_eq!(twice, ["gcc", "libc6-dev", "g++"]);
    }

    #[test]
    fn a_java_that_is_too_new_is_missing_and_named() {
        let sandbox = Sandbox::new();
        sandbox.java("25.0.3");
        assert_eq!(Need::Java.probe(&sandbox.machine()), Err("Java 25".into()));
        sandbox.java("17.0.15");
        assert!(Need::Java.probe(&sandbox.machine()).unwrap().starts_with("Java 17, "));
    }

    #[test]
    fn a_compiler_without_headers_is_missing() {
        let sandbox = Sandbox::new();
        assert_eq!(Need::Cxx.probe(&sandbox.machine()), Err(String::new()));
        sandbox.program("c++", "exit 1");
        assert_eq!(Need::Cxx.probe(&sandbox.machine()), Err("`c++` without `cstdio`".into()));
        sandbox.program("c++", "exit 0");
        assert!(Need::Cxx.probe(&sandbox.machine()).is_ok());
    }

    #[test]
    fn this_machine_has_the_compiler_that_built_this_test() {
        let sandbox = Sandbox::new();
        let mut machine = sandbox.machine();
        machine.path = std::env::var_os("PATH").unwrap();
        assert!(Need::C.probe(&machine).is_ok());
    }
}
