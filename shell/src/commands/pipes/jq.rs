//! `jq FILTER`: values in, values out.

use std::collections::{BTreeMap, VecDeque};

use kafsh_model::port::BoxFuture;
use kafsh_model::record::RecordBatch;
use kafsh_model::{Error, Result};
use serde_json::Value;

use crate::call::Call;
use crate::flow::{Flow, Lines, Output, Source};
use crate::jq::Filter;
use crate::records::envelope;
use crate::run::values_of_flow;
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, FlagSpec, Kind, Place};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["jq"],
    summary: "run a jq filter over values, lines or records",
    detail: "A command's value goes in whole; each line, each value of a stream and each record \
             goes in by itself. In a record `.key` and `.value` are text or {\"base64\"}, and \
             `.json` is the parsed value or null. Variables of the script are jq variables: \
             `$limit`. A filter cannot read files or the environment.",
    args: &[ArgSpec {
        name: "filter",
        kind: Kind::Jq,
        arity: Arity::One,
        help: "a filter in jq's language, in quotes",
    }],
    flags: &[
        FlagSpec::switch("null-input", "run the filter once, with null for its input").short('n'),
        FlagSpec::switch("slurp", "run it once, with a list of all there is for its input")
            .short('s'),
        FlagSpec::switch("raw-output", "texts are always written raw here").short('r'),
        FlagSpec::switch("compact-output", "values are always on one line here").short('c'),
    ],
    place: Place::Both,
    examples: &[
        Example { line: "jq -n '[1, 2] | add'", about: "a value from nothing" },
        Example {
            line: "consume test | jq -s 'length'",
            about: "how many records: all of them are one list",
        },
        Example { line: "jq -n '[1, 2, 3]' | jq '.[] | select(. > 1)'", about: "some of a list" },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(mut call: Call) -> Result<Output> {
    let text = call.args.text("filter")?;
    let variables = call.session.variables();
    let mut filter = Filter::start(&text, &variables).await?;
    let input = call.take_input();
    if call.args.switch("null-input") || matches!(input, Flow::Nothing) {
        let outputs = filter.apply(&Value::Null).await?;
        return Ok(Output::of(of_outputs(outputs)));
    }
    if call.args.switch("slurp") {
        let (all, notes) = all_of(input, &variables).await?;
        let output = Output::of(of_outputs(filter.apply(&Value::Array(all)).await?));
        return Ok(notes.into_iter().fold(output, Output::note));
    }
    Ok(Output::of(match input {
        Flow::Nothing => Flow::Nothing,
        Flow::Value { value, .. } => of_outputs(filter.apply(&value).await?),
        Flow::Values(values) => filtered(filter, Upstream::Values(values)),
        Flow::Lines(lines) => filtered(filter, Upstream::Lines(lines)),
        Flow::Records(records) => filtered(filter, Upstream::Records(records)),
    }))
}

/// All inputs, as the filter would see each, and what was remarked on them.
async fn all_of(
    input: Flow,
    variables: &BTreeMap<String, Value>,
) -> Result<(Vec<Value>, Vec<String>)> {
    let same = || Filter::start(".", variables);
    let each = match input {
        Flow::Nothing | Flow::Value { .. } => input,
        Flow::Values(values) => Flow::Values(values),
        Flow::Lines(lines) => filtered(same().await?, Upstream::Lines(lines)),
        Flow::Records(records) => filtered(same().await?, Upstream::Records(records)),
    };
    values_of_flow(each).await
}

/// One output stays a value with its shape; several are a stream.
fn of_outputs(mut outputs: Vec<Value>) -> Flow {
    match (outputs.pop(), outputs.is_empty()) {
        (Some(value), true) => match value {
            // A text is for people and scripts as it stands; a list or object may be a table.
            Value::String(_) => Flow::Values(Box::new(crate::flow::Ready([value].into()))),
            value => Flow::Value { value, view: crate::flow::View::Plain },
        },
        (last, _) => {
            outputs.extend(last);
            Flow::Values(Box::new(crate::flow::Ready(outputs.into())))
        }
    }
}

enum Upstream {
    Values(Box<dyn Source<Value>>),
    Lines(Box<dyn Source<Lines>>),
    Records(Box<dyn Source<RecordBatch>>),
}

impl Upstream {
    async fn next(&mut self) -> Result<Option<Vec<Value>>> {
        Ok(match self {
            Upstream::Values(values) => values.next().await?.map(|value| vec![value]),
            Upstream::Lines(lines) => lines.next().await?.map(|lines| {
                lines
                    .iter()
                    .map(|line| Value::String(String::from_utf8_lossy(line).into()))
                    .collect()
            }),
            Upstream::Records(records) => records
                .next()
                .await?
                .map(|batch| batch.iter().map(|r| envelope::to_filter_input(&r)).collect()),
        })
    }

    async fn acknowledge(&mut self) -> Result<()> {
        match self {
            Upstream::Values(values) => values.acknowledge().await,
            Upstream::Lines(lines) => lines.acknowledge().await,
            Upstream::Records(records) => records.acknowledge().await,
        }
    }

    fn finish(self) -> BoxFuture<'static, Result<Vec<String>>> {
        match self {
            Upstream::Values(values) => values.finish(),
            Upstream::Lines(lines) => lines.finish(),
            Upstream::Records(records) => records.finish(),
        }
    }
}

struct Filtered {
    filter: Filter,
    upstream: Upstream,
    inputs: VecDeque<Value>,
    outputs: VecDeque<Value>,
}

fn filtered(filter: Filter, upstream: Upstream) -> Flow {
    let (inputs, outputs) = (VecDeque::new(), VecDeque::new());
    Flow::Values(Box::new(Filtered { filter, upstream, inputs, outputs }))
}

impl Source<Value> for Filtered {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Value>>> {
        Box::pin(async {
            loop {
                if let Some(output) = self.outputs.pop_front() {
                    return Ok(Some(output));
                }
                if let Some(input) = self.inputs.pop_front() {
                    self.outputs = self.filter.apply(&input).await.map_err(named(&input))?.into();
                    continue;
                }
                match self.upstream.next().await? {
                    Some(inputs) => self.inputs = inputs.into(),
                    None => return Ok(None),
                }
            }
        })
    }

    fn acknowledge(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            // What waits here was not handed on yet, so it is not done.
            if self.inputs.is_empty() && self.outputs.is_empty() {
                self.upstream.acknowledge().await?;
            }
            Ok(())
        })
    }

    fn ready(&self) -> bool {
        !self.inputs.is_empty() || !self.outputs.is_empty()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>> {
        self.upstream.finish()
    }
}

/// Names the record a filter failed on.
pub fn named(input: &Value) -> impl Fn(Error) -> Error + use<> {
    let coordinate = input.get("offset").and_then(Value::as_i64).and_then(|offset| {
        let topic = input.get("topic")?.as_str()?;
        let partition = input.get("partition")?.as_i64()?;
        Some(format!("at record {topic}/{partition}@{offset}"))
    });
    move |error| match &coordinate {
        Some(coordinate) => error.with_evidence(coordinate.clone()),
        None => error,
    }
}
