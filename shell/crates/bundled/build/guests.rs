//! Which plugins there are, and what they were made of.

use std::fs;
use std::path::{Path, PathBuf};

/// A plugin's crate.
pub struct Guest {
    /// `step`, `policy`, `transform`
    pub kind: &'static str,
    /// Its folder's name
    pub name: String,
    /// Its crate's name
    pub package: String,
}

impl Guest {
    /// File name of the core module that cargo makes of it.
    pub fn artefact(&self) -> String {
        format!("{}.wasm", self.package.replace('-', "_"))
    }
}

/// Folders under `plugins/` and the kinds that lie in them.
const KINDS: [(&str, &str); 3] =
    [("policies", "policy"), ("steps", "step"), ("transforms", "transform")];

/// Every crate `plugins/*/*` that has a `cdylib`, ordered by kind and name.
pub fn find(plugins: &Path) -> Result<Vec<Guest>, String> {
    let mut guests = Vec::new();
    for (folder, kind) in KINDS {
        let folder = plugins.join(folder);
        if !folder.is_dir() {
            continue;
        }
        let mut crates: Vec<PathBuf> = fs::read_dir(&folder)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
            .map_err(|e| format!("cannot list {folder:?}: {e}"))?;
        crates.sort();
        for path in crates {
            guests.extend(guest(kind, &path)?);
        }
    }
    Ok(guests)
}

fn guest(kind: &'static str, path: &Path) -> Result<Option<Guest>, String> {
    let manifest = path.join("Cargo.toml");
    if !manifest.is_file() {
        return Ok(None);
    }
    let bad = |why: &str| format!("{manifest:?}: {why}");
    let text = fs::read_to_string(&manifest).map_err(|e| bad(&e.to_string()))?;
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| bad(e.message()))?;
    let types = table.get("lib").and_then(|lib| lib.get("crate-type")).and_then(|t| t.as_array());
    if !types.is_some_and(|types| types.iter().any(|t| t.as_str() == Some("cdylib"))) {
        return Ok(None);
    }
    let package = table.get("package").and_then(|package| package.get("name")?.as_str());
    let package = package.ok_or_else(|| bad("has no `package.name`"))?.to_owned();
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| bad("its folder's name is not UTF-8"))?.to_owned();
    Ok(Some(Guest { kind, name, package }))
}

/// The files that cargo's dep-info (`target: file file …`, blanks escaped) names, if it is there.
pub fn sources(dep_info: &Path) -> Vec<String> {
    let text = fs::read_to_string(dep_info).unwrap_or_default();
    let list = text.split_once(": ").map_or("", |(_, list)| list.trim_end());
    let files = list.replace("\\ ", "\0");
    files.split(' ').filter(|file| !file.is_empty()).map(|file| file.replace('\0', " ")).collect()
}
