//! `cluster up`: from a spec to a cluster with every gate green.

use std::time::Instant;

use kafsh_model::plan::{Action, Finding, Node, Plan, Severity};
use kafsh_model::port::ProgressEvent;
use kafsh_model::snapshot::Snapshot;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Error, Result};

use super::actions::Run;
use super::report::{RestartOptions, Resumed, StopOptions, UpOptions, UpReport};
use super::undo::{Undone, explain, folder};
use super::{Engine, plan};
use crate::spec::{self, Consequence, Difference, PortRegistry};
use crate::store::{Event, JournalEnd, Unfinished};

impl Engine {
    /// Brings the cluster up: what is missing is made, what is there stays. A second `up` after a
    /// failure, or after the shell was killed, finishes the work.
    ///
    /// Where it fails or is cancelled, what this run did is undone, unless `options.keep`; the
    /// error's evidence says what was undone and what is left. If the future is dropped, nothing is
    /// undone, and the next `up` resumes.
    ///
    /// # Errors
    /// `settings-differ` (refused) where the cluster exists with another spec and `options.apply`
    /// is off; `needs-new-cluster` (refused) where applying would leave data behind;
    /// `preflight-failed`, or the only problem's own code (nothing was started); `locked`; what an
    /// action or gate says; `interrupted`.
    pub async fn up(&self, spec: &ClusterSpec, options: &UpOptions) -> Result<UpReport> {
        let outcome = self.run_up(spec, options, true).await;
        self.progress.event(ProgressEvent::Ended { error: outcome.as_ref().err() });
        outcome
    }

    /// Writes everything (spec, folders, properties) and starts nothing. Returns what was done.
    ///
    /// # Errors
    /// As [`Engine::up`].
    pub async fn create(&self, spec: &ClusterSpec, options: &UpOptions) -> Result<UpReport> {
        let outcome = self.run_up(spec, options, false).await;
        self.progress.event(ProgressEvent::Ended { error: outcome.as_ref().err() });
        outcome
    }

    /// What `up` would do, with the snapshot it is based on: for `--dry-run` and `cluster plan`.
    ///
    /// # Errors
    /// As [`Engine::plan`].
    pub async fn dry_run(&self, spec: &ClusterSpec) -> Result<(Snapshot, Plan)> {
        let snapshot = self.cancel.run(self.observe(spec)).await?;
        let plan = self.plan(spec, &snapshot).await?;
        Ok((snapshot, plan))
    }

    async fn run_up(
        &self,
        spec: &ClusterSpec,
        options: &UpOptions,
        start: bool,
    ) -> Result<UpReport> {
        let begin = Instant::now();
        let _lock = self.store.lock(&spec.name, &self.command)?;
        let registry = self.store.keep_ports(PortRegistry::default(), Some(&spec.name))?;
        let warnings = spec::validate(spec, Some(&registry))?;
        let old = match self.store.exists(&spec.name) {
            true => Some(self.store.load_spec(&spec.name)?),
            false => None,
        };
        let differences = old.as_ref().map(|old| spec::diff(old, spec)).unwrap_or_default();
        refuse_differences(spec, &differences, options)?;
        let (mut before, mut planned) = self.dry_run(spec).await?;
        if let Some(error) = plan::refusal(planned.findings()) {
            return Err(error);
        }
        if let Some(old) = old.as_ref().filter(|_| start && moves(&differences)) {
            self.stop_old(old).await?;
            (before, planned) = self.dry_run(spec).await?;
        }
        if !start {
            keep_layout(&mut planned);
        }
        let cut_off = self.store.unfinished(&spec.name)?.is_some();
        let (snapshot, resumed) = if planned.is_empty() && old.as_ref() == Some(spec) && !cut_off {
            (before, None)
        } else {
            self.carry_out(spec, old.as_ref(), &before, &planned, options, start).await?
        };
        let mut snapshot = snapshot;
        if start && !differences.is_empty() && self.put_in_force(spec, &snapshot).await? {
            // What was proven, was proven of other settings.
            let (before, rest) = self.dry_run(spec).await?;
            snapshot = self.carry_out(spec, old.as_ref(), &before, &rest, options, true).await?.0;
            // That servers run with older settings was true when it was planned.
            for step in &mut planned.steps {
                step.plan.findings.retain(|finding| finding.code != "restart-needed");
            }
        }
        let mut findings: Vec<Finding> = warnings;
        findings.extend(planned.findings().cloned());
        let controller = snapshot.zookeeper.as_ref().and_then(|zookeeper| zookeeper.controller);
        Ok(UpReport {
            spec: spec.clone(),
            plan: planned,
            findings,
            resumed,
            applied: differences,
            snapshot,
            controller,
            elapsed: begin.elapsed(),
        })
    }

    /// Saves the spec, applies the plan, and undoes it where it fails.
    async fn carry_out(
        &self,
        spec: &ClusterSpec,
        old: Option<&ClusterSpec>,
        before: &Snapshot,
        planned: &Plan,
        options: &UpOptions,
        verify: bool,
    ) -> Result<(Snapshot, Option<Resumed>)> {
        self.store.save_spec(spec)?;
        let (mut journal, unfinished) = match self.store.begin_run(&spec.name, &self.command) {
            Ok(begun) => begun,
            Err(error) => {
                // Nothing was done yet; a new cluster must not be left as a folder with a spec.
                match old {
                    Some(old) => self.store.save_spec(old)?,
                    None => self.store.remove(&spec.name)?,
                }
                return Err(error);
            }
        };
        let resumed = unfinished.as_ref().map(resumed);
        if let Some(resumed) = &resumed {
            self.note(&resumed_words(resumed));
        }
        let mut run = Run { spec, before, did: Vec::new() };
        let outcome = match verify {
            true => self.apply(&mut run, planned, &mut journal).await,
            false => self.lay_out(&mut run, planned, &mut journal).await,
        };
        match outcome {
            Ok(snapshot) => {
                if resumed.is_some() && !snapshot.ready_brokers.is_empty() {
                    self.delete_leftovers(spec).await?;
                }
                journal.write(Event::Ended { end: JournalEnd::Done })?;
                Ok((snapshot, resumed))
            }
            Err(error) if options.keep => {
                // What was done is done; that it cannot be written down changes nothing about it.
                let _ = journal.write(Event::Ended { end: JournalEnd::Left });
                let mut left = Undone::default();
                left.left.push(format!("everything that was done, in {}", folder(self, spec)));
                Err(explain(error, &left, spec))
            }
            Err(error) => {
                let undone = self.undo(run, old, journal).await;
                Err(explain(error, &undone, spec))
            }
        }
    }

    /// Settings that a running server does not take up are put in force by a restart; false where
    /// none was needed.
    async fn put_in_force(&self, spec: &ClusterSpec, snapshot: &Snapshot) -> Result<bool> {
        let old = |node: &Node| {
            snapshot
                .node(*node)
                .is_some_and(|facts| facts.restart_needed && facts.process.is_alive())
        };
        let nodes: Vec<Node> = spec.nodes().into_iter().filter(old).collect();
        if nodes.is_empty() {
            return Ok(false);
        }
        let options = RestartOptions { rolling: spec.brokers.len() > 1, ..Default::default() };
        self.restart_locked(spec, &nodes, &options).await?;
        Ok(true)
    }

    /// Under its old settings: with the new ones it would be looked for in another place.
    async fn stop_old(&self, old: &ClusterSpec) -> Result<()> {
        let facts = self.node_facts(old).await?;
        self.note("addresses change, so the cluster is stopped and started");
        self.stop_nodes(old, &old.nodes(), &facts, &StopOptions::default()).await.map(|_| ())
    }

    /// The actions alone: what is not started cannot be verified.
    async fn lay_out(
        &self,
        run: &mut Run<'_>,
        planned: &Plan,
        journal: &mut crate::store::Journal,
    ) -> Result<Snapshot> {
        for step in &planned.steps {
            for action in &step.plan.actions {
                self.one(run, step, action, journal).await?;
            }
        }
        self.look(run.spec, Some(&run.before.host)).await
    }
}

fn refuse_differences(
    spec: &ClusterSpec,
    differences: &[Difference],
    options: &UpOptions,
) -> Result<()> {
    let name = &spec.name;
    let worst = differences.iter().map(|difference| difference.consequence).max();
    let mut error = match worst {
        None => return Ok(()),
        Some(Consequence::Recreate) => Error::refused(
            "needs-new-cluster",
            format!("cluster `{name}` exists, and these settings would leave its data behind"),
        )
        .with_next(format!("cluster up {name}"))
        .with_next(format!("cluster archive {name}"))
        .with_next(format!("cluster destroy {name}")),
        Some(_) if options.apply => return Ok(()),
        Some(_) => Error::refused(
            "settings-differ",
            format!("cluster `{name}` exists with other settings"),
        )
        .with_cause("`up` changes a cluster only when it is told to")
        .with_next(format!("cluster up {name}"))
        .with_next(format!("cluster up {name} --apply")),
    };
    error.evidence = differences.iter().map(ToString::to_string).collect();
    Err(error)
}

/// Servers would be looked for in another place, or run another version.
fn moves(differences: &[Difference]) -> bool {
    differences.iter().any(|difference| difference.moves)
}

fn keep_layout(planned: &mut Plan) {
    let layout = |action: &Action| {
        matches!(action, Action::CreateDirectories { .. } | Action::WriteProperties { .. })
    };
    for step in &mut planned.steps {
        step.plan.actions.retain(layout);
        step.plan.findings.retain(|finding| finding.severity != Severity::Problem);
    }
}

fn resumed(unfinished: &Unfinished) -> Resumed {
    Resumed {
        began_ms: unfinished.began_ms,
        done: unfinished.done,
        in_flight: unfinished.in_flight.as_ref().map(ToString::to_string),
    }
}

fn resumed_words(resumed: &Resumed) -> String {
    let at = match &resumed.in_flight {
        Some(action) => format!("while it was to {action}"),
        None => format!("after {} actions", resumed.done),
    };
    format!("an earlier run was cut off {at}; going on from there")
}
