//! The runtime port: servers that are only states, and end or go on as they are told.

mod boot;
pub(crate) mod deaths;
pub(crate) mod facts;
pub(crate) mod process;
pub(crate) mod units;

use std::time::Duration;

use kafsh_model::plan::Node;
use kafsh_model::port::{BoxFuture, Exit, Runtime, Signal};
use kafsh_model::snapshot::{HostFacts, Listener, NodeFacts, PortFacts};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::units::show_duration;
use kafsh_model::{Error, Result};
use tokio::time::Instant;

use self::process::Process;
use crate::Rehearsal;
use crate::ids::now_ms;
use crate::world::{Key, World};

/// Exit status of a JVM that ends on SIGTERM: 128 + 15.
const TERMINATED: i32 = 143;
/// SIGKILL
const KILLED: i32 = 9;

impl World {
    fn start(&mut self, spec: &ClusterSpec, node: Node) -> Result<u32> {
        facts::known(spec, node)?;
        let key = Key::new(spec.name.as_str(), node);
        let server = self.servers.get(&key);
        let Some(server) = server.filter(|server| !server.properties.is_empty()) else {
            return Err(Error::failed("no-properties", format!("{node} has no properties file"))
                .with_next(format!("cluster up {}", spec.name)));
        };
        if let Some(pid) = server.process.pid().filter(|_| server.process.is_alive()) {
            return Err(Error::failed("already-running", format!("{node} is running already"))
                .with_evidence(format!("pid {pid}"))
                .with_next(format!("cluster status {}", spec.name)));
        }
        Ok(self.boot(&key))
    }

    fn signal(&mut self, spec: &ClusterSpec, node: Node, signal: Signal) -> Result<()> {
        facts::known(spec, node)?;
        let key = Key::new(spec.name.as_str(), node);
        if !self.servers.get(&key).is_some_and(|server| server.process.is_alive()) {
            return Err(Error::failed("not-running", format!("{node} is not running"))
                .with_next(format!("cluster status {}", spec.name)));
        }
        match signal {
            Signal::Terminate => self.terminate(&key),
            Signal::Kill => {
                self.lapse(&key);
                self.end(&key, Exit::Signal(KILLED));
            }
            Signal::Pause => {
                self.set_paused(&key, true);
                self.lapse(&key);
            }
            Signal::Resume => {
                self.set_paused(&key, false);
                self.resume(&key);
            }
        }
        Ok(())
    }

    /// In order: a broker hands its partitions over and leaves, if there is a ZooKeeper to tell.
    fn terminate(&mut self, key: &Key) {
        let home = self.servers.get(key).and_then(|server| server.home.clone());
        if let (Node::Broker(id), Some(home)) = (key.node, &home) {
            let own = |world: &World| {
                let cluster = world.cluster(home);
                cluster.and_then(|c| c.brokers.get(&id)).is_some_and(|r| r.owner == *key)
            };
            if self.answers(&home.zookeeper) && own(self) {
                self.broker_left(home, id);
            } else {
                self.lapse(key);
            }
        }
        if let Some(server) = self.servers.get_mut(key) {
            server.broker.clean = true;
            server.log.push(deaths::line("INFO", &format!("{} shut down completed", key.node)));
        }
        self.end(key, Exit::Status(TERMINATED));
    }

    fn lapse(&mut self, key: &Key) {
        let home = self.servers.get(key).and_then(|server| server.home.clone());
        if let (Node::Broker(id), Some(home)) = (key.node, home) {
            self.session_lapses(&home, id, key);
        }
    }

    fn set_paused(&mut self, key: &Key, to: bool) {
        let Some(server) = self.servers.get_mut(key) else { return };
        if let Process::Alive { paused, .. } = &mut server.process {
            *paused = to;
            server.since_ms = to.then(now_ms);
        }
    }

    /// A broker goes on with its session, or registers anew; a ZooKeeper serves again.
    fn resume(&mut self, key: &Key) {
        if !self.answers(key) {
            return;
        }
        match key.node {
            Node::ZooKeeper => {
                let data = self.servers.get(key).and_then(|server| server.zookeeper.as_ref());
                let chroots: Vec<String> =
                    data.map(|data| data.clusters.keys().cloned().collect()).unwrap_or_default();
                for chroot in chroots {
                    self.resume_sessions(&crate::world::Home { zookeeper: key.clone(), chroot });
                }
            }
            Node::Broker(id) => {
                let home = self.servers.get(key).and_then(|server| server.home.clone());
                let Some(home) = home.filter(|home| self.answers(&home.zookeeper)) else { return };
                if let Some(registration) =
                    self.cluster_mut(&home).and_then(|cluster| cluster.brokers.get_mut(&id))
                {
                    registration.expires = None;
                }
                self.register(key, &home, id);
            }
        }
    }

    /// How a process ended; `None`: it lives.
    fn exit(&self, spec: &ClusterSpec, node: Node) -> Option<Exit> {
        let server = self.servers.get(&Key::new(spec.name.as_str(), node));
        match server.map(|server| &server.process) {
            None | Some(Process::Absent) => Some(Exit::Gone),
            Some(Process::Ended { exit, .. }) => Some(*exit),
            Some(Process::Alive { .. }) => None,
        }
    }

    fn forget(&mut self, spec: &ClusterSpec, node: Node) -> Result<()> {
        let server = self.servers.get_mut(&Key::new(spec.name.as_str(), node));
        let Some(server) = server else { return Ok(()) };
        if server.process.is_alive() {
            return Err(Error::refused("still-running", format!("{node} is still running"))
                .with_next(format!("cluster stop {}", spec.name)));
        }
        server.process = Process::Absent;
        Ok(())
    }
}

impl Runtime for Rehearsal {
    fn host<'a>(&'a self, _spec: &'a ClusterSpec) -> BoxFuture<'a, Result<HostFacts>> {
        self.look(|world| Ok(world.host.clone()))
    }

    fn node<'a>(&'a self, spec: &'a ClusterSpec, node: Node) -> BoxFuture<'a, Result<NodeFacts>> {
        self.look(move |world| world.node_facts(spec, node))
    }

    fn ports<'a>(&'a self, spec: &'a ClusterSpec) -> BoxFuture<'a, Result<Vec<PortFacts>>> {
        self.look(|world| Ok(world.port_facts(spec)))
    }

    /// Nobody but the rehearsal's own servers listens, and none of those is a process.
    fn listeners<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, Result<Vec<Listener>>> {
        self.look(|_| Ok(addresses.iter().map(|_| Listener::Nobody).collect()))
    }

    fn adopt<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        pid: Option<u32>,
    ) -> BoxFuture<'a, Result<()>> {
        self.later(move |world| {
            facts::known(spec, node)?;
            match pid {
                None => world.forget(spec, node),
                Some(pid) => {
                    let message = format!("{node} ended before it was adopted");
                    Err(Error::failed("not-running", message)
                        .with_evidence(format!("pid {pid} is no server of a rehearsal")))
                }
            }
        })
    }

    fn create_directories<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
    ) -> BoxFuture<'a, Result<()>> {
        self.later(move |world| {
            facts::known(spec, node)?;
            let key = Key::new(spec.name.as_str(), node);
            world.servers.entry(key).or_default().has_folders = true;
            Ok(())
        })
    }

    fn write_properties<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        properties: &'a [(String, String)],
    ) -> BoxFuture<'a, Result<()>> {
        self.later(move |world| world.write_properties(spec, node, properties))
    }

    fn start<'a>(&'a self, spec: &'a ClusterSpec, node: Node) -> BoxFuture<'a, Result<u32>> {
        self.later(move |world| world.start(spec, node))
    }

    fn signal<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        signal: Signal,
    ) -> BoxFuture<'a, Result<()>> {
        self.later(move |world| world.signal(spec, node, signal))
    }

    fn wait_exit<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Exit>> {
        Box::pin(async move {
            let deadline = Instant::now() + timeout;
            let mut changes = self.changes();
            loop {
                if let Some(exit) = self.lock().exit(spec, node) {
                    return Ok(exit);
                }
                if !changes.wait(self, deadline).await {
                    let waited = show_duration(timeout);
                    return Err(Error::timed_out(format!("{node} did not end within {waited}")));
                }
            }
        })
    }

    /// A server that is only a state has no threads.
    fn thread_dump<'a>(&'a self, _: &'a ClusterSpec, node: Node) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let message = format!("{node} did not show its threads: this is a rehearsal");
            Err(Error::failed("no-thread-dump", message))
        })
    }

    fn forget<'a>(&'a self, spec: &'a ClusterSpec, node: Node) -> BoxFuture<'a, Result<()>> {
        self.later(move |world| world.forget(spec, node))
    }

    fn log_tail<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        lines: usize,
    ) -> BoxFuture<'a, Result<Vec<String>>> {
        self.look(move |world| {
            let server = world.servers.get(&Key::new(spec.name.as_str(), node));
            let log = server.map_or(&[][..], |server| &server.log);
            Ok(log[log.len().saturating_sub(lines)..].to_vec())
        })
    }

    /// A rehearsal asks nobody: every name is known.
    fn resolve<'a>(&'a self, _: &'a str, _: Duration) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    /// A rehearsal keeps no lines of earlier starts.
    fn log_lines_with<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        text: &'a str,
        _bytes: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<String>>>> {
        self.look(move |world| {
            let server = world.servers.get(&Key::new(spec.name.as_str(), node));
            let with = |log: &[String]| log.iter().filter(|l| l.contains(text)).cloned().collect();
            Ok(server.filter(|server| !server.log.is_empty()).map(|server| with(&server.log)))
        })
    }

    fn archive<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<String>> {
        self.later(move |world| world.archive(spec, reason))
    }

    fn archives<'a>(&'a self, spec: &'a ClusterSpec) -> BoxFuture<'a, Result<Vec<String>>> {
        self.look(|world| Ok(world.archive_names(spec)))
    }

    fn restore<'a>(&'a self, spec: &'a ClusterSpec, unit: &'a str) -> BoxFuture<'a, Result<()>> {
        self.later(move |world| world.restore(spec, unit))
    }

    fn wipe<'a>(&'a self, spec: &'a ClusterSpec, node: Node) -> BoxFuture<'a, Result<()>> {
        self.later(move |world| world.wipe(spec, node))
    }

    fn destroy<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        archives_too: bool,
    ) -> BoxFuture<'a, Result<()>> {
        self.later(move |world| world.destroy(spec, archives_too))
    }
}
