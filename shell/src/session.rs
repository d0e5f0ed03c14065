//! What a conversation, or a run of a script, remembers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kafsh_page::Server;
use serde_json::Value;

use crate::bind::{BoundStatement, Source};
use crate::output::Format;

/// Names that `set` knows.
pub const SETTINGS: &[&str] = &["output"];

/// Where the statements come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Prompt,
    /// A file, standard input, `-c` or argv
    Script,
}

/// Statements that run when the session ends, with the source they came from.
pub type ExitBlock = (Arc<Source>, Arc<Vec<BoundStatement>>);

#[derive(Default)]
struct State {
    cluster: Option<String>,
    /// As `-C` of the command line named it
    given: Option<String>,
    bootstrap: Option<String>,
    format: Option<Format>,
    variables: BTreeMap<String, Value>,
    exit_blocks: Vec<ExitBlock>,
    /// `exit` was said: nothing more runs
    leaving: bool,
    /// The status that it named
    status: Option<u8>,
    /// Clusters to destroy at the end
    ephemeral: Vec<String>,
    /// Pages that are served as long as this lives, by the cluster that they show
    pages: BTreeMap<String, Arc<Server>>,
}

pub struct Session {
    origin: Origin,
    /// `--yes` on the command line of a whole run
    assume_yes: bool,
    state: Mutex<State>,
}

impl Session {
    pub fn new(origin: Origin, assume_yes: bool) -> Self {
        Session { origin, assume_yes, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that panics runs under the lock; if it did, the state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_prompt(&self) -> bool {
        self.origin == Origin::Prompt
    }

    pub fn assumes_yes(&self) -> bool {
        self.assume_yes
    }

    pub fn cluster(&self) -> Option<String> {
        self.state().cluster.clone()
    }

    pub fn use_cluster(&self, name: Option<String>) {
        let mut state = self.state();
        state.cluster = name;
        state.bootstrap = None;
    }

    /// `-B` of the command line: an unregistered cluster.
    pub fn bootstrap(&self) -> Option<String> {
        self.state().bootstrap.clone()
    }

    /// `-C` of the command line.
    pub fn given_cluster(&self) -> Option<String> {
        self.state().given.clone()
    }

    /// The cluster of `-C`, for as long as nothing else is chosen.
    pub fn give_cluster(&self, name: Option<String>) {
        self.state().given = name.clone();
        self.use_cluster(name);
    }

    pub fn use_bootstrap(&self, bootstrap: String) {
        self.state().bootstrap = Some(bootstrap);
    }

    pub fn format(&self) -> Option<Format> {
        self.state().format
    }

    pub fn set_format(&self, format: Option<Format>) {
        self.state().format = format;
    }

    pub fn variables(&self) -> BTreeMap<String, Value> {
        self.state().variables.clone()
    }

    pub fn set_variable(&self, name: &str, value: Value) {
        self.state().variables.insert(name.to_string(), value);
    }

    /// `exit`: what comes after it does not run.
    pub fn leave(&self, status: Option<u8>) {
        let mut state = self.state();
        state.leaving = true;
        state.status = status.or(state.status);
    }

    pub fn is_leaving(&self) -> bool {
        self.state().leaving
    }

    /// The blocks of `on-exit` run to their end, whatever was said before.
    pub fn begin_closing(&self) {
        self.state().leaving = false;
    }

    /// The status that `exit` named.
    pub fn exit_status(&self) -> Option<u8> {
        self.state().status
    }

    pub fn push_exit_block(&self, block: ExitBlock) {
        self.state().exit_blocks.push(block);
    }

    /// Takes the blocks, last one first.
    pub fn take_exit_blocks(&self) -> Vec<ExitBlock> {
        let mut blocks = std::mem::take(&mut self.state().exit_blocks);
        blocks.reverse();
        blocks
    }

    /// The page of a cluster, where one is served.
    pub fn page(&self, cluster: &str) -> Option<Arc<Server>> {
        self.state().pages.get(cluster).cloned()
    }

    /// Serves it until the session ends, in place of one before it.
    pub fn keep_page(&self, cluster: String, server: Arc<Server>) {
        self.state().pages.insert(cluster, server);
    }

    pub fn push_ephemeral(&self, cluster: String) {
        self.state().ephemeral.push(cluster);
    }

    /// It is destroyed when this session ends.
    pub fn ends(&self, cluster: &str) -> bool {
        self.state().ephemeral.iter().any(|name| name == cluster)
    }

    pub fn take_ephemeral(&self) -> Vec<String> {
        std::mem::take(&mut self.state().ephemeral)
    }

    /// It was destroyed or kept on purpose.
    pub fn forget_ephemeral(&self, cluster: &str) {
        let mut state = self.state();
        state.ephemeral.retain(|name| name != cluster);
        if state.cluster.as_deref() == Some(cluster) {
            state.cluster = None;
        }
    }
}
