//! Data moved aside as one unit, brought back as one, or deleted.
//!
//! ZooKeeper's data and every log.dirs belong together: one without the other is a cluster that
//! cannot start. A unit's manifest is written before the first folder moves, so a unit that was
//! interrupted can still be restored.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kafsh_model::plan::Node;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Error, Result};
use serde::{Deserialize, Serialize};

use super::facts::empty_data_dir;
use super::layout::{Layout, MARKER, NodePaths, RUN_FILE, holds_something, node_slug};
use super::record::RunRecord;
use super::{Local, cluster_word, process};
use crate::runtime::{files, properties};

const MANIFEST_SCHEMA: u32 = 1;
const MANIFEST: &str = "manifest.json";

/// Longest part of a unit's name that comes from its reason, in bytes.
const SLUG_BYTES_MAX: usize = 40;

/// What a unit holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    schema: u32,
    cluster: String,
    kafka: String,
    reason: String,
    /// RFC 3339, UTC
    created: String,
    /// From a broker's `meta.properties`
    cluster_id: Option<String>,
    /// Every entry has been moved
    complete: bool,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    node: Node,
    from: PathBuf,
    to: PathBuf,
    /// Allocated bytes
    bytes: u64,
}

impl Manifest {
    fn load(unit: &Path) -> Result<Self> {
        let path = unit.join(MANIFEST);
        let bad = |cause: String| {
            Error::failed("bad-state-file", format!("`{}` cannot be read", path.display()))
                .with_evidence(cause)
        };
        let bytes = files::read_small(&path)?.ok_or_else(|| bad("it is not there".into()))?;
        let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|e| bad(e.to_string()))?;
        if manifest.schema != MANIFEST_SCHEMA {
            return Err(bad(format!("its schema is {}", manifest.schema)));
        }
        Ok(manifest)
    }

    fn save(&self, unit: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::bug(e.to_string()))?;
        files::write_atomic(&unit.join(MANIFEST), &text, files::PRIVATE)
    }
}

impl Local {
    pub(super) fn archive(&self, spec: &ClusterSpec, reason: &str) -> Result<String> {
        let layout = self.layout(spec)?;
        self.refuse_any_running(&layout, spec, "moved aside")?;
        let name = free_unit_name(&layout.archive(), reason)?;
        let unit = layout.archive().join(&name);
        let mut manifest = plan_unit(&layout, spec, reason, &name)?;
        if manifest.entries.is_empty() {
            return Err(Error::failed("no-data", format!("cluster `{}` has no data", spec.name)));
        }
        files::create_dir_all(&unit)?;
        keep_configuration(&layout, spec, &unit)?;
        manifest.save(&unit)?;
        let Err(error) = move_aside(&layout, &mut manifest, &unit) else { return Ok(name) };
        // A part alone is a cluster that cannot start.
        Err(match self.restore(spec, &name) {
            Ok(()) => error.with_evidence("everything is where it was"),
            Err(_) => error
                .with_evidence(format!("what was moved before is in the archive `{name}`"))
                .with_next(cluster_word("restore", spec.name.as_str()) + &format!(" {name}")),
        })
    }

    pub(super) fn archives(&self, spec: &ClusterSpec) -> Result<Vec<String>> {
        let folder = self.layout(spec)?.archive();
        let mut names = files::names_in(&folder)?;
        names.retain(|name| folder.join(name).join(MANIFEST).is_file());
        Ok(names)
    }

    pub(super) fn restore(&self, spec: &ClusterSpec, name: &str) -> Result<()> {
        let layout = self.layout(spec)?;
        if !self.archives(spec)?.iter().any(|known| known == name) {
            return Err(Error::not_found(
                "archive-not-found",
                format!("cluster `{}` has no archive `{}`", spec.name, name.escape_debug()),
            )
            .with_next(cluster_word("archive", spec.name.as_str()) + " --list"));
        }
        self.refuse_any_running(&layout, spec, "restored")?;
        let unit = layout.archive().join(name);
        let manifest = Manifest::load(&unit)?;
        check_places(&layout, spec, &manifest)?;
        let pending: Vec<&Entry> =
            manifest.entries.iter().filter(|entry| entry.to.is_dir()).collect();
        refuse_other_data(&layout, spec, &manifest, &pending)?;
        refuse_part(spec, name, &manifest)?;
        for (done, entry) in pending.iter().enumerate() {
            let moved = clear_place(&entry.from).and_then(|()| rename(&entry.to, &entry.from));
            moved.map_err(|error| {
                let far = format!("{done} of {} folders are back in their place", pending.len());
                let again = cluster_word("restore", spec.name.as_str()) + &format!(" {name}");
                error.with_evidence(far).with_next(again)
            })?;
        }
        for entry in &manifest.entries {
            if let Some(parent) = entry.to.parent().filter(|parent| !parent.starts_with(&unit)) {
                let _ = fs::remove_dir(parent);
            }
        }
        fs::remove_dir_all(&unit).map_err(|e| files::io_error("delete", &unit, &e))
    }

    pub(super) fn wipe(&self, spec: &ClusterSpec, node: Node) -> Result<()> {
        let layout = self.layout(spec)?;
        let paths = layout.node(spec, node)?;
        refuse_running(&paths, spec, node, "wiped")?;
        let present = paths.data.iter().filter(|dir| dir.symlink_metadata().is_ok());
        let present: Vec<&PathBuf> = present.collect();
        // All are checked before any is touched.
        for dir in &present {
            layout.require_own_data(spec, dir)?;
            refuse_link(dir)?;
        }
        present.into_iter().try_for_each(|dir| empty_data_dir(dir))
    }

    pub(super) fn destroy(&self, spec: &ClusterSpec, archives_too: bool) -> Result<()> {
        let layout = self.layout(spec)?;
        self.refuse_any_running(&layout, spec, "destroyed")?;
        let mut roots = layout.roots(spec)?;
        roots.retain(|root| root.symlink_metadata().is_ok());
        if layout.is_only_planned()? {
            roots.retain(|root| *root != layout.folder);
        }
        for root in &roots {
            layout.require_ours(root)?;
        }
        if archives_too {
            for name in self.archives(spec)? {
                delete_unit(&layout, spec, &layout.archive().join(name))?;
            }
        }
        // The cluster's own folder last: it knows where the others are.
        for root in roots.iter().rev() {
            delete_root(root, archives_too)?;
        }
        Ok(())
    }

    fn refuse_any_running(&self, layout: &Layout, spec: &ClusterSpec, what: &str) -> Result<()> {
        self.children.reap();
        let mut nodes = spec.nodes().into_iter();
        nodes.try_for_each(|node| refuse_running(&layout.node(spec, node)?, spec, node, what))?;
        // What runs here and is no node of the spec any more, no `cluster stop` would find.
        let folder = layout.folder.join("nodes");
        for name in files::names_in(&folder)? {
            let Some(live) = running(&folder.join(&name).join(RUN_FILE))? else { continue };
            return Err(Error::refused(
                "still-running",
                format!("{name} is running, so nothing can be {what}"),
            )
            .with_evidence(process::describe(live.pid))
            .with_cause("the cluster's spec has no such node, so no command stops it")
            .with_next(format!("!kill {}", live.pid)));
        }
        Ok(())
    }
}

/// Moves every entry into its unit.
fn move_aside(layout: &Layout, manifest: &mut Manifest, unit: &Path) -> Result<()> {
    for entry in &manifest.entries {
        rename(&entry.from, &entry.to)?;
        // A log.dirs of its own keeps its place and marker, for what comes next.
        if layout.root_of(&entry.from) == entry.from {
            layout.claim(&entry.from)?;
        }
    }
    manifest.complete = true;
    manifest.save(unit)
}

/// The process that a record at `run` is of, where it lives.
fn running(run: &Path) -> Result<Option<process::Live>> {
    let record = RunRecord::load(run)?;
    Ok(record.as_ref().map(process::identify).transpose()?.flatten())
}

fn refuse_running(paths: &NodePaths, spec: &ClusterSpec, node: Node, what: &str) -> Result<()> {
    let Some(live) = running(&paths.run)? else { return Ok(()) };
    Err(Error::refused("still-running", format!("{node} is running, so nothing can be {what}"))
        .with_evidence(process::describe(live.pid))
        .with_next(cluster_word("stop", spec.name.as_str())))
}

fn refuse_link(dir: &Path) -> Result<()> {
    if dir.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
        return Ok(());
    }
    Err(Error::refused("data-not-ours", format!("`{}` is not a folder", dir.display()))
        .with_cause("kafsh does not follow links when it moves or deletes"))
}

/// Every data folder that holds something, and where it would go on its own file system.
fn plan_unit(layout: &Layout, spec: &ClusterSpec, reason: &str, name: &str) -> Result<Manifest> {
    let (mut entries, mut cluster_id) = (Vec::new(), None);
    for node in spec.nodes() {
        for (index, dir) in layout.node(spec, node)?.data.iter().enumerate() {
            if dir.symlink_metadata().is_err() || dir.is_dir() && !holds_something(dir)? {
                continue;
            }
            layout.require_own_data(spec, dir)?;
            refuse_link(dir)?;
            let folder = unit_folder(layout, dir, name)?;
            let meta = files::read_small(&dir.join("meta.properties"))?.unwrap_or_default();
            let meta = properties::parse(&meta).unwrap_or_default();
            let id = meta.into_iter().find(|(key, _)| key == "cluster.id").map(|(_, id)| id);
            cluster_id = cluster_id.or(id);
            entries.push(Entry {
                node,
                from: dir.clone(),
                to: folder.join(format!("{}-{index}", node_slug(node))),
                bytes: files::allocated_bytes(dir),
            });
        }
    }
    Ok(Manifest {
        schema: MANIFEST_SCHEMA,
        cluster: spec.name.to_string(),
        kafka: spec.kafka.clone(),
        reason: reason.into(),
        created: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        cluster_id,
        complete: false,
        entries,
    })
}

/// A folder for `dir` within the same file system, so that moving is renaming: in the cluster's
/// archive, in the data root's, or beside a log.dirs that lies alone.
fn unit_folder(layout: &Layout, dir: &Path, name: &str) -> Result<PathBuf> {
    let root = layout.root_of(dir);
    let folder = if root == dir {
        let parent = dir.parent().unwrap_or(Path::new("/"));
        parent.join(format!("{MARKER}-archive")).join(layout.name.as_str()).join(name)
    } else if root == layout.folder {
        layout.archive().join(name)
    } else {
        root.join("archive").join(name)
    };
    let device = |path: &Path| files::existing_ancestor(path).metadata().map(|meta| meta.dev());
    if device(dir).ok() == device(&folder).ok() {
        return Ok(folder);
    }
    Err(Error::failed("other-file-system", format!("`{}` cannot be moved aside", dir.display()))
        .with_cause(format!("`{}` would be on another file system", folder.display())))
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    let parent = to.parent().unwrap_or(Path::new("/"));
    files::create_dir_all(parent)?;
    fs::rename(from, to).map_err(|e| files::io_error("move", from, &e))?;
    files::sync_dir(parent)?;
    files::sync_dir(from.parent().unwrap_or(Path::new("/")))
}

/// The spec and the nodes' configuration as they were, beside the data.
fn keep_configuration(layout: &Layout, spec: &ClusterSpec, unit: &Path) -> Result<()> {
    let folder = unit.join("configuration");
    files::create_dir_all(&folder)?;
    let mut wanted = vec![(layout.folder.join("spec.toml"), folder.join("spec.toml"))];
    for node in spec.nodes() {
        let from = layout.node(spec, node)?.properties;
        wanted.push((from, folder.join(format!("{}.properties", node_slug(node)))));
    }
    for (from, to) in wanted {
        if let Some(bytes) = files::read_small(&from)? {
            files::write_atomic(&to, &bytes, files::PRIVATE)?;
        }
    }
    Ok(())
}

/// `20261122T173000Z-reset`; names sort by time.
fn free_unit_name(archive: &Path, reason: &str) -> Result<String> {
    let mut slug: String = reason
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(SLUG_BYTES_MAX)
        .collect();
    while slug.contains("--") {
        slug = slug.replace("--", "-");
    }
    let slug = slug.trim_matches('-');
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let base = if slug.is_empty() { stamp } else { format!("{stamp}-{slug}") };
    let taken = files::names_in(archive)?;
    let numbered = (2..).map(|n| format!("{base}-{n}"));
    let name = std::iter::once(base.clone()).chain(numbered).find(|name| !taken.contains(name));
    name.ok_or_else(|| Error::bug("no name is left for an archive"))
}

/// A manifest is a file, and files can be edited: data goes back only to where this spec has it,
/// and comes only from where archives lie.
fn check_places(layout: &Layout, spec: &ClusterSpec, manifest: &Manifest) -> Result<()> {
    for entry in &manifest.entries {
        let expected = layout.node(spec, entry.node)?.data.contains(&entry.from);
        let name = entry.to.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        let place = unit_folder(layout, &entry.from, name.unwrap_or_default())?;
        if !expected || entry.to.parent() != Some(&place) {
            return Err(Error::refused(
                "archive-does-not-fit",
                format!(
                    "`{}` is not where cluster `{}` keeps data",
                    entry.from.display(),
                    spec.name
                ),
            )
            .with_cause("the spec has changed since the data was moved aside"));
        }
        layout.require_ours(layout.root_of(&entry.from)).or_else(|error| {
            if entry.from.symlink_metadata().is_err() { Ok(()) } else { Err(error) }
        })?;
    }
    Ok(())
}

/// Nothing of another life of the cluster may lie among what is restored.
fn refuse_other_data(
    layout: &Layout,
    spec: &ClusterSpec,
    manifest: &Manifest,
    pending: &[&Entry],
) -> Result<()> {
    for node in spec.nodes() {
        for dir in layout.node(spec, node)?.data {
            let back_already = manifest.entries.iter().any(|entry| entry.from == dir)
                && !pending.iter().any(|entry| entry.from == dir);
            if back_already || !holds_something(&dir)? {
                continue;
            }
            return Err(Error::refused("data-present", format!("{node} holds data"))
                .with_evidence(format!("`{}` is not empty", dir.display()))
                .with_cause("an archive is restored only as a whole, in place of nothing")
                .with_next(cluster_word("archive", spec.name.as_str())));
        }
    }
    Ok(())
}

/// What is not in the unit must be where it belongs, by a move that was cut off: else someone moved
/// it on, and the rest alone is a cluster that cannot start.
fn refuse_part(spec: &ClusterSpec, name: &str, manifest: &Manifest) -> Result<()> {
    for entry in manifest.entries.iter().filter(|entry| !entry.to.is_dir()) {
        if !holds_something(&entry.from)? {
            return Err(Error::refused(
                "archive-incomplete",
                format!("archive `{name}` has lost the data of {}", entry.node),
            )
            .with_evidence(format!("`{}` is not there", entry.to.display()))
            .with_evidence(format!("`{}` is empty", entry.from.display()))
            .with_cause("it was moved on after a move that was cut off")
            .with_next(cluster_word("archive", spec.name.as_str()) + " --list"));
        }
    }
    Ok(())
}

/// Removes an empty folder, with our marker, that stands where a folder goes back to.
fn clear_place(dir: &Path) -> Result<()> {
    if dir.symlink_metadata().is_err() {
        return Ok(());
    }
    refuse_link(dir)?;
    let _ = fs::remove_file(dir.join(MARKER));
    fs::remove_dir(dir).map_err(|e| files::io_error("replace", dir, &e))
}

/// Deletes the parts of a unit that lie outside the cluster's folder; the rest goes with it.
fn delete_unit(layout: &Layout, spec: &ClusterSpec, unit: &Path) -> Result<()> {
    let manifest = Manifest::load(unit)?;
    check_places(layout, spec, &manifest)?;
    for entry in manifest.entries.iter().filter(|entry| entry.to.is_dir()) {
        refuse_link(&entry.to)?;
        fs::remove_dir_all(&entry.to).map_err(|e| files::io_error("delete", &entry.to, &e))?;
        // The unit, the cluster's, and the archive's own folder, as far as they are empty now.
        for parent in entry.to.ancestors().skip(1).take(3) {
            if fs::remove_dir(parent).is_err() {
                break;
            }
        }
    }
    Ok(())
}

/// Deletes a marked folder; without `archives_too` its `archive` stays, and the marker with it.
fn delete_root(root: &Path, archives_too: bool) -> Result<()> {
    let fail = |e: &std::io::Error| files::io_error("delete", root, e);
    let keeps_archive = !archives_too && root.join("archive").is_dir();
    if !keeps_archive {
        // The marker last: a deletion that was interrupted can be taken up again.
        empty_data_dir(root)?;
        let _ = fs::remove_file(root.join(MARKER));
        return match fs::remove_dir(root) {
            // A mount point stays.
            Err(e) if e.kind() == std::io::ErrorKind::ResourceBusy => Ok(()),
            outcome => outcome.map_err(|e| fail(&e)),
        };
    }
    for name in files::names_in(root)? {
        let path = root.join(&name);
        if name == "archive" || name == MARKER {
            continue;
        }
        let meta = path.symlink_metadata().map_err(|e| fail(&e))?;
        let deleted =
            if meta.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        deleted.map_err(|e| files::io_error("delete", &path, &e))?;
    }
    Ok(())
}
