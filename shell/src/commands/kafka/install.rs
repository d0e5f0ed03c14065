//! `kafka install [VERSION]`.

use std::path::PathBuf;

use kafsh_cluster::distribution::{Distribution, Source};
use kafsh_model::Result;
use serde_json::json;

use super::provide;
use crate::call::Call;
use crate::commands::cluster::common::DRY_RUN;
use crate::context::KAFKA_VERSION;
use crate::flow::{Column, Output, View, column};
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, Example, FlagSpec, Kind};

const FIELDS: &[Column] = &[
    column("version", "Kafka"),
    column("libs", "folder"),
    column("jars", "jars"),
    column("next", "next"),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["kafka", "install"],
    summary: "install a version of Kafka: the jars that brokers and ZooKeeper run from",
    detail: "From the first of: --from, a release that was unpacked or a folder of jars; \
             KAFKA_HOME, which is then used where it is; Maven, with pinned coordinates. Every \
             jar is held against the SHA-256 list that kafsh carries for the version. `cluster \
             up` does this by itself. Installing what is there changes nothing.",
    args: &[ArgSpec {
        name: "version",
        kind: Kind::Text,
        arity: Arity::Optional,
        help: "for example 3.9.2, which is the default",
    }],
    flags: &[
        FlagSpec::value("from", "FOLDER", Kind::Path, "a release, or its libs folder"),
        DRY_RUN,
    ],
    effect: Effect::Write,
    examples: &[Example { line: "kafka install --dry-run", about: "is it there already?" }],
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let version = call.args.opt_text("version").unwrap_or_else(|| KAFKA_VERSION.to_string());
    let from = call.args.opt_text("from").map(|folder| call.directory.join(folder));
    if let Some(found) = present(&call, &version)? {
        let output = shown(&found);
        return Ok(match found.source {
            Source::Store => output.note(format!("Kafka {version} is installed already")),
            Source::Folder => output.note(format!("Kafka {version} is used from KAFKA_HOME")),
        });
    }
    if call.args.switch("dry-run") {
        return Ok(Output::nothing().note(match &from {
            Some(folder) => format!("Kafka {version} would be copied from {}", folder.display()),
            None => format!("Kafka {version} would be brought by Maven"),
        }));
    }
    install(&call, &version, from).await
}

async fn install(call: &Call, version: &str, from: Option<PathBuf>) -> Result<Output> {
    let installed = provide::install(call, version, from).await?;
    let verified = call.context.distributions.install_record(version)?.is_some_and(|r| r.verified);
    let output = shown(&installed);
    Ok(match verified {
        true => output,
        false => output.note(format!(
            "warning: kafsh has no list of the jars of Kafka {version}, so they were not verified"
        )),
    })
}

fn present(call: &Call, version: &str) -> Result<Option<Distribution>> {
    match call.context.distributions.find(version) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.code == "kafka-not-installed" => Ok(None),
        Err(error) => Err(error),
    }
}

fn shown(found: &Distribution) -> Output {
    let value = json!({
        "version": found.version,
        "libs": found.libs.display().to_string(),
        "jars": found.jars.len(),
        "next": "cluster up demo",
    });
    Output::value(value, View::Record { fields: FIELDS, sections: &[] })
}
