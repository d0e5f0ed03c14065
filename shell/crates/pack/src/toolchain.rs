//! Which compiler builds guests, and the cargo that does it: one answer for the build of the
//! bundled plugins and for `plugin build`.
//!
//! Host and guest compilers may differ: the component boundary makes that harmless. Nothing is
//! started here but by the [`Run`] that the caller gives.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fmt, fs, io};

/// `rustup` or `system` forces a route; by default the first that is complete.
pub const ROUTE_VARIABLE: &str = "KAFSH_GUEST_TOOLCHAIN";

/// Overrides where guests are built.
pub const TARGET_DIR_VARIABLE: &str = "KAFSH_GUEST_TARGET_DIR";

/// What installs what is missing, where there is rustup.
pub const INSTALL: &str = "rustup target add wasm32-unknown-unknown";

const TARGET: &str = "wasm32-unknown-unknown";

/// The profile of guests: small, since size decides how fast they load.
const PROFILE: &str = "guest";

/// [`PROFILE`], for crates whose `Cargo.toml` has none; the first alone for those that have one
/// for `release`.
const PROFILE_SETTINGS: [&str; 6] = [
    r#"inherits="release""#,
    r#"opt-level="s""#,
    "lto=true",
    "codegen-units=1",
    r#"panic="abort""#,
    r#"strip="debuginfo""#,
];

const SYSTEM_CARGO: &str = "/usr/bin/cargo";
const SYSTEM_RUSTC: &str = "/usr/bin/rustc";
const SYSTEM_LINKER: &str = "wasm-ld";

/// What of an outer cargo must not reach the nested one: it would build for the wrong target, with
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

/// Runs a command to its end and keeps what it says.
pub type Run<'a> = &'a mut dyn FnMut(&mut Command) -> io::Result<Output>;

/// A compiler with everything that guests need.
#[derive(Clone, Debug)]
pub struct Toolchain {
    cargo: PathBuf,
    rustc: PathBuf,
    route: Route,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    /// The compiler that builds the host has the target's libraries
    Target,
    /// The distribution's packages: the target's libraries are built from its sources
    System,
}

/// Why there is no compiler for guests: what each route lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoToolchain {
    pub missing: Vec<String>,
}

impl fmt::Display for NoToolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: run `{INSTALL}`, or `cargo xtask setup` where there is no rustup",
            self.missing.join("; and ")
        )
    }
}

/// What a workspace itself says of how guests are optimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// It has a profile `guest`
    Guest,
    /// It has a profile `release`, which is followed
    Release,
    Nothing,
}

/// What is to be built.
pub struct Job<'a> {
    /// Folder of the crate or workspace
    pub root: &'a Path,
    /// A target directory of the guests' own: an outer cargo holds the lock of its one
    pub target_dir: &'a Path,
    pub packages: Vec<&'a str>,
    /// `Cargo.lock` must not have to change
    pub locked: bool,
    pub profile: Profile,
    /// Folders that must not show in panics, and what shows in their place
    pub hidden: Vec<(PathBuf, String)>,
}

impl Job<'_> {
    /// Where the core module of a package is afterwards.
    pub fn artefact(&self, package: &str) -> PathBuf {
        let file = format!("{}.wasm", package.replace('-', "_"));
        self.target_dir.join(TARGET).join(PROFILE).join(file)
    }
}

impl Toolchain {
    /// The one that builds what lies in `directory`, whose own choice of a compiler counts.
    ///
    /// # Errors
    /// What each route lacks.
    pub fn find(directory: &Path, run: Run<'_>) -> Result<Self, NoToolchain> {
        let missing = |why: String| NoToolchain { missing: vec![why] };
        match env::var(ROUTE_VARIABLE).ok().as_deref() {
            None | Some("") => Self::with_target(directory, run).or_else(|rustup| {
                Self::system(run).map_err(|system| NoToolchain { missing: vec![rustup, system] })
            }),
            Some("rustup") => Self::with_target(directory, run).map_err(missing),
            Some("system") => Self::system(run).map_err(missing),
            Some(other) => Err(missing(format!(
                "`{ROUTE_VARIABLE}` is `rustup` or `system`, not `{}`",
                other.escape_debug()
            ))),
        }
    }

    fn with_target(directory: &Path, run: Run<'_>) -> Result<Self, String> {
        let path = |name: &str| {
            let lower = name.to_lowercase();
            PathBuf::from(env::var_os(name).unwrap_or_else(|| lower.into()))
        };
        let (cargo, rustc) = (path("CARGO"), path("RUSTC"));
        let mut question = Command::new(&rustc);
        question.args(["--print", "target-libdir", "--target", TARGET]).current_dir(directory);
        let printed =
            run(&mut question).map_err(|e| format!("cannot run `{}`: {e}", rustc.display()))?;
        let libraries = String::from_utf8_lossy(&printed.stdout).trim().to_owned();
        let has_core = fs::read_dir(&libraries).is_ok_and(|entries| {
            entries
                .flatten()
                .any(|entry| entry.file_name().as_encoded_bytes().starts_with(b"libcore"))
        });
        if printed.status.success() && has_core {
            Ok(Toolchain { cargo, rustc, route: Route::Target })
        } else {
            Err(format!("the compiler has no target `{TARGET}`"))
        }
    }

    fn system(run: Run<'_>) -> Result<Self, String> {
        let mut question = Command::new(SYSTEM_RUSTC);
        let sysroot = run(question.args(["--print", "sysroot"]));
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
            let (cargo, rustc) = (SYSTEM_CARGO.into(), SYSTEM_RUSTC.into());
            Ok(Toolchain { cargo, rustc, route: Route::System })
        }
    }

    /// Asks cargo, in JSON, for the packages in `root`. Nothing is fetched for it.
    pub fn metadata(&self, root: &Path) -> Command {
        let mut command = self.native(root);
        command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
        command
    }

    /// Builds the core modules of all packages of `job` at once.
    pub fn build(&self, job: &Job<'_>) -> Command {
        let mut command = self.native(job.root);
        if self.route == Route::System {
            // The target's libraries are built from source, which a stable compiler allows only
            // when told so.
            command
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", SYSTEM_LINKER);
        }
        command.args(["build", "--profile", PROFILE, "--lib", "--target", TARGET]);
        command.arg("--target-dir").arg(job.target_dir);
        if job.locked {
            command.arg("--locked");
        }
        let settings = match job.profile {
            Profile::Guest => 0,
            Profile::Release => 1,
            Profile::Nothing => PROFILE_SETTINGS.len(),
        };
        for setting in &PROFILE_SETTINGS[..settings] {
            command.args(["--config", &format!("profile.{PROFILE}.{setting}")]);
        }
        for package in &job.packages {
            command.args(["-p", package]);
        }
        // Panics of dependencies name their files: neither the builder's folders nor a digest that
        // differs from machine to machine belong into a plugin.
        let remap =
            |(from, to): &(PathBuf, String)| format!("--remap-path-prefix={}={to}", from.display());
        let home = [(cargo_home(), "/cargo".to_owned())];
        let flags: Vec<String> = home.iter().chain(&job.hidden).map(remap).collect();
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        command
    }

    /// The native tests of one package.
    pub fn test(&self, root: &Path, target_dir: &Path, package: &str) -> Command {
        let mut command = self.native(root);
        // Not those of its documentation: rustdoc may be of another compiler.
        command.args(["test", "--lib", "--tests", "-p", package, "--target-dir"]).arg(target_dir);
        command
    }

    /// The nested cargo in an environment of its own.
    fn native(&self, root: &Path) -> Command {
        let mut command = Command::new(&self.cargo);
        for (name, _) in env::vars_os() {
            if is_removed(&name) {
                command.env_remove(name);
            }
        }
        if self.route == Route::System {
            command.env_remove("RUSTUP_TOOLCHAIN");
        }
        command.env("RUSTC", &self.rustc).current_dir(root);
        command
    }
}

fn is_removed(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    (starts(&REMOVED_PREFIXES) || REMOVED.contains(&&*name)) && !starts(&KEPT_PREFIXES)
}

fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cargo");
    env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job<'a>(profile: Profile) -> Job<'a> {
        Job {
            root: Path::new("/"),
            target_dir: Path::new("/t"),
            packages: vec!["kafsh-policy-x"],
            locked: false,
            profile,
            hidden: vec![("/src".into(), "/kafsh".into())],
        }
    }

    fn words(command: &Command) -> Vec<String> {
        command.get_args().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_crate_without_the_profile_is_given_it() {
        let (cargo, rustc) = ("cargo".into(), "rustc".into());
        let toolchain = Toolchain { cargo, rustc, route: Route::Target };
        let given = |profile| {
            let words = words(&toolchain.build(&job(profile)));
            words.iter().filter(|word| word.starts_with("profile.guest.")).count()
        };
        let all = [Profile::Guest, Profile::Release, Profile::Nothing].map(given);
        assert_eq!(all, [0, 1, PROFILE_SETTINGS.len()]);
        let build = toolchain.build(&job(Profile::Guest));
        let flags = build.get_envs().find(|(name, _)| *name == "CARGO_ENCODED_RUSTFLAGS");
        let flags = flags.and_then(|(_, value)| value).unwrap().to_string_lossy().into_owned();
        assert!(flags.ends_with("--remap-path-prefix=/src=/kafsh"), "{flags}");
        assert_eq!(
            job(Profile::Guest).artefact("kafsh-policy-x"),
            Path::new("/t/wasm32-unknown-unknown/guest/kafsh_policy_x.wasm")
        );
    }

    #[test]
    fn what_an_outer_cargo_sets_stays_outside() {
        for name in ["CARGO_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "OUT_DIR"] {
            assert!(is_removed(&name.into()), "{name}");
        }
        for name in ["CARGO_HOME", "CARGO_NET_OFFLINE", "PATH", "RUSTUP_TOOLCHAIN"] {
            assert!(!is_removed(&name.into()), "{name}");
        }
    }

    #[test]
    fn what_is_missing_names_what_installs_it() {
        let mut nothing = |_: &mut Command| Err(io::Error::from(io::ErrorKind::NotFound));
        let error = Toolchain::with_target(Path::new("/"), &mut nothing).unwrap_err();
        assert!(error.starts_with("cannot run `"), "{error}");
        let error = NoToolchain { missing: vec![error] };
        assert!(error.to_string().contains(INSTALL), "{error}");
    }
}
