//! `group list [--lag]`.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kafsh_model::group::GroupListing;
use kafsh_model::port::Admin;
use kafsh_model::{Error, Result};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::lag::{self, Loaded, Logs};
use crate::call::Call;
use crate::flow::{Column, Output, View, column};
use crate::spec::{CommandSpec, Example, FlagSpec, Kind, Needs};

const COLUMNS: &[Column] =
    &[column("group", "GROUP"), column("state", "STATE"), column("protocol_type", "TYPE")];

const LAG_COLUMNS: &[Column] = &[
    column("group", "GROUP"),
    column("state", "STATE"),
    column("protocol_type", "TYPE"),
    column("members", "MEMBERS"),
    column("total_lag", "LAG"),
    column("stuck", "STUCK"),
    column("worst.topic", "WORST TOPIC"),
    column("worst.partition", "PARTITION"),
    column("worst.lag", "ITS LAG"),
    column("topics", "TOPICS"),
];

/// Groups whose offsets are looked up together.
const BATCH: usize = 200;
/// Groups that are asked about side by side.
const AT_ONCE: usize = 16;
/// Bound on reading the lag of all groups, where `--within` gives none.
const WITHIN: Duration = Duration::from_secs(10);

pub static SPEC: CommandSpec = CommandSpec {
    path: &["group", "list"],
    summary: "list consumer groups and their state",
    detail: "With --lag also how many members they have, which topics they read, how many \
             records they have still to read, in how many partitions nobody reads them (STUCK), \
             and which partition lags most; the worst group first. Each group costs its \
             coordinator two requests, so this is bounded in time: groups that were not reached \
             have null, and a note says how many. LAG leaves out partitions whose leader does not \
             tell; `unknown` of -O json counts them. Groups whose coordinator is silent are \
             missing, and a note says of which broker.",
    flags: &[
        FlagSpec::switch("lag", "read the lag of every group, the worst first"),
        FlagSpec::value("within", "DURATION", Kind::Duration, "bound on reading it (default 10s)"),
    ],
    needs: Needs::Cluster,
    examples: &[
        Example { line: "group list", about: "of every coordinator" },
        Example { line: "group list --lag | jq 'map(.total_lag) | add'", about: "all there is" },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let admin = call.admin()?;
    let within = call.args.opt_duration("within")?;
    if call.args.switch("lag") {
        return with_lag(admin, within.unwrap_or(WITHIN)).await;
    }
    if within.is_some() {
        return Err(Error::usage("bad-flags", "`--within` bounds the reading of `--lag`")
            .with_next("group list --lag --within 10s"));
    }
    let (groups, silent) = lag::listed(admin.as_ref()).await?;
    let rows = groups.iter().map(|group| {
        json!({
            "group": group.group,
            "state": group.state,
            "protocol_type": group.protocol_type,
        })
    });
    let output = Output::value(Value::Array(rows.collect()), View::Rows(COLUMNS));
    Ok(Output { notes: lag::missing(&silent).into_iter().collect(), ..output })
}

pub(super) async fn with_lag(admin: Arc<dyn Admin>, within: Duration) -> Result<Output> {
    let (groups, silent) = lag::listed(admin.as_ref()).await?;
    let found = Mutex::new(Vec::new());
    // What was found before the time ran out stays.
    let read = timeout(within, read_lags(&admin, &groups, &found)).await;
    let mut rows = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let reached: BTreeSet<String> =
        rows.iter().filter_map(|row| row["group"].as_str()).map(String::from).collect();
    let missed: Vec<Value> =
        groups.iter().filter(|g| !reached.contains(&g.group)).map(unreached).collect();
    rows.extend(missed);
    rows.sort_by_cached_key(|row| {
        let lag = row["total_lag"].as_i64();
        // What is unknown may be anything: before those that have nothing to read.
        (Reverse(lag.unwrap_or(0)), lag.is_some(), row["group"].to_string())
    });
    let in_part = |row: &&Value| row["total_lag"].is_null() || row["unknown"].as_u64() != Some(0);
    let (all, unread) = (rows.len(), rows.iter().filter(in_part).count());
    let output = Output::value(Value::Array(rows), View::Rows(LAG_COLUMNS));
    let output = Output { notes: lag::missing(&silent).into_iter().collect(), ..output };
    let why = match read {
        _ if unread == 0 => return Ok(output),
        Ok(Err(error)) => error.to_string(),
        Ok(Ok(())) => "their coordinators or leaders gave no answer".to_string(),
        Err(_) => "the time was up (--within)".to_string(),
    };
    Ok(output.note(format!("of {unread} of {all} groups the lag is not known, or in part: {why}")))
}

/// Adds a row for each group that its coordinator describes; fails with the last thing that went
/// wrong with the partitions of some of them, whose lag is then not known.
async fn read_lags(
    admin: &Arc<dyn Admin>,
    groups: &[GroupListing],
    found: &Mutex<Vec<Value>>,
) -> Result<()> {
    let (mut logs, mut outcome) = (Logs::default(), Ok(()));
    for batch in groups.chunks(BATCH) {
        let loaded = load_all(admin, batch).await;
        let mut known = logs.know_topics(admin.as_ref(), &loaded).await;
        if known.is_ok() {
            known = logs.know_offsets(admin, &loaded).await;
        }
        outcome = known.and(outcome);
        let rows = loaded.iter().map(|group| row(group, &logs));
        found.lock().unwrap_or_else(PoisonError::into_inner).extend(rows);
    }
    outcome
}

/// Those of a batch that their coordinators describe.
async fn load_all(admin: &Arc<dyn Admin>, batch: &[GroupListing]) -> Vec<Loaded> {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for group in batch {
        let (admin, turns, name) = (admin.clone(), turns.clone(), group.group.clone());
        tasks.spawn(async move {
            let _turn = turns.acquire_owned().await.ok()?;
            lag::load(admin.as_ref(), &name).await.ok()
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

fn row(group: &Loaded, logs: &Logs) -> Value {
    let lags = logs.lags(group);
    let topics: BTreeSet<&String> = group.topics().collect();
    let worst = lag::worst(&lags).map(
        |lag| json!({ "topic": lag.place.topic, "partition": lag.place.partition, "lag": lag.lag }),
    );
    json!({
        "group": group.group.group,
        "state": group.group.state,
        "protocol_type": group.group.protocol_type,
        "members": group.group.members.len(),
        "topics": topics,
        "total_lag": lag::total(&lags),
        "unknown": lag::unknown(&lags),
        "worst": worst,
        "stuck": lags.iter().filter(|lag| lag.stuck == Some(true)).count(),
    })
}

fn unreached(group: &GroupListing) -> Value {
    json!({
        "group": group.group,
        "state": group.state,
        "protocol_type": group.protocol_type,
        "members": null,
        "topics": null,
        "total_lag": null,
        "unknown": null,
        "worst": null,
        "stuck": null,
    })
}
