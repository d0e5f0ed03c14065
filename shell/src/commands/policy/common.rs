//! What the commands of `policy` share.

use kafsh_host::store::Version;
use kafsh_host::{Digest, shown};
use kafsh_model::plugin::{Capability, PluginKind};
use kafsh_model::policy::{PolicyBinding, PolicyMode};
use kafsh_model::suggest::{did_you_mean, suggest};
use kafsh_model::{Error, Result};
use serde_json::{Value, json};

use crate::commands::plugin::rows::{BUILT_IN, meanings, words};
use crate::context::Context;
use crate::flow::{Column, column};
use crate::policy::Bound;
use crate::spec::FlagSpec;

pub const MODES: &[&str] = &["enforce", "warn", "off"];

pub const DRY_RUN: FlagSpec = FlagSpec::switch("dry-run", "check it, change nothing");

pub const COLUMNS: &[Column] = &[
    column("name", "NAME"),
    column("policy", "POLICY"),
    column("mode", "MODE"),
    column("clusters", "CLUSTERS"),
    column("topics", "TOPICS"),
    column("settings", "SETTINGS"),
    column("problem", "PROBLEM"),
];

/// A binding as a row. Secrets are shown as they were given: by where they are.
pub fn row(context: &Context, bound: &Bound) -> Value {
    let PolicyBinding { name, policy, mode, clusters, topics, settings } = &bound.binding;
    let plugin = plugin(context, policy);
    let settings: Vec<String> = settings.iter().map(|(k, v)| format!("{k}={v}")).collect();
    json!({
        "name": name,
        "policy": policy,
        "mode": mode.name(),
        "clusters": clusters,
        "topics": topics,
        "settings": settings,
        "problem": bound.policy.as_ref().err().map(ToString::to_string),
        "kind": PluginKind::Policy.name(),
        "version": plugin.as_ref().map(|plugin| &plugin.version),
        "digest": plugin.as_ref().map(|plugin| format!("sha256:{}", plugin.digest)),
        "source": plugin.as_ref().map(|plugin| &plugin.source),
        "granted": plugin.as_ref().map(|plugin| words(&plugin.granted)),
        "means": plugin.as_ref().map(|plugin| meanings(&plugin.granted)),
    })
}

/// The plugin behind a binding.
struct Plugin {
    version: String,
    digest: Digest,
    source: String,
    granted: Vec<Capability>,
}

/// `None`: there is none of this name, which the binding's problem says.
fn plugin(context: &Context, name: &str) -> Option<Plugin> {
    if let Ok(Some(found)) = context.plugins.bundled(name) {
        return Some(Plugin {
            version: found.manifest.version,
            digest: found.digest,
            source: BUILT_IN.to_string(),
            granted: found.capabilities,
        });
    }
    let Version { version, digest, source, granted, .. } =
        context.plugins.store.get(name).ok()?.current;
    Some(Plugin { version, digest, source: shown(&source), granted })
}

pub fn mode(text: &str) -> Result<PolicyMode> {
    PolicyMode::from_name(text)
        .ok_or_else(|| Error::usage("bad-value", format!("no mode `{text}`")))
}

/// The binding of a name.
///
/// # Errors
/// `policy-not-bound`.
pub fn binding(context: &Context, name: &str) -> Result<PolicyBinding> {
    let all = context.store.policy_bindings()?;
    if let Some(found) = all.iter().find(|binding| binding.name == name) {
        return Ok(found.clone());
    }
    let near = did_you_mean(&suggest(name, all.iter().map(|binding| binding.name.as_str())));
    let message = format!("no policy is bound as `{}`{near}", name.escape_debug());
    Err(Error::not_found("policy-not-bound", message)
        .with_next("policy list")
        .with_next(format!("policy bind {name} --topics '*'")))
}
