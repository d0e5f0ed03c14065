//! `zookeeper start`.

use kafsh_model::plan::Node;

use crate::commands::cluster::common::DRY_RUN;
use crate::commands::cluster::lifecycle;
use crate::spec::{CommandSpec, Effect, Example, Needs};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["zookeeper", "start"],
    summary: "start the cluster's ZooKeeper and wait until it serves",
    flags: &[DRY_RUN],
    effect: Effect::Write,
    needs: Needs::Cluster,
    examples: &[Example { line: "zookeeper start", about: "of the session's cluster" }],
    cooperative: true,
    run: |call| Box::pin(async move { lifecycle::start(&call, Some(vec![Node::ZooKeeper])).await }),
    ..CommandSpec::BLANK
};
