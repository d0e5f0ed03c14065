//! `cluster use [CLUSTER]`: which cluster the next commands are about.

use kafsh_model::Result;
use serde_json::json;

use crate::call::Call;
use crate::flow::{Column, Output, View, column};
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, Kind};

const FIELDS: &[Column] = &[column("cluster", "using"), column("bootstrap", "bootstrap")];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "use"],
    summary: "choose the cluster that the next commands are about; without a name, say which",
    detail: "At the prompt the choice is remembered for the next prompt; in a script it holds for \
             the script. `-C` and `@name` choose for one command.",
    args: &[ArgSpec {
        name: "cluster",
        kind: Kind::Cluster,
        arity: Arity::Optional,
        help: "a cluster of `cluster list`",
    }],
    // Nothing of any cluster changes: this is as `cd` is to a file system.
    examples: &[
        Example { line: "cluster use demo", about: "the next commands are about demo" },
        Example { line: "cluster use", about: "which one is it?" },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let given = call.args.opt_text("cluster");
    let name = super::common::name(&call)?;
    let bootstrap = call.context.target(name.as_str())?.bootstrap;
    if given.is_some() {
        call.session.use_cluster(Some(name.to_string()));
        if call.session.is_prompt() {
            call.context.store.set_current(Some(&name))?;
        }
    }
    let by_itself = given.is_some() && call.on_command_line;
    let value = json!({ "cluster": name.to_string(), "bootstrap": bootstrap });
    let output = Output::value(value, View::Record { fields: FIELDS, sections: &[] });
    Ok(match by_itself {
        true => output.note(format!(
            "this holds for a prompt or a script; on the command line: kafsh -C {name} …"
        )),
        false => output,
    })
}
