//! Where a plugin comes from: a file, a folder that holds exactly one, or a URL.

use std::fs;
use std::path::{Path, PathBuf};

use kafsh_host::limits::COMPONENT_BYTES_MAX;
use kafsh_model::plugin::PluginKind;
use kafsh_model::{Error, Result};
use kafsh_pack::plugin_name;

use crate::call::Call;
use crate::http::Url;

/// Files of a folder that are named where there is more than one.
const NAMED_MAX: usize = 10;

/// Where `plugin build` leaves what it made, below the folder of a crate.
const BUILT: &str = "target/plugin";

/// What came from a source.
pub struct Fetched {
    pub bytes: Vec<u8>,
    /// Path or URL, as it is kept and shown
    pub source: String,
    /// From the network: what comes next time may be another file
    pub remote: bool,
}

/// Brings what `source` names, in full but never more than a plugin may have.
///
/// # Errors
/// `plugin-source-not-found`, `plugin-source-ambiguous`, `plugin-too-large`, `bad-source`; what the
/// network says.
pub async fn fetch(call: &Call, source: &str) -> Result<Fetched> {
    match url_of(source)? {
        Some(url) => remote(source, url).await,
        None => local(&call.directory, source),
    }
}

/// The URL of a source that is on the network.
///
/// # Errors
/// `bad-source`: it is neither a path nor a URL that can be used.
pub fn url_of(source: &str) -> Result<Option<Url<'_>>> {
    if source.starts_with("http://") || source.starts_with("https://") {
        return Url::parse(source).map(Some);
    }
    if source.contains("://") {
        let scheme = source.split("://").next().unwrap_or_default().escape_debug();
        let message = format!("`{scheme}://…` is no source of a plugin");
        return Err(Error::usage("bad-source", message)
            .with_cause("a source is a file, a folder, or an http or https URL"));
    }
    Ok(None)
}

async fn remote(source: &str, url: Url<'_>) -> Result<Fetched> {
    let bytes_max = COMPONENT_BYTES_MAX as u64;
    let bytes = match url.is_tls {
        true => crate::exec::download(source, url.shown, bytes_max).await?,
        false => crate::http::get(url, bytes_max).await?,
    };
    Ok(Fetched { bytes, source: url.shown.to_string(), remote: true })
}

/// Over TLS or from this machine: nobody in between chooses the file.
pub fn is_private(url: &Url<'_>) -> bool {
    let host = url.host();
    let loopback = || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    url.is_tls || host == "localhost" || loopback()
}

/// A file of this machine, or the only one of a folder.
///
/// # Errors
/// As [`fetch`].
pub fn local(directory: &Path, source: &str) -> Result<Fetched> {
    let path = directory.join(source);
    let facts = fs::metadata(&path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => {
            let message = format!("there is no `{}`", source.escape_debug());
            Error::not_found("plugin-source-not-found", message)
                .with_cause("a source is a file, a folder, or an http or https URL")
        }
        _ => Error::io(format!("`{source}` cannot be read"), &e),
    })?;
    let path = match facts.is_dir() {
        true => only_one(&path, source)?,
        false => path,
    };
    let bytes = read(&path)?;
    let source = fs::canonicalize(&path).unwrap_or(path).display().to_string();
    Ok(Fetched { bytes, source, remote: false })
}

fn only_one(folder: &Path, source: &str) -> Result<PathBuf> {
    let is_crate = folder.join("Cargo.toml").is_file();
    let searched = if is_crate { folder.join(BUILT) } else { folder.to_path_buf() };
    let mut found: Vec<PathBuf> = fs::read_dir(&searched)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    found.retain(|path| path.extension().is_some_and(|end| end == "wasm") && path.is_file());
    found.sort();
    // A crate that was renamed still has what was built under its old name.
    let named = package(folder).map(|name| searched.join(format!("{name}.wasm")));
    if let Some(built) = named.filter(|path| found.contains(path)) {
        return Ok(built);
    }
    if let [one] = found.as_slice() {
        return Ok(one.clone());
    }
    let message = format!("`{source}` holds {} plugins", found.len());
    if found.is_empty() {
        let error = Error::not_found("plugin-source-not-found", message.replace(" 0 ", " no "))
            .with_evidence(format!("looked for *.wasm in {}", searched.display()));
        return Err(match is_crate {
            true => error.with_next(format!("plugin build {source}")),
            false => error,
        });
    }
    let error = Error::usage("plugin-source-ambiguous", message).with_cause("name one of them");
    let named = found.iter().take(NAMED_MAX);
    let error = named.fold(error, |error, path| error.with_evidence(path.display().to_string()));
    Err(error.with_next(format!("plugin install {}", found[0].display())))
}

/// The name under which a crate's plugin is built; `None` where `folder` is none.
fn package(folder: &Path) -> Option<String> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let manifest: toml::Table = manifest.parse().ok()?;
    let package = manifest.get("package")?;
    let kind = package.get("metadata")?.get("kafsh")?.get("kind")?.as_str()?;
    let name = package.get("name")?.as_str()?;
    Some(plugin_name(name, PluginKind::from_name(kind)?))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    let failed = |e: std::io::Error| Error::io(format!("`{shown}` cannot be read"), &e);
    // A pipe or a device may never end, and opening one may wait for ever.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Error::usage("bad-source", format!("`{shown}` is no file")));
    }
    let max = COMPONENT_BYTES_MAX as u64;
    let read = crate::files::read_at_most(path, max).map_err(failed)?;
    read.ok_or_else(|| crate::http::too_large(&shown.to_string(), max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_kept_without_what_may_be_secret() {
        let url = url_of("https://h/a.wasm?token=x#y").unwrap().unwrap();
        assert_eq!(url.shown, "https://h/a.wasm");
        assert_eq!(url_of("./a.wasm").unwrap(), None);
        for bad in ["https://kim:pw@h/a", "https://kim@h", "http://h/a b", "s3://h/?sig=pw"] {
            let error = url_of(bad).unwrap_err();
            assert!(!format!("{error:?}").contains("pw"), "{error:?}");
        }
    }

    #[test]
    fn a_crate_that_was_renamed_is_installed_as_it_is_called_now() {
        let home = tempfile::tempdir().unwrap();
        let built = home.path().join(BUILT);
        fs::create_dir_all(&built).unwrap();
        for name in ["older.wasm", "newer.wasm"] {
            fs::write(built.join(name), name).unwrap();
        }
        let manifest = "[package]\nname = \"kafsh-policy-newer\"\n\
                        [package.metadata.kafsh]\nkind = \"policy\"\n";
        fs::write(home.path().join("Cargo.toml"), manifest).unwrap();
        assert_eq!(local(home.path(), ".").unwrap().bytes, b"newer.wasm");
        fs::write(home.path().join("Cargo.toml"), "[workspace]").unwrap();
        let error = local(home.path(), ".").map(drop).unwrap_err();
        assert_eq!(error.code, "plugin-source-ambiguous");
    }

    #[test]
    fn loopback_is_this_machine_alone() {
        let private = |url: &str| is_private(&Url::parse(url).unwrap());
        for yes in
            ["http://127.0.0.1:80/x", "http://localhost", "http://[::1]:9/x", "http://127.9.9.9"]
        {
            assert!(private(yes), "{yes}");
        }
        assert!(private("https://example.org/"));
        for no in ["http://127.0.0.1.example.org/", "http://10.0.0.1/", "http://localhost.:x/"] {
            assert!(!private(no), "{no}");
        }
    }
}
