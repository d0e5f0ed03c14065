//! `plugin verify [NAME]`: hashes and inspects again what is installed.

use kafsh_host::store::Installed;
use kafsh_model::{Error, Result};
use serde_json::{Value, json};

use super::rows::{in_background, installed};
use crate::call::Call;
use crate::flow::{Column, Output, Show, View, column, column_as};
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, Kind};

const COLUMNS: &[Column] = &[
    column("name", "NAME"),
    column("version", "VERSION"),
    column_as("ok", "OK", Show::Tick),
    column("locked", "LOCK FILE"),
    column("code", "CODE"),
    column_as("messages", "FOUND", Show::Sentences),
    column("digest", "DIGEST"),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "verify"],
    summary: "hash and inspect installed plugins again, and hold them against grants and lock file",
    detail: "Without a name, all of them. The status is 1 where a file is not what it was when it \
             was granted what it has; with `--locked`, also where a plugin is not the one of the \
             lock file.",
    args: &[ArgSpec {
        name: "name",
        kind: Kind::Text,
        arity: Arity::Optional,
        help: "a plugin of `plugin list`",
    }],
    examples: &[Example { line: "plugin verify", about: "all that are installed" }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let plugins = match call.args.has("name") {
        true => vec![installed(&call)?],
        false => call.context.plugins.store.list()?,
    };
    let lock = call.context.plugins.project.lock()?;
    let mut rows = Vec::new();
    let mut failed = 0;
    for plugin in plugins {
        let store = call.context.plugins.store.clone();
        let looked_at = plugin.clone();
        let found = in_background(move || Ok(store.verify(&looked_at).err())).await?;
        let locked = match &lock {
            None => "none",
            Some(lock) if lock.get(&plugin.name).is_none() => "not in it",
            Some(lock) if lock.check(&plugin).is_ok() => "as in it",
            Some(_) => "differs",
        };
        let unlocked = call.context.plugins.check_locked(&plugin).err();
        let found = found.or(unlocked);
        failed += usize::from(found.is_some());
        rows.push(row(&plugin, locked, found.as_ref()));
    }
    let empty = rows.is_empty();
    let output = Output::value(Value::Array(rows), View::Rows(COLUMNS)).failed(failed);
    Ok(if empty { output.note("none is installed") } else { output })
}

fn row(plugin: &Installed, locked: &str, found: Option<&Error>) -> Value {
    let said = found.map(|error| {
        let cause = error.cause.iter().cloned();
        [error.message.clone()].into_iter().chain(error.evidence.clone()).chain(cause).collect()
    });
    let messages: Vec<String> = said.unwrap_or_default();
    json!({
        "name": plugin.name,
        "version": plugin.current.version,
        "ok": found.is_none(),
        "locked": locked,
        "code": found.map(|error| error.code.to_string()),
        "messages": messages,
        "digest": format!("sha256:{}", plugin.current.digest),
    })
}
