//! Advice that can be typed as it stands: with the flags that were given, variables filled in, and
//! for a cluster that is stopped the command that starts it.

use std::sync::Arc;

use kafsh_model::plan::Node;
use kafsh_model::quote::quoted;
use kafsh_model::snapshot::ProcessState;
use kafsh_model::{Class, ClusterName, Error};
use serde_json::Value;

use super::near::Named;
use crate::args::Args;
use crate::call::{Call, advise};
use crate::context::{Context, Known};
use crate::flow::{Flow, Output};
use crate::spec::{CommandSpec, Needs};

/// What of a call is needed to complete the advice that comes of it.
pub(super) struct Asked {
    spec: &'static CommandSpec,
    args: Args,
    at: Option<String>,
    address: Option<String>,
    /// The cluster a call that talks to one is about
    cluster: Option<String>,
    context: Arc<Context>,
    /// Where its words name topics or groups
    named: Option<Named>,
}

/// Commands that take the flags of `cluster up`.
const WISHES: [&str; 3] = ["up", "create", "plan"];

/// Flags that are about one call and not about the cluster.
const PASSING: [&str; 4] = ["dry-run", "output", "help", "yes"];

/// The command that brings archived data back, without its cluster.
const RESTORE: &str = "cluster restore ";

/// What a remark begins its commands with.
const TRY: &str = "  try  ";

impl Asked {
    pub fn of(spec: &'static CommandSpec, call: &Call) -> Asked {
        let address = call.address();
        let cluster = match (spec.needs, &address) {
            (Needs::Cluster, None) => call.cluster_name().ok(),
            _ => None,
        };
        Asked {
            spec,
            args: call.args.clone(),
            at: call.at.clone(),
            address,
            cluster,
            context: call.context.clone(),
            named: Named::of(spec, call),
        }
    }

    pub async fn error(&self, error: Error) -> Error {
        let mut error = advise(error, self.address.as_deref());
        if let Some(named) = &self.named {
            error = named.error(error).await;
        }
        if let Some(name) = &self.cluster
            && matches!(error.class, Class::Unavailable | Class::TimedOut)
            && error.code != "locked"
            && let Some(cause) = stopped(&self.context, name).await
        {
            error.evidence.extend(error.cause.take());
            error.cause = Some(cause);
            error.next = vec![format!("cluster start {name}")];
        }
        if let Some(hollow) = self.hollow(error.next.iter().map(String::as_str)).await {
            error.next.retain(|next| *next != hollow);
        }
        let blamed = format!("{} {}", error.message, error.evidence.join(" "));
        error.next = error.next.iter().map(|next| self.complete(next, &blamed)).collect();
        error
    }

    /// The commands of remarks and of findings.
    pub async fn output(&self, mut output: Output) -> Output {
        if let (["cluster", ..], Flow::Value { value, .. }) = (self.spec.path, &mut output.flow) {
            let findings = match value {
                Value::Object(_) => value.get_mut("findings"),
                other => Some(other),
            };
            for finding in findings.and_then(Value::as_array_mut).into_iter().flatten() {
                let blamed = finding["message"].to_string();
                if let Some(next) = finding.get_mut("next").and_then(Value::as_array_mut) {
                    let named = next.iter().filter_map(Value::as_str);
                    if let Some(hollow) = self.hollow(named).await {
                        next.retain(|next| next.as_str() != Some(hollow.as_str()));
                    }
                }
                for next in
                    finding.get_mut("next").and_then(Value::as_array_mut).into_iter().flatten()
                {
                    if let Value::String(text) = next {
                        *text = self.complete(text, &blamed);
                    }
                }
            }
        }
        for note in &mut output.notes {
            if note.contains("  try  cluster up ") {
                let line = |line: &str| match line.strip_prefix(TRY) {
                    Some(next) => format!("{TRY}{}", self.complete(next, note)),
                    None => line.to_string(),
                };
                *note = note.lines().map(line).collect::<Vec<_>>().join("\n");
            }
        }
        output
    }

    /// `cluster restore NAME` where nothing was ever moved aside: there is nothing to bring back.
    async fn hollow<'n>(&self, mut next: impl Iterator<Item = &'n str>) -> Option<String> {
        let command = next.find(|next| next.starts_with(RESTORE))?.to_string();
        let name = &command[RESTORE.len()..];
        let Ok(Known::Managed(spec)) = self.context.known(name) else { return None };
        let units = self.context.runtime.archives(&spec).await.ok()?;
        units.is_empty().then_some(command)
    }

    /// `cluster up NAME …` with the flags of this call that it does not name itself, and with
    /// `--apply` where it would change a cluster that is there. `blamed`: ports that are named
    /// there are in the way, and are not asked for again.
    fn complete(&self, next: &str, blamed: &str) -> String {
        let Some(words) = next.strip_prefix("cluster up ") else { return next.to_string() };
        let words: Vec<&str> = words.split_whitespace().collect();
        let Some(target) = words.first() else { return next.to_string() };
        let named = |flag: &str| words.iter().any(|word| word.strip_prefix("--") == Some(flag));
        let bare = words.len() == 1;
        let name = ClusterName::new(*target);
        let exists = name.is_ok_and(|name| self.context.store.exists(&name));
        if bare && exists {
            return next.to_string();
        }
        let given = self.given(target);
        if given.iter().any(|(flag, _)| *flag == "spec") && !bare && words != [*target, "--apply"] {
            // A spec file is the whole wish: it is changed there.
            return next.to_string();
        }
        let mut all = next.to_string();
        for (flag, text) in given.iter().filter(|(flag, _)| !named(flag)) {
            let in_the_way =
                flag.ends_with("-port") && blamed.contains(&format!("port {} ", text.trim()));
            if !in_the_way {
                all.push_str(&format!(" --{flag}{text}"));
            }
        }
        let differs = words.iter().any(|word| word.starts_with("--") && *word != "--ephemeral");
        if exists && differs && !named("apply") && !given.iter().any(|(flag, _)| *flag == "apply") {
            all.push_str(" --apply");
        }
        match self.spec.path {
            ["cluster", "create"] if exists || bare => all.replacen(" up ", " create ", 1),
            _ => all,
        }
    }

    /// The flags that this call gave for the cluster `target`, or for one that is to stand in for
    /// it, each with its value behind a space.
    fn given(&self, target: &str) -> Vec<(&'static str, String)> {
        let wish = matches!(self.spec.path, ["cluster", verb] if WISHES.contains(verb));
        let named = self.at.clone().or_else(|| self.args.opt_text("cluster"));
        let own = named.is_none_or(|name| {
            target.strip_prefix(name.as_str()).is_some_and(|rest| matches!(rest, "" | "-2"))
        });
        if wish && own { flags(self.spec, &self.args) } else { Vec::new() }
    }
}

/// The flags of a call with their values as they are typed, in the order of its help.
fn flags(spec: &'static CommandSpec, args: &Args) -> Vec<(&'static str, String)> {
    let own = spec.all_flags().filter(|flag| !PASSING.contains(&flag.name));
    // An argument of the same name was given in its place.
    let own = own.filter(|flag| spec.args.iter().all(|arg| arg.name != flag.name));
    own.flat_map(|flag| {
        let texts = args.texts(flag.name).into_iter();
        let typed = texts.map(|text| match flag.value {
            Some(_) => format!(" {}", quoted(&text)),
            None => String::new(),
        });
        typed.map(|text| (flag.name, text)).collect::<Vec<_>>()
    })
    .collect()
}

/// A call as it could be typed, with variables filled in.
pub(super) fn typed(spec: &'static CommandSpec, args: &Args, at: Option<&str>) -> String {
    let at = at.map(|name| format!("@{} ", quoted(name))).unwrap_or_default();
    let mut line = format!("{at}{}", spec.path.join(" "));
    for text in spec.args.iter().flat_map(|arg| args.texts(arg.name)) {
        line.push_str(&format!(" {}", quoted(&text)));
    }
    for (flag, text) in flags(spec, args) {
        line.push_str(&format!(" --{flag}{text}"));
    }
    line
}

/// Why nobody answers, where every server of a managed cluster is down.
async fn stopped(context: &Context, name: &str) -> Option<String> {
    let Ok(Known::Managed(spec)) = context.known(name) else { return None };
    let mut died = false;
    for node in spec.nodes() {
        match context.runtime.process(&spec, node).await.ok()? {
            ProcessState::Running { .. } | ProcessState::Paused { .. }
                if node == Node::ZooKeeper => {}
            ProcessState::Running { .. } | ProcessState::Paused { .. } => return None,
            ProcessState::Died { .. } => died = true,
            ProcessState::Absent => {}
        }
    }
    Some(match died {
        true => format!("no broker of `{name}` runs: some have died"),
        false => format!("no broker of `{name}` runs: it is stopped"),
    })
}
