//! `plugin test [DIR|FILE]`: the crate's own tests, then its case files in the real engine.

use kafsh_model::{Error, Result};
use serde_json::Value;

use crate::author::check::{Checked, Checks};
use crate::call::Call;
use crate::flow::{Column, Output, Show, View, column, column_as};
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, FlagSpec, Kind};

const COLUMNS: &[Column] = &[
    column("case", "CASE"),
    column("result", "RESULT"),
    column("fuel", "FUEL"),
    column_as("memory_bytes", "MEMORY", Show::Size),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "test"],
    summary: "run a plugin's own tests, and its case files in the engine that users have",
    detail: "First `cargo test`, natively; then the crate is built and every file in `cases` is \
             put to the component: the question, the settings, the answer that is expected. The \
             clock stands still and random bytes are the same each time; fuel is the work that \
             was done, the same on every machine, and a case may bound it. `--bless` writes what \
             came out as what is expected: read the difference before you commit it.",
    args: &[ArgSpec {
        name: "plugin",
        kind: Kind::Path,
        arity: Arity::Optional,
        help: "the plugin's folder, or a component with a folder `cases` beside it (default: .)",
    }],
    flags: &[FlagSpec::switch("bless", "write what came out into the case files")],
    examples: &[Example {
        line: "plugin new limits --kind policy; plugin test limits",
        about: "a new plugin passes its tests",
    }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let word = call.args.opt_text("plugin").unwrap_or_else(|| ".".to_string());
    let (checks, mut rows) = Checks::find(&call, &word).await?;
    let cases = checks.run(&call, call.args.switch("bless")).await?;
    let none = cases.is_empty();
    rows.extend(cases);
    if rows.is_empty() {
        // Green because nothing was looked at would be a lie.
        let message = format!("there is nothing to test: no cases in {}", checks.folder());
        return Err(Error::failed("no-cases", message)
            .with_cause("a component is tested by its case files; its crate has tests of its own")
            .with_next("help plugin test"));
    }
    let failed = rows.iter().filter(|checked| checked.failed()).count();
    let values: Vec<Value> = rows.iter().map(Checked::value).collect();
    let mut output = Output::value(Value::Array(values), View::Rows(COLUMNS)).failed(failed);
    for checked in &rows {
        for line in &checked.wrong {
            output = output.note(format!("{}: {line}", checked.name));
        }
    }
    if none {
        output = output.note(format!("there are no cases in {}", checks.folder()));
    }
    Ok(output)
}
