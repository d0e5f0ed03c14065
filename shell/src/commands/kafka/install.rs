//! `kafka install [VERSION] [--from FOLDER|ARCHIVE [--sha512 DIGEST|FILE]]`.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use kafsh_cluster::distribution::{Distribution, Sha512Sum, Source};
use kafsh_model::{Error, Result};
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

/// Largest part of a `.sha512` file that is read, in bytes.
const DIGEST_FILE_BYTES_MAX: u64 = 4 << 10;

pub static SPEC: CommandSpec = CommandSpec {
    path: &["kafka", "install"],
    summary: "install a version of Kafka: the jars that brokers and ZooKeeper run from",
    detail: "From the first of: --from, a release as it was published (`kafka_2.13-3.9.2.tgz`), \
             one that was unpacked, or a folder of jars; KAFKA_HOME, which is then used where it \
             is; Maven, with pinned coordinates. An archive is held against its SHA-512: that of \
             --sha512, else of the `.sha512` file beside it. Without one, and from anywhere else, \
             every jar is held against the SHA-256 list that kafsh carries for the version, and \
             jars that are not on it are left out. `cluster up` does this by itself. Installing \
             what is there changes nothing.",
    args: &[ArgSpec {
        name: "version",
        kind: Kind::Text,
        arity: Arity::Optional,
        help: "for example 3.9.2, which is the default",
    }],
    flags: &[
        FlagSpec::value("from", "FOLDER|ARCHIVE", Kind::Path, "a release, or its libs folder"),
        FlagSpec::value("sha512", "DIGEST|FILE", Kind::Path, "what the archive has to have"),
        DRY_RUN,
    ],
    effect: Effect::Write,
    examples: &[
        Example { line: "kafka install --dry-run", about: "is it there already?" },
        Example {
            line: "kafka install --from kafka_2.13-3.9.2.tgz --dry-run",
            about: "from an archive, its .sha512 beside it",
        },
    ],
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let version = call.args.opt_text("version").unwrap_or_else(|| KAFKA_VERSION.to_string());
    let from = call.args.opt_text("from").map(|source| call.directory.join(source));
    let digest = digest(&call, from.is_some())?;
    if let Some(found) = present(&call, &version)? {
        let output = shown(&found);
        return Ok(match found.source {
            Source::Store => output.note(format!("Kafka {version} is installed already")),
            Source::Folder => output.note(format!("Kafka {version} is used from KAFKA_HOME")),
        });
    }
    if call.args.switch("dry-run") {
        return Ok(Output::nothing().note(match &from {
            Some(source) => format!("Kafka {version} would be copied from {}", source.display()),
            None => format!("Kafka {version} would be brought by Maven"),
        }));
    }
    install(&call, &version, from, digest).await
}

/// What `--sha512` says, be it the digits or a file that has them.
fn digest(call: &Call, has_source: bool) -> Result<Option<Sha512Sum>> {
    let Some(given) = call.args.opt_text("sha512") else { return Ok(None) };
    if !has_source {
        return Err(Error::usage("missing-argument", "`--sha512` is about an archive")
            .with_next("kafka install --from kafka_2.13-3.9.2.tgz --sha512 DIGEST"));
    }
    let path = call.directory.join(&given);
    if !path.is_file() {
        return Sha512Sum::parse(&given).map(Some);
    }
    let fail = |e: &std::io::Error| Error::io(format!("`{}` cannot be read", path.display()), e);
    let mut text = Vec::new();
    let file = File::open(&path).map_err(|e| fail(&e))?;
    file.take(DIGEST_FILE_BYTES_MAX).read_to_end(&mut text).map_err(|e| fail(&e))?;
    let digest = Sha512Sum::parse(&String::from_utf8_lossy(&text));
    digest.map(Some).map_err(|error| error.with_evidence(format!("`{}`", path.display())))
}

async fn install(
    call: &Call,
    version: &str,
    from: Option<PathBuf>,
    digest: Option<Sha512Sum>,
) -> Result<Output> {
    let installed = provide::install(call, version, from, digest).await?;
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
