//! `policy check [TOPIC…]`: what the policies in charge think of the topics that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafsh_model::policy::{Operation, PolicySeverity};
use kafsh_model::{Error, Result};
use serde_json::{Value, json};

use crate::call::Call;
use crate::flow::{Column, Output, View, column};
use crate::policy::{Answer, Bound, Charge, Said, facts};
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, FlagSpec, Kind, Needs};

const COLUMNS: &[Column] = &[
    column("topic", "TOPIC"),
    column("binding", "POLICY"),
    column("verdict", "VERDICT"),
    column("rule", "RULE"),
    column("field", "FIELD"),
    column("message", "MESSAGE"),
    column("suggestion", "TRY"),
];

const SUMMARY_COLUMNS: &[Column] = &[
    column("binding", "NAME"),
    column("policy", "POLICY"),
    column("mode", "MODE"),
    column("topics", "TOPICS"),
    column("fine", "FINE"),
    column("deny", "DENY"),
    column("warn", "WARN"),
    column("amend", "AMEND"),
    column("broken", "BROKEN"),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["policy", "check"],
    summary: "ask the policies in charge what they think of the topics that exist",
    detail: "A row for each thing that is said: `deny`, `warn`, `amend` (what a policy would \
             change) or `broken`. Nothing is changed. The status is 1 where a policy that is \
             enforced would deny a topic as it is. With --summary a row for each policy: of how \
             many topics it was asked, with how many it is fine, and of how many it says what.",
    args: &[ArgSpec {
        name: "topic",
        kind: Kind::Topic,
        arity: Arity::Any,
        help: "the topics; all but Kafka's own by default",
    }],
    flags: &[FlagSpec::switch("summary", "count the verdicts of each policy")],
    needs: Needs::Cluster,
    examples: &[
        Example { line: "policy check", about: "every topic against every policy" },
        Example { line: "policy check --summary", about: "how many topics each would deny" },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let summary = call.args.switch("summary");
    let columns = if summary { SUMMARY_COLUMNS } else { COLUMNS };
    let cluster = match call.address() {
        Some(address) => address,
        None => call.cluster_name()?,
    };
    let Some(charge) = Charge::of(&call.context, &cluster)? else {
        let output = Output::value(Value::Array(Vec::new()), View::Rows(columns));
        return Ok(output.note(format!("no policy is in charge of `{cluster}`")));
    };
    let admin = call.context.admin(&call.target()?)?;
    let facts = Arc::new(facts(admin.as_ref()).await?);
    let names = match call.args.texts("topic") {
        names if names.is_empty() => facts.topics.keys().cloned().collect(),
        names => names,
    };
    let (mut rows, mut denied, mut asked) = (Vec::new(), 0, 0);
    let mut tally: Vec<Tally> = charge.bound.iter().map(Tally::of).collect();
    for name in names {
        let state = facts.topics.get(&name).ok_or_else(|| {
            Error::not_found("topic-not-found", format!("topic `{name}` does not exist"))
                .with_next("topic list")
        })?;
        asked += usize::from(charge.about(&name).next().is_some());
        let (state, operation) = (Some(state), Operation::Review);
        let (said, _) = charge.ask(operation, &name, state, state, Some(&facts)).await?;
        denied += usize::from(said.iter().any(Said::refuses));
        for tally in tally.iter_mut().filter(|tally| tally.bound.binding.is_about_topic(&name)) {
            tally.add(&said);
        }
        rows.extend(said.iter().map(|said| row(&name, said, &charge)));
    }
    let fine = rows.is_empty();
    if summary {
        rows = tally.iter().map(Tally::row).collect();
    }
    let output = Output::value(Value::Array(rows), View::Rows(columns)).failed(denied);
    let topics = if asked == 1 { "1 topic" } else { &format!("{asked} topics") };
    Ok(match (fine, denied) {
        (true, _) => output.note(format!("{topics} asked about: nothing against any")),
        (false, 0) => output.note(format!("{topics} asked about: none would be denied")),
        (false, denied) => output.note(format!("{topics} asked about: {denied} would be denied")),
    })
}

/// What one policy says of all topics.
struct Tally<'b> {
    bound: &'b Bound,
    /// Topics that it was asked about, and those that it said nothing of
    topics: usize,
    fine: usize,
    /// Topics by the verdicts that it gave of them
    verdicts: BTreeMap<&'static str, usize>,
}

impl<'b> Tally<'b> {
    fn of(bound: &'b Bound) -> Self {
        Tally { bound, topics: 0, fine: 0, verdicts: BTreeMap::new() }
    }

    fn add(&mut self, said: &[Said]) {
        let own = said.iter().filter(|said| said.binding == self.bound.binding.name);
        let verdicts: BTreeSet<&'static str> = own.map(verdict).collect();
        self.topics += 1;
        self.fine += usize::from(verdicts.is_empty());
        for verdict in verdicts {
            *self.verdicts.entry(verdict).or_default() += 1;
        }
    }

    fn row(&self) -> Value {
        let count = |verdict: &str| self.verdicts.get(verdict).copied().unwrap_or(0);
        json!({
            "binding": self.bound.binding.name,
            "policy": self.bound.binding.policy,
            "mode": self.bound.binding.mode.name(),
            "topics": self.topics,
            "fine": self.fine,
            "deny": count("deny"),
            "warn": count("warn"),
            "amend": count("amend"),
            "broken": count("broken"),
        })
    }
}

fn verdict(said: &Said) -> &'static str {
    match &said.answer {
        // What is denied where a policy only warns is a warning.
        Answer::Finding(finding) if finding.severity == PolicySeverity::Deny && said.refuses() => {
            "deny"
        }
        Answer::Finding(_) => "warn",
        Answer::Amended { .. } => "amend",
        Answer::Broken(_) => "broken",
    }
}

fn row(topic: &str, said: &Said, charge: &Charge) -> Value {
    let (rule, field, message, suggestion) = match &said.answer {
        Answer::Finding(finding) => {
            let (rule, field) = (Some(finding.rule.clone()), finding.field.clone());
            (rule, field, finding.message.clone(), finding.suggestion.clone())
        }
        Answer::Amended { amendment, .. } => {
            let (field, value) = (Some(amendment.field.clone()), amendment.value.clone());
            (None, field, amendment.reason.clone(), value)
        }
        Answer::Broken(error) => (None, None, error.to_string(), None),
    };
    let of = charge.bound.iter().find(|bound| bound.binding.name == said.binding);
    json!({
        "topic": topic,
        "binding": said.binding,
        "policy": of.map(|bound| &bound.binding.policy),
        "mode": said.mode.name(),
        "verdict": verdict(said),
        "rule": rule,
        "field": field,
        "message": message,
        "suggestion": suggestion,
    })
}
