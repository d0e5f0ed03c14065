//! Builds everything under `plugins/` for Wasm with a nested cargo, makes components of it and
//! writes the table that `src/lib.rs` includes.

mod guests;
mod toolchain;

use std::path::{Path, PathBuf};
use std::{env, fs, process};

use guests::Guest;
use toolchain::Toolchain;

/// Overrides where guests are built; by default `guest` in the target directory.
const TARGET_DIR_VARIABLE: &str = "KAFSH_GUEST_TARGET_DIR";

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

    let toolchain = Toolchain::find()?;
    let guests = guests::find(&toolchain.metadata(&root)?, &root.join("plugins"))?;
    let mut table = String::from("static PLUGINS: &[Bundled] = &[\n");
    let target_dir = target_dir(&out_dir)?;
    toolchain.build(&root, &target_dir, &guests)?;
    for guest in &guests {
        table.push_str(&embed(guest, &target_dir, &out_dir)?);
    }
    table.push_str("];\n");
    write_if_changed(&out_dir.join("plugins.rs"), table.as_bytes())
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
    println!("cargo::rerun-if-env-changed={}", toolchain::ROUTE_VARIABLE);
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
fn embed(guest: &Guest, target_dir: &Path, out_dir: &Path) -> Result<String, String> {
    let built = target_dir.join("wasm32-unknown-unknown/guest").join(guest.artefact());
    for source in guests::sources(&built.with_extension("d")) {
        println!("cargo::rerun-if-changed={source}");
    }
    let module = fs::read(&built).map_err(|e| format!("cannot read {built:?}: {e}"))?;
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
