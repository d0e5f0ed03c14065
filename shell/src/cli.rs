//! What argv asks for: a prompt, a file, standard input, `-c TEXT`, or exactly one command.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kafsh_cluster::Cancel;
use kafsh_lang::{Part, Span, Word};
use kafsh_model::quote::quoted;
use kafsh_model::{Error, Result};
use serde_json::Value;

use crate::bind::{Mode, Program, Rejected, Source, compile, read_source};
use crate::error::{Failure, Style, render_failure, render_rejected};
use crate::output::{Format, Medium};
use crate::run::Runner;
use crate::session::{Origin, Session};
use crate::terminal::{Terminal, stderr_style};
use crate::wire::{self, Wired};

/// Most bytes of a script on standard input.
const STDIN_BYTES_MAX: u64 = kafsh_lang::limits::SOURCE_BYTES_MAX as u64;

/// Options before the command or file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Globals {
    cluster: Option<String>,
    bootstrap: Option<String>,
    output: Option<String>,
    rehearse: bool,
    yes: bool,
    check: bool,
    locked: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Job {
    Prompt,
    File {
        path: String,
        args: Vec<String>,
    },
    Text(String),
    Command(Vec<String>),
    /// The words before the cursor in another shell, the last one unfinished
    Complete(Vec<String>),
    Help,
    Version,
}

/// Runs what argv asks for; the exit status.
pub fn main(argv: Vec<OsString>) -> u8 {
    let style = stderr_style();
    match parse(argv).and_then(|(globals, job)| start(globals, job, style)) {
        Ok(status) => status,
        Err(error) => {
            let status = error.class.exit_status();
            tell!("{}", render_failure(&error.into(), style));
            status
        }
    }
}

fn parse(argv: Vec<OsString>) -> Result<(Globals, Job)> {
    let mut words = Vec::new();
    for word in argv {
        let word = word.into_string().map_err(|word| {
            Error::usage("bad-value", format!("an argument is not UTF-8: {word:?}"))
        })?;
        words.push(word);
    }
    let mut globals = Globals::default();
    let mut rest = words.into_iter();
    let value = |rest: &mut std::vec::IntoIter<String>, flag: &str| {
        rest.next().ok_or_else(|| Error::usage("flag-value", format!("`{flag}` needs a value")))
    };
    while let Some(word) = rest.next() {
        let (flag, inline) = match word.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => {
                (flag.to_string(), Some(value.to_string()))
            }
            _ => (word.clone(), None),
        };
        let take = |rest: &mut _| match inline.clone() {
            Some(inline) => Ok(inline),
            None => value(rest, &flag),
        };
        match flag.as_str() {
            "-C" | "--cluster" => globals.cluster = Some(take(&mut rest)?),
            "-B" | "--bootstrap" | "--bootstrap-server" => {
                globals.bootstrap = Some(take(&mut rest)?)
            }
            "-O" | "--output" => globals.output = Some(take(&mut rest)?),
            "--rehearse" => globals.rehearse = true,
            "-y" | "--yes" => globals.yes = true,
            "--check" => globals.check = true,
            "--locked" => globals.locked = true,
            "--complete" => {
                let mut words: Vec<String> = rest.collect();
                if words.first().is_some_and(|word| word == "--") {
                    words.remove(0);
                }
                return Ok((globals, Job::Complete(words)));
            }
            "-h" | "--help" => return Ok((globals, Job::Help)),
            "-V" | "--version" => return Ok((globals, Job::Version)),
            "-c" => {
                let text = take(&mut rest)?;
                if let Some(extra) = rest.next() {
                    return Err(Error::usage(
                        "extra-argument",
                        format!("`{extra}` after `-c TEXT`"),
                    ));
                }
                return Ok((globals, Job::Text(text)));
            }
            "run" => {
                let path = rest.next().ok_or_else(|| {
                    Error::usage(
                        "missing-argument",
                        "`run` needs a file, or `-` for standard input",
                    )
                })?;
                return Ok((globals, Job::File { path, args: rest.collect() }));
            }
            "-" => return Ok((globals, Job::File { path: word, args: rest.collect() })),
            file if !file.starts_with('-') && (word.contains('/') || word.ends_with(".ksh")) => {
                return Ok((globals, Job::File { path: word, args: rest.collect() }));
            }
            flag if flag.starts_with('-') => {
                return Err(Error::usage("unknown-flag", format!("there is no flag `{flag}`"))
                    .with_next("kafsh --help"));
            }
            // `@demo topic list`, as it stands in advice and in scripts.
            at if at.starts_with('@') && at.len() > 1 => {
                globals.cluster = Some(at[1..].to_string());
            }
            _ => {
                let command = std::iter::once(word).chain(rest).collect();
                return Ok((globals, Job::Command(command)));
            }
        }
    }
    Ok((globals, Job::Prompt))
}

/// Without a terminal to type at, the prompt is a script on standard input.
fn typed_or_piped(job: Job) -> Job {
    match job {
        Job::Prompt if !std::io::stdin().is_terminal() => {
            Job::File { path: "-".to_string(), args: Vec::new() }
        }
        job => job,
    }
}

fn start(globals: Globals, job: Job, style: Style) -> Result<u8> {
    let job = typed_or_piped(job);
    let origin = match job {
        Job::Prompt => Origin::Prompt,
        Job::Complete(words) => return Ok(crate::complete::argv::print(&words)),
        Job::Help => {
            out!("{}", usage());
            return Ok(0);
        }
        Job::Version => {
            out!("kafsh {}\n", env!("CARGO_PKG_VERSION"));
            return Ok(0);
        }
        _ => Origin::Script,
    };
    let session = Arc::new(Session::new(origin, globals.yes));
    session.give_cluster(globals.cluster);
    if let Some(bootstrap) = globals.bootstrap {
        crate::args::check(crate::spec::Kind::Bootstrap, &bootstrap)
            .map_err(|message| Error::usage("bad-value", message))?;
        session.use_bootstrap(bootstrap);
    }
    session.set_format(globals.output.as_deref().map(Format::parse).transpose()?);
    let directory =
        std::env::current_dir().map_err(|e| Error::io("the current folder cannot be used", &e))?;
    let known = BTreeSet::new();
    let Prepared { program, args } = match prepare(&job, &known, &directory)? {
        Ok(prepared) => prepared,
        Err(rejected) => {
            match globals.check && session.format() == Some(Format::Json) {
                true => out!("{}", crate::error::findings_json(&rejected)),
                false => tell!("{}", render_rejected(&rejected, style)),
            }
            return Ok(2);
        }
    };
    if globals.check {
        if let Some(program) = &program {
            tell!("{}", checked(program));
        }
        return Ok(0);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // Plugins are asked on its threads for blocking work.
        .thread_stack_size(kafsh_host::limits::THREAD_STACK_BYTES)
        .on_thread_start(kafsh_host::lend_this_thread)
        .enable_all()
        .build()
        .map_err(|e| Error::io("the runtime could not be started", &e))?;
    {
        let _runtime = runtime.enter();
        crate::terminal::take_limits_as_errors();
    }
    let locked = globals.locked || crate::config::locked_by_environment();
    let user = Arc::new(Terminal::new(style));
    let progress = crate::repl::progress::for_terminal(style);
    let Wired { context, folder } = wire::context(globals.rehearse, locked, &directory)?;
    let status = runtime.block_on(async {
        if let (true, Some(name)) = (globals.rehearse, session.cluster()) {
            context.rehearse_cluster(&name).await?;
        }
        let cancel = Cancel::new();
        let medium = Medium::of_stdout();
        let runner = Runner { context, session, cancel, directory, medium, user, progress };
        match program {
            None => crate::repl::run(runner, style).await,
            Some(program) => Ok(run_program(&runner, &program, &args, style).await),
        }
    });
    // Threads that still wait in a client library are not worth waiting for.
    runtime.shutdown_background();
    drop(folder);
    status
}

/// A program, or none for the prompt, and the arguments of its params.
struct Prepared {
    program: Option<Program>,
    args: Vec<(String, Value)>,
}

fn prepare(
    job: &Job,
    known: &BTreeSet<String>,
    directory: &Path,
) -> Result<std::result::Result<Prepared, Rejected>> {
    let (source, mode, args, base) = match job {
        Job::Prompt | Job::Complete(_) | Job::Help | Job::Version => {
            return Ok(Ok(Prepared { program: None, args: Vec::new() }));
        }
        Job::Text(text) => {
            let source = Source { name: "<command line>".to_string(), text: text.clone() };
            (source, Mode::Lenient, Vec::new(), directory.to_path_buf())
        }
        Job::File { path, args } => {
            let (source, base) = file_source(path, directory)?;
            (source, Mode::File, args.clone(), base)
        }
        Job::Command(words) => {
            return Ok(command_program(words)
                .map(|program| Prepared { program: Some(program), args: Vec::new() }));
        }
    };
    let program = match compile(source, mode, known, &base) {
        Ok(program) => program,
        Err(rejected) => return Ok(Err(rejected)),
    };
    let args = param_values(&program, &args)?;
    Ok(Ok(Prepared { program: Some(program), args }))
}

fn file_source(path: &str, directory: &Path) -> Result<(Source, PathBuf)> {
    if path == "-" {
        let mut bytes = Vec::new();
        let mut stdin = std::io::stdin().take(STDIN_BYTES_MAX + 1);
        stdin.read_to_end(&mut bytes).map_err(|e| Error::io("standard input", &e))?;
        let text = kafsh_lang::decode(&bytes)
            .map_err(|d| Error::usage("bad-source", d.message))?
            .to_string();
        return Ok((
            Source { name: "<standard input>".to_string(), text },
            directory.to_path_buf(),
        ));
    }
    let full = directory.join(path);
    let text = read_source(&full).map_err(|message| Error::usage("bad-source", message))?;
    let base = full.parent().unwrap_or(directory).to_path_buf();
    Ok((Source { name: path.to_string(), text }, base))
}

/// argv as exactly one command: every element one literal word, never lexed again.
fn command_program(words: &[String]) -> std::result::Result<Program, Rejected> {
    stages_program(&[words.to_vec()])
}

/// Commands in words, one behind the other, bound in the same way.
pub fn stages_program(stages: &[Vec<String>]) -> std::result::Result<Program, Rejected> {
    let mut text = String::new();
    let mut literal = |word: &String| {
        if !text.is_empty() {
            text.push(' ');
        }
        // In the text of it, which advice and the audit log repeat, it is still one word.
        let written = quoted(word);
        let span = Span::new(text.len(), text.len() + written.len());
        text.push_str(&written);
        Word { parts: vec![Part::Literal(word.clone())], quoted: false, span }
    };
    let stages = stages.iter().map(|words| words.iter().map(&mut literal).collect()).collect();
    let source = Source { name: crate::bind::COMMAND_LINE.to_string(), text };
    crate::bind::pipeline(source, stages)
}

/// `--name value` and `--name=value` behind a script, by its `param` lines.
fn param_values(program: &Program, args: &[String]) -> Result<Vec<(String, Value)>> {
    let mut values = Vec::new();
    let mut rest = args.iter();
    while let Some(word) = rest.next() {
        if matches!(word.as_str(), "--help" | "-h") {
            out!("{}", script_usage(program));
            std::process::exit(0);
        }
        let name = word.strip_prefix("--").filter(|name| !name.is_empty());
        let (name, inline) = match name.map(|n| n.split_once('=').unwrap_or((n, ""))) {
            Some((name, inline)) => (name, word.contains('=').then(|| inline.to_string())),
            None => {
                return Err(Error::usage("extra-argument", format!("`{word}` is not asked for"))
                    .with_cause("a script takes `--NAME VALUE` for each of its params"));
            }
        };
        let Some(param) = program.params.iter().find(|param| param.name == name) else {
            let names = program.params.iter().map(|param| param.name.as_str());
            let error = Error::usage("unknown-param", format!("the script has no param `{name}`"));
            return Err(match kafsh_model::suggest::suggest(name, names).first() {
                Some(near) => error.with_cause(format!("did you mean `--{near}`?")),
                None => error,
            });
        };
        if values.iter().any(|(known, _)| *known == param.name) {
            return Err(Error::usage("flag-twice", format!("`--{name}` is given twice")));
        }
        let text = match inline.or_else(|| rest.next().cloned()) {
            Some(text) => text,
            None => return Err(Error::usage("flag-value", format!("`--{name}` needs a value"))),
        };
        values.push((param.name.clone(), typed_param(param, text)?));
    }
    Ok(values)
}

/// A param whose default is a number, true or false takes only such.
fn typed_param(param: &crate::bind::Param, text: String) -> Result<Value> {
    let default = param.default.as_ref().and_then(|word| match word.quoted {
        true => None,
        false => serde_json::from_str::<Value>(&word.literal()?).ok(),
    });
    let given = serde_json::from_str::<Value>(&text).ok();
    match (default, given) {
        (Some(Value::Number(_)), Some(value @ Value::Number(_))) => Ok(value),
        (Some(Value::Bool(_)), Some(value @ Value::Bool(_))) => Ok(value),
        (Some(Value::Number(_)), _) => {
            Err(Error::usage("bad-value", format!("`--{} {text}` is no number", param.name)))
        }
        (Some(Value::Bool(_)), _) => Err(Error::usage(
            "bad-value",
            format!("`--{} {text}` is neither true nor false", param.name),
        )),
        _ => Ok(Value::String(text)),
    }
}

fn script_usage(program: &Program) -> String {
    let mut text = format!("usage: kafsh run {} [flags]\n", program.source.name);
    for param in &program.params {
        match &param.default {
            Some(word) => text.push_str(&format!("  --{} VALUE  (default {word})\n", param.name)),
            None => text.push_str(&format!("  --{} VALUE\n", param.name)),
        }
    }
    text
}

async fn run_program(
    runner: &Runner,
    program: &Program,
    args: &[(String, Value)],
    style: Style,
) -> u8 {
    let cancel = runner.cancel.clone();
    let outcome = crate::terminal::interruptible(cancel, runner.run_script(program, args)).await;
    let place = !["<command line>", crate::bind::COMMAND_LINE].contains(&&*program.source.name);
    match status_of(outcome, Style { place, ..style }) {
        0 => runner.session.exit_status().unwrap_or(0),
        failed => failed,
    }
}

/// What `--check` says of a source that nothing is wrong with.
fn checked(program: &Program) -> String {
    let count = program.statements.len();
    let plural = if count == 1 { "" } else { "s" };
    format!("{}: {count} statement{plural}, nothing wrong\n", program.source.name)
}

/// Says what failed and gives the exit status.
pub fn status_of(outcome: std::result::Result<(), Failure>, style: Style) -> u8 {
    match outcome {
        Ok(()) => 0,
        Err(failure) => {
            tell!("{}", render_failure(&failure, style));
            failure.error.class.exit_status()
        }
    }
}

fn usage() -> String {
    "kafsh: a cluster shell for Apache Kafka\n\n\
     usage: kafsh                          a prompt\n\
     \x20      kafsh run FILE [--param VALUE]  a script; `-` is standard input\n\
     \x20      kafsh FILE.ksh [--param VALUE]  the same\n\
     \x20      kafsh COMMAND [ARGS]           one command: kafsh topic list\n\
     \x20      kafsh -c TEXT                  statements and pipelines\n\n\
     options before those\n\
     \x20 -C, --cluster NAME      the cluster to work on\n\
     \x20 -B, --bootstrap H:P     an unregistered cluster\n\
     \x20 -O, --output FORMAT     table, json, jsonl, yaml, csv, tsv, name\n\
     \x20     --rehearse          clusters in memory: no server is touched; `!` and `>` are real\n\
     \x20     --check             read and check a script, run nothing\n\
     \x20     --locked            only plugins of `kafsh-plugins.lock`, as it has them\n\
     \x20 -y, --yes               do not ask before something is lost\n\
     \x20 -V, --version\n\n\
     kafsh help lists the commands; kafsh help topic create says one; \
     kafsh help options more of these.\n"
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(words: &[&str]) -> Result<(Globals, Job)> {
        parse(words.iter().map(OsString::from).collect())
    }

    #[test]
    fn argv_is_a_prompt_a_file_a_text_or_one_command() {
        let command = |words: &[&str]| Job::Command(words.iter().map(|w| w.to_string()).collect());
        let cases: Vec<(&[&str], Job)> = vec![
            (&[], Job::Prompt),
            (&["topic", "list"], command(&["topic", "list"])),
            (&["topic", "list", "-O", "json"], command(&["topic", "list", "-O", "json"])),
            (&["-c", "a | b"], Job::Text("a | b".into())),
            (
                &["./x", "--n", "3"],
                Job::File { path: "./x".into(), args: vec!["--n".into(), "3".into()] },
            ),
            (&["x.ksh"], Job::File { path: "x.ksh".into(), args: vec![] }),
            (&["run", "x"], Job::File { path: "x".into(), args: vec![] }),
            (&["-"], Job::File { path: "-".into(), args: vec![] }),
            (&["--version"], Job::Version),
            (
                &["--complete", "--", "topic", ""],
                Job::Complete(vec!["topic".into(), String::new()]),
            ),
        ];
        for (words, wanted) in cases {
            assert_eq!(job(words).unwrap().1, wanted, "{words:?}");
        }
        let (globals, _) = job(&["-C", "prod", "--output=json", "topic", "list"]).unwrap();
        assert_eq!(globals.cluster.as_deref(), Some("prod"));
        assert_eq!(globals.output.as_deref(), Some("json"));
        for bad in [&["-C"][..], &["--nope"], &["-c", "a", "b"], &["run"]] {
            assert_eq!(job(bad).unwrap_err().class, kafsh_model::Class::Usage, "{bad:?}");
        }
    }
}
