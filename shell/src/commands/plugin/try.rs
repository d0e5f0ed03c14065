//! `plugin try PLUGIN`: what a plugin would do, and nothing is changed.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Arc;

use kafsh_model::plan::StepPlan;
use kafsh_model::plugin::PluginKind;
use kafsh_model::policy::{Policies, PolicyResponse, PolicySeverity, TopicState};
use kafsh_model::port::{ConsumeOptions, From, To};
use kafsh_model::record::{RecordBatch, RecordView};
use kafsh_model::{Error, Result};
use serde_json::{Value, json};

use crate::author::bench::request;
use crate::author::sample::Sample;
use crate::author::subject::{Component, Mode, PLUGIN_ARG, SET, Subject, in_background, json};
use crate::author::trial;
use crate::call::Call;
use crate::commands::cluster::common::planning_engine;
use crate::flow::{Column, Flow, Lines, Output, Section, Source, View, column};
use crate::records::input::LineReader;
use crate::records::lines;
use crate::records::reading::{Limits, Reading};
use crate::spec::{CommandSpec, Example, FlagSpec, Kind, Needs, Place};

/// Records that are tried where no number is given.
const COUNT: i64 = 10;
/// Most that are.
const COUNT_MAX: i64 = 10_000;

const SAID: &[Column] = &[
    column("verdict", "VERDICT"),
    column("rule", "RULE"),
    column("field", "FIELD"),
    column("message", "MESSAGE"),
    column("suggestion", "TRY"),
];

const RECORDS: &[Column] = &[
    column("at", "RECORD"),
    column("before", "BEFORE"),
    column("after", "AFTER"),
    column("what", "CHANGED"),
];

const PLAN: &[Column] = &[column("name", "step"), column("summary", "")];
const ACTIONS: &[Column] = &[column("does", "ACTION")];
const FINDINGS: &[Column] = &[
    column("severity", "SEVERITY"),
    column("code", "CODE"),
    column("subject", "SUBJECT"),
    column("message", "FINDING"),
];
const SECTIONS: &[Section] = &[
    Section { key: "actions", title: "", columns: ACTIONS },
    Section { key: "findings", title: "", columns: FINDINGS },
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "try"],
    summary: "say what a plugin would do, and do nothing",
    detail: "A policy is asked about a topic that would be created; with `-C` it sees that \
             cluster, where it asks to. A transform is given lines or records, from a pipe, from a \
             file or from a topic, each shown as it was and as it became. A step plans a cluster: \
             that of `-C` as it is now, or a new one of three brokers. The plugin need not be \
             installed, and has all that it asks for.",
    args: &[PLUGIN_ARG],
    flags: &[
        SET,
        FlagSpec::value("topic", "NAME", Kind::Topic, "a policy: the topic (default: orders)"),
        FlagSpec::value("partitions", "N", Kind::Int(1, 200_000), "its partitions (default 1)")
            .short('p'),
        FlagSpec::value(
            "replication-factor",
            "N",
            Kind::Int(1, i16::MAX as i64),
            "its replicas (default 1)",
        )
        .short('r'),
        FlagSpec::value("config", "KEY=VALUE", Kind::TopicConfig, "a setting of it")
            .short('c')
            .repeated(),
        FlagSpec::value("input", "FILE", Kind::Path, "a transform: a value a line"),
        FlagSpec::value("from", "TOPIC", Kind::Topic, "a transform: the first records of a topic"),
        FlagSpec::value("count", "N", Kind::Int(1, COUNT_MAX), "how many (default 10)"),
    ],
    place: Place::Both,
    needs: Needs::Cluster,
    examples: &[
        Example { line: "plugin try preflight", about: "a step, on a new cluster" },
        Example {
            line: "plugin try replication --set min=3 --topic orders --replication-factor 1",
            about: "a policy, on a topic that it denies",
        },
        Example {
            line: "plugin try flatten --from test --count 2",
            about: "a transform, on records of a topic",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

/// Flags that say something to one kind only.
const OF_KIND: [(&str, PluginKind); 7] = [
    ("topic", PluginKind::Policy),
    ("partitions", PluginKind::Policy),
    ("replication-factor", PluginKind::Policy),
    ("config", PluginKind::Policy),
    ("input", PluginKind::Transform),
    ("from", PluginKind::Transform),
    ("count", PluginKind::Transform),
];

async fn run(mut call: Call) -> Result<Output> {
    let component = Component::find(&call, &call.args.text("plugin")?).await?;
    let kind = component.manifest.kind;
    if let Some((flag, of)) = OF_KIND.iter().find(|(flag, of)| *of != kind && call.args.has(flag)) {
        let name = &component.manifest.name;
        let message = format!("`--{flag}` is for a {of}, and `{name}` is a {kind}");
        return Err(Error::usage("bad-flags", message));
    }
    let subject = Arc::new(component.start(&call, Mode::Plain).await?);
    let output = match kind {
        PluginKind::Policy => policy(&call, subject.clone()).await?,
        PluginKind::Transform => transform(&mut call, subject.clone()).await?,
        PluginKind::Step => step(&call, subject.clone()).await?,
    };
    Ok(subject.logged().into_iter().fold(output, Output::note))
}

async fn policy(call: &Call, subject: Arc<Subject>) -> Result<Output> {
    let args = &call.args;
    let number = |flag: &str| -> Result<u32> {
        Ok(args.opt_int(flag)?.and_then(|n| u32::try_from(n).ok()).unwrap_or(1))
    };
    let state = TopicState {
        partitions: number("partitions")?,
        replication_factor: number("replication-factor")?,
        configs: args.pairs("config")?.into_iter().collect::<BTreeMap<_, _>>(),
    };
    let topic = args.opt_text("topic").unwrap_or_else(|| "orders".to_string());
    let mut request = request(&topic, state);
    let policy = subject.host.policy(&subject.manifest.name)?;
    let named = names_cluster(call) || call.address().is_some();
    let facts = match named && policy.wants_facts() {
        true => {
            let admin = call.context.admin(&call.target()?)?;
            Some(Arc::new(crate::policy::facts(admin.as_ref()).await?))
        }
        false => None,
    };
    if named && call.address().is_none() {
        request.cluster = call.cluster_name()?;
    }
    let settings = subject.settings(args)?;
    let blind = policy.wants_facts() && facts.is_none();
    let answer = in_background(move || policy.check(&request, &settings, facts.as_ref()));
    let answer = call.cancel.run(answer).await?;
    let denied = answer.findings.iter().any(|finding| finding.severity == PolicySeverity::Deny);
    let output = Output::value(Value::Array(said(&answer)?), View::Rows(SAID));
    let output = output.note(match (denied, answer.amendments.is_empty()) {
        (true, _) => format!("topic `{topic}` would be denied"),
        (false, false) => format!("topic `{topic}` would be created with amendments"),
        (false, true) => format!("topic `{topic}` would be created"),
    });
    Ok(match blind {
        true => output.note("it asks to see the cluster: `-C NAME` names one"),
        false => output,
    })
}

fn said(answer: &PolicyResponse) -> Result<Vec<Value>> {
    let mut rows = Vec::new();
    for finding in &answer.findings {
        let mut row = json(finding)?;
        row["verdict"] = row["severity"].take();
        if let Some(object) = row.as_object_mut() {
            object.remove("severity");
        }
        rows.push(row);
    }
    rows.extend(answer.amendments.iter().map(|amendment| {
        json!({
            "verdict": "amend",
            "rule": null,
            "field": amendment.field,
            "message": amendment.reason,
            "suggestion": amendment.value,
        })
    }));
    Ok(rows)
}

async fn transform(call: &mut Call, subject: Arc<Subject>) -> Result<Output> {
    let count = call.args.opt_int("count")?.unwrap_or(COUNT);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let batch = records(call, &subject, count).await?;
    let settings = subject.settings(&call.args)?;
    let tried = in_background(move || trial::transform(&subject, settings, &batch));
    let (rows, counters) = call.cancel.run(tried).await?;
    let none = rows.is_empty();
    let output = Output::value(Value::Array(rows), View::Rows(RECORDS));
    let output = counters.into_iter().fold(output, Output::note);
    Ok(if none { output.note("there were no records") } else { output })
}

/// At most so many records to try it on.
async fn records(call: &mut Call, subject: &Subject, count: usize) -> Result<RecordBatch> {
    if let Some(topic) = call.args.opt_text("from") {
        let options = ConsumeOptions {
            topics: vec![topic.clone()],
            partitions: Vec::new(),
            from: From::Earliest,
            to: To::End,
            group: None,
            count_hint: u64::try_from(count).ok(),
            starts: Default::default(),
        };
        let records = call.records()?;
        let consumer = call.cancel.run(records.consumer(options)).await?;
        let limits = Limits { count: u64::try_from(count).ok(), timeout: None };
        let reading = Reading::new(consumer, limits, topic, call.cancel.clone());
        return of_records(Box::new(reading), count).await;
    }
    let source: Box<dyn Source<Lines>> = match (call.args.opt_text("input"), call.take_input()) {
        (Some(name), Flow::Nothing) => {
            let file = std::fs::File::open(call.directory.join(&name))
                .map_err(|e| Error::io(format!("`{name}` cannot be read"), &e))?;
            Box::new(LineReader::file(file, &name)?)
        }
        (Some(_), _) => {
            return Err(Error::usage("bad-flags", "`--input` and a pipe exclude each other"));
        }
        (None, Flow::Records(records)) => return of_records(records, count).await,
        (None, Flow::Nothing) => {
            let batch = match std::io::stdin().is_terminal() {
                true => RecordBatch::new(),
                false => of_lines(Box::new(LineReader::standard_input()?), count).await?,
            };
            if !batch.is_empty() {
                return Ok(batch);
            }
            let name = call.args.text("plugin")?;
            let message =
                format!("on what is the transform `{}` to be tried?", subject.manifest.name);
            return Err(Error::usage("missing-input", message)
                .with_next(format!("plugin try {name} --input FILE"))
                .with_next(format!("plugin try {name} --from TOPIC")));
        }
        (None, flow) => lines::from_flow(flow),
    };
    of_lines(source, count).await
}

async fn of_records(mut source: Box<dyn Source<RecordBatch>>, count: usize) -> Result<RecordBatch> {
    let mut kept = RecordBatch::new();
    while kept.len() < count
        && let Some(batch) = source.next().await?
    {
        for record in batch.iter().take(count - kept.len()) {
            push(&mut kept, record)?;
        }
    }
    Ok(kept)
}

async fn of_lines(mut source: Box<dyn Source<Lines>>, count: usize) -> Result<RecordBatch> {
    let mut kept = RecordBatch::new();
    while kept.len() < count
        && let Some(lines) = source.next().await?
    {
        for line in lines.iter().take(count - kept.len()) {
            push(&mut kept, RecordView::new("lines", None, Some(line)))?;
        }
    }
    Ok(kept)
}

fn push(batch: &mut RecordBatch, record: RecordView<'_>) -> Result<()> {
    match batch.push(record) {
        true => Ok(()),
        false => Err(Error::failed("batch-too-large", "the records are too large together")),
    }
}

/// Whether a cluster is named, here or for all commands: without one a sample does.
fn names_cluster(call: &Call) -> bool {
    call.at.is_some() || call.args.has("cluster") || call.session.cluster().is_some()
}

async fn step(call: &Call, subject: Arc<Subject>) -> Result<Output> {
    let input = match names_cluster(call) {
        true => {
            let spec = call.context.managed(&call.cluster_name()?)?;
            let engine = planning_engine(call)?;
            let observed = engine.observe(&spec).await?;
            kafsh_model::plan::StepInput { spec, observed, planned: Vec::new() }
        }
        false => Sample::default().input()?,
    };
    let (name, settings) = (subject.manifest.name.clone(), subject.settings(&call.args)?);
    let cluster = input.spec.name.to_string();
    let planned = in_background({
        let name = name.clone();
        move || subject.host.measure_step(&name, &input, &settings)
    });
    let plan = call.cancel.run(planned).await?.value;
    let value = planned_value(&name, &cluster, &plan)?;
    Ok(Output::value(value, View::Record { fields: PLAN, sections: SECTIONS }))
}

fn planned_value(name: &str, cluster: &str, plan: &StepPlan) -> Result<Value> {
    let mut actions = Vec::new();
    for action in &plan.actions {
        let mut object = json(action)?;
        object["does"] = json!(action.to_string());
        actions.push(object);
    }
    Ok(json!({
        "name": name,
        "cluster": cluster,
        "summary": plan.summary,
        "actions": actions,
        "findings": json(&plan.findings)?,
    }))
}
