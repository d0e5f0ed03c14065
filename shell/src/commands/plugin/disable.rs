//! `plugin disable NAME`.

use kafsh_model::Result;

use super::rows::{INSTALLED, switched};
use crate::call::Call;
use crate::commands::cluster::common::DRY_RUN;
use crate::flow::Output;
use crate::spec::{CommandSpec, Effect, Example};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "disable"],
    summary: "switch an installed plugin off without forgetting it",
    detail: "It keeps its file and its grants; whatever names it is refused with `plugin-disabled`.",
    args: &[INSTALLED],
    flags: &[DRY_RUN],
    effect: Effect::Write,
    examples: &[Example { line: "plugin disable house-rules", about: "one that was installed" }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    switched(&call, true, "disabled").await
}
