//! `policy check [TOPIC…]`: what the policies in charge think of the topics that exist.

use std::sync::Arc;

use kafsh_model::policy::{Operation, PolicySeverity};
use kafsh_model::{Error, Result};
use serde_json::{Value, json};

use crate::call::Call;
use crate::flow::{Column, Output, View, column};
use crate::policy::{Answer, Charge, Said, facts};
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, Kind, Needs};

const COLUMNS: &[Column] = &[
    column("topic", "TOPIC"),
    column("binding", "POLICY"),
    column("verdict", "VERDICT"),
    column("rule", "RULE"),
    column("field", "FIELD"),
    column("message", "MESSAGE"),
    column("suggestion", "TRY"),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["policy", "check"],
    summary: "ask the policies in charge what they think of the topics that exist",
    detail: "A row for each thing that is said: `deny`, `warn`, `amend` (what a policy would \
             change) or `broken`. Nothing is changed. The status is 1 where a policy that is \
             enforced would deny a topic as it is.",
    args: &[ArgSpec {
        name: "topic",
        kind: Kind::Topic,
        arity: Arity::Any,
        help: "the topics; all but Kafka's own by default",
    }],
    needs: Needs::Cluster,
    examples: &[Example { line: "policy check", about: "every topic against every policy" }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let cluster = match call.address() {
        Some(address) => address,
        None => call.cluster_name()?,
    };
    let Some(charge) = Charge::of(&call.context, &cluster)? else {
        let output = Output::value(Value::Array(Vec::new()), View::Rows(COLUMNS));
        return Ok(output.note(format!("no policy is in charge of `{cluster}`")));
    };
    let admin = call.context.admin(&call.target()?)?;
    let facts = Arc::new(facts(admin.as_ref()).await?);
    let names = match call.args.texts("topic") {
        names if names.is_empty() => facts.topics.keys().cloned().collect(),
        names => names,
    };
    let (mut rows, mut denied, mut asked) = (Vec::new(), 0, 0);
    for name in names {
        let state = facts.topics.get(&name).ok_or_else(|| {
            Error::not_found("topic-not-found", format!("topic `{name}` does not exist"))
                .with_next("topic list")
        })?;
        asked += usize::from(charge.about(&name).next().is_some());
        let (state, operation) = (Some(state), Operation::Review);
        let (said, _) = charge.ask(operation, &name, state, state, Some(&facts)).await?;
        denied += usize::from(said.iter().any(Said::refuses));
        rows.extend(said.iter().map(|said| row(&name, said)));
    }
    let fine = rows.is_empty();
    let output = Output::value(Value::Array(rows), View::Rows(COLUMNS)).failed(denied);
    let topics = if asked == 1 { "1 topic" } else { &format!("{asked} topics") };
    Ok(match (fine, denied) {
        (true, _) => output.note(format!("{topics} asked about: nothing against any")),
        (false, 0) => output.note(format!("{topics} asked about: none would be denied")),
        (false, denied) => output.note(format!("{topics} asked about: {denied} would be denied")),
    })
}

fn row(topic: &str, said: &Said) -> Value {
    let (verdict, rule, field, message, suggestion) = match &said.answer {
        Answer::Finding(finding) => {
            let denies = finding.severity == PolicySeverity::Deny;
            // What is denied where a policy only warns is a warning.
            let verdict = if denies && said.refuses() { "deny" } else { "warn" };
            let (rule, field) = (Some(finding.rule.clone()), finding.field.clone());
            (verdict, rule, field, finding.message.clone(), finding.suggestion.clone())
        }
        Answer::Amended { amendment, .. } => {
            let (field, value) = (Some(amendment.field.clone()), amendment.value.clone());
            ("amend", None, field, amendment.reason.clone(), value)
        }
        Answer::Broken(error) => ("broken", None, None, error.to_string(), None),
    };
    json!({
        "topic": topic,
        "binding": said.binding,
        "mode": said.mode.name(),
        "verdict": verdict,
        "rule": rule,
        "field": field,
        "message": message,
        "suggestion": suggestion,
    })
}
