//! What a server that does not end is doing: the JVM writes its threads to its console on SIGQUIT.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use kafsh_model::plan::Node;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::units::show_duration;
use kafsh_model::{Error, Result};
use rustix::process::{Signal as OsSignal, pidfd_send_signal};

use super::record::RunRecord;
use super::{Local, logs, process};
use crate::runtime::files;

/// Longest that a JVM may take to write its threads; one that hangs in the kernel never does.
const DUMP_DEADLINE: Duration = Duration::from_secs(3);

/// Pause between two looks at the console.
const POLL: Duration = Duration::from_millis(20);

/// Most bytes of a dump. A broker has some hundred threads, of 1 to 2 KiB each.
const DUMP_BYTES_MAX: u64 = 4 << 20;

/// First and last line of a dump, from Java 8 on: the heap comes after, and tells nothing here.
const FIRST: &str = "Full thread dump";
const LAST: &str = "JNI global ref";

impl Local {
    /// Kept beside the logs, since the console begins anew with the next start; the last dump
    /// replaces the one before.
    pub(super) fn thread_dump(&self, spec: &ClusterSpec, node: Node) -> Result<String> {
        let paths = self.layout(spec)?.node(spec, node)?;
        let none = |why: String| {
            Error::failed("no-thread-dump", format!("{node} did not show its threads: {why}"))
        };
        let record = RunRecord::load(&paths.run)?;
        let open = record.as_ref().map(process::open).transpose()?.flatten();
        let Some(descriptor) = open else { return Err(none("it does not run".to_string())) };
        let (_, console) = logs::written(&paths, record.as_ref());
        let offset = fs::metadata(&console).map_or(0, |meta| meta.len());
        pidfd_send_signal(&descriptor, OsSignal::QUIT).map_err(|e| none(e.to_string()))?;
        let dump = await_dump(&console, offset)
            .ok_or_else(|| none(format!("nothing came within {}", show_duration(DUMP_DEADLINE))))?;
        let path = paths.logs.join("threads.txt");
        files::write_atomic(&path, dump.as_bytes(), files::PRIVATE)?;
        Ok(path.display().to_string())
    }
}

/// What was written since `offset`, when it is whole; what there is of it when time is up.
fn await_dump(console: &Path, offset: u64) -> Option<String> {
    let end = Instant::now() + DUMP_DEADLINE;
    loop {
        let text = files::read_end(console, offset, DUMP_BYTES_MAX).unwrap_or_default();
        let dump = text.find(FIRST).map(|at| &text[at..]);
        let last = dump.and_then(|dump| dump.find(LAST).map(|at| &dump[..at]));
        match (last, dump) {
            (Some(whole), _) => return Some(whole.to_string()),
            (None, part) if Instant::now() > end => return part.map(String::from),
            _ => std::thread::sleep(POLL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_cut_out_of_the_console() {
        let folder = tempfile::tempdir().unwrap();
        let console = folder.path().join("console.log");
        let text = "old\nFull thread dump of before\n2026-11-23 04:00:00\nFull thread dump X:\n\
                    \"main\" #1\n\nJNI global refs: 42\n\nHeap\n";
        fs::write(&console, text).unwrap();
        let offset = "old\nFull thread dump of before\n".len() as u64;
        let dump = await_dump(&console, offset).unwrap();
        assert_eq!(dump, "Full thread dump X:\n\"main\" #1\n\n");
    }
}
