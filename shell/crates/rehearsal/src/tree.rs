//! Znodes: ZooKeeper's tree, with the checks that a server makes.

use std::collections::BTreeMap;

use kafsh_model::port::ZnodeData;
use kafsh_model::{Error, Result};

use crate::ids::now_ms;

#[derive(Clone, Debug)]
struct Znode {
    data: Vec<u8>,
    /// 0: persistent
    owner: i64,
    created_ms: i64,
    modified_ms: i64,
    version: i32,
}

/// Every znode by its path; `/` is always there.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    znodes: BTreeMap<String, Znode>,
    zxid: u64,
}

impl Tree {
    /// As a server is that was just started for the first time.
    pub(crate) fn new() -> Self {
        let mut tree = Tree { znodes: BTreeMap::new(), zxid: 0 };
        for path in ["/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"] {
            tree.put(path, b"", 0);
        }
        tree
    }

    pub(crate) fn len(&self) -> usize {
        self.znodes.len()
    }

    pub(crate) fn zxid(&self) -> String {
        format!("{:#x}", self.zxid)
    }

    pub(crate) fn contains(&self, path: &str) -> bool {
        self.znodes.contains_key(path)
    }

    /// Sets a znode, made with its parents where it is missing; unchanged data is no change.
    pub(crate) fn put(&mut self, path: &str, data: &[u8], owner: i64) {
        if let Some(znode) = self.znodes.get_mut(path) {
            if znode.data != data || znode.owner != owner {
                self.zxid += 1;
                znode.version += 1;
                znode.modified_ms = now_ms();
                znode.owner = owner;
                znode.data = data.to_vec();
            }
            return;
        }
        let parent = parent(path);
        if parent != path && !self.contains(parent) {
            self.put(parent, b"", 0);
        }
        self.insert(path, data, owner);
    }

    fn insert(&mut self, path: &str, data: &[u8], owner: i64) {
        self.zxid += 1;
        let now = now_ms();
        let (created_ms, modified_ms) = (now, now);
        let znode = Znode { data: data.to_vec(), owner, created_ms, modified_ms, version: 0 };
        self.znodes.insert(path.to_string(), znode);
    }

    /// Removes a znode and all below it.
    pub(crate) fn remove_all(&mut self, path: &str) {
        let below = format!("{path}/");
        let before = self.znodes.len();
        self.znodes.retain(|known, _| known != path && !known.starts_with(&below));
        self.zxid += u64::from(self.znodes.len() != before);
    }

    /// # Errors
    /// `znode-not-found`.
    pub(crate) fn get(&self, path: &str) -> Result<ZnodeData> {
        let znode = self.znodes.get(path).ok_or_else(|| not_found(path))?;
        Ok(ZnodeData {
            data: znode.data.clone(),
            ephemeral_owner: znode.owner,
            created_ms: znode.created_ms,
            modified_ms: znode.modified_ms,
            version: znode.version,
            children: i32::try_from(self.names_below(path).count()).unwrap_or(i32::MAX),
        })
    }

    fn names_below<'a>(&'a self, path: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let prefix = if path == "/" { "/".to_string() } else { format!("{path}/") };
        let from = self.znodes.range(prefix.clone()..);
        from.map(|(known, _)| known.as_str())
            .map_while(move |known| known.strip_prefix(prefix.as_str()))
            .filter(|name| !name.is_empty() && !name.contains('/'))
    }

    /// Names of the children, sorted.
    ///
    /// # Errors
    /// `znode-not-found`.
    pub(crate) fn children(&self, path: &str) -> Result<Vec<String>> {
        if !self.contains(path) {
            return Err(not_found(path));
        }
        Ok(self.names_below(path).map(String::from).collect())
    }

    /// # Errors
    /// `znode-exists`; `znode-not-found` without its parent; `znode-ephemeral`.
    pub(crate) fn create(&mut self, path: &str, data: &[u8]) -> Result<()> {
        if self.contains(path) {
            return Err(failed(
                path,
                "create",
                "znode-exists",
                "a znode of that path exists",
                "node exists",
            ));
        }
        match self.znodes.get(parent(path)) {
            None => Err(not_found(path)),
            Some(parent) if parent.owner != 0 => Err(failed(
                path,
                "create",
                "znode-ephemeral",
                "an ephemeral znode cannot have children",
                "no children for ephemerals",
            )),
            Some(_) => {
                self.insert(path, data, 0);
                Ok(())
            }
        }
    }

    /// # Errors
    /// `znode-not-found`, `znode-not-empty`.
    pub(crate) fn delete(&mut self, path: &str) -> Result<()> {
        if !self.contains(path) {
            return Err(not_found(path));
        }
        if self.names_below(path).next().is_some() {
            return Err(failed(path, "delete", "znode-not-empty", "it has children", "not empty"));
        }
        self.znodes.remove(path);
        self.zxid += 1;
        Ok(())
    }
}

fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

fn not_found(path: &str) -> Error {
    Error::not_found("znode-not-found", format!("no znode `{path}`"))
        .with_cause("it does not exist, or its parent does not")
        .with_next("zookeeper ls /")
}

fn failed(path: &str, verb: &str, code: &'static str, cause: &str, said: &str) -> Error {
    Error::failed(code, format!("cannot {verb} znode `{path}`"))
        .with_cause(cause)
        .with_evidence(format!("ZooKeeper: {said}"))
        .with_next(format!("zookeeper get {path}"))
}

/// # Errors
/// `bad-znode-path`, class usage.
pub(crate) fn check_path(path: &str) -> Result<()> {
    let good = path == "/"
        || path.starts_with('/')
            && path.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."))
            && !path.contains('\0');
    if good {
        return Ok(());
    }
    Err(Error::usage("bad-znode-path", format!("`{}` is no path", path.escape_debug()))
        .with_cause("a znode's path begins with `/`, does not end with one, and has no `//`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_keeps_parents_children_and_versions() {
        let mut tree = Tree::new();
        tree.put("/brokers/ids/1", b"{}", 7);
        assert_eq!(tree.children("/").unwrap(), ["brokers", "zookeeper"]);
        assert_eq!(tree.children("/brokers").unwrap(), ["ids"]);
        assert_eq!(tree.get("/brokers/ids").unwrap().children, 1);
        assert_eq!(tree.get("/").unwrap().children, 2);
        assert_eq!(tree.create("/brokers/ids/1/x", b"").unwrap_err().code, "znode-ephemeral");
        tree.put("/brokers/ids/1", b"{}", 7);
        assert_eq!(tree.get("/brokers/ids/1").unwrap().version, 0, "nothing changed");
        tree.put("/brokers/ids/1", b"{ }", 7);
        assert_eq!(tree.get("/brokers/ids/1").unwrap().version, 1);
        assert_eq!(tree.delete("/brokers").unwrap_err().code, "znode-not-empty");
        // A name that another one begins with is no parent.
        tree.put("/brokers-x", b"", 0);
        tree.remove_all("/brokers");
        assert!(tree.contains("/brokers-x") && !tree.contains("/brokers/ids/1"));
        assert_eq!(tree.create("/a/b", b"").unwrap_err().code, "znode-not-found");
    }

    #[test]
    fn paths_are_checked() {
        for good in ["/", "/brokers", "/brokers/ids/1"] {
            assert!(check_path(good).is_ok(), "{good}");
        }
        for bad in ["", "brokers", "/brokers/", "//", "/a//b", "/a/../b", "/a\0b"] {
            assert_eq!(check_path(bad).unwrap_err().code, "bad-znode-path", "{bad}");
        }
    }
}
