//! `plugin list`: what is part of kafsh and what was installed.

use kafsh_host::Inspected;
use kafsh_host::shown;
use kafsh_host::store::Installed;
use kafsh_model::Result;
use kafsh_model::plugin::PluginKind;
use serde_json::{Value, json};

use super::rows::{BUILT_IN, bindings, in_background, meanings, sorted, state, words};
use crate::call::Call;
use crate::flow::{Column, Output, View, column};
use crate::spec::{CommandSpec, Example, FlagSpec, Kind};

const COLUMNS: &[Column] = &[
    column("name", "NAME"),
    column("kind", "KIND"),
    column("version", "VERSION"),
    column("state", "STATE"),
    column("granted", "GRANTED"),
    column("source", "SOURCE"),
    column("summary", "SUMMARY"),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "list"],
    summary: "list the plugins: those that are part of kafsh and those that were installed",
    detail: "GRANTED are capabilities; in JSON `means` says in words what they allow, `lacks` what \
             is asked for and not granted, and `bindings` where a policy is in charge.",
    flags: &[
        FlagSpec::value("kind", "KIND", KINDS, "steps, policies or transforms alone"),
        FlagSpec::switch("installed", "leave out those that are part of kafsh"),
    ],
    examples: &[
        Example { line: "plugin list", about: "all of them, and whether each would run" },
        Example { line: "plugin list --kind policy --installed", about: "policies of others" },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

const KINDS: Kind = Kind::Choice(&["step", "policy", "transform"]);

async fn run(call: Call) -> Result<Output> {
    let kind = call.args.opt_text("kind");
    let is_wanted = |other: PluginKind| kind.as_deref().is_none_or(|kind| kind == other.name());
    let plugins = call.context.plugins.clone();
    let mut rows = Vec::new();
    if !call.args.switch("installed") {
        let looked_into = plugins.clone();
        let bundled = in_background(move || looked_into.all_bundled()).await?;
        rows.extend(bundled.iter().filter(|plugin| is_wanted(plugin.kind)).map(of_bundled));
    }
    for plugin in plugins.store.list()?.iter().filter(|plugin| is_wanted(plugin.kind)) {
        rows.push(of_installed(&call, plugin));
    }
    for row in &mut rows {
        row["bindings"] = bindings(&call.context, row["name"].as_str().unwrap_or_default())?;
    }
    let empty = rows.is_empty();
    let output = Output::value(sorted(rows), View::Rows(COLUMNS));
    Ok(match empty {
        true => output.note("none is installed; start with: plugin install ./PLUGIN.wasm"),
        false => output,
    })
}

fn of_bundled(plugin: &Inspected) -> Value {
    json!({
        "name": plugin.manifest.name,
        "kind": plugin.kind.name(),
        "version": plugin.manifest.version,
        "state": "ready",
        "granted": words(&plugin.capabilities),
        "means": meanings(&plugin.capabilities),
        "lacks": [],
        "source": BUILT_IN,
        "summary": shown(&plugin.manifest.summary),
        "digest": format!("sha256:{}", plugin.digest),
    })
}

fn of_installed(call: &Call, plugin: &Installed) -> Value {
    let unlocked = call.context.plugins.check_locked(plugin).is_err();
    json!({
        "name": plugin.name,
        "kind": plugin.kind.name(),
        "version": plugin.current.version,
        "state": if unlocked { "not locked" } else { state(plugin) },
        "granted": words(&plugin.current.granted),
        "means": meanings(&plugin.current.granted),
        "lacks": words(&plugin.missing()),
        "source": shown(&plugin.current.source),
        "summary": shown(&plugin.current.summary),
        "digest": format!("sha256:{}", plugin.current.digest),
    })
}
