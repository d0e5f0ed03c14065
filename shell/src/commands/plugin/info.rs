//! `plugin info NAME`: what a plugin is, may do, is held to, and how it is set.

use kafsh_host::Inspected;
use kafsh_host::shown;
use kafsh_host::store::{Installed, Version};
use kafsh_model::Result;
use kafsh_model::plugin::{Capability, SettingSpec};
use serde_json::{Value, json};

use super::consent::in_words;
use super::limits::limits;
use super::rows::{BUILT_IN, NAME, bindings, in_background, state, words};
use crate::call::Call;
use crate::flow::{Column, Output, Section, Show, View, column, column_as};
use crate::spec::{CommandSpec, Example};

/// Lines of the log that failures are looked for in.
const LOG_LINES: usize = 10_000;

const FIELDS: &[Column] = &[
    column("name", "name"),
    column("own_name", "calls itself"),
    column("kind", "kind"),
    column("version", "version"),
    column("summary", "summary"),
    column("state", "state"),
    column("source", "source"),
    column("digest", "digest"),
    column_as("bytes", "size", Show::Size),
    column("api", "contract"),
    column("sdk", "SDK"),
    column("authors", "authors"),
    column("license", "license"),
    column("repository", "repository"),
    column("outputs", "outputs"),
    column_as("installed_ms", "installed", Show::Time),
    column("failures.count", "failures"),
    column("failures.last", "last failure"),
];

const CAPABILITIES: &[Column] = &[
    column("name", "CAPABILITY"),
    column("asked", "ASKED FOR"),
    column("granted", "GRANTED"),
    column("means", "IT MAY"),
    column("reason", "ITS AUTHOR SAYS"),
];

const LIMITS: &[Column] = &[
    column("limit", "LIMIT"),
    column("requested", "REQUESTED"),
    column("cap", "CAP"),
    column("effective", "IN FORCE"),
];

const SETTINGS: &[Column] = &[
    column("name", "SETTING"),
    column("type", "TYPE"),
    column_as("required", "REQUIRED", Show::Tick),
    column("default", "DEFAULT"),
    column("doc", "ABOUT"),
];

const BINDINGS: &[Column] = &[
    column("name", "NAME"),
    column("mode", "MODE"),
    column("clusters", "CLUSTERS"),
    column("topics", "TOPICS"),
];

const HISTORY: &[Column] =
    &[column("version", "VERSION"), column("granted", "GRANTED"), column("digest", "DIGEST")];

const SECTIONS: &[Section] = &[
    Section { key: "capabilities", title: "capabilities", columns: CAPABILITIES },
    Section { key: "limits", title: "limits", columns: LIMITS },
    Section { key: "settings", title: "settings", columns: SETTINGS },
    Section { key: "bindings", title: "in charge as", columns: BINDINGS },
    Section { key: "history", title: "versions to go back to", columns: HISTORY },
    Section { key: "later", title: "versions that were left", columns: HISTORY },
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "info"],
    summary: "show what a plugin is, what it may do, its limits and its settings",
    detail: "The limits are those of its kind, or what its manifest requests up to a cap. What an \
             installed plugin says of itself is read from its file, which is hashed first.",
    args: &[NAME],
    examples: &[Example { line: "plugin info preflight", about: "one that is part of kafsh" }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let name = call.args.text("name")?;
    let plugins = call.context.plugins.clone();
    let value = in_background(move || {
        if let Some(found) = plugins.bundled(&name)? {
            let mut value = of_component(&found, &found.capabilities);
            value["name"] = json!(name);
            value["state"] = json!("ready");
            value["source"] = json!(BUILT_IN);
            return Ok((value, name));
        }
        let installed = plugins.store.get(&name)?;
        let found = plugins.store.verify(&installed)?;
        let value = of_component(&found, &installed.current.granted);
        Ok((with_installation(value, &installed), name))
    });
    let (mut value, name) = value.await?;
    value["failures"] = failures(&call, &name)?;
    value["bindings"] = bindings(&call.context, &name)?;
    Ok(Output::value(value, View::Record { fields: FIELDS, sections: SECTIONS }))
}

fn of_component(found: &Inspected, granted: &[Capability]) -> Value {
    let manifest = &found.manifest;
    let authors: Vec<String> = manifest.authors.iter().map(|author| shown(author)).collect();
    json!({
        "own_name": manifest.name,
        "kind": found.kind.name(),
        "version": manifest.version,
        "summary": shown(&manifest.summary),
        "digest": format!("sha256:{}", found.digest),
        "bytes": found.bytes,
        "api": manifest.api,
        "sdk": shown(&manifest.sdk),
        "authors": authors,
        "license": shown(&manifest.license),
        "repository": shown(&manifest.repository),
        "outputs": manifest.outputs,
        "capabilities": capabilities(&found.capabilities, granted),
        "limits": limits(found.kind, &found.manifest.limits),
        "settings": manifest.settings.iter().map(setting).collect::<Vec<_>>(),
    })
}

fn with_installation(mut value: Value, installed: &Installed) -> Value {
    let current = &installed.current;
    value["name"] = json!(installed.name);
    value["state"] = json!(state(installed));
    value["source"] = json!(shown(&current.source));
    value["installed_ms"] = json!(current.installed_ms);
    let version = |version: &Version| {
        json!({
            "version": version.version,
            "granted": words(&version.granted),
            "digest": format!("sha256:{}", version.digest),
            "source": shown(&version.source),
        })
    };
    value["history"] = installed.history.iter().rev().map(version).collect();
    value["later"] = installed.later.iter().rev().map(version).collect();
    value
}

fn capabilities(asked: &[Capability], granted: &[Capability]) -> Vec<Value> {
    let scope = |capability: &Capability| match capability.scope.as_slice() {
        [] => "all".to_string(),
        scope => scope.join(","),
    };
    let row = |asked: &Capability| {
        let grant = granted.iter().find(|grant| grant.name == asked.name);
        json!({
            "name": asked.name.name(),
            "asked": scope(asked),
            "granted": grant.map_or("no".to_string(), scope),
            "means": in_words(grant.unwrap_or(asked)),
            "reason": shown(&asked.reason),
        })
    };
    asked.iter().map(row).collect()
}

fn setting(setting: &SettingSpec) -> Value {
    let kind = serde_json::to_value(setting.kind).unwrap_or_default();
    let list = if setting.list { " list" } else { "" };
    json!({
        "name": setting.name,
        "type": format!("{}{list}", kind.as_str().unwrap_or_default()),
        "required": setting.required,
        "default": setting.default.as_deref().map(shown),
        "one_of": setting.one_of.iter().map(|value| shown(value)).collect::<Vec<_>>(),
        "doc": shown(&setting.doc),
    })
}

/// How often it broke or said no, as far as its log goes back.
fn failures(call: &Call, name: &str) -> Result<Value> {
    let lines = call.context.plugins.logs.read(name, LOG_LINES)?;
    // A plugin may log what it likes; only the host sets a code.
    let is_failure = |line: &&Value| line["code"].is_string();
    let failures: Vec<&Value> = lines.iter().filter(is_failure).collect();
    Ok(json!({
        "count": failures.len(),
        "last": failures.last().map(|line| &line["text"]),
        "last_ms": failures.last().map(|line| &line["time_ms"]),
    }))
}
