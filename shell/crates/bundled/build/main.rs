//! Builds everything under `plugins/` for Wasm with a nested cargo, makes components of it and
//! writes the table that `src/lib.rs` includes.

mod guests;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs, process};

use guests::Guest;
use kafsh_pack::toolchain::{Job, Profile, ROUTE_VARIABLE, TARGET_DIR_VARIABLE, Toolchain};

fn main() {
    if let Err(error) = run() {
        // One line: cargo shows all that a failed build script said.
        eprintln!("error: {error}");
        process::exit(1);
    }
}

fn run() -> Result<(), String> {
    let root = PathBuf::from(required("CARGO_MANIFEST_DIR")?).join("../../..");
    let root = root.canonicalize().map_err(|e| format!("no workspace at {root:?}: {e}"))?;
    let out_dir = PathBuf::from(required("OUT_DIR")?);
    say_when_to_run_again(&root);

    let mut run = |command: &mut Command| command.output();
    let toolchain = Toolchain::find(&root, &mut run).map_err(|e| e.to_string())?;
    let guests = guests::find(&metadata(toolchain.metadata(&root))?, &root.join("plugins"))?;
    let mut table = String::from("static PLUGINS: &[Bundled] = &[\n");
    let target_dir = target_dir(&out_dir)?;
    let job = Job {
        root: &root,
        target_dir: &target_dir,
        packages: guests.iter().map(|guest| guest.package.as_str()).collect(),
        locked: true,
        profile: Profile::Guest,
        hidden: vec![(root.clone(), "/kafsh".to_owned())],
    };
    build(toolchain.build(&job))?;
    for guest in &guests {
        table.push_str(&embed(guest, &job.artefact(&guest.package), &out_dir)?);
    }
    table.push_str("];\n");
    write_if_changed(&out_dir.join("plugins.rs"), table.as_bytes())
}

/// What cargo says of the workspace's packages.
fn metadata(mut command: Command) -> Result<Vec<u8>, String> {
    let answer = command.output().map_err(|e| format!("cannot run {command:?}: {e}"))?;
    let Output { status, stdout, stderr } = answer;
    if status.success() {
        return Ok(stdout);
    }
    Err(format!("cargo metadata: {}", String::from_utf8_lossy(&stderr).trim()))
}

fn build(mut command: Command) -> Result<(), String> {
    if let Some(jobs) = env::var_os("NUM_JOBS") {
        command.arg("--jobs").arg(jobs);
    }
    let status = command.status().map_err(|e| format!("cannot run {command:?}: {e}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("the plugins could not be built ({status}); what the compiler said is above"))
}

fn required(variable: &str) -> Result<String, String> {
    env::var(variable).map_err(|_| format!("`{variable}` is not set: cargo runs this program"))
}

/// Everything that a guest is made of, but what its own `.d` file tells after the build.
fn say_when_to_run_again(root: &Path) {
    for path in [
        "plugins",
        "sdk/src",
        "sdk/wit",
        "sdk/macros",
        "sdk/Cargo.toml",
        "Cargo.toml",
        "Cargo.lock",
    ] {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-env-changed={TARGET_DIR_VARIABLE}");
    println!("cargo::rerun-if-env-changed={}", ROUTE_VARIABLE);
}

/// A target directory of the guests' own: the outer cargo holds the lock of its one.
fn target_dir(out_dir: &Path) -> Result<PathBuf, String> {
    if let Some(dir) = env::var_os(TARGET_DIR_VARIABLE) {
        return Ok(PathBuf::from(dir));
    }
    // Cargo marks the top of a target directory; how deep OUT_DIR lies in it is its own affair.
    let top = out_dir.ancestors().find(|dir| dir.join("CACHEDIR.TAG").exists());
    let top = top.or_else(|| out_dir.ancestors().nth(4));
    Ok(top.ok_or_else(|| format!("no target directory above {out_dir:?}"))?.join("guest"))
}

/// Packs one built guest; returns its line of the table.
fn embed(guest: &Guest, built: &Path, out_dir: &Path) -> Result<String, String> {
    for source in guests::sources(&built.with_extension("d")) {
        println!("cargo::rerun-if-changed={source}");
    }
    let module = fs::read(built).map_err(|e| format!("cannot read {built:?}: {e}"))?;
    let (kind, name) = (guest.about.kind.name(), guest.about.name.as_str());
    let packed = kafsh_pack::pack_plugin(&module, &guest.about)
        .map_err(|e| format!("{kind} `{name}`: {e}"))?;
    let file = format!("{kind}-{name}.wasm");
    write_if_changed(&out_dir.join(&file), &packed.component)?;
    Ok(format!(
        "    Bundled {{ kind: {kind:?}, name: {name:?}, digest: {:?},\n        \
         component: include_bytes!(concat!(env!(\"OUT_DIR\"), {:?})) }},\n",
        packed.digest.as_str(),
        format!("/{file}"),
    ))
}

/// An unchanged file keeps its time, so nothing that includes it is compiled again.
fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<(), String> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).map_err(|e| format!("cannot write {path:?}: {e}"))
}
