//! The clock behind deadlines: a thread that advances the engine's epoch while calls run.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use kafsh_model::error::{Error, Result};

use crate::limits::TICK;

/// Ticks while at least one [`Running`] lives; sleeps otherwise, so an idle prompt never wakes up.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    running: usize,
    closed: bool,
    /// It waits to be woken: only then is that worth a system call, and a call has several
    idle: bool,
}

impl Ticker {
    /// `tick` is called every [`TICK`] while something runs, on a thread of the ticker's own.
    pub(crate) fn start(tick: impl Fn() + Send + 'static) -> Result<Self> {
        let shared =
            Arc::new(Shared { state: Mutex::new(State::default()), changed: Condvar::new() });
        let theirs = Arc::clone(&shared);
        thread::Builder::new()
            .name("plugin-clock".into())
            .spawn(move || theirs.run(tick))
            .map_err(|e| Error::io("cannot start the clock of plugins", &e))?;
        Ok(Ticker { shared })
    }

    pub(crate) fn run(&self) -> Running<'_> {
        let idle = self.shared.change(|state| {
            state.running += 1;
            state.idle
        });
        if idle {
            self.shared.changed.notify_one();
        }
        Running { shared: &self.shared }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.change(|state| state.closed = true);
        self.shared.changed.notify_one();
    }
}

/// Keeps the ticker ticking.
pub(crate) struct Running<'a> {
    shared: &'a Shared,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.shared.change(|state| state.running -= 1);
    }
}

impl Shared {
    /// A counter is never left half-changed, so a poisoned lock is as good as any.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn run(&self, tick: impl Fn()) {
        loop {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let idle = |state: &mut State| {
                state.idle = state.running == 0 && !state.closed;
                state.idle
            };
            let state = self.changed.wait_while(state, idle);
            let closed = state.unwrap_or_else(PoisonError::into_inner).closed;
            if closed {
                return;
            }
            thread::sleep(TICK);
            tick();
        }
    }
}

/// The number of ticks after which `limit` has surely passed: the first may come at once.
pub(crate) fn ticks(limit: Duration) -> u64 {
    let ticks = limit.as_millis().div_ceil(TICK.as_millis()) + 1;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Instant;

    use super::*;

    #[test]
    fn it_ticks_only_while_something_runs() {
        let count = Arc::new(AtomicU64::new(0));
        let theirs = Arc::clone(&count);
        let ticker = Ticker::start(move || {
            theirs.fetch_add(1, Ordering::SeqCst);
        });
        let ticker = ticker.unwrap();
        thread::sleep(3 * TICK);
        assert_eq!(count.load(Ordering::SeqCst), 0);
        let running = ticker.run();
        let began = Instant::now();
        while count.load(Ordering::SeqCst) < 3 {
            assert!(began.elapsed() < Duration::from_secs(5), "no tick");
            thread::sleep(TICK);
        }
        drop(running);
        thread::sleep(3 * TICK);
        let after = count.load(Ordering::SeqCst);
        thread::sleep(5 * TICK);
        assert_eq!(count.load(Ordering::SeqCst), after);
        // Woken from its sleep, not only at its start; and whether it sleeps already or not yet.
        for _ in 0..50 {
            drop(ticker.run());
        }
        let _running = ticker.run();
        let began = Instant::now();
        while count.load(Ordering::SeqCst) < after + 3 {
            assert!(began.elapsed() < Duration::from_secs(5), "no tick after a pause");
            thread::sleep(TICK);
        }
    }

    #[test]
    fn ticks_cover_the_limit() {
        assert_eq!(ticks(Duration::from_secs(1)), 101);
        assert_eq!(ticks(Duration::from_millis(11)), 3);
    }
}
