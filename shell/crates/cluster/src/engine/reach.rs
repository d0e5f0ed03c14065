//! How a broker is asked from this host: which of its listeners, at which address, and what can be
//! told without credentials.
//!
//! kafsh speaks Kafka's protocol in plain text only. What a broker with no such listener sees of
//! the cluster is therefore not asked: ZooKeeper tells who is registered and who the controller is.

use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use kafsh_model::port::Admin;
use kafsh_model::spec::{BrokerSpec, ClusterSpec, ListenerSpec, SecurityProtocol};
use kafsh_model::{BrokerId, Error, Result};

use super::Engine;
use super::patience::bounded;

/// What one broker said when it was asked.
pub(super) struct Probed {
    pub id: BrokerId,
    pub controller: Option<BrokerId>,
    pub sees: Vec<BrokerId>,
}

/// Where this host reaches a listener. The advertised host may lead through a network that is not
/// there yet; the bound one is here.
fn local_address(listener: &ListenerSpec) -> String {
    let host = match listener.bind.as_str() {
        "0.0.0.0" => "127.0.0.1",
        "::" | "[::]" => "[::1]",
        bound => bound,
    };
    format!("{host}:{}", listener.port)
}

/// Asks one broker over its first listener that needs no credentials.
///
/// # Errors
/// `unavailable`; a bug where it has none: see [`ClusterSpec::is_open`].
pub(super) async fn ask(
    admin: &dyn Admin,
    broker: &BrokerSpec,
    timeout: Duration,
) -> Result<Probed> {
    let plain = broker.listeners.iter().find(|l| l.protocol == SecurityProtocol::Plaintext);
    let Some(listener) = plain else {
        let message = format!("broker {} is asked, and has no plain listener", broker.id);
        return Err(Error::bug(message));
    };
    let address = local_address(listener);
    let view = bounded(timeout, admin.probe(&address, timeout)).await?;
    Ok(Probed {
        id: broker.id,
        controller: view.controller,
        sees: view.brokers.iter().map(|broker| broker.id).collect(),
    })
}

/// Whether one listener answers: see [`Admin::greet`].
///
/// # Errors
/// `unavailable`.
pub(super) async fn greet(
    admin: &dyn Admin,
    listener: &ListenerSpec,
    timeout: Duration,
) -> Result<()> {
    let address = local_address(listener);
    bounded(timeout, admin.greet(&address, listener.protocol, timeout)).await
}

impl Engine {
    /// The listeners of a broker that do not answer now, in words.
    pub(super) async fn silent_listeners(
        &self,
        spec: &ClusterSpec,
        broker: &BrokerSpec,
        timeout: Duration,
    ) -> Vec<String> {
        let Ok(admin) = self.admin(spec) else { return Vec::new() };
        let asks = broker.listeners.iter().map(|listener| {
            let admin = &admin;
            async move {
                let error = greet(&**admin, listener, timeout).await.err()?;
                let (name, address) = (&listener.name, local_address(listener));
                let protocol = listener.protocol.name();
                Some(format!("listener {name} ({protocol}) at {address}: {}", error.message))
            }
        });
        join_all(asks).await.into_iter().flatten().collect()
    }

    /// What each of `brokers` says of the cluster; empty where not every broker of it can be asked,
    /// since then each names only those that share its listener.
    pub(super) async fn ask_all(
        &self,
        spec: &ClusterSpec,
        brokers: &[&BrokerSpec],
        timeout: Duration,
    ) -> Result<Vec<Probed>> {
        if !spec.is_open() {
            return Ok(Vec::new());
        }
        let admin = self.admin(spec)?;
        try_join_all(brokers.iter().map(|broker| ask(&*admin, broker, timeout))).await
    }
}
