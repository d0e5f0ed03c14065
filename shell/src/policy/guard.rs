//! The `Admin` port behind its policies: changes of topics are asked about, everything else passes.

use std::sync::Arc;
use std::time::Duration;

use kafsh_model::config::{ConfigChange, ConfigResource};
use kafsh_model::group::{CommittedOffset, GroupDescription};
use kafsh_model::name::BrokerId;
use kafsh_model::plugin::ClusterFacts;
use kafsh_model::policy::{Operation, TopicState};
use kafsh_model::port::{
    Admin, BoxFuture, BrokerGroups, BrokerLogDirs, ItemResult, PartitionOffset, Progress,
    ProgressEvent, ResourceConfigs, TopicGate, TopicList,
};
use kafsh_model::spec::SecurityProtocol;
use kafsh_model::topic::{ClusterView, OffsetAt, TopicDescription, TopicPartition, TopicSpec};
use kafsh_model::{Error, Result};

use super::change::{PARTITIONS, REPLICATION_FACTOR, after, changes_between, set_or_unset};
use super::state::{current_state, defaults, facts};
use super::{Asker, Bound, Charge, Said, refusal};

/// Asks the policies in charge before it passes a change on.
pub struct GuardedAdmin {
    inner: Arc<dyn Admin>,
    charge: Charge,
    progress: Arc<dyn Progress>,
}

impl GuardedAdmin {
    pub fn new(inner: Arc<dyn Admin>, charge: Charge, progress: Arc<dyn Progress>) -> Self {
        GuardedAdmin { inner, charge, progress }
    }

    async fn facts(&self) -> Result<Option<Arc<ClusterFacts>>> {
        match self.charge.wants_facts() {
            true => Ok(Some(Arc::new(facts(self.inner.as_ref()).await?))),
            false => Ok(None),
        }
    }

    /// The topic as it may be created.
    async fn admitted(
        &self,
        spec: &TopicSpec,
        facts: Option<&Arc<ClusterFacts>>,
    ) -> Result<TopicSpec> {
        if self.charge.about(&spec.name).next().is_none() {
            return Ok(spec.clone());
        }
        let wanted = wanted(self.inner.as_ref(), spec).await?;
        let charge = self.charge.of_creation(spec);
        let asked = charge.ask(Operation::Create, &spec.name, None, Some(&wanted), facts);
        let (said, admitted) = asked.await?;
        if let Some(error) = refusal(&spec.name, "created", &said) {
            return Err(error);
        }
        tell(self.progress.as_ref(), &spec.name, &said);
        Ok(admitted.map_or_else(|| spec.clone(), |admitted| amended(spec, &wanted, admitted)))
    }

    /// The topics that may not be deleted, and why.
    pub async fn against_deletion(&self, names: &[String]) -> Result<Vec<(String, Error)>> {
        let facts = self.facts().await?;
        let mut against = Vec::new();
        for name in names {
            if self.charge.about(name).next().is_none() {
                continue;
            }
            // One that does not exist is for the brokers to say.
            let now = current_state(self.inner.as_ref(), name).await?;
            let Some(now) = now else { continue };
            let asked = self.charge.ask(Operation::Delete, name, Some(&now), None, facts.as_ref());
            let (said, _) = asked.await?;
            match refusal(name, "deleted", &said) {
                Some(error) => against.push((name.clone(), error)),
                None => tell(self.progress.as_ref(), name, &said),
            }
        }
        Ok(against)
    }

    /// What there is, and what it may become; `None` where no policy is about the topic. An
    /// amendment of one of the `fixed` fields refuses: the operation could not make it.
    async fn alter(
        &self,
        topic: &str,
        change: impl FnOnce(&TopicState) -> TopicState,
        fixed: &[&str],
    ) -> Result<Option<(TopicState, TopicState)>> {
        if self.charge.about(topic).next().is_none() {
            return Ok(None);
        }
        // One that does not exist is for the brokers to refuse.
        let Some(now) = current_state(self.inner.as_ref(), topic).await? else { return Ok(None) };
        let wanted = change(&now);
        let facts = self.facts().await?;
        let asked =
            self.charge.ask(Operation::Alter, topic, Some(&now), Some(&wanted), facts.as_ref());
        let (mut said, admitted) = asked.await?;
        let moved = admitted.as_ref().map(|admitted| moved(&wanted, admitted));
        let beyond = |field: &str| {
            fixed.contains(&field) && moved.as_ref().is_some_and(|moved| moved.contains(&field))
        };
        said.iter_mut().for_each(|said| said.refuse_amendments(beyond));
        if let Some(error) = refusal(topic, "changed", &said) {
            return Err(error);
        }
        tell(self.progress.as_ref(), topic, &said);
        Ok(admitted.map(|admitted| (now, admitted)))
    }
}

/// What a wish comes to, with the brokers' defaults where it says nothing.
async fn wanted(admin: &dyn Admin, spec: &TopicSpec) -> Result<TopicState> {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let assigned = spec
        .assignments
        .first()
        .map(|replicas| (count(spec.assignments.len()), count(replicas.len())));
    let partitions = spec.partitions.and_then(|n| u32::try_from(n).ok());
    let replicas = spec.replication_factor.and_then(|n| u32::try_from(n).ok());
    let (partitions, replication_factor) = match (assigned, partitions, replicas) {
        (Some(assigned), ..) => assigned,
        (None, Some(partitions), Some(replicas)) => (partitions, replicas),
        (None, partitions, replicas) => {
            let (default_partitions, default_replicas) = defaults(admin).await?;
            (partitions.unwrap_or(default_partitions), replicas.unwrap_or(default_replicas))
        }
    };
    Ok(TopicState { partitions, replication_factor, configs: spec.configs.clone() })
}

/// The wish with what was amended. A count that no policy amended stays as it was asked for.
fn amended(spec: &TopicSpec, wanted: &TopicState, admitted: TopicState) -> TopicSpec {
    let mut spec = spec.clone();
    if admitted.partitions != wanted.partitions {
        spec.partitions = i32::try_from(admitted.partitions).ok();
        spec.assignments.clear();
        spec.replication_factor = i16::try_from(admitted.replication_factor).ok();
    }
    if admitted.replication_factor != wanted.replication_factor {
        spec.replication_factor = i16::try_from(admitted.replication_factor).ok();
        spec.assignments.clear();
        spec.partitions = i32::try_from(admitted.partitions).ok();
    }
    spec.configs = admitted.configs;
    spec
}

/// The counts that were amended.
fn moved(wanted: &TopicState, admitted: &TopicState) -> Vec<&'static str> {
    let counts = [
        (PARTITIONS, wanted.partitions != admitted.partitions),
        (REPLICATION_FACTOR, wanted.replication_factor != admitted.replication_factor),
    ];
    counts.into_iter().filter(|(_, moved)| *moved).map(|(field, _)| field).collect()
}

impl Admin for GuardedAdmin {
    fn create_topics<'a>(
        &'a self,
        topics: &'a [TopicSpec],
        validate_only: bool,
    ) -> BoxFuture<'a, Result<Vec<ItemResult<TopicSpec>>>> {
        Box::pin(async move {
            let facts = self.facts().await?;
            // Every topic is asked about before any is created.
            let mut verdicts = Vec::new();
            for spec in topics {
                match self.admitted(spec, facts.as_ref()).await {
                    Err(error) if error.code != "policy-denied" => return Err(error),
                    verdict => verdicts.push(verdict),
                }
            }
            let admitted: Vec<TopicSpec> =
                verdicts.iter().filter_map(|verdict| verdict.clone().ok()).collect();
            let mut created = match admitted.is_empty() {
                true => Vec::new(),
                false => self.inner.create_topics(&admitted, validate_only).await?,
            }
            .into_iter();
            let result = |(spec, verdict): (&TopicSpec, Result<TopicSpec>)| match verdict {
                Err(error) => Some((spec.name.clone(), Err(error))),
                Ok(_) => created.next(),
            };
            Ok(topics.iter().zip(verdicts).filter_map(result).collect())
        })
    }

    fn delete_topics<'a>(&'a self, names: &'a [String]) -> BoxFuture<'a, Result<Vec<ItemResult>>> {
        Box::pin(async move {
            let against = self.against_deletion(names).await?;
            let denied = |name: &&String| against.iter().any(|(denied, _)| denied == *name);
            let allowed: Vec<String> = names.iter().filter(|n| !denied(n)).cloned().collect();
            let mut outcomes = match allowed.is_empty() {
                true => Vec::new(),
                false => self.inner.delete_topics(&allowed).await?,
            };
            outcomes.extend(against.into_iter().map(|(name, error)| (name, Err(error))));
            Ok(outcomes)
        })
    }

    fn add_partitions<'a>(
        &'a self,
        topic: &'a str,
        total: i32,
        validate_only: bool,
    ) -> BoxFuture<'a, Result<i32>> {
        Box::pin(async move {
            let wanted = u32::try_from(total).unwrap_or(0);
            let change = |now: &TopicState| TopicState { partitions: wanted, ..now.clone() };
            let Some((now, admitted)) = self.alter(topic, change, &[REPLICATION_FACTOR]).await?
            else {
                return self.inner.add_partitions(topic, total, validate_only).await;
            };
            let total = i32::try_from(admitted.partitions).unwrap_or(total);
            let changes = changes_between(&now, &admitted);
            if changes.is_empty() {
                return self.inner.add_partitions(topic, total, validate_only).await;
            }
            // Two requests: the settings are known to be good before anything is changed.
            let resource = ConfigResource::Topic(topic.to_string());
            self.inner.alter_configs(&resource, &changes, true).await?;
            let total = self.inner.add_partitions(topic, total, validate_only).await?;
            self.inner.alter_configs(&resource, &changes, validate_only).await?;
            Ok(total)
        })
    }

    fn alter_configs<'a>(
        &'a self,
        resource: &'a ConfigResource,
        changes: &'a [ConfigChange],
        validate_only: bool,
    ) -> BoxFuture<'a, Result<Vec<ConfigChange>>> {
        Box::pin(async move {
            let ConfigResource::Topic(topic) = resource else {
                return self.inner.alter_configs(resource, changes, validate_only).await;
            };
            let fixed = [PARTITIONS, REPLICATION_FACTOR];
            let verdict = self.alter(topic, |now| after(now, changes), &fixed).await?;
            let Some((now, admitted)) = verdict else {
                return self.inner.alter_configs(resource, changes, validate_only).await;
            };
            if after(&now, changes) == admitted {
                return self.inner.alter_configs(resource, changes, validate_only).await;
            }
            let mut made = changes_between(&now, &admitted);
            // A key that was asked for is told of, also where it is to stay what it was.
            let stays = |change: &&ConfigChange| made.iter().all(|made| made.key() != change.key());
            let same: Vec<ConfigChange> = changes
                .iter()
                .filter(stays)
                .map(|change| set_or_unset(change.key(), &admitted))
                .collect();
            made.extend(same);
            self.inner.alter_configs(resource, &made, validate_only).await
        })
    }

    fn cluster(&self) -> BoxFuture<'_, Result<ClusterView>> {
        self.inner.cluster()
    }

    fn probe<'a>(
        &'a self,
        address: &'a str,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<ClusterView>> {
        self.inner.probe(address, timeout)
    }

    fn greet<'a>(
        &'a self,
        address: &'a str,
        protocol: SecurityProtocol,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<()>> {
        self.inner.greet(address, protocol, timeout)
    }

    fn topics<'a>(
        &'a self,
        names: Option<&'a [String]>,
    ) -> BoxFuture<'a, Result<Vec<TopicDescription>>> {
        self.inner.topics(names)
    }

    fn topics_on_every_broker<'a>(
        &'a self,
        names: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<(BrokerId, TopicList)>>> {
        self.inner.topics_on_every_broker(names)
    }

    fn describe_configs<'a>(
        &'a self,
        resources: &'a [ConfigResource],
    ) -> BoxFuture<'a, Result<Vec<ResourceConfigs>>> {
        self.inner.describe_configs(resources)
    }

    fn list_groups(&self, timeout: Duration) -> BoxFuture<'_, Result<Vec<BrokerGroups>>> {
        self.inner.list_groups(timeout)
    }

    fn describe_group<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<GroupDescription>> {
        self.inner.describe_group(group)
    }

    fn committed_offsets<'a>(
        &'a self,
        group: &'a str,
    ) -> BoxFuture<'a, Result<Vec<CommittedOffset>>> {
        self.inner.committed_offsets(group)
    }

    fn list_offsets<'a>(
        &'a self,
        partitions: &'a [TopicPartition],
        at: OffsetAt,
    ) -> BoxFuture<'a, Result<Vec<PartitionOffset>>> {
        self.inner.list_offsets(partitions, at)
    }

    fn log_dirs<'a>(
        &'a self,
        partitions: Option<&'a [TopicPartition]>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Vec<BrokerLogDirs>>> {
        self.inner.log_dirs(partitions, timeout)
    }
}

/// The policies before a plan: the cluster may not run yet, so there are no facts of it.
pub struct PlanGate {
    /// Those that are on, of all clusters
    pub bound: Vec<Bound>,
    pub asker: Asker,
    pub progress: Arc<dyn Progress>,
}

impl PlanGate {
    async fn ask(&self, cluster: &str, topic: &TopicSpec) -> Result<TopicSpec> {
        let about = |bound: &&Bound| bound.binding.is_about_cluster(cluster);
        let bound: Vec<Bound> = self.bound.iter().filter(about).cloned().collect();
        let charge = Charge::over(cluster, bound).asked_by(&self.asker).of_creation(topic);
        let number = |count: Option<i64>| count.and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
        let wanted = TopicState {
            partitions: number(topic.partitions.map(i64::from)),
            replication_factor: number(topic.replication_factor.map(i64::from)),
            configs: topic.configs.clone(),
        };
        let asked = charge.ask(Operation::Create, &topic.name, None, Some(&wanted), None);
        let (said, admitted) = asked.await?;
        if let Some(error) = refusal(&topic.name, "created", &said) {
            return Err(error);
        }
        tell(self.progress.as_ref(), &topic.name, &said);
        Ok(admitted.map_or_else(|| topic.clone(), |state| amended(topic, &wanted, state)))
    }
}

impl TopicGate for PlanGate {
    fn admit<'a>(
        &'a self,
        cluster: &'a str,
        topic: &'a TopicSpec,
    ) -> BoxFuture<'a, Result<TopicSpec>> {
        Box::pin(self.ask(cluster, topic))
    }
}

/// What was not a refusal: warnings and amendments.
fn tell(progress: &dyn Progress, topic: &str, said: &[Said]) {
    for line in said.iter().filter(|said| !said.refuses()).map(Said::line) {
        progress.event(ProgressEvent::Note(&format!("policy: topic `{topic}`: {line}")));
    }
}

#[cfg(test)]
mod tests;
