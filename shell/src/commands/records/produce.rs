//! `produce TOPIC`: lines, values or records into a topic.

use std::io::IsTerminal;

use kafsh_model::port::{Admin, ProgressEvent};
use kafsh_model::{Error, Result};
use serde_json::Value;

use crate::call::Call;
use crate::flow::{Column, Flow, Output, View, column};
use crate::records::format::unescape;
use crate::records::input::LineReader;
use crate::records::position;
use crate::records::sending::{Input, Sending, Sent};
use crate::records::shape::Shape;
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, Example, FlagSpec, Kind, Needs, Place};

const REPORT: &[Column] =
    &[column("topic", "TOPIC"), column("partition", "PARTITION"), column("offset", "OFFSET")];

const FLAGS: &[FlagSpec] = &[
    FlagSpec::value("file", "FILE", Kind::Path, "lines of a file instead of the pipe"),
    FlagSpec::value("key", "KEY", Kind::Text, "the key of every record").short('k'),
    FlagSpec::value(
        "key-separator",
        "TEXT",
        Kind::Text,
        "what parts key and value of a line (`\\t` is a tab); a line without it has no key",
    )
    .short('K'),
    FlagSpec::value("header", "NAME=VALUE", Kind::KeyValue, "one more header")
        .short('H')
        .repeated(),
    FlagSpec::value("partition", "N", Kind::Int(0, i32::MAX as i64), "instead of the key's own")
        .short('p'),
    FlagSpec::switch("keep-partitions", "records and envelopes stay in the partition they name"),
    FlagSpec::value("timestamp", "MS|@TIME", Kind::Offset, "the time of every record"),
    FlagSpec::switch("envelope", "lines and objects are records as JSON").alias(&["json"]),
    FlagSpec::value("null-value", "TEXT", Kind::Text, "this text, as key or value, is null")
        .alias(&["null-marker"]),
    FlagSpec::switch("tombstones", "an empty key or value is null").short('Z'),
    FlagSpec::switch("report", "a row for each record: where it is now"),
    FlagSpec::switch("dry-run", "read and check everything, send nothing"),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["produce"],
    summary: "send lines, values or records to a topic and await their acknowledgement",
    detail: "What comes from a pipe is sent: each line, each text, other values as compact JSON. \
             Records from `consume` keep key, value, headers and time byte for byte; one that a \
             transform sent to another topic goes there. Without a pipe, lines come from \
             <<END … END, from `--file`, or from standard input to its end (Ctrl-D at a \
             keyboard).\n\n\
             With `--envelope` a line or object is a record as `consume -O jsonl` writes it: \
             {\"key\", \"value\", \"headers\", \"timestamp\"}, where key and value are text, null \
             or {\"base64\"}.\n\n\
             Every record is acknowledged by all replicas in sync (acks=all); keys choose \
             partitions as the Java client does. The first failure stops it, and the error says \
             how many were acknowledged. A topic is never created.",
    args: &[ArgSpec {
        name: "topic",
        kind: Kind::Topic,
        arity: Arity::One,
        help: "the topic to send to",
    }],
    flags: FLAGS,
    place: Place::Both,
    effect: Effect::Write,
    needs: Needs::Cluster,
    examples: &[
        Example { line: "jq -n '\"hello\", \"world\"' | produce test", about: "two records" },
        Example {
            line: "jq -n '\"k1:v1\"' | produce test --key-separator : --header source=demo",
            about: "with key and header",
        },
        Example {
            line: "jq -n '{key: \"k1\", value: null}' | produce test --envelope",
            about: "a tombstone",
        },
    ],
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

/// What a record can be written with: from the second millisecond of 1970 on.
fn timestamp(text: &str) -> Result<i64> {
    let ms = position::timestamp(text)?;
    if ms > 0 {
        return Ok(ms);
    }
    Err(Error::usage("bad-value", format!("`{text}` is no timestamp of a record"))
        .with_cause("it is in ms since 1970, from 1 on; 0 means \"now\" to the client library"))
}

async fn run(mut call: Call) -> Result<Output> {
    let shape = shape(&call)?;
    let dry_run = call.args.switch("dry-run");
    if !dry_run {
        call.check_writable().await?;
    }
    let target = call.target()?;
    // Made first: it connects while we look whether the topic is there.
    let producer = match dry_run {
        true => None,
        false => Some(call.context.producer(&target)?),
    };
    let admin = call.context.admin(&target)?;
    call.cancel.run(check_topic(admin.as_ref(), &shape)).await?;
    let input = match (call.args.opt_text("file"), Input::of(call.take_input())) {
        (Some(_), Some(_)) => {
            return Err(Error::usage("two-inputs", "`--file` and a pipe cannot both be sent"));
        }
        (Some(name), None) => {
            let file = std::fs::File::open(call.directory.join(&name))
                .map_err(|e| Error::io(format!("`{name}` cannot be read"), &e))?;
            Input::Lines(Box::new(LineReader::file(file, &name)?))
        }
        (None, Some(input)) => input,
        (None, None) => Input::Lines(Box::new(standard_input(&call)?)),
    };
    let sending = Sending::new(producer, shape, call.args.switch("report")).looking_first(admin);
    match sending.run(input, &call.cancel).await {
        Ok(sent) => Ok(output(sent)),
        Err(error) => {
            call.context.forget_producer(&target);
            Err(error)
        }
    }
}

fn output(sent: Sent) -> Output {
    let mut output = match sent.report {
        Some(rows) => Output::value(Value::Array(rows), View::Rows(REPORT)),
        None => Output::of(Flow::Nothing),
    };
    output.notes = sent.notes;
    output.note(sent.summary)
}

fn standard_input(call: &Call) -> Result<LineReader> {
    if std::io::stdin().is_terminal() {
        call.progress.event(ProgressEvent::Note("a record a line; Ctrl-D ends"));
    }
    LineReader::standard_input()
}

/// Fails before anything is read where the topic, or the partition, is not there.
async fn check_topic(admin: &dyn Admin, shape: &Shape) -> Result<()> {
    let names = [shape.topic.clone()];
    let found = admin.topics(Some(&names)).await?;
    let count = found.first().map_or(0, |topic| topic.partitions.len());
    match shape.partition {
        Some(partition) if usize::try_from(partition).is_ok_and(|p| p >= count) => {
            let message = format!("topic `{}` has no partition {partition}", shape.topic);
            Err(Error::not_found("partition-not-found", message)
                .with_cause(format!("its partitions are 0 to {}", count.saturating_sub(1)))
                .with_next(format!("topic describe {}", shape.topic)))
        }
        _ => Ok(()),
    }
}

fn shape(call: &Call) -> Result<Shape> {
    let args = &call.args;
    let null = match (args.opt_text("null-value"), args.switch("tombstones")) {
        (Some(_), true) => {
            return Err(Error::usage(
                "bad-flags",
                "`--null-value` and `--tombstones` exclude each other",
            ));
        }
        (Some(text), false) => Some(text.into_bytes()),
        (None, true) => Some(Vec::new()),
        (None, false) => None,
    };
    let key_separator = args.opt_text("key-separator").map(|text| unescape(&text)).transpose()?;
    if key_separator.as_ref().is_some_and(Vec::is_empty) {
        return Err(Error::usage("bad-value", "a key separator cannot be empty"));
    }
    if key_separator.is_some() && (args.has("key") || args.switch("envelope")) {
        return Err(Error::usage(
            "bad-flags",
            "`--key-separator` goes with neither `--key` nor `--envelope`",
        ));
    }
    let headers = args.pairs("header")?;
    let headers = headers.into_iter().map(|(name, value)| (name, Some(value.into_bytes())));
    Ok(Shape {
        topic: args.text("topic")?,
        key: args.opt_text("key").map(String::into_bytes),
        key_separator,
        headers: headers.collect(),
        partition: args.opt_int("partition")?.and_then(|p| i32::try_from(p).ok()),
        keep_partitions: args.switch("keep-partitions"),
        timestamp_ms: args.opt_text("timestamp").map(|t| timestamp(&t)).transpose()?,
        envelope: args.switch("envelope"),
        null,
    })
}
