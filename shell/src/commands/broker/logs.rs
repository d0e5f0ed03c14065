//! `broker logs ID…`.

use super::nodes::{BROKERS, named};
use crate::commands::cluster::logs::{ALL, ERRORS, FOLLOW, LINES, shown};
use crate::spec::{CommandSpec, Example, Needs};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["broker", "logs"],
    summary: "show the end of brokers' logs since their last start",
    args: &[BROKERS],
    flags: &[LINES, ERRORS, ALL, FOLLOW],
    needs: Needs::Cluster,
    examples: &[
        Example { line: "broker logs 2 --lines 20", about: "the last 20 lines" },
        Example { line: "broker logs 2 --errors", about: "what went wrong" },
    ],
    run: |call| Box::pin(async move { shown(&call, named(&call)?).await }),
    ..CommandSpec::BLANK
};
