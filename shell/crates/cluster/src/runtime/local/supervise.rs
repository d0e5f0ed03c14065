//! Starting, watching and signalling the process of a node.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kafsh_model::plan::Node;
use kafsh_model::port::{Exit, Signal};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Error, Result};
use rustix::process::{Signal as OsSignal, pidfd_send_signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::cds::{self, Archive, Use};
use super::launch::{Launch, gc_flags};
use super::layout::NodePaths;
use super::process;
use super::record::{RunRecord, Started};
use super::{Local, cluster_word, since};
use crate::runtime::files;

/// Children of this process, by the nonce of their start: to learn how they end, and to reap them.
#[derive(Default)]
pub(super) struct Children(Mutex<HashMap<String, Ours>>);

enum Ours {
    Running(Child),
    Ended(Exit),
}

impl Children {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Ours>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reaps every child that has ended: none stays a zombie while a shell lives on.
    pub(super) fn reap(&self) {
        for ours in self.lock().values_mut() {
            if let Ours::Running(child) = ours
                && let Ok(Some(status)) = child.try_wait()
            {
                *ours = Ours::Ended(exit_of(status));
            }
        }
    }

    fn exit(&self, nonce: &str) -> Exit {
        self.reap();
        match self.lock().get(nonce) {
            Some(Ours::Ended(exit)) => *exit,
            Some(Ours::Running(_)) | None => Exit::Gone,
        }
    }
}

fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Status(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Gone,
    }
}

impl Local {
    pub(super) fn start(&self, spec: &ClusterSpec, node: Node) -> Result<u32> {
        let paths = self.layout(spec)?.node(spec, node)?;
        let Some(properties) = files::read_small(&paths.properties)? else {
            return Err(Error::failed("no-properties", format!("{node} has no properties file"))
                .with_evidence(format!("`{}` is not there", paths.properties.display()))
                .with_next(format!("cluster up {}", spec.name)));
        };
        let distribution = self.distributions.find(&spec.kafka)?;
        if distribution.major() >= 4 {
            return Err(Error::usage(
                "no-zookeeper-mode",
                format!("Kafka {} cannot run with ZooKeeper", spec.kafka),
            )
            .with_cause("3.9 is the last version that can")
            .with_next(format!("cluster up {} --kafka 3.9.2", spec.name)));
        }
        let java = self.distributions.java(&spec.kafka, self.java.as_deref())?;
        let class_path = distribution.class_path()?;
        for folder in [&paths.config, &paths.logs, &paths.tmp] {
            files::create_dir_all(folder)?;
        }
        let _one_at_a_time = lock(&paths, node)?;
        self.children.reap();
        self.refuse_running(&paths, node)?;

        let mut record = RunRecord::intent(spec.name.as_str(), node)?;
        let archive = Archive::new(&self.home, &java, gc_flags(spec.preset), &class_path, node)
            .filter(|_| self.class_archives);
        // Without an archive the start is slower, not wrong.
        let archive = archive.and_then(|a| a.plan(&record.nonce).ok()).unwrap_or(Use::Nothing);
        match &archive {
            Use::Nothing => {}
            Use::Read(path) => record.reads_archive = Some(path.display().to_string()),
            Use::Write(path) => record.writes_archive = Some(path.display().to_string()),
        }
        record.kafka.clone_from(&spec.kafka);
        record.java = java.path.display().to_string();
        record.properties_sha256 = files::sha256_hex(&properties);
        record.log_offset =
            fs::metadata(paths.logs.join("server.log")).map_or(0, |meta| meta.len());
        let launch = Launch {
            spec,
            node,
            paths: &paths,
            java: &java.path,
            class_path: &class_path,
            nonce: &record.nonce,
            archive: &archive,
        };
        launch.write_files()?;
        record.save(&paths.run)?;
        let child = match launch.spawn() {
            Ok(child) => child,
            Err(error) => {
                settle_archive(&record, false);
                let _ = fs::remove_file(&paths.run);
                return Err(error);
            }
        };
        let pid = child.id();
        self.children.lock().insert(record.nonce.clone(), Ours::Running(child));
        // Not waited for yet, so the number is still its own.
        record.process = Started::observe(pid)?;
        record.save(&paths.run)?;
        Ok(pid)
    }

    fn refuse_running(&self, paths: &NodePaths, node: Node) -> Result<()> {
        let Some(record) = RunRecord::load(&paths.run)? else { return Ok(()) };
        let Some(live) = process::identify(&record)? else {
            // It died without being forgotten: what it may have written is not to be used.
            settle_archive(&record, false);
            distrust_archive(&record, paths);
            return Ok(());
        };
        Err(Error::failed("already-running", format!("{node} is running already"))
            .with_evidence(process::describe(live.pid))
            .with_next(cluster_word("status", &record.cluster)))
    }

    pub(super) fn signal(&self, spec: &ClusterSpec, node: Node, signal: Signal) -> Result<()> {
        let paths = self.layout(spec)?.node(spec, node)?;
        let record = RunRecord::load(&paths.run)?;
        let target = record.as_ref().map(process::open).transpose()?.flatten();
        let (Some(mut record), Some(target)) = (record, target) else {
            return Err(not_running(spec, node));
        };
        since::note_signal(&mut record, &paths.run, signal);
        let send = |signal| match pidfd_send_signal(&target, signal) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::SRCH) => Err(not_running(spec, node)),
            Err(e) => Err(Error::failed("signal", format!("{node} cannot be signalled"))
                .with_evidence(e.to_string())),
        };
        match signal {
            Signal::Pause => send(OsSignal::STOP),
            Signal::Resume => send(OsSignal::CONT),
            Signal::Kill => {
                send(OsSignal::KILL)?;
                // Killed in the middle of writing, an archive would be half an archive.
                settle_archive(&record, false);
                Ok(())
            }
            Signal::Terminate => {
                // A stopped process acts on no signal until it goes on.
                if process::identify(&record)?.is_some_and(|live| live.paused) {
                    send(OsSignal::CONT)?;
                }
                send(OsSignal::TERM)
            }
        }
    }

    /// The recorded process to wait for, or how it ended.
    pub(super) fn watch(&self, spec: &ClusterSpec, node: Node) -> Result<Watch> {
        let paths = self.layout(spec)?.node(spec, node)?;
        let Some(record) = RunRecord::load(&paths.run)? else {
            return Ok(Watch::Ended(Exit::Gone));
        };
        Ok(match process::open_ending(&record)? {
            Some(descriptor) => Watch::Alive { descriptor, nonce: record.nonce },
            None => Watch::Ended(self.children.exit(&record.nonce)),
        })
    }

    pub(super) async fn wait(&self, watch: Watch, node: Node, timeout: Duration) -> Result<Exit> {
        let (descriptor, nonce) = match watch {
            Watch::Ended(exit) => return Ok(exit),
            Watch::Alive { descriptor, nonce } => (descriptor, nonce),
        };
        // SAFETY: an `OwnedFd` is one open descriptor, the same until it is dropped.
        let descriptor = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) };
        let descriptor = descriptor
            .map_err(|e| Error::bug(format!("a process descriptor cannot be polled: {e}")))?;
        // A pidfd becomes readable when its process ends.
        match tokio::time::timeout(timeout, descriptor.readable()).await {
            Ok(_) => Ok(self.children.exit(&nonce)),
            Err(_) => Err(Error::timed_out(format!(
                "{node} did not end within {}",
                kafsh_model::units::show_duration(timeout)
            ))),
        }
    }

    pub(super) fn forget(&self, spec: &ClusterSpec, node: Node) -> Result<()> {
        let paths = self.layout(spec)?.node(spec, node)?;
        let Some(record) = RunRecord::load(&paths.run)? else { return Ok(()) };
        if process::identify(&record)?.is_some() {
            return Err(Error::refused("still-running", format!("{node} is still running"))
                .with_next(cluster_word("stop", spec.name.as_str())));
        }
        let how = self.children.exit(&record.nonce);
        settle_archive(&record, !matches!(how, Exit::Signal(_)));
        distrust_archive(&record, &paths);
        since::note_end(&paths, &record)?;
        fs::remove_file(&paths.run).map_err(|e| files::io_error("delete", &paths.run, &e))?;
        self.children.lock().remove(&record.nonce);
        files::sync_dir(&paths.folder)
    }
}

/// What [`Local::watch`] found.
pub(super) enum Watch {
    Alive { descriptor: OwnedFd, nonce: String },
    Ended(Exit),
}

fn settle_archive(record: &RunRecord, in_order: bool) {
    if let Some(path) = &record.writes_archive {
        cds::settle(Path::new(path), in_order);
    }
}

fn distrust_archive(record: &RunRecord, paths: &NodePaths) {
    if let (Some(path), Some(started)) = (&record.reads_archive, &record.process) {
        cds::distrust(Path::new(path), &paths.logs, started.pid);
    }
}

fn not_running(spec: &ClusterSpec, node: Node) -> Error {
    Error::failed("not-running", format!("{node} is not running"))
        .with_next(cluster_word("status", spec.name.as_str()))
}

/// A process that is started elsewhere in this one has our open files until it runs its program: a
/// lock that was let go of stays taken for these moments.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);
const LOCK_POLL: Duration = Duration::from_millis(5);

/// Held while a node is being started, so that two shells cannot start it twice. The kernel lets
/// go of it when the holder dies, and the server does not inherit it.
fn lock(paths: &NodePaths, node: Node) -> Result<File> {
    let path = paths.folder.join("start.lock");
    let file = File::create(&path).map_err(|e| files::io_error("create", &path, &e))?;
    let begin = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if begin.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(LOCK_POLL);
            }
            Err(TryLockError::WouldBlock) => {
                let message = format!("{node} is being started by another shell");
                return Err(Error::failed("being-started", message));
            }
            Err(TryLockError::Error(error)) => {
                return Err(files::io_error("lock", &path, &error));
            }
        }
    }
}
