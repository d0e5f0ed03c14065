//! The ports in memory: clusters without Java, in milliseconds.
//!
//! A [`Rehearsal`] is a host on which servers run that are only states. It is connector and runtime
//! at once: what the runtime starts, the connector reaches at the addresses of its listeners. All
//! of it lives as long as the value and its clones, which share one world.
//!
//! What it does not rehearse: TLS, SASL and ACLs, transactions, quotas, racks in placement,
//! retention and compaction, and time that passes: sessions end after some ms, and a record to a
//! partition without a leader fails after half a second.

mod admin;
mod cluster;
mod configs;
mod consume;
mod defaults;
mod fault;
mod groups;
mod ids;
mod kafka_error;
mod log;
mod members;
mod murmur2;
mod placement;
mod produce;
mod range;
mod runtime;
mod topics;
mod tree;
mod world;
mod zookeeper;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kafsh_model::plan::Node;
use kafsh_model::port::{Admin, BoxFuture, Connector, Records, Target, ZooKeeper};
use kafsh_model::snapshot::HostFacts;
use kafsh_model::{BrokerId, Error, Result};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::world::{Fault, Key, Server, World, split_address};

/// Port of the ZooKeeper of [`Rehearsal::attach_ready`], or the first free one above.
const ZOOKEEPER_PORT: u16 = 2181;

struct Shared {
    world: Mutex<World>,
    /// Counts changes, so that who waits looks again
    changes: watch::Sender<u64>,
}

/// A host and its clusters in memory. Clones share them.
#[derive(Clone)]
pub struct Rehearsal {
    shared: Arc<Shared>,
}

impl Default for Rehearsal {
    fn default() -> Self {
        Rehearsal::new()
    }
}

impl Rehearsal {
    /// A host with Java and nothing else on it.
    pub fn new() -> Self {
        let (world, changes) = (Mutex::new(World::new()), watch::Sender::new(0));
        Rehearsal { shared: Arc::new(Shared { world, changes }) }
    }

    /// Makes a ready cluster without provisioning: a broker for each address (`host:port`), with
    /// ids from 1 on, and a ZooKeeper at 127.0.0.1:2181, or the next port that is free.
    ///
    /// # Errors
    /// `no-bootstrap`, `bad-address` (usage); `port-taken` where a server listens there already.
    pub fn attach_ready(&self, bootstrap: &[String]) -> Result<()> {
        if bootstrap.is_empty() {
            return Err(Error::usage("no-bootstrap", "no address of a broker was given"));
        }
        for address in bootstrap {
            check_address(address)?;
        }
        self.change(|world| world.attach(bootstrap))
    }

    /// Lets somebody else hold a port; `description` is what is known of them, as
    /// `pid 4121 java kafka.Kafka server.properties (kim, 3 h)`.
    pub fn occupy(&self, port: u16, description: &str) {
        let _ = self.lock().occupied.insert(port, description.to_string());
    }

    /// Frees a port that was taken with [`Rehearsal::occupy`].
    pub fn vacate(&self, port: u16) {
        self.lock().occupied.remove(&port);
    }

    /// What the host has to offer from now on.
    pub fn set_host(&self, facts: HostFacts) {
        self.lock().host = facts;
    }

    /// Lets this node, of whatever cluster, end at each start with these lines in its log.
    pub fn die_at_start(&self, node: Node, log: &[&str]) {
        let lines = log.iter().map(ToString::to_string).collect();
        self.lock().faults.insert(node, Fault::Dies(lines));
    }

    /// Lets this node, of whatever cluster, run from its next start on and answer nobody.
    pub fn silence(&self, node: Node) {
        self.lock().faults.insert(node, Fault::Silent);
    }

    /// Takes back [`Rehearsal::die_at_start`] and [`Rehearsal::silence`], for starts from now on.
    pub fn heal(&self, node: Node) {
        self.lock().faults.remove(&node);
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        let mut world = self.shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.tick();
        world
    }

    /// Changes the world and wakes who waits for a change.
    fn change<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        let outcome = work(&mut self.lock());
        self.shared.changes.send_modify(|count| *count = count.wrapping_add(1));
        outcome
    }

    /// A future that changes the world when it is polled.
    fn later<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce(&mut World) -> Result<T> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        Box::pin(async move { self.change(work) })
    }

    /// A future that looks at the world when it is polled.
    fn look<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce(&World) -> Result<T> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        Box::pin(async move { work(&self.lock()) })
    }

    /// Changes from now on.
    fn changes(&self) -> Changes {
        Changes(self.shared.changes.subscribe())
    }
}

/// Tells of changes since it was made or last waited.
struct Changes(watch::Receiver<u64>);

impl Changes {
    /// Waits for a change, the end of a session, or the deadline; false once that has passed.
    async fn wait(&mut self, rehearsal: &Rehearsal, deadline: Instant) -> bool {
        if Instant::now() >= deadline {
            return false;
        }
        let expiry = rehearsal.lock().next_expiry();
        let until = expiry.map_or(deadline, |expiry| expiry.min(deadline));
        // The sender lives in the rehearsal, so this ends by a change or by time.
        let _ = timeout_at(until, self.0.changed()).await;
        true
    }
}

impl World {
    fn attach(&mut self, bootstrap: &[String]) -> Result<()> {
        let taken = bootstrap.iter().find(|address| self.at(address).is_some());
        if let Some(address) = taken {
            return Err(Error::failed("port-taken", format!("`{address}` is taken"))
                .with_cause("a server of this rehearsal listens there"));
        }
        // No name of a cluster has a blank, so no managed one is like it.
        let count = self.servers.keys().filter(|key| key.node == Node::ZooKeeper).count();
        let name = format!("attached {}", count + 1);
        let wanted: Vec<u16> =
            bootstrap.iter().filter_map(|address| Some(split_address(address)?.1)).collect();
        let is_free = |port: &u16| {
            let address = format!("127.0.0.1:{port}");
            self.at(&address).is_none()
                && !self.occupied.contains_key(port)
                && !wanted.contains(port)
        };
        let port = (ZOOKEEPER_PORT..u16::MAX).find(is_free).unwrap_or(ZOOKEEPER_PORT);
        let replicas = bootstrap.len().min(3).to_string();
        let zookeeper = [
            ("clientPort", port.to_string()),
            ("clientPortAddress", "127.0.0.1".to_string()),
            ("4lw.commands.whitelist", "*".to_string()),
        ];
        self.run(Key::new(&name, Node::ZooKeeper), &zookeeper);
        for (id, address) in (1..).zip(bootstrap) {
            let broker = [
                ("broker.id", BrokerId::to_string(&id)),
                ("listeners", format!("PLAINTEXT://{address}")),
                ("advertised.listeners", format!("PLAINTEXT://{address}")),
                ("zookeeper.connect", format!("127.0.0.1:{port}")),
                ("offsets.topic.num.partitions", "3".to_string()),
                ("offsets.topic.replication.factor", replicas.clone()),
            ];
            self.run(Key::new(&name, Node::Broker(id)), &broker);
        }
        Ok(())
    }

    fn run(&mut self, key: Key, properties: &[(&str, String)]) {
        let properties = properties.iter().map(|(k, v)| ((*k).to_string(), v.clone())).collect();
        self.servers.insert(key.clone(), Server { properties, ..Server::default() });
        self.boot(&key);
    }
}

/// # Errors
/// `bad-address`, class usage.
fn check_address(address: &str) -> Result<()> {
    if split_address(address).is_some() {
        return Ok(());
    }
    Err(Error::usage("bad-address", format!("`{}` is no address", address.escape_debug()))
        .with_cause("an address is `host:port`, with a port of 1 to 65535"))
}

/// The checks that the real connector makes of a target.
fn check_target(target: &Target) -> Result<()> {
    if target.bootstrap.is_empty() {
        return Err(Error::usage("no-bootstrap", "no address of a broker was given")
            .with_next("cluster list"));
    }
    for address in &target.bootstrap {
        check_address(address)?;
    }
    let protocol = target.client.iter().rev().find(|(key, _)| key == "security.protocol");
    match protocol {
        Some((_, value)) if !value.eq_ignore_ascii_case("plaintext") => Err(Error::usage(
            "unsupported-security",
            format!("`security.protocol={value}` is not supported"),
        )
        .with_cause("brokers are asked over plaintext listeners only, and none is known here")),
        _ => Ok(()),
    }
}

impl Connector for Rehearsal {
    fn admin(&self, target: &Target) -> Result<Arc<dyn Admin>> {
        check_target(target)?;
        Ok(Arc::new(admin::MemoryAdmin::new(self, target)))
    }

    fn records(&self, target: &Target) -> Result<Arc<dyn Records>> {
        check_target(target)?;
        Ok(Arc::new(produce::MemoryRecords::new(self, target)))
    }

    fn zookeeper(&self, address: &str) -> Result<Arc<dyn ZooKeeper>> {
        check_address(address)?;
        Ok(Arc::new(zookeeper::MemoryZooKeeper::new(self, address)))
    }
}
