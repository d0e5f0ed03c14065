//! Plugins as values: what `list`, `info` and the commands that change one show of it.

use std::path::Path;

use kafsh_host::shown;
use kafsh_host::store::Installed;
use kafsh_model::plugin::Capability;
use kafsh_model::policy::{PolicyBinding, PolicyMode};
use kafsh_model::{Error, Result};
use serde_json::{Value, json};

use super::consent::in_words;
use crate::author::project::rebuilds;
use crate::call::Call;
use crate::context::Context;
use crate::flow::{Column, Output, View, column};
use crate::spec::{ArgSpec, Arity, Kind};

/// What `plugin list` says of the source of a bundled plugin.
pub const BUILT_IN: &str = "built in";

pub const NAME: ArgSpec = ArgSpec {
    name: "name",
    kind: Kind::AnyPlugin,
    arity: Arity::One,
    help: "a plugin of `plugin list`",
};

pub const INSTALLED: ArgSpec = ArgSpec {
    name: "name",
    kind: Kind::Installed,
    arity: Arity::One,
    help: "a plugin of `plugin list --installed`",
};

pub const CHANGED: &[Column] = &[
    column("name", "plugin"),
    column("kind", "kind"),
    column("version", "version"),
    column("change", "change"),
    column("granted", "granted"),
    column("lacks", "lacks"),
    column("digest", "digest"),
    column("source", "source"),
];

/// `orders-*` of `cluster-read`, as one word.
pub fn word(capability: &Capability) -> String {
    match capability.scope.as_slice() {
        [] => capability.name.name().to_string(),
        scope => format!("{}={}", capability.name.name(), scope.join(",")),
    }
}

pub fn words(capabilities: &[Capability]) -> Vec<String> {
    capabilities.iter().map(word).collect()
}

/// What each of them lets a plugin do, in words.
pub fn meanings(capabilities: &[Capability]) -> Vec<String> {
    capabilities.iter().map(in_words).collect()
}

/// Where a policy of this name is in charge; a plugin of another kind is bound nowhere.
///
/// # Errors
/// The bindings cannot be read.
pub fn bindings(context: &Context, name: &str) -> Result<Value> {
    let all = context.store.policy_bindings()?;
    let own = all.iter().filter(|binding| binding.policy == name);
    let row = |binding: &PolicyBinding| {
        json!({
            "name": binding.name,
            "mode": binding.mode.name(),
            "clusters": binding.clusters,
            "topics": binding.topics,
        })
    };
    Ok(own.map(row).collect())
}

/// The bindings under which a policy of this name decides, or warns.
///
/// # Errors
/// The bindings cannot be read.
pub fn in_charge(context: &Context, name: &str) -> Result<Vec<PolicyBinding>> {
    let all = context.store.policy_bindings()?.into_iter();
    Ok(all.filter(|own| own.policy == name && own.mode != PolicyMode::Off).collect())
}

/// What it means where a policy that is in charge cannot be asked any more; `None` where nobody
/// misses it.
///
/// # Errors
/// The bindings cannot be read.
pub fn missed(context: &Context, name: &str, mended: &str) -> Result<Option<String>> {
    let own = in_charge(context, name)?;
    let Some(first) = own.iter().min_by_key(|own| own.mode != PolicyMode::Enforce) else {
        return Ok(None);
    };
    let what = match first.mode {
        PolicyMode::Enforce => "changes that it would be asked about are refused",
        _ => "each change that it would be asked about is warned of",
    };
    let binding = &first.name;
    Ok(Some(format!(
        "it is in charge as `{binding}`: {what}, until `{mended}` or `policy unbind {binding}`"
    )))
}

/// Whether it would run, in one word.
pub fn state(plugin: &Installed) -> &'static str {
    match (plugin.disabled, plugin.missing().is_empty()) {
        (true, _) => "disabled",
        (false, false) => "not granted",
        (false, true) => "ready",
    }
}

/// What a change left behind.
pub fn changed(plugin: &Installed, change: &str) -> Output {
    let current = &plugin.current;
    let value = json!({
        "name": plugin.name,
        "kind": plugin.kind.name(),
        "version": current.version,
        "change": change,
        "granted": words(&current.granted),
        "lacks": words(&plugin.missing()),
        "digest": format!("sha256:{}", current.digest),
        "source": shown(&current.source),
    });
    let output = Output::value(value, View::Record { fields: CHANGED, sections: &[] });
    let lacks: Vec<String> = plugin.missing().iter().map(kafsh_host::store::grant_word).collect();
    match lacks.is_empty() {
        true => output,
        false => {
            let line = format!("plugin grant {} {}", plugin.name, lacks.join(" "));
            output.note(format!("it does not run before it has what it lacks: {line}"))
        }
    }
}

/// An installed plugin by the argument `name`.
///
/// # Errors
/// `plugin-not-found`; `plugin-bundled` for one that is part of kafsh.
pub fn installed(call: &Call) -> Result<Installed> {
    call.context.plugins.store.get(&call.args.text("name")?)
}

/// What is said where nothing is to be written.
pub fn dry(output: Output) -> Output {
    output.note("nothing was changed (--dry-run)")
}

/// What was said of a file, now with its name.
pub fn about(mut error: Error, source: &str, verb: &str) -> Error {
    error.message = format!("`{}` cannot be {verb}", shown(source));
    match error.next.is_empty() {
        true => error.with_next(rebuilds(Path::new(source))),
        false => error,
    }
}

/// Time-consuming work on files, away from the threads that wait for the network.
pub async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| Error::bug(format!("work on plugins broke: {e}")))?
}

/// A value of a list, in the order of its kind and name.
pub fn sorted(mut rows: Vec<Value>) -> Value {
    rows.sort_by_key(|row| (row["kind"].to_string(), row["name"].to_string()));
    Value::Array(rows)
}

/// Switches the named plugin off or on again; `done` says what was done.
pub async fn switched(call: &Call, disabled: bool, done: &str) -> Result<Output> {
    let plugin = installed(call)?;
    if call.args.switch("dry-run") {
        return Ok(dry(changed(&plugin, "nothing")));
    }
    let store = call.context.plugins.store.clone();
    let plugin = in_background(move || store.set_disabled(&plugin.name, disabled)).await?;
    let missed = match disabled {
        true => missed(&call.context, &plugin.name, &format!("plugin enable {}", plugin.name))?,
        false => None,
    };
    Ok(missed.into_iter().fold(changed(&plugin, done), Output::note))
}
