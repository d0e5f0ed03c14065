//! `broker pause ID…`: SIGSTOP, to see what a broker that hangs does.

use super::nodes::BROKERS;
use super::signal::signal;
use crate::commands::cluster::common::DRY_RUN;
use crate::spec::{CommandSpec, Effect, Example, Needs};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["broker", "pause"],
    summary: "pause brokers (SIGSTOP): they hold their ports and answer nobody",
    detail: "As a long collection of garbage or a machine that hangs. `broker resume` lets them \
             go on.",
    args: &[BROKERS],
    flags: &[DRY_RUN],
    effect: Effect::Write,
    needs: Needs::Cluster,
    examples: &[Example { line: "broker pause 2; broker resume 2", about: "for a moment" }],
    cooperative: true,
    run: |call| Box::pin(async move { signal(&call, true).await }),
    ..CommandSpec::BLANK
};
