//! Configuration keys of Kafka 3.9 (brokers, topics) and of the ZooKeeper it ships: types,
//! defaults, what may be changed while running. The facts are in `data/*.tsv`.

mod written;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::error::{Error, Result};
use crate::suggest;

pub use written::{check_written, raw};

const BROKER_TSV: &str = include_str!("../data/broker-keys.tsv");
const TOPIC_TSV: &str = include_str!("../data/topic-keys.tsv");
const ZOOKEEPER_TSV: &str = include_str!("../data/zookeeper-keys.tsv");

/// Beginnings of broker keys that take any ending: settings of one listener, and those that are
/// handed on to classes Kafka loads.
const BROKER_PREFIXES: [&str; 4] =
    ["listener.name.", "rlmm.config.", "rsm.config.", "metrics.jmx."];

/// ZooKeeper makes a system property of any other key; only these families are real.
const ZOOKEEPER_PREFIXES: [&str; 5] =
    ["server.", "group.", "weight.", "authProvider.", "metricsProvider."];

/// Kafka's type of a value (`ConfigDef.Type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    Boolean,
    /// 16 bits
    Short,
    /// 32 bits
    Int,
    /// 64 bits
    Long,
    Double,
    String,
    /// Separated by commas
    List,
    /// Name of a Java class
    Class,
    Password,
}

impl KeyType {
    pub fn name(self) -> &'static str {
        match self {
            KeyType::Boolean => "boolean",
            KeyType::Short => "short",
            KeyType::Int => "int",
            KeyType::Long => "long",
            KeyType::Double => "double",
            KeyType::String => "string",
            KeyType::List => "list",
            KeyType::Class => "class",
            KeyType::Password => "password",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "boolean" => KeyType::Boolean,
            "short" => KeyType::Short,
            "int" => KeyType::Int,
            "long" => KeyType::Long,
            "double" => KeyType::Double,
            "string" => KeyType::String,
            "list" => KeyType::List,
            "class" => KeyType::Class,
            "password" => KeyType::Password,
            _ => return None,
        })
    }
}

/// How a key may be changed (KIP-226).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dynamic {
    /// Needs a restart
    ReadOnly,
    /// While running, for each broker
    PerBroker,
    /// While running, for one broker or for all of them
    ClusterWide,
    /// A topic's: always while running
    Topic,
}

impl Dynamic {
    pub fn name(self) -> &'static str {
        match self {
            Dynamic::ReadOnly => "read-only",
            Dynamic::PerBroker => "per-broker",
            Dynamic::ClusterWide => "cluster-wide",
            Dynamic::Topic => "topic",
        }
    }
}

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    pub name: &'static str,
    pub kind: KeyType,
    /// `None`: no default, or an empty one
    pub default: Option<&'static str>,
    /// Alternatives: words, or ranges as `min..max` and `min..`; of a list: of each element
    pub valid: &'static [&'static str],
    pub dynamic: Dynamic,
    /// Never shown
    pub sensitive: bool,
    /// One line; empty where the name says it
    pub about: &'static str,
}

impl Key {
    /// Values to offer for completion, in order.
    pub fn choices(&self) -> Vec<&'static str> {
        if self.kind == KeyType::Boolean {
            return vec!["true", "false"];
        }
        self.valid.iter().copied().filter(|word| !word.contains("..")).collect()
    }

    /// Checks a value against type and range.
    ///
    /// # Errors
    /// `bad-config-value`, class usage; a sensitive value is never in the message.
    pub fn check(&self, value: &str) -> Result<()> {
        let trimmed = value.trim();
        let problem = match self.kind {
            KeyType::Boolean => {
                (!matches!(trimmed.to_ascii_lowercase().as_str(), "true" | "false"))
                    .then(|| "it is `true` or `false`".to_string())
            }
            KeyType::Short => self.check_integer(trimmed, i16::MIN.into(), i16::MAX.into()),
            KeyType::Int => self.check_integer(trimmed, i32::MIN.into(), i32::MAX.into()),
            KeyType::Long => self.check_integer(trimmed, i64::MIN, i64::MAX),
            KeyType::Double => match trimmed.parse::<f64>() {
                Ok(number) if number.is_finite() => self.check_range(number),
                _ => Some("it is a number".to_string()),
            },
            KeyType::String if self.is_version() && !is_version(trimmed) => {
                Some("it is a version such as `3.9` or `3.9-IV0`".to_string())
            }
            KeyType::String => self.check_word(trimmed),
            KeyType::List if trimmed.is_empty() => None,
            KeyType::List => trimmed.split(',').find_map(|word| self.check_word(word.trim())),
            KeyType::Class | KeyType::Password => None,
        };
        let Some(problem) = problem else { return Ok(()) };
        let shown: String = if self.sensitive {
            "***".into()
        } else {
            value.chars().take(80).flat_map(char::escape_debug).collect()
        };
        Err(Error::usage("bad-config-value", format!("`{shown}` is no value for `{}`", self.name))
            .with_cause(problem))
    }

    /// What brokers speak, or write their logs in.
    fn is_version(&self) -> bool {
        ["inter.broker.protocol.version", "log.message.format.version"].contains(&self.name)
    }

    fn check_integer(&self, text: &str, min: i64, max: i64) -> Option<String> {
        match text.parse::<i64>() {
            Ok(number) if (min..=max).contains(&number) => self.check_range_integer(number),
            Ok(_) => Some(format!("it is a whole number from {min} to {max}")),
            Err(_) => Some("it is a whole number".to_string()),
        }
    }

    fn check_range_integer(&self, number: i64) -> Option<String> {
        let inside = |range: &str| match bounds(range) {
            Some((low, high)) => {
                low.parse::<i64>().is_ok_and(|low| number >= low)
                    && (high.is_empty() || high.parse::<i64>().is_ok_and(|high| number <= high))
            }
            None => range.parse() == Ok(number),
        };
        (!self.valid.is_empty() && !self.valid.iter().any(|range| inside(range)))
            .then(|| self.explain())
    }

    fn check_range(&self, number: f64) -> Option<String> {
        let inside = |range: &str| match bounds(range) {
            Some((low, high)) => {
                low.parse::<f64>().is_ok_and(|low| number >= low)
                    && (high.is_empty() || high.parse::<f64>().is_ok_and(|high| number <= high))
            }
            None => range.parse() == Ok(number),
        };
        (!self.valid.is_empty() && !self.valid.iter().any(|range| inside(range)))
            .then(|| self.explain())
    }

    fn check_word(&self, word: &str) -> Option<String> {
        let known = self.valid.is_empty()
            || self.valid.iter().any(|choice| choice.eq_ignore_ascii_case(word));
        (!known).then(|| self.explain())
    }

    fn explain(&self) -> String {
        let parts: Vec<String> = self
            .valid
            .iter()
            .map(|part| match bounds(part) {
                Some((low, "")) => format!("at least {low}"),
                Some((low, high)) => format!("from {low} to {high}"),
                None => format!("`{part}`"),
            })
            .collect();
        format!("it is {}", parts.join(" or "))
    }
}

/// `3.9`, `0.10.2` or `3.9-IV0`.
fn is_version(text: &str) -> bool {
    let (numbers, interim) = text.split_once("-IV").unwrap_or((text, "0"));
    let is_number = |part: &str| part.parse::<u16>().is_ok();
    numbers.contains('.') && numbers.split('.').all(is_number) && is_number(interim)
}

fn bounds(range: &str) -> Option<(&str, &str)> {
    range.split_once("..")
}

type Table = BTreeMap<&'static str, Key>;

fn parse(tsv: &'static str) -> Table {
    let rows = tsv.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let key = |line: &'static str| {
        let mut columns = line.split('\t');
        let mut column = || columns.next().unwrap_or("");
        let (name, kind, default, valid, dynamic, sensitive, about) =
            (column(), column(), column(), column(), column(), column(), column());
        let valid: Vec<&'static str> = valid.split('|').filter(|part| !part.is_empty()).collect();
        Key {
            name,
            // A test holds the tables to the known types, so this arm is never taken.
            kind: KeyType::parse(kind).unwrap_or(KeyType::String),
            default: (!default.is_empty() && default != "!required").then_some(default),
            // Once for the life of the process, in a table that lives as long.
            valid: Box::leak(valid.into_boxed_slice()),
            dynamic: match dynamic {
                "per-broker" => Dynamic::PerBroker,
                "cluster-wide" => Dynamic::ClusterWide,
                "topic" => Dynamic::Topic,
                _ => Dynamic::ReadOnly,
            },
            sensitive: sensitive == "sensitive",
            about,
        }
    };
    rows.map(key).map(|key| (key.name, key)).collect()
}

fn broker_table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| parse(BROKER_TSV))
}

fn topic_table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| parse(TOPIC_TSV))
}

fn zookeeper_table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| parse(ZOOKEEPER_TSV))
}

/// A broker's key, by its exact name.
pub fn broker(key: &str) -> Option<&'static Key> {
    broker_table().get(key)
}

/// A topic's key, by its exact name.
pub fn topic(key: &str) -> Option<&'static Key> {
    topic_table().get(key)
}

/// A ZooKeeper key, by its exact name.
pub fn zookeeper(key: &str) -> Option<&'static Key> {
    zookeeper_table().get(key)
}

/// Every broker key, in alphabetical order.
pub fn all_broker() -> impl Iterator<Item = &'static Key> {
    broker_table().values()
}

/// Every topic key, in alphabetical order.
pub fn all_topic() -> impl Iterator<Item = &'static Key> {
    topic_table().values()
}

/// Every ZooKeeper key, in alphabetical order.
pub fn all_zookeeper() -> impl Iterator<Item = &'static Key> {
    zookeeper_table().values()
}

/// Whose keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    Broker,
    Topic,
    ZooKeeper,
}

impl Scope {
    fn word(self) -> &'static str {
        match self {
            Scope::Broker => "brokers",
            Scope::Topic => "topics",
            Scope::ZooKeeper => "ZooKeeper",
        }
    }

    fn table(self) -> &'static Table {
        match self {
            Scope::Broker => broker_table(),
            Scope::Topic => topic_table(),
            Scope::ZooKeeper => zookeeper_table(),
        }
    }

    /// True for a key of a family that takes any ending.
    fn is_free(self, key: &str) -> bool {
        let ends = |prefix: &str| key.len() > prefix.len() && key.starts_with(prefix);
        match self {
            Scope::Broker => BROKER_PREFIXES.iter().any(|prefix| ends(prefix)),
            Scope::Topic => false,
            Scope::ZooKeeper => ZOOKEEPER_PREFIXES.iter().any(|prefix| ends(prefix)),
        }
    }
}

/// Checks a broker's key and value.
///
/// # Errors
/// As [`check_in`].
pub fn check(key: &str, value: &str) -> Result<()> {
    check_in(Scope::Broker, key, value)
}

/// Checks that a key is known in its scope and that the value has its type and range.
///
/// # Errors
/// `unknown-config` with suggestions, or `bad-config-value`; both of class usage.
pub fn check_in(scope: Scope, key: &str, value: &str) -> Result<()> {
    if let Some(known) = scope.table().get(key) {
        return known.check(value);
    }
    if scope.is_free(key) {
        return Ok(());
    }
    let near = suggest_in(scope, key);
    if scope == Scope::Broker && near.is_empty() && topic(key).is_none() && is_dotted(key) {
        return Ok(());
    }
    let shown: String = key.chars().take(80).flat_map(char::escape_debug).collect();
    let mut error = Error::usage(
        "unknown-config",
        format!("`{shown}` is no configuration key of {}", scope.word()),
    );
    if scope == Scope::Broker && topic(key).is_some() {
        error = error.with_cause("it is a key of topics");
    } else if scope == Scope::Topic && broker(key).is_some() {
        error = error.with_cause("it is a key of brokers");
    }
    if !near.is_empty() {
        let question = suggest::did_you_mean(&near);
        error.cause = Some(match error.cause {
            Some(cause) => format!("{cause}{question}"),
            None => question.trim().trim_matches(['(', ')']).to_string(),
        });
    }
    Err(error)
}

/// A key of Kafka's form that is near none it knows: what an authorizer, a reporter or another
/// class of the brokers reads for itself, so it is let through as it stands.
fn is_dotted(key: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
    };
    key.contains('.') && key.split('.').all(part)
}

/// Broker keys near a mistyped one, nearest first.
pub fn suggest(key: &str) -> Vec<&'static str> {
    suggest_in(Scope::Broker, key)
}

/// Keys of a scope near a mistyped one, nearest first.
pub fn suggest_in(scope: Scope, key: &str) -> Vec<&'static str> {
    suggest::suggest(key, scope.table().keys().copied())
}

/// True where the value of this key must never be shown: by the tables, or by its name.
pub fn is_sensitive(key: &str) -> bool {
    let listed = |table: &Table| table.get(key).is_some_and(|key| key.sensitive);
    let lower = key.to_ascii_lowercase();
    let named = ["password", "passphrase", "secret", "jaas.config", "token", "credential", ".key"];
    listed(broker_table())
        || listed(zookeeper_table())
        || (broker(key).is_none() && named.iter().any(|word| lower.contains(word)))
        || lower.contains("password")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_whole() {
        for (tsv, least) in [(BROKER_TSV, 300), (TOPIC_TSV, 36), (ZOOKEEPER_TSV, 50)] {
            let rows: Vec<&str> = tsv.lines().filter(|line| !line.starts_with('#')).collect();
            assert!(rows.len() >= least);
            assert_eq!(parse(tsv).len(), rows.len(), "no key twice");
            for row in rows {
                let columns: Vec<&str> = row.split('\t').collect();
                assert_eq!(columns.len(), 7, "{row}");
                assert!(KeyType::parse(columns[1]).is_some(), "{row}");
            }
        }
    }

    #[test]
    fn every_default_passes_its_own_check() {
        for key in all_broker().chain(all_topic()).chain(all_zookeeper()) {
            if let Some(default) = key.default {
                assert!(key.check(default).is_ok(), "{} = {default}", key.name);
            }
        }
    }

    #[test]
    fn known_facts() {
        let min_isr = broker("transaction.state.log.min.isr").unwrap();
        assert_eq!((min_isr.kind, min_isr.default), (KeyType::Int, Some("2")));
        assert_eq!(min_isr.dynamic, Dynamic::ReadOnly);
        assert_eq!(broker("log.retention.ms").unwrap().dynamic, Dynamic::ClusterWide);
        assert_eq!(broker("advertised.listeners").unwrap().dynamic, Dynamic::PerBroker);
        assert!(broker("sasl.jaas.config").unwrap().sensitive);
        let codecs = topic("compression.type").unwrap().choices();
        assert!(codecs.contains(&"zstd") && codecs.contains(&"producer"));
        assert_eq!(topic("preallocate").unwrap().choices(), ["true", "false"]);
        assert_eq!(zookeeper("tickTime").unwrap().kind, KeyType::Int);
        assert!(is_sensitive("listener.name.x.sasl.jaas.config"));
        assert!(!is_sensitive("log.dirs") && !is_sensitive("sasl.enabled.mechanisms"));
    }

    #[test]
    fn values_are_checked() {
        let good = [
            ("num.io.threads", "8"),
            ("log.retention.ms", "-1"),
            ("compression.type", "zstd"),
            ("log.cleanup.policy", "compact,delete"),
            ("auto.create.topics.enable", "FALSE"),
            ("compression.gzip.level", "-1"),
            ("log.cleaner.min.cleanable.ratio", "0.25"),
            ("listener.name.internal.ssl.keystore.location", "/x"),
            ("log.flush.interval.messages", "9223372036854775807"),
        ];
        for (key, value) in good {
            assert!(check(key, value).is_ok(), "{key} = {value}");
        }
        let bad = [
            ("num.io.threads", "0"),
            ("num.io.threads", "many"),
            ("num.io.threads", "99999999999"),
            ("compression.type", "zip"),
            ("log.cleanup.policy", "compact,erase"),
            ("auto.create.topics.enable", "yes"),
            ("compression.gzip.level", "0"),
            ("log.cleaner.min.cleanable.ratio", "1.5"),
        ];
        for (key, value) in bad {
            assert_eq!(check(key, value).unwrap_err().code, "bad-config-value", "{key} = {value}");
        }
    }

    #[test]
    fn unknown_keys_are_refused_with_what_is_near() {
        let error = check("log.retention.hour", "1").unwrap_err();
        assert_eq!(error.code, "unknown-config");
        assert!(error.cause.unwrap().contains("log.retention.hours"));
        let error = check("cleanup.policy", "delete").unwrap_err();
        assert!(error.cause.unwrap().starts_with("it is a key of topics"));
        assert!(check("listener.name.", "x").is_err());
        assert_eq!(suggest("num.partition")[0], "num.partitions");
    }
}
