//! Since when the process of a node is stopped, paused or gone.

use std::path::{Path, PathBuf};

use kafsh_model::Result;
use kafsh_model::port::Signal;
use kafsh_model::snapshot::ProcessState;
use serde::{Deserialize, Serialize};

use super::layout::NodePaths;
use super::logs::{modified_ms, written};
use super::record::RunRecord;
use crate::runtime::files;

const END_SCHEMA: u32 = 1;

/// Beside the record of a start, which goes with its process.
const END_FILE: &str = "end.json";

/// A broker writes it anew every five seconds (`replica.high.watermark.checkpoint.interval.ms`),
/// whether or not there is anything to log.
const CHECKPOINT: &str = "replication-offset-checkpoint";

/// The last signal that kafsh sent to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Signalled {
    what: Sent,
    /// ms since 1970-01-01 UTC
    at_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Sent {
    Pause,
    Terminate,
    Kill,
}

/// How the last process of a node ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    schema: u32,
    /// ms since 1970-01-01 UTC; `None`: nothing tells
    ended_ms: Option<u64>,
}

/// Writes down what is about to be sent. Where that fails the signal is sent all the same: a full
/// disk is no reason to let a server run.
pub(super) fn note_signal(record: &mut RunRecord, run: &Path, signal: Signal) {
    let what = match signal {
        Signal::Pause => Some(Sent::Pause),
        Signal::Resume => None,
        Signal::Terminate => Some(Sent::Terminate),
        Signal::Kill => Some(Sent::Kill),
    };
    record.signalled = what.map(|what| Signalled { what, at_ms: files::now_ms() });
    let _ = record.save(run);
}

/// Keeps when a process ended, for when its record is gone. `None` is kept too: an earlier end is
/// not this one's.
///
/// # Errors
/// Where the file cannot be written.
pub(super) fn note_end(paths: &NodePaths, record: &RunRecord) -> Result<()> {
    let end = End { schema: END_SCHEMA, ended_ms: ended_ms(paths, record) };
    let text = serde_json::to_vec(&end).map_err(|e| kafsh_model::Error::bug(e.to_string()))?;
    files::write_atomic(&paths.folder.join(END_FILE), &text, files::PRIVATE)
}

/// Since when it is as it is, where it does not run; ms since 1970-01-01 UTC. Where it was not
/// kafsh that stopped it, its last sign of life stands for it.
pub(super) fn since_ms(
    paths: &NodePaths,
    record: Option<&RunRecord>,
    process: &ProcessState,
) -> Option<i64> {
    let since = match (process, record) {
        (ProcessState::Running { .. }, _) => None,
        (ProcessState::Paused { .. }, Some(record)) => match record.signalled {
            Some(Signalled { what: Sent::Pause, at_ms }) => Some(at_ms),
            _ => sign_of_life(paths, record),
        },
        (ProcessState::Died { .. }, Some(record)) => ended_ms(paths, record),
        _ => kept_end(paths),
    };
    since.and_then(|ms| i64::try_from(ms).ok())
}

fn ended_ms(paths: &NodePaths, record: &RunRecord) -> Option<u64> {
    let seen = sign_of_life(paths, record);
    match record.signalled {
        Some(Signalled { what: Sent::Kill, at_ms }) => Some(at_ms),
        // It goes on for as long as an orderly end takes.
        Some(Signalled { what: Sent::Terminate, at_ms }) => seen.max(Some(at_ms)),
        Some(Signalled { what: Sent::Pause, .. }) | None => seen,
    }
}

/// A damaged file tells nothing, and it is in nobody's way.
fn kept_end(paths: &NodePaths) -> Option<u64> {
    let bytes = files::read_small(&paths.folder.join(END_FILE)).ok()??;
    let end: End = serde_json::from_slice(&bytes).ok()?;
    end.ended_ms.filter(|_| end.schema == END_SCHEMA)
}

/// When it last wrote something since its start.
fn sign_of_life(paths: &NodePaths, record: &RunRecord) -> Option<u64> {
    let (server, console) = written(paths, Some(record));
    let checkpoints = paths.data.iter().map(|dir| dir.join(CHECKPOINT));
    let all: Vec<PathBuf> = checkpoints.chain([server, console]).collect();
    let times = all.iter().filter_map(|path| u64::try_from(modified_ms(path)?).ok());
    times.filter(|ms| *ms >= record.intended_at_ms).max()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use kafsh_model::plan::Node;

    use super::*;

    const DIED: ProcessState = ProcessState::Died { pid: 7 };
    const PAUSED: ProcessState = ProcessState::Paused { pid: 7 };

    fn touched(path: &Path, ms: u64) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = std::fs::File::create(path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_millis(ms)).unwrap();
    }

    fn place(home: &Path) -> (NodePaths, RunRecord) {
        let folder = home.join("broker-1");
        let (config, logs) = (folder.join("config"), folder.join("logs"));
        let paths = NodePaths {
            properties: config.join("server.properties"),
            argfile: config.join("java.args"),
            log4j: config.join("log4j.properties"),
            tmp: folder.join("tmp"),
            run: folder.join("run.json"),
            data: vec![folder.join("data")],
            data_log: None,
            config,
            logs,
            folder,
        };
        let mut record = RunRecord::intent("demo", Node::Broker(1)).unwrap();
        record.intended_at_ms = 1_000;
        (paths, record)
    }

    #[test]
    fn what_it_wrote_last_stands_for_an_end_that_nobody_made() {
        let home = tempfile::tempdir().unwrap();
        let (paths, mut record) = place(home.path());
        assert_eq!(since_ms(&paths, Some(&record), &DIED), None, "nothing tells");
        touched(&paths.logs.join("server.log"), 900);
        assert_eq!(since_ms(&paths, Some(&record), &DIED), None, "that was an earlier start");
        touched(&paths.logs.join("server.log"), 2_000);
        touched(&paths.data[0].join(CHECKPOINT), 7_000);
        assert_eq!(since_ms(&paths, Some(&record), &DIED), Some(7_000));
        assert_eq!(since_ms(&paths, Some(&record), &PAUSED), Some(7_000), "paused by another");
        let sent = |what, at_ms| Some(Signalled { what, at_ms });
        record.signalled = sent(Sent::Pause, 6_000);
        assert_eq!(since_ms(&paths, Some(&record), &PAUSED), Some(6_000));
        record.signalled = sent(Sent::Kill, 6_500);
        assert_eq!(since_ms(&paths, Some(&record), &DIED), Some(6_500));
        record.signalled = sent(Sent::Terminate, 6_500);
        assert_eq!(since_ms(&paths, Some(&record), &DIED), Some(7_000), "it took its time");
        let running = ProcessState::Running { pid: 7, uptime_ms: 5 };
        assert_eq!(since_ms(&paths, Some(&record), &running), None);
    }

    #[test]
    fn an_end_is_known_when_its_record_is_gone() {
        let home = tempfile::tempdir().unwrap();
        let (paths, mut record) = place(home.path());
        assert_eq!(since_ms(&paths, None, &ProcessState::Absent), None, "never started");
        files::create_dir_all(&paths.folder).unwrap();
        record.signalled = Some(Signalled { what: Sent::Terminate, at_ms: 5_000 });
        note_end(&paths, &record).unwrap();
        assert_eq!(since_ms(&paths, None, &ProcessState::Absent), Some(5_000));
        record.signalled = None;
        note_end(&paths, &record).unwrap();
        assert_eq!(since_ms(&paths, None, &ProcessState::Absent), None, "of the last, nothing");
        std::fs::write(paths.folder.join(END_FILE), "{").unwrap();
        assert_eq!(since_ms(&paths, None, &ProcessState::Absent), None, "damaged");
    }
}
