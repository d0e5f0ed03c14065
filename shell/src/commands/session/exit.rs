//! `exit [STATUS]`: ends the script or the prompt.

use kafsh_model::{Error, Result};

use crate::call::Call;
use crate::flow::Output;
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, Kind};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["exit"],
    summary: "end the script, or leave the prompt (also quit, Ctrl-D)",
    detail: "Nothing after it runs but the blocks of `on-exit`. The status is 0, or at the prompt \
             that of the last line. Servers that were started keep running; only `cluster up \
             --ephemeral` makes a cluster that ends with its prompt or script.",
    args: &[ArgSpec {
        name: "status",
        kind: Kind::Int(0, u8::MAX as i64),
        arity: Arity::Optional,
        help: "what kafsh ends with, 0 to 255",
    }],
    examples: &[Example {
        line: "if topic list | jq 'length == 0' { exit 3 }",
        about: "with a status of your own",
    }],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let status = call.args.opt_int("status")?.map(u8::try_from).transpose();
    let status = status.map_err(|_| Error::usage("bad-value", "a status is 0 to 255"))?;
    call.session.leave(status);
    Ok(Output::nothing())
}
