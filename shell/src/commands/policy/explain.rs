//! `policy explain NAME`: what a bound policy is for, and how it is set.

use kafsh_model::Result;
use kafsh_model::plugin::{SettingSpec, SettingType};
use serde_json::{Value, json};

use super::common::binding;
use crate::call::Call;
use crate::flow::{Column, Output, Section, View, column};
use crate::policy::load;
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, Kind};

const FIELDS: &[Column] = &[
    column("name", "policy"),
    column("summary", ""),
    column("version", "version"),
    column("mode", "mode"),
    column("clusters", "clusters"),
    column("topics", "topics"),
    column("reads_cluster", "reads the cluster"),
];

const SETTINGS: &[Column] = &[
    column("name", "SETTING"),
    column("value", "VALUE"),
    column("default", "DEFAULT"),
    column("doc", "MEANING"),
];

const SECTIONS: &[Section] = &[Section { key: "settings", title: "", columns: SETTINGS }];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["policy", "explain"],
    summary: "say what a bound policy is for, where it is in charge and how it is set",
    args: &[ArgSpec {
        name: "name",
        kind: Kind::Binding,
        arity: Arity::One,
        help: "the binding, as `policy list` and refusals name it",
    }],
    examples: &[Example {
        line: "policy bind replication --set min=1; policy explain replication",
        about: "its settings and their meaning",
    }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let bound = load(&call.context, binding(&call.context, &call.args.text("name")?)?);
    let (policy, settings) = bound.policy?;
    let manifest = policy.manifest();
    let rows: Vec<Value> = manifest
        .settings
        .iter()
        .map(|spec| setting(spec, settings.values.get(&spec.name)))
        .collect();
    let value = json!({
        "name": bound.binding.name,
        "policy": manifest.name,
        "version": manifest.version,
        "summary": manifest.summary,
        "mode": bound.binding.mode.name(),
        "clusters": bound.binding.clusters,
        "topics": bound.binding.topics,
        "reads_cluster": policy.wants_facts(),
        "settings": rows,
    });
    Ok(Output::value(value, View::Record { fields: FIELDS, sections: SECTIONS }))
}

fn setting(spec: &SettingSpec, value: Option<&Vec<String>>) -> Value {
    let value = match (spec.kind, value) {
        (SettingType::Secret, _) => Some("(secret)".to_string()),
        (_, Some(values)) => Some(values.join(",")),
        (_, None) => None,
    };
    json!({ "name": spec.name, "value": value, "default": spec.default, "doc": spec.doc })
}
