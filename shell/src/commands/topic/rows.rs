//! Rows from a pipe, names and flags of `topic create` to specifications.

use std::collections::{BTreeMap, BTreeSet};

use kafsh_model::keys::{self, Scope};
use kafsh_model::name::check_topic_name;
use kafsh_model::topic::TopicSpec;
use kafsh_model::{Error, Result};
use serde_json::{Map, Value};

use crate::args::as_text;
use crate::commands::config::values;
use crate::flow::Flow;

/// Most topics created by one command.
const TOPICS_MAX: usize = 10_000;

/// What flags say of every topic; a row's own columns come first.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    pub partitions: Option<i32>,
    pub replication_factor: Option<i16>,
    pub configs: BTreeMap<String, String>,
    pub assignments: Vec<Vec<i32>>,
}

impl Defaults {
    pub fn named(&self, name: &str) -> TopicSpec {
        TopicSpec {
            name: name.to_string(),
            partitions: self.partitions,
            replication_factor: self.replication_factor,
            assignments: self.assignments.clone(),
            configs: self.configs.clone(),
        }
    }

    /// A row: `name`, `partitions`, `replication_factor`, and settings of topics by their keys, or
    /// all in one object `configs`. Empty cells and nulls are left to the defaults.
    fn row(&self, row: &Map<String, Value>) -> Result<TopicSpec> {
        let mut spec = self.named("");
        let mut unknown = Vec::new();
        for (column, value) in row {
            let text = as_text(value);
            let given = !value.is_null() && !text.trim().is_empty();
            match column.trim() {
                "name" | "topic" => spec.name = text.trim().to_string(),
                "partitions" if given => spec.partitions = Some(count(column, &text)?),
                "replication_factor" | "replication-factor" if given => {
                    spec.replication_factor = Some(count(column, &text)?);
                }
                "partitions" | "replication_factor" | "replication-factor" => {}
                "configs" | "config" => {
                    if let Value::Object(configs) = value {
                        for (key, value) in configs {
                            add(&mut spec, key, &as_text(value))?;
                        }
                    } else if given {
                        return Err(Error::usage("bad-row", format!("`{column}` is no object")));
                    }
                }
                key if keys::topic(key).is_some() => {
                    if given {
                        add(&mut spec, key, text.trim())?;
                    }
                }
                other => unknown.push(other.to_string()),
            }
        }
        if !unknown.is_empty() {
            return Err(unknown_columns(&unknown));
        }
        if spec.name.is_empty() {
            return Err(Error::usage("bad-row", "a row has no `name`"));
        }
        check_topic_name(&spec.name)?;
        Ok(spec)
    }
}

fn add(spec: &mut TopicSpec, key: &str, value: &str) -> Result<()> {
    let checked = values::checked(Scope::Topic, &[(key.to_string(), value.to_string())])?;
    spec.configs.extend(checked);
    Ok(())
}

fn count<T: TryFrom<i64>>(column: &str, text: &str) -> Result<T> {
    let number = text.trim().parse::<i64>().ok().filter(|number| *number > 0);
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
        Error::usage("bad-row", format!("`{text}` is no whole number above 0 (`{column}`)"))
    })
}

fn unknown_columns(unknown: &[String]) -> Error {
    let names: Vec<String> = unknown.iter().map(|name| format!("`{name}`")).collect();
    let plural = if unknown.len() == 1 { "column" } else { "columns" };
    let near: Vec<&str> = unknown
        .iter()
        .flat_map(|name| {
            let own = ["name", "partitions", "replication_factor"];
            let all = own.into_iter().chain(keys::all_topic().map(|key| key.name));
            kafsh_model::suggest::suggest(name, all).into_iter().take(1)
        })
        .collect();
    let question = kafsh_model::suggest::did_you_mean(&near);
    Error::usage("unknown-column", format!("unknown {plural} {}{question}", names.join(", ")))
        .with_cause(
            "a row has `name`, `partitions`, `replication_factor` and keys of a topic's settings",
        )
}

/// All rows of a pipe: objects, or texts that are names.
pub async fn specs(input: Flow, defaults: &Defaults) -> Result<Vec<TopicSpec>> {
    let mut specs: Vec<TopicSpec> = Vec::new();
    let mut names = BTreeSet::new();
    let mut add = |value: &Value| -> Result<()> {
        if specs.len() >= TOPICS_MAX {
            let message = format!("more than {TOPICS_MAX} topics at once");
            return Err(Error::failed("too-many", message));
        }
        let number = specs.len() + 1;
        let spec =
            of_value(value, defaults).map_err(|e| e.with_evidence(format!("row {number}")))?;
        if !names.insert(spec.name.clone()) {
            let message = format!("`{}` is there twice", spec.name);
            return Err(Error::usage("topic-twice", message).with_evidence(format!("row {number}")));
        }
        specs.push(spec);
        Ok(())
    };
    match input {
        Flow::Nothing | Flow::Value { value: Value::Null, .. } => {}
        Flow::Value { value: Value::Array(rows), .. } => rows.iter().try_for_each(&mut add)?,
        Flow::Value { value, .. } => add(&value)?,
        Flow::Values(mut stream) => {
            while let Some(value) = stream.next().await? {
                add(&value)?;
            }
            stream.finish().await?;
        }
        Flow::Lines(mut stream) => {
            while let Some(lines) = stream.next().await? {
                for line in lines {
                    let name = String::from_utf8_lossy(&line).trim().to_string();
                    if !name.is_empty() {
                        add(&Value::String(name))?;
                    }
                }
            }
            stream.finish().await?;
        }
        Flow::Records(_) => {
            return Err(Error::usage("bad-input", "records are no rows of topics")
                .with_cause("`jq '.json'` makes rows of records that hold JSON"));
        }
    }
    Ok(specs)
}

fn of_value(value: &Value, defaults: &Defaults) -> Result<TopicSpec> {
    match value {
        Value::Object(row) => defaults.row(row),
        Value::String(name) => {
            check_topic_name(name)?;
            Ok(defaults.named(name))
        }
        _ => Err(Error::usage("bad-row", "a row is an object, or a name")),
    }
}

/// `1:2:3,2:3:1`: replicas of each partition, preferred leader first.
pub fn assignments(text: &str) -> Result<Vec<Vec<i32>>> {
    let bad = || {
        Error::usage("bad-value", format!("`{text}` is no assignment"))
            .with_cause("`1:2,2:3` puts partition 0 on brokers 1 and 2, partition 1 on 2 and 3")
    };
    let replicas = |part: &str| -> Result<Vec<i32>> {
        part.split(':').map(|id| id.trim().parse::<i32>().map_err(|_| bad())).collect()
    };
    text.split(',').map(replicas).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    async fn read(value: Value) -> Result<Vec<TopicSpec>> {
        let defaults = Defaults { replication_factor: Some(3), ..Defaults::default() };
        specs(Flow::Value { value, view: crate::flow::View::Plain }, &defaults).await
    }

    #[tokio::test]
    async fn rows_of_csv_and_json() {
        let specs = read(json!([
            {"name": "a", "partitions": "10", "replication-factor": "", "retention.ms": "7d"},
            {"name": "b", "partitions": 2, "replication_factor": 1,
             "configs": {"segment.bytes": "1MiB"}},
            "c",
        ]))
        .await
        .unwrap();
        assert_eq!((specs[0].partitions, specs[0].replication_factor), (Some(10), Some(3)));
        assert_eq!(specs[0].configs["retention.ms"], "604800000");
        assert_eq!(specs[1].configs["segment.bytes"], "1048576");
        assert_eq!(specs[1].replication_factor, Some(1));
        assert_eq!((specs[2].name.as_str(), specs[2].partitions), ("c", None));
    }

    #[tokio::test]
    async fn what_is_wrong_is_named_with_its_row() {
        let cases = [
            (json!([{"name": "a"}, {"name": "b", "partitons": 1, "owner": "x"}]), "unknown-column"),
            (json!([{"partitions": 1}]), "bad-row"),
            (json!([{"name": "a", "partitions": 0}]), "bad-row"),
            (json!([{"name": "a b"}]), "bad-topic-name"),
            (json!(["a", "a"]), "topic-twice"),
            (json!([5]), "bad-row"),
            (json!([{"name": "a", "retention.ms": "soon"}]), "bad-config-value"),
        ];
        for (value, code) in cases {
            let error = read(value).await.unwrap_err();
            assert_eq!(error.code, code);
            assert!(error.evidence.iter().any(|line| line.starts_with("row ")), "{error:?}");
        }
        let error = read(json!([{"name": "b", "partitons": 1, "owner": "x"}])).await.unwrap_err();
        assert!(error.message.contains("`partitons`, `owner` (did you mean `partitions`"));
    }

    #[test]
    fn assignments_are_kafkas() {
        assert_eq!(assignments("1:2,2:3").unwrap(), [[1, 2], [2, 3]]);
        assert!(assignments("1:x").is_err() && assignments("").is_err());
    }
}
