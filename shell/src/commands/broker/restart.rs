//! `broker restart ID…`.

use super::nodes::{BROKERS, named};
use crate::commands::cluster::common::{DRY_RUN, FORCE_STOP, STOP_TIMEOUT};
use crate::commands::cluster::in_sync::NO_WAIT;
use crate::commands::cluster::lifecycle;
use crate::spec::{CommandSpec, Effect, Example, FlagSpec, Needs};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["broker", "restart"],
    summary: "stop brokers and start them again",
    detail: "After the start it watches, for at most 30 seconds, until every partition that can be \
             is in sync again, and says what is left.",
    args: &[BROKERS],
    flags: &[
        FlagSpec::switch("rolling", "one after the other, each when the partitions can spare it"),
        FORCE_STOP,
        STOP_TIMEOUT,
        NO_WAIT,
        DRY_RUN,
    ],
    effect: Effect::Write,
    needs: Needs::Cluster,
    examples: &[Example { line: "broker restart 2 --rolling", about: "when it can be spared" }],
    cooperative: true,
    run: |call| Box::pin(async move { lifecycle::restart(&call, Some(named(&call)?)).await }),
    ..CommandSpec::BLANK
};
