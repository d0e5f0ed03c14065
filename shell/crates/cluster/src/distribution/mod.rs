//! Installed Kafka versions: which jars, in which order, unchanged since they were published.
//!
//! A version is a flat folder of jars, `<home>/kafka/<version>/libs`, or a release that the user
//! points at. Nothing is fetched here: the caller brings a folder of jars.

mod gunzip;
mod install;
mod jars;
mod java;
mod pom;
mod tarball;

use std::path::{Path, PathBuf};

use kafsh_model::plan::Finding;
use kafsh_model::{Error, Result};

pub use install::InstallRecord;
pub use jars::KNOWN_VERSIONS;
pub use java::{Java, JavaSources};
pub use tarball::Sha512Sum;

use crate::runtime::files;

/// Where a version was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Installed by us, under our home
    Store,
    /// `KAFKA_HOME`, or a folder the user named
    Folder,
}

/// A version of Kafka that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    pub version: String,
    /// The flat folder of jars
    pub libs: PathBuf,
    /// File names in the order of the class path: the same order gives the same class archive
    pub jars: Vec<String>,
    pub source: Source,
}

impl Distribution {
    /// Reads a folder of jars, or a release with its `libs`.
    pub fn open(folder: &Path, source: Source) -> Result<Self> {
        let inner = folder.join("libs");
        let libs = if inner.is_dir() { inner } else { folder.to_path_buf() };
        let jars = jars::server_jars(&libs)?;
        let Some(version) = jars::version_of(&jars) else {
            return Err(Error::not_found(
                "kafka-not-found",
                format!("`{}` holds no Kafka", folder.display()),
            )
            .with_cause("neither it nor its `libs` has a `kafka_2.13-VERSION.jar`"));
        };
        Ok(Distribution { version, libs, jars, source })
    }

    /// The class path of a server. `bad-path` where the folder's name would break it.
    pub fn class_path(&self) -> Result<String> {
        let folder = self.libs.to_str().filter(|path| !path.contains([':', '*', '"', '\n', '\r']));
        let Some(folder) = folder else {
            return Err(Error::usage(
                "bad-path",
                format!("`{}` cannot be on a class path", self.libs.display()),
            )
            .with_cause("`:`, `*`, quotes and line ends have a meaning of their own there"));
        };
        let paths: Vec<String> = self.jars.iter().map(|jar| format!("{folder}/{jar}")).collect();
        Ok(paths.join(":"))
    }

    /// First number of the version: 3 for 3.9.2.
    pub fn major(&self) -> u32 {
        major(&self.version)
    }
}

pub(crate) fn major(version: &str) -> u32 {
    version.split('.').next().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The store of installed versions, and the Java that would run them.
#[derive(Clone, Debug)]
pub struct Distributions {
    home: PathBuf,
    kafka_home: Option<PathBuf>,
    java: JavaSources,
}

impl Distributions {
    /// `home` is the folder of all state. Java is looked for as this process's environment says.
    pub fn new(home: impl Into<PathBuf>) -> Self {
        Distributions { home: home.into(), kafka_home: None, java: JavaSources::from_environment() }
    }

    /// Prefers this release or folder of jars (`KAFKA_HOME`, `--kafka-home`) where its version is
    /// the one asked for.
    #[must_use]
    pub fn with_kafka_home(mut self, folder: Option<PathBuf>) -> Self {
        self.kafka_home = folder;
        self
    }

    #[must_use]
    pub fn with_java_sources(mut self, sources: JavaSources) -> Self {
        self.java = sources;
        self
    }

    /// Everything that can be run, the user's own folder first, then the store by version.
    /// Broken entries are left out; [`Distributions::find`] says what is wrong with them.
    pub fn list(&self) -> Result<Vec<Distribution>> {
        let given = self.kafka_home.as_deref();
        let mut found: Vec<Distribution> = given
            .and_then(|folder| Distribution::open(folder, Source::Folder).ok())
            .into_iter()
            .collect();
        for name in files::names_in(&self.store())? {
            if name.starts_with('.') {
                continue;
            }
            found.extend(Distribution::open(&self.store().join(name), Source::Store));
        }
        Ok(found)
    }

    /// `kafka-not-installed` where the version is neither given nor in the store.
    pub fn find(&self, version: &str) -> Result<Distribution> {
        jars::check_version(version)?;
        let given = self.kafka_home.as_deref();
        let given = given.map(|folder| Distribution::open(folder, Source::Folder)).transpose()?;
        if let Some(given) = given.as_ref().filter(|given| given.version == version) {
            return Ok(given.clone());
        }
        let folder = self.store().join(version);
        if folder.is_dir() {
            let found = Distribution::open(&folder, Source::Store)?;
            if found.version == version {
                return Ok(found);
            }
        }
        let mut error =
            Error::not_found("kafka-not-installed", format!("Kafka `{version}` is not installed"))
                .with_next(format!("kafka install {version}"))
                .with_next("kafka list");
        if let Some(given) = given {
            error = error.with_evidence(format!(
                "`{}` is Kafka {}",
                given.libs.display(),
                given.version
            ));
        }
        Err(error)
    }

    /// Holds every jar of a version against the list that kafsh carries. No finding: all is well.
    pub fn verify(&self, version: &str) -> Result<Vec<Finding>> {
        let found = self.find(version)?;
        jars::verify(version, &found.libs, found.source)
    }

    /// Verifies a folder of jars and copies it into the store. Installing what is there unchanged
    /// is no error.
    pub fn install_from_folder(&self, version: &str, folder: &Path) -> Result<Distribution> {
        jars::check_version(version)?;
        install::from_folder(&self.store(), version, folder)
    }

    /// Takes the jars of a release that Apache published, `kafka_2.13-VERSION.tgz`, into the store,
    /// the archive held against `digest`, else against the `.sha512` beside it, and every jar
    /// against the list that kafsh carries. Installing what is there unchanged is no error.
    ///
    /// # Errors
    /// `digest-mismatch`, `digest-needed`, `jars-do-not-match` (refused), `bad-archive`,
    /// `wrong-kafka-version`, `file-too-large`.
    pub fn install_from_archive(
        &self,
        version: &str,
        archive: &Path,
        digest: Option<&Sha512Sum>,
    ) -> Result<Distribution> {
        jars::check_version(version)?;
        install::from_archive(&self.store(), version, archive, digest)
    }

    /// Where an installed version came from; `None` for what the user only points at.
    pub fn install_record(&self, version: &str) -> Result<Option<InstallRecord>> {
        jars::check_version(version)?;
        InstallRecord::read(&self.store().join(version))
    }

    /// Deletes a version from the store. Whether a cluster uses it is the caller's to check.
    pub fn remove(&self, version: &str) -> Result<()> {
        jars::check_version(version)?;
        install::remove(&self.store(), version)
    }

    /// Text of the `pom.xml` whose runtime dependencies are exactly a version's jars.
    pub fn pom(&self, version: &str) -> Result<String> {
        jars::check_version(version)?;
        Ok(pom::text(version))
    }

    /// The Java to run a version with: `explicit`, else `JAVA_HOME`, `PATH`, and what is installed.
    /// `java-not-found` and `java-unsuitable` say what was seen.
    pub fn java(&self, version: &str, explicit: Option<&Path>) -> Result<Java> {
        java::choose(&self.java, &self.home.join("java.json"), version, explicit)
    }

    fn store(&self) -> PathBuf {
        self.home.join("kafka")
    }
}
