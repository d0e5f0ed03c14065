//! `broker stop ID…`.

use super::nodes::{BROKERS, named};
use crate::commands::cluster::common::{DRY_RUN, FORCE_STOP, STOP_TIMEOUT};
use crate::commands::cluster::lifecycle;
use crate::spec::{CommandSpec, Effect, Example, Needs};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["broker", "stop"],
    summary: "stop brokers in order: they hand over their partitions first",
    detail: "Refuses what would take a partition under its min.insync.replicas while other \
             brokers go on; --force passes over that.",
    args: &[BROKERS],
    flags: &[FORCE_STOP, STOP_TIMEOUT, DRY_RUN],
    effect: Effect::Write,
    needs: Needs::Cluster,
    examples: &[
        Example { line: "broker stop 2", about: "`broker start 2` brings it back" },
        Example { line: "broker stop 2 3 --force", about: "whatever becomes of the partitions" },
    ],
    cooperative: true,
    run: |call| Box::pin(async move { lifecycle::stop(&call, Some(named(&call)?)).await }),
    ..CommandSpec::BLANK
};
