//! `broker resume ID…`: SIGCONT.

use super::nodes::BROKERS;
use super::signal::signal;
use crate::commands::cluster::common::DRY_RUN;
use crate::spec::{CommandSpec, Effect, Example, Needs};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["broker", "resume"],
    summary: "let paused brokers go on (SIGCONT)",
    args: &[BROKERS],
    flags: &[DRY_RUN],
    effect: Effect::Write,
    needs: Needs::Cluster,
    examples: &[Example { line: "broker pause 2; broker resume 2", about: "for a moment" }],
    cooperative: true,
    run: |call| Box::pin(async move { signal(&call, false).await }),
    ..CommandSpec::BLANK
};
