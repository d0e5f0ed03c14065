//! One look at everything: what steps, doctor and status see.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use kafsh_model::plan::Node;
use kafsh_model::port::ZooKeeper;
use kafsh_model::snapshot::{HostFacts, NodeFacts, Registration, Snapshot, ZooKeeperFacts};
use kafsh_model::spec::{ClusterSpec, SecurityProtocol};
use kafsh_model::{BrokerId, Result};

use super::Engine;
use super::patience::bounded;
use super::prove::{self, PROBE_TOPIC};
use super::reach::{Probed, ask, greet};

/// Longest that ZooKeeper is waited for in one look: what is silent must not hold up the rest.
const ZOOKEEPER_TIMEOUT: Duration = Duration::from_millis(1_500);

/// Longest that `srvr` is waited for.
const STATUS_TIMEOUT: Duration = Duration::from_millis(700);

/// Longest that one broker is waited for in one look.
const PROBE_TIMEOUT: Duration = Duration::from_millis(900);

impl Engine {
    /// Looks at host, nodes, ports, ZooKeeper and brokers, all at the same time. Changes nothing
    /// and takes no lock.
    ///
    /// # Errors
    /// Only where the runtime cannot look at its own files; servers that do not answer are facts.
    pub async fn observe(&self, spec: &ClusterSpec) -> Result<Snapshot> {
        self.look(spec, None).await
    }

    /// `host` is taken over where it is given: it does not change while a command runs.
    pub(super) async fn look(
        &self,
        spec: &ClusterSpec,
        host: Option<&HostFacts>,
    ) -> Result<Snapshot> {
        let host = async {
            match host {
                Some(host) => Ok(host.clone()),
                None => self.runtime.host(spec).await,
            }
        };
        let zookeeper = async { Ok(self.zookeeper_facts(spec).await.ok()) };
        // A server that is just ending holds its ports until it has ended, and looking at the nodes
        // waits for that: so the ports come after.
        let nodes_and_ports = async {
            let nodes = self.node_facts(spec).await?;
            Ok((nodes, self.runtime.ports(spec).await?))
        };
        let probed = async { Ok(self.probe_all(spec).await) };
        let (host, (mut nodes, ports), mut zookeeper, mut probed) =
            tokio::try_join!(host, nodes_and_ports, zookeeper, probed)?;
        // While our own does not run, whatever answers at its address is a stranger's: what that
        // one holds says nothing of this cluster.
        let own = nodes.iter().find(|facts| facts.node == Node::ZooKeeper);
        if own.is_some_and(|facts| !facts.process.is_alive()) {
            zookeeper = None;
        }
        if let Some(facts) = &mut zookeeper {
            tell_registered(spec, facts, &mut probed);
            self.ask_registered(spec, facts, &probed).await;
            mark_stale(&mut nodes, facts);
        }
        let all: Vec<BrokerId> = spec.brokers.iter().map(|broker| broker.id).collect();
        let ready = |seen: &&Probed| all.iter().all(|id| seen.sees.contains(id));
        let ready_brokers = probed.iter().filter(ready).map(|seen| seen.id).collect();
        let proven = self.is_proven(spec, &nodes);
        Ok(Snapshot {
            host,
            nodes,
            ports,
            zookeeper,
            ready_brokers,
            proven,
            probe_topics: vec![PROBE_TOPIC.to_string()],
        })
    }

    pub(super) async fn node_facts(&self, spec: &ClusterSpec) -> Result<Vec<NodeFacts>> {
        try_join_all(spec.nodes().into_iter().map(|node| self.runtime.node(spec, node))).await
    }

    /// A record went through these nodes with the layout that they run with. A file that was
    /// written under a running server says nothing of what runs.
    fn is_proven(&self, spec: &ClusterSpec, nodes: &[NodeFacts]) -> bool {
        let Some(proven) = self.store.proven_layout(&spec.name) else { return false };
        proven.len() == spec.nodes().len()
            && spec.nodes().into_iter().all(|node| {
                let Some(facts) = nodes.iter().find(|facts| facts.node == node) else {
                    return false;
                };
                let Some(layout) = proven.get(&node.to_string()) else { return false };
                facts.process.is_alive()
                    && (facts.restart_needed || *layout == prove::layout_of(spec, facts))
            })
    }

    /// Asks every broker of the spec; those that do not answer are absent.
    async fn probe_all(&self, spec: &ClusterSpec) -> Vec<Probed> {
        let Ok(admin) = self.admin(spec) else { return Vec::new() };
        let asks = spec.brokers.iter().map(|broker| async {
            if spec.is_open() {
                return ask(&*admin, broker, PROBE_TIMEOUT).await;
            }
            let all = broker.listeners.iter().map(|l| greet(&*admin, l, PROBE_TIMEOUT));
            try_join_all(all).await?;
            Ok(Probed { id: broker.id, controller: None, sees: Vec::new() })
        });
        join_all(asks).await.into_iter().filter_map(Result::ok).collect()
    }

    /// What ZooKeeper holds of this cluster.
    ///
    /// # Errors
    /// `unavailable` where it does not serve, or is silent.
    pub(super) async fn zookeeper_facts(&self, spec: &ClusterSpec) -> Result<ZooKeeperFacts> {
        bounded(ZOOKEEPER_TIMEOUT, self.read_zookeeper(spec)).await
    }

    async fn read_zookeeper(&self, spec: &ClusterSpec) -> Result<ZooKeeperFacts> {
        let zookeeper = self.zookeeper(spec)?;
        let status = zookeeper.status(STATUS_TIMEOUT).await?;
        let chroot = spec.zookeeper.chroot.as_deref().unwrap_or("");
        let path = |tail: &str| format!("{chroot}{tail}");
        let (id, controller, ids, going, topics) = (
            path("/cluster/id"),
            path("/controller"),
            path("/brokers/ids"),
            path("/admin/delete_topics"),
            path("/brokers/topics"),
        );
        // Answered in this order: a topic goes from the list of topics before it goes from that of
        // deletions.
        let (id, controller, ids, going, topics) = tokio::try_join!(
            async { none_if_absent(zookeeper.get(&id).await) },
            async { none_if_absent(zookeeper.get(&controller).await) },
            async { none_if_absent(zookeeper.children(&ids).await) },
            async { none_if_absent(zookeeper.children(&going).await) },
            async { none_if_absent(zookeeper.children(&topics).await) },
        )?;
        let brokers: Vec<BrokerId> =
            ids.unwrap_or_default().iter().filter_map(|id| id.parse().ok()).collect();
        let registrations =
            try_join_all(brokers.iter().map(|id| registration(&*zookeeper, chroot, *id))).await?;
        let going: BTreeSet<String> = going.unwrap_or_default().into_iter().collect();
        let mut topics = topics.unwrap_or_default();
        topics.retain(|topic| !going.contains(topic));
        Ok(ZooKeeperFacts {
            mode: status.mode,
            cluster_id: id.and_then(|znode| text_in(&znode.data, "id")),
            controller: controller.and_then(|znode| number_in(&znode.data, "brokerid")),
            topics: u32::try_from(topics.len()).unwrap_or(u32::MAX),
            registrations: registrations.into_iter().flatten().collect(),
        })
    }

    /// Fills in `answers` of each registration.
    async fn ask_registered(
        &self,
        spec: &ClusterSpec,
        facts: &mut ZooKeeperFacts,
        probed: &[Probed],
    ) {
        let Ok(admin) = self.admin(spec) else { return };
        let asks = facts.registrations.iter().map(|registration| {
            let admin = &admin;
            async move {
                if probed.iter().any(|seen| seen.id == registration.broker) {
                    return true;
                }
                if asked_already(spec, registration) {
                    return false;
                }
                let plain = |endpoint: &&String| endpoint.starts_with("PLAINTEXT://");
                let endpoint = registration.endpoints.iter().find(plain);
                let endpoint = endpoint.or(registration.endpoints.first());
                let Some((name, at)) = endpoint.and_then(|found| found.split_once("://")) else {
                    return false;
                };
                // A stranger's protocols are not known; a listener is usually named after its own.
                let tls = [SecurityProtocol::Ssl, SecurityProtocol::SaslSsl];
                match tls.into_iter().find(|protocol| protocol.name() == name) {
                    Some(tls) => {
                        let greeted = admin.greet(at, tls, PROBE_TIMEOUT);
                        bounded(PROBE_TIMEOUT, greeted).await.is_ok()
                    }
                    None => bounded(PROBE_TIMEOUT, admin.probe(at, PROBE_TIMEOUT)).await.is_ok(),
                }
            }
        });
        let answers = join_all(asks).await;
        for (registration, answers) in facts.registrations.iter_mut().zip(answers) {
            registration.answers = answers;
        }
    }
}

/// Brokers that cannot be asked what they see: ZooKeeper stands for their Metadata.
fn tell_registered(spec: &ClusterSpec, facts: &ZooKeeperFacts, probed: &mut [Probed]) {
    if spec.is_open() {
        return;
    }
    let registered: Vec<BrokerId> = facts.registrations.iter().map(|r| r.broker).collect();
    for broker in probed {
        broker.sees.clone_from(&registered);
    }
}

/// It is registered where the spec says, and there it was asked before.
fn asked_already(spec: &ClusterSpec, registration: &Registration) -> bool {
    spec.broker(registration.broker).is_some_and(|broker| {
        broker.listeners.iter().any(|listener| {
            let own = format!("{}:{}", listener.advertised_host, listener.advertised_port);
            let at =
                |endpoint: &String| endpoint.split_once("://").is_some_and(|(_, at)| at == own);
            registration.endpoints.iter().any(at)
        })
    })
}

pub(super) async fn registration(
    zookeeper: &dyn ZooKeeper,
    chroot: &str,
    broker: BrokerId,
) -> Result<Option<Registration>> {
    let path = format!("{chroot}/brokers/ids/{broker}");
    let Some(znode) = none_if_absent(zookeeper.get(&path).await)? else { return Ok(None) };
    let value: serde_json::Value = serde_json::from_slice(&znode.data).unwrap_or_default();
    let endpoints = value.get("endpoints").and_then(serde_json::Value::as_array);
    let endpoints = endpoints.into_iter().flatten().filter_map(|endpoint| endpoint.as_str());
    Ok(Some(Registration {
        broker,
        endpoints: endpoints.map(String::from).collect(),
        session: znode.ephemeral_owner,
        answers: false,
    }))
}

pub(super) fn none_if_absent<T>(outcome: Result<T>) -> Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code == "znode-not-found" => Ok(None),
        Err(error) => Err(error),
    }
}

fn text_in(data: &[u8], key: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(data).ok()?;
    value.get(key)?.as_str().map(String::from)
}

fn number_in(data: &[u8], key: &str) -> Option<BrokerId> {
    let value: serde_json::Value = serde_json::from_slice(data).ok()?;
    value.get(key)?.as_i64().and_then(|number| BrokerId::try_from(number).ok())
}

/// A registration that no live process of ours owns and that nobody answers for.
fn mark_stale(nodes: &mut [NodeFacts], zookeeper: &ZooKeeperFacts) {
    for facts in nodes {
        let Node::Broker(id) = facts.node else { continue };
        facts.stale_registration = !facts.process.is_alive()
            && zookeeper.registrations.iter().any(|r| r.broker == id && !r.answers);
    }
}
