//! What the commands of `policy` share.

use kafsh_model::policy::{PolicyBinding, PolicyMode};
use kafsh_model::suggest::{did_you_mean, suggest};
use kafsh_model::{Error, Result};
use serde_json::{Value, json};

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
pub fn row(bound: &Bound) -> Value {
    let PolicyBinding { name, policy, mode, clusters, topics, settings } = &bound.binding;
    let settings: Vec<String> = settings.iter().map(|(k, v)| format!("{k}={v}")).collect();
    json!({
        "name": name,
        "policy": policy,
        "mode": mode.name(),
        "clusters": clusters,
        "topics": topics,
        "settings": settings,
        "problem": bound.policy.as_ref().err().map(ToString::to_string),
    })
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
