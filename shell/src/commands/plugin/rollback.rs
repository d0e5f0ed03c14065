//! `plugin rollback NAME`.

use kafsh_model::Result;

use super::project::{self, When};
use super::rows::{INSTALLED, changed, dry, in_background, installed};
use crate::call::Call;
use crate::commands::cluster::common::DRY_RUN;
use crate::flow::Output;
use crate::spec::{CommandSpec, Effect, Example, FlagSpec, Kind};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "rollback"],
    summary: "go back to the version of a plugin before this one, with its grants",
    detail: "Each time one version further back; `plugin info` lists them. The version that was \
             left is kept: --to goes to any that is, forwards too. Five older ones are kept.",
    args: &[INSTALLED],
    flags: &[
        FlagSpec::value("to", "VERSION", Kind::Text, "to this one: 1.2.0, or sha256:DIGITS…"),
        DRY_RUN,
    ],
    effect: Effect::Write,
    examples: &[Example { line: "plugin rollback house-rules", about: "the new one was worse" }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let left = installed(&call)?;
    if call.args.switch("dry-run") {
        return Ok(dry(changed(&left, "nothing")));
    }
    let store = call.context.plugins.store.clone();
    let (name, to) = (left.name.clone(), call.args.opt_text("to"));
    let plugin = in_background(move || store.rollback(&name, to.as_deref())).await?;
    let left = &left.current;
    let output = changed(&plugin, "rolled back").note(format!(
        "left {} (sha256:{}…) of {}",
        left.version,
        left.digest.prefix(),
        left.source
    ));
    Ok(match project::keep(&call, &plugin, When::Listed)? {
        Some(note) => output.note(note),
        None => output,
    })
}
