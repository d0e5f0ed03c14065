//! The typed arguments of one call: what a command reads, checked before it runs.

use std::collections::BTreeMap;
use std::time::Duration;

use kafsh_model::units;
use kafsh_model::{BrokerId, Error, Result};
use serde_json::Value;

use crate::spec::Kind;

/// Values by the name of their argument or flag; a switch has one value, `true`.
#[derive(Clone, Debug, Default)]
pub struct Args {
    values: BTreeMap<&'static str, Vec<Value>>,
}

impl Args {
    pub fn push(&mut self, name: &'static str, value: Value) {
        self.values.entry(name).or_default().push(value);
    }

    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The text of an argument that the table says is there.
    pub fn text(&self, name: &str) -> Result<String> {
        self.opt_text(name)
            .ok_or_else(|| Error::usage("missing-argument", format!("`{name}` is missing")))
    }

    pub fn opt_text(&self, name: &str) -> Option<String> {
        self.values.get(name).and_then(|values| values.last()).map(as_text)
    }

    /// Every value of a repeated argument or flag.
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.values.get(name).map(|v| v.iter().map(as_text).collect()).unwrap_or_default()
    }

    /// Puts `to` wherever a value is the text `from`.
    pub fn replace(&mut self, from: &str, to: &str) {
        for value in self.values.values_mut().flatten().filter(|value| *value == from) {
            *value = Value::String(to.to_string());
        }
    }

    pub fn switch(&self, name: &str) -> bool {
        self.has(name)
    }

    pub fn opt_int(&self, name: &str) -> Result<Option<i64>> {
        self.opt_text(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    Error::usage("bad-value", format!("`{text}` is no whole number (`{name}`)"))
                })
            })
            .transpose()
    }

    pub fn opt_duration(&self, name: &str) -> Result<Option<Duration>> {
        self.opt_text(name).map(|text| parse_duration(&text)).transpose()
    }

    pub fn broker(&self, name: &str) -> Result<BrokerId> {
        let text = self.text(name)?;
        text.parse().map_err(|_| Error::usage("bad-value", format!("`{text}` is no broker id")))
    }

    /// `key=value` pairs, split at the first `=`.
    pub fn pairs(&self, name: &str) -> Result<Vec<(String, String)>> {
        self.texts(name).iter().map(|text| split_pair(text)).collect()
    }
}

pub fn parse_duration(text: &str) -> Result<Duration> {
    units::parse_duration(text).ok_or_else(|| {
        let meant = units::meant_duration(text);
        let meant = meant.map(|meant| format!(" (did you mean `{meant}`?)")).unwrap_or_default();
        Error::usage("bad-value", format!("`{text}` is no duration{meant}")).with_cause(
            "a duration is a whole number with a unit: `500ms`, `30s`, `5m`, `2h`, `7d`",
        )
    })
}

pub fn split_pair(text: &str) -> Result<(String, String)> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_string(), value.to_string())),
        _ => Err(Error::usage("bad-value", format!("`{text}` is not of the form key=value"))),
    }
}

/// A value as the text of a word: strings raw, anything else as compact JSON.
pub fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Checks a word against the kind the table gives it. The message says what is wanted.
pub fn check(kind: Kind, text: &str) -> std::result::Result<(), String> {
    let number = |low: i64, high: i64| match text.parse::<i64>() {
        Ok(n) if (low..=high).contains(&n) => Ok(()),
        _ if high == i64::MAX => Err(format!("`{text}` is no whole number from {low} up")),
        _ => Err(format!("`{text}` is no whole number from {low} to {high}")),
    };
    match kind {
        Kind::Text | Kind::Command | Kind::TopicKey => Ok(()),
        Kind::Plugin(_) | Kind::AnyPlugin | Kind::Installed | Kind::Binding => Ok(()),
        Kind::Group | Kind::Path if text.is_empty() => Err("it is empty".to_string()),
        Kind::Group | Kind::Path | Kind::Jq => Ok(()),
        Kind::Topic => kafsh_model::name::check_topic_name(text).map_err(|e| e.to_string()),
        Kind::Cluster => kafsh_model::ClusterName::new(text).map(|_| ()).map_err(|e| e.to_string()),
        Kind::Broker => number(0, i64::from(i32::MAX)),
        Kind::Int(low, high) => number(low, high),
        Kind::PortOrAuto if text == "auto" => Ok(()),
        Kind::Port | Kind::PortOrAuto => {
            number(1, 65_535).map_err(|_| format!("`{text}` is no port"))
        }
        Kind::Duration => parse_duration(text).map(|_| ()).map_err(|e| e.to_string()),
        Kind::TopicConfig | Kind::BrokerConfig | Kind::KeyValue => {
            split_pair(text).map(|_| ()).map_err(|e| e.to_string())
        }
        Kind::Offset => {
            crate::records::position::parse(text).map(|_| ()).map_err(|e| e.to_string())
        }
        Kind::Bootstrap => check_bootstrap(text),
        Kind::Znode if text.starts_with('/') => Ok(()),
        Kind::Znode => Err(format!("`{text}` is no path of a znode (it begins with `/`)")),
        Kind::Choice(choices) if choices.contains(&text) => Ok(()),
        Kind::Choice(choices) => Err(format!("`{text}` is not one of {}", choices.join(", "))),
    }
}

fn check_bootstrap(text: &str) -> std::result::Result<(), String> {
    for address in text.split(',') {
        let Some((host, port)) = address.rsplit_once(':') else {
            return Err(format!("`{address}` is not of the form host:port"));
        };
        if host.is_empty() || port.parse::<u16>().is_err() {
            return Err(format!("`{address}` is not of the form host:port"));
        }
    }
    Ok(())
}
/// The moment so long before now, in ms since 1970-01-01 UTC.
pub fn ago(age: Duration) -> i64 {
    let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::now().as_millisecond().saturating_sub(age)
}
