//! The thread of a transform: guests hold the thread that calls them, and it is not the runtime's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use kafsh_host::limits::THREAD_STACK_BYTES;
use kafsh_model::record::RecordBatch;
use kafsh_model::{Error, Result};
use tokio::sync::oneshot;

use super::pool::States;
use super::runner::{Passed, Runner, Totals};

/// Requests that wait: a stage asks again only when it was answered.
const ASKED_MAX: usize = 1;

/// What is there at the end.
pub struct Summary {
    pub totals: Totals,
    pub counters: Vec<(String, u64)>,
    /// Something is kept that goes with this
    pub keeps_something: bool,
}

enum Asked {
    Run(RecordBatch, oneshot::Sender<Passed>),
    States(oneshot::Sender<States>),
    Summary(oneshot::Sender<Summary>),
}

/// Dropped, it ends its thread as soon as the guest gives it back.
pub struct Worker {
    asks: SyncSender<Asked>,
    stop: Arc<AtomicBool>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
    }
}

fn gone() -> Error {
    Error::bug("the thread of a transform is gone")
}

impl Worker {
    pub fn start(runner: Runner) -> Result<Worker> {
        let (asks, asked) = sync_channel(ASKED_MAX);
        let stop = runner.stopper();
        std::thread::Builder::new()
            .name("kafsh-transform".to_string())
            .stack_size(THREAD_STACK_BYTES)
            .spawn(move || {
                kafsh_host::lend_this_thread();
                serve(runner, &asked);
            })
            .map_err(|error| Error::io("cannot start a thread", &error))?;
        Ok(Worker { asks, stop })
    }

    /// Leaves what is under way between two calls of the guest.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    pub fn run(&self, batch: RecordBatch) -> Result<oneshot::Receiver<Passed>> {
        let (reply, answer) = oneshot::channel();
        self.ask(Asked::Run(batch, reply))?;
        Ok(answer)
    }

    pub async fn states(&self) -> Result<States> {
        let (reply, answer) = oneshot::channel();
        self.ask(Asked::States(reply))?;
        answer.await.map_err(|_| gone())
    }

    pub async fn summary(&self) -> Result<Summary> {
        let (reply, answer) = oneshot::channel();
        self.ask(Asked::Summary(reply))?;
        answer.await.map_err(|_| gone())
    }

    /// Never waits for room: one request is answered before the next is made, but for the one that
    /// was left under way.
    fn ask(&self, asked: Asked) -> Result<()> {
        self.asks.try_send(asked).map_err(|_| gone())
    }
}

/// The answer of a batch, or that its thread ended without one.
pub async fn answer(under_way: &mut oneshot::Receiver<Passed>) -> Result<Passed> {
    under_way.await.map_err(|_| gone())
}

fn serve(mut runner: Runner, asked: &Receiver<Asked>) {
    while let Ok(asked) = asked.recv() {
        // Who asked may have gone in the meantime: then nobody wants the answer.
        match asked {
            Asked::Run(batch, reply) => drop(reply.send(runner.run(batch))),
            Asked::States(reply) => drop(reply.send(runner.states())),
            Asked::Summary(reply) => {
                let summary = Summary {
                    totals: runner.totals(),
                    counters: runner.counters().into_iter().collect(),
                    keeps_something: runner.keeps_something(),
                };
                drop(reply.send(summary));
            }
        }
    }
}
