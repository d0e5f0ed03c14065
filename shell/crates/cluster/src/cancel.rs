//! A cancellation token: Ctrl-C sets it, work looks at it between actions and while it waits.

use std::future::Future;

use kafsh_model::{Error, Result};
use tokio::sync::watch;

/// Clones share one state; once cancelled it stays so.
#[derive(Clone, Debug)]
pub struct Cancel {
    sender: watch::Sender<bool>,
}

impl Default for Cancel {
    fn default() -> Self {
        Cancel::new()
    }
}

impl Cancel {
    pub fn new() -> Self {
        Cancel { sender: watch::Sender::new(false) }
    }

    pub fn cancel(&self) {
        self.sender.send_replace(true);
    }

    pub fn is_cancelled(&self) -> bool {
        *self.sender.borrow()
    }

    /// Returns once it is cancelled.
    pub async fn cancelled(&self) {
        let mut receiver = self.sender.subscribe();
        // The sender lives in `self`, so the channel cannot close while this waits.
        let _ = receiver.wait_for(|cancelled| *cancelled).await;
    }

    /// Fails with `interrupted` once it is cancelled.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::interrupted()) } else { Ok(()) }
    }

    /// Runs `work` until it ends or this is cancelled, whichever is first.
    pub async fn run<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.cancelled() => Err(Error::interrupted()),
            outcome = work => outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ends_what_waits() {
        let cancel = Cancel::new();
        assert_eq!(cancel.run(async { Ok(1) }).await.unwrap(), 1);
        let other = cancel.clone();
        let waiting =
            tokio::spawn(async move { other.run(std::future::pending::<Result<()>>()).await });
        cancel.cancel();
        assert_eq!(waiting.await.unwrap().unwrap_err().code, "interrupted");
        assert!(cancel.check().is_err());
        assert!(cancel.run(async { Ok(1) }).await.is_err());
    }
}
