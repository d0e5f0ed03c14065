//! What commands reach the world through: the ports and the state on disk. Immutable; connections
//! are made when first used and kept for the life of the program.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kafsh_cluster::distribution::Distributions;
use kafsh_cluster::engine::report::{StopOptions, UpOptions};
use kafsh_cluster::spec::{PortRegistry, SpecRequest};
use kafsh_cluster::store::{AUDIT_DONE, Attached, AuditEntry, Store};
use kafsh_cluster::{Cancel, Engine};
use kafsh_model::confirm::Confirmed;
use kafsh_model::policy::{Policies, Policy};
use kafsh_model::port::{
    Admin, Connector, Producer, Progress, Records, Runtime, Steps, Target, ZooKeeper,
};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::topic::ClusterView;
use kafsh_model::transform::{Transform, Transforms};
use kafsh_model::{ClusterName, Error, Result};

use crate::call::CALL_DEADLINE;
use crate::config::Home;
use crate::plugins::PluginRegistry;
use crate::policy::{Asker, PlanGate};
use crate::run::User;

/// The version of Kafka that is provisioned where none is named: the last line with ZooKeeper.
pub const KAFKA_VERSION: &str = "3.9.2";

/// A cluster by name: ours, or somebody else's.
pub enum Known {
    Managed(Box<ClusterSpec>),
    Attached(Attached),
}

pub struct Context {
    pub home: Home,
    pub store: Store,
    pub connector: Arc<dyn Connector>,
    pub runtime: Arc<dyn Runtime>,
    pub distributions: Arc<Distributions>,
    /// Everything is in memory: nothing real is touched
    pub rehearsing: bool,
    /// Loaded when they are first needed: most commands never start the Wasm engine
    pub plugins: Arc<PluginRegistry>,
    admins: Mutex<HashMap<String, Arc<dyn Admin>>>,
    records: Mutex<HashMap<String, Arc<dyn Records>>>,
    producers: Mutex<HashMap<String, Arc<dyn Producer>>>,
    /// Attached clusters that were found to be the ones they were, by their targets
    identified: Mutex<HashSet<String>>,
}

/// The parts a context is made of.
pub struct Parts {
    pub home: Home,
    pub store: Store,
    pub connector: Arc<dyn Connector>,
    pub runtime: Arc<dyn Runtime>,
    pub distributions: Arc<Distributions>,
    pub rehearsing: bool,
    pub plugins: PluginRegistry,
}

impl Context {
    pub fn new(parts: Parts) -> Self {
        let Parts { home, store, connector, runtime, distributions, rehearsing, plugins } = parts;
        Context {
            home,
            store,
            connector,
            runtime,
            distributions,
            rehearsing,
            plugins: Arc::new(plugins),
            admins: Mutex::default(),
            records: Mutex::default(),
            producers: Mutex::default(),
            identified: Mutex::default(),
        }
    }

    /// The policy of this name.
    ///
    /// # Errors
    /// `plugin-not-found`; `plugin-…` where it cannot be loaded.
    pub fn policy(&self, name: &str) -> Result<Arc<dyn Policy>> {
        self.plugins.policy(name)
    }

    /// The transform of this name.
    ///
    /// # Errors
    /// `plugin-not-found`; `plugin-…` where it cannot be loaded.
    pub fn transform(&self, name: &str) -> Result<Arc<dyn Transform>> {
        // Running one changes nothing, so that the audit log would not know of it.
        self.plugins.transform(name).inspect_err(|error| self.plugins.keep_refusal(name, error))
    }

    /// An engine for one command, whose line `command` is without secrets; `asker` is what policies
    /// are told of it.
    pub fn engine(
        &self,
        progress: Arc<dyn Progress>,
        cancel: Cancel,
        command: &str,
        asker: Asker,
    ) -> Result<Engine> {
        let steps: Arc<dyn Steps> = self.plugins.clone();
        let engine =
            Engine::new(self.runtime.clone(), self.connector.clone(), steps, self.store.clone());
        let bound = crate::policy::on(self, |_| true)?;
        let gate = PlanGate { bound, asker, progress: progress.clone() };
        let engine = engine.with_progress(progress).with_cancel(cancel);
        Ok(engine.with_command(command.to_string()).with_gate(Arc::new(gate)))
    }

    /// Brings up the cluster that a rehearsal is to be about, in memory: `--rehearse -C demo`.
    pub async fn rehearse_cluster(&self, name: &str) -> Result<()> {
        let name = ClusterName::new(name)?;
        let mut request = SpecRequest::new(name.clone());
        request.kafka = Some(KAFKA_VERSION.to_string());
        let registry = self.store.keep_ports(PortRegistry::default(), Some(&name))?;
        let spec = kafsh_cluster::spec::build(&request, &registry)?;
        let progress = Arc::new(crate::repl::progress::Quiet);
        let engine = self.engine(progress, Cancel::new(), "rehearse", Asker::default())?;
        engine.up(&spec, &UpOptions::default()).await.map(|_| ())
    }

    /// Finds a cluster by its name.
    pub fn known(&self, name: &str) -> Result<Known> {
        let name = ClusterName::new(name)?;
        if self.store.exists(&name) {
            return self.store.load_spec(&name).map(|spec| Known::Managed(Box::new(spec)));
        }
        match self.store.attached_cluster(&name)? {
            Some(attached) => Ok(Known::Attached(attached)),
            None => Err(self.store.not_found(&name)),
        }
    }

    /// The spec of a cluster that is ours.
    pub fn managed(&self, name: &str) -> Result<ClusterSpec> {
        match self.known(name)? {
            Known::Managed(spec) => Ok(*spec),
            Known::Attached(attached) => {
                let message = format!("`{}` is attached: its servers are not ours", attached.name);
                Err(Error::usage("cluster-attached", message)
                    .with_cause("only a cluster that kafsh made has processes it can manage"))
            }
        }
    }

    /// How to reach a cluster by its name.
    pub fn target(&self, name: &str) -> Result<Target> {
        Ok(match self.known(name)? {
            Known::Managed(spec) => Target {
                bootstrap: spec.bootstrap(),
                zookeeper: Some((
                    spec.zookeeper_address(),
                    spec.zookeeper.chroot.clone().unwrap_or_default(),
                )),
                client: spec.client(),
                timeout: CALL_DEADLINE,
            },
            Known::Attached(attached) => Target {
                bootstrap: attached.bootstrap,
                zookeeper: attached.zookeeper.map(|address| match address.split_once('/') {
                    Some((host, path)) => (host.to_string(), format!("/{path}")),
                    None => (address, String::new()),
                }),
                client: attached.client.into_iter().collect(),
                timeout: CALL_DEADLINE,
            },
        })
    }

    /// An attached cluster is read-only unless it was attached otherwise, and it is changed only
    /// while it is the cluster that was attached: its id is asked for once for each target.
    ///
    /// # Errors
    /// `read-only`, `cluster-id-changed` (refused); what asking says.
    pub async fn check_writable(&self, name: &str, target: &Target) -> Result<()> {
        let Known::Attached(attached) = self.known(name)? else { return Ok(()) };
        if attached.read_only {
            let message = format!("`{name}` is attached read-only");
            return Err(Error::refused("read-only", message)
                .with_next(format!("cluster attach {name} --writable")));
        }
        if attached.cluster_id.is_none() {
            return Ok(());
        }
        let key = format!("{name} {:?} {target:?}", attached.cluster_id);
        if self.identified().contains(&key) {
            return Ok(());
        }
        check_identity(&attached, &self.admin(target)?.cluster().await?)?;
        self.identified().insert(key);
        Ok(())
    }

    fn identified(&self) -> MutexGuard<'_, HashSet<String>> {
        self.identified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cluster of a session that named none: the one chosen last at the prompt, or the only one
    /// there is.
    pub fn only_cluster(&self, prompt: bool) -> Result<String> {
        if let (true, Some(current)) = (prompt, self.store.current()?) {
            return Ok(current.to_string());
        }
        let mut names: Vec<String> = self.store.list()?.iter().map(ToString::to_string).collect();
        names.extend(self.store.attached()?.into_iter().map(|a| a.name.to_string()));
        match names.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(Error::usage("no-cluster", "there is no cluster yet")
                .with_next("cluster up demo")
                .with_next("cluster attach NAME --bootstrap host:9092")),
            many => Err(Error::usage("which-cluster", "there are several clusters; name one")
                .with_evidence(many.join(", "))
                .with_next(format!("kafsh -C {} …", many[0]))
                .with_next(format!("cluster use {}   (in a script or at the prompt)", many[0]))),
        }
    }

    /// One connection for each target, made when first used.
    pub fn admin(&self, target: &Target) -> Result<Arc<dyn Admin>> {
        let key = format!("{target:?}");
        let mut admins = self.admins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(admin) = admins.get(&key) {
            return Ok(admin.clone());
        }
        let admin = self.connector.admin(target)?;
        admins.insert(key, admin.clone());
        Ok(admin)
    }

    /// Records of one target.
    pub fn records(&self, target: &Target) -> Result<Arc<dyn Records>> {
        let key = format!("{target:?}");
        let mut all = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(records) = all.get(&key) {
            return Ok(records.clone());
        }
        let records = self.connector.records(target)?;
        all.insert(key, records.clone());
        Ok(records)
    }

    /// The producer of one target: made when first used, warm from then on.
    pub fn producer(&self, target: &Target) -> Result<Arc<dyn Producer>> {
        let records = self.records(target)?;
        let key = format!("{target:?}");
        let mut producers = self.producers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(producer) = producers.get(&key) {
            return Ok(producer.clone());
        }
        let producer = records.producer()?;
        producers.insert(key, producer.clone());
        Ok(producer)
    }

    /// Drops a producer that failed: what it knows of the cluster may be of one that is gone.
    pub fn forget_producer(&self, target: &Target) {
        let key = format!("{target:?}");
        self.producers.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }

    pub fn zookeeper(&self, target: &Target) -> Result<(Arc<dyn ZooKeeper>, String)> {
        let Some((address, chroot)) = &target.zookeeper else {
            return Err(Error::usage("no-zookeeper", "the address of ZooKeeper is not known")
                .with_next("cluster attach NAME --bootstrap host:9092 --zookeeper host:2181"));
        };
        Ok((self.connector.zookeeper(address)?, chroot.clone()))
    }

    /// Writes what was done, a line without secrets, to the audit log (a rehearsal has its own); a
    /// log that cannot be written fails no command.
    pub fn audit(&self, cluster: Option<&str>, line: &str, failed: Option<&str>) {
        let _ = self.store.audit(&AuditEntry {
            time_ms: jiff::Timestamp::now().as_millisecond(),
            cluster: cluster.map(String::from),
            command: line.to_string(),
            outcome: failed.unwrap_or(AUDIT_DONE).to_string(),
        });
    }

    /// Ends a cluster that was only for this session.
    pub async fn destroy_ephemeral(&self, name: &str, user: Arc<dyn User>) -> Result<()> {
        let name = ClusterName::new(name)?;
        if !self.store.exists(&name) {
            user.note(&format!("`{name}` was ephemeral and is gone already"));
            return Ok(());
        }
        user.note(&format!("`{name}` was ephemeral and is going away"));
        let progress = Arc::new(crate::repl::progress::Quiet);
        let engine = self.engine(progress, Cancel::new(), "ephemeral", Asker::default())?;
        // It was made with `--ephemeral`: that it goes is what was asked for.
        let options = StopOptions { force: true, ..StopOptions::default() };
        if !engine.destroy_own(&name, &options, Confirmed::by_user()).await? {
            // Made anew, or made to stay, by another shell.
            user.note(&format!("`{name}` is no longer this shell's and stays"));
        }
        Ok(())
    }
}

/// That the cluster which answers is the one that was attached.
///
/// # Errors
/// `cluster-id-changed` (refused), with both ids.
pub fn check_identity(attached: &Attached, view: &ClusterView) -> Result<()> {
    let (Some(pinned), Some(now)) = (&attached.cluster_id, &view.cluster_id) else {
        return Ok(());
    };
    if pinned == now {
        return Ok(());
    }
    let name = &attached.name;
    let mut again = format!("cluster attach {name} --bootstrap {}", attached.bootstrap.join(","));
    if let Some(zookeeper) = &attached.zookeeper {
        again.push_str(&format!(" --zookeeper {zookeeper}"));
    }
    let message = format!("another cluster answers at the address of `{name}`");
    let mut error = Error::refused("cluster-id-changed", message)
        .with_evidence(format!("cluster id when it was attached: {pinned}"))
        .with_evidence(format!("cluster id now: {now}"))
        .with_cause("what is meant for one cluster must not change another");
    if !attached.client.is_empty() {
        error = error.with_evidence("its client properties would have to be given again");
    }
    Err(error.with_next(format!("cluster detach {name}")).with_next(again))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attached(id: Option<&str>) -> Attached {
        Attached {
            name: ClusterName::new("prod").unwrap(),
            bootstrap: vec!["h:9092".to_string(), "i:9092".to_string()],
            zookeeper: Some("h:2181/kafka".to_string()),
            read_only: false,
            cluster_id: id.map(String::from),
            client: std::collections::BTreeMap::new(),
        }
    }

    fn answer(id: Option<&str>) -> ClusterView {
        ClusterView { cluster_id: id.map(String::from), ..ClusterView::default() }
    }

    #[test]
    fn another_id_is_another_cluster() {
        let error = check_identity(&attached(Some("old")), &answer(Some("new"))).unwrap_err();
        assert_eq!((error.code.as_ref(), error.class.exit_status()), ("cluster-id-changed", 3));
        assert!(error.evidence[0].ends_with(": old") && error.evidence[1].ends_with(": new"));
        let again = "cluster attach prod --bootstrap h:9092,i:9092 --zookeeper h:2181/kafka";
        assert_eq!(error.next, ["cluster detach prod", again]);
    }

    #[test]
    fn what_is_the_same_or_cannot_be_told_passes() {
        for (pinned, now) in [(Some("a"), Some("a")), (None, Some("a")), (Some("a"), None)] {
            assert!(check_identity(&attached(pinned), &answer(now)).is_ok());
        }
    }
}
