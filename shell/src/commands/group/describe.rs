//! `group describe NAME…`.

use kafsh_model::Result;
use kafsh_model::group::GroupMember;
use serde_json::{Value, json};

use super::age::{self, Times};
use super::lag::{self, Lag, Loaded, Logs};
use crate::call::Call;
use crate::flow::{Column, Output, Section, Show, View, column, column_as};
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, Kind, Needs};

const FIELDS: &[Column] = &[
    column("group", "group"),
    column("state", "state"),
    column("protocol", "assignor"),
    column("coordinator", "coordinator"),
    column("total_lag", "total lag"),
    column_as("lag_ms", "waiting for", Show::Duration),
];

const PARTITIONS: Section = Section {
    key: "partitions",
    title: "",
    columns: &[
        column("topic", "TOPIC"),
        column("partition", "PARTITION"),
        column("committed", "COMMITTED"),
        column("end", "END"),
        column("lag", "LAG"),
        column_as("lag_ms", "WAITING", Show::Duration),
        column_as("stuck", "STUCK", Show::Tick),
        column("member", "MEMBER"),
    ],
};

const MEMBERS: Section = Section {
    key: "members",
    title: "",
    columns: &[
        column("member_id", "MEMBER"),
        column("client_id", "CLIENT"),
        column("client_host", "HOST"),
        column("partitions", "PARTITIONS"),
        column("lag", "LAG"),
    ],
};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["group", "describe"],
    summary: "show members, committed offsets and lag of consumer groups",
    detail: "All partitions of the topics that the group has commits in or members on. Lag is the \
             end of a partition's log less the committed offset; where nothing was committed yet, \
             COMMITTED is empty and the lag is all that the partition holds; where the end is not \
             known (no leader), LAG is empty. WAITING (`lag_ms`) is how long the first unread \
             record has been there, by its timestamp: it is read from the topic, of at most 64 \
             partitions, the largest lag first, in at most 3 s, and empty where that was not \
             possible. STUCK is a partition with lag that no member reads, or whose group is \
             neither Stable nor Empty. `worst` is the partition that waits longest. One group is \
             one object, several are a list.",
    args: &[ArgSpec { name: "name", kind: Kind::Group, arity: Arity::Many, help: "the groups" }],
    needs: Needs::Cluster,
    examples: &[
        Example {
            line: "consume test --group billing; group describe billing",
            about: "one group",
        },
        Example {
            line: "consume test --group billing; group describe billing | jq '.total_lag'",
            about: "its lag, for a script",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let admin = call.admin()?;
    let (mut groups, mut failed) = (Vec::new(), Vec::new());
    let names = call.args.texts("name");
    for name in &names {
        match lag::load(admin.as_ref(), name).await {
            Ok(group) => groups.push(group),
            Err(error) => failed.push(error),
        }
    }
    if groups.is_empty()
        && let Some(error) = failed.pop()
    {
        return Err(error);
    }
    let mut logs = Logs::default();
    logs.know_topics(admin.as_ref(), &groups).await?;
    // What leaders that are silent lead is not known; all else is.
    let known = logs.know_offsets(&admin, &groups).await;
    let lags: Vec<Vec<Lag>> = groups.iter().map(|group| logs.lags(group)).collect();
    let waiting = |lag: &Lag| Some((lag.place.clone(), lag.read_to?, lag.lag.filter(|n| *n > 0)?));
    let unread: Vec<age::Unread> = lags.iter().flatten().filter_map(waiting).collect();
    let times = match unread.is_empty() {
        true => Times::default(),
        false => age::times(call.records()?, unread.into_iter()).await,
    };
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let shown = groups.iter().zip(&lags).map(|(group, lags)| value(group, lags, &times, now_ms));
    let mut described: Vec<Value> = shown.collect();
    let value = match names.len() {
        1 => described.remove(0),
        _ => Value::Array(described),
    };
    let view = View::Record { fields: FIELDS, sections: &[PARTITIONS, MEMBERS] };
    let mut output = Output::value(value, view).failed_by(failed.iter());
    for error in &failed {
        output = output.note(error.to_string());
    }
    let unknown: usize = lags.iter().map(|lags| lag::unknown(lags)).sum();
    if let (Err(error), 1..) = (known, unknown) {
        let note = format!("of {unknown} partitions the lag is not known: {error}");
        output = output.note(note);
    }
    Ok(match times.unknown {
        0 => output,
        unknown => output.note(format!(
            "of {unknown} partitions the first unread record was not read: they have no waiting time"
        )),
    })
}

fn value(group: &Loaded, lags: &[Lag], times: &Times, now_ms: i64) -> Value {
    let age = |lag: &Lag| {
        lag.lag.filter(|lag| *lag > 0)?;
        times.lag_ms(&lag.place, lag.read_to?, now_ms)
    };
    let row = |lag: &Lag| {
        json!({
            "topic": lag.place.topic,
            "partition": lag.place.partition,
            "committed": lag.committed,
            "end": lag.end,
            "lag": lag.lag,
            "lag_ms": age(lag),
            "member": lag.member,
            "stuck": lag.stuck,
        })
    };
    // What waits longest; where no time is known, what has most to read.
    let waiting = lags.iter().filter(|lag| age(lag).is_some());
    let longest = waiting.min_by_key(|lag| std::cmp::Reverse((age(lag), lag.lag)));
    let worst = longest.or_else(|| lag::worst(lags)).map(|lag| {
        json!({
            "topic": lag.place.topic,
            "partition": lag.place.partition,
            "lag": lag.lag,
            "lag_ms": age(lag),
        })
    });
    let found = &group.group;
    json!({
        "group": found.group,
        "state": found.state,
        "protocol_type": found.protocol_type,
        "protocol": found.protocol,
        "coordinator": found.coordinator,
        "total_lag": lag::total(lags),
        "unknown": lag::unknown(lags),
        "lag_ms": lags.iter().filter_map(age).max(),
        "worst": worst,
        "partitions": lags.iter().map(row).collect::<Vec<Value>>(),
        "members": found.members.iter().map(|m| member(m, lags)).collect::<Vec<Value>>(),
    })
}

fn member(member: &GroupMember, lags: &[Lag]) -> Value {
    let places = member.assignment.iter();
    let places: Vec<String> =
        places.map(|place| format!("{}/{}", place.topic, place.partition)).collect();
    let own = lags.iter().filter(|lag| lag.member.as_ref() == Some(&member.member_id));
    let own: Vec<Lag> = own.cloned().collect();
    json!({
        "member_id": member.member_id,
        "client_id": member.client_id,
        "client_host": member.client_host,
        "partitions": places,
        "lag": lag::total(&own),
    })
}
