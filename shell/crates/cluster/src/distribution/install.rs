//! Putting a version into the store, whole or not at all, and taking it out again.

use std::fs::{self, File};
use std::path::Path;

use kafsh_model::plan::Severity;
use kafsh_model::{Error, Result};
use serde::{Deserialize, Serialize};

use super::tarball::{Sha512Sum, Tarball};
use super::{Distribution, Source, jars};
use crate::runtime::files;

const INSTALL_SCHEMA: u32 = 1;

/// `install.json`: where a version came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallRecord {
    pub schema: u32,
    pub version: String,
    /// The folder or archive it came from
    pub source: String,
    /// RFC 3339, UTC
    pub installed_at: String,
    /// The archive was held against its SHA-512, or every jar against the list that kafsh carries
    pub verified: bool,
}

impl InstallRecord {
    pub(super) fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join("install.json");
        let Some(bytes) = files::read_small(&path)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|e| {
            Error::failed("bad-state-file", format!("`{}` cannot be read", path.display()))
                .with_evidence(e.to_string())
        })
    }
}

pub(super) fn from_folder(store: &Path, version: &str, folder: &Path) -> Result<Distribution> {
    if let Some(installed) = present(store, version) {
        return Ok(installed);
    }
    let given = Distribution::open(folder, Source::Folder)?;
    check_version(&given, version, folder)?;
    put(store, version, folder, |libs| {
        // A release has jars of Connect and Streams too, which no broker runs from.
        for jar in given.jars.iter().filter(|jar| jars::belongs(version, jar)) {
            copy(&given.libs.join(jar), &libs.join(jar))?;
        }
        Ok(())
    })
}

/// From a release as Apache publishes it. Jars that no list vouches for need the archive's digest.
pub(super) fn from_archive(
    store: &Path,
    version: &str,
    archive: &Path,
    digest: Option<&Sha512Sum>,
) -> Result<Distribution> {
    if let Some(installed) = present(store, version) {
        return Ok(installed);
    }
    let mut tarball = Tarball::open(archive)?;
    let beside = Sha512Sum::beside(archive)?;
    let digest = digest.or(beside.as_ref());
    match digest {
        Some(digest) => tarball.verify(digest)?,
        None if jars::KNOWN_VERSIONS.contains(&version) => {}
        None => {
            let path = archive.display();
            let message = format!("nothing tells whether `{path}` is what Apache published");
            return Err(Error::refused("digest-needed", message)
                .with_cause(format!("kafsh has no list of the jars of Kafka {version}"))
                .with_next(format!("kafka install {version} --from {path} --sha512 {path}.sha512"))
                .with_next(format!("sha512sum {path}")));
        }
    }
    put(store, version, archive, |libs| {
        let wanted = |jar: &str| digest.is_some() || jars::belongs(version, jar);
        tarball.unpack(libs, &wanted)?;
        check_version(&Distribution::open(libs, Source::Folder)?, version, archive)?;
        match digest {
            Some(_) => jars::vouch(libs),
            None => Ok(()),
        }
    })
}

/// What is there and whole.
fn present(store: &Path, version: &str) -> Option<Distribution> {
    let installed = Distribution::open(&store.join(version), Source::Store).ok()?;
    let findings = jars::verify(version, &installed.libs, Source::Store).ok()?;
    findings.is_empty().then_some(installed)
}

fn check_version(given: &Distribution, version: &str, source: &Path) -> Result<()> {
    if given.version == version {
        return Ok(());
    }
    let message = format!("`{}` holds Kafka {}, not {version}", source.display(), given.version);
    Err(Error::failed("wrong-kafka-version", message).with_next(format!(
        "kafka install {} --from {}",
        given.version,
        source.display()
    )))
}

/// Makes a version of what `fill` puts into an empty folder of jars.
fn put(
    store: &Path,
    version: &str,
    source: &Path,
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<Distribution> {
    let target = store.join(version);
    files::create_dir_all(store)?;
    let staging = tempfile::Builder::new()
        .prefix(".installing-")
        .tempdir_in(store)
        .map_err(|e| files::io_error("create a folder in", store, &e))?;
    let libs = staging.path().join("libs");
    files::create_dir_all(&libs)?;
    fill(&libs)?;
    // The copies are what will run, so the copies are what is verified.
    let findings = jars::verify(version, &libs, Source::Store)?;
    if let Some(finding) = findings.iter().find(|f| f.severity == Severity::Problem) {
        let mut error = Error::refused("jars-do-not-match", finding.message.clone());
        error.evidence = finding.evidence.iter().take(EVIDENCE_LINES_MAX).cloned().collect();
        return Err(error.with_next(format!("kafka install {version}")));
    }
    let record = InstallRecord {
        schema: INSTALL_SCHEMA,
        version: version.into(),
        source: source.display().to_string(),
        installed_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        verified: findings.is_empty(),
    };
    let text = serde_json::to_vec_pretty(&record)
        .map_err(|e| Error::new(kafsh_model::Class::Bug, "bug", e.to_string()))?;
    files::write_atomic(&staging.path().join("install.json"), &text, 0o644)?;
    files::sync_dir(&libs)?;
    if target.symlink_metadata().is_ok() {
        remove(store, version)?;
    }
    fs::set_permissions(staging.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .map_err(|e| files::io_error("change the mode of", staging.path(), &e))?;
    fs::rename(staging.keep(), &target).map_err(|e| files::io_error("create", &target, &e))?;
    files::sync_dir(store)?;
    Distribution::open(&target, Source::Store)
}

/// Most lines of evidence in one error.
const EVIDENCE_LINES_MAX: usize = 5;

fn copy(from: &Path, to: &Path) -> Result<()> {
    let fail = |e: &std::io::Error| files::io_error("copy", from, e);
    fs::copy(from, to).map_err(|e| fail(&e))?;
    File::open(to).and_then(|file| file.sync_all()).map_err(|e| fail(&e))
}

pub(super) fn remove(store: &Path, version: &str) -> Result<()> {
    let target = store.join(version);
    if target.symlink_metadata().is_err() {
        return Err(Error::not_found(
            "kafka-not-installed",
            format!("Kafka `{version}` is not installed"),
        )
        .with_next("kafka list"));
    }
    // Out of the way first: half a version must not be found under its name.
    let doomed = store.join(format!(".removing-{version}-{}", std::process::id()));
    fs::rename(&target, &doomed).map_err(|e| files::io_error("move", &target, &e))?;
    fs::remove_dir_all(&doomed).map_err(|e| files::io_error("delete", &doomed, &e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::Distributions;

    /// A version that kafsh carries no list for, so that its jars can be anything.
    const VERSION: &str = "3.0.99";

    fn folder_with(jars: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for jar in jars {
            fs::write(folder.path().join(jar), jar).unwrap();
        }
        folder
    }

    #[test]
    fn installs_lists_finds_and_removes() {
        let home = tempfile::tempdir().unwrap();
        let store = Distributions::new(home.path());
        assert_eq!(store.find(VERSION).unwrap_err().code, "kafka-not-installed");
        let folder = folder_with(&["b.jar", "kafka_2.13-3.0.99.jar", "a.jar", "notes.txt"]);
        let installed = store.install_from_folder(VERSION, folder.path()).unwrap();
        assert_eq!(installed.jars, ["a.jar", "b.jar", "kafka_2.13-3.0.99.jar"]);
        assert_eq!(store.find(VERSION).unwrap(), installed);
        assert_eq!(store.list().unwrap(), [installed]);
        let record = store.install_record(VERSION).unwrap().unwrap();
        assert!(!record.verified, "there is no list to verify it against");
        let codes: Vec<_> = store.verify(VERSION).unwrap().into_iter().map(|f| f.code).collect();
        assert_eq!(codes, ["jar-list-unknown"]);
        store.remove(VERSION).unwrap();
        assert_eq!(files::names_in(&home.path().join("kafka")).unwrap(), [""; 0]);
    }

    #[test]
    fn a_folder_that_does_not_match_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let store = Distributions::new(home.path());
        let folder = folder_with(&["kafka_2.13-3.9.2.jar"]);
        let error = store.install_from_folder("3.9.2", folder.path()).unwrap_err();
        assert_eq!(error.code, "jars-do-not-match");
        assert_eq!(files::names_in(&home.path().join("kafka")).unwrap(), [""; 0]);
        let error = store.install_from_folder(VERSION, folder.path()).unwrap_err();
        assert_eq!(error.code, "wrong-kafka-version");
    }

    #[test]
    fn a_release_the_user_points_at_is_preferred() {
        let home = tempfile::tempdir().unwrap();
        let release = tempfile::tempdir().unwrap();
        fs::create_dir(release.path().join("libs")).unwrap();
        fs::write(release.path().join("libs/kafka_2.13-3.0.99.jar"), "").unwrap();
        let store =
            Distributions::new(home.path()).with_kafka_home(Some(release.path().to_path_buf()));
        let found = store.find(VERSION).unwrap();
        assert_eq!(found.source, Source::Folder);
        let error = store.find("3.0.98").unwrap_err();
        assert!(error.evidence[0].ends_with("is Kafka 3.0.99"), "{error:?}");
    }

    #[test]
    fn a_folder_that_would_break_the_class_path_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a:b");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("kafka_2.13-3.0.99.jar"), "").unwrap();
        let found = Distribution::open(&folder, Source::Folder).unwrap();
        assert_eq!(found.class_path().unwrap_err().code, "bad-path");
    }
}
