//! `head [N]`: the first ones.

use kafsh_model::port::BoxFuture;
use kafsh_model::record::RecordBatch;
use kafsh_model::{Error, Result};
use serde_json::Value;

use crate::call::Call;
use crate::flow::{Ending, Flow, Lines, Origin, Output, Source};
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, Kind, Place};

/// Where no number is given, as `head` of Unix does.
const DEFAULT: i64 = 10;

pub static SPEC: CommandSpec = CommandSpec {
    path: &["head"],
    summary: "keep the first rows, lines or records, and stop what comes after",
    detail: "Without a number, the first ten.",
    args: &[ArgSpec {
        name: "count",
        kind: Kind::Int(0, i64::MAX),
        arity: Arity::Optional,
        help: "how many",
    }],
    place: Place::Stage,
    examples: &[Example { line: "jq -n '[range(100)]' | head 3", about: "the first of a list" }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(mut call: Call) -> Result<Output> {
    let count = call.args.opt_int("count")?.unwrap_or(DEFAULT);
    let left = usize::try_from(count).unwrap_or(usize::MAX);
    Ok(Output::of(match call.take_input() {
        Flow::Nothing => Flow::Nothing,
        Flow::Value { value: Value::Array(mut items), view } => {
            items.truncate(left);
            Flow::Value { value: Value::Array(items), view }
        }
        Flow::Value { value, view } => Flow::Value { value, view },
        Flow::Values(upstream) => Flow::Values(Box::new(Head::new(left, upstream))),
        Flow::Lines(upstream) => Flow::Lines(Box::new(Head::new(left, upstream))),
        Flow::Records(upstream) => Flow::Records(Box::new(Head::new(left, upstream))),
    }))
}

struct Head<T> {
    left: usize,
    /// The last item was cut: what was dropped of it is not done, and a group must not commit it
    cut: bool,
    /// The upstream came to its end by itself
    ended: bool,
    upstream: Box<dyn Source<T>>,
}

impl<T> Head<T> {
    fn new(left: usize, upstream: Box<dyn Source<T>>) -> Self {
        Head { left, cut: false, ended: false, upstream }
    }
}

/// Something that `head` can cut.
trait Cut: Sized + Send {
    fn count(&self) -> usize;
    fn cut(self, count: usize) -> Result<Self>;
}

impl Cut for Value {
    fn count(&self) -> usize {
        1
    }
    fn cut(self, _: usize) -> Result<Self> {
        Ok(self)
    }
}

impl Cut for Lines {
    fn count(&self) -> usize {
        self.len()
    }
    fn cut(mut self, count: usize) -> Result<Self> {
        self.truncate(count);
        Ok(self)
    }
}

impl Cut for RecordBatch {
    fn count(&self) -> usize {
        self.len()
    }
    fn cut(self, count: usize) -> Result<Self> {
        let mut cut = RecordBatch::new();
        for record in self.iter().take(count) {
            if !cut.push(record) {
                return Err(Error::bug("a batch is larger than itself"));
            }
        }
        Ok(cut)
    }
}

impl<T: Cut> Source<T> for Head<T> {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<T>>> {
        Box::pin(async {
            if self.left == 0 {
                return Ok(None);
            }
            let Some(item) = self.upstream.next().await? else {
                self.ended = true;
                return Ok(None);
            };
            let count = item.count();
            if count <= self.left {
                self.left -= count;
                return Ok(Some(item));
            }
            let wanted = std::mem::take(&mut self.left);
            self.cut = true;
            item.cut(wanted).map(Some)
        })
    }

    // A batch is acknowledged whole or not at all: read twice is better than never.
    fn acknowledge(&mut self) -> BoxFuture<'_, Result<()>> {
        match self.cut {
            true => Box::pin(async { Ok(()) }),
            false => self.upstream.acknowledge(),
        }
    }

    // Where the upstream was left before its end on purpose, its own judgement does not count.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>> {
        match self.ended {
            true => self.upstream.finish(),
            false => Box::pin(async { Ok(Vec::new()) }),
        }
    }

    fn ready(&self) -> bool {
        self.left > 0 && self.upstream.ready()
    }

    fn ending(&self) -> Ending {
        self.upstream.ending()
    }

    fn origin(&self) -> Option<Origin> {
        self.upstream.origin()
    }
}
