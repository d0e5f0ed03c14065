//! `cluster export [CLUSTER]`: the spec as TOML, for `cluster up --spec`.

use kafsh_model::Result;

use super::common::{self, CLUSTER_ARG};
use crate::call::Call;
use crate::flow::Output;
use crate::spec::{CommandSpec, Example};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "export"],
    summary: "print a cluster's spec as TOML: what `cluster up --spec` takes",
    args: &[CLUSTER_ARG],
    examples: &[Example {
        line: "cluster export demo > \"demo.toml\"",
        about: "keep it beside the code",
    }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    kafsh_cluster::spec::render(&common::managed(&call)?).map(Output::text)
}
