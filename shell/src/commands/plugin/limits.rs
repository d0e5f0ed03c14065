//! The limits of a plugin: what its manifest requests, the cap, and what is in force.

use std::time::Duration;

use kafsh_host::limits::*;
use kafsh_model::plugin::{LimitRequest, PluginKind};
use kafsh_model::units::{show_duration, show_size};
use serde_json::{Value, json};

use crate::transforms;

/// A number with its unit.
#[derive(Clone, Copy)]
enum Amount {
    Bytes(usize),
    Time(Duration),
    Count(u64, &'static str),
}

impl Amount {
    fn shown(self) -> String {
        match self {
            Amount::Bytes(bytes) => show_size(bytes as u64),
            Amount::Time(time) => show_duration(time),
            Amount::Count(count, unit) => format!("{count} {unit}"),
        }
    }

    fn value(self) -> u64 {
        match self {
            Amount::Bytes(bytes) => bytes as u64,
            Amount::Time(time) => u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            Amount::Count(count, _) => count,
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Amount::Bytes(_) => "bytes",
            Amount::Time(_) => "ms",
            Amount::Count(_, unit) => unit,
        }
    }
}

use Amount::{Bytes, Count, Time};

/// One row for each limit. Without a cap it cannot be requested; without a value (`null`) it is no
/// number but a rule, told by `effective`.
pub fn limits(kind: PluginKind, request: &LimitRequest) -> Vec<Value> {
    let mut rows = requestable(kind, request);
    let fixed = fixed(kind, request).into_iter();
    rows.extend(fixed.map(|(limit, amount)| row(limit, None, None, amount)));
    rows.extend(rules(kind).into_iter().map(|(limit, rule)| {
        json!({
            "limit": limit, "requested": null, "cap": null,
            "effective": rule, "value": null, "unit": null,
        })
    }));
    rows
}

fn row(limit: &str, requested: Option<Amount>, cap: Option<Amount>, amount: Amount) -> Value {
    json!({
        "limit": limit,
        "requested": requested.map(Amount::shown),
        "cap": cap.map(Amount::shown),
        "effective": amount.shown(),
        "value": amount.value(),
        "unit": amount.unit(),
    })
}

/// What a manifest may ask for.
fn requestable(kind: PluginKind, request: &LimitRequest) -> Vec<Value> {
    let Limits { memory_bytes, stack_bytes, call, .. } = Limits::of(kind, request);
    let memory = request.memory_mib.map(mib_of);
    let stack = request.stack_kib.map(kib_of);
    let time = request.call_ms.map(|ms| Time(Duration::from_millis(ms.into())));
    vec![
        row("memory", memory, Some(Bytes(MEMORY_BYTES_CAP)), Bytes(memory_bytes)),
        row("stack", stack, Some(Bytes(STACK_BYTES_CAP)), Bytes(stack_bytes)),
        row("time of a call", time, Some(Time(CALL_TIME_CAP)), Time(call)),
    ]
}

/// What a manifest asks for and is not given, in words.
pub fn beyond(kind: PluginKind, request: &LimitRequest) -> Vec<String> {
    let given = Limits::of(kind, request);
    let asked = |ms: u32| Duration::from_millis(ms.into());
    let pairs = [
        request.memory_mib.map(|mib| (mib_of(mib), Bytes(given.memory_bytes), "memory")),
        request.stack_kib.map(|kib| (kib_of(kib), Bytes(given.stack_bytes), "stack")),
        request.call_ms.map(|ms| (Time(asked(ms)), Time(given.call), "time for a call")),
    ];
    let differ =
        pairs.into_iter().flatten().filter(|(asked, given, _)| asked.value() != given.value());
    differ
        .map(|(asked, given, what)| {
            format!("it asks for {} of {what}, and is given {}", asked.shown(), given.shown())
        })
        .collect()
}

fn mib_of(mib: u32) -> Amount {
    Bytes((mib as usize) << 20)
}

fn kib_of(kib: u32) -> Amount {
    Bytes((kib as usize) << 10)
}

type Fixed = Vec<(&'static str, Amount)>;

/// Those of all kinds, then those of this kind.
fn fixed(kind: PluginKind, request: &LimitRequest) -> Fixed {
    let Limits { start, transfer_bytes, .. } = Limits::of(kind, request);
    let mut rows = vec![
        ("time to start", Time(start)),
        ("time to describe itself", Time(DESCRIBE_TIME_MAX)),
        ("time to compile", Time(COMPILE_TIME_MAX)),
        ("deadlines are kept to", Time(TICK)),
        ("bytes to and from it", Bytes(transfer_bytes)),
        ("table elements", count(TABLE_ELEMENTS_MAX, "elements")),
        ("tables", count(TABLES_MAX, "tables")),
        ("memories", count(MEMORIES_MAX, "memories")),
        ("core instances", count(INSTANCES_MAX, "instances")),
        ("size of its file", Bytes(COMPONENT_BYTES_MAX)),
        ("log of a call", count(LOG_LINES_MAX, "lines")),
        ("line of the log", Bytes(LOG_LINE_BYTES_MAX)),
        ("message of a panic", Bytes(PANIC_BYTES_MAX)),
        ("secrets held at once", count(SECRETS_HELD_MAX, "secrets")),
        ("random bytes at once", Bytes(RANDOM_BYTES_MAX as usize)),
        ("counters", count(COUNTERS_MAX, "counters")),
    ];
    rows.extend(match kind {
        PluginKind::Policy => vec![
            ("findings of an answer", count(POLICY_FINDINGS_MAX, "findings")),
            ("amendments of an answer", count(POLICY_FINDINGS_MAX, "amendments")),
            ("text of an answer", Bytes(POLICY_STRING_BYTES_MAX)),
        ],
        PluginKind::Step => vec![
            ("actions of a plan", count(ACTIONS_MAX, "actions")),
            ("findings of a plan", count(FINDINGS_MAX, "findings")),
            ("properties of an action", count(PROPERTIES_MAX, "properties")),
            ("text of an answer", Bytes(STRING_BYTES_MAX)),
        ],
        PluginKind::Transform => transform(),
    });
    rows
}

fn transform() -> Fixed {
    vec![
        ("records that this time covers", count(RECORDS_FREE, "records")),
        ("time for each more", Time(RECORD_TIME)),
        ("records of a call", count(transforms::CALL_RECORDS_MAX, "records")),
        ("bytes of a call", Bytes(transforms::CALL_BYTES_MAX)),
        ("output that is always allowed", Bytes(OUTPUT_BYTES_FREE)),
        ("output for its input", count(OUTPUT_GROWTH_MAX, "times")),
        ("output of a call", Bytes(OUTPUT_BYTES_MAX)),
        ("records out of a call", count(BATCH_RECORDS_MAX, "records")),
        ("columns out of a call", Bytes(COLUMN_BYTES_MAX)),
        ("topics named by an answer", count(TOPIC_NAMES_MAX, "topics")),
        ("message of a failure", Bytes(FAILURE_BYTES_MAX)),
        ("state of a partition", Bytes(STATE_BYTES_MAX)),
        ("value in the state", Bytes(STATE_VALUE_BYTES_MAX)),
        ("records of an instance", Count(INSTANCE_RECORDS_MAX, "records")),
        ("instances at once", count(transforms::INSTANCES_MAX, "instances")),
    ]
}

fn count(number: usize, unit: &'static str) -> Amount {
    Count(number as u64, unit)
}

/// What is no number.
fn rules(kind: PluginKind) -> Vec<(&'static str, &'static str)> {
    let (instances, breaks) = match kind {
        PluginKind::Policy => ("a new one for each call", "denies where enforced, else is said"),
        PluginKind::Step => ("a new one for each call", "stops the plan"),
        PluginKind::Transform => {
            ("one for each partition", "`--on-error`: fail, skip or dead-letter")
        }
    };
    vec![
        ("fuel", "not counted in use, the time ends a call; `plugin test` and `bench` count it"),
        ("instances", instances),
        ("if it breaks", breaks),
    ]
}
