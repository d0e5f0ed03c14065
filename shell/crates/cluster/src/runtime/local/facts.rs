//! What is on disk and running of one node, and the files that are written for it.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use kafsh_model::plan::Node;
use kafsh_model::snapshot::{DataDirFacts, NodeFacts, ProcessState};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Error, Result};
use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::launch::text;
use super::layout::{MARKER, NodePaths, holds_something};
use super::record::RunRecord;
use super::{Local, guard, intruder, process, since};
use crate::runtime::{files, properties};

/// Properties that the runtime adds to what a step gives.
const OWNED_KEYS: [&str; 3] = ["dataDir", "dataLogDir", "log.dirs"];

/// Written by a broker that stopped in order, removed when it starts.
const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";

/// Longest that a process which is ending already is waited for.
const ENDING_DEADLINE: Duration = Duration::from_secs(5);

impl Local {
    pub(super) fn node(&self, spec: &ClusterSpec, node: Node) -> Result<NodeFacts> {
        self.children.reap();
        let paths = self.layout(spec)?.node(spec, node)?;
        let record = RunRecord::load(&paths.run)?;
        let process = record.as_ref().map_or(Ok(ProcessState::Absent), state)?;
        let file = files::read_small(&paths.properties)?;
        let changed = |record: &RunRecord| {
            let now = file.as_deref().map(files::sha256_hex);
            now.as_deref() != Some(record.properties_sha256.as_str())
        };
        let restart_needed = process.is_alive() && record.as_ref().is_some_and(changed);
        let mut pairs = properties::parse(file.as_deref().unwrap_or_default())?;
        pairs.retain(|(key, _)| !OWNED_KEYS.contains(&key.as_str()));
        let own_pid = process.pid().filter(|_| process.is_alive());
        Ok(NodeFacts {
            node,
            since_ms: since::since_ms(&paths, record.as_ref(), &process),
            process,
            properties: pairs,
            restart_needed,
            data: paths
                .data
                .iter()
                .map(|dir| data_dir(dir, paths.data_log.as_deref(), node, own_pid))
                .collect::<Result<_>>()?,
            stale_registration: false,
        })
    }

    /// The process alone: no data folder is walked.
    pub(super) fn process(&self, spec: &ClusterSpec, node: Node) -> Result<ProcessState> {
        self.children.reap();
        let paths = self.layout(spec)?.node(spec, node)?;
        let record = RunRecord::load(&paths.run)?;
        record.as_ref().map_or(Ok(ProcessState::Absent), state)
    }

    pub(super) fn create_directories(&self, spec: &ClusterSpec, node: Node) -> Result<()> {
        let layout = self.layout(spec)?;
        let paths = layout.node(spec, node)?;
        layout.claim(&layout.folder)?;
        for dir in paths.data.iter().chain(&paths.data_log) {
            if !layout.is_foreign(spec, dir) {
                layout.claim(layout.root_of(dir))?;
            }
            files::create_dir_all(dir)?;
        }
        for folder in [&paths.config, &paths.logs, &paths.tmp] {
            files::create_dir_all(folder)?;
        }
        Ok(())
    }

    pub(super) fn write_properties(
        &self,
        spec: &ClusterSpec,
        node: Node,
        given: &[(String, String)],
    ) -> Result<()> {
        let layout = self.layout(spec)?;
        let paths = layout.node(spec, node)?;
        let mut inside = vec![layout.folder.as_path()];
        inside.extend(layout.data_root.as_deref());
        guard::check(spec, node, given, &inside)?;
        let mut pairs = given.to_vec();
        pairs.extend(owned(&paths, node)?);
        pairs.sort();
        let header = format!("{node} of cluster {}", spec.name);
        let text = properties::write(&[&header, "written by kafsh: changes here are lost"], &pairs);
        files::create_dir_all(&paths.config)?;
        files::write_atomic(&paths.properties, text.as_bytes(), files::PRIVATE)
    }
}

fn owned(paths: &NodePaths, node: Node) -> Result<Vec<(String, String)>> {
    let dirs = paths.data.iter().map(|dir| text(dir)).collect::<Result<Vec<_>>>()?;
    let key = match node {
        Node::ZooKeeper => "dataDir",
        Node::Broker(_) => "log.dirs",
    };
    let mut pairs = vec![(key.to_string(), dirs.join(","))];
    if let Some(dir) = &paths.data_log {
        pairs.push(("dataLogDir".to_string(), text(dir)?));
    }
    Ok(pairs)
}

fn state(record: &RunRecord) -> Result<ProcessState> {
    let live = process::identify(record)?;
    if live.is_none() {
        // Killed a moment ago it still holds its ports and locks, which would look like a
        // stranger's. Longer than this a process hangs in the kernel, and the locks tell of it.
        process::await_end(record, ENDING_DEADLINE)?;
    }
    Ok(match (live, &record.process) {
        (Some(live), _) if live.paused => ProcessState::Paused { pid: live.pid },
        (Some(live), _) => ProcessState::Running { pid: live.pid, uptime_ms: live.uptime_ms },
        (None, Some(started)) => ProcessState::Died { pid: started.pid },
        // Only the intent was written: its shell was killed before anything ran.
        (None, None) => ProcessState::Absent,
    })
}

/// `data_log`: where ZooKeeper keeps its transaction logs, if not beside its snapshots.
fn data_dir(
    dir: &Path,
    data_log: Option<&Path>,
    node: Node,
    own_pid: Option<u32>,
) -> Result<DataDirFacts> {
    let logs = data_log.unwrap_or(dir).join("version-2");
    let exists = dir.is_dir();
    let names = if exists { files::names_in(dir)? } else { Vec::new() };
    let is_broker = matches!(node, Node::Broker(_));
    let meta = if is_broker { files::read_small(&dir.join("meta.properties"))? } else { None };
    let meta = meta.as_deref().map(properties::parse).transpose()?.unwrap_or_default();
    let value = |key: &str| meta.iter().find(|(name, _)| name == key).map(|(_, v)| v.clone());
    let number = |key: &str| value(key).and_then(|text| text.trim().parse().ok());
    let has_folders = names.iter().any(|name| name != "lost+found" && dir.join(name).is_dir());
    Ok(DataDirFacts {
        path: dir.display().to_string(),
        exists,
        empty: !exists || !holds_something(dir)?,
        writable: rustix::fs::access(files::existing_ancestor(dir), rustix::fs::Access::WRITE_OK)
            .is_ok(),
        bytes: if exists { files::allocated_bytes(dir) } else { 0 },
        cluster_id: value("cluster.id"),
        broker_id: number("broker.id").or(number("node.id")),
        meta_version: value("version").and_then(|text| text.trim().parse().ok()),
        foreign_lock: match (node, own_pid) {
            (Node::Broker(_), _) => foreign_lock(&dir.join(".lock"), own_pid)?,
            (Node::ZooKeeper, None) if exists => intruder::zookeeper_in(dir),
            (Node::ZooKeeper, _) => None,
        },
        clean: !is_broker || !has_folders || names.iter().any(|name| name == CLEAN_SHUTDOWN),
        logs_without_snapshot: !is_broker && logs_without_snapshot(&dir.join("version-2"), &logs)?,
        snapshot_without_logs: match is_broker {
            true => None,
            false => snapshot_without_logs(&dir.join("version-2"), &logs)?,
        },
    })
}

/// Who holds the lock of a log.dirs. Java's `FileChannel.lock` is a POSIX record lock, so asking
/// does not disturb it, and the answer names the pid.
fn foreign_lock(path: &Path, own_pid: Option<u32>) -> Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(files::io_error("read", path, &e)),
    };
    let held = fcntl_getlk(&file, &Flock::from(FlockType::WriteLock)).map_err(|e| {
        Error::failed("io-failed", format!("cannot ask for the lock of `{}`", path.display()))
            .with_evidence(e.to_string())
    })?;
    let Some(held) = held else { return Ok(None) };
    let pid = held.pid.map(|pid| pid.as_raw_nonzero().get() as u32);
    Ok(match pid {
        Some(pid) if Some(pid) == own_pid => None,
        Some(pid) => Some(process::describe(pid)),
        None => Some("a process outside this container".into()),
    })
}

/// ZooKeeper refuses such a folder: "No snapshot found, but there are log entries".
fn logs_without_snapshot(folder: &Path, logs: &Path) -> Result<bool> {
    let any = |folder: &Path, prefix: &str| -> Result<bool> {
        Ok(files::names_in(folder)?.iter().any(|name| name.starts_with(prefix)))
    };
    Ok(any(logs, "log.")? && !any(folder, "snapshot.")?)
}

/// Zxid of the newest snapshot where the transaction logs are gone. One log is always kept, however
/// many snapshots follow it; a ZooKeeper that was never written to has none.
fn snapshot_without_logs(folder: &Path, logs: &Path) -> Result<Option<u64>> {
    if files::names_in(logs)?.iter().any(|name| name.starts_with("log.")) {
        return Ok(None);
    }
    let names = files::names_in(folder)?;
    let zxid = |name: &String| u64::from_str_radix(name.strip_prefix("snapshot.")?, 16).ok();
    Ok(names.iter().filter_map(zxid).max())
}

/// Empties a data folder but for our marker. Links are removed, not followed.
pub(super) fn empty_data_dir(dir: &Path) -> Result<()> {
    for name in files::names_in(dir)? {
        let path = dir.join(&name);
        if name == MARKER || name == "lost+found" {
            continue;
        }
        let fail = |e: &std::io::Error| files::io_error("delete", &path, e);
        let meta = path.symlink_metadata().map_err(|e| fail(&e))?;
        if meta.is_dir() {
            fs::remove_dir_all(&path).map_err(|e| fail(&e))?;
        } else {
            fs::remove_file(&path).map_err(|e| fail(&e))?;
        }
    }
    files::sync_dir(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brokers_folder_tells_whose_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("data");
        let fresh = data_dir(&dir, None, Node::Broker(1), None).unwrap();
        assert!(!fresh.exists && fresh.empty && fresh.clean && fresh.writable);
        fs::create_dir_all(dir.join("test-0")).unwrap();
        let meta = "#\n#Sun Nov 22 17:00:00 UTC 2026\ncluster.id=abc\nversion=0\nbroker.id=7\n";
        fs::write(dir.join("meta.properties"), meta).unwrap();
        fs::write(dir.join(".lock"), "").unwrap();
        let facts = data_dir(&dir, None, Node::Broker(1), None).unwrap();
        assert_eq!(facts.cluster_id.as_deref(), Some("abc"));
        assert_eq!((facts.broker_id, facts.meta_version), (Some(7), Some(0)));
        assert!(!facts.clean && !facts.empty && facts.foreign_lock.is_none());
        fs::write(dir.join(CLEAN_SHUTDOWN), "").unwrap();
        assert!(data_dir(&dir, None, Node::Broker(1), None).unwrap().clean);
    }

    #[test]
    fn zookeepers_logs_need_a_snapshot() {
        let folder = tempfile::tempdir().unwrap();
        let version = folder.path().join("version-2");
        fs::create_dir(&version).unwrap();
        fs::write(version.join("log.1"), "").unwrap();
        let facts = || data_dir(folder.path(), None, Node::ZooKeeper, None).unwrap();
        assert!(facts().logs_without_snapshot);
        fs::write(version.join("snapshot.0"), "").unwrap();
        assert!(!facts().logs_without_snapshot && facts().clean);
        assert_eq!(facts().snapshot_without_logs, None);
        fs::write(version.join("snapshot.1f"), "").unwrap();
        fs::remove_file(version.join("log.1")).unwrap();
        assert_eq!(facts().snapshot_without_logs, Some(0x1f), "the newest");
        let elsewhere = folder.path().join("logs");
        fs::create_dir_all(elsewhere.join("version-2")).unwrap();
        fs::write(elsewhere.join("version-2/log.2"), "").unwrap();
        let apart = data_dir(folder.path(), Some(&elsewhere), Node::ZooKeeper, None).unwrap();
        assert_eq!(apart.snapshot_without_logs, None, "they lie elsewhere");
        assert!(!apart.logs_without_snapshot);
    }

    #[test]
    fn emptying_spares_the_marker_and_what_links_point_to() {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().join("outside");
        let dir = folder.path().join("data");
        fs::create_dir_all(dir.join("a/b")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("precious"), "").unwrap();
        std::os::unix::fs::symlink(&outside, dir.join("link")).unwrap();
        std::os::unix::fs::symlink(&outside, dir.join("a/link")).unwrap();
        fs::write(dir.join(MARKER), "demo\n").unwrap();
        empty_data_dir(&dir).unwrap();
        assert_eq!(files::names_in(&dir).unwrap(), [MARKER]);
        assert!(outside.join("precious").exists());
    }
}
