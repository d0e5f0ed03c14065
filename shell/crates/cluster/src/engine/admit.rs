//! Topics that a plan creates pass the policies first, as everybody's topics do.

use kafsh_model::plan::{Action, Finding, Severity, StepPlan};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::topic::TopicSpec;
use kafsh_model::{Error, Result};

use super::Engine;
use super::prove::PROBE_TOPIC;

impl Engine {
    /// Asks the gate for each topic of `plan`: what it amends is amended, what it refuses becomes a
    /// problem, so that nothing is started. The probe's topic lives for a moment and is ours.
    pub(super) async fn admit_topics(&self, spec: &ClusterSpec, plan: &mut StepPlan) -> Result<()> {
        let Some(gate) = &self.gate else { return Ok(()) };
        for action in &mut plan.actions {
            let Action::CreateTopic { topic, partitions, replication_factor, configs } = action
            else {
                continue;
            };
            if topic.starts_with(PROBE_TOPIC) {
                continue;
            }
            let wanted = TopicSpec {
                name: topic.clone(),
                partitions: Some(*partitions),
                replication_factor: Some(*replication_factor),
                assignments: Vec::new(),
                configs: configs.iter().cloned().collect(),
            };
            match gate.admit(spec.name.as_str(), &wanted).await {
                Ok(admitted) => {
                    *partitions = admitted.partitions.unwrap_or(*partitions);
                    *replication_factor =
                        admitted.replication_factor.unwrap_or(*replication_factor);
                    *configs = admitted.configs.into_iter().collect();
                }
                Err(error) if error.code == "policy-denied" => {
                    plan.findings.push(problem(topic, error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn problem(topic: &str, error: Error) -> Finding {
    Finding {
        severity: Severity::Problem,
        code: error.code.into_owned(),
        subject: format!("topic {topic}"),
        message: error.message,
        evidence: error.evidence,
        cause: error.cause,
        next: error.next,
        safe_to_fix: false,
    }
}
