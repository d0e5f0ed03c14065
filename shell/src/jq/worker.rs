//! The worker's side of a jq filter: values in on standard input, answers out on standard output.
//!
//! The first line is `{"filter": …, "variables": …}`, each further one an input. An answer is one
//! line `o<json>` for each output and a closing `.`, or `e<message>`.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::Deserialize;
use serde_json::Value;

use super::filter::Program;

/// The argument that makes this program a worker.
pub const FLAG: &str = "--jq-worker";

/// Address space of a worker, in bytes: a filter that wants more dies alone.
const MEMORY_BYTES_MAX: u64 = 1 << 30;

/// Stack of the thread that runs the filter, in bytes; most of it is never touched.
const STACK_BYTES: usize = 256 << 20;

#[derive(Deserialize)]
struct Task {
    filter: String,
    variables: BTreeMap<String, Value>,
}

/// Serves until standard input ends. The status is the process's.
pub fn main() -> u8 {
    let limit = Rlimit { current: Some(MEMORY_BYTES_MAX), maximum: Some(MEMORY_BYTES_MAX) };
    let no_core = Rlimit { current: Some(0), maximum: Some(0) };
    if setrlimit(Resource::As, limit).is_err() || setrlimit(Resource::Core, no_core).is_err() {
        return 70;
    }
    let worker = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(serve);
    match worker.map(|thread| thread.join()) {
        Ok(Ok(Ok(()))) => 0,
        _ => 70,
    }
}

fn serve() -> std::io::Result<()> {
    let mut input = std::io::stdin().lock();
    let mut output = std::io::BufWriter::with_capacity(64 << 10, std::io::stdout().lock());
    let mut line = Vec::new();
    input.read_until(b'\n', &mut line)?;
    let task: Task = serde_json::from_slice(&line)?;
    let program = Program::compile(&task.filter, &task.variables);
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let answer = match &program {
            Err(message) => Err(message.clone()),
            Ok(program) => {
                let mut written = Ok(());
                let outcome = program.run(&line, |value| {
                    if written.is_ok() {
                        written = writeln!(output, "o{}", value.replace('\n', " "));
                    }
                });
                written?;
                outcome
            }
        };
        match answer {
            Ok(()) => output.write_all(b".\n")?,
            Err(message) => writeln!(output, "e{}", message.replace('\n', " "))?,
        }
        output.flush()?;
    }
}
