//! `cluster restore [CLUSTER] [UNIT]`: brings back a unit that was moved aside.

use kafsh_model::Result;
use serde_json::json;

use super::archive::{UNITS, units};
use super::common::{self, CLUSTER_ARG, DRY_RUN};
use crate::call::Call;
use crate::flow::{Column, Output, View, column};
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, Example, Kind};

const FIELDS: &[Column] =
    &[column("restored", "restored"), column("moved_aside", "moved aside"), column("next", "next")];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "restore"],
    summary: "bring back a unit that `cluster archive` moved aside; without one, list them",
    detail: "Data that is there now is moved aside first, as a unit of its own. The cluster has \
             to be stopped.",
    args: &[
        CLUSTER_ARG,
        ArgSpec {
            name: "unit",
            kind: Kind::Text,
            arity: Arity::Optional,
            help: "the unit's name, as `cluster restore` without one lists it",
        },
    ],
    flags: &[DRY_RUN],
    effect: Effect::Write,
    reads: |args| !args.has("unit") || args.has("dry-run"),
    examples: &[Example { line: "cluster restore demo", about: "what can be restored" }],
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let spec = common::managed(&call)?;
    let engine = common::engine(&call)?;
    let Some(unit) = call.args.opt_text("unit") else {
        let names = engine.archives(&spec).await?;
        let output = Output::value(units(&names, spec.name.as_str()), View::Rows(UNITS));
        return Ok(match names.is_empty() {
            true => output.note("nothing was moved aside"),
            false => output.note(format!(
                "nothing was restored: `cluster restore {} UNIT` brings one back",
                spec.name
            )),
        });
    };
    let name = spec.name.to_string();
    let value = |aside: Option<String>| {
        json!({
            "name": name,
            "restored": unit,
            "moved_aside": aside,
            "next": format!("cluster up {name}"),
        })
    };
    let view = View::Record { fields: FIELDS, sections: &[] };
    if call.args.switch("dry-run") {
        let facts = common::facts(&engine, &spec, &spec.nodes()).await?;
        let output = Output::value(value(None), view);
        return Ok(match common::held_data(&facts).is_empty() {
            true => output,
            false => output.note("the data that is there now would be moved aside first"),
        });
    }
    let aside = engine.restore(&spec, &unit).await?;
    Ok(Output::value(value(aside), view))
}
