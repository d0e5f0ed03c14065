//! `plugin build [DIR]`: a component out of a crate.

use kafsh_model::Result;
use serde_json::{Value, json};

use super::limits;
use crate::author::project::{Built, Project};
use crate::call::Call;
use crate::flow::{Column, Output, Section, Show, View, column, column_as};
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, Kind};

/// The crate of a command that works on one.
pub const FOLDER_ARG: ArgSpec = ArgSpec {
    name: "folder",
    kind: Kind::Path,
    arity: Arity::Optional,
    help: "the plugin's folder (default: this one)",
};

const FIELDS: &[Column] = &[
    column("file", "file"),
    column("kind", "kind"),
    column("name", "name"),
    column("version", "version"),
    column_as("bytes", "size", Show::Size),
    column("digest", "digest"),
];

const CAPABILITIES: &[Column] =
    &[column("name", "CAPABILITY"), column("may", "IT MAY"), column("reason", "REASON")];

const SECTIONS: &[Section] = &[Section { key: "capabilities", title: "", columns: CAPABILITIES }];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "build"],
    summary: "build a plugin's crate and pack it as a component",
    detail: "Cargo builds the crate for Wasm; the module is packed here, with a manifest of what \
             `Cargo.toml` and the settings in the code say. The component lies in \
             `target/plugin/NAME.wasm` of the folder. Nothing but Rust's compiler is needed, with \
             its target `wasm32-unknown-unknown`.",
    args: &[FOLDER_ARG],
    examples: &[Example {
        line: "plugin new limits --kind policy; plugin build limits",
        about: "a new plugin, built",
    }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let word = call.args.opt_text("folder").unwrap_or_else(|| ".".to_string());
    let project = Project::open(&call.directory.join(word), &call.cancel).await?;
    let built = project.build(&call.cancel).await?;
    let view = View::Record { fields: FIELDS, sections: SECTIONS };
    let output = Output::value(value(&call, &built), view);
    Ok(remarks(&built)?.into_iter().fold(output, Output::note))
}

/// What of its `Cargo.toml` will not be as it stands there.
fn remarks(built: &Built) -> Result<Vec<String>> {
    let Built { plugin, .. } = built;
    let unused = kafsh_host::inspect(&plugin.component)?.unused;
    let mut remarks: Vec<String> = unused
        .iter()
        .map(|name| {
            let name = name.name();
            format!("it declares `{name}` and does not use it, so nobody is asked for it")
        })
        .collect();
    remarks.extend(limits::beyond(plugin.manifest.kind, &plugin.manifest.limits));
    Ok(remarks)
}

fn value(call: &Call, built: &Built) -> Value {
    let Built { path, plugin } = built;
    let manifest = &plugin.manifest;
    let here = std::fs::canonicalize(&call.directory).unwrap_or_else(|_| call.directory.clone());
    let shown = path.strip_prefix(here).unwrap_or(path);
    let capabilities = manifest.capabilities.iter().map(|capability| {
        json!({
            "name": capability.name.name(),
            "may": capability.name.in_words(),
            "scope": capability.scope,
            "reason": capability.reason,
        })
    });
    json!({
        "file": shown.display().to_string(),
        "kind": manifest.kind.name(),
        "name": manifest.name,
        "version": manifest.version,
        "bytes": plugin.component.len(),
        "digest": format!("sha256:{}", plugin.digest.as_str()),
        "capabilities": capabilities.collect::<Vec<_>>(),
    })
}
