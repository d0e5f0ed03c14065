//! Asks the steps.

use std::sync::Arc;

use kafsh_model::plan::{
    Action, Finding, Plan, PlannedStep, Severity, StepInput, StepPlan, Verification,
};
use kafsh_model::port::Step;
use kafsh_model::snapshot::Snapshot;
use kafsh_model::spec::{ClusterSpec, DEFAULT_STEPS};
use kafsh_model::{Class, Error, Result, codes};

use super::Engine;
use super::prove::PROBE_TOPIC;

/// Most actions of one plan: a step that goes wild must not make the engine do so.
const ACTIONS_MAX: usize = 1_000;

impl Engine {
    /// Asks each step of the spec in order, each with what the earlier ones have planned. Runs
    /// nothing: this is `--dry-run`. The engine's own are among the findings: identities,
    /// and what only the host can tell.
    ///
    /// # Errors
    /// `step-not-found`, or what a step's host says of a step that broke; `plan-too-long`.
    pub async fn plan(&self, spec: &ClusterSpec, snapshot: &Snapshot) -> Result<Plan> {
        let mut plan = Plan::default();
        for name in &spec.steps {
            self.cancel.check()?;
            let input = StepInput {
                spec: spec.clone(),
                observed: snapshot.clone(),
                planned: plan.actions().cloned().collect(),
            };
            let mut answer = self.ask_step(name, input).await?;
            let total = plan.actions().count() + answer.actions.len();
            if total > ACTIONS_MAX {
                return Err(Error::failed(
                    "plan-too-long",
                    format!("step `{name}` brings the plan to {total} actions"),
                )
                .with_cause(format!("a plan has at most {ACTIONS_MAX}")));
            }
            for action in &answer.actions {
                check_action(spec, name, action)?;
            }
            self.admit_topics(spec, &mut answer).await?;
            answer.findings.iter_mut().for_each(|finding| name_finder(name, finding));
            plan.steps.push(PlannedStep { step: name.clone(), plan: answer });
        }
        self.add_identity(spec, snapshot, &mut plan);
        let ground = async {
            self.add_ground(spec, snapshot, &mut plan).await;
            Ok(())
        };
        self.cancel.run(ground).await?;
        Ok(plan)
    }

    /// On a thread of its own: loading and running a step is synchronous and may take a while.
    pub(super) async fn ask_step(&self, name: &str, input: StepInput) -> Result<StepPlan> {
        self.with_step(name, move |step| step.plan(&input)).await
    }

    pub(super) async fn verify_step(&self, name: &str, input: StepInput) -> Result<Verification> {
        self.with_step(name, move |step| step.verify(&input)).await
    }

    async fn with_step<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(Arc<dyn Step>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let steps = Arc::clone(&self.steps);
        let step_name = name.to_string();
        let task = tokio::task::spawn_blocking(move || work(steps.step(&step_name)?));
        self.cancel
            .run(async {
                task.await.map_err(|error| Error::bug(format!("step `{name}` broke: {error}")))?
            })
            .await
    }
}

/// One that does not travel with kafsh: what it does and says is told with its name.
pub(super) fn is_authored(step: &str) -> bool {
    !DEFAULT_STEPS.contains(&step)
}

/// What an author's step found says by whom it was found.
pub(super) fn name_finder(step: &str, finding: &mut Finding) {
    if is_authored(step) {
        finding.evidence.push(format!("found by step `{step}`"));
    }
}

/// A step names nodes; they have to be nodes of this cluster. Of topics, it may write to and delete
/// the probe's alone: whatever else a cluster holds is its users'.
fn check_action(spec: &ClusterSpec, step: &str, action: &Action) -> Result<()> {
    if let Action::ProveTopic { topic, .. } | Action::DeleteTopic { topic } = action
        && !topic.starts_with(PROBE_TOPIC)
    {
        let verb = if matches!(action, Action::DeleteTopic { .. }) { "delete" } else { "prove" };
        return Err(Error::failed(
            "plugin-bad-output",
            format!("step `{step}` plans to {verb} topic `{}`", topic.escape_debug()),
        )
        .with_cause(format!("a step does so only with topics named `{PROBE_TOPIC}…`")));
    }
    let one;
    let nodes = match action {
        Action::CreateDirectories { node } | Action::WriteProperties { node, .. } => {
            one = [*node];
            &one[..]
        }
        Action::AwaitExpiry { broker } => {
            one = [kafsh_model::plan::Node::Broker(*broker)];
            &one[..]
        }
        Action::Start { nodes } | Action::Stop { nodes } | Action::AwaitReady { nodes } => nodes,
        Action::ArchiveData { .. }
        | Action::CreateTopic { .. }
        | Action::ProveTopic { .. }
        | Action::DeleteTopic { .. } => &[],
    };
    let known = spec.nodes();
    match nodes.iter().find(|node| !known.contains(node)) {
        None => Ok(()),
        Some(node) => Err(Error::failed(
            "plan-names-stranger",
            format!("step `{step}` plans for {node}, which the cluster does not have"),
        )),
    }
}

/// The error of a plan whose findings stand in the way, before its first action.
pub(super) fn refusal<'a>(findings: impl Iterator<Item = &'a Finding>) -> Option<Error> {
    let mut error = in_the_way(findings)?;
    error.message.push_str("; nothing was started");
    Some(error)
}

/// The problems among findings as an error: of the only one its own words, of several all of them.
pub(super) fn in_the_way<'a>(findings: impl Iterator<Item = &'a Finding>) -> Option<Error> {
    let problems: Vec<&Finding> = findings.filter(|f| f.severity == Severity::Problem).collect();
    let first = problems.first()?;
    if problems.len() == 1 {
        return Some(from_finding(first));
    }
    let count = problems.len();
    let mut error = Error::failed("preflight-failed", format!("{count} things are in the way"));
    for problem in problems {
        let own = if problem.message.contains(&problem.subject) {
            problem.message.clone()
        } else {
            format!("{}: {}", problem.subject, problem.message)
        };
        error.evidence.push(own);
        error.evidence.extend(problem.evidence.iter().map(|line| format!("  {line}")));
        for next in &problem.next {
            if error.next.len() < 3 && !error.next.contains(next) {
                error.next.push(next.clone());
            }
        }
    }
    Some(error)
}

/// A finding as an error, in its own words. A code that only its step knows is evidence: the codes
/// of errors are a closed list.
pub(super) fn from_finding(finding: &Finding) -> Error {
    let known = codes::find(&finding.code);
    let (class, code) =
        known.map_or((Class::Failed, "plugin-failed"), |known| (known.class, known.code));
    let mut error = Error::new(class, code, finding.message.clone());
    if known.is_none() {
        error = error.with_evidence(format!("code: {}", finding.code));
    }
    error.evidence.extend(finding.evidence.iter().cloned());
    error.cause.clone_from(&finding.cause);
    error.next.clone_from(&finding.next);
    error
}
