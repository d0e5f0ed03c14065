//! Which compiler builds guests, and the nested cargo.
//!
//! Host and guest compilers may differ: the component boundary makes that harmless.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::guests::Guest;

/// `rustup` or `system` forces a route; by default the first that is complete.
pub const ROUTE_VARIABLE: &str = "KAFSH_GUEST_TOOLCHAIN";

const TARGET: &str = "wasm32-unknown-unknown";

const SYSTEM_CARGO: &str = "/usr/bin/cargo";
const SYSTEM_RUSTC: &str = "/usr/bin/rustc";
const SYSTEM_LINKER: &str = "wasm-ld";

/// What of the outer cargo must not reach the nested one: it would build for the wrong target, with
/// the wrong compiler or flags, or wait for the outer one's job server.
const REMOVED_PREFIXES: [&str; 6] = ["CARGO", "RUSTC", "RUSTDOC", "RUSTFLAGS", "DEP_", "CLIPPY_"];
const REMOVED: [&str; 8] = [
    "TARGET",
    "HOST",
    "PROFILE",
    "OUT_DIR",
    "LD_LIBRARY_PATH",
    "MAKEFLAGS",
    "MFLAGS",
    "CARGO_MAKEFLAGS",
];
/// Where crates come from stays the user's choice.
const KEPT_PREFIXES: [&str; 4] = ["CARGO_HOME", "CARGO_NET", "CARGO_HTTP", "CARGO_REGISTR"];

pub enum Toolchain {
    /// The compiler that builds the host has the target's libraries.
    Target { cargo: PathBuf, rustc: PathBuf },
    /// The distribution's packages: the target's libraries are built from its sources.
    System,
}

impl Toolchain {
    pub fn find() -> Result<Self, String> {
        match env::var(ROUTE_VARIABLE).ok().as_deref() {
            None | Some("") => Self::with_target().or_else(|rustup| {
                Self::system().map_err(|system| format!("{rustup}; and {system}{}", hint()))
            }),
            Some("rustup") => Self::with_target().map_err(|why| why + hint()),
            Some("system") => Self::system().map_err(|why| why + hint()),
            Some(other) => {
                Err(format!("`{ROUTE_VARIABLE}` is `rustup` or `system`, not `{other}`"))
            }
        }
    }

    fn with_target() -> Result<Self, String> {
        let path = |name: &str| {
            let lower = name.to_lowercase();
            PathBuf::from(env::var_os(name).unwrap_or_else(|| lower.into()))
        };
        let (cargo, rustc) = (path("CARGO"), path("RUSTC"));
        let printed =
            Command::new(&rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
        let printed = printed.map_err(|e| format!("cannot run {rustc:?}: {e}"))?;
        let libraries = String::from_utf8_lossy(&printed.stdout).trim().to_owned();
        let has_core = fs::read_dir(&libraries).is_ok_and(|entries| {
            entries
                .flatten()
                .any(|entry| entry.file_name().as_encoded_bytes().starts_with(b"libcore"))
        });
        if printed.status.success() && has_core {
            Ok(Toolchain::Target { cargo, rustc })
        } else {
            Err(format!("the compiler has no target `{TARGET}`"))
        }
    }

    fn system() -> Result<Self, String> {
        let sysroot = Command::new(SYSTEM_RUSTC).args(["--print", "sysroot"]).output();
        let sysroot = sysroot.map_err(|_| format!("there is no {SYSTEM_RUSTC}"))?;
        let sysroot = String::from_utf8_lossy(&sysroot.stdout).trim().to_owned();
        let library = Path::new(&sysroot).join("lib/rustlib/src/rust/library/Cargo.lock");
        let linker = env::split_paths(&env::var_os("PATH").unwrap_or_default())
            .any(|dir| dir.join(SYSTEM_LINKER).is_file());
        if !Path::new(SYSTEM_CARGO).is_file() {
            Err(format!("there is no {SYSTEM_CARGO}"))
        } else if !library.is_file() {
            Err(format!("{SYSTEM_RUSTC} has no library sources"))
        } else if !linker {
            Err(format!("there is no `{SYSTEM_LINKER}`"))
        } else {
            Ok(Toolchain::System)
        }
    }

    /// What cargo says of the workspace's packages, as JSON. Nothing is fetched for it.
    pub fn metadata(&self, root: &Path) -> Result<Vec<u8>, String> {
        let mut command = self.command();
        command.current_dir(root).args(["metadata", "--no-deps", "--offline"]);
        command.args(["--format-version", "1"]);
        let answer = command.output().map_err(|e| format!("cannot run {command:?}: {e}"))?;
        if answer.status.success() {
            return Ok(answer.stdout);
        }
        Err(format!("cargo metadata: {}", String::from_utf8_lossy(&answer.stderr).trim()))
    }

    /// Builds the core modules of all `guests` at once.
    pub fn build(&self, root: &Path, target_dir: &Path, guests: &[Guest]) -> Result<(), String> {
        let mut command = self.command();
        command.current_dir(root).args(["build", "--locked", "--profile", "guest", "--lib"]);
        command.args(["--target", TARGET]).arg("--target-dir").arg(target_dir);
        if let Some(jobs) = env::var_os("NUM_JOBS") {
            command.arg("--jobs").arg(jobs);
        }
        for guest in guests {
            command.args(["-p", &guest.package]);
        }
        // Panics of dependencies name their files: neither the builder's folders nor a digest that
        // differs from machine to machine belong into a plugin.
        let remap = |from: &Path, to| format!("--remap-path-prefix={}={to}", from.display());
        let flags = [remap(&cargo_home(), "/cargo"), remap(root, "/kafsh")];
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        let status = command.status().map_err(|e| format!("cannot run {command:?}: {e}"))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!(
                "the plugins could not be built ({status}); what the compiler said is above"
            ))
        }
    }

    /// The nested cargo in an environment of its own.
    fn command(&self) -> Command {
        let mut command = match self {
            Toolchain::Target { cargo, .. } => Command::new(cargo),
            Toolchain::System => Command::new(SYSTEM_CARGO),
        };
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy();
            let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
            let removed = starts(&REMOVED_PREFIXES) || REMOVED.contains(&&*name);
            if removed && !starts(&KEPT_PREFIXES) {
                command.env_remove(&*name);
            }
        }
        match self {
            Toolchain::Target { rustc, .. } => command.env("RUSTC", rustc),
            Toolchain::System => command
                .env_remove("RUSTUP_TOOLCHAIN")
                .env("RUSTC", SYSTEM_RUSTC)
                // The target's libraries are built from source, which a stable compiler allows only
                // when told so.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", SYSTEM_LINKER),
        };
        command
    }
}

fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cargo");
    env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

fn hint() -> &'static str {
    ": run `rustup target add wasm32-unknown-unknown`, \
     or `cargo xtask setup` where there is no rustup"
}
