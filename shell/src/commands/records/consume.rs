//! `consume TOPIC…`: records out of topics.

use std::collections::BTreeSet;

use kafsh_model::port::{ConsumeOptions, From, To};
use kafsh_model::topic::TopicPartition;
use kafsh_model::{Error, Result};

use crate::args::Args;
use crate::call::Call;
use crate::flow::{Flow, Origin, Output};
use crate::records::format::RecordFormat;
use crate::records::position::{self, Position};
use crate::records::reading::{Formatted, Limits, Reading};
use crate::records::resume::resume;
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, FlagSpec, Kind, Needs};

const FLAGS: &[FlagSpec] = &[
    FlagSpec::value(
        "from",
        "POSITION",
        Kind::Offset,
        "earliest (default), latest, an offset, -N (N before the end), @TIME, committed",
    )
    .short('o')
    .alias(&["offset"]),
    FlagSpec::value(
        "start",
        "PARTITION:OFFSET",
        Kind::Text,
        "begin this partition at an offset of its own; of one topic",
    )
    .repeated(),
    FlagSpec::value("to", "POSITION", Kind::Offset, "end (default), an offset or @TIME"),
    FlagSpec::value("count", "N", Kind::Int(1, i64::MAX), "at most so many records")
        .short('c')
        .alias(&["max-messages"]),
    FlagSpec::value(
        "timeout",
        "DURATION",
        Kind::Duration,
        "stop after this; with `--count` wait so long for all of them, and fail if they are fewer",
    ),
    FlagSpec::switch("follow", "go on at the end; alone, from the latest").short('F'),
    FlagSpec::value("group", "GROUP", Kind::Group, "read as a member of a group, and commit")
        .short('g'),
    FlagSpec::value(
        "checkpoint",
        "FILE",
        Kind::Path,
        "keep in this file how far it has come, and go on from there the next time",
    ),
    FlagSpec::value("partition", "N", Kind::Int(0, i32::MAX as i64), "only this partition")
        .short('p')
        .repeated(),
    FlagSpec::value("format", "FORMAT", Kind::Text, "kcat's letters: '%k=%s\\n', %p %o %t %T %h")
        .short('f'),
    FlagSpec::switch("from-beginning", "the same as `--from earliest`"),
    FlagSpec::switch("exit-at-end", "what it does anyway, unless it follows").short('e'),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["consume"],
    summary: "read records from topics, to the end as it is now",
    detail: "Reads from the earliest record to the end as it was at the start, then stops and says \
             so on standard error. `--follow` goes on. A record is written as its value and a \
             newline; `-O jsonl` writes it as an object with topic, partition, offset, timestamp, \
             key, value and headers, which `produce --envelope` takes back unchanged; `-f` writes \
             exactly its format.\n\n\
             With `--group` reading begins where the group has come to, and what was written is \
             committed, batch by batch, after it was written. Records of one partition come in \
             order, those of several as they arrive.\n\n\
             `--checkpoint FILE` does the same without a group, so that nothing is written to the \
             cluster: the file holds the next offset of each partition, and what the transforms \
             after it remember, saved together about once a second and at the end. What was in \
             hand when it was killed is read again; nothing is left out. The next run goes on \
             where the file says; `--from` then holds only for partitions that are new. A file of \
             another cluster or of other topics is refused.",
    args: &[ArgSpec {
        name: "topic",
        kind: Kind::Topic,
        arity: Arity::Many,
        help: "the topics to read",
    }],
    flags: FLAGS,
    needs: Needs::Cluster,
    examples: &[
        Example { line: "consume test", about: "everything there is" },
        Example {
            line: "consume test --from -2 -O jsonl",
            about: "the last two of each partition, as JSON",
        },
        Example {
            line: "consume test --format '%p/%o %k=%s\\n' | head 3",
            about: "with coordinates",
        },
        Example { line: "consume test | where '.key != null'", about: "some of them" },
        Example {
            line: "consume test --checkpoint test.checkpoint",
            about: "what came since the last time",
        },
    ],
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let mut options = options(&call)?;
    let format = call.args.opt_text("format").map(|text| RecordFormat::parse(&text)).transpose()?;
    let limits = Limits { count: options.count_hint, timeout: call.args.opt_duration("timeout")? };
    let topics = options.topics.clone();
    let what = topics.join(", ");
    let follows = options.to == To::Never && limits.count.is_none() && limits.timeout.is_none();
    let hint = follows.then(|| format!("following {what}: Ctrl-C stops"));
    if options.group.is_some() {
        // What a group has read is written down, and moves for all its members.
        call.cancel.run(call.check_writable()).await?;
    }
    let target = call.target()?;
    let cluster = match call.address() {
        Some(_) => None,
        None => Some(call.cluster_name()?),
    };
    let mut notes = Vec::new();
    let mut checkpoint = None;
    if let Some(path) = call.args.opt_text("checkpoint") {
        let admin = call.context.admin(&target)?;
        let path = call.directory.join(path);
        let resuming = resume(admin.as_ref(), &path, &mut options, &mut notes);
        checkpoint = Some(call.cancel.run(resuming).await?);
    }
    let records = call.records()?;
    let begins_at = match options.from {
        From::Offset(offset) if offset > 0 => Some(offset),
        _ => None,
    };
    let consumer = call.cancel.run(records.consumer(options)).await?;
    let reading = Reading::new(consumer, limits, what, call.cancel.clone());
    let reading = reading.following(follows).beginning_at(begins_at);
    let reading = Box::new(reading.of(Origin { target, cluster, topics, checkpoint }));
    let flow = match format {
        Some(format) => Flow::Lines(Box::new(Formatted::new(reading, format))),
        None => Flow::Records(reading),
    };
    Ok(Output { notes, hint, ..Output::of(flow) })
}

fn options(call: &Call) -> Result<ConsumeOptions> {
    let args = &call.args;
    let mut topics = args.texts("topic");
    let mut seen = std::collections::BTreeSet::new();
    topics.retain(|topic| seen.insert(topic.clone()));
    let count = args.opt_int("count")?.and_then(|n| u64::try_from(n).ok());
    let group = args.opt_text("group");
    let follow = args.switch("follow");
    if follow && (args.has("to") || args.switch("exit-at-end")) {
        return Err(Error::usage(
            "bad-flags",
            "`--follow` has no end: `--to` and `-e` do not go with it",
        ));
    }
    if args.switch("from-beginning") && args.has("from") {
        return Err(Error::usage(
            "bad-flags",
            "`--from-beginning` and `--from` exclude each other",
        ));
    }
    if args.has("checkpoint") && (group.is_some() || is_committed(args)) {
        return Err(Error::usage(
            "bad-flags",
            "`--checkpoint` keeps in a file what a group keeps in the cluster: it is one or the other",
        ));
    }
    // A count with a time waits for its records; without one there is no waiting.
    let waits = count.is_some() && args.has("timeout");
    let to = match args.opt_text("to") {
        Some(text) => position::parse(&text)?.end()?,
        None if follow => To::Never,
        None if waits && !args.switch("exit-at-end") => To::Never,
        None => To::End,
    };
    let from = match args.opt_text("from") {
        Some(text) => position::parse(&text)?,
        None if args.switch("from-beginning") => Position::Earliest,
        None if group.is_some() => Position::Committed,
        None if follow => Position::Latest,
        None => Position::Earliest,
    };
    let partitions = args.texts("partition").into_iter().map(|text| {
        text.parse().map_err(|_| Error::usage("bad-value", format!("`{text}` is no partition")))
    });
    Ok(ConsumeOptions {
        topics,
        partitions: partitions.collect::<Result<_>>()?,
        from: from.start(),
        to,
        count_hint: count,
        starts: starts(args, group.is_some())?,
        group,
    })
}

/// `--start PARTITION:OFFSET`: partitions that begin elsewhere than the others.
fn starts(args: &Args, in_group: bool) -> Result<Vec<(TopicPartition, i64)>> {
    let given = args.texts("start");
    if given.is_empty() {
        return Ok(Vec::new());
    }
    let topics: BTreeSet<String> = args.texts("topic").into_iter().collect();
    let Some(topic) = topics.first().filter(|_| topics.len() == 1) else {
        return Err(Error::usage("bad-flags", "`--start` is about the partitions of one topic"));
    };
    if in_group || args.has("checkpoint") {
        let message = "`--start` does not go with `--group` or `--checkpoint`";
        return Err(Error::usage("bad-flags", message)
            .with_cause("they know themselves where each partition begins"));
    }
    let one = |text: String| {
        let parts = text.split_once(':');
        let numbers = parts.and_then(|(p, o)| Some((p.parse().ok()?, o.parse::<i64>().ok()?)));
        match numbers.filter(|(partition, offset): &(i32, i64)| *partition >= 0 && *offset >= 0) {
            Some((partition, offset)) => {
                Ok((TopicPartition { topic: topic.clone(), partition }, offset))
            }
            None => Err(Error::usage("bad-value", format!("`{text}` is no PARTITION:OFFSET"))
                .with_next("consume TOPIC --start 0:120")),
        }
    };
    given.into_iter().map(one).collect()
}

fn is_committed(args: &Args) -> bool {
    let from = args.opt_text("from");
    from.is_some_and(|from| position::parse(&from).is_ok_and(|at| at == Position::Committed))
}
