//! A plugin's crate: what it says of itself, how it is built, packed and natively tested.

use std::path::{Path, PathBuf};
use std::{fs, process};

use kafsh_cluster::Cancel;
use kafsh_model::quote::quoted;
use kafsh_model::{Error, Result};
use kafsh_pack::toolchain::{INSTALL, Job, NoToolchain, Profile, TARGET_DIR_VARIABLE, Toolchain};
use kafsh_pack::{About, PackedPlugin};
use serde_json::Value;

use crate::exec::{self, Ended};

/// Lines of a failed tool that are shown.
const LINES_SHOWN_MAX: usize = 200;

/// Folder of packed plugins in the crate.
const PACKED: &str = "target/plugin";

/// A crate with one plugin.
pub struct Project {
    /// Folder of its `Cargo.toml`
    pub folder: PathBuf,
    pub about: About,
    package: String,
    toolchain: Toolchain,
    /// Top of its workspace
    root: PathBuf,
    target_dir: PathBuf,
    profile: Profile,
    /// The checkout whose SDK it is built with
    checkout: Option<PathBuf>,
}

/// The command that makes a packed file anew where it lies as [`Project::build`] leaves it; one
/// that says how it is done, where its crate is not known.
pub fn rebuilds(file: &Path) -> String {
    let packed = file.parent().filter(|folder| folder.ends_with(PACKED));
    match packed.and_then(|folder| folder.ancestors().nth(Path::new(PACKED).iter().count())) {
        Some(folder) if folder.as_os_str().is_empty() => "plugin build .".to_string(),
        Some(folder) => format!("plugin build {}", quoted(&folder.to_string_lossy())),
        None => "help plugin build".to_string(),
    }
}

/// A plugin that was built just now.
pub struct Built {
    pub path: PathBuf,
    pub plugin: PackedPlugin,
}

impl Project {
    /// Reads the crate in `folder`.
    ///
    /// # Errors
    /// `plugin-no-crate`, `plugin-bad-manifest`, `wasm-target-missing`, and what cargo says.
    pub async fn open(folder: &Path, cancel: &Cancel) -> Result<Project> {
        let shown = folder.display();
        if !folder.join("Cargo.toml").is_file() {
            return Err(Error::failed(
                "plugin-no-crate",
                format!("no plugin's crate in `{shown}`"),
            )
            .with_cause("there is no `Cargo.toml`")
            .with_next("plugin new NAME --kind policy"));
        }
        let folder = fs::canonicalize(folder).map_err(|e| Error::io(format!("`{shown}`"), &e))?;
        let toolchain = toolchain(&folder)?;
        let metadata = cancel.run(exec::tool(toolchain.metadata(&folder))).await?;
        let metadata: Value = match metadata.status.success() {
            true => serde_json::from_slice(&metadata.stdout)
                .map_err(|e| Error::bug(format!("cargo's answer is no JSON: {e}")))?,
            false => return Err(said_no("bad-crate", "cargo does not read the crate", &metadata)),
        };
        let manifest = folder.join("Cargo.toml");
        let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
        let own = |package: &&Value| {
            package["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest)
        };
        let package = packages.iter().find(own).ok_or_else(|| {
            Error::failed("plugin-no-crate", format!("no plugin's crate in `{shown}`"))
                .with_cause("its `Cargo.toml` is of a workspace: name the folder of one crate")
        })?;
        let about = About::from_cargo(package).and_then(|about| {
            about.ok_or_else(|| "it has no `[package.metadata.kafsh]`".to_string())
        });
        let about = about.map_err(|why| {
            Error::failed("plugin-bad-manifest", format!("`{}` is no plugin's", manifest.display()))
                .with_cause(why)
        })?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let root = PathBuf::from(text(&metadata["workspace_root"]));
        let given = std::env::var_os(TARGET_DIR_VARIABLE).filter(|dir| !dir.is_empty());
        let target_dir =
            given.map_or_else(|| text(&metadata["target_directory"]).into(), PathBuf::from);
        Ok(Project {
            profile: profile(&root),
            checkout: checkout(package),
            package: text(&package["name"]),
            folder,
            about,
            toolchain,
            root,
            target_dir,
        })
    }

    /// Builds the crate for Wasm and packs it; the component lies in `target/plugin` afterwards.
    ///
    /// # Errors
    /// `build-failed` with what cargo says; `plugin-bad-manifest` where it cannot be packed.
    pub async fn build(&self, cancel: &Cancel) -> Result<Built> {
        let hidden = self.checkout.iter().map(|checkout| (checkout.clone(), "/kafsh".to_string()));
        let job = Job {
            root: &self.root,
            target_dir: &self.target_dir,
            packages: vec![&self.package],
            locked: false,
            profile: self.profile,
            hidden: hidden.collect(),
        };
        let ended = cancel.run(exec::tool(self.toolchain.build(&job))).await?;
        let name = &self.about.name;
        if !ended.status.success() {
            let message = format!("plugin `{name}` could not be built");
            return Err(match lacks_target(&ended) {
                true => no_target(&message, &NoToolchain { missing: Vec::new() }),
                false => said_no("build-failed", &message, &ended),
            });
        }
        let artefact = job.artefact(&self.package);
        let unreadable = |e| {
            Error::io(format!("`{}`", artefact.display()), &e)
                .with_next("[lib] crate-type = [\"cdylib\", \"rlib\"]   (in Cargo.toml)")
        };
        let module = fs::read(&artefact).map_err(unreadable)?;
        let plugin = kafsh_pack::pack_plugin(&module, &self.about).map_err(|e| {
            let message = format!("plugin `{name}` was built and cannot be packed");
            Error::failed("plugin-bad-manifest", message).with_cause(e.to_string())
        })?;
        let path = self.folder.join(PACKED).join(format!("{name}.wasm"));
        write(&path, &plugin.component)?;
        Ok(Built { path, plugin })
    }

    /// Runs the tests of the crate itself, on this machine's own code.
    ///
    /// # Errors
    /// `tests-failed` with what cargo says; `build-failed` where they do not compile.
    pub async fn native_tests(&self, cancel: &Cancel) -> Result<()> {
        let command = self.toolchain.test(&self.root, &self.target_dir, &self.package);
        let ended = cancel.run(exec::tool(command)).await?;
        if ended.status.success() {
            return Ok(());
        }
        Err(match does_not_compile(&ended) {
            true => said_no("build-failed", "the crate does not compile", &ended),
            false => said_no("tests-failed", "the tests of the crate failed", &ended),
        })
    }
}

/// Replaces a file as a whole: who runs the plugin never meets half of it.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |e: std::io::Error| Error::io(format!("`{}`", path.display()), &e);
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).map_err(failed)?;
    let file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    fs::write(file.path(), bytes).map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error)).map(drop)
}

fn toolchain(folder: &Path) -> Result<Toolchain> {
    Toolchain::find(folder, &mut |command: &mut process::Command| exec::ask(command))
        .map_err(|why| no_target("there is no compiler that builds for Wasm", &why))
}

fn no_target(message: &str, why: &NoToolchain) -> Error {
    let mut error = Error::failed("wasm-target-missing", message)
        .with_cause("plugins are built for `wasm32-unknown-unknown`, which is not installed")
        .with_next(INSTALL);
    error.evidence.clone_from(&why.missing);
    error
}

/// The folder's own compiler may be another one than was asked.
fn lacks_target(ended: &Ended) -> bool {
    String::from_utf8_lossy(&ended.stderr).contains("target may not be installed")
}

/// Cargo ends alike for tests that fail and for those that there are none of yet.
fn does_not_compile(ended: &Ended) -> bool {
    String::from_utf8_lossy(&ended.stderr).contains("error: could not compile")
}

/// A tool's own words, without what it says of its progress.
fn said_no(code: &'static str, message: &str, ended: &Ended) -> Error {
    let mut error = Error::failed(code, message);
    let said = [&ended.stdout[..], &ended.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said);
    let is_progress = |line: &&str| {
        let word = line.trim_start().split(' ').next().unwrap_or_default();
        let words = ["Compiling", "Finished", "Running", "Locking", "Adding", "Doc-tests"];
        words.contains(&word) && line.starts_with("   ")
    };
    let mut lines: Vec<&str> = said.lines().filter(|line| !is_progress(line)).collect();
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    let more = lines.len().saturating_sub(LINES_SHOWN_MAX);
    error.evidence.extend(lines.iter().take(LINES_SHOWN_MAX).map(|line| line.to_string()));
    if more > 0 {
        error.evidence.push(format!("… {more} more lines"));
    }
    error
}

/// What the workspace says of how guests are optimised.
fn profile(root: &Path) -> Profile {
    let text = fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    let manifest: toml::Table = text.parse().unwrap_or_default();
    let has = |name: &str| manifest.get("profile").is_some_and(|all| all.get(name).is_some());
    match (has("guest"), has("release")) {
        (true, _) => Profile::Guest,
        (false, true) => Profile::Release,
        (false, false) => Profile::Nothing,
    }
}

/// The checkout of the SDK that a package names by path.
fn checkout(package: &Value) -> Option<PathBuf> {
    let dependencies = package["dependencies"].as_array()?;
    let sdk = dependencies.iter().find(|dependency| dependency["name"] == "kafsh-sdk")?;
    Path::new(sdk["path"].as_str()?).parent().map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn the_command_that_builds_it_anew_names_its_folder() {
        let of = |file: &str| rebuilds(Path::new(file));
        assert_eq!(of("limits/target/plugin/limits.wasm"), "plugin build limits");
        assert_eq!(of("/a b/target/plugin/x.wasm"), "plugin build '/a b'");
        assert_eq!(of("target/plugin/limits.wasm"), "plugin build .");
        for elsewhere in ["limits.wasm", "plugin/limits.wasm", "https://h/limits.wasm"] {
            assert_eq!(of(elsewhere), "help plugin build");
        }
    }

    #[test]
    fn a_compilers_words_stand_without_its_progress() {
        let stderr = b"   Compiling x v0.1.0 (/x)\nerror[E0425]: no `y`\n --> src/lib.rs:1:1\n\n";
        let status = process::ExitStatus::from_raw(256);
        let ended = Ended { status, stdout: Vec::new(), stderr: stderr.to_vec() };
        let error = said_no("build-failed", "no", &ended);
        assert_eq!(error.evidence, ["error[E0425]: no `y`", " --> src/lib.rs:1:1"]);
        assert!(!lacks_target(&ended) && !does_not_compile(&ended));
        let stderr = b"error: could not compile `x` (lib test) due to 1 previous error\n".to_vec();
        assert!(does_not_compile(&Ended { stderr, stdout: Vec::new(), status }));
        let stderr = b"note: the `wasm32-unknown-unknown` target may not be installed".to_vec();
        assert!(lacks_target(&Ended { stderr, ..ended }));
        let error = no_target("no", &NoToolchain { missing: vec!["a".to_string()] });
        assert_eq!((error.code.as_ref(), error.next[0].as_str()), ("wasm-target-missing", INSTALL));
    }

    #[test]
    fn the_sdk_of_a_crate_lies_in_its_checkout() {
        let package = serde_json::json!({ "dependencies": [
            { "name": "serde" }, { "name": "kafsh-sdk", "path": "/src/kafsh/sdk" },
        ] });
        assert_eq!(checkout(&package), Some("/src/kafsh".into()));
        assert_eq!(checkout(&serde_json::json!({ "dependencies": [] })), None);
    }
}
