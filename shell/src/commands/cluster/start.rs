//! `cluster start [CLUSTER]`.

use super::common::{CLUSTER_ARG, DRY_RUN};
use super::in_sync::NO_WAIT;
use super::lifecycle;
use crate::spec::{CommandSpec, Effect, Example};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "start"],
    summary: "start what does not run: ZooKeeper, then the brokers, and wait for every gate",
    detail: "For a cluster that was stopped. `cluster up` also writes what is missing. After the \
             start it watches, for at most 30 seconds, until the partitions are in sync again, \
             and says what is left.",
    args: &[CLUSTER_ARG],
    flags: &[NO_WAIT, DRY_RUN],
    effect: Effect::Write,
    examples: &[Example { line: "cluster start demo", about: "after `cluster stop`, or a reboot" }],
    cooperative: true,
    run: |call| Box::pin(async move { lifecycle::start(&call, None).await }),
    ..CommandSpec::BLANK
};
