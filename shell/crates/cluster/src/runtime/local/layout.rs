//! Where everything of a cluster lies, and the marker that says a folder is ours.

use std::path::{Component, Path, PathBuf};

use kafsh_model::plan::Node;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{BrokerId, ClusterName, Error, Result};

use crate::runtime::files;

/// Holds the cluster's name; a folder without it is never moved or deleted.
pub(super) const MARKER: &str = ".kafsh-cluster";

/// What the store keeps in a cluster's folder, and takes away itself.
const OF_THE_STORE: [&str; 2] = ["spec.toml", "state"];

/// The log.dirs of a broker whose spec names none.
const DEFAULT_LOG_DIR: &str = "data";

/// Names in a node's folder that a log.dirs entry must not take.
const TAKEN_NAMES: [&str; 4] = ["config", "logs", "tmp", RUN_FILE];

/// The record of a node's process, in the node's folder.
pub(super) const RUN_FILE: &str = "run.json";

/// Paths of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// `<home>/clusters/<name>`
    pub(super) folder: PathBuf,
    /// `<data_dir>/<name>`, where the spec has a `data_dir`
    pub(super) data_root: Option<PathBuf>,
    pub(super) name: ClusterName,
}

/// Paths of one node.
#[derive(Clone, Debug)]
pub(super) struct NodePaths {
    pub(super) folder: PathBuf,
    pub(super) config: PathBuf,
    pub(super) properties: PathBuf,
    pub(super) argfile: PathBuf,
    pub(super) log4j: PathBuf,
    pub(super) logs: PathBuf,
    pub(super) tmp: PathBuf,
    pub(super) run: PathBuf,
    /// ZooKeeper: its data folder. Broker: its log.dirs in the order of the spec
    pub(super) data: Vec<PathBuf>,
    /// ZooKeeper's folder for transaction logs, where it has one of its own
    pub(super) data_log: Option<PathBuf>,
}

/// `zookeeper`, `broker-1`: the node as a folder's name.
pub(super) fn node_slug(node: Node) -> String {
    match node {
        Node::ZooKeeper => "zookeeper".into(),
        Node::Broker(id) => format!("broker-{id}"),
    }
}

impl Layout {
    pub(super) fn new(home: &Path, spec: &ClusterSpec) -> Result<Self> {
        check_path(home)?;
        let data_root = match &spec.data_dir {
            None => None,
            Some(text) => {
                let path = PathBuf::from(text);
                check_path(&path)?;
                refuse_dangerous(&path)?;
                Some(path.join(spec.name.as_str()))
            }
        };
        Ok(Layout {
            folder: home.join("clusters").join(spec.name.as_str()),
            data_root,
            name: spec.name.clone(),
        })
    }

    pub(super) fn archive(&self) -> PathBuf {
        self.folder.join("archive")
    }

    pub(super) fn node(&self, spec: &ClusterSpec, node: Node) -> Result<NodePaths> {
        let folder = self.folder.join("nodes").join(node_slug(node));
        let config = folder.join("config");
        let file = match node {
            Node::ZooKeeper => "zookeeper.properties",
            Node::Broker(_) => "server.properties",
        };
        Ok(NodePaths {
            properties: config.join(file),
            argfile: config.join("java.args"),
            log4j: config.join("log4j.properties"),
            config,
            logs: folder.join("logs"),
            tmp: folder.join("tmp"),
            run: folder.join(RUN_FILE),
            data: self.data_dirs(spec, node, &folder)?,
            data_log: match (node, &spec.zookeeper.data_log_dir) {
                (Node::ZooKeeper, Some(text)) => Some(outside(text)?),
                _ => None,
            },
            folder,
        })
    }

    fn data_dirs(&self, spec: &ClusterSpec, node: Node, folder: &Path) -> Result<Vec<PathBuf>> {
        let base = match &self.data_root {
            Some(root) => root.join(node_slug(node)),
            None => folder.to_path_buf(),
        };
        let Node::Broker(id) = node else {
            let own = spec.zookeeper.data_dir.as_deref().map(outside).transpose()?;
            return Ok(vec![own.unwrap_or_else(|| base.join(DEFAULT_LOG_DIR))]);
        };
        let broker = spec.broker(id).ok_or_else(|| no_broker(spec, id))?;
        if broker.log_dirs.is_empty() {
            return Ok(vec![base.join(DEFAULT_LOG_DIR)]);
        }
        let mut dirs: Vec<PathBuf> = Vec::new();
        for text in &broker.log_dirs {
            let dir = if text.starts_with('/') {
                outside(text)?
            } else {
                check_name(text)?;
                base.join(text)
            };
            if dirs.contains(&dir) {
                return Err(Error::usage(
                    "bad-log-dir",
                    format!("broker {id} names the folder `{text}` twice"),
                ));
            }
            dirs.push(dir);
        }
        Ok(dirs)
    }

    /// Folders that carry our marker for this spec, the cluster's own first. Those that came with
    /// an adopted cluster carry none: they are somebody else's, and nothing deletes them.
    pub(super) fn roots(&self, spec: &ClusterSpec) -> Result<Vec<PathBuf>> {
        let mut roots = vec![self.folder.clone()];
        roots.extend(self.data_root.clone());
        for node in spec.nodes() {
            let outside = self.node(spec, node)?.data.into_iter();
            let ours = |dir: &PathBuf| self.root_of(dir) == *dir && !self.is_foreign(spec, dir);
            roots.extend(outside.filter(ours));
        }
        Ok(roots)
    }

    /// A data folder that an adopted cluster came with.
    pub(super) fn is_foreign(&self, spec: &ClusterSpec, dir: &Path) -> bool {
        spec.adopted && self.root_of(dir) == dir
    }

    /// The marked folder that `data` belongs to: itself, where it lies outside the others.
    pub(super) fn root_of<'a>(&'a self, data: &'a Path) -> &'a Path {
        let own = [Some(&self.folder), self.data_root.as_ref()];
        own.into_iter().flatten().find(|root| data.starts_with(root)).map_or(data, |root| root)
    }

    /// Creates a root with its marker. A folder with files that are not ours is refused.
    pub(super) fn claim(&self, root: &Path) -> Result<()> {
        let marker = root.join(MARKER);
        match files::read_small_text(&marker)? {
            Some(owner) if owner.trim() == self.name.as_str() => return Ok(()),
            Some(owner) => {
                return Err(Error::refused(
                    "data-of-another-cluster",
                    format!("`{}` belongs to cluster `{}`", root.display(), owner.trim()),
                )
                .with_next(format!("cluster status {}", owner.trim())));
            }
            None => {}
        }
        // The cluster's own folder is made by the store, which may be there first.
        if root != self.folder && holds_something(root)? {
            return Err(Error::refused(
                "data-not-ours",
                format!("`{}` is not empty, and kafsh did not make it", root.display()),
            )
            .with_cause("data that somebody else made is not touched")
            .with_next(format!("!ls -la '{}'", root.display())));
        }
        files::create_dir_all(root)?;
        files::write_atomic(&marker, format!("{}\n", self.name).as_bytes(), 0o644)
    }

    /// Whether `root` carries this cluster's marker and is a real folder.
    pub(super) fn is_ours(&self, root: &Path) -> Result<bool> {
        let is_folder = root.symlink_metadata().is_ok_and(|meta| meta.is_dir());
        let owner = if is_folder { files::read_small_text(&root.join(MARKER))? } else { None };
        Ok(owner.is_some_and(|owner| owner.trim() == self.name.as_str()))
    }

    /// Whether the cluster's own folder has nothing but what the store keeps there: the run that
    /// made it ended before anything was laid out.
    pub(super) fn is_only_planned(&self) -> Result<bool> {
        let is_stores = |name: &String| OF_THE_STORE.contains(&name.as_str());
        Ok(files::names_in(&self.folder)?.iter().all(is_stores))
    }

    /// That the data in `dir` may be moved or deleted: `data-not-ours` for what came with an
    /// adopted cluster, and as [`Layout::require_ours`] says.
    pub(super) fn require_own_data(&self, spec: &ClusterSpec, dir: &Path) -> Result<()> {
        if !self.is_foreign(spec, dir) {
            return self.require_ours(self.root_of(dir));
        }
        let message = format!("`{}` came with the adopted cluster `{}`", dir.display(), self.name);
        Err(Error::refused("data-not-ours", message)
            .with_cause("data that somebody else made is neither moved nor deleted")
            .with_next(format!("!ls -la '{}'", dir.display())))
    }

    /// `data-not-ours` unless [`Layout::is_ours`].
    pub(super) fn require_ours(&self, root: &Path) -> Result<()> {
        refuse_dangerous(root)?;
        if self.is_ours(root)? {
            return Ok(());
        }
        Err(Error::refused(
            "data-not-ours",
            format!("`{}` is not marked as a folder of cluster `{}`", root.display(), self.name),
        )
        .with_cause(format!("it has no file `{MARKER}` with that name, so it is not touched")))
    }
}

/// A data folder of the spec's own choice.
fn outside(text: &str) -> Result<PathBuf> {
    let path = PathBuf::from(text);
    check_path(&path)?;
    refuse_dangerous(&path)?;
    Ok(path)
}

fn no_broker(spec: &ClusterSpec, id: BrokerId) -> Error {
    let ids: Vec<String> = spec.brokers.iter().map(|broker| broker.id.to_string()).collect();
    Error::not_found("broker-not-found", format!("cluster `{}` has no broker {id}", spec.name))
        .with_evidence(format!("its brokers: {}", ids.join(", ")))
        .with_next("broker list")
}

/// Something other than the marker and what `mkfs` leaves.
pub(super) fn holds_something(folder: &Path) -> Result<bool> {
    let names = files::names_in(folder)?;
    Ok(names.iter().any(|name| name != MARKER && name != "lost+found"))
}

/// What a path must not hold: it is written into properties, argument files and logging
/// configuration, where these have a meaning.
fn check_path(path: &Path) -> Result<()> {
    let cause = match path.to_str() {
        None => "it is not UTF-8",
        Some(_) if !path.is_absolute() => "it is not absolute",
        Some(text) if text.contains(',') => "a comma separates folders in `log.dirs`",
        Some(text) if text.contains("${") => "`${` is a variable to Kafka and its logging",
        Some(text) if text.chars().any(char::is_control) => "it holds a control character",
        Some(text) if text.trim() != text => "it begins or ends with white space",
        Some(_) if path.components().any(|c| c == Component::ParentDir) => "it holds `..`",
        Some(_) => return Ok(()),
    };
    let shown = path.display().to_string();
    Err(Error::usage("bad-path", format!("`{}` cannot hold a cluster", shown.escape_debug()))
        .with_cause(cause))
}

/// Folders that are never a cluster's data, whatever a spec says.
fn refuse_dangerous(path: &Path) -> Result<()> {
    // A mount point such as `/data` is usual; these are a slip of the hand.
    const SYSTEM: [&str; 14] = [
        "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/proc", "/run", "/sbin", "/sys",
        "/tmp", "/usr", "/var",
    ];
    let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let is_home = std::env::var_os("HOME").is_some_and(|home| Path::new(&home) == real);
    if !is_home && !SYSTEM.iter().any(|folder| real == Path::new(folder)) {
        return Ok(());
    }
    Err(Error::refused("dangerous-path", format!("`{}` cannot be a data folder", path.display()))
        .with_cause("`destroy` would delete more than a cluster"))
}

fn check_name(name: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let plain = !name.is_empty() && !name.starts_with('.') && name.chars().all(good);
    if plain && !TAKEN_NAMES.contains(&name) {
        return Ok(());
    }
    Err(Error::usage("bad-log-dir", format!("`{}` cannot be a log folder", name.escape_debug()))
        .with_cause(format!(
            "a name is letters, digits, `.`, `_`, `-`, not {}; a path is absolute",
            TAKEN_NAMES.join(", ")
        )))
}
