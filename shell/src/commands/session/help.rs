//! `help [COMMAND]`.

use kafsh_model::{Error, Result};

use crate::bind::{Found, find_command};
use crate::call::Call;
use crate::flow::Output;
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, FlagSpec, Kind};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["help"],
    summary: "say what there is, or what a command does",
    args: &[ArgSpec {
        name: "command",
        kind: Kind::Command,
        arity: Arity::Any,
        help: "the words of a command, or a noun",
    }],
    flags: &[FlagSpec::switch("examples", "every example of every command, a line each")],
    examples: &[
        Example { line: "help", about: "every command, a line each" },
        Example { line: "help jq", about: "one command" },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    if call.args.switch("examples") {
        return Ok(Output::text(crate::help::examples()));
    }
    let words = call.args.texts("command");
    if words.is_empty() {
        return Ok(Output::text(crate::help::overview()));
    }
    let texts: Vec<&str> = words.iter().map(String::as_str).collect();
    match find_command(&texts) {
        Found::Command { spec, .. } => Ok(Output::text(crate::help::page(spec))),
        Found::VerbMissing { noun, .. } | Found::NoVerb { noun, .. } => {
            Ok(Output::text(crate::help::noun_page(&noun)))
        }
        Found::Unknown { near } => {
            let error =
                Error::usage("unknown-command", format!("no command `{}`", texts.join(" ")));
            Err(match near.first() {
                Some(near) => error.with_next(format!("help {near}")),
                None => error.with_next("help"),
            })
        }
    }
}
