//! The runtime of this host: implements the port over files, `/proc` and signals.

mod adopt;
mod archive;
mod cds;
mod facts;
mod guard;
mod host;
mod intruder;
mod launch;
mod layout;
mod logs;
mod ports;
pub(super) mod process;
mod record;
mod since;
mod supervise;
mod threads;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kafsh_model::plan::Node;
use kafsh_model::port::{BoxFuture, Exit, Runtime, Signal};
use kafsh_model::snapshot::{HostFacts, Listener, NodeFacts, PortFacts, ProcessState};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Error, Result};

use self::layout::Layout;
use self::supervise::Children;
use crate::distribution::Distributions;

/// How a [`LocalRuntime`] is made.
#[derive(Clone, Debug)]
pub struct LocalOptions {
    /// Folder of all state
    pub home: PathBuf,
    pub distributions: Arc<Distributions>,
    /// This Java and no other
    pub java: Option<PathBuf>,
    /// Make class archives at the first stop and use them after
    pub class_archives: bool,
}

impl LocalOptions {
    pub fn new(home: impl Into<PathBuf>, distributions: Arc<Distributions>) -> Self {
        LocalOptions { home: home.into(), distributions, java: None, class_archives: true }
    }
}

/// Server processes on this host. Nodes outlive it; another instance finds them again.
#[derive(Clone)]
pub struct LocalRuntime {
    local: Arc<Local>,
}

pub(super) struct Local {
    home: PathBuf,
    distributions: Arc<Distributions>,
    java: Option<PathBuf>,
    class_archives: bool,
    children: Children,
}

impl LocalRuntime {
    pub fn new(options: LocalOptions) -> Self {
        let LocalOptions { home, distributions, java, class_archives } = options;
        let children = Children::default();
        let local = Local { home, distributions, java, class_archives, children };
        LocalRuntime { local: Arc::new(local) }
    }

    /// Runs blocking work to its end even if the caller stops waiting: a start is never cut
    /// between its intent and its record.
    fn run<T: Send + 'static>(
        &self,
        spec: &ClusterSpec,
        work: impl FnOnce(&Local, &ClusterSpec) -> Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T>> {
        let (local, spec) = (Arc::clone(&self.local), spec.clone());
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || work(&local, &spec)).await;
            done.unwrap_or_else(|e| Err(Error::bug(format!("the runtime failed: {e}"))))
        })
    }
}

impl Local {
    fn layout(&self, spec: &ClusterSpec) -> Result<Layout> {
        Layout::new(&self.home, spec)
    }
}

/// A command that names its cluster: `cluster stop demo`.
fn cluster_word(verb: &str, cluster: &str) -> String {
    format!("cluster {verb} {cluster}")
}

impl Runtime for LocalRuntime {
    fn host<'a>(&'a self, spec: &'a ClusterSpec) -> BoxFuture<'a, Result<HostFacts>> {
        self.run(spec, Local::host)
    }

    fn node<'a>(&'a self, spec: &'a ClusterSpec, node: Node) -> BoxFuture<'a, Result<NodeFacts>> {
        self.run(spec, move |local, spec| local.node(spec, node))
    }

    fn process<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
    ) -> BoxFuture<'a, Result<ProcessState>> {
        self.run(spec, move |local, spec| local.process(spec, node))
    }

    fn ports<'a>(&'a self, spec: &'a ClusterSpec) -> BoxFuture<'a, Result<Vec<PortFacts>>> {
        self.run(spec, Local::ports)
    }

    fn listeners<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, Result<Vec<Listener>>> {
        let addresses = addresses.to_vec();
        Box::pin(async move {
            let work = move || addresses.iter().map(|address| adopt::listener(address)).collect();
            let done = tokio::task::spawn_blocking(work).await;
            done.map_err(|e| Error::bug(format!("the runtime failed: {e}")))
        })
    }

    fn adopt<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        pid: Option<u32>,
    ) -> BoxFuture<'a, Result<()>> {
        self.run(spec, move |local, spec| local.adopt(spec, node, pid))
    }

    fn create_directories<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
    ) -> BoxFuture<'a, Result<()>> {
        self.run(spec, move |local, spec| local.create_directories(spec, node))
    }

    fn write_properties<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        properties: &'a [(String, String)],
    ) -> BoxFuture<'a, Result<()>> {
        let properties = properties.to_vec();
        self.run(spec, move |local, spec| local.write_properties(spec, node, &properties))
    }

    fn start<'a>(&'a self, spec: &'a ClusterSpec, node: Node) -> BoxFuture<'a, Result<u32>> {
        self.run(spec, move |local, spec| local.start(spec, node))
    }

    fn signal<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        signal: Signal,
    ) -> BoxFuture<'a, Result<()>> {
        self.run(spec, move |local, spec| local.signal(spec, node, signal))
    }

    fn wait_exit<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Exit>> {
        let watch = self.run(spec, move |local, spec| local.watch(spec, node));
        Box::pin(async move { self.local.wait(watch.await?, node, timeout).await })
    }

    fn thread_dump<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
    ) -> BoxFuture<'a, Result<String>> {
        self.run(spec, move |local, spec| local.thread_dump(spec, node))
    }

    fn forget<'a>(&'a self, spec: &'a ClusterSpec, node: Node) -> BoxFuture<'a, Result<()>> {
        self.run(spec, move |local, spec| local.forget(spec, node))
    }

    fn resolve<'a>(&'a self, host: &'a str, timeout: Duration) -> BoxFuture<'a, Result<()>> {
        Box::pin(host::resolve(host, timeout))
    }

    fn log_tail<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        lines: usize,
    ) -> BoxFuture<'a, Result<Vec<String>>> {
        self.run(spec, move |local, spec| local.log_tail(spec, node, lines))
    }

    fn log_lines_with<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        text: &'a str,
        bytes: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<String>>>> {
        let text = text.to_string();
        self.run(spec, move |local, spec| local.log_lines_with(spec, node, &text, bytes))
    }

    fn archive<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<String>> {
        let reason = reason.to_string();
        self.run(spec, move |local, spec| local.archive(spec, &reason))
    }

    fn archives<'a>(&'a self, spec: &'a ClusterSpec) -> BoxFuture<'a, Result<Vec<String>>> {
        self.run(spec, Local::archives)
    }

    fn restore<'a>(&'a self, spec: &'a ClusterSpec, unit: &'a str) -> BoxFuture<'a, Result<()>> {
        let unit = unit.to_string();
        self.run(spec, move |local, spec| local.restore(spec, &unit))
    }

    fn wipe<'a>(&'a self, spec: &'a ClusterSpec, node: Node) -> BoxFuture<'a, Result<()>> {
        self.run(spec, move |local, spec| local.wipe(spec, node))
    }

    fn destroy<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        archives_too: bool,
    ) -> BoxFuture<'a, Result<()>> {
        self.run(spec, move |local, spec| local.destroy(spec, archives_too))
    }
}
