//! `cluster detach CLUSTER`: forgets a cluster that was attached.

use kafsh_model::{ClusterName, Error, Result};
use serde_json::json;

use super::common::DRY_RUN;
use crate::call::Call;
use crate::flow::{Column, Output, View, column};
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, Example, Kind};

const FIELDS: &[Column] = &[column("name", "detached"), column("bootstrap", "bootstrap")];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "detach"],
    summary: "forget an attached cluster; its servers go on as they are",
    args: &[ArgSpec {
        name: "cluster",
        kind: Kind::Cluster,
        arity: Arity::One,
        help: "an attached cluster",
    }],
    flags: &[DRY_RUN],
    effect: Effect::Write,
    examples: &[Example {
        line: "cluster attach other -B 127.0.0.1:9091; cluster detach other",
        about: "a name, and no more",
    }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let name = ClusterName::new(call.args.text("cluster")?)?;
    let store = &call.context.store;
    if store.exists(&name) {
        return Err(Error::usage("cluster-managed", format!("`{name}` is a cluster of this host"))
            .with_cause("only attached clusters are forgotten; this one has data and servers")
            .with_next(format!("cluster destroy {name}")));
    }
    let Some(attached) = store.attached_cluster(&name)? else { return Err(store.not_found(&name)) };
    if !call.args.switch("dry-run") {
        store.detach(&name)?;
        if call.session.cluster().as_deref() == Some(name.as_str()) {
            call.session.use_cluster(None);
        }
        if store.current()?.as_ref() == Some(&name) {
            store.set_current(None)?;
        }
    }
    let value = json!({ "name": name.to_string(), "bootstrap": attached.bootstrap });
    Ok(Output::value(value, View::Record { fields: FIELDS, sections: &[] }))
}
