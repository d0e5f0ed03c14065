//! A process that is only a state.

use kafsh_model::port::Exit;
use kafsh_model::snapshot::ProcessState;
use tokio::time::Instant;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Process {
    /// Never started, or stopped and forgotten
    #[default]
    Absent,
    Alive {
        pid: u32,
        since: Instant,
        paused: bool,
        /// It takes signals, and no requests
        silent: bool,
    },
    /// Gone, and not forgotten yet
    Ended { pid: u32, exit: Exit },
}

impl Process {
    pub(crate) fn is_alive(&self) -> bool {
        matches!(self, Process::Alive { .. })
    }

    pub(crate) fn answers(&self) -> bool {
        matches!(self, Process::Alive { paused: false, silent: false, .. })
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        match self {
            Process::Absent => None,
            Process::Alive { pid, .. } | Process::Ended { pid, .. } => Some(*pid),
        }
    }

    pub(crate) fn state(&self) -> ProcessState {
        match self {
            Process::Absent => ProcessState::Absent,
            Process::Alive { pid, paused: true, .. } => ProcessState::Paused { pid: *pid },
            Process::Alive { pid, since, .. } => {
                let uptime_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
                ProcessState::Running { pid: *pid, uptime_ms }
            }
            Process::Ended { pid, .. } => ProcessState::Died { pid: *pid },
        }
    }
}
