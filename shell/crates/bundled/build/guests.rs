//! Which plugins there are, and what they were made of.

use std::fs;
use std::path::Path;

use kafsh_pack::About;
use serde_json::Value;

/// A plugin's crate.
pub struct Guest {
    pub about: About,
    /// Its crate's name
    pub package: String,
}

/// Every plugin among the packages of `metadata`, cargo's own words, that lies under `plugins`;
/// ordered by kind and name.
pub fn find(metadata: &[u8], plugins: &Path) -> Result<Vec<Guest>, String> {
    let metadata: Value =
        serde_json::from_slice(metadata).map_err(|e| format!("cargo's answer is no JSON: {e}"))?;
    let packages = metadata["packages"].as_array().ok_or("cargo lists no packages")?;
    let mut guests = Vec::new();
    for package in packages {
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        if !Path::new(manifest).starts_with(plugins) {
            continue;
        }
        let about = About::from_cargo(package).map_err(|why| format!("{manifest}: {why}"))?;
        let about =
            about.ok_or_else(|| format!("{manifest}: has no `[package.metadata.kafsh]`"))?;
        let package = package["name"].as_str().unwrap_or_default().to_owned();
        guests.push(Guest { about, package });
    }
    guests.sort_by(|one, other| {
        let key = |guest: &Guest| (guest.about.kind.name(), guest.about.name.clone());
        key(one).cmp(&key(other))
    });
    Ok(guests)
}

/// The files that cargo's dep-info (`target: file file …`, blanks escaped) names, if it is there.
pub fn sources(dep_info: &Path) -> Vec<String> {
    let text = fs::read_to_string(dep_info).unwrap_or_default();
    let list = text.split_once(": ").map_or("", |(_, list)| list.trim_end());
    let files = list.replace("\\ ", "\0");
    files.split(' ').filter(|file| !file.is_empty()).map(|file| file.replace('\0', " ")).collect()
}
