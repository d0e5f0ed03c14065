//! `help [COMMAND]`.

use kafsh_model::suggest::suggest;
use kafsh_model::{Error, Result, codes};

use crate::bind::{Found, find_command};
use crate::call::Call;
use crate::flow::Output;
use crate::help::topics;
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, FlagSpec, Kind};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["help"],
    summary: "say what there is, or what a command does",
    args: &[ArgSpec {
        name: "command",
        kind: Kind::Command,
        arity: Arity::Any,
        help: "the words of a command, a noun, a statement, `errors`, or the code of an error",
    }],
    flags: &[FlagSpec::switch("examples", "every example of every command, a line each")],
    examples: &[
        Example { line: "help", about: "every command, a line each" },
        Example { line: "help jq", about: "one command" },
        Example { line: "help wait", about: "a statement" },
        Example { line: "help errors", about: "codes for `expect error`, and exit statuses" },
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
    let mut texts: Vec<&str> = words.iter().map(String::as_str).collect();
    if texts == ["quit"] {
        texts = vec!["exit"];
    }
    match find_command(&texts) {
        Found::Command { spec, .. } => Ok(Output::text(crate::help::page(spec))),
        Found::VerbMissing { noun, .. } | Found::NoVerb { noun, .. } => {
            Ok(Output::text(crate::help::noun_page(&noun)))
        }
        Found::Unknown { near } => {
            if let Some(page) = topic(&texts) {
                return Ok(Output::text(page));
            }
            let error =
                Error::usage("unknown-command", format!("no help on `{}`", texts.join(" ")));
            let known = topics::names().map(|(name, _)| name);
            let codes = codes::all().iter().map(|entry| entry.code);
            let near = match suggest(texts[0], known.chain(codes)).first() {
                Some(topic) if near.is_empty() => vec![(*topic).to_string()],
                _ => near,
            };
            Err(match near.first() {
                Some(near) => error.with_next(format!("help {near}")),
                None => error.with_next("help"),
            })
        }
    }
}

/// A page that is no command's. `help expect error` asks for `expect`.
fn topic(words: &[&str]) -> Option<String> {
    let (first, rest) = words.split_first()?;
    (rest.is_empty() || rest == ["error"]).then(|| topics::page(first)).flatten()
}
