//! Threads that guests run on: with a stack of known size. One that said so of itself is used as
//! it stands; for all others there are some of the host's own, to which a call is handed over.

use std::cell::Cell;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;

use kafsh_model::error::{Error, Result};

use crate::limits::{THREAD_STACK_BYTES, THREAD_STACK_USED_MAX};

type Job = Box<dyn FnOnce() + Send>;

thread_local! {
    /// Where the stack of this thread begins, where guests may use it
    static LENT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Lets guests run on the calling thread, which otherwise hands them to one of the host's and
/// waits: two changes of thread, which cost more than most calls. To be called first thing on a
/// thread that was started with a stack of [`THREAD_STACK_BYTES`] and may be held as long as a call
/// takes.
pub fn lend_this_thread() {
    LENT.set(Some(stack_position()));
}

/// Whether this thread was lent and has as much stack left as a call may need.
fn may_run_here() -> bool {
    let used = |begin: usize| begin.abs_diff(stack_position());
    LENT.get().is_some_and(|begin| used(begin) <= THREAD_STACK_USED_MAX)
}

/// About where the stack ends now.
#[inline(never)]
fn stack_position() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(black_box(&here)).addr()
}

/// Starts a thread where none is idle, and keeps it: as many as ever worked at the same time.
#[derive(Default)]
pub(crate) struct Runner {
    idle: Mutex<Vec<Sender<Job>>>,
}

/// Where work is done.
pub(crate) enum Thread<'a> {
    /// On the calling thread, which was lent
    This,
    Own(Own<'a>),
}

/// A thread that waits for work; idle again when it is dropped.
pub(crate) struct Own<'a> {
    runner: &'a Runner,
    jobs: Option<Sender<Job>>,
}

impl Runner {
    /// Runs `work` where there is a stack for it, and waits for it.
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
        if may_run_here() {
            return Ok(Thread::This);
        }
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let jobs = match idle {
            Some(jobs) => jobs,
            None => start()?,
        };
        Ok(Thread::Own(Own { runner: self, jobs: Some(jobs) }))
    }
}

fn panicked() -> Error {
    Error::bug("the host of plugins panicked")
}

impl Thread<'_> {
    /// # Errors
    /// `bug` where `work` panics; a thread of the host's is then gone.
    pub(crate) fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        match self {
            // What `work` holds is gone with it, so nobody sees what it left half done.
            Thread::This => catch_unwind(AssertUnwindSafe(work)).map_err(|_| panicked()),
            Thread::Own(own) => own.run(work),
        }
    }
}

impl Own<'_> {
    fn run<T: Send + 'static>(mut self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
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
        Err(panicked())
    }
}

impl Drop for Own<'_> {
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

    /// On a thread as whoever lends one starts it.
    fn on_a_lent_thread(work: impl FnOnce() + Send + 'static) {
        let lent = thread::Builder::new().stack_size(THREAD_STACK_BYTES).spawn(move || {
            lend_this_thread();
            work();
        });
        lent.unwrap().join().unwrap();
    }

    #[test]
    fn a_lent_thread_is_used_as_it_stands_and_outlives_a_panic() {
        on_a_lent_thread(|| {
            let (runner, this) = (Runner::default(), thread::current().id());
            assert_eq!(runner.run(|| thread::current().id()).unwrap(), this);
            let error = runner.run(|| panic!("on purpose")).unwrap_err();
            assert_eq!(error.code, "bug");
            assert_eq!(runner.run(|| thread::current().id()).unwrap(), this);
            assert!(runner.idle.lock().unwrap().is_empty());
        });
        let runner = Runner::default();
        let here = thread::current().id();
        assert_ne!(runner.run(|| thread::current().id()).unwrap(), here, "nobody lent this one");
    }

    /// Calls `work` where at least so many bytes of the stack are in use.
    fn deep(begin: usize, bytes: usize, work: &mut dyn FnMut()) {
        let frame = black_box([0_u8; 1 << 10]);
        match begin.abs_diff(stack_position()) < bytes {
            true => deep(begin, bytes, work),
            false => work(),
        }
        black_box(&frame);
    }

    #[test]
    fn a_lent_thread_whose_stack_is_used_up_hands_over() {
        on_a_lent_thread(|| {
            let (runner, this) = (Runner::default(), thread::current().id());
            let where_it_ran = |used| {
                let (mut ran, begin) = (None, stack_position());
                deep(begin, used, &mut || {
                    ran = Some(runner.run(|| thread::current().id()).unwrap())
                });
                ran.unwrap()
            };
            assert_eq!(where_it_ran(THREAD_STACK_USED_MAX - (64 << 10)), this);
            assert_ne!(where_it_ran(THREAD_STACK_USED_MAX + (64 << 10)), this);
        });
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
