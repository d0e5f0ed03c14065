//! The ports in memory, as small as the engine's tests need them: a world of nodes, topics and
//! archives, in which the n-th change can fail, hang (a killed shell) or be interrupted.

#![allow(dead_code, unused_imports)] // each test target uses its own part

mod bench;
mod client;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use kafsh_cluster::{Cancel, Engine, Store};
use kafsh_model::plan::Node;
use kafsh_model::port::{BoxFuture, Exit, Runtime, Signal};
use kafsh_model::snapshot::{
    DataDirFacts, HostFacts, Listener, NodeFacts, PortFacts, PortOwner, ProcessState,
};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{BrokerId, Error, Result};

pub use bench::{Bench, demo};
pub use steps::FakeSteps;

/// What happens at the n-th change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is refused
    Fail,
    /// It never returns, and has not happened
    HangBefore,
    /// It never returns, though it has happened
    HangAfter,
    /// Ctrl-C while it happens
    Interrupt,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FakeNode {
    pub dirs: bool,
    pub data: bool,
    pub properties: Vec<(String, String)>,
    pub process: Option<ProcessState>,
    pub restart_needed: bool,
    /// What its `meta.properties` say
    pub cluster_id: Option<String>,
    /// Who holds its folder, in one line
    pub lock: Option<String>,
    /// It dies by itself right after its start
    pub dies: bool,
    /// Another one that is killed, once, when this one is started
    pub takes_along: Option<Node>,
    /// SIGTERM does nothing to it
    pub stubborn: bool,
    /// ZooKeeper's newest snapshot, where its logs are gone
    pub snapshot_without_logs: Option<u64>,
}

#[derive(Debug, Default)]
pub struct State {
    pub nodes: BTreeMap<Node, FakeNode>,
    pub topics: BTreeMap<String, (i32, i16)>,
    /// Topics that are being deleted: in ZooKeeper, and to nobody else
    pub going: BTreeSet<String>,
    pub archives: BTreeMap<String, BTreeMap<Node, bool>>,
    /// Registrations whose owner is gone; each look wears one down
    pub stale: BTreeMap<BrokerId, u32>,
    /// Brokers that metadata lists as in sync though they are gone: their session lasts
    pub lingering: BTreeSet<BrokerId>,
    /// Names of each broker's listeners, in the order of their ports; none: `PLAINTEXT` alone
    pub listeners: Vec<&'static str>,
    /// Who listens where, of those that are not ours
    pub strangers: BTreeMap<String, Listener>,
    /// Addresses that were greeted, each with the protocol
    pub greeted: BTreeSet<(String, &'static str)>,
    /// What `/controller` says, if not the first broker: nothing, or some broker
    pub controller: Option<Option<BrokerId>>,
    /// What brokers have written to their logs
    pub logs: BTreeMap<Node, Vec<String>>,
    /// The address of a listener that never answers
    pub deaf: Option<String>,
    pub foreign_port: Option<u16>,
    /// One that is taken as soon as no broker runs
    pub foreign_port_later: Option<u16>,
    /// The spec under which properties were last written
    pub written_for: Option<ClusterSpec>,
    pub min_isr: usize,
    pub log: Vec<String>,
    pub records: Vec<(i32, Vec<u8>)>,
    changes: usize,
    fault: Option<(usize, Fault)>,
    next_pid: u32,
}

impl State {
    pub fn node(&mut self, node: Node) -> &mut FakeNode {
        self.nodes.entry(node).or_default()
    }

    pub fn is_alive(&self, node: Node) -> bool {
        let process = self.nodes.get(&node).and_then(|node| node.process.as_ref());
        process.is_some_and(ProcessState::is_alive)
    }

    pub fn serves(&self, node: Node) -> bool {
        let process = self.nodes.get(&node).and_then(|node| node.process.as_ref());
        matches!(process, Some(ProcessState::Running { .. }))
    }

    pub fn brokers(&self) -> BTreeSet<BrokerId> {
        let serving = |node: &Node| match node {
            Node::Broker(id) if self.serves(*node) => Some(*id),
            _ => None,
        };
        self.nodes.keys().filter_map(serving).collect()
    }

    /// Nothing runs, nothing lies about.
    pub fn is_blank(&self) -> bool {
        self.topics.is_empty()
            && self.nodes.values().all(|node| {
                !node.dirs && !node.data && node.properties.is_empty() && node.process.is_none()
            })
    }
}

/// The world; clones share it.
#[derive(Clone)]
pub struct World {
    state: Arc<Mutex<State>>,
    pub cancel: Arc<Mutex<Cancel>>,
}

impl World {
    pub fn new() -> Self {
        let state = State { min_isr: 1, next_pid: 100, ..State::default() };
        World { state: Arc::new(Mutex::new(state)), cancel: Arc::new(Mutex::new(Cancel::new())) }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn is_paused(&self, node: Node) -> bool {
        let process = self.state().nodes.get(&node).and_then(|node| node.process.clone());
        matches!(process, Some(ProcessState::Paused { .. }))
    }

    /// From now on, the n-th change meets a fault.
    pub fn arm(&self, at: usize, fault: Fault) {
        let mut state = self.state();
        state.changes = 0;
        state.fault = Some((at, fault));
        *self.cancel.lock().unwrap() = Cancel::new();
    }

    /// Takes the fault away; tells whether it struck.
    pub fn disarm(&self) -> bool {
        let mut state = self.state();
        let at = state.fault.take().map_or(usize::MAX, |(at, _)| at);
        *self.cancel.lock().unwrap() = Cancel::new();
        state.changes > at
    }

    pub fn engine(&self, store: &Store) -> Engine {
        let world = Arc::new(self.clone());
        Engine::new(world.clone(), world, Arc::new(FakeSteps), store.clone())
            .with_cancel(self.cancel.lock().unwrap().clone())
            .with_command("cluster up demo")
    }

    /// Counts a change, lets the fault strike, and does it.
    async fn change<T>(&self, what: String, work: impl FnOnce(&mut State) -> T) -> Result<T> {
        let fault = {
            let mut state = self.state();
            let here = state.changes;
            state.changes += 1;
            state.fault.filter(|(at, _)| *at == here).map(|(_, fault)| fault)
        };
        match fault {
            Some(Fault::Fail) => {
                return Err(Error::failed("injected", format!("{what} was refused")));
            }
            Some(Fault::HangBefore) => std::future::pending::<()>().await,
            Some(Fault::Interrupt) => self.cancel.lock().unwrap().cancel(),
            Some(Fault::HangAfter) | None => {}
        }
        let outcome = {
            let mut state = self.state();
            state.log.push(what);
            work(&mut state)
        };
        if fault == Some(Fault::HangAfter) {
            std::future::pending::<()>().await;
        }
        Ok(outcome)
    }
}

fn facts(state: &State, node: Node) -> NodeFacts {
    let fake = state.nodes.get(&node).cloned().unwrap_or_default();
    let data = DataDirFacts {
        path: format!("/data/{node}"),
        exists: fake.dirs,
        empty: !fake.data,
        writable: true,
        bytes: 0,
        cluster_id: fake.cluster_id,
        broker_id: None,
        meta_version: None,
        foreign_lock: fake.lock,
        clean: true,
        logs_without_snapshot: false,
        snapshot_without_logs: fake.snapshot_without_logs,
    };
    NodeFacts {
        node,
        process: fake.process.unwrap_or(ProcessState::Absent),
        properties: fake.properties,
        since_ms: None,
        restart_needed: fake.restart_needed,
        data: vec![data],
        stale_registration: false,
    }
}

type Answer<'a, T> = BoxFuture<'a, Result<T>>;

impl Runtime for World {
    fn host<'a>(&'a self, _: &'a ClusterSpec) -> Answer<'a, HostFacts> {
        Box::pin(async { Ok(HostFacts::default()) })
    }

    fn node<'a>(&'a self, _: &'a ClusterSpec, node: Node) -> Answer<'a, NodeFacts> {
        Box::pin(async move { Ok(facts(&self.state(), node)) })
    }

    fn resolve<'a>(&'a self, host: &'a str, _: Duration) -> Answer<'a, ()> {
        Box::pin(async move {
            match host.ends_with(".invalid") {
                true => Err(Error::unavailable("unknown-host", "nobody knows it")),
                false => Ok(()),
            }
        })
    }

    fn ports<'a>(&'a self, spec: &'a ClusterSpec) -> Answer<'a, Vec<PortFacts>> {
        Box::pin(async move {
            let taken = {
                let state = self.state();
                let later = state.foreign_port_later.filter(|_| state.brokers().is_empty());
                state.foreign_port.or(later)
            };
            let ports = spec.brokers.iter().flat_map(|broker| {
                broker.listeners.iter().map(move |listener| PortFacts {
                    node: Node::Broker(broker.id),
                    purpose: listener.name.clone(),
                    bind: listener.bind.clone(),
                    port: listener.port,
                    owner: match taken == Some(listener.port) {
                        true => {
                            PortOwner::Foreign { description: "pid 7 other".into(), pid: Some(7) }
                        }
                        false => PortOwner::Free,
                    },
                })
            });
            Ok(ports.collect())
        })
    }

    fn listeners<'a>(&'a self, addresses: &'a [String]) -> Answer<'a, Vec<Listener>> {
        Box::pin(async move {
            let state = self.state();
            let find = |address: &String| state.strangers.get(address).cloned();
            Ok(addresses.iter().map(|a| find(a).unwrap_or(Listener::Nobody)).collect())
        })
    }

    fn adopt<'a>(&'a self, _: &'a ClusterSpec, node: Node, pid: Option<u32>) -> Answer<'a, ()> {
        Box::pin(self.change(format!("adopt {node}"), move |state| {
            state.node(node).process = pid.map(|pid| ProcessState::Running { pid, uptime_ms: 1 });
        }))
    }

    fn create_directories<'a>(&'a self, _: &'a ClusterSpec, node: Node) -> Answer<'a, ()> {
        Box::pin(self.change(format!("dirs {node}"), move |state| state.node(node).dirs = true))
    }

    fn write_properties<'a>(
        &'a self,
        spec: &'a ClusterSpec,
        node: Node,
        properties: &'a [(String, String)],
    ) -> Answer<'a, ()> {
        Box::pin(self.change(format!("write {node}"), move |state| {
            state.written_for = Some(spec.clone());
            let fake = state.node(node);
            fake.properties = properties.to_vec();
            fake.restart_needed = fake.process.as_ref().is_some_and(ProcessState::is_alive);
        }))
    }

    fn start<'a>(&'a self, _: &'a ClusterSpec, node: Node) -> Answer<'a, u32> {
        Box::pin(self.change(format!("start {node}"), move |state| {
            assert!(!state.is_alive(node), "{node} is started twice");
            state.next_pid += 1;
            let pid = state.next_pid;
            let fake = state.node(node);
            fake.data = true;
            fake.restart_needed = false;
            fake.process = Some(match fake.dies {
                true => ProcessState::Died { pid },
                false => ProcessState::Running { pid, uptime_ms: 1 },
            });
            if let Some(other) = fake.takes_along.take() {
                let killed = state.node(other).process.as_ref().and_then(ProcessState::pid);
                state.node(other).process = killed.map(|pid| ProcessState::Died { pid });
            }
            pid
        }))
    }

    fn signal<'a>(&'a self, _: &'a ClusterSpec, node: Node, signal: Signal) -> Answer<'a, ()> {
        Box::pin(self.change(format!("{signal:?} {node}"), move |state| {
            let stubborn = state.node(node).stubborn;
            let process = &mut state.node(node).process;
            let pid = process.as_ref().and_then(ProcessState::pid).unwrap_or(0);
            let paused = matches!(process, Some(ProcessState::Paused { .. }));
            match signal {
                Signal::Terminate if paused || stubborn => {}
                Signal::Terminate | Signal::Kill => *process = Some(ProcessState::Died { pid }),
                Signal::Pause => *process = Some(ProcessState::Paused { pid }),
                Signal::Resume => *process = Some(ProcessState::Running { pid, uptime_ms: 1 }),
            }
        }))
    }

    fn wait_exit<'a>(
        &'a self,
        _: &'a ClusterSpec,
        node: Node,
        timeout: Duration,
    ) -> Answer<'a, Exit> {
        Box::pin(async move {
            let gone = async {
                while self.state().is_alive(node) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            match tokio::time::timeout(timeout, gone).await {
                Ok(()) => Ok(Exit::Status(143)),
                Err(_) => Err(Error::timed_out("still there")),
            }
        })
    }

    fn thread_dump<'a>(&'a self, _: &'a ClusterSpec, node: Node) -> Answer<'a, String> {
        Box::pin(self.change(format!("dump {node}"), move |_| format!("/logs/{node}/threads.txt")))
    }

    fn forget<'a>(&'a self, _: &'a ClusterSpec, node: Node) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut state = self.state();
            assert!(!state.is_alive(node), "{node} is forgotten while it runs");
            state.node(node).process = None;
            Ok(())
        })
    }

    fn log_tail<'a>(&'a self, _: &'a ClusterSpec, node: Node, _: usize) -> Answer<'a, Vec<String>> {
        let lines = self.state().logs.get(&node).cloned();
        let lines = lines.unwrap_or_else(|| vec!["a line of the log".to_string()]);
        Box::pin(async { Ok(lines) })
    }

    fn log_lines_with<'a>(
        &'a self,
        _: &'a ClusterSpec,
        _: Node,
        _: &'a str,
        _: u64,
    ) -> Answer<'a, Option<Vec<String>>> {
        Box::pin(async { Ok(None) })
    }

    fn archive<'a>(&'a self, _: &'a ClusterSpec, reason: &'a str) -> Answer<'a, String> {
        Box::pin(self.change(format!("archive {reason}"), |state| {
            let unit = format!("unit-{}", state.archives.len() + 1);
            let held = state.nodes.iter_mut();
            let held = held.map(|(node, fake)| (*node, std::mem::take(&mut fake.data))).collect();
            state.archives.insert(unit.clone(), held);
            unit
        }))
    }

    fn archives<'a>(&'a self, _: &'a ClusterSpec) -> Answer<'a, Vec<String>> {
        Box::pin(async { Ok(self.state().archives.keys().cloned().collect()) })
    }

    fn restore<'a>(&'a self, _: &'a ClusterSpec, unit: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            if self.state().nodes.values().any(|node| node.data) {
                return Err(Error::refused("data-present", "something is there"));
            }
            self.change(format!("restore {unit}"), move |state| {
                let held = state.archives.remove(unit).expect("the unit is there");
                for (node, data) in held {
                    state.node(node).data = data;
                }
            })
            .await
        })
    }

    fn wipe<'a>(&'a self, _: &'a ClusterSpec, node: Node) -> Answer<'a, ()> {
        Box::pin(self.change(format!("wipe {node}"), move |state| {
            assert!(!state.is_alive(node), "{node} is wiped while it runs");
            state.node(node).data = false;
        }))
    }

    fn destroy<'a>(&'a self, _: &'a ClusterSpec, _: bool) -> Answer<'a, ()> {
        Box::pin(self.change("destroy".to_string(), |state| {
            assert!(
                state.nodes.keys().all(|node| !state.is_alive(*node)),
                "destroyed while it runs"
            );
            state.nodes.clear();
            state.topics.clear();
        }))
    }
}
