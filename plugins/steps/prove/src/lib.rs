//! The step `prove`: a record goes through every replica, in and out, before `cluster up` says that
//! a cluster is there.

#[cfg(test)]
mod tests;

use kafsh_sdk::Result;
use kafsh_sdk::step::{
    Action, BrokerSpec, ClusterSpec, CreateTopic, Finding, Input, Property, ProveTopic,
    SecurityProtocol, Step, StepPlan, Verification,
};

/// Security protocol of the listeners that need neither a certificate nor a password.
const PLAIN: SecurityProtocol = SecurityProtocol::Plaintext;

/// Topic of the proof. It is there for the length of the proof only; the two underscores put it
/// among the internal topics.
pub const PROBE_TOPIC: &str = "__kafsh_probe";

/// Partitions and replicas of the probe at most: enough to cross every link of a small cluster, few
/// enough to be made and deleted in tens of milliseconds.
const PROBE_WIDTH_MAX: i16 = 3;

/// Creates a topic whose records need all replicas, sends a record through each of its partitions,
/// and deletes it.
pub struct Prove;

impl Step for Prove {
    fn plan(input: Input) -> Result<StepPlan> {
        if !is_wanted(&input) {
            return Ok(StepPlan::nothing("a record went through every replica"));
        }
        if let Some(why) = hindrance(&input.spec) {
            let mut plan = StepPlan::nothing(why.summary);
            plan.findings.push(skipped(&why));
            return Ok(plan);
        }
        let width = width(&input.spec);
        let replicas = if width == 1 { "replica" } else { "replicas" };
        Ok(StepPlan {
            summary: format!("send a record through {width} {replicas} and back"),
            actions: probe(width),
            findings: Vec::new(),
        })
    }

    fn verify(input: Input) -> Result<Verification> {
        let spec = &input.spec;
        if input.observed.proven || spec.brokers.is_empty() || hindrance(spec).is_some() {
            return Ok(Verification::Met);
        }
        Ok(Verification::NotYet("no record went through the cluster since it started".to_owned()))
    }
}

kafsh_sdk::export_step!(Prove);

fn is_wanted(input: &Input) -> bool {
    let starts = |action: &Action| matches!(action, Action::Start(nodes) if !nodes.is_empty());
    let stale = !input.observed.proven || input.planned.iter().any(starts);
    stale && !input.spec.brokers.is_empty()
}

/// Why no record can be sent.
struct Hindrance {
    summary: &'static str,
    evidence: String,
    cause: &'static str,
}

fn hindrance(spec: &ClusterSpec) -> Option<Hindrance> {
    if !deletes_topics(spec) {
        return Some(Hindrance {
            summary: "no proof, since topics cannot be deleted",
            evidence: "delete.topic.enable=false".to_owned(),
            cause: "the topic of the proof could not be deleted again",
        });
    }
    let is_closed = |broker: &&BrokerSpec| broker.listeners.iter().all(|l| l.protocol != PLAIN);
    let closed = spec.brokers.iter().find(is_closed)?;
    let names: Vec<&str> = closed.listeners.iter().map(|l| l.name.as_str()).collect();
    Some(Hindrance {
        summary: "no proof, since kafsh cannot log in",
        evidence: format!("broker {} listens on {} alone", closed.id, names.join(", ")),
        cause: "kafsh sends records over plain listeners only, and not every broker has one",
    })
}

/// Whether the probe could be deleted again; it must not be left behind.
fn deletes_topics(spec: &ClusterSpec) -> bool {
    let of_brokers = spec.brokers.iter().flat_map(|broker| &broker.properties);
    !spec
        .properties
        .iter()
        .chain(of_brokers)
        .any(|property| property.key == "delete.topic.enable" && property.value.trim() == "false")
}

fn skipped(why: &Hindrance) -> Finding {
    Finding::note("proof-skipped", "cluster", "no record is sent through the new cluster")
        .evidence([&why.evidence])
        .cause(why.cause)
}

fn width(spec: &ClusterSpec) -> i16 {
    i16::try_from(spec.brokers.len()).unwrap_or(PROBE_WIDTH_MAX).min(PROBE_WIDTH_MAX)
}

fn probe(width: i16) -> Vec<Action> {
    let topic = PROBE_TOPIC.to_owned();
    let partitions = i32::from(width);
    let create = CreateTopic {
        topic: topic.clone(),
        partitions,
        replication_factor: width,
        // An ack then means that every replica has the record.
        configs: vec![Property::new("min.insync.replicas", width.to_string())],
    };
    vec![
        Action::CreateTopic(create),
        Action::ProveTopic(ProveTopic { topic: topic.clone(), partitions }),
        Action::DeleteTopic(topic),
    ]
}
