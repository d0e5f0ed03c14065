//! The jars of a version: their names, order, and published SHA-256.

use std::collections::BTreeMap;
use std::path::Path;

use kafsh_model::plan::{Finding, Severity};
use kafsh_model::{Error, Result};

use super::Source;
use crate::runtime::files;

/// SHA-256 and name of every jar that `mvn` brings for a version's pinned coordinates.
const LISTS: [(&str, &str); 1] = [("3.9.2", include_str!("../../data/kafka-3.9.2.sha256"))];

/// Versions whose jars can be verified.
pub const KNOWN_VERSIONS: [&str; 1] = [LISTS[0].0];

/// Longest version text, in bytes: it is also a folder's name.
const VERSION_BYTES_MAX: usize = 32;

/// `bad-kafka-version` unless it is digits and dots, with an optional `-rc1`.
pub(super) fn check_version(version: &str) -> Result<()> {
    let (numbers, suffix) = version.split_once('-').unwrap_or((version, "x"));
    let numeric = numbers.split('.').count() >= 2
        && numbers.split('.').all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let plain = !suffix.is_empty() && suffix.bytes().all(|b| b.is_ascii_alphanumeric());
    if numeric && plain && version.len() <= VERSION_BYTES_MAX {
        return Ok(());
    }
    Err(Error::usage(
        "bad-kafka-version",
        format!("`{}` is no version of Kafka", version.escape_debug()),
    )
    .with_cause("a version looks like `3.9.2`"))
}

/// Jars of a folder in the order of the class path, without sources and documentation.
pub(super) fn server_jars(folder: &Path) -> Result<Vec<String>> {
    let mut names = files::names_in(folder)?;
    names.retain(|name| {
        let other = ["-sources.jar", "-javadoc.jar", "-test.jar", "-test-sources.jar"];
        name.ends_with(".jar") && !other.iter().any(|end| name.ends_with(end))
    });
    Ok(names)
}

/// 3.9.2 from `kafka_2.13-3.9.2.jar`.
pub(super) fn version_of(jars: &[String]) -> Option<String> {
    jars.iter().find_map(|jar| {
        let rest = jar.strip_prefix("kafka_2.13-").or(jar.strip_prefix("kafka_2.12-"))?;
        let version = rest.strip_suffix(".jar")?;
        check_version(version).is_ok().then(|| version.to_string())
    })
}

/// Where a version in the store keeps the list of its own jars: it came from an archive whose
/// digest vouched for them.
const OWN_LIST: &str = "jars.sha256";

/// True where a jar belongs to a version, as far as kafsh has a list of its jars.
pub(super) fn belongs(version: &str, jar: &str) -> bool {
    carried(version).is_none_or(|list| pairs(list).any(|(name, _)| name == jar))
}

fn carried(version: &str) -> Option<&'static str> {
    LISTS.iter().find(|(known, _)| *known == version).map(|(_, list)| *list)
}

/// Name and SHA-256 of each line of a list.
fn pairs(list: &str) -> impl Iterator<Item = (&str, &str)> {
    list.lines().filter_map(|line| line.split_once("  ")).map(|(digest, name)| (name, digest))
}

/// Writes down what jars are in `libs`, for [`verify`] to hold them against from then on.
pub(super) fn vouch(libs: &Path) -> Result<()> {
    let mut list = String::new();
    for name in files::names_in(libs)?.iter().filter(|name| name.ends_with(".jar")) {
        list += &format!("{}  {name}\n", files::sha256_of_file(&libs.join(name))?);
    }
    let folder = libs.parent().unwrap_or(libs);
    files::write_atomic(&folder.join(OWN_LIST), list.as_bytes(), 0o644)
}

/// What differs between a folder and the list of its version. A folder of the user's own may hold
/// more, or jars that another build has made: that is worth a warning, not a refusal.
pub(super) fn verify(version: &str, folder: &Path, source: Source) -> Result<Vec<Finding>> {
    let own = match (source, folder.parent()) {
        (Source::Store, Some(parent)) => files::read_small_text(&parent.join(OWN_LIST))?,
        _ => None,
    };
    let Some(list) = own.as_deref().or(carried(version)) else {
        return Ok(vec![finding(
            Severity::Warning,
            "jar-list-unknown",
            version,
            format!("the jars of Kafka {version} cannot be verified"),
            vec![format!("known versions: {}", KNOWN_VERSIONS.join(", "))],
        )]);
    };
    let mut expected: BTreeMap<&str, &str> = pairs(list).collect();
    let (mut changed, mut extra) = (Vec::new(), Vec::new());
    for name in files::names_in(folder)?.iter().filter(|name| name.ends_with(".jar")) {
        match expected.remove(name.as_str()) {
            None => extra.push(name.clone()),
            Some(digest) => {
                let found = files::sha256_of_file(&folder.join(name))?;
                if found != digest {
                    changed.push(format!("{name}: SHA-256 is {found}, published {digest}"));
                }
            }
        }
    }
    let missing: Vec<String> = expected.into_keys().map(String::from).collect();
    let severity = match source {
        Source::Store => Severity::Problem,
        Source::Folder => Severity::Warning,
    };
    let kinds = [
        ("jar-changed", "differ from what was published", changed),
        ("jar-missing", "are missing", missing),
        ("jar-extra", "do not belong to this version", extra),
    ];
    let found = kinds.into_iter().filter(|(_, _, names)| !names.is_empty());
    Ok(found
        .map(|(code, what, names)| {
            let message = format!("{} jars of Kafka {version} {what}", names.len());
            finding(severity, code, version, message, names)
        })
        .collect())
}

fn finding(
    severity: Severity,
    code: &str,
    version: &str,
    message: String,
    evidence: Vec<String>,
) -> Finding {
    let next = match severity {
        Severity::Problem => {
            vec![format!("kafka remove {version}"), format!("kafka install {version}")]
        }
        Severity::Warning | Severity::Note => Vec::new(),
    };
    Finding {
        severity,
        code: code.into(),
        subject: format!("kafka {version}"),
        message,
        evidence,
        cause: None,
        next,
        safe_to_fix: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_safe_folder_names() {
        for good in ["3.9.2", "4.0", "3.9.0-rc1", "2.8.2"] {
            assert!(check_version(good).is_ok(), "{good}");
        }
        for bad in ["", "3", "3.9.", "../3.9", "3.9.2/x", "3.9-", "3.9.2 ", "a.b", "3.9-x-y"] {
            assert_eq!(check_version(bad).unwrap_err().code, "bad-kafka-version", "{bad}");
        }
    }

    #[test]
    fn the_version_comes_from_the_servers_jar() {
        let jars: Vec<String> =
            ["kafka-clients-9.9.9.jar", "kafka_2.13-3.9.2.jar"].map(String::from).into();
        assert_eq!(version_of(&jars).as_deref(), Some("3.9.2"));
        assert_eq!(version_of(&jars[..1]), None);
    }

    #[test]
    fn the_carried_lists_are_whole() {
        for (version, list) in LISTS {
            for line in list.lines() {
                let (digest, name) = line.split_once("  ").unwrap();
                assert!(digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit()));
                assert!(name.ends_with(".jar") && !name.contains('/'));
            }
            let names: Vec<String> = list.lines().map(|line| line[66..].to_string()).collect();
            assert_eq!(version_of(&names).as_deref(), Some(version));
            assert!(names.iter().any(|name| name.starts_with("slf4j-reload4j-")));
        }
    }

    #[test]
    fn missing_changed_and_extra_jars_are_found() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("kafka_2.13-3.9.2.jar"), "other bytes").unwrap();
        std::fs::write(folder.path().join("mine.jar"), "").unwrap();
        let found = verify("3.9.2", folder.path(), Source::Store).unwrap();
        let codes: Vec<&str> = found.iter().map(|f| f.code.as_str()).collect();
        assert_eq!(codes, ["jar-changed", "jar-missing", "jar-extra"]);
        assert_eq!(found[1].evidence.len(), 104);
        assert_eq!(found[2].evidence, ["mine.jar"]);
        assert_eq!(found[2].severity, Severity::Problem);
        let found = verify("3.9.2", folder.path(), Source::Folder).unwrap();
        assert_eq!(found[2].severity, Severity::Warning);
    }
}
