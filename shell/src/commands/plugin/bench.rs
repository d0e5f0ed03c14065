//! `plugin bench PLUGIN`: what a plugin costs.

use std::io::Read;

use kafsh_model::plugin::PluginKind;
use kafsh_model::policy::TopicState;
use kafsh_model::{Error, Result};
use serde_json::Value;

use crate::author::bench::{Bench, Values, request};
use crate::author::sample::Sample;
use crate::author::subject::{Component, Mode, PLUGIN_ARG, SET, in_background};
use crate::call::Call;
use crate::flow::{Column, Output, Show, View, column, column_as};
use crate::records::lines;
use crate::spec::{CommandSpec, Example, FlagSpec, Kind};

/// Records for one figure, and calls.
const RECORDS: i64 = 100_000;
const CALLS: i64 = 1_000;
/// Bytes of values, and records at once, where none are named.
const SIZES: &str = "100,1024";
const BATCHES: &str = "1,64,512";
/// Most bytes of the records that are given at once.
const BATCH_BYTES_MAX: u64 = 64 << 20;

const RECORD_COLUMNS: &[Column] = &[
    column_as("value_bytes", "VALUE", Show::Size),
    column("batch", "AT ONCE"),
    column("records_per_second", "RECORDS/S"),
    column("ns_per_record", "NS A RECORD"),
    column("fuel_per_record", "FUEL A RECORD"),
    column_as("memory_bytes", "MEMORY", Show::Size),
];

const CALL_COLUMNS: &[Column] = &[
    column("what", "CALL"),
    column("calls", "CALLS"),
    column("median_us", "MEDIAN µS"),
    column("p99_us", "P99 µS"),
    column("fuel", "FUEL"),
    column_as("memory_bytes", "MEMORY", Show::Size),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "bench"],
    summary: "measure what a plugin costs",
    detail: "A transform is given JSON records of each size, or those of a file again and \
             again, so many at once; a policy is asked \
             about a new topic; a step plans a sample cluster. Times are those of this machine \
             and hang on what else it does; fuel is the work itself, the same everywhere.",
    args: &[PLUGIN_ARG],
    flags: &[
        FlagSpec::value(
            "records",
            "N",
            Kind::Int(1, 100_000_000),
            "records for each figure (default 100000), or calls (1000)",
        ),
        FlagSpec::value("value-size", "BYTES,…", Kind::Text, "sizes of values (100,1024)"),
        FlagSpec::value("input", "FILE", Kind::Path, "a transform: a value a line, in their place"),
        FlagSpec::value("batch", "N,…", Kind::Text, "records given at once (1,64,512)"),
        SET,
    ],
    examples: &[Example {
        line: "plugin bench preflight --records 20",
        about: "what a step of kafsh costs",
    }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let component = Component::find(&call, &call.args.text("plugin")?).await?;
    let plain = component.start(&call, Mode::Plain).await?;
    let counted = component.start(&call, Mode::Counted).await?;
    let settings = plain.settings(&call.args)?;
    let kind = plain.manifest.kind;
    let bench = Bench { plain, counted, settings };
    let default = if kind == PluginKind::Transform { RECORDS } else { CALLS };
    let count = call.args.opt_int("records")?.unwrap_or(default);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if kind != PluginKind::Transform {
        if call.args.has("input") {
            let name = &bench.plain.manifest.name;
            let message = format!("`--input` is for a transform, and `{name}` is a {kind}");
            return Err(Error::usage("bad-flags", message));
        }
        let row = in_background(move || match kind {
            PluginKind::Policy => {
                let state =
                    TopicState { partitions: 3, replication_factor: 3, ..Default::default() };
                Ok(bench.policy(count, &request("orders", state))?.row("check"))
            }
            _ => Ok(bench.step(count, &Sample::default().input()?)?.row("plan")),
        });
        let rows = vec![call.cancel.run(row).await?];
        return Ok(Output::value(Value::Array(rows), View::Rows(CALL_COLUMNS)));
    }
    let values = values(&call)?;
    let batches = numbers(&call, "batch", BATCHES)?;
    let largest = values.iter().map(Values::size).max().unwrap_or_default() as u64;
    let most = batches.iter().max().copied().unwrap_or_default() as u64;
    if largest.saturating_mul(most) > BATCH_BYTES_MAX {
        let message = "records that are given at once are too large together";
        return Err(Error::usage("bad-value", message)
            .with_cause(format!("the bound is {} MiB", BATCH_BYTES_MAX >> 20)));
    }
    let bench = std::sync::Arc::new(bench);
    let mut rows = Vec::new();
    for values in values.into_iter().map(std::sync::Arc::new) {
        for at_once in batches.iter().copied() {
            let (bench, values) = (bench.clone(), values.clone());
            let row = in_background(move || bench.transform(count, &values, at_once));
            rows.push(call.cancel.run(row).await?);
        }
    }
    let failed = rows.iter().filter_map(|row| row["failed"].as_u64()).sum::<u64>();
    let output = Output::value(Value::Array(rows), View::Rows(RECORD_COLUMNS));
    Ok(match failed {
        0 => output,
        failed => output.note(format!("{failed} records failed: these are figures of failing")),
    })
}

/// For each row of figures.
fn values(call: &Call) -> Result<Vec<Values>> {
    let Some(name) = call.args.opt_text("input") else {
        let sizes = numbers(call, "value-size", SIZES)?;
        return Ok(sizes.into_iter().map(Values::Sized).collect());
    };
    if call.args.has("value-size") {
        let message = "`--input` and `--value-size` exclude each other";
        return Err(Error::usage("bad-flags", message));
    }
    let failed = |e: std::io::Error| Error::io(format!("`{name}` cannot be read"), &e);
    let file = std::fs::File::open(call.directory.join(&name)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(BATCH_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > BATCH_BYTES_MAX {
        let most = BATCH_BYTES_MAX >> 20;
        return Err(Error::failed("file-too-large", format!("`{name}` is larger than {most} MiB")));
    }
    match lines::split(&bytes) {
        none if none.is_empty() => Err(Error::usage("bad-value", format!("`{name}` has no line"))),
        lines => Ok(vec![Values::Given(lines)]),
    }
}

/// A list of whole numbers from 1 up.
fn numbers(call: &Call, flag: &str, default: &str) -> Result<Vec<usize>> {
    let text = call.args.opt_text(flag).unwrap_or_else(|| default.to_string());
    let number = |word: &str| word.trim().parse().ok().filter(|number| *number > 0);
    let numbers: Option<Vec<usize>> = text.split(',').map(number).collect();
    numbers.ok_or_else(|| {
        Error::usage("bad-value", format!("`--{flag}` is a list of numbers, not `{text}`"))
    })
}
