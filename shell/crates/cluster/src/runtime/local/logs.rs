//! The end of a node's log.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use kafsh_model::Result;
use kafsh_model::plan::Node;
use kafsh_model::spec::ClusterSpec;

use super::Local;
use super::layout::NodePaths;
use super::record::RunRecord;
use crate::runtime::files;

/// Most bytes read from the end of a log.
const TAIL_BYTES_MAX: u64 = 1 << 20;

/// Most lines of the console among them.
const CONSOLE_LINES_MAX: usize = 20;

impl Local {
    /// Since the last start where one is recorded, so that an old failure is not taken for a new
    /// one: the server's log, and what the JVM itself said.
    pub(super) fn log_tail(
        &self,
        spec: &ClusterSpec,
        node: Node,
        lines: usize,
    ) -> Result<Vec<String>> {
        let paths = self.layout(spec)?.node(spec, node)?;
        let record = RunRecord::load(&paths.run)?;
        let (since_ms, offset) =
            record.as_ref().map_or((0, 0), |record| (record.intended_at_ms, record.log_offset));
        let (server, console) = written(&paths, record.as_ref());
        let said = match console == server {
            true => Vec::new(),
            false => tail_since(&console, since_ms, 0, CONSOLE_LINES_MAX)?,
        };
        let logged = tail_since(&server, since_ms, offset, lines)?;
        // The JVM's own last words, out of memory for one, are on its console alone.
        let console_is_last = modified_ms(&console) > modified_ms(&server);
        let mut tail = if console_is_last { [logged, said] } else { [said, logged] }.concat();
        tail.drain(..tail.len().saturating_sub(lines));
        Ok(tail)
    }

    /// Of the server's log alone, and of what was rotated away last where the log is short.
    pub(super) fn log_lines_with(
        &self,
        spec: &ClusterSpec,
        node: Node,
        text: &str,
        bytes: u64,
    ) -> Result<Option<Vec<String>>> {
        let paths = self.layout(spec)?.node(spec, node)?;
        let (server, _) = written(&paths, RunRecord::load(&paths.run)?.as_ref());
        lines_with(&server, text, bytes)
    }
}

/// The server's log and its console: ours, or those that a process wrote when it was adopted.
pub(super) fn written(paths: &NodePaths, record: Option<&RunRecord>) -> (PathBuf, PathBuf) {
    let (log, console) = (paths.logs.join("server.log"), paths.logs.join("console.log"));
    let Some(adopted) = record.and_then(|record| record.adopted.as_ref()) else {
        return (log, console);
    };
    // It may log to its standard output alone.
    let named = adopted.log.as_ref().or(adopted.console.as_ref());
    (named.map_or(log, PathBuf::from), adopted.console.as_ref().map_or(console, PathBuf::from))
}

fn lines_with(log: &Path, text: &str, bytes: u64) -> Result<Option<Vec<String>>> {
    let length = match std::fs::metadata(log) {
        Ok(meta) => meta.len(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(files::io_error("read", log, &e)),
    };
    let rotated = log.with_extension("log.1");
    let parts = [(rotated.as_path(), bytes.saturating_sub(length)), (log, bytes)];
    let mut found = Vec::new();
    for (path, most) in parts.into_iter().filter(|(path, most)| *most > 0 && path.exists()) {
        let read = files::read_end(path, 0, most).map_err(|e| files::io_error("read", path, &e))?;
        found.extend(read.lines().filter(|line| line.contains(text)).map(String::from));
    }
    Ok(Some(found))
}

/// ms since 1970-01-01 UTC; `None` where there is no such file.
pub(super) fn modified_ms(path: &Path) -> Option<u128> {
    let modified = std::fs::metadata(path).and_then(|meta| meta.modified()).ok()?;
    modified.duration_since(UNIX_EPOCH).ok().map(|since| since.as_millis())
}

fn tail_since(path: &Path, since_ms: u64, offset: u64, lines: usize) -> Result<Vec<String>> {
    let Ok(meta) = std::fs::metadata(path) else { return Ok(Vec::new()) };
    if modified_ms(path).is_some_and(|at| at < u128::from(since_ms)) {
        return Ok(Vec::new());
    }
    // Shorter than it was: rotated since, so all of it is new.
    let offset = if meta.len() < offset { 0 } else { offset };
    let text = files::read_end(path, offset, TAIL_BYTES_MAX)
        .map_err(|e| files::io_error("read", path, &e))?;
    let all: Vec<&str> = text.lines().collect();
    Ok(all[all.len().saturating_sub(lines)..].iter().map(|line| line.to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_since_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("server.log");
        std::fs::write(&log, "old\none\ntwo\nthree\n").unwrap();
        assert_eq!(tail_since(&log, 0, 4, 2).unwrap(), ["two", "three"]);
        assert_eq!(tail_since(&log, 0, 4, 9).unwrap(), ["one", "two", "three"]);
        assert_eq!(tail_since(&log, 0, 999, 1).unwrap(), ["three"], "rotated");
        assert_eq!(tail_since(&log, u64::MAX, 0, 9).unwrap(), [""; 0], "not written since");
        assert_eq!(tail_since(&folder.path().join("none"), 0, 0, 9).unwrap(), [""; 0]);
    }

    #[test]
    fn lines_are_found_in_what_was_rotated_too_and_no_further_back_than_asked() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("server.log");
        assert_eq!(lines_with(&log, "x", 99).unwrap(), None, "there is no log");
        std::fs::write(&log, "x 3\ny\nx 4\n").unwrap();
        std::fs::write(folder.path().join("server.log.1"), "x 1\nx 2\n").unwrap();
        let found = |bytes| lines_with(&log, "x", bytes).unwrap().unwrap();
        assert_eq!(found(99), ["x 1", "x 2", "x 3", "x 4"]);
        assert_eq!(found(15), ["x 2", "x 3", "x 4"], "a line that is cut is left out");
        assert_eq!(found(6), ["x 4"]);
        assert_eq!(lines_with(&log, "z", 99).unwrap().unwrap(), [""; 0]);
    }
}
