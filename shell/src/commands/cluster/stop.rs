//! `cluster stop [CLUSTER]`.

use super::common::{CLUSTER_ARG, DRY_RUN, FORCE_STOP, STOP_TIMEOUT};
use super::lifecycle;
use crate::spec::{CommandSpec, Effect, Example};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "stop"],
    summary: "stop every node in order: the brokers, then ZooKeeper; data is kept",
    detail: "Nothing is killed unless --force is given; then what has not ended by the deadline \
             is, and recovers its logs at its next start.",
    args: &[CLUSTER_ARG],
    flags: &[FORCE_STOP, STOP_TIMEOUT, DRY_RUN],
    effect: Effect::Write,
    examples: &[
        Example { line: "cluster stop demo", about: "`cluster start` brings it back" },
        Example { line: "cluster stop demo --dry-run", about: "what runs" },
    ],
    cooperative: true,
    run: |call| Box::pin(async move { lifecycle::stop(&call, None).await }),
    ..CommandSpec::BLANK
};
