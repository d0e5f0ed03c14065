//! Changing settings of one resource: old and new shown, and what the brokers then say.

use std::time::Duration;

use kafsh_model::Result;
use kafsh_model::config::{ConfigChange, ConfigEntry, ConfigResource};
use kafsh_model::port::Admin;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::resource::{entries, show, value};
use crate::call::Call;
use crate::commands::topic::min_isr;
use crate::flow::{Column, Output, View, column};
use crate::spec::FlagSpec;

const COLUMNS: &[Column] = &[column("key", "KEY"), column("old", "OLD"), column("new", "NEW")];

pub const DRY_RUN: FlagSpec =
    FlagSpec::switch("dry-run", "let the brokers check it, change nothing");

/// How long a change may take to be seen, and how often it is looked for.
const SEEN_MAX: Duration = Duration::from_secs(2);
const POLL_FIRST: Duration = Duration::from_millis(20);
const POLL_MAX: Duration = Duration::from_millis(200);

/// Makes the changes; a row for each key with its value before and after.
pub async fn apply(
    call: &Call,
    resource: &ConfigResource,
    changes: &[ConfigChange],
) -> Result<Output> {
    let dry_run = call.args.switch("dry-run");
    if !dry_run {
        call.check_writable().await?;
    }
    let admin = call.admin()?;
    let before = entries(admin.as_ref(), resource).await?;
    // Policies may have made something else of them.
    let made = admin.alter_configs(resource, changes, dry_run).await?;
    let changes = made.as_slice();
    let shown = |entries: &[ConfigEntry], key: &str| -> Option<String> {
        value(entries.iter().find(|entry| entry.key == key)?).map(String::from)
    };
    let hidden = |key: &str| {
        kafsh_model::keys::is_sensitive(key)
            || before.iter().any(|entry| entry.key == key && entry.sensitive)
    };
    let expected = |change: &ConfigChange| change.after(shown(&before, change.key()).as_deref());
    let (now, seen) = match dry_run {
        true => (Vec::new(), true),
        false => {
            let wanted: Vec<(&str, Option<String>)> = changes
                .iter()
                .filter(|change| !hidden(change.key()))
                .map(|change| (change.key(), expected(change)))
                .collect();
            read_back(admin.as_ref(), resource, &wanted).await?
        }
    };
    let rows: Vec<Value> = changes
        .iter()
        .map(|change| {
            let key = change.key();
            let new = match dry_run {
                _ if hidden(key) => None,
                true => expected(change),
                false => shown(&now, key),
            };
            json!({ "key": key, "old": shown(&before, key), "new": new })
        })
        .collect();
    let warning = unwritable(admin.as_ref(), resource, changes).await;
    let output = Output::value(Value::Array(rows), View::Rows(COLUMNS));
    let output = warning.into_iter().fold(output, Output::note);
    Ok(match (dry_run, seen) {
        (true, _) => output.note("dry run: the brokers would take this; nothing was changed"),
        (false, true) => output,
        (false, false) => output.note(format!(
            "the brokers took it, but do not show all of it of {} yet",
            show(resource)
        )),
    })
}

/// The warning of a minimum of replicas in sync that the topic does not have.
async fn unwritable(
    admin: &dyn Admin,
    resource: &ConfigResource,
    changes: &[ConfigChange],
) -> Option<String> {
    let ConfigResource::Topic(name) = resource else { return None };
    let change = changes.iter().find(|change| change.key() == min_isr::KEY)?;
    let minimum = change.after(None)?;
    let topics = admin.topics(Some(std::slice::from_ref(name))).await.ok()?;
    min_isr::warning(name, &minimum, topics.first()?.replication_factor())
}

/// Reads until the values set are seen: other brokers may hear of a change later.
async fn read_back(
    admin: &dyn Admin,
    resource: &ConfigResource,
    wanted: &[(&str, Option<String>)],
) -> Result<(Vec<ConfigEntry>, bool)> {
    let deadline = Instant::now() + SEEN_MAX;
    let mut pause = POLL_FIRST;
    loop {
        let now = entries(admin, resource).await?;
        let seen = wanted.iter().all(|(key, wanted)| {
            let found = now.iter().find(|entry| entry.key == **key);
            match wanted {
                Some(wanted) => found.and_then(|e| e.value.as_ref()) == Some(wanted),
                // What was unset is whatever the default is: nothing to compare.
                None => true,
            }
        });
        if seen || Instant::now() + pause > deadline {
            return Ok((now, seen));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(POLL_MAX);
    }
}
