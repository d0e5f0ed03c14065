//! What a step answers, checked: the contract's types as the model's. An error is a sentence on
//! what is wrong with the answer.

use std::collections::BTreeSet;

use kafsh_model::name::{BrokerId, check_topic_name};
use kafsh_model::plan::{Action, Finding, Node, Severity, StepPlan, Verification};
use kafsh_model::spec::ClusterSpec;

use super::convert::lift_node;
use super::types;
use crate::answer::{self, Result, SHOWN_BYTES, at_most, check_code};
use crate::limits::{
    ACTIONS_MAX, EVIDENCE_LINES_MAX, FINDINGS_MAX, NEXT_COMMANDS_MAX, PARTITIONS_MAX,
    PROPERTIES_MAX, STRING_BYTES_MAX,
};
use crate::text::{is_hazardous, shown_within};

pub(super) fn plan(spec: &ClusterSpec, plan: types::StepPlan) -> Result<StepPlan> {
    at_most(plan.actions.len(), ACTIONS_MAX, "actions")?;
    at_most(plan.findings.len(), FINDINGS_MAX, "findings")?;
    Ok(StepPlan {
        summary: lift_text(&plan.summary, "summary")?,
        actions: plan
            .actions
            .into_iter()
            .enumerate()
            .map(|(i, action)| {
                lift_action(spec, action).map_err(|why| format!("action {}: {why}", i + 1))
            })
            .collect::<Result<_>>()?,
        findings: plan
            .findings
            .into_iter()
            .enumerate()
            .map(|(i, finding)| {
                lift_finding(finding).map_err(|why| format!("finding {}: {why}", i + 1))
            })
            .collect::<Result<_>>()?,
    })
}

pub(super) fn verification(verification: types::Verification) -> Result<Verification> {
    Ok(match verification {
        types::Verification::Met => Verification::Met,
        types::Verification::NotYet(reason) => {
            Verification::NotYet { reason: lift_text(&reason, "reason")? }
        }
        types::Verification::Failed(finding) => Verification::Failed(lift_finding(finding)?),
    })
}

pub(super) fn failure(failure: &types::Failure) -> Result<()> {
    check_code(&failure.code)?;
    lift_text(&failure.message, "message").map(drop)
}

fn lift_action(spec: &ClusterSpec, action: types::Action) -> Result<Action> {
    Ok(match action {
        types::Action::CreateDirectories(node) => {
            Action::CreateDirectories { node: known_node(spec, node)? }
        }
        types::Action::WriteProperties(write) => Action::WriteProperties {
            node: known_node(spec, write.node)?,
            properties: lift_properties(write.properties)?,
        },
        types::Action::ArchiveData(reason) => {
            Action::ArchiveData { reason: lift_text(&reason, "reason")? }
        }
        types::Action::AwaitExpiry(broker) => {
            Action::AwaitExpiry { broker: known_broker(spec, broker)? }
        }
        types::Action::Start(nodes) => Action::Start { nodes: known_nodes(spec, nodes)? },
        types::Action::Stop(nodes) => Action::Stop { nodes: known_nodes(spec, nodes)? },
        types::Action::AwaitReady(nodes) => Action::AwaitReady { nodes: known_nodes(spec, nodes)? },
        types::Action::CreateTopic(create) => {
            within(
                i32::from(create.replication_factor),
                i32::from(i16::MAX),
                "replication factor",
            )?;
            Action::CreateTopic {
                topic: lift_topic(create.topic)?,
                partitions: within(create.partitions, PARTITIONS_MAX, "number of partitions")?,
                replication_factor: create.replication_factor,
                configs: lift_properties(create.configs)?,
            }
        }
        types::Action::ProveTopic(prove) => Action::ProveTopic {
            topic: lift_topic(prove.topic)?,
            partitions: within(prove.partitions, PARTITIONS_MAX, "number of partitions")?,
        },
        types::Action::DeleteTopic(topic) => Action::DeleteTopic { topic: lift_topic(topic)? },
    })
}

fn lift_finding(finding: types::Finding) -> Result<Finding> {
    at_most(finding.evidence.len(), EVIDENCE_LINES_MAX, "lines of evidence")?;
    at_most(finding.next.len(), NEXT_COMMANDS_MAX, "next commands")?;
    check_code(&finding.code)?;
    Ok(Finding {
        severity: match finding.severity {
            types::Severity::Note => Severity::Note,
            types::Severity::Warning => Severity::Warning,
            types::Severity::Problem => Severity::Problem,
        },
        code: finding.code,
        subject: lift_text(&finding.subject, "subject")?,
        message: lift_text(&finding.message, "message")?,
        evidence: lift_lines(&finding.evidence, "evidence")?,
        cause: finding.cause.map(|cause| lift_text(&cause, "cause")).transpose()?,
        next: lift_lines(&finding.next, "command")?,
        safe_to_fix: finding.safe_to_fix,
    })
}

fn lift_text(text: &str, what: &str) -> Result<String> {
    answer::text(text, STRING_BYTES_MAX, what)
}

fn lift_lines(lines: &[String], what: &str) -> Result<Vec<String>> {
    lines.iter().map(|line| lift_text(line, what)).collect()
}

fn lift_topic(topic: String) -> Result<String> {
    check_topic_name(&topic).map_err(|e| e.to_string())?;
    Ok(topic)
}

/// Keys are those of a properties file; values are kept as they are, but must fit on its line.
fn lift_properties(properties: Vec<types::Property>) -> Result<Vec<(String, String)>> {
    at_most(properties.len(), PROPERTIES_MAX, "properties")?;
    let mut seen = BTreeSet::new();
    for property in &properties {
        let types::Property { key, value } = property;
        let shown_key = || shown_within(key, SHOWN_BYTES);
        let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if key.is_empty() || key.len() > STRING_BYTES_MAX || !key.chars().all(is_key) {
            return Err(format!("`{}` is no key of a property", shown_key()));
        }
        at_most(value.len(), STRING_BYTES_MAX, "bytes of a value")?;
        if value.chars().any(|c| is_hazardous(c) && c != '\t') {
            return Err(format!("the value of `{}` has control characters", shown_key()));
        }
        if !seen.insert(key.as_str()) {
            return Err(format!("property `{}` is there twice", shown_key()));
        }
    }
    Ok(properties.into_iter().map(|property| (property.key, property.value)).collect())
}

fn known_node(spec: &ClusterSpec, node: types::Node) -> Result<Node> {
    match lift_node(&node) {
        Some(Node::Broker(id)) => known_broker(spec, id).map(Node::Broker),
        Some(Node::ZooKeeper) => Ok(Node::ZooKeeper),
        None => Err("it names a node of another kind than it was shown".into()),
    }
}

fn known_broker(spec: &ClusterSpec, id: BrokerId) -> Result<BrokerId> {
    match spec.broker(id) {
        Some(_) => Ok(id),
        None => Err(format!("cluster `{}` has no broker {id}", spec.name)),
    }
}

fn known_nodes(spec: &ClusterSpec, nodes: Vec<types::Node>) -> Result<Vec<Node>> {
    // A bound first: without it a list of repeats would be walked to its end.
    at_most(nodes.len(), spec.brokers.len() + 1, "nodes")?;
    let mut known = Vec::with_capacity(nodes.len());
    for node in nodes {
        let node = known_node(spec, node)?;
        if known.contains(&node) {
            return Err(format!("{node} is there twice"));
        }
        known.push(node);
    }
    Ok(known)
}

fn within(number: i32, max: i32, what: &str) -> Result<i32> {
    if (1..=max).contains(&number) {
        return Ok(number);
    }
    Err(format!("{number} is no {what}"))
}

#[cfg(test)]
mod tests;
