//! Environment, home folders and client properties: read here and nowhere else.

use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use kafsh_model::{Error, Result};

use crate::args::{Args, split_pair};

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
    let text = std::fs::read_to_string(path)
        .map_err(|e| Error::io(format!("`{shown}` cannot be read"), &e))?;
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
