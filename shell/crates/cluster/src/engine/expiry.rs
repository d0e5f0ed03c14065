//! Waits until the registration of a broker that is gone has expired.

use std::time::{Duration, Instant};

use kafsh_model::plan::Node;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{BrokerId, Error, Result};

use super::observe::registration;
use super::patience::bounded;
use super::{Engine, POLL_FIRST, POLL_MAX};

/// `zookeeper.session.timeout.ms` where nothing else is known (Kafka's default).
const SESSION_DEFAULT: Duration = Duration::from_millis(18_000);

/// Longest session that ZooKeeper grants: 20 ticks of 2 s, as its configuration of ours has them.
const SESSION_MAX: Duration = Duration::from_millis(40_000);

/// Time between two notes of the countdown.
const NOTE_EVERY: Duration = Duration::from_secs(1);

/// Longest that one question may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);

impl Engine {
    /// Counts down until `/brokers/ids/N` is gone; at most two session timeouts. Returns at once
    /// where it is gone already, or where ZooKeeper does not serve (nobody could register).
    ///
    /// # Errors
    /// `broker-alive-elsewhere` where the registered broker answers; `timed-out`.
    pub(super) async fn await_expiry(&self, spec: &ClusterSpec, broker: BrokerId) -> Result<()> {
        let zookeeper = self.zookeeper(spec)?;
        if bounded(ASK_TIMEOUT, zookeeper.status(ASK_TIMEOUT)).await.is_err() {
            return Ok(());
        }
        let chroot = spec.zookeeper.chroot.as_deref().unwrap_or("");
        let session = self.session_timeout(spec, broker).await;
        let deadline = session * 2;
        let begin = Instant::now();
        let mut noted = None;
        let mut pause = POLL_FIRST;
        loop {
            let found = bounded(ASK_TIMEOUT, registration(&*zookeeper, chroot, broker)).await?;
            let Some(found) = found else { return Ok(()) };
            let waited = begin.elapsed();
            if noted.is_none() {
                // Once is enough: what answers now is alive, what is silent is on its way out.
                self.refuse_if_alive(spec, broker, &found.endpoints).await?;
            }
            if waited > deadline {
                return Err(Error::timed_out(format!(
                    "broker {broker} is still registered after {}",
                    kafsh_model::units::show_duration(waited)
                ))
                .with_evidence(format!("session 0x{:x}", found.session))
                .with_cause("its session should have ended by now, so somebody keeps it alive")
                .with_next(format!("@{} zookeeper get {chroot}/brokers/ids/{broker}", spec.name)));
            }
            if noted.is_none_or(|noted: Instant| noted.elapsed() >= NOTE_EVERY) {
                noted = Some(Instant::now());
                let left = session.saturating_sub(waited).as_secs() + 1;
                self.note(&format!(
                    "broker {broker} is still registered from before: that ends within {left} s"
                ));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(POLL_MAX);
        }
    }

    async fn refuse_if_alive(
        &self,
        spec: &ClusterSpec,
        broker: BrokerId,
        endpoints: &[String],
    ) -> Result<()> {
        let admin = self.admin(spec)?;
        let addresses = endpoints.iter().filter_map(|e| e.split_once("://").map(|(_, at)| at));
        for address in addresses {
            let answer = bounded(ASK_TIMEOUT, admin.probe(address, ASK_TIMEOUT)).await;
            // Something else may listen there: only a broker that knows itself by this id counts.
            if answer.is_ok_and(|view| view.brokers.iter().any(|other| other.id == broker)) {
                return Err(Error::failed(
                    "broker-alive-elsewhere",
                    format!("a broker {broker} that was not started from here is alive"),
                )
                .with_evidence(format!("it answers at {address}"))
                .with_cause("two brokers with one id cannot be in one cluster")
                .with_next(format!("@{} cluster doctor", spec.name)));
            }
        }
        Ok(())
    }

    /// Of the properties that the broker last ran with; they are still in its file.
    async fn session_timeout(&self, spec: &ClusterSpec, broker: BrokerId) -> Duration {
        const KEY: &str = "zookeeper.session.timeout.ms";
        let facts = self.runtime.node(spec, Node::Broker(broker)).await.ok();
        let own = facts.iter().flat_map(|facts| &facts.properties).find(|(key, _)| key == KEY);
        let ms = own.and_then(|(_, value)| value.trim().parse().ok());
        ms.map_or(SESSION_DEFAULT, Duration::from_millis).min(SESSION_MAX)
    }
}
