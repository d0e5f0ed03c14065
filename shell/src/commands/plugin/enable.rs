//! `plugin enable NAME`.

use kafsh_model::Result;

use super::rows::{INSTALLED, switched};
use crate::call::Call;
use crate::commands::cluster::common::DRY_RUN;
use crate::flow::Output;
use crate::spec::{CommandSpec, Effect, Example};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "enable"],
    summary: "switch an installed plugin on again",
    detail: "With the grants that it had.",
    args: &[INSTALLED],
    flags: &[DRY_RUN],
    effect: Effect::Write,
    examples: &[Example { line: "plugin enable house-rules", about: "one that was installed" }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    switched(&call, false, "enabled").await
}
