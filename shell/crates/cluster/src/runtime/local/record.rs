//! `run.json`: what was started, so that any later shell knows it again.

use std::path::Path;

use kafsh_model::plan::Node;
use kafsh_model::{Error, Result};
use serde::{Deserialize, Serialize};

use super::process;
use super::since::Signalled;
use crate::runtime::files;

const RUN_SCHEMA: u32 = 1;

/// One start of one node. Written with `process: None` before the process exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RunRecord {
    pub(super) schema: u32,
    /// Also an argument of the process
    pub(super) nonce: String,
    pub(super) cluster: String,
    pub(super) node: String,
    pub(super) kafka: String,
    pub(super) java: String,
    /// ms since 1970-01-01 UTC
    pub(super) intended_at_ms: u64,
    /// SHA-256 of the properties file it was started with
    pub(super) properties_sha256: String,
    /// Length of the server's log before this start, in bytes
    pub(super) log_offset: u64,
    /// The class archive it writes at its end, if it does
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) writes_archive: Option<String>,
    /// The class archive it was started with
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reads_archive: Option<String>,
    /// Where somebody else started it: what stands for the nonce
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) adopted: Option<Adopted>,
    pub(super) process: Option<Started>,
    /// `None`: none yet, or it was to go on
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) signalled: Option<Signalled>,
}

/// How a process that kafsh did not start is known, and where it writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Adopted {
    /// SHA-256 of its arguments, as `/proc/PID/cmdline` has them
    pub(super) arguments_sha256: String,
    /// Its server's log, where one was open when it was adopted
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) log: Option<String>,
    /// The file that its standard output is, if it is one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) console: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Started {
    pub(super) pid: u32,
    /// `/proc/PID/stat` field 22
    pub(super) start_ticks: u64,
    pub(super) boot_id: String,
}

impl Started {
    /// What `/proc` says of `pid` now; `None` where it is gone already.
    pub(super) fn observe(pid: u32) -> Result<Option<Self>> {
        let Some(stat) = process::stat(pid) else { return Ok(None) };
        Ok(Some(Started { pid, start_ticks: stat.start_ticks, boot_id: process::boot_id()? }))
    }
}

impl RunRecord {
    pub(super) fn intent(cluster: &str, node: Node) -> Result<Self> {
        Ok(RunRecord {
            schema: RUN_SCHEMA,
            nonce: files::nonce()?,
            cluster: cluster.into(),
            node: node.to_string(),
            kafka: String::new(),
            java: String::new(),
            intended_at_ms: files::now_ms(),
            properties_sha256: String::new(),
            log_offset: 0,
            writes_archive: None,
            reads_archive: None,
            adopted: None,
            process: None,
            signalled: None,
        })
    }

    /// Whether a process with these arguments may be the recorded one.
    pub(super) fn fits(&self, arguments: &[String]) -> bool {
        match &self.adopted {
            None => arguments.contains(&process::nonce_argument(&self.nonce)),
            Some(adopted) => adopted.arguments_sha256 == process::digest(arguments),
        }
    }

    /// The record, completed from `/proc` where its writer was killed between start and record.
    pub(super) fn load(path: &Path) -> Result<Option<Self>> {
        let Some(bytes) = files::read_small(path)? else { return Ok(None) };
        let bad = |cause: String| {
            Error::failed("bad-state-file", format!("`{}` cannot be read", path.display()))
                .with_evidence(cause)
                .with_next("cluster doctor")
        };
        let mut record: RunRecord =
            serde_json::from_slice(&bytes).map_err(|e| bad(e.to_string()))?;
        if record.schema != RUN_SCHEMA {
            return Err(bad(format!("its schema is {}, known is {RUN_SCHEMA}", record.schema)));
        }
        if record.process.is_none()
            && let Some(pid) = process::find_by_nonce(&record.nonce)
        {
            record.process = Started::observe(pid)?;
            record.save(path)?;
        }
        Ok(Some(record))
    }

    pub(super) fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::bug(e.to_string()))?;
        files::write_atomic(path, &text, files::PRIVATE)
    }
}
