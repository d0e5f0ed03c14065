//! `plugin remove NAME`.

use kafsh_host::store::Installed;
use kafsh_model::policy::PolicyBinding;
use kafsh_model::{Error, Result};

use super::project;
use super::rows::{INSTALLED, changed, dry, in_background, in_charge, installed};
use crate::call::Call;
use crate::commands::cluster::common::DRY_RUN;
use crate::flow::Output;
use crate::spec::{CommandSpec, Effect, Example, FlagSpec, LocalFuture};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "remove"],
    summary: "forget an installed plugin, its older versions, its grants and its log",
    detail: "It is taken out of the project's lock file too.",
    args: &[INSTALLED],
    flags: &[FlagSpec::switch("if-exists", "no error where it is not installed"), DRY_RUN],
    effect: Effect::Destructive,
    examples: &[Example {
        line: "plugin remove house-rules --if-exists --yes",
        about: "without a question",
    }],
    question: Some(|call| -> LocalFuture<'_, Result<Option<String>>> { Box::pin(question(call)) }),
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

/// `None`: there is none, and that is no error.
fn found(call: &Call) -> Result<Option<Installed>> {
    match installed(call) {
        Err(error) if error.code == "plugin-not-found" && call.args.switch("if-exists") => Ok(None),
        found => found.map(Some),
    }
}

async fn question(call: &Call) -> Result<Option<String>> {
    Ok(found(call)?.map(|plugin| {
        let older = match plugin.history.len() + plugin.later.len() {
            0 => String::new(),
            1 => " and 1 other version".to_string(),
            many => format!(" and {many} other versions"),
        };
        format!(
            "forget {} `{}` {}{older}, and what was granted to it?",
            plugin.kind, plugin.name, plugin.current.version
        )
    }))
}

async fn run(mut call: Call) -> Result<Output> {
    let Some(plugin) = found(&call)? else {
        return Ok(Output::nothing().note("it is not installed"));
    };
    // Forgotten and still asked it would refuse every change of its topics.
    let own = in_charge(&call.context, &plugin.name)?;
    if let Some(first) = own.first() {
        let message = format!("policy `{}` is in charge as `{}`", plugin.name, first.name);
        let error = Error::refused("plugin-in-use", message);
        let unbind = |error: Error, own: &PolicyBinding| {
            error.with_next(format!("policy unbind {}", own.name))
        };
        return Err(own.iter().fold(error, unbind));
    }
    if call.args.switch("dry-run") {
        return Ok(dry(changed(&plugin, "nothing")));
    }
    let _spent = call.confirmed()?;
    let plugins = call.context.plugins.clone();
    let name = plugin.name.clone();
    let rehearsing = call.context.rehearsing;
    let removing = in_background(move || {
        let removed = plugins.store.remove(&name)?;
        if !rehearsing {
            plugins.logs.forget(&name);
        }
        Ok(removed)
    });
    let removed = removing.await?;
    let output = changed_without_notes(&removed);
    Ok(match project::forget(&call, &removed.name)? {
        Some(note) => output.note(note),
        None => output,
    })
}

/// What is gone needs no advice.
fn changed_without_notes(plugin: &Installed) -> Output {
    let mut output = changed(plugin, "removed");
    output.notes.clear();
    output
}
