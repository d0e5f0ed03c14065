//! Threads that guests run on: with a stack of known size, and none of an async runtime's.

use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;

use kafsh_model::error::{Error, Result};

use crate::limits::THREAD_STACK_BYTES;

type Job = Box<dyn FnOnce() + Send>;

/// Starts a thread where none is idle, and keeps it: as many as ever worked at the same time.
#[derive(Default)]
pub(crate) struct Runner {
    idle: Mutex<Vec<Sender<Job>>>,
}

/// A thread that waits for work; idle again when it is dropped.
pub(crate) struct Thread<'a> {
    runner: &'a Runner,
    jobs: Option<Sender<Job>>,
}

impl Runner {
    /// Runs `work` on a thread of its own and waits for it.
    ///
    /// # Errors
    /// No thread can be started; `bug` where `work` panics.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        self.thread()?.run(work)
    }

    /// # Errors
    /// No thread can be started.
    pub(crate) fn thread(&self) -> Result<Thread<'_>> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let jobs = match idle {
            Some(jobs) => jobs,
            None => start()?,
        };
        Ok(Thread { runner: self, jobs: Some(jobs) })
    }
}

impl Thread<'_> {
    /// # Errors
    /// `bug` where `work` panics; the thread is then gone.
    pub(crate) fn run<T: Send + 'static>(
        mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let (done, outcome) = mpsc::sync_channel(1);
        let job: Job = Box::new(move || {
            // Whoever asked waits for it.
            let _ = done.send(work());
        });
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if sent && let Ok(outcome) = outcome.recv() {
            return Ok(outcome);
        }
        self.jobs = None;
        Err(Error::bug("the host of plugins panicked"))
    }
}

impl Drop for Thread<'_> {
    fn drop(&mut self) {
        if let Some(jobs) = self.jobs.take() {
            self.runner.idle.lock().unwrap_or_else(PoisonError::into_inner).push(jobs);
        }
    }
}

/// A thread that works until nobody can send it anything.
fn start() -> Result<Sender<Job>> {
    let (thread, jobs) = mpsc::channel::<Job>();
    thread::Builder::new()
        .name("plugin".into())
        .stack_size(THREAD_STACK_BYTES)
        .spawn(move || jobs.iter().for_each(|job| job()))
        .map_err(|e| Error::io("cannot start a thread for a plugin", &e))?;
    Ok(thread)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_thread_is_used_again_and_a_panic_ends_only_its_own() {
        let runner = Runner::default();
        let first = runner.run(|| thread::current().id()).unwrap();
        assert_eq!(runner.run(|| thread::current().id()).unwrap(), first);
        let error = runner.run(|| panic!("on purpose")).unwrap_err();
        assert_eq!(error.code, "bug");
        assert_ne!(runner.run(|| thread::current().id()).unwrap(), first);
    }

    #[test]
    fn those_that_work_at_once_have_threads_of_their_own() {
        let runner = Arc::new(Runner::default());
        let other = Arc::clone(&runner);
        let inner = runner.run(move || other.run(|| 7).unwrap()).unwrap();
        assert_eq!(inner, 7);
        assert_eq!(runner.idle.lock().unwrap().len(), 2);
    }
}
