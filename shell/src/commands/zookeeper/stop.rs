//! `zookeeper stop`.

use kafsh_model::plan::Node;

use crate::commands::cluster::common::{DRY_RUN, FORCE_STOP, STOP_TIMEOUT};
use crate::commands::cluster::lifecycle;
use crate::spec::{CommandSpec, Effect, Example, Needs};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["zookeeper", "stop"],
    summary: "stop the cluster's ZooKeeper; its data is kept",
    detail: "Refuses while brokers run: without ZooKeeper they cannot hand over their partitions. \
             --force passes over that.",
    flags: &[FORCE_STOP, STOP_TIMEOUT, DRY_RUN],
    effect: Effect::Write,
    needs: Needs::Cluster,
    examples: &[
        Example { line: "zookeeper stop --dry-run", about: "does it run?" },
        Example { line: "zookeeper stop --force", about: "see what brokers do without it" },
    ],
    cooperative: true,
    run: |call| Box::pin(async move { lifecycle::stop(&call, Some(vec![Node::ZooKeeper])).await }),
    ..CommandSpec::BLANK
};
