//! The written form of a spec: TOML, in full, or short for the common case.
//!
//! In full it says all that [`ClusterSpec`] can. In short, `brokers` is a number or absent and the
//! other keys are those of the flags; what they leave open is filled in as `cluster up` would.

use std::collections::BTreeMap;

use kafsh_model::keys::{self, Scope};
use kafsh_model::spec::{ClusterSpec, Preset, SPEC_SCHEMA};
use kafsh_model::{BrokerId, ClusterName, Error, Result, suggest};
use serde::Deserialize;

use super::ports::PortRegistry;
use super::request::{BasePort, Brokers, ConfigSetting, SpecRequest, build};
use super::validate;

/// Largest spec file that is read, in bytes.
const SPEC_BYTES_MAX: usize = 1 << 20;

/// The short form. Its keys are the flags' names with `_`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Short {
    /// Looked at before
    #[serde(default, rename = "schema")]
    _schema: Option<u32>,
    name: ClusterName,
    #[serde(default)]
    kafka: Option<String>,
    #[serde(default)]
    brokers: Option<ShortBrokers>,
    #[serde(default)]
    base_port: Option<ShortPort>,
    #[serde(default)]
    zookeeper_port: Option<u16>,
    #[serde(default)]
    advertise: Option<String>,
    #[serde(default)]
    data_dir: Option<String>,
    #[serde(default)]
    ephemeral: bool,
    #[serde(default)]
    preset: Option<Preset>,
    #[serde(default)]
    racks: Vec<String>,
    #[serde(default)]
    steps: Vec<String>,
    #[serde(default)]
    properties: BTreeMap<String, Scalar>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "`brokers` is a number from 1 up, or ids such as `[1, 2, 3]`")]
enum ShortBrokers {
    Count(u16),
    Ids(Vec<BrokerId>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "`base_port` is a port or \"auto\"")]
enum ShortPort {
    At(u16),
    Word(String),
}

/// Values of properties may be written without quotes.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a property is a text, a number, `true` or `false`")]
enum Scalar {
    Text(String),
    Integer(i64),
    Number(f64),
    Truth(bool),
}

impl Scalar {
    fn text(self) -> String {
        match self {
            Scalar::Text(text) => text,
            Scalar::Integer(number) => number.to_string(),
            Scalar::Number(number) => number.to_string(),
            Scalar::Truth(truth) => truth.to_string(),
        }
    }
}

/// Reads a spec, in full or in short, and checks it. `source` names the text in messages;
/// `kafka` is the version where the text names none.
///
/// # Errors
/// `bad-spec-file` with line and column; what [`build`] or [`validate`] say.
pub fn parse(
    text: &str,
    source: &str,
    registry: &PortRegistry,
    kafka: Option<&str>,
) -> Result<ClusterSpec> {
    if text.len() > SPEC_BYTES_MAX {
        return Err(Error::usage("bad-spec-file", format!("`{source}` is too large for a spec"))
            .with_cause(format!("a spec has at most {SPEC_BYTES_MAX} bytes")));
    }
    let table: toml::Table = toml::from_str(text).map_err(|error| located(&error, text, source))?;
    known_schema(&table, source)?;
    let in_full = table.contains_key("zookeeper")
        || table.get("brokers").is_some_and(|brokers| {
            brokers.as_array().is_some_and(|list| list.iter().any(toml::Value::is_table))
        });
    if in_full {
        let spec = read_full(text, source)?;
        validate(&spec, Some(registry))?;
        return Ok(spec);
    }
    let short: Short = toml::from_str(text).map_err(|error| located(&error, text, source))?;
    build(&request_of(short, source, kafka)?, registry)
}

/// A newer kafsh may say things that are not understood here: told before what they are.
fn known_schema(table: &toml::Table, source: &str) -> Result<()> {
    let Some(schema) = table.get("schema").filter(|s| s.as_integer() != Some(SPEC_SCHEMA.into()))
    else {
        return Ok(());
    };
    let message = format!("`{source}` has schema {schema}; this kafsh reads schema {SPEC_SCHEMA}");
    Err(Error::usage("unknown-schema", message)
        .with_cause("it was written by another version of kafsh"))
}

/// Reads the full form and checks nothing but its shape: for files that we wrote ourselves.
pub(crate) fn read_full(text: &str, source: &str) -> Result<ClusterSpec> {
    toml::from_str(text).map_err(|error| located(&error, text, source))
}

/// The full form.
///
/// # Errors
/// `bug`, where a spec cannot be written; it always can.
pub fn render(spec: &ClusterSpec) -> Result<String> {
    toml::to_string(spec).map_err(|error| Error::bug(format!("a spec cannot be written: {error}")))
}

fn request_of(short: Short, source: &str, kafka: Option<&str>) -> Result<SpecRequest> {
    let mut request = SpecRequest::new(short.name);
    request.kafka = short.kafka.or(kafka.map(String::from));
    request.brokers = short.brokers.map(|brokers| match brokers {
        ShortBrokers::Count(count) => Brokers::Count(count),
        ShortBrokers::Ids(ids) => Brokers::Ids(ids),
    });
    request.base_port = match short.base_port {
        None => BasePort::Default,
        Some(ShortPort::At(port)) => BasePort::At(port),
        Some(ShortPort::Word(word)) if word == "auto" => BasePort::Auto,
        Some(ShortPort::Word(word)) => {
            let shown = word.escape_debug();
            return Err(Error::usage(
                "bad-spec-file",
                format!("`{shown}` is no base port in `{source}`"),
            )
            .with_cause("it is a number or \"auto\""));
        }
    };
    request.zookeeper_port = short.zookeeper_port;
    request.advertise = short.advertise;
    request.data_dir = short.data_dir;
    request.ephemeral = short.ephemeral;
    request.preset = short.preset;
    request.racks = short.racks;
    request.steps = short.steps;
    let setting = |(key, value): (String, Scalar)| {
        let value = keys::raw(Scope::Broker, &key, &value.text());
        ConfigSetting { broker: None, key, value }
    };
    request.config = short.properties.into_iter().map(setting).collect();
    Ok(request)
}

/// A TOML error with file, line, column, the line itself and what may have been meant.
fn located(error: &toml::de::Error, text: &str, source: &str) -> Error {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    let before = text.get(..at).unwrap_or("");
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    let message = error.message().trim();
    let mut result = Error::usage(
        "bad-spec-file",
        format!("`{source}` line {line}, column {column}: {}", message.replace('\n', " ")),
    );
    if let Some(shown) = text.lines().nth(line - 1) {
        // A value may be a secret; the key in front of it says enough.
        let key = shown.split('=').next().unwrap_or("").trim_end();
        result = result.with_evidence(format!("{line} | {key}"));
    }
    if let Some(near) = meant(message) {
        result = result.with_cause(format!("did you mean `{near}`?"));
    }
    result
}

/// From serde's words ("unknown field `x`, expected one of `a`, `b`") the nearest of the expected.
fn meant(message: &str) -> Option<&str> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let word = quoted.next().filter(|_| message.starts_with("unknown "))?;
    suggest::suggest(word, quoted).first().copied()
}
