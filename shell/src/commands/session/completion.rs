//! `completion bash|zsh|fish`.

use kafsh_model::{Error, Result};

use crate::call::Call;
use crate::flow::Output;
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, Kind};

const BASH: &str = include_str!("completion/kafsh.bash");
const ZSH: &str = include_str!("completion/kafsh.zsh");
const FISH: &str = include_str!("completion/kafsh.fish");

pub static SPEC: CommandSpec = CommandSpec {
    path: &["completion"],
    summary: "print a script that completes kafsh's arguments in another shell",
    detail: "The script asks kafsh itself, so it knows the names of clusters, topics, groups and \
             brokers; a cluster that does not answer within 0.3 s is done without. In ~/.bashrc: \
             source <(kafsh completion bash). In ~/.zshrc, after compinit: source <(kafsh \
             completion zsh). For fish: kafsh completion fish > \
             ~/.config/fish/completions/kafsh.fish",
    args: &[ArgSpec {
        name: "shell",
        kind: Kind::Choice(&["bash", "zsh", "fish"]),
        arity: Arity::One,
        help: "the shell that is to complete",
    }],
    examples: &[Example { line: "completion bash", about: "the script for bash" }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    match call.args.text("shell")?.as_str() {
        "bash" => Ok(Output::text(BASH)),
        "zsh" => Ok(Output::text(ZSH)),
        "fish" => Ok(Output::text(FISH)),
        other => Err(Error::usage("bad-value", format!("`{other}` is no shell that is known"))),
    }
}
