//! Class archives: what a role's JVM has loaded, kept so that the next start maps it instead.
//!
//! The first node of a role that stops in order writes the archive (JDK 13's
//! `-XX:ArchiveClassesAtExit`); later starts use it. A missing or stale archive only costs time:
//! the JVM is told `-Xshare:auto`. A truncated one makes it crash, though (seen with 17.0.15), so
//! its length is part of its name, and an archive with which a JVM crashed is not used again.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use kafsh_model::Result;
use kafsh_model::plan::Node;

use super::process;
use crate::distribution::Java;
use crate::runtime::files;

/// First Java with dynamic archives (JEP 350).
const JAVA_MIN: u32 = 13;

/// The archive of one role, Java, flag set and class path.
pub(super) struct Archive {
    folder: PathBuf,
    stem: String,
}

/// What a start does about the archive.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// No archive, and another process is going to write it
    Nothing,
    Read(PathBuf),
    /// This process writes it at its end
    Write(PathBuf),
}

impl Archive {
    /// `None` where this Java has no such archives.
    pub(super) fn new(
        home: &Path,
        java: &Java,
        gc: &[&str],
        class_path: &str,
        node: Node,
    ) -> Option<Self> {
        if java.major < JAVA_MIN {
            return None;
        }
        let gc = gc.join(" ");
        let key = [java.version.as_str(), &java.build, &gc, class_path].join("\n");
        let digest = files::sha256_hex(key.as_bytes());
        let role = match node {
            Node::ZooKeeper => "zookeeper",
            Node::Broker(_) => "broker",
        };
        Some(Archive { folder: home.join("cds"), stem: format!("{}-{role}", &digest[..32]) })
    }

    /// The archive, if it is as long as it was when it was made.
    fn finished(&self) -> Result<Option<PathBuf>> {
        let prefix = format!("{}.", self.stem);
        for name in files::names_in(&self.folder)? {
            let Some(rest) = name.strip_prefix(&prefix) else { continue };
            let Some(bytes) = rest.strip_suffix(".jsa") else { continue };
            let path = self.folder.join(&name);
            let length = fs::metadata(&path).map_or(0, |meta| meta.len());
            if bytes.parse() == Ok(length) {
                return Ok(Some(path));
            }
            let _ = fs::remove_file(path);
        }
        Ok(None)
    }

    /// Holds the nonce of the start that writes the archive.
    fn claim(&self) -> PathBuf {
        self.folder.join(format!("{}.writer", self.stem))
    }

    /// Reads the archive if it is there, else lets `nonce` write it unless a live process will.
    pub(super) fn plan(&self, nonce: &str) -> Result<Use> {
        if let Some(path) = self.finished()? {
            return Ok(Use::Read(path));
        }
        files::create_dir_all(&self.folder)?;
        let lock = self.folder.join("lock");
        let lock = File::create(&lock).map_err(|e| files::io_error("create", &lock, &e))?;
        match lock.try_lock() {
            Ok(()) => {}
            // Another node is deciding this very moment.
            Err(TryLockError::WouldBlock) => return Ok(Use::Nothing),
            Err(TryLockError::Error(_)) => return Ok(Use::Nothing),
        }
        if let Some(writer) = files::read_small_text(&self.claim())? {
            let writer = writer.trim();
            if process::find_by_nonce(writer).is_some() || self.claimed_just_now() {
                return Ok(Use::Nothing);
            }
            let _ = fs::remove_file(self.unfinished(writer));
        }
        files::write_atomic(&self.claim(), nonce.as_bytes(), files::PRIVATE)?;
        Ok(Use::Write(self.unfinished(nonce)))
    }

    fn unfinished(&self, nonce: &str) -> PathBuf {
        self.folder.join(format!("{}.{nonce}.tmp", self.stem))
    }

    /// Between claim and exec the writer has no nonce in `/proc` yet.
    fn claimed_just_now(&self) -> bool {
        const GRACE_SECONDS: u64 = 5;
        let modified = fs::metadata(self.claim()).and_then(|meta| meta.modified());
        modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age.as_secs() < GRACE_SECONDS))
    }
}

/// After the writer has ended: its archive goes into use if it ended in order, else away.
/// `path` is what the start was told to write, `<key>-<role>.<nonce>.tmp`.
pub(super) fn settle(path: &Path, in_order: bool) {
    let stem = path.with_extension("");
    let sealed = in_order && seal(path, &stem).is_ok();
    if !sealed {
        let _ = fs::remove_file(path);
    }
    let claim = stem.with_extension("writer");
    let nonce = stem.extension().and_then(|nonce| nonce.to_str()).unwrap_or_default();
    if files::read_small_text(&claim).ok().flatten().is_some_and(|writer| writer.trim() == nonce) {
        let _ = fs::remove_file(claim);
    }
}

/// Written out before it gets its name: after a power cut the length must not lie.
fn seal(path: &Path, stem: &Path) -> std::io::Result<()> {
    let file = File::open(path)?;
    file.sync_all()?;
    let bytes = file.metadata()?.len();
    fs::rename(path, stem.with_extension(format!("{bytes}.jsa")))
}

/// Takes an archive out of use if the JVM that mapped it left a crash report.
pub(super) fn distrust(path: &Path, logs: &Path, pid: u32) {
    if logs.join(format!("hs_err_pid{pid}.log")).exists() {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn java(major: u32) -> Java {
        Java { path: "/x".into(), major, version: format!("{major}"), build: "b".into() }
    }

    #[test]
    fn one_writes_others_wait_then_all_read() {
        let home = tempfile::tempdir().unwrap();
        let archive =
            |node| Archive::new(home.path(), &java(17), &["-XX:+UseSerialGC"], "a:b", node);
        let broker = archive(Node::Broker(1)).unwrap();
        let Use::Write(path) = broker.plan("aa").unwrap() else { panic!("the first writes") };
        assert_eq!(archive(Node::Broker(2)).unwrap().plan("bb").unwrap(), Use::Nothing);
        assert!(matches!(archive(Node::ZooKeeper).unwrap().plan("cc").unwrap(), Use::Write(_)));
        fs::write(&path, "classes").unwrap();
        settle(&path, true);
        let Use::Read(finished) = archive(Node::Broker(3)).unwrap().plan("dd").unwrap() else {
            panic!("the archive is there")
        };
        assert_eq!(fs::read_to_string(finished).unwrap(), "classes");
        assert!(!broker.claim().exists());
    }

    /// A JVM that maps a truncated archive ends with SIGSEGV.
    #[test]
    fn a_truncated_archive_is_made_anew() {
        let home = tempfile::tempdir().unwrap();
        let archive = Archive::new(home.path(), &java(17), &[], "a", Node::ZooKeeper).unwrap();
        let Use::Write(path) = archive.plan("aa").unwrap() else { panic!("the first writes") };
        fs::write(&path, "classes").unwrap();
        settle(&path, true);
        let Use::Read(finished) = archive.plan("bb").unwrap() else { panic!("it is there") };
        fs::write(&finished, "cla").unwrap();
        let Use::Write(path) = archive.plan("cc").unwrap() else { panic!("it is made anew") };
        assert!(!finished.exists());
        fs::write(&path, "classes").unwrap();
        settle(&path, true);
        // A JVM that crashed with it is believed.
        fs::write(home.path().join("hs_err_pid7.log"), "").unwrap();
        distrust(&finished, home.path(), 8);
        assert!(finished.exists());
        distrust(&finished, home.path(), 7);
        assert!(matches!(archive.plan("dd").unwrap(), Use::Write(_)));
    }

    #[test]
    fn a_writer_that_was_killed_gives_way() {
        let home = tempfile::tempdir().unwrap();
        let archive = Archive::new(home.path(), &java(17), &[], "a", Node::ZooKeeper).unwrap();
        let Use::Write(path) = archive.plan("aa").unwrap() else { panic!("the first writes") };
        fs::write(&path, "half").unwrap();
        settle(&path, false);
        assert!(!path.exists());
        assert!(matches!(archive.plan("bb").unwrap(), Use::Write(_)));
    }

    #[test]
    fn another_java_or_class_path_has_another_archive() {
        let home = Path::new("/x");
        let stem = |java: &Java, path| {
            Archive::new(home, java, &["-g"], path, Node::ZooKeeper).map(|archive| archive.stem)
        };
        assert_eq!(stem(&java(11), "a"), None);
        assert_eq!(stem(&java(17), "a"), stem(&java(17), "a"));
        assert_ne!(stem(&java(17), "a"), stem(&java(17), "b"));
        assert_ne!(stem(&java(17), "a"), stem(&java(21), "a"));
    }
}
