//! `plugin new NAME --kind KIND`: a folder with a plugin that works, to be changed.

use kafsh_host::is_plugin_name;
use kafsh_model::plugin::PluginKind;
use kafsh_model::{Error, Result};
use serde_json::{Value, json};

use crate::author::template::{Wish, sdk};
use crate::call::Call;
use crate::flow::{Column, Output, View, column};
use crate::spec::{ArgSpec, Arity, CommandSpec, Effect, Example, FlagSpec, Kind};

const KINDS: &[&str] = &["step", "policy", "transform"];

const COLUMNS: &[Column] = &[column("file", "FILE"), column("about", "WHAT")];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "new"],
    summary: "make a folder with a plugin that works, to be changed",
    detail: "A policy says whether a topic may be created, changed or deleted; a transform says \
             what becomes of each record; a step says what is to be done to bring a cluster up. \
             The folder is a Rust crate with a test and with case files; `plugin dev` in it shows \
             what each change does. It is built with the folder `sdk` of a checkout of kafsh, \
             which its `Cargo.toml` names by path: change that line where it is built elsewhere.",
    args: &[ArgSpec {
        name: "name",
        kind: Kind::Text,
        arity: Arity::One,
        help: "what the plugin is called: a-z, 0-9 and `-`",
    }],
    flags: &[
        FlagSpec::value("kind", "KIND", Kind::Choice(KINDS), "step, policy or transform")
            .short('k'),
        FlagSpec::value("path", "FOLDER", Kind::Path, "where it goes (default: ./NAME)"),
        FlagSpec::value(
            "sdk",
            "FOLDER",
            Kind::Path,
            "the SDK (default: of the checkout that kafsh was built from)",
        ),
        FlagSpec::switch("dry-run", "name the files, write nothing"),
    ],
    effect: Effect::Write,
    examples: &[
        Example { line: "plugin new limits --kind policy", about: "a policy, in ./limits" },
        Example {
            line: "plugin new capitals --kind transform --path work/capitals",
            about: "a transform, elsewhere",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let wish = wish(&call)?;
    let dry = call.args.switch("dry-run");
    match dry {
        true => wish.check()?,
        false => wish.write()?,
    }
    let shown = call.args.opt_text("path").unwrap_or_else(|| wish.name.clone());
    let rows = wish
        .files()
        .into_iter()
        .map(|(path, _)| json!({ "file": format!("{shown}/{path}"), "about": about(path) }));
    let output = Output::value(Value::Array(rows.collect()), View::Rows(COLUMNS));
    Ok(match dry {
        true => output.note("nothing was written"),
        false => output.note(format!("next: plugin test {shown}")),
    })
}

fn wish(call: &Call) -> Result<Wish> {
    let name = call.args.text("name")?;
    if !is_plugin_name(&name) {
        let message = format!("`{}` is no name for a plugin", name.escape_debug());
        return Err(Error::usage("bad-value", message)
            .with_cause("a name is 1 to 63 of a-z, 0-9 and `-`, and begins with a letter"));
    }
    if let Some(plugin) = kafsh_bundled::plugins().iter().find(|plugin| plugin.name == name) {
        let message = format!("`{name}` is a {} of kafsh itself", plugin.kind);
        return Err(Error::refused("plugin-name-taken", message)
            .with_cause("a plugin of that name could not be installed")
            .with_next(format!("plugin new my-{name} --kind {}", plugin.kind)));
    }
    let Some(kind) = call.args.opt_text("kind").and_then(|kind| PluginKind::from_name(&kind))
    else {
        return Err(Error::usage("missing-argument", "what kind of plugin is it to be?")
            .with_next(format!("plugin new {name} --kind policy"))
            .with_next(format!("plugin new {name} --kind transform"))
            .with_next(format!("plugin new {name} --kind step")));
    };
    let folder = call.directory.join(call.args.opt_text("path").unwrap_or_else(|| name.clone()));
    let given = call.args.opt_text("sdk").map(|sdk| call.directory.join(sdk));
    Ok(Wish { sdk: sdk(given.as_deref())?, name, kind, folder })
}

fn about(path: &str) -> &'static str {
    match path {
        "Cargo.toml" => "name, version, what it does, what it asks for",
        "src/lib.rs" => "the plugin, with a test",
        ".gitignore" => "what is built stays out of git",
        _ => "a case: a question, and the answer expected",
    }
}
