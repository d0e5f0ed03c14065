//! What runs through a pipeline: one value, many values, lines, or records, pulled from the end.

use std::sync::Arc;

use kafsh_model::port::{BoxFuture, Target};
use kafsh_model::record::RecordBatch;
use kafsh_model::{Class, Error, Result};
use serde_json::Value;

use crate::transforms::checkpoint::Checkpoint;

/// What a command gives.
pub struct Output {
    pub flow: Flow,
    /// Remarks for standard error
    pub notes: Vec<String>,
    /// Items that failed though the command as a whole did its work: the status is 1
    pub failed_items: usize,
    /// Code of what stopped them, for the audit log: of one that was refused, else of the first
    pub failed_code: Option<String>,
    /// What an item is, where `1 item failed` would say it badly: `problem found`
    pub failed_as: Option<(&'static str, &'static str)>,
    /// What a person who waits at a terminal should know
    pub hint: Option<String>,
}

impl Output {
    pub fn nothing() -> Self {
        Output::of(Flow::Nothing)
    }

    pub fn of(flow: Flow) -> Self {
        let notes = Vec::new();
        Output { flow, notes, failed_items: 0, failed_code: None, failed_as: None, hint: None }
    }

    pub fn value(value: Value, view: View) -> Self {
        Output::of(Flow::Value { value, view })
    }

    pub fn text(text: impl Into<String>) -> Self {
        Output::value(Value::String(text.into()), View::Text)
    }

    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    #[must_use]
    pub fn failed(mut self, items: usize) -> Self {
        self.failed_items = items;
        self
    }

    /// Items that failed, by what stopped each.
    #[must_use]
    pub fn failed_by<'e>(self, errors: impl Iterator<Item = &'e Error>) -> Self {
        let errors: Vec<&Error> = errors.collect();
        let refused = errors.iter().find(|error| error.class == Class::Refused);
        let told = refused.or(errors.first()).map(|error| error.code.to_string());
        Output { failed_items: errors.len(), failed_code: told, ..self }
    }
}

pub enum Flow {
    Nothing,
    Value { value: Value, view: View },
    Values(Box<dyn Source<Value>>),
    Lines(Box<dyn Source<Lines>>),
    Records(Box<dyn Source<RecordBatch>>),
}

/// Lines without their newline; a `\r` before it is part of the line.
pub type Lines = Vec<Vec<u8>>;

/// Something to pull from. Dropping it ends what feeds it.
pub trait Source<T>: Send {
    /// `None` at the end.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<T>>>;

    /// All that was pulled so far is where it should be (printed, written, acknowledged): a
    /// consumer in a group commits.
    fn acknowledge(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    /// After the end: remarks for standard error, and an error where the source itself judges that
    /// it fell short (`--count 10 --timeout 1s`).
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// An item is here already: `next` would not wait. Who must not wait with items in hand asks.
    fn ready(&self) -> bool {
        false
    }

    /// How items that are bytes are written.
    fn ending(&self) -> Ending {
        Ending { newline: true, foreign: false }
    }

    /// Where records come from, where a cluster gives them.
    fn origin(&self) -> Option<Origin> {
        None
    }
}

/// Where records come from, for stages that write beside the pipe or have something to keep.
#[derive(Clone)]
pub struct Origin {
    pub target: Target,
    /// Its name here; none for an address
    pub cluster: Option<String>,
    /// What is read
    pub topics: Vec<String>,
    /// Keeps what stages remember, together with how far reading has come
    pub checkpoint: Option<Arc<Checkpoint>>,
}

/// How items that are bytes are written, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// A newline after each
    pub newline: bool,
    /// They hold bytes of somebody else's records: a terminal is shown them, not given them
    pub foreign: bool,
}

/// A source over what is there already.
pub struct Ready<T>(pub std::collections::VecDeque<T>);

impl<T: Send> Source<T> for Ready<T> {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<T>>> {
        Box::pin(async { Ok(self.0.pop_front()) })
    }

    fn ready(&self) -> bool {
        !self.0.is_empty()
    }
}

impl Flow {
    pub fn lines(lines: Lines) -> Flow {
        Flow::Lines(Box::new(Ready([lines].into())))
    }
}

/// How a value is drawn as a table. JSON is the value as it stands, whatever the view.
#[derive(Clone, Copy, Debug)]
pub enum View {
    /// No table was declared: drawn by its shape
    Plain,
    /// A string, printed raw
    Text,
    /// An array of objects, or one object as one row
    Rows(&'static [Column]),
    /// An array of objects of long texts: each is a block of lines for people, nothing is cut
    Blocks(&'static [Column]),
    /// Rows of which a person was told while it went on: no table on a terminal, unless asked for
    Told(&'static [Column]),
    /// One object: the fields above, then each section as a table
    Record { fields: &'static [Column], sections: &'static [Section] },
}

/// A part of an object that is an array of objects.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    pub key: &'static str,
    pub title: &'static str,
    pub columns: &'static [Column],
}

#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Key in the object; `a.b` goes deeper
    pub key: &'static str,
    pub title: &'static str,
    pub show: Show,
}

/// How a cell is written in a table for people; other formats give the value itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Text to the left, numbers to the right
    Plain,
    /// Bytes as `1.5 MiB`
    Size,
    /// ms as `2.4s`
    Duration,
    /// ms since 1970 as a local time
    Time,
    /// `true` as a tick, `false` as nothing
    Tick,
    /// A list of sentences, `; ` between them
    Sentences,
}

pub const fn column(key: &'static str, title: &'static str) -> Column {
    Column { key, title, show: Show::Plain }
}

pub const fn column_as(key: &'static str, title: &'static str, show: Show) -> Column {
    Column { key, title, show }
}
