//! Environment, home folders and client properties: read here and nowhere else.

use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use kafsh_model::plugin::Secret;
use kafsh_model::{Error, Result};

use crate::args::{Args, split_pair};
use crate::files;

/// Where kafsh keeps what it keeps. With `KAFSH_HOME` everything is under that one folder.
#[derive(Clone, Debug)]
pub struct Home {
    /// Clusters, Kafka versions, the audit log
    pub data: PathBuf,
    /// What can be made again: compiled plugins
    pub cache: PathBuf,
    /// Prompt history, keys
    pub state: PathBuf,
}

/// `KAFSH_LOCKED`: as `--locked` does, unless it is empty or `0`.
pub fn locked_by_environment() -> bool {
    std::env::var_os("KAFSH_LOCKED").is_some_and(|value| !value.is_empty() && value != "0")
}

impl Home {
    pub fn find() -> Result<Home> {
        let set = std::env::var_os("KAFSH_HOME").filter(|home| !home.is_empty());
        if let Some(home) = set {
            let home = std::path::absolute(PathBuf::from(home))
                .map_err(|e| Error::io("`KAFSH_HOME` is no usable folder", &e))?;
            return Ok(Home::under(&home));
        }
        let dirs = ProjectDirs::from("", "", "kafsh").ok_or_else(|| {
            Error::failed("no-home", "there is no home folder to keep clusters in")
                .with_cause("neither `KAFSH_HOME` nor `HOME` is set")
                .with_next("KAFSH_HOME=/path/to/a/folder kafsh")
        })?;
        let state = dirs.state_dir().unwrap_or(dirs.data_dir()).to_path_buf();
        Ok(Home {
            data: dirs.data_dir().to_path_buf(),
            cache: dirs.cache_dir().to_path_buf(),
            state,
        })
    }

    pub fn under(home: &Path) -> Home {
        Home { data: home.to_path_buf(), cache: home.join("cache"), state: home.join("state") }
    }
}

/// Bytes of a file of client properties.
const PROPERTIES_BYTES_MAX: u64 = 1 << 20;
/// Bytes of a secret.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// The secret of a setting by where it is, so that it stands in no command line, script or state
/// file: `env:NAME` or `file:PATH`, of which one newline at the end is taken off.
///
/// # Errors
/// `bad-secret` (usage): another form, a variable that is not set, a file that cannot be read.
pub fn secret(setting: &str, place: &str) -> Result<Secret> {
    let bad = |message: String| Error::usage("bad-secret", message);
    if let Some(name) = place.strip_prefix("env:") {
        let value = std::env::var_os(name).filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| bad(format!("the variable `{name}` is not set")))?;
        return Ok(Secret(std::os::unix::ffi::OsStringExt::into_vec(value)));
    }
    let Some(path) = place.strip_prefix("file:") else {
        // What was typed may be the secret itself: it is not repeated.
        return Err(bad("a secret is given by where it is".to_string())
            .with_cause("what stands in a command line is seen by others and kept in histories")
            .with_next(format!("--set {setting}=env:NAME"))
            .with_next(format!("--set {setting}=file:PATH")));
    };
    let cannot = |e: &std::io::Error| bad(format!("`{path}` cannot be read: {e}"));
    let read = files::read_at_most(Path::new(path), SECRET_BYTES_MAX).map_err(|e| cannot(&e))?;
    let mut bytes =
        read.ok_or_else(|| bad(format!("`{path}` is larger than {SECRET_BYTES_MAX} bytes")))?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(Secret(bytes))
}

/// `-X key=value` and `--command-config FILE`, in that order of weight.
pub fn client_properties(args: &Args) -> Result<Vec<(String, String)>> {
    let mut properties = Vec::new();
    if let Some(file) = args.opt_text("command-config") {
        properties.extend(properties_file(Path::new(&file))?);
    }
    for text in args.texts("client") {
        properties.push(split_pair(&text)?);
    }
    Ok(properties)
}

/// A Java client's properties file, with the names librdkafka gives the same things.
fn properties_file(path: &Path) -> Result<Vec<(String, String)>> {
    let shown = path.display();
    let text = files::read_text_at_most(path, PROPERTIES_BYTES_MAX)
        .map_err(|e| Error::io(format!("`{shown}` cannot be read"), &e))?
        .ok_or_else(|| {
            Error::usage("bad-properties", format!("`{shown}` is too large for client properties"))
                .with_cause(format!("they have at most {PROPERTIES_BYTES_MAX} bytes"))
        })?;
    let mut properties = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            let place = format!("line {} of `{shown}` is not key=value", index + 1);
            return Err(Error::usage("bad-properties", place));
        };
        let key = match key.trim() {
            "request.timeout.ms" => "socket.timeout.ms",
            // Names of Java classes mean nothing to librdkafka; it has its own.
            "key.serializer" | "value.serializer" | "key.deserializer" | "value.deserializer" => {
                continue;
            }
            other => other,
        };
        properties.push((key.to_string(), value.trim().to_string()));
    }
    Ok(properties)
}
