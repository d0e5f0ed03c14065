//! What a case asks: its tables, with the names that people mistype held against those that there
//! are.

use std::collections::BTreeMap;

use kafsh_model::plan::Action;
use kafsh_model::plugin::{ClusterFacts, PluginKind};
use kafsh_model::policy::{Operation, PolicyRequest, TopicState};
use kafsh_model::record::{Headers, RecordBatch, RecordView};
use kafsh_model::suggest::{did_you_mean, suggest};
use kafsh_model::transform::SourcePartition;
use serde::Deserialize;
use toml::{Table, Value};

use super::{Input, Word};
use crate::author::sample::Sample;

/// Timestamp of the first record that gives none, ms; the others follow.
const FIRST_TIMESTAMP: i64 = 1_700_000_000_000;

/// Of every case, beside what its kind asks and expects.
const COMMON: [&str; 3] = ["name", "settings", "fuel"];
const POLICY: [&str; 2] = ["request", "cluster"];
const TRANSFORM: [&str; 3] = ["input", "topic", "partition"];
const STEP: [&str; 2] = ["input", "planned"];
const STATE: [&str; 3] = ["partitions", "replication-factor", "configs"];
const REQUEST: [&str; 6] = ["operation", "topic", "cluster", "current", "touched", "extras"];
const FACTS: [&str; 2] = ["brokers", "topics"];
const RECORD: [&str; 6] = ["key", "key-hex", "value", "value-hex", "headers", "timestamp"];
const SAMPLE: [&str; 5] = ["brokers", "running", "topics", "properties", "taken-ports"];

/// Reads what is left of a case when its expectations are taken out; `expected` are their keys.
pub(super) fn read(kind: PluginKind, case: Table, expected: &[&str]) -> Result<Input, String> {
    let own: &[&str] = match kind {
        PluginKind::Policy => &POLICY,
        PluginKind::Transform => &TRANSFORM,
        PluginKind::Step => &STEP,
    };
    check("a case", &case, &[&COMMON, own, expected])?;
    let wrong = |e: toml::de::Error| e.to_string();
    match kind {
        PluginKind::Policy => {
            check_policy(&case)?;
            Ok(case.try_into::<PolicyCase>().map_err(wrong)?.read())
        }
        PluginKind::Transform => {
            for record in case.get("input").and_then(Value::as_array).into_iter().flatten() {
                check_value("a record of `input`", Some(record), &[&RECORD])?;
            }
            case.try_into::<TransformCase>().map_err(wrong)?.read()
        }
        PluginKind::Step => {
            check_value("`input`", case.get("input"), &[&SAMPLE])?;
            case.try_into::<StepCase>().map_err(wrong)?.read()
        }
    }
}

fn check_policy(case: &Table) -> Result<(), String> {
    let request = case.get("request");
    check_value("`request`", request, &[&REQUEST, &STATE])?;
    let current = request.and_then(|request| request.get("current"));
    check_value("`current`", current, &[&STATE])?;
    let cluster = case.get("cluster");
    check_value("`cluster`", cluster, &[&FACTS])?;
    let topics = cluster.and_then(|facts| facts.get("topics")).and_then(Value::as_table);
    for (name, topic) in topics.into_iter().flatten() {
        check_value(&format!("topic `{name}`"), Some(topic), &[&STATE])?;
    }
    Ok(())
}

/// Of a table; what else stands in its place is told by its type.
fn check_value(place: &str, value: Option<&Value>, known: &[&[&str]]) -> Result<(), String> {
    match value {
        Some(Value::Table(table)) => check(place, table, known),
        _ => Ok(()),
    }
}

fn check(place: &str, table: &Table, known: &[&[&str]]) -> Result<(), String> {
    let known = known.concat();
    match table.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            let meant = did_you_mean(&suggest(key, known.iter().copied()));
            let all: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
            Err(format!("{place} has no `{key}`{meant}: it has {}", all.join(", ")))
        }
    }
}

fn unhex(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes();
    let digit = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    digits.chunks(2).map(pair).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct PolicyCase {
    request: Request,
    cluster: Option<Facts>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Request {
    operation: Option<Operation>,
    topic: String,
    cluster: Option<String>,
    #[serde(flatten)]
    state: State,
    /// The topic as it is
    current: Option<State>,
    touched: Option<Vec<String>>,
    #[serde(default)]
    extras: BTreeMap<String, String>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct State {
    #[serde(default = "one")]
    partitions: u32,
    #[serde(default = "one")]
    replication_factor: u32,
    #[serde(default)]
    configs: BTreeMap<String, Word>,
}

fn one() -> u32 {
    1
}

impl State {
    fn read(&self) -> TopicState {
        let configs = self.configs.iter().map(|(key, value)| (key.clone(), value.text()));
        TopicState {
            partitions: self.partitions,
            replication_factor: self.replication_factor,
            configs: configs.collect(),
        }
    }
}

/// What a policy with `cluster-read` sees.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Facts {
    #[serde(default)]
    brokers: Vec<i32>,
    #[serde(default)]
    topics: BTreeMap<String, State>,
}

impl PolicyCase {
    fn read(self) -> Input {
        let Request { operation, topic, cluster, state, current, touched, extras } = self.request;
        let operation = operation.unwrap_or(Operation::Create);
        let given = state.read();
        let current = current.map(|state| state.read());
        let before = current.as_ref();
        let is_new = |(key, value): &(&String, &String)| {
            before.and_then(|current| current.configs.get(*key)) != Some(*value)
        };
        let keys = given.configs.iter().filter(is_new).map(|(key, _)| key.clone()).collect();
        let (current, proposed) = match operation {
            Operation::Create | Operation::Alter => (current, Some(given)),
            Operation::Delete => (current.or(Some(given)), None),
            Operation::Review => (Some(given.clone()), Some(given)),
        };
        let touches = matches!(operation, Operation::Create | Operation::Alter);
        let request = PolicyRequest {
            operation,
            topic,
            cluster: cluster.unwrap_or_else(|| "test".to_string()),
            current,
            proposed,
            touched: touched.unwrap_or(if touches { keys } else { Vec::new() }),
            extras,
        };
        let facts = self.cluster.map(|facts| ClusterFacts {
            brokers: facts.brokers,
            topics: facts.topics.iter().map(|(name, state)| (name.clone(), state.read())).collect(),
        });
        Input::Policy { request: Box::new(request), facts }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct TransformCase {
    topic: Option<String>,
    #[serde(default)]
    partition: i32,
    input: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Record {
    key: Option<String>,
    key_hex: Option<String>,
    value: Option<String>,
    value_hex: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    timestamp: Option<i64>,
}

/// Bytes that are given as text or in hexadecimal; neither: null.
fn given(text: &Option<String>, hex: &Option<String>) -> Result<Option<Vec<u8>>, String> {
    match (text, hex) {
        (Some(_), Some(hex)) => Err(format!("given as text and as `{hex}`")),
        (Some(text), None) => Ok(Some(text.clone().into_bytes())),
        (None, Some(hex)) => {
            unhex(hex).map(Some).ok_or_else(|| format!("`{hex}` is no hexadecimal"))
        }
        (None, None) => Ok(None),
    }
}

impl TransformCase {
    fn read(self) -> Result<Input, String> {
        let source = SourcePartition {
            topic: self.topic.unwrap_or_else(|| "test".to_string()),
            partition: self.partition,
        };
        let mut batch = RecordBatch::new();
        for (index, record) in (0..).zip(&self.input) {
            let key = given(&record.key, &record.key_hex)?;
            let value = given(&record.value, &record.value_hex)?;
            let headers = record.headers.iter();
            let headers: Vec<(&str, Option<&[u8]>)> =
                headers.map(|(name, value)| (name.as_str(), Some(value.as_bytes()))).collect();
            let view = RecordView {
                partition: source.partition,
                offset: index,
                timestamp_ms: record.timestamp.unwrap_or(FIRST_TIMESTAMP + index),
                headers: Headers::Slice(&headers),
                ..RecordView::new(&source.topic, key.as_deref(), value.as_deref())
            };
            if !batch.push(view) {
                return Err("the records are too large for a batch".to_string());
            }
        }
        Ok(Input::Transform { source, batch })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct StepCase {
    input: StepState,
    /// What earlier steps have planned
    #[serde(default)]
    planned: Vec<Action>,
}

/// `"fresh"`, `"running"`, or a cluster in detail.
#[derive(Deserialize)]
#[serde(untagged)]
enum StepState {
    Named(String),
    Sample(Sample),
}

impl StepCase {
    fn read(self) -> Result<Input, String> {
        let sample = match self.input {
            StepState::Sample(sample) => sample,
            StepState::Named(name) => match name.as_str() {
                "fresh" => Sample::default(),
                "running" => Sample::running(),
                other => return Err(format!("`input` is `fresh` or `running`, not `{other}`")),
            },
        };
        let mut input = sample.input().map_err(|e| e.cause.unwrap_or(e.message))?;
        input.planned = self.planned;
        Ok(Input::Step(Box::new(input)))
    }
}
