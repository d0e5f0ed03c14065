//! `policy bind POLICY`: puts a policy in charge of topics.

use kafsh_model::plugin::PluginKind;
use kafsh_model::policy::{PolicyBinding, PolicyMode};
use kafsh_model::{Error, Result};
use serde_json::Value;

use super::common::{COLUMNS, DRY_RUN, MODES, mode, row};
use crate::call::Call;
use crate::flow::{Output, View};
use crate::policy::{load, trial};
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, Example, FlagSpec, Kind};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["policy", "bind"],
    summary: "put a policy in charge of topics, or change how it is",
    detail: "From then on it is asked before a topic is created, changed or deleted by any \
             command, plan or dry run. `enforce` refuses what it denies and makes what it amends, \
             and a policy that breaks refuses too; `warn` only says so; `off` keeps the binding \
             and does not ask. It is asked once about an ordinary topic first, so that \
             settings it cannot decide with are refused here, and a policy that would \
             enforce and breaks. Globs know `*` and `?`, and `!` \
             excludes. A secret is given by where it is, `env:NAME` or `file:PATH`.",
    args: &[ArgSpec {
        name: "policy",
        kind: Kind::Plugin(PluginKind::Policy),
        arity: Arity::One,
        help: "a policy that travels with kafsh or is installed",
    }],
    flags: &[
        FlagSpec::value("topics", "GLOB", Kind::Text, "the topics, all by default").repeated(),
        FlagSpec::value("clusters", "GLOB", Kind::Text, "the clusters, all by default").repeated(),
        FlagSpec::value("mode", "MODE", Kind::Choice(MODES), "what its word is worth"),
        FlagSpec::value("set", "NAME=VALUE", Kind::KeyValue, "a setting of the policy").repeated(),
        FlagSpec::value("name", "NAME", Kind::Text, "of the binding; the policy's own by default"),
        DRY_RUN,
    ],
    effect: Effect::Write,
    examples: &[
        Example {
            line: "policy bind replication --set min=3 --set min-isr=2 --dry-run",
            about: "three replicas everywhere",
        },
        Example {
            line: "policy bind naming --mode warn --set 'pattern=[a-z-]+' --dry-run",
            about: "said, not refused",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

/// Characters of a binding's name.
const NAME_CHARS_MAX: usize = 64;

async fn run(call: Call) -> Result<Output> {
    let policy = call.args.text("policy")?;
    let name = call.args.opt_text("name").unwrap_or_else(|| policy.clone());
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(allowed) {
        let shown = name.escape_debug();
        return Err(Error::usage("bad-name", format!("`{shown}` is no name for a binding"))
            .with_cause("letters, digits, `-`, `_` and `.`, at most 64"));
    }
    let all = |texts: Vec<String>| if texts.is_empty() { vec!["*".to_string()] } else { texts };
    let binding = PolicyBinding {
        name,
        policy,
        mode: match call.args.opt_text("mode") {
            Some(text) => mode(&text)?,
            None => PolicyMode::Enforce,
        },
        clusters: all(call.args.texts("clusters")),
        topics: all(call.args.texts("topics")),
        settings: call.args.pairs("set")?,
    };
    let bound = load(&call.context, binding);
    // A policy that cannot be loaded would refuse everything from now on.
    if let Err(error) = &bound.policy {
        return Err(error.clone());
    }
    let broke = trial(&bound).await?;
    let dry_run = call.args.switch("dry-run");
    if !dry_run {
        call.context.store.bind_policy(bound.binding.clone())?;
    }
    let output = Output::value(Value::Array(vec![row(&call.context, &bound)]), View::Rows(COLUMNS));
    let output = match broke {
        Some(remark) => output.note(remark),
        None => output,
    };
    Ok(match dry_run {
        true => output.note("dry run: nothing was bound"),
        false => {
            output.note("what exists is not changed: `policy check` says what it thinks of it")
        }
    })
}
