//! kafsh: a cluster shell for Apache Kafka. From argv to a prompt, a file or one command.

#[macro_use]
mod say;

mod args;
mod author;
mod bind;
mod call;
mod cli;
mod commands;
mod complete;
mod config;
mod context;
mod error;
mod exec;
mod files;
mod flow;
mod help;
mod http;
mod jq;
mod output;
mod plugins;
mod policy;
mod records;
mod repl;
mod run;
mod session;
mod spec;
mod terminal;
mod transforms;
mod ui;
mod wire;

use std::process::ExitCode;

fn main() -> ExitCode {
    let argv: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    if argv.first().is_some_and(|first| first == jq::worker::FLAG) {
        return ExitCode::from(jq::worker::main());
    }
    // A reader that went away (`| head`) must reach us as an error, not as a signal; Rust ignores
    // SIGPIPE by itself, and so do the processes of `!`, which is what their pipes want too.
    ExitCode::from(cli::main(argv))
}
