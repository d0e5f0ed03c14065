//! `plugin inspect FILE`: what a component is, before anybody installs it.

use kafsh_host::{inspect, shown};
use kafsh_model::Result;
use serde_json::{Value, json};

use super::rows::{about, in_background, word};
use super::source::local;
use crate::call::Call;
use crate::flow::{Column, Output, Section, Show, View, column, column_as};
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, Kind};

const FIELDS: &[Column] = &[
    column("file", "file"),
    column("digest", "digest"),
    column_as("bytes", "size", Show::Size),
    column("kind", "kind"),
    column("name", "name"),
    column("version", "version"),
    column("summary", "summary"),
    column("api", "contract"),
    column("sdk", "SDK"),
    column("asks", "asks for"),
    column("unused", "declares, does not use"),
    column("imports", "imports"),
    column("exports", "exports"),
];

const SECTIONS: &[Section] = &[Section {
    key: "sections",
    title: "sections",
    columns: &[column("name", "SECTION"), column_as("bytes", "SIZE", Show::Size)],
}];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "inspect"],
    summary: "look into a component without installing, compiling or running it",
    detail: "Imports, exports, digest, the sizes of its sections, its manifest, and what it would \
             have to be granted. Whatever would be refused at `plugin install` is refused here, \
             with the same words.",
    args: &[ArgSpec {
        name: "file",
        kind: Kind::Path,
        arity: Arity::One,
        help: "a component, a folder that holds exactly one, or a crate",
    }],
    examples: &[Example {
        line: "plugin inspect ./house-rules.wasm",
        about: "what would it be granted?",
    }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let source = call.args.text("file")?;
    let directory = call.directory.clone();
    let found = in_background(move || {
        let fetched = local(&directory, &source)?;
        let found = inspect(&fetched.bytes);
        Ok((found.map_err(|error| about(error, &fetched.source, "used"))?, fetched.source))
    });
    let (found, source) = found.await?;
    let manifest = &found.manifest;
    let names = |names: &[String]| names.iter().map(|name| shown(name)).collect::<Vec<_>>();
    let sections: Vec<Value> = found
        .sections
        .iter()
        .map(|section| json!({ "name": section.name, "bytes": section.bytes }))
        .collect();
    let value = json!({
        "file": shown(&source),
        "digest": format!("sha256:{}", found.digest),
        "bytes": found.bytes,
        "kind": found.kind.name(),
        "name": manifest.name,
        "version": manifest.version,
        "summary": shown(&manifest.summary),
        "api": manifest.api,
        "sdk": shown(&manifest.sdk),
        "asks": found.capabilities.iter().map(word).collect::<Vec<_>>(),
        "unused": found.unused.iter().map(|name| name.name()).collect::<Vec<_>>(),
        "imports": names(&found.imports),
        "exports": names(&found.exports),
        "sections": sections,
    });
    Ok(Output::value(value, View::Record { fields: FIELDS, sections: SECTIONS }))
}
