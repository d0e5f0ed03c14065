//! `cluster restart [CLUSTER]`.

use super::common::{CLUSTER_ARG, DRY_RUN, FORCE_STOP, STOP_TIMEOUT};
use super::in_sync::NO_WAIT;
use super::lifecycle;
use crate::spec::{CommandSpec, Effect, Example, FlagSpec};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "restart"],
    summary: "stop and start every node, or one broker after the other",
    detail: "With --rolling the controller comes last, a broker is taken only when no partition \
             would fall under its min.insync.replicas, and the next only when every partition is \
             in sync again; clients go on. ZooKeeper is left alone then. Without it, partitions \
             are watched after the start, for at most 30 seconds, until they are in sync again.",
    args: &[CLUSTER_ARG],
    flags: &[
        FlagSpec::switch("rolling", "one broker at a time, the controller last"),
        FORCE_STOP,
        STOP_TIMEOUT,
        NO_WAIT,
        DRY_RUN,
    ],
    effect: Effect::Write,
    examples: &[
        Example { line: "cluster restart demo --rolling", about: "clients go on" },
        Example { line: "cluster restart demo", about: "all at once, ZooKeeper too" },
    ],
    cooperative: true,
    run: |call| Box::pin(async move { lifecycle::restart(&call, None).await }),
    ..CommandSpec::BLANK
};
