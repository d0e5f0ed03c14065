//! Which broker to ask: bootstrap, the pool of connections, the controller, group coordinators,
//! partition leaders; retries while the cluster changes under us, all within one deadline.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest, MetadataResponse, TopicName,
};
use kafka_protocol::protocol::{Request, StrBytes};
use kafsh_model::{BrokerId, Error, Result};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::connection::Connection;
use super::fault::Fault;
use super::transport::{Transport, join_address};
use crate::kafka_error::{self, kafka_error};

/// Head start of one bootstrap address before the next is tried beside it.
const BOOTSTRAP_HEAD_START: Duration = Duration::from_millis(150);

/// Time that a broker has for an answer before another is asked beside it: a paused one keeps its
/// connections, and looks alive by them.
const ANSWER_HEAD_START: Duration = Duration::from_millis(500);

/// First and longest pause between two tries while the cluster changes (an election takes 50 ms to
/// a few seconds).
const RETRY_PAUSE_FIRST: Duration = Duration::from_millis(20);
const RETRY_PAUSE_MAX: Duration = Duration::from_millis(500);

/// Most addresses that an error lists.
const EVIDENCE_MAX: usize = 8;

/// What a request may do if its connection breaks before the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It only reads: ask again
    Safe,
    /// It changes something and may have been carried out
    Unsafe,
}

type Slot = Arc<tokio::sync::Mutex<Option<Arc<Connection>>>>;

#[derive(Default)]
struct Known {
    connections: HashMap<String, Slot>,
    brokers: BTreeMap<BrokerId, String>,
    controller: Option<BrokerId>,
    coordinators: HashMap<String, BrokerId>,
}

/// A cluster as a client sees it. Connections are made when needed and kept.
pub(crate) struct Client {
    bootstrap: Vec<String>,
    transport: Box<dyn Transport>,
    pub timeout: Duration,
    known: Mutex<Known>,
}

/// Pauses that double, up to the longest, and never pass the deadline.
pub(crate) struct Pause {
    next: Duration,
    deadline: Instant,
}

impl Pause {
    pub fn new(deadline: Instant) -> Self {
        Pause { next: RETRY_PAUSE_FIRST, deadline }
    }

    /// False, at once, where the pause would pass the deadline.
    pub async fn wait(&mut self) -> bool {
        if Instant::now() + self.next >= self.deadline {
            return false;
        }
        sleep(self.next).await;
        self.next = (self.next * 2).min(RETRY_PAUSE_MAX);
        true
    }
}

impl Client {
    pub fn new(
        bootstrap: Vec<String>,
        timeout: Duration,
        transport: Box<dyn Transport>,
    ) -> Arc<Self> {
        Arc::new(Client { bootstrap, transport, timeout, known: Mutex::default() })
    }

    pub fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pooled connection to `address`, or a new one. Callers that want the same address wait
    /// for one another instead of connecting twice.
    pub async fn connection(
        &self,
        address: &str,
        deadline: Instant,
    ) -> Result<Arc<Connection>, Fault> {
        let slot = self.known().connections.entry(address.to_string()).or_default().clone();
        let began = Instant::now();
        let mut held = match timeout_at(deadline, slot.lock()).await {
            Ok(held) => held,
            Err(_) => {
                return Err(Fault::Silent { what: "a connection".into(), waited: began.elapsed() });
            }
        };
        if let Some(connection) = held.as_ref().filter(|connection| connection.is_alive()) {
            return Ok(connection.clone());
        }
        *held = None;
        let opened = Connection::open(&*self.transport, address, deadline).await?;
        let connection = Arc::new(opened);
        *held = Some(connection.clone());
        Ok(connection)
    }

    fn live_connection(&self) -> Option<Arc<Connection>> {
        let known = self.known();
        let alive = |slot: &Slot| {
            let held = slot.try_lock().ok()?;
            held.as_ref().filter(|connection| connection.answers()).cloned()
        };
        // What was just created or changed is known to the controller first.
        let controller = known.controller.and_then(|id| known.brokers.get(&id));
        controller
            .and_then(|address| known.connections.get(address))
            .and_then(alive)
            .or_else(|| known.connections.values().find_map(alive))
    }

    /// A connection to any broker: a live one, else the first that answers of the bootstrap
    /// addresses and the brokers known, each with a small head start over the next. One that owes
    /// an answer for long only where there is no other.
    pub async fn any(self: &Arc<Self>, doing: &str, deadline: Instant) -> Result<Arc<Connection>> {
        if let Some(connection) = self.live_connection() {
            return Ok(connection);
        }
        let (addresses, silent) = self.addresses();
        match self.first_of(doing, &addresses, deadline).await {
            Err(error) => silent.into_iter().next().ok_or(error),
            found => found,
        }
    }

    /// The bootstrap addresses and those of the brokers known, without those whose connection is
    /// silent; and these connections.
    fn addresses(&self) -> (Vec<String>, Vec<Arc<Connection>>) {
        let known = self.known();
        let mut addresses = self.bootstrap.clone();
        for address in known.brokers.values() {
            if !addresses.contains(address) {
                addresses.push(address.clone());
            }
        }
        let mut silent = Vec::new();
        addresses.retain(|address| {
            let held = known.connections.get(address).and_then(|slot| slot.try_lock().ok());
            let held = held.as_deref().and_then(Option::as_ref);
            let quiet = held.filter(|connection| connection.is_alive() && !connection.answers());
            silent.extend(quiet.cloned());
            quiet.is_none()
        });
        (addresses, silent)
    }

    async fn first_of(
        self: &Arc<Self>,
        doing: &str,
        addresses: &[String],
        deadline: Instant,
    ) -> Result<Arc<Connection>> {
        let mut waiting = addresses.iter().cloned();
        let mut tries: JoinSet<(String, Result<Arc<Connection>, Fault>)> = JoinSet::new();
        let mut faults = Vec::new();
        let mut more = true;
        while more || !tries.is_empty() {
            if more {
                match waiting.next() {
                    None => more = false,
                    Some(address) => {
                        let client = self.clone();
                        tries.spawn(async move {
                            let result = client.connection(&address, deadline).await;
                            (address, result)
                        });
                    }
                }
            }
            let head_start = if more { Instant::now() + BOOTSTRAP_HEAD_START } else { deadline };
            match timeout_at(head_start.min(deadline), tries.join_next()).await {
                Ok(Some(Ok((_, Ok(connection))))) => return Ok(connection),
                Ok(Some(Ok((address, Err(fault))))) => faults.push((address, fault)),
                // Nothing left to wait for, a cancelled try, or the head start is over.
                Ok(Some(Err(_)) | None) | Err(_) => {}
            }
            if Instant::now() >= deadline {
                // What is still silent says so itself: its own deadline is the same.
                while let Some(joined) = tries.join_next().await {
                    match joined {
                        Ok((_, Ok(connection))) => return Ok(connection),
                        Ok((address, Err(fault))) => faults.push((address, fault)),
                        Err(_) => {}
                    }
                }
                more = false;
            }
        }
        Err(unreachable(doing, addresses, &faults))
    }

    /// Asks any broker, and another beside it where the first is silent for long.
    pub async fn call_any<R: Request>(
        self: &Arc<Self>,
        doing: &str,
        ask: impl Fn(i16) -> R,
        deadline: Instant,
    ) -> Result<R::Response> {
        let mut pause = Pause::new(deadline);
        loop {
            let connection = self.any(doing, deadline).await?;
            match self.call_beside(doing, &connection, &ask, deadline).await {
                Ok(response) => return Ok(response),
                Err(Fault::Lost(_) | Fault::Stale) if pause.wait().await => {}
                Err(fault) => return Err(fault.error(doing, &connection.address)),
            }
        }
    }

    /// Asks over `connection`; once that is silent for long, over another too. The first answer
    /// counts, and of two failures that of `connection`.
    async fn call_beside<R: Request>(
        self: &Arc<Self>,
        doing: &str,
        connection: &Arc<Connection>,
        ask: &impl Fn(i16) -> R,
        deadline: Instant,
    ) -> Result<R::Response, Fault> {
        let mut asked = std::pin::pin!(connection.call(ask, deadline));
        let patience = (Instant::now() + ANSWER_HEAD_START).min(deadline);
        if let Ok(answer) = timeout_at(patience, &mut asked).await {
            return answer;
        }
        connection.mark_late();
        let mut beside = std::pin::pin!(async {
            let other = self.any(doing, deadline).await.ok()?;
            if Arc::ptr_eq(&other, connection) {
                return None;
            }
            other.call(ask, deadline).await.ok()
        });
        tokio::select! {
            biased;
            answer = &mut asked => match answer {
                Ok(answer) => Ok(answer),
                Err(fault) => beside.await.ok_or(fault),
            },
            answer = &mut beside => match answer {
                Some(answer) => Ok(answer),
                None => asked.await,
            },
        }
    }

    /// Metadata of the cluster and of `topics` (`None`: all; empty: none). Remembers brokers and
    /// controller. Never creates a topic.
    pub async fn metadata(
        self: &Arc<Self>,
        doing: &str,
        topics: Option<&[String]>,
        deadline: Instant,
    ) -> Result<MetadataResponse> {
        let ask = |_| metadata_request(topics);
        let response = self.call_any(doing, ask, deadline).await?;
        self.remember(&response);
        Ok(response)
    }

    fn remember(&self, response: &MetadataResponse) {
        // A broker that is just starting may know nobody: keep what others said.
        if response.brokers.is_empty() {
            return;
        }
        let mut known = self.known();
        known.brokers = response
            .brokers
            .iter()
            .map(|broker| (broker.node_id.0, join_address(&broker.host, broker.port)))
            .collect();
        known.controller = Some(response.controller_id.0).filter(|id| *id >= 0);
    }

    /// Every broker by id with its advertised address.
    pub async fn brokers(
        self: &Arc<Self>,
        doing: &str,
        deadline: Instant,
    ) -> Result<BTreeMap<BrokerId, String>> {
        self.metadata(doing, Some(&[]), deadline).await?;
        Ok(self.known().brokers.clone())
    }

    async fn broker_address(
        self: &Arc<Self>,
        doing: &str,
        broker: BrokerId,
        deadline: Instant,
    ) -> Result<String> {
        if let Some(address) = self.known().brokers.get(&broker) {
            return Ok(address.clone());
        }
        let brokers = self.brokers(doing, deadline).await?;
        brokers.get(&broker).cloned().ok_or_else(|| {
            let alive: Vec<String> = brokers.keys().map(ToString::to_string).collect();
            Error::not_found("broker-not-found", format!("cannot {doing}: no broker `{broker}`"))
                .with_evidence(format!("brokers that are up: {}", alive.join(", ")))
                .with_cause("it is down, or no broker of the cluster has that id")
                .with_next("broker list")
        })
    }

    /// Asks the broker with this id.
    pub async fn call_broker<R: Request>(
        self: &Arc<Self>,
        doing: &str,
        broker: BrokerId,
        ask: impl Fn(i16) -> R,
        repeat: Repeat,
        deadline: Instant,
    ) -> Result<R::Response> {
        let address = self.broker_address(doing, broker, deadline).await?;
        let mut pause = Pause::new(deadline);
        loop {
            let result = match self.connection(&address, deadline).await {
                Ok(connection) => connection.call(&ask, deadline).await,
                // Nothing was asked of it yet.
                Err(fault @ Fault::Silent { .. }) => return Err(fault.error(doing, &address)),
                Err(fault) => Err(fault),
            };
            match result {
                Ok(response) => return Ok(response),
                Err(Fault::Stale) if pause.wait().await => {}
                Err(Fault::Lost(_)) if repeat == Repeat::Safe && pause.wait().await => {}
                Err(fault) if repeat == Repeat::Unsafe && fault.may_have_been_done() => {
                    return Err(unknown_outcome(doing, &address, &fault));
                }
                Err(fault) => return Err(fault.error(doing, &address)),
            }
        }
    }

    /// Asks the controller, wherever it moves to. `refused` tells whether a response says that this
    /// broker is not the controller (any more).
    pub async fn call_controller<R: Request>(
        self: &Arc<Self>,
        doing: &str,
        ask: impl Fn(i16) -> R,
        refused: impl Fn(&R::Response) -> bool,
        deadline: Instant,
    ) -> Result<R::Response> {
        let mut pause = Pause::new(deadline);
        let mut why = "no broker knows a controller".to_string();
        loop {
            if let Some(address) = self.controller(doing, deadline).await? {
                match self.connection(&address, deadline).await {
                    Err(fault) => why = format!("controller {address}: {fault}"),
                    Ok(connection) => match connection.call(&ask, deadline).await {
                        Ok(response) if !refused(&response) => return Ok(response),
                        Ok(_) => why = format!("{address} is not the controller any more"),
                        Err(Fault::Stale) => why = format!("{address}: {}", Fault::Stale),
                        Err(fault) if fault.may_have_been_done() => {
                            return Err(unknown_outcome(doing, &address, &fault));
                        }
                        Err(fault) => return Err(fault.error(doing, &address)),
                    },
                }
            }
            self.known().controller = None;
            if !pause.wait().await {
                return Err(no_controller(doing, &why));
            }
        }
    }

    async fn controller(
        self: &Arc<Self>,
        doing: &str,
        deadline: Instant,
    ) -> Result<Option<String>> {
        if self.known().controller.is_none() {
            self.metadata(doing, Some(&[]), deadline).await?;
        }
        let known = self.known();
        Ok(known.controller.and_then(|id| known.brokers.get(&id).cloned()))
    }

    /// Asks the coordinator of `group`, wherever it moves to; `code` is the response's error for
    /// the group. Returns the coordinator too.
    pub async fn call_coordinator<R: Request>(
        self: &Arc<Self>,
        doing: &str,
        group: &str,
        ask: impl Fn(i16) -> R,
        code: impl Fn(&R::Response) -> i16,
        deadline: Instant,
    ) -> Result<(BrokerId, R::Response)> {
        let mut pause = Pause::new(deadline);
        loop {
            let known = self.known().coordinators.get(group).copied();
            let coordinator = match known {
                Some(id) => id,
                None => self.find_coordinator(doing, group, &mut pause, deadline).await?,
            };
            let result = self.call_broker(doing, coordinator, &ask, Repeat::Safe, deadline).await;
            let error = match result {
                Ok(response) => match code(&response) {
                    code if kafka_error::is_coordinator_moving(code) => {
                        kafka_error(code, None, format!("cannot {doing}"), group)
                    }
                    _ => return Ok((coordinator, response)),
                },
                Err(error) => error,
            };
            self.known().coordinators.remove(group);
            if !error.class.is_not_yet() || !pause.wait().await {
                return Err(error);
            }
        }
    }

    async fn find_coordinator(
        self: &Arc<Self>,
        doing: &str,
        group: &str,
        pause: &mut Pause,
        deadline: Instant,
    ) -> Result<BrokerId> {
        let key = StrBytes::from_string(group.to_string());
        loop {
            // From 4 on several keys are asked at once (KIP-699), before that exactly one.
            let ask = |version| match version {
                4.. => FindCoordinatorRequest::default().with_coordinator_keys(vec![key.clone()]),
                _ => FindCoordinatorRequest::default().with_key(key.clone()),
            };
            let response = self.call_any(doing, ask, deadline).await?;
            let (code, id, message) = coordinator_of(&response);
            if code == 0 {
                self.known().coordinators.insert(group.to_string(), id);
                return Ok(id);
            }
            if !kafka_error::is_coordinator_moving(code) || !pause.wait().await {
                return Err(kafka_error(code, message, format!("cannot {doing}"), group));
            }
        }
    }
}

fn coordinator_of(response: &FindCoordinatorResponse) -> (i16, BrokerId, Option<&str>) {
    match response.coordinators.first() {
        Some(found) => (found.error_code, found.node_id.0, found.error_message.as_deref()),
        None => (response.error_code, response.node_id.0, response.error_message.as_deref()),
    }
}

/// A Metadata request that creates nothing.
pub(crate) fn metadata_request(topics: Option<&[String]>) -> MetadataRequest {
    let topics = topics.map(|names| {
        names
            .iter()
            .map(|name| {
                let name = TopicName(StrBytes::from_string(name.clone()));
                MetadataRequestTopic::default().with_name(Some(name))
            })
            .collect()
    });
    MetadataRequest::default().with_topics(topics).with_allow_auto_topic_creation(false)
}

fn unreachable(doing: &str, addresses: &[String], faults: &[(String, Fault)]) -> Error {
    if let [(address, fault)] = faults
        && (addresses.len() == 1 || !fault.is_unavailable())
    {
        return fault.error(doing, address);
    }
    // What answers wrongly says more than what does not answer.
    if let Some((address, fault)) = faults.iter().find(|(_, fault)| !fault.is_unavailable()) {
        return fault.error(doing, address);
    }
    let shown = addresses.join(", ");
    let mut error = Error::unavailable(
        "unavailable",
        format!("cannot {doing}: no broker answers at `{shown}`"),
    )
    .with_cause("every address refused or was silent: the brokers may be down or starting");
    for (address, fault) in faults.iter().take(EVIDENCE_MAX) {
        error = error.with_evidence(format!("{address}: {fault}"));
    }
    error.with_next("cluster status").with_next("cluster doctor")
}

fn no_controller(doing: &str, why: &str) -> Error {
    Error::unavailable("unavailable", format!("cannot {doing}: no controller could be reached"))
        .with_evidence(why)
        .with_cause("the brokers have not elected a controller, or it is going down")
        .with_next("cluster status")
        .with_next("cluster doctor")
}

fn unknown_outcome(doing: &str, address: &str, fault: &Fault) -> Error {
    Error::unavailable(
        "outcome-unknown",
        format!("cannot tell whether the request to {doing} was carried out"),
    )
    .with_evidence(format!("{address}: {fault}"))
    .with_cause("no answer came after the request was sent, so it may have been done")
    .with_next("cluster status")
}
