//! `where FILTER`: keeps what the filter says true of, untouched.

use kafsh_model::port::BoxFuture;
use kafsh_model::record::RecordBatch;
use kafsh_model::{Error, Result};
use serde_json::Value;

use super::jq::named;
use super::unknown::Unseen;
use crate::call::Call;
use crate::flow::{Ending, Flow, Lines, Origin, Output, Source, View};
use crate::jq::Filter;
use crate::records::envelope;
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, Kind, Place};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["where"],
    summary: "keep the rows, lines or records a jq filter is true of",
    detail: "What is kept is kept as it was, byte for byte. The filter must give exactly one true \
             or false for each; anything else is an error. Rows of a table are looked at one by \
             one; in a record `.json` is the parsed value or null. A key that none of them has is \
             said on standard error, once.",
    args: &[ArgSpec {
        name: "filter",
        kind: Kind::Jq,
        arity: Arity::One,
        help: "a jq filter that gives true or false",
    }],
    place: Place::Stage,
    examples: &[Example {
        line: "jq -n '[{\"a\": 1}, {\"a\": 2}]' | where '.a > 1'",
        about: "some rows of a table",
    }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(mut call: Call) -> Result<Output> {
    let text = call.args.text("filter")?;
    let filter = Filter::start(&text, &call.session.variables()).await?;
    let unseen = Unseen::of(&text);
    let mut keeper = Keeper { filter, text, unseen };
    Ok(Output::of(match call.take_input() {
        Flow::Nothing => Flow::Nothing,
        Flow::Value { value: Value::Array(items), view } => {
            let mut kept = Vec::new();
            for item in items {
                if keeper.keeps(&item).await? {
                    kept.push(item);
                }
            }
            let output = Output::value(Value::Array(kept), view);
            return Ok(keeper.notes("row").into_iter().fold(output, Output::note));
        }
        Flow::Value { value, view } => match keeper.keeps(&value).await? {
            true => Flow::Value { value, view },
            false => Flow::Value { value: Value::Null, view: View::Plain },
        },
        Flow::Values(upstream) => Flow::Values(Box::new(Kept { keeper, upstream })),
        Flow::Lines(upstream) => Flow::Lines(Box::new(Kept { keeper, upstream })),
        Flow::Records(upstream) => Flow::Records(Box::new(Kept { keeper, upstream })),
    }))
}

struct Keeper {
    filter: Filter,
    text: String,
    unseen: Unseen,
}

impl Keeper {
    fn notes(&self, each: &str) -> Vec<String> {
        self.unseen.note(each).into_iter().collect()
    }

    async fn keeps(&mut self, input: &Value) -> Result<bool> {
        self.unseen.look(input);
        let outputs = self.filter.apply(input).await.map_err(named(input))?;
        match outputs.as_slice() {
            [Value::Bool(kept)] => Ok(*kept),
            _ => {
                let shown = Value::Array(outputs).to_string().chars().take(80).collect::<String>();
                let error = Error::failed("not-a-truth", format!("`where {}`", self.text))
                    .with_evidence(format!("it gave {shown}"))
                    .with_cause("the filter of `where` gives exactly one true or false");
                Err(named(input)(error))
            }
        }
    }
}

struct Kept<T> {
    keeper: Keeper,
    upstream: Box<dyn Source<T>>,
}

impl<T: 'static> Kept<T> {
    /// The end of what came before, and what is to be said of the filter.
    fn ended(self, each: &'static str) -> BoxFuture<'static, Result<Vec<String>>> {
        let remarks = self.keeper.notes(each);
        let finishing = self.upstream.finish();
        Box::pin(async move {
            let mut notes = finishing.await?;
            notes.extend(remarks);
            Ok(notes)
        })
    }
}

impl Source<Value> for Kept<Value> {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Value>>> {
        Box::pin(async {
            while let Some(value) = self.upstream.next().await? {
                if self.keeper.keeps(&value).await? {
                    return Ok(Some(value));
                }
            }
            Ok(None)
        })
    }

    fn acknowledge(&mut self) -> BoxFuture<'_, Result<()>> {
        self.upstream.acknowledge()
    }

    fn ready(&self) -> bool {
        self.upstream.ready()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>> {
        self.ended("value")
    }
}

impl Source<Lines> for Kept<Lines> {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Lines>>> {
        Box::pin(async {
            let Some(lines) = self.upstream.next().await? else { return Ok(None) };
            let mut kept = Lines::new();
            for line in lines {
                let text = Value::String(String::from_utf8_lossy(&line).into_owned());
                if self.keeper.keeps(&text).await? {
                    kept.push(line);
                }
            }
            Ok(Some(kept))
        })
    }

    fn acknowledge(&mut self) -> BoxFuture<'_, Result<()>> {
        self.upstream.acknowledge()
    }

    fn ready(&self) -> bool {
        self.upstream.ready()
    }

    fn ending(&self) -> Ending {
        self.upstream.ending()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>> {
        self.upstream.finish()
    }
}

impl Source<RecordBatch> for Kept<RecordBatch> {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<RecordBatch>>> {
        Box::pin(async {
            let Some(batch) = self.upstream.next().await? else { return Ok(None) };
            let mut kept = RecordBatch::new();
            for record in batch.iter() {
                let input = envelope::to_filter_input(&record);
                // A subset of a batch fits a batch.
                if self.keeper.keeps(&input).await? && !kept.push(record) {
                    return Err(Error::bug("a batch is larger than itself"));
                }
            }
            Ok(Some(kept))
        })
    }

    fn acknowledge(&mut self) -> BoxFuture<'_, Result<()>> {
        self.upstream.acknowledge()
    }

    fn ready(&self) -> bool {
        self.upstream.ready()
    }

    fn origin(&self) -> Option<Origin> {
        self.upstream.origin()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>> {
        self.ended("record")
    }
}
