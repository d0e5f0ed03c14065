//! Applies a plan: every action journalled before and after, every step verified.

use std::time::Instant;

use kafsh_model::plan::{Action, Plan, PlannedStep, StepInput, Verification};
use kafsh_model::snapshot::Snapshot;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Error, Result};

use super::actions::Run;
use super::{Engine, POLL_FIRST, POLL_MAX, VERIFY_DEADLINE, plan};
use crate::store::{Event, Journal};

impl Engine {
    /// Applies every step; returns the cluster as it was last seen.
    pub(super) async fn apply(
        &self,
        run: &mut Run<'_>,
        plan: &Plan,
        journal: &mut Journal,
    ) -> Result<Snapshot> {
        let mut seen = run.before.clone();
        let mut planned: Vec<Action> = Vec::new();
        for step in &plan.steps {
            for action in &step.plan.actions {
                self.one(run, step, action, journal).await?;
            }
            planned.extend(step.plan.actions.iter().cloned());
            if !step.plan.actions.is_empty() {
                let look = self.look(run.spec, Some(&run.before.host));
                seen = self.cancel.run(look).await?;
            }
            seen = self.verify(run.spec, &step.step, seen, &planned).await?;
            if !step.plan.actions.is_empty() && plan::is_authored(&step.step) {
                self.warn_if_endless(run.spec, &step.step, &seen).await?;
            }
        }
        Ok(seen)
    }

    /// A step that plans again right after it was done and said so will do so at every `up`.
    async fn warn_if_endless(&self, spec: &ClusterSpec, step: &str, seen: &Snapshot) -> Result<()> {
        let input = StepInput { spec: spec.clone(), observed: seen.clone(), planned: Vec::new() };
        if let Some(action) = self.ask_step(step, input).await?.actions.first() {
            self.note(&format!(
                "warning: step `{step}` says that it is done, and plans again: {action}. Every \
                 `cluster up` will do it once more"
            ));
        }
        Ok(())
    }

    pub(super) async fn one(
        &self,
        run: &mut Run<'_>,
        step: &PlannedStep,
        action: &Action,
        journal: &mut Journal,
    ) -> Result<()> {
        self.cancel.check()?;
        journal.write(Event::Intent { step: step.step.clone(), what: without_secrets(action) })?;
        match self.act(run, &step.step, action).await {
            Ok(()) => journal.write(Event::Done { step: step.step.clone() }),
            Err(error) => {
                // That it cannot be written down is the lesser trouble.
                let _ = journal.write(Event::Failed {
                    step: step.step.clone(),
                    code: error.code.to_string(),
                    message: error.message.clone(),
                });
                Err(match plan::is_authored(&step.step) {
                    true => error.with_evidence(format!("step `{}`: {action}", step.step)),
                    false => error,
                })
            }
        }
    }

    /// Asks the step whether its goal is met, until it says so or the deadline passes.
    async fn verify(
        &self,
        spec: &ClusterSpec,
        step: &str,
        mut seen: Snapshot,
        planned: &[Action],
    ) -> Result<Snapshot> {
        let begin = Instant::now();
        let mut pause = POLL_FIRST;
        loop {
            let input =
                StepInput { spec: spec.clone(), observed: seen.clone(), planned: planned.to_vec() };
            match self.verify_step(step, input).await? {
                Verification::Met => return Ok(seen),
                Verification::Failed(mut finding) => {
                    plan::name_finder(step, &mut finding);
                    return Err(plan::from_finding(&finding));
                }
                Verification::NotYet { reason } if begin.elapsed() > VERIFY_DEADLINE => {
                    let after = kafsh_model::units::show_duration(begin.elapsed());
                    return Err(Error::timed_out(format!(
                        "step `{step}` has not reached its goal after {after}"
                    ))
                    .with_evidence(reason)
                    .with_next(format!("cluster doctor {}", spec.name)));
                }
                Verification::NotYet { .. } => {}
            }
            let again = async {
                tokio::time::sleep(pause).await;
                self.look(spec, Some(&seen.host)).await
            };
            seen = self.cancel.run(again).await?;
            pause = (pause * 2).min(POLL_MAX);
        }
    }
}

/// The journal tells what was done, not what the secrets were.
fn without_secrets(action: &Action) -> Action {
    let mut action = action.clone();
    let pairs = match &mut action {
        Action::WriteProperties { properties, .. } => properties,
        Action::CreateTopic { configs, .. } => configs,
        _ => return action,
    };
    for (key, value) in pairs {
        if kafsh_model::keys::is_sensitive(key) {
            *value = "***".to_string();
        }
    }
    action
}
