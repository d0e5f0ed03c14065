//! `version`.

use kafsh_model::Result;
use serde_json::json;

use crate::call::Call;
use crate::flow::{Column, Output, View, column};
use crate::spec::{CommandSpec, Example};

const FIELDS: &[Column] =
    &[column("kafsh", "kafsh"), column("kafka", "Kafka"), column("wasmtime", "wasmtime")];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["version"],
    summary: "say which versions these are",
    examples: &[Example { line: "version", about: "kafsh, the Kafka it provisions, its engine" }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(_: Call) -> Result<Output> {
    let value = json!({
        "kafsh": env!("CARGO_PKG_VERSION"),
        "kafka": crate::context::KAFKA_VERSION,
        "wasmtime": kafsh_host::ENGINE_VERSION,
    });
    Ok(Output::value(value, View::Record { fields: FIELDS, sections: &[] }))
}
