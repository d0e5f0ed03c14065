//! What a command is given: nothing else of the world is in its reach.

use std::any::Any;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kafsh_cluster::Cancel;
use kafsh_model::confirm::Confirmed;
use kafsh_model::port::{Admin, Progress, Records, Target};
use kafsh_model::{Class, Error, Result};

use crate::args::Args;
use crate::context::Context;
use crate::flow::Flow;
use crate::session::Session;

/// Bound on one administrative call where no `--deadline` is given.
pub const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// Commands that advice names and that know only clusters of this host, or by their names.
const NEEDS_A_NAME: [&str; 3] = ["cluster status", "cluster doctor", "broker logs"];

pub struct Call {
    pub context: Arc<Context>,
    pub session: Arc<Session>,
    pub args: Args,
    /// What the stage before gives; the lock makes a call `Sync`, so that helpers may borrow it
    pub input: Mutex<Flow>,
    /// `@name` before the stage
    pub at: Option<String>,
    pub cancel: Cancel,
    /// The user agreed to what the question said
    pub confirmed: Option<Confirmed>,
    /// What was looked up for the question: what runs is what was asked about
    pub found: Mutex<Option<Box<dyn Any + Send>>>,
    /// The command line as it stands, for the audit log
    pub line: String,
    /// File and line of the script it stands in
    pub place: Option<(String, usize)>,
    /// One command from argv: nothing comes after it
    pub on_command_line: bool,
    /// What relative paths are relative to
    pub directory: PathBuf,
    pub progress: Arc<dyn Progress>,
}

impl Call {
    /// The cluster's name: `@name`, `-C`, the session's; an error that says how to choose.
    pub fn cluster_name(&self) -> Result<String> {
        let named = self.at.clone().or_else(|| self.args.opt_text("cluster"));
        match named.or_else(|| self.session.cluster()) {
            Some(name) => Ok(name),
            None => self.context.only_cluster(self.session.is_prompt()),
        }
    }

    /// How to reach the cluster this call is about.
    pub fn target(&self) -> Result<Target> {
        let mut target = match self.address() {
            Some(bootstrap) => Target {
                bootstrap: bootstrap.split(',').map(String::from).collect(),
                zookeeper: None,
                client: Vec::new(),
                timeout: CALL_DEADLINE,
            },
            None => self.context.target(&self.cluster_name()?)?,
        };
        target.client.extend(crate::config::client_properties(&self.args)?);
        target.timeout = self.args.opt_duration("deadline")?.unwrap_or(CALL_DEADLINE);
        Ok(target)
    }

    /// The address of `-B`, of the stage or the session: a cluster that has no name here.
    pub fn address(&self) -> Option<String> {
        if self.at.is_some() {
            return None;
        }
        self.args.opt_text("bootstrap").or_else(|| match self.args.has("cluster") {
            true => None,
            false => self.session.bootstrap(),
        })
    }

    /// Administration, behind the policies in charge of the cluster.
    pub fn admin(&self) -> Result<Arc<dyn Admin>> {
        crate::policy::guard(self, self.context.admin(&self.target()?)?)
    }

    pub fn records(&self) -> Result<Arc<dyn Records>> {
        self.context.records(&self.target()?)
    }

    /// The proof that something may be lost.
    pub fn confirmed(&mut self) -> Result<Confirmed> {
        self.confirmed.take().ok_or_else(|| Error::bug("a destructive command ran unconfirmed"))
    }

    /// Refuses to change a cluster that was attached for reading, or is no longer the one that was
    /// attached.
    pub async fn check_writable(&self) -> Result<()> {
        if self.address().is_some() {
            return Ok(());
        }
        self.context.check_writable(&self.cluster_name()?, &self.target()?).await
    }

    /// Keeps what a question was about, for [`Call::take_found`].
    pub fn keep_found<T: Send + 'static>(&self, found: T) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(found));
    }

    /// What the question was about; `None` where nothing was asked.
    pub fn take_found<T: 'static>(&self) -> Option<T> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner).take();
        found.and_then(|found| found.downcast().ok()).map(|found| *found)
    }

    /// Takes the input out of the call.
    pub fn take_input(&mut self) -> Flow {
        let input = self.input.get_mut().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(input, Flow::Nothing)
    }
}

/// Advice that fits a cluster without a name: there is no status of it, and no doctor for it.
pub fn advise(mut error: Error, address: Option<&str>) -> Error {
    let Some(address) = address else { return error };
    let kept = |next: &String| !NEEDS_A_NAME.iter().any(|command| next.starts_with(command));
    let before = error.next.len();
    error.next.retain(kept);
    if error.next.len() < before && error.class == Class::Unavailable {
        let no_name = format!("`{address}` is no cluster with a name here: check the address");
        error.evidence.push(no_name);
        error.next.insert(0, "cluster list".to_string());
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead() -> Error {
        Error::unavailable("unavailable", "no broker answers")
            .with_next("cluster status")
            .with_next("cluster doctor")
    }

    #[test]
    fn advice_for_an_address_names_no_cluster() {
        assert_eq!(advise(dead(), None), dead(), "a cluster with a name has a status");
        let error = advise(dead(), Some("h:1"));
        assert_eq!(error.next, ["cluster list"]);
        assert!(error.evidence[0].contains("`h:1`"), "{error:?}");
        let other = Error::not_found("topic-not-found", "no topic").with_next("topic list");
        assert_eq!(advise(other.clone(), Some("h:1")), other);
    }
}
