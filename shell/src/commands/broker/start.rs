//! `broker start ID…`.

use super::nodes::{BROKERS, named};
use crate::commands::cluster::common::DRY_RUN;
use crate::commands::cluster::in_sync::NO_WAIT;
use crate::commands::cluster::lifecycle;
use crate::spec::{CommandSpec, Effect, Example, Needs};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["broker", "start"],
    summary: "start brokers that do not run, and wait until they serve",
    detail: "After the start it watches, for at most 30 seconds, until every partition that can be \
             is in sync again, and says what is left.",
    args: &[BROKERS],
    flags: &[NO_WAIT, DRY_RUN],
    effect: Effect::Write,
    needs: Needs::Cluster,
    examples: &[
        Example { line: "broker start 2", about: "one broker" },
        Example { line: "@demo broker start 1 2 3", about: "several, at the same time" },
    ],
    cooperative: true,
    run: |call| Box::pin(async move { lifecycle::start(&call, Some(named(&call)?)).await }),
    ..CommandSpec::BLANK
};
