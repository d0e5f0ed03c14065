//! `plugin revoke NAME [CAP…]`.

use kafsh_model::Result;

use super::consent::capability_name;
use super::project::{self, When};
use super::rows::{INSTALLED, changed, dry, in_background, installed, missed};
use crate::call::Call;
use crate::commands::cluster::common::DRY_RUN;
use crate::flow::Output;
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, Example, Kind};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "revoke"],
    summary: "take back what was granted to a plugin",
    detail: "Without capabilities, all of it. A plugin that lacks what it asks for is not run.",
    args: &[
        INSTALLED,
        ArgSpec {
            name: "capability",
            kind: Kind::Text,
            arity: Arity::Any,
            help: "`clock`, `cluster-read`; without any, all",
        },
    ],
    flags: &[DRY_RUN],
    effect: Effect::Write,
    examples: &[Example { line: "plugin revoke house-rules clock", about: "one of them" }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let plugin = installed(&call)?;
    let names = call.args.texts("capability");
    let names = names.iter().map(|name| capability_name(name)).collect::<Result<Vec<_>>>()?;
    if call.args.switch("dry-run") {
        return Ok(dry(changed(&plugin, "nothing")));
    }
    let store = call.context.plugins.store.clone();
    let plugin = in_background(move || store.revoke(&plugin.name, &names)).await?;
    let output = changed(&plugin, "revoked");
    let mends = format!("plugin grant {}", plugin.name);
    let output =
        missed(&call.context, &plugin.name, &mends)?.into_iter().fold(output, Output::note);
    Ok(match project::keep(&call, &plugin, When::Listed)? {
        Some(note) => output.note(note),
        None => output,
    })
}
