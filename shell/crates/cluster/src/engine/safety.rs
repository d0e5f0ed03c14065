//! Whether the partitions can spare a broker (the rules of Strimzi's roller, restated).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafsh_model::config::ConfigResource;
use kafsh_model::plan::{Finding, Node, Severity};
use kafsh_model::port::Admin;
use kafsh_model::snapshot::{NodeFacts, ProcessState};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::topic::TopicDescription;
use kafsh_model::{BrokerId, Class, Error, Result};

use super::patience::bounded;
use super::report::PartitionHealth;
use super::{ADMIN_TIMEOUT, Engine, IN_SYNC_DEADLINE, POLL_MAX, plan};

/// Partitions named in a finding; the others are counted.
const PARTITIONS_SHOWN: usize = 5;

/// Topics whose configuration is asked for in one call.
const TOPICS_PER_CALL: usize = 500;

/// All topics with their `min.insync.replicas`.
pub struct Partitions {
    pub topics: Vec<TopicDescription>,
    min_isr: BTreeMap<String, usize>,
}

/// Of which topics `min.insync.replicas` is asked for. A broker reads it from ZooKeeper, topic by
/// topic: a thousand cost it a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinIsr {
    OfAll,
    /// Of those that lack a replica: no other can be below its minimum
    OfLacking,
}

impl Partitions {
    /// Asks the brokers; those that are `dead` are in sync with nobody, whatever others say.
    ///
    /// # Errors
    /// What the port says.
    pub async fn read(admin: &dyn Admin, dead: &[BrokerId], asked: MinIsr) -> Result<Partitions> {
        let mut topics = admin.topics(None).await?;
        topics.iter_mut().for_each(|topic| topic.without(dead));
        let wanted: Vec<&TopicDescription> = topics
            .iter()
            .filter(|topic| asked == MinIsr::OfAll || topic.lacks_replicas())
            .collect();
        let mut min_isr = BTreeMap::new();
        for some in wanted.chunks(TOPICS_PER_CALL) {
            let resources: Vec<ConfigResource> =
                some.iter().map(|topic| ConfigResource::Topic(topic.name.clone())).collect();
            for (resource, entries) in admin.describe_configs(&resources).await? {
                let ConfigResource::Topic(name) = resource else { continue };
                let entry = entries.iter().find(|entry| entry.key == "min.insync.replicas");
                let value = entry.and_then(|entry| entry.value.as_ref()?.parse().ok());
                min_isr.insert(name, value.unwrap_or(1));
            }
        }
        Ok(Partitions { topics, min_isr })
    }

    /// `min.insync.replicas` of a topic; Kafka's default where the brokers do not tell, or were
    /// not asked.
    pub fn min_isr(&self, topic: &str) -> usize {
        self.min_isr.get(topic).copied().unwrap_or(1)
    }

    /// Counts over all of them.
    pub fn health(&self) -> PartitionHealth {
        let mut health = PartitionHealth { topics: self.topics.len(), ..Default::default() };
        for topic in &self.topics {
            let min_isr = self.min_isr(&topic.name);
            for partition in &topic.partitions {
                health.partitions += 1;
                health.offline += usize::from(partition.is_offline());
                health.under_min_isr += usize::from(partition.is_under_min_isr(min_isr));
                health.under_replicated += usize::from(partition.is_under_replicated());
            }
        }
        health
    }

    /// What stopping `brokers` would do; `verb` is the command that was to.
    fn findings(&self, cluster: &str, brokers: &[BrokerId], verb: &str) -> Vec<Finding> {
        let mut blocked = Vec::new();
        let mut never = Vec::new();
        for topic in &self.topics {
            let min_isr = self.min_isr(&topic.name);
            for partition in &topic.partitions {
                if !partition.replicas.iter().any(|id| brokers.contains(id)) {
                    continue;
                }
                let left = partition.isr.iter().filter(|id| !brokers.contains(id)).count();
                let place = format!(
                    "{}/{}: {} of {} replicas in sync, min.insync.replicas {min_isr}",
                    topic.name,
                    partition.partition,
                    partition.isr.len(),
                    partition.replicas.len(),
                );
                let in_sync = partition.isr.iter().any(|id| brokers.contains(id));
                if partition.replicas.len() <= min_isr {
                    never.push(place);
                } else if left < min_isr && (in_sync || partition.is_under_min_isr(min_isr)) {
                    blocked.push(place);
                }
            }
        }
        let ids: Vec<String> = brokers.iter().map(ToString::to_string).collect();
        let subject = format!("broker {}", ids.join(", "));
        let mut findings = Vec::new();
        if !blocked.is_empty() {
            findings.push(Finding {
                severity: Severity::Problem,
                code: "under-min-isr".to_string(),
                subject: subject.clone(),
                message: format!(
                    "stopping {subject} would take {} partitions under min.insync.replicas",
                    blocked.len()
                ),
                evidence: shortened(blocked),
                cause: Some("writes with acks=all to them would stop".to_string()),
                next: vec![
                    format!("wait 60s cluster status {cluster} | jq '.healthy'"),
                    format!("@{cluster} broker {verb} {} --force", ids.join(" ")),
                ],
                safe_to_fix: false,
            });
        }
        if !never.is_empty() {
            findings.push(Finding {
                // No wait makes it safe, so it needs consent, as in Strimzi's #2964.
                severity: Severity::Problem,
                code: "cannot-be-spared".to_string(),
                subject: subject.clone(),
                message: format!("{} partitions can never spare {subject}", never.len()),
                evidence: shortened(never),
                cause: Some(
                    "they have no more replicas than min.insync.replicas: writes with acks=all \
                     to them would stop"
                        .to_string(),
                ),
                next: vec![format!("@{cluster} broker {verb} {} --force", ids.join(" "))],
                safe_to_fix: false,
            });
        }
        findings
    }
}

pub(super) fn shortened(mut places: Vec<String>) -> Vec<String> {
    let more = places.len().saturating_sub(PARTITIONS_SHOWN);
    places.truncate(PARTITIONS_SHOWN);
    if more > 0 {
        places.push(format!("and {more} more"));
    }
    places
}

impl Engine {
    /// What stopping these brokers would do to partitions. A finding of severity Problem says
    /// that acknowledged writes would stop: `under-min-isr` where waiting may help,
    /// `cannot-be-spared` where it cannot (no more replicas than `min.insync.replicas`).
    ///
    /// # Errors
    /// `unavailable` where no broker can be asked.
    async fn stop_findings(
        &self,
        spec: &ClusterSpec,
        brokers: &[BrokerId],
        verb: &str,
    ) -> Result<Vec<Finding>> {
        let facts = self.node_facts(spec).await?;
        let asked = self.partitions(spec, &facts, MinIsr::OfAll);
        let partitions = bounded(ADMIN_TIMEOUT, asked).await?;
        Ok(partitions.findings(spec.name.as_str(), brokers, verb))
    }

    /// The findings that do not stand in the way.
    ///
    /// # Errors
    /// `under-min-isr` or `cannot-be-spared`, class refused; `partitions-unknown`, class refused,
    /// where nobody answers.
    pub(super) async fn check_spared(
        &self,
        spec: &ClusterSpec,
        brokers: &[BrokerId],
        verb: &str,
    ) -> Result<Vec<Finding>> {
        let findings = self.stop_findings(spec, brokers, verb).await.map_err(|error| {
            let message = "whether the partitions can spare a broker is not known";
            Error::refused("partitions-unknown", message)
                .with_cause(error.to_string())
                .with_next(format!("cluster status {}", spec.name))
                .with_next(format!("cluster stop {} --force", spec.name))
        })?;
        match findings.iter().find(|finding| finding.severity == Severity::Problem) {
            None => Ok(findings),
            Some(problem) => {
                let mut error = plan::from_finding(problem);
                error.class = Class::Refused;
                Err(error)
            }
        }
    }

    /// What the brokers say of the partitions, less what `facts` know better: a broker of the spec
    /// whose process does not run is in sync with nobody.
    pub(super) async fn partitions(
        &self,
        spec: &ClusterSpec,
        facts: &[NodeFacts],
        asked: MinIsr,
    ) -> Result<Partitions> {
        let admin = self.admin(spec)?;
        let runs = |id: BrokerId| {
            facts.iter().any(|facts| {
                facts.node == Node::Broker(id)
                    && matches!(facts.process, ProcessState::Running { .. })
            })
        };
        let brokers = spec.brokers.iter().map(|broker| broker.id);
        let dead: Vec<BrokerId> = brokers.filter(|id| !runs(*id)).collect();
        Partitions::read(admin.as_ref(), &dead, asked).await
    }

    /// Waits until no partition lacks a replica.
    ///
    /// # Errors
    /// `not-in-sync`; `interrupted`.
    pub(super) async fn await_in_sync(&self, spec: &ClusterSpec) -> Result<PartitionHealth> {
        let begin = Instant::now();
        let wait = async {
            loop {
                let facts = self.node_facts(spec).await?;
                let asked = self.partitions(spec, &facts, MinIsr::OfLacking);
                let seen = bounded(ADMIN_TIMEOUT, asked).await;
                let health = seen.map(|partitions| partitions.health());
                match health {
                    Ok(health) if health.under_replicated == 0 => return Ok(health),
                    outcome if begin.elapsed() > IN_SYNC_DEADLINE => {
                        let what = match outcome {
                            Ok(health) => format!("{} under-replicated", health.under_replicated),
                            Err(error) => error.to_string(),
                        };
                        let after = kafsh_model::units::show_duration(begin.elapsed());
                        return Err(Error::new(
                            Class::TimedOut,
                            "not-in-sync",
                            format!("partitions are not in sync after {after}"),
                        )
                        .with_evidence(what)
                        .with_next(format!("cluster status {}", spec.name)));
                    }
                    _ => tokio::time::sleep(POLL_MAX.max(Duration::from_millis(1))).await,
                }
            }
        };
        self.cancel.run(wait).await
    }
}
