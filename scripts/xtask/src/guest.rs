//! The guest toolchain: a Rust compiler that can build the first-party plugins for WebAssembly.

use crate::machine::Machine;
use crate::run::{Failure, Show, output, run};
use std::path::PathBuf;
use std::time::Duration;

/// What plugins are compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// How long the compiler may take to say where its libraries are.
const ASK_MAX: Duration = Duration::from_secs(30);
/// How long rustup may take to fetch the target's standard library, about 20 MB.
const FETCH_MAX: Duration = Duration::from_secs(180);
/// The least Rust 1.x that compiles the plugins: `rust-version` in Cargo.toml.
const RUST_MINOR_MIN: u32 = 95;

/// Where the guest toolchain is, if there is one.
pub fn find(machine: &Machine) -> Option<String> {
    pinned(machine).or_else(|| debian(machine))
}

/// The pinned compiler, if it has the target's standard library.
fn pinned(machine: &Machine) -> Option<String> {
    let rustc = std::env::var_os("RUSTC").map_or_else(|| "rustc".into(), PathBuf::from);
    let mut command = machine.command(rustc);
    command.args(["--print", "target-libdir", "--target", TARGET]);
    let folder = PathBuf::from(output(&mut command, ASK_MAX)?.trim());
    let mut files = std::fs::read_dir(&folder).ok()?.flatten();
    let has_std = files.any(|file| {
        let name = file.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    });
    has_std.then(|| folder.display().to_string())
}

/// Debian's second compiler, which builds the standard library from source: no rustup needed.
fn debian(machine: &Machine) -> Option<String> {
    let rustc = machine.at("/usr/bin/rustc");
    let cargo = machine.at("/usr/bin/cargo");
    if !cargo.is_file() {
        return None;
    }
    machine.find("wasm-ld")?;
    // `rustc 1.96.0 (…)`
    let version = output(machine.command(&rustc).arg("--version"), ASK_MAX)?;
    let minor = version.split_whitespace().nth(1)?.split('.').nth(1)?.parse::<u32>().ok()?;
    let sysroot = output(machine.command(&rustc).args(["--print", "sysroot"]), ASK_MAX)?;
    let source = PathBuf::from(sysroot.trim()).join("lib/rustlib/src/rust/library/std/Cargo.toml");
    let usable = minor >= RUST_MINOR_MIN && source.is_file();
    usable.then(|| cargo.display().to_string())
}

/// Asks rustup for the target, within a bound of time. `RUSTUP_AUTO_INSTALL=0` does not hinder
/// it: that only stops installs that nobody asked for.
///
/// # Errors
/// There is no rustup, or it cannot fetch the target.
pub fn add(machine: &Machine) -> Result<(), Failure> {
    if machine.find("rustup").is_none() {
        return Err(Failure::new("`rustup` is not on PATH"));
    }
    let mut command = machine.command("rustup");
    command.args(["target", "add", TARGET]);
    run(&mut command, Show::Lines, Some(FETCH_MAX), "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Sandbox;

    #[test]
    fn the_pinned_compiler_counts_only_with_a_standard_library() {
        let sandbox = Sandbox::new();
        let libraries = sandbox.folder().join("lib");
        std::fs::create_dir(&libraries).unwrap();
        sandbox.program("rustc", &format!("echo {}", libraries.display()));
        assert_eq!(find(&sandbox.machine()), None);
        std::fs::write(libraries.join("libstd-1.rlib"), "").unwrap();
        assert_eq!(find(&sandbox.machine()), Some(libraries.display().to_string()));
    }

    #[test]
    fn debians_compiler_needs_its_source_the_linker_and_the_version() {
        let sandbox = Sandbox::new();
        let root = sandbox.folder().join("root");
        let answer = |version: &str| {
            format!(
                "case $1 in --version) echo 'rustc {version} (x)';; *) echo {};; esac",
                root.join("usr").display()
            )
        };
        sandbox.program_in_root("usr/bin/cargo", "exit 0");
        sandbox.program_in_root("usr/bin/rustc", &answer("1.96.0"));
        assert_eq!(find(&sandbox.machine()), None, "no source, no linker");
        let source = root.join("usr/lib/rustlib/src/rust/library/std");
        std::fs::create_dir_all(&source).unwrap();
        std::fs::write(source.join("Cargo.toml"), "").unwrap();
        assert_eq!(find(&sandbox.machine()), None, "no linker");
        sandbox.program("wasm-ld", "exit 0");
        assert!(find(&sandbox.machine()).unwrap().ends_with("/usr/bin/cargo"));
        sandbox.program_in_root("usr/bin/rustc", &answer("1.85.0"));
        assert_eq!(find(&sandbox.machine()), None, "too old");
    }

    #[test]
    fn rustup_is_asked_for_the_target() {
        let sandbox = Sandbox::new();
        assert!(add(&sandbox.machine()).unwrap_err().text.contains("not on PATH"));
        sandbox.recorder("rustup", "");
        add(&sandbox.machine()).unwrap();
        assert_eq!(sandbox.calls("rustup"), ["target add wasm32-unknown-unknown"]);
    }
}
