//! `broker restart ID…`.

use super::nodes::{BROKERS, named};
use crate::commands::cluster::common::{DRY_RUN, FORCE_STOP, STOP_TIMEOUT};
use crate::commands::cluster::lifecycle;
use crate::spec::{CommandSpec, Effect, Example, FlagSpec, Needs};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["broker", "restart"],
    summary: "stop brokers and start them again",
    args: &[BROKERS],
    flags: &[
        FlagSpec::switch("rolling", "one after the other, each when the partitions can spare it"),
        FORCE_STOP,
        STOP_TIMEOUT,
        DRY_RUN,
    ],
    effect: Effect::Write,
    needs: Needs::Cluster,
    examples: &[Example { line: "broker restart 2 --rolling", about: "when it can be spared" }],
    cooperative: true,
    run: |call| Box::pin(async move { lifecycle::restart(&call, Some(named(&call)?)).await }),
    ..CommandSpec::BLANK
};
