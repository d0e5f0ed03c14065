//! Which Java runs the servers: looked for where it usually is, asked once for its version.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kafsh_model::snapshot::JavaFacts;
use kafsh_model::{Error, Result};
use serde::{Deserialize, Serialize};

use super::major;
use crate::runtime::files;

const CACHE_SCHEMA: u32 = 1;

/// Bound on `java -version`.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

/// Most bytes of its answer that are read.
const VERSION_BYTES_MAX: u64 = 8 << 10;

/// A Java that can be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Java {
    pub path: PathBuf,
    /// 17 for 17.0.15, 8 for 1.8.0
    pub major: u32,
    pub version: String,
    /// The runtime's own name of its build: class archives belong to exactly one
    pub build: String,
}

impl Java {
    pub fn facts(&self) -> JavaFacts {
        JavaFacts {
            path: self.path.display().to_string(),
            major: self.major,
            version: self.version.clone(),
        }
    }
}

/// Where to look.
#[derive(Clone, Debug, Default)]
pub struct JavaSources {
    pub java_home: Option<PathBuf>,
    pub path: Option<OsString>,
    /// Folders of installed Javas, such as `/usr/lib/jvm`
    pub installed: Vec<PathBuf>,
}

impl JavaSources {
    pub fn from_environment() -> Self {
        JavaSources {
            java_home: std::env::var_os("JAVA_HOME").filter(|v| !v.is_empty()).map(PathBuf::from),
            path: std::env::var_os("PATH"),
            installed: vec![PathBuf::from("/usr/lib/jvm"), PathBuf::from("/usr/java")],
        }
    }

    /// Candidates in order of preference, each program once.
    fn candidates(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = Vec::new();
        let mut add = |path: PathBuf| {
            if let Ok(real) = path.canonicalize()
                && real.is_file()
                && !found.contains(&real)
            {
                found.push(real);
            }
        };
        if let Some(home) = &self.java_home {
            add(home.join("bin/java"));
        }
        for folder in self.path.iter().flat_map(std::env::split_paths) {
            // A relative entry means another program in another folder.
            if folder.is_absolute() {
                add(folder.join("java"));
            }
        }
        for folder in &self.installed {
            for name in files::names_in(folder).unwrap_or_default() {
                add(folder.join(name).join("bin/java"));
            }
        }
        found
    }
}

/// Kafka's own list: 3.x is tested on 11, 17 and 21, 4.x needs 17 or later.
fn suits(kafka: &str, java: u32) -> bool {
    if major(kafka) >= 4 { java >= 17 } else { matches!(java, 11 | 17 | 21) }
}

fn needed(kafka: &str) -> &'static str {
    if major(kafka) >= 4 { "Java 17 or later" } else { "Java 11, 17 or 21" }
}

#[derive(Default, Serialize, Deserialize)]
struct Cache {
    schema: u32,
    entries: Vec<CacheEntry>,
}

/// A program that was asked, as it was then.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct CacheEntry {
    modified_ns: i128,
    bytes: u64,
    java: Java,
}

pub(super) fn choose(
    sources: &JavaSources,
    cache_file: &Path,
    kafka: &str,
    explicit: Option<&Path>,
) -> Result<Java> {
    let candidates = match explicit {
        Some(path) => vec![path.to_path_buf()],
        None => sources.candidates(),
    };
    let mut cache = read_cache(cache_file);
    let before = cache.entries.len();
    let mut evidence = Vec::new();
    let mut chosen: Option<Java> = None;
    for (index, path) in candidates.iter().enumerate() {
        match ask(path, &mut cache) {
            Ok(java) if suits(kafka, java.major) => {
                // JAVA_HOME and PATH are the user's word; among the rest the newest is best.
                let by_choice = explicit.is_some() || is_users_choice(sources, index, path);
                if chosen.as_ref().is_none_or(|best| java.major > best.major) {
                    chosen = Some(java);
                }
                if by_choice {
                    break;
                }
            }
            Ok(java) => evidence.push(format!("`{}` is Java {}", path.display(), java.version)),
            Err(e) => evidence.push(format!("`{}`: {}", path.display(), e.message)),
        }
    }
    if cache.entries.len() != before {
        write_cache(cache_file, &cache);
    }
    chosen.ok_or_else(|| not_found(kafka, explicit, evidence))
}

fn is_users_choice(sources: &JavaSources, index: usize, path: &Path) -> bool {
    let installed = |folder: &PathBuf| path.starts_with(folder);
    index == 0 && (sources.java_home.is_some() || sources.path.is_some())
        || !sources.installed.iter().any(installed)
}

fn not_found(kafka: &str, explicit: Option<&Path>, evidence: Vec<String>) -> Error {
    let needs = format!("Kafka {kafka} runs on {}", needed(kafka));
    let mut error = if evidence.is_empty() {
        Error::not_found("java-not-found", "no Java was found")
            .with_cause(format!("{needs}; looked at JAVA_HOME, PATH and /usr/lib/jvm"))
    } else {
        let message = match explicit {
            Some(path) => format!("`{}` cannot run Kafka {kafka}", path.display()),
            None => format!("no Java that can run Kafka {kafka} was found"),
        };
        Error::failed("java-unsuitable", message).with_cause(needs)
    };
    error.evidence = evidence;
    error.with_next("!apt-get install openjdk-17-jre-headless")
}

/// The version of one program, from the cache where the program has not changed.
fn ask(path: &Path, cache: &mut Cache) -> Result<Java> {
    let meta = path.metadata().map_err(|e| files::io_error("find", path, &e))?;
    let modified_ns = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
    let known = cache.entries.iter().find(|entry| {
        entry.java.path == path && entry.modified_ns == modified_ns && entry.bytes == meta.len()
    });
    if let Some(entry) = known {
        return Ok(entry.java.clone());
    }
    let java = parse(path, &run_version(path)?)?;
    cache.entries.retain(|entry| entry.java.path != path);
    cache.entries.push(CacheEntry { modified_ns, bytes: meta.len(), java: java.clone() });
    Ok(java)
}

fn run_version(path: &Path) -> Result<String> {
    let fail = |e: &std::io::Error| files::io_error("run", path, e);
    let mut child = Command::new(path)
        .arg("-version")
        // JAVA_TOOL_OPTIONS and the like would change what it says, or does.
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| fail(&e))?;
    let mut pipe = child.stderr.take().map(|pipe| pipe.take(VERSION_BYTES_MAX));
    let deadline = Instant::now() + VERSION_TIMEOUT;
    while child.try_wait().map_err(|e| fail(&e))?.is_none() {
        if Instant::now() >= deadline {
            // Our own child, not yet waited for: the number cannot have passed to another.
            let _ = child.kill();
            let _ = child.wait();
            return Err(Error::failed(
                "java-silent",
                format!("no answer within {} s", VERSION_TIMEOUT.as_secs()),
            ));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut text = String::new();
    if let Some(pipe) = &mut pipe {
        pipe.read_to_string(&mut text).map_err(|e| fail(&e))?;
    }
    Ok(text)
}

/// `openjdk version "17.0.15" 2025-04-15`, and the build from the second line's parentheses.
fn parse(path: &Path, text: &str) -> Result<Java> {
    let first = text.lines().find(|line| line.contains(" version \""));
    let version = first.and_then(|line| line.split('"').nth(1)).unwrap_or_default();
    let numbers = version.strip_prefix("1.").unwrap_or(version);
    let major = numbers.split(|c: char| !c.is_ascii_digit()).next().and_then(|n| n.parse().ok());
    let Some(major) = major else {
        return Err(Error::failed("not-java", "it does not say which Java it is"));
    };
    let build = text.lines().nth(1).unwrap_or(version).trim().to_string();
    Ok(Java { path: path.to_path_buf(), major, version: version.to_string(), build })
}

fn read_cache(path: &Path) -> Cache {
    let bytes = files::read_small(path).ok().flatten().unwrap_or_default();
    let cache: Cache = serde_json::from_slice(&bytes).unwrap_or_default();
    if cache.schema == CACHE_SCHEMA {
        cache
    } else {
        Cache { schema: CACHE_SCHEMA, entries: vec![] }
    }
}

/// Only a cache: not being able to write it costs time, nothing else.
fn write_cache(path: &Path, cache: &Cache) {
    let folder = path.parent().unwrap_or(Path::new("."));
    if let (Ok(()), Ok(text)) = (files::create_dir_all(folder), serde_json::to_vec(cache)) {
        let _ = files::write_atomic(path, &text, 0o644);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A program that claims to be a Java and counts how often it is asked.
    fn fake(folder: &Path, name: &str, version: &str) -> PathBuf {
        let bin = folder.join(name).join("bin");
        fs::create_dir_all(&bin).unwrap();
        let path = bin.join("java");
        let text = format!(
            "#!/bin/sh\necho x >> '{}/asked'\necho 'openjdk version \"{version}\" 2025' >&2\n\
             echo 'OpenJDK Runtime Environment (build {version}+1)' >&2\n",
            bin.display()
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.canonicalize().unwrap()
    }

    fn sources(folder: &Path) -> JavaSources {
        JavaSources { java_home: None, path: None, installed: vec![folder.to_path_buf()] }
    }

    #[test]
    fn the_newest_that_suits_is_chosen_and_asked_once() {
        let folder = tempfile::tempdir().unwrap();
        fake(folder.path(), "a11", "11.0.2");
        let best = fake(folder.path(), "b17", "17.0.15");
        fake(folder.path(), "c25", "25.0.1");
        let cache = folder.path().join("java.json");
        for _ in 0..3 {
            let java = choose(&sources(folder.path()), &cache, "3.9.2", None).unwrap();
            assert_eq!((java.path.as_path(), java.major), (best.as_path(), 17));
            assert_eq!(java.build, "OpenJDK Runtime Environment (build 17.0.15+1)");
        }
        let asked = fs::read_to_string(best.with_file_name("asked")).unwrap();
        assert_eq!(asked.lines().count(), 1);
        let java = choose(&sources(folder.path()), &cache, "4.1.0", None).unwrap();
        assert_eq!(java.major, 25);
    }

    #[test]
    fn the_users_own_choice_wins_where_it_suits() {
        let folder = tempfile::tempdir().unwrap();
        fake(folder.path(), "all/b17", "17.0.15");
        let eleven = fake(folder.path(), "own", "11.0.2");
        let cache = folder.path().join("java.json");
        let mut sources = sources(&folder.path().join("all"));
        sources.java_home = Some(folder.path().join("own"));
        assert_eq!(choose(&sources, &cache, "3.9.2", None).unwrap().path, eleven);
        // It cannot run 4.x, so another is taken.
        assert_eq!(choose(&sources, &cache, "4.1.0", None).unwrap().major, 17);
    }

    #[test]
    fn what_was_found_is_said_where_nothing_suits() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("java.json");
        let none = choose(&sources(folder.path()), &cache, "3.9.2", None).unwrap_err();
        assert_eq!(none.code, "java-not-found");
        let old = fake(folder.path(), "old", "1.8.0_402");
        let error = choose(&sources(folder.path()), &cache, "3.9.2", None).unwrap_err();
        assert_eq!(error.code, "java-unsuitable");
        assert_eq!(error.evidence, [format!("`{}` is Java 1.8.0_402", old.display())]);
        let error = choose(&sources(folder.path()), &cache, "3.9.2", Some(&old)).unwrap_err();
        assert!(error.message.contains("cannot run Kafka 3.9.2"), "{error:?}");
    }

    #[test]
    fn java_8_counts_as_8() {
        let java = parse(Path::new("/x"), "java version \"1.8.0_402\"\n").unwrap();
        assert_eq!(java.major, 8);
        assert_eq!(parse(Path::new("/x"), "bash: no").unwrap_err().code, "not-java");
    }
}
