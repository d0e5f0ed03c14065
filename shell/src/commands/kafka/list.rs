//! `kafka list`: versions that can be run.

use kafsh_cluster::distribution::Source;
use kafsh_model::Result;
use serde_json::{Value, json};

use crate::call::Call;
use crate::context::KAFKA_VERSION;
use crate::flow::{Column, Output, Show, View, column, column_as};
use crate::spec::{CommandSpec, Example};

const COLUMNS: &[Column] = &[
    column("version", "VERSION"),
    column_as("default", "DEFAULT", Show::Tick),
    column("source", "FROM"),
    column_as("verified", "VERIFIED", Show::Tick),
    column("jars", "JARS"),
    column("used_by", "USED BY"),
    column("libs", "FOLDER"),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["kafka", "list"],
    summary: "list the versions of Kafka that can be run here",
    examples: &[Example { line: "kafka list", about: "with the clusters that use them" }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let distributions = &call.context.distributions;
    let mut rows = Vec::new();
    for found in distributions.list()? {
        let record = match found.source {
            Source::Store => distributions.install_record(&found.version)?,
            Source::Folder => None,
        };
        rows.push(json!({
            "version": found.version,
            "default": found.version == KAFKA_VERSION,
            "source": match found.source {
                Source::Store => "store",
                Source::Folder => "KAFKA_HOME",
            },
            "verified": record.map(|record| record.verified),
            "jars": found.jars.len(),
            "used_by": users(&call, &found.version)?,
            "libs": found.libs.display().to_string(),
        }));
    }
    let empty = rows.is_empty();
    let output = Output::value(Value::Array(rows), View::Rows(COLUMNS));
    Ok(if empty { output.note("none is installed; start with: kafka install") } else { output })
}

/// Clusters whose spec names this version.
///
/// # Errors
/// Where the folder of clusters cannot be read.
pub fn users(call: &Call, version: &str) -> Result<Vec<String>> {
    let store = &call.context.store;
    let names = store.list()?.into_iter();
    let uses = |name: &kafsh_model::ClusterName| {
        // A spec that cannot be read may well use it: it counts.
        store.load_spec(name).map_or(true, |spec| spec.kafka == version)
    };
    Ok(names.filter(uses).map(|name| name.to_string()).collect())
}
