//! What moves or deletes data: archive, restore, wipe, clean, destroy.

use kafsh_model::confirm::Confirmed;
use kafsh_model::plan::Node;
use kafsh_model::snapshot::NodeFacts;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{ClusterName, Error, Result};

use super::Engine;
use super::nodes::{alive, known};
use super::report::StopOptions;
use crate::store::{ClusterLock, Owner};

/// The runtime's code for other data in the place of what is to be restored; nothing was moved.
const DATA_PRESENT: &str = "data-present";

impl Engine {
    /// Moves the data of every node aside as one unit; returns the unit's name.
    ///
    /// # Errors
    /// `still-running` (refused) while a node runs; `nothing-to-archive`; `locked`;
    /// `cluster-changed`.
    pub async fn archive(&self, spec: &ClusterSpec, reason: &str) -> Result<String> {
        let _lock = self.lock_as_seen(spec)?;
        let facts = self.node_facts(spec).await?;
        refuse_running(spec, &facts)?;
        if !facts.iter().any(holds_data) {
            return Err(Error::not_found(
                "nothing-to-archive",
                format!("cluster `{}` holds no data", spec.name),
            ));
        }
        self.store.clear_proven(&spec.name)?;
        self.store.clear_cluster_id(&spec.name)?;
        self.runtime.archive(spec, reason).await
    }

    /// Names of the units moved aside, oldest first.
    ///
    /// # Errors
    /// What the runtime says.
    pub async fn archives(&self, spec: &ClusterSpec) -> Result<Vec<String>> {
        self.runtime.archives(spec).await
    }

    /// Brings a whole unit back. Data that is there now is moved aside first, as a unit of its own
    /// whose name is returned; a restore of the same unit that was cut off is finished.
    ///
    /// # Errors
    /// `archive-not-found`; `archive-incomplete` (refused) where part of the unit has been moved
    /// on; `still-running` (refused); `locked`; `cluster-changed`. Where bringing back fails, what
    /// was moved aside is brought back.
    pub async fn restore(&self, spec: &ClusterSpec, unit: &str) -> Result<Option<String>> {
        let _lock = self.lock_as_seen(spec)?;
        let facts = self.node_facts(spec).await?;
        refuse_running(spec, &facts)?;
        let units = self.runtime.archives(spec).await?;
        if !units.iter().any(|known| known == unit) {
            let near = kafsh_model::suggest::suggest(unit, units.iter().map(String::as_str));
            let mut error = Error::not_found(
                "archive-not-found",
                format!("no archive `{}`", unit.escape_debug()),
            );
            if let Some(near) = near.first() {
                error = error.with_cause(format!("did you mean `{near}`?"));
            }
            return Err(error.with_next(format!("cluster archive {} --list", spec.name)));
        }
        self.store.clear_proven(&spec.name)?;
        self.store.clear_cluster_id(&spec.name)?;
        // The runtime tells whether anything is in the way. What an earlier restore of this unit
        // brought back before it was cut off is not: moved aside, it would split the unit.
        match self.runtime.restore(spec, unit).await {
            Err(error) if error.code == DATA_PRESENT => {}
            outcome => return outcome.map(|()| None),
        }
        let aside = self.runtime.archive(spec, &format!("before restoring {unit}")).await?;
        let Err(error) = self.runtime.restore(spec, unit).await else { return Ok(Some(aside)) };
        Err(match self.runtime.restore(spec, &aside).await {
            Ok(()) => error.with_evidence("what was there before is back"),
            Err(_) => error
                .with_evidence(format!("what was there before is in the archive `{aside}`"))
                .with_next(format!("cluster restore {} {unit}", spec.name))
                .with_next(format!("cluster restore {} {aside}", spec.name)),
        })
    }

    /// Deletes the data of one node that is not running.
    ///
    /// # Errors
    /// `still-running` (refused); `brokers-hold-data` (refused) for ZooKeeper; `locked`;
    /// `cluster-changed`.
    pub async fn wipe(&self, spec: &ClusterSpec, node: Node, confirmed: Confirmed) -> Result<()> {
        let _spent = confirmed;
        let _lock = self.lock_as_seen(spec)?;
        known(spec, &[node])?;
        let facts = self.node_facts(spec).await?;
        if let Some(holder) = facts.iter().find(|f| f.node != Node::ZooKeeper && holds_data(f))
            && node == Node::ZooKeeper
        {
            let path = holder.data.iter().find(|dir| dir.exists && !dir.empty);
            return Err(Error::refused(
                "brokers-hold-data",
                "ZooKeeper's data is not deleted while brokers hold data",
            )
            .with_evidence(format!("{}: {}", holder.node, path.map_or("", |dir| &dir.path)))
            .with_cause(
                "a new ZooKeeper makes a new cluster id, and no broker starts with data of another",
            )
            .with_next(format!("cluster archive {}", spec.name)));
        }
        // Wiped one by one to the last, brokers are to begin anew: their data is not missed.
        let others =
            facts.iter().any(|f| f.node != Node::ZooKeeper && f.node != node && holds_data(f));
        let own: Vec<NodeFacts> = facts.into_iter().filter(|facts| facts.node == node).collect();
        refuse_running(spec, &own)?;
        self.store.clear_proven(&spec.name)?;
        if !others {
            self.store.clear_cluster_id(&spec.name)?;
        }
        self.runtime.wipe(spec, node).await
    }

    /// Deletes ZooKeeper's data; refuses while brokers hold data, since no broker would start
    /// after it.
    ///
    /// # Errors
    /// `brokers-hold-data` (refused), with `cluster archive` as the way; `still-running`; `locked`.
    pub async fn zookeeper_clean(&self, spec: &ClusterSpec, confirmed: Confirmed) -> Result<()> {
        self.wipe(spec, Node::ZooKeeper, confirmed).await
    }

    /// Stops what runs and deletes everything of the cluster, but its archives unless
    /// `archives_too`.
    ///
    /// # Errors
    /// As [`Engine::stop`]; `cluster-changed`; what the runtime says. Nothing is deleted while a
    /// node still runs.
    pub async fn destroy(
        &self,
        spec: &ClusterSpec,
        archives_too: bool,
        options: &StopOptions,
        confirmed: Confirmed,
    ) -> Result<()> {
        let _spent = confirmed;
        let _lock = self.lock_as_seen(spec)?;
        self.end(spec, archives_too, options).await
    }

    /// The same with the ephemeral cluster of this name that this very process made. `false`:
    /// there is none any more; one of that name is another shell's, or was made to stay, and is
    /// left alone.
    ///
    /// # Errors
    /// As [`Engine::destroy`].
    pub async fn destroy_own(
        &self,
        name: &ClusterName,
        options: &StopOptions,
        confirmed: Confirmed,
    ) -> Result<bool> {
        let _spent = confirmed;
        let _lock = self.store.lock(name, &self.command)?;
        // Read under the lock: it may be destroyed and made anew by others until then.
        let spec = self.store.load_spec(name)?;
        let ours = self.store.owner(name).is_some_and(|owner| owner.is_this_process());
        if !spec.ephemeral || !ours {
            return Ok(false);
        }
        self.end(&spec, true, options).await.map(|()| true)
    }

    /// Ends an ephemeral cluster whose shell is gone, with its archives; `None` where none is.
    ///
    /// # Errors
    /// As [`Engine::destroy`].
    pub(super) async fn destroy_orphan(&self, spec: &ClusterSpec) -> Result<Option<Owner>> {
        if self.orphaned_by(spec).is_none() {
            return Ok(None);
        }
        let _lock = self.lock_as_seen(spec)?;
        // Asked again under the lock: it may be another's by now.
        let Some(owner) = self.orphaned_by(spec) else { return Ok(None) };
        let options = StopOptions { force: true, ..StopOptions::default() };
        self.end(spec, true, &options).await.map(|()| Some(owner))
    }

    /// The cluster's lock, where the cluster is still the one of `spec`. What another shell added
    /// since would be stopped by nobody, and would go on over files that are moved or deleted.
    ///
    /// # Errors
    /// `locked`; `cluster-changed` (class busy).
    fn lock_as_seen(&self, spec: &ClusterSpec) -> Result<ClusterLock> {
        let lock = self.store.lock(&spec.name, &self.command)?;
        if self.store.exists(&spec.name) && self.store.load_spec(&spec.name)? != *spec {
            let message = format!("cluster `{}` was changed meanwhile", spec.name);
            return Err(Error::busy("cluster-changed", message)
                .with_cause("another command gave it other settings, so nothing was touched")
                .with_next(format!("cluster status {}", spec.name)));
        }
        Ok(lock)
    }

    async fn end(
        &self,
        spec: &ClusterSpec,
        archives_too: bool,
        options: &StopOptions,
    ) -> Result<()> {
        let facts = self.node_facts(spec).await?;
        // Data that is deleted need not be left in order.
        let force = options.force || self.lost_handover(spec, &facts).await.is_some();
        let options = StopOptions { force, ..options.clone() };
        self.stop_nodes(spec, &spec.nodes(), &facts, &options).await?;
        refuse_running(spec, &self.node_facts(spec).await?)?;
        self.runtime.destroy(spec, archives_too).await?;
        self.store.remove(&spec.name)?;
        self.store.remove_lock(&spec.name);
        Ok(())
    }
}

pub(super) fn holds_data(facts: &NodeFacts) -> bool {
    facts.data.iter().any(|dir| dir.exists && !dir.empty)
}

fn refuse_running(spec: &ClusterSpec, facts: &[NodeFacts]) -> Result<()> {
    let running: Vec<String> = alive(facts).map(|node| node.to_string()).collect();
    if running.is_empty() {
        return Ok(());
    }
    let verb = if running.len() == 1 { "is" } else { "are" };
    let one = match facts {
        [NodeFacts { node: Node::Broker(id), .. }] => Some(id),
        _ => None,
    };
    let next = match one {
        Some(id) => format!("@{} broker stop {id}", spec.name),
        None => format!("cluster stop {}", spec.name),
    };
    Err(Error::refused("still-running", format!("{} {verb} still running", running.join(", ")))
        .with_cause("data is moved or deleted only while nobody writes to it")
        .with_next(next))
}
