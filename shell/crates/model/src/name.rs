//! Names that users choose, with the rules they must keep.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// `broker.id`: 0 and up (Kafka's default `reserved.broker.max.id` is 1000).
pub type BrokerId = i32;

/// Longest name of a cluster, in bytes: it is also the name of a folder.
pub const CLUSTER_NAME_BYTES_MAX: usize = 64;

/// Longest name of a topic, in characters (`org.apache.kafka.common.internals.Topic`).
pub const TOPIC_NAME_CHARS_MAX: usize = 249;

/// A cluster's name: `[a-z0-9][a-z0-9._-]{0,63}`, so that it is safe as a folder's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterName(String);

impl ClusterName {
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        let first_is_good =
            text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        let good =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        if first_is_good && text.len() <= CLUSTER_NAME_BYTES_MAX && text.chars().all(good) {
            return Ok(ClusterName(text));
        }
        let shown = text.escape_debug();
        Err(Error::usage("bad-cluster-name", format!("`{shown}` is no name for a cluster"))
            .with_cause(format!(
                "a name is 1 to {CLUSTER_NAME_BYTES_MAX} of a-z, 0-9, `.`, `_`, `-`, \
                 and begins with a letter or digit"
            )))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ClusterName {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        ClusterName::new(text)
    }
}

impl From<ClusterName> for String {
    fn from(name: ClusterName) -> String {
        name.0
    }
}

/// Checks a topic's name by Kafka's own rule: 1 to 249 of `[a-zA-Z0-9._-]`, not `.` or `..`.
pub fn check_topic_name(name: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let cause = if name.is_empty() {
        "a topic's name cannot be empty".to_string()
    } else if name == "." || name == ".." {
        "`.` and `..` are no names for a topic".to_string()
    } else if name.chars().count() > TOPIC_NAME_CHARS_MAX {
        format!("a topic's name has at most {TOPIC_NAME_CHARS_MAX} characters")
    } else if !name.chars().all(good) {
        "a topic's name has only letters, digits, `.`, `_` and `-`".to_string()
    } else {
        return Ok(());
    };
    let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    Err(Error::usage("bad-topic-name", format!("`{shown}` is no name for a topic"))
        .with_cause(cause))
}

/// The name of another topic that makes the same metric name (`.` and `_` collide there), if any.
pub fn colliding_topic<'a>(
    name: &str,
    others: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if !name.contains(['.', '_']) {
        // Whoever folds to such a name has it.
        return None;
    }
    let folded = name.replace('.', "_");
    let same = |other: &&str| {
        let folds = |byte: u8| if byte == b'.' { b'_' } else { byte };
        other.len() == folded.len() && other.bytes().map(folds).eq(folded.bytes())
    };
    others.into_iter().find(|other| *other != name && same(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_names_are_safe_folder_names() {
        for good in ["demo", "a", "0x", "my-cluster_2.b"] {
            assert!(ClusterName::new(good).is_ok(), "{good}");
        }
        let long = "a".repeat(65);
        for bad in ["", ".", "..", ".x", "-x", "a/b", "A", "a b", "ü", "a\0", long.as_str()] {
            let error = ClusterName::new(bad).unwrap_err();
            assert_eq!(error.code, "bad-cluster-name", "{bad}");
        }
    }

    #[test]
    fn topic_names_keep_kafkas_rule() {
        let longest = "x".repeat(249);
        for good in ["test", "a.b_c-D9", longest.as_str()] {
            assert!(check_topic_name(good).is_ok(), "{good}");
        }
        let too_long = "x".repeat(250);
        for bad in ["", ".", "..", "a b", "a/b", "ü", "a\n", too_long.as_str()] {
            assert!(check_topic_name(bad).is_err(), "{bad:?}");
        }
        assert_eq!(colliding_topic("a.b", ["x", "a_b"]), Some("a_b"));
        assert_eq!(colliding_topic("a.b", ["a.b", "ab"]), None);
    }
}
