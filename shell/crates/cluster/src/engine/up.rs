//! `cluster up`: from a spec to a cluster with every gate green.

use std::time::Instant;

use kafsh_model::plan::{Action, Finding, Node, Plan, Severity};
use kafsh_model::port::ProgressEvent;
use kafsh_model::snapshot::{NodeFacts, Snapshot};
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Class, Error, Result};

use super::actions::Run;
use super::nodes::alive;
use super::report::{RestartOptions, Resumed, StopOptions, UpOptions, UpReport};
use super::undo::{Undone, explain, folder};
use super::{Engine, outline, plan};
use crate::cancel::Cancel;
use crate::spec::{self, Consequence, Difference, PortRegistry};
use crate::store::{Event, Journal, JournalEnd, Unfinished};

/// Most next commands that an error names.
const NEXT_MAX: usize = 3;

/// How a plan is carried out.
#[derive(Clone, Copy)]
struct Work<'a> {
    /// The spec from before; `None`: the cluster is new
    old: Option<&'a ClusterSpec>,
    /// What was done stays where it fails
    keep: bool,
    /// Steps are asked whether their goals are met
    verify: bool,
}

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
    /// `not-ephemeral` (refused) where it was made to stay and would now go with a session;
    /// `preflight-failed`, or the only problem's own code (nothing was started); `locked`; what an
    /// action or gate says; `interrupted`.
    pub async fn up(&self, spec: &ClusterSpec, options: &UpOptions) -> Result<UpReport> {
        let mut stopped = Vec::new();
        let outcome = self.run_up(spec, options, true, &mut stopped).await;
        let outcome = outcome.map_err(|error| name_stopped(error, &stopped, spec));
        self.progress.event(ProgressEvent::Ended { error: outcome.as_ref().err() });
        outcome
    }

    /// Writes everything (spec, folders, properties) and starts nothing. Returns what was done.
    ///
    /// # Errors
    /// As [`Engine::up`].
    pub async fn create(&self, spec: &ClusterSpec, options: &UpOptions) -> Result<UpReport> {
        let outcome = self.run_up(spec, options, false, &mut Vec::new()).await;
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
        stopped: &mut Vec<Node>,
    ) -> Result<UpReport> {
        let begin = Instant::now();
        let _lock = self.store.lock(&spec.name, &self.command)?;
        let registry = self.store.keep_ports(PortRegistry::default(), Some(&spec.name))?;
        let warnings = spec::validate(spec, Some(&registry))?;
        let old = match self.store.exists(&spec.name) {
            true => Some(self.store.load_spec(&spec.name)?),
            false => None,
        };
        if let Some(old) = &old {
            spec::refuse_ephemeral(old, spec)?;
        }
        let differences = old.as_ref().map(|old| spec::diff(old, spec)).unwrap_or_default();
        refuse_differences(spec, &differences, options)?;
        let (mut before, mut planned) = self.dry_run(spec).await?;
        if start {
            self.note(&outline::outline(spec, &before, &planned));
            outline::summaries(&planned).for_each(|line| self.note(&line));
        }
        if let Some(error) = plan::refusal(planned.findings()) {
            return Err(self.offer_adoption(spec, &before, error).await);
        }
        let cut_off = self.store.unfinished(&spec.name)?.is_some();
        let mut begun = None;
        if let Some(old) = old.as_ref().filter(|_| start && moves(&differences)) {
            let (mut journal, unfinished) = self.store.begin_run(&spec.name, &self.command)?;
            match self.move_over(old, spec, &mut journal, stopped).await {
                Ok(now) => (before, planned) = now,
                Err(error) => {
                    // What was stopped is stopped, also where it cannot be written down.
                    let _ = journal.write(Event::Ended { end: JournalEnd::Left });
                    return Err(error);
                }
            }
            begun = Some((journal, unfinished));
        }
        if !start {
            keep_layout(&mut planned);
        }
        let run = Work { old: old.as_ref(), keep: options.keep, verify: start };
        let (mut snapshot, resumed) = match planned.is_empty() && old.as_ref() == Some(spec) {
            true if !cut_off => (before, None),
            _ => self.carry_out(spec, &before, &planned, &run, begun).await?,
        };
        if start && !differences.is_empty() && self.put_in_force(spec, &snapshot).await? {
            // What was proven, was proven of other settings. These are the cluster's now: what
            // fails from here on does not bring back those from before.
            let (before, rest) = self.dry_run(spec).await?;
            let run = Work { old: Some(spec), ..run };
            snapshot = self.carry_out(spec, &before, &rest, &run, None).await?.0;
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
            made: old.is_none(),
            applied: differences,
            snapshot,
            controller,
            elapsed: begin.elapsed(),
        })
    }

    /// Saves the spec, applies the plan, and undoes it where it fails. `begun`: the run's journal,
    /// where it is open already.
    async fn carry_out(
        &self,
        spec: &ClusterSpec,
        before: &Snapshot,
        planned: &Plan,
        work: &Work<'_>,
        begun: Option<(Journal, Option<Unfinished>)>,
    ) -> Result<(Snapshot, Option<Resumed>)> {
        let old = work.old;
        let begin = || self.store.begin_run(&spec.name, &self.command);
        let begun = self.store.save_spec(spec).and_then(|()| begun.map_or_else(begin, Ok));
        let own = || match old.is_none() && spec.ephemeral && work.verify {
            true => self.store.own(&spec.name),
            false => Ok(()),
        };
        let begun = begun.and_then(|begun| own().map(|()| begun));
        let (mut journal, unfinished) = match begun {
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
        let outcome = match work.verify {
            true => match self.apply(&mut run, planned, &mut journal).await {
                Err(error) if self.overtaken(&run, &error).await => {
                    self.apply_anew(&mut run, error, &mut journal).await
                }
                outcome => outcome,
            },
            false => self.lay_out(&mut run, planned, &mut journal).await,
        };
        match outcome {
            Ok(snapshot) => {
                if resumed.is_some() && !snapshot.ready_brokers.is_empty() {
                    self.delete_leftovers(spec).await?;
                }
                // It is up: an end that cannot be written only makes the next run look again.
                if let Err(error) = journal.write(Event::Ended { end: JournalEnd::Done }) {
                    self.note(&format!("warning: {}", error.message));
                }
                Ok((snapshot, resumed))
            }
            Err(error) if work.keep => {
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

    /// A server that ran when the plan was made, and that this run did not start, is gone: the plan
    /// was of another world.
    async fn overtaken(&self, run: &Run<'_>, error: &Error) -> bool {
        if error.class == Class::Interrupted {
            return false;
        }
        let Ok(now) = self.node_facts(run.spec).await else { return false };
        alive(&run.before.nodes).any(|node| !run.handled(node) && !alive(&now).any(|n| n == node))
    }

    /// Looks and plans anew, once, and applies what is left to do. What the first plan has done
    /// stays on the run's record, to be undone with the rest.
    async fn apply_anew(
        &self,
        run: &mut Run<'_>,
        error: Error,
        journal: &mut Journal,
    ) -> Result<Snapshot> {
        self.note(&format!("{}; looking again", error.message));
        let (_, again) = self.dry_run(run.spec).await?;
        match plan::in_the_way(again.findings()) {
            Some(refusal) => Err(refusal),
            None => self.apply(run, &again, journal).await,
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
        match self.restart_locked(spec, &nodes, &options).await {
            Ok(_) => Ok(true),
            Err(error) => Err(self.name_behind(spec, error).await),
        }
    }

    /// A restart that failed after the new settings were written: they stay, and the error says
    /// which servers run without them, which do not run, and how to go on.
    async fn name_behind(&self, spec: &ClusterSpec, mut error: Error) -> Error {
        // An interrupt must not keep us from looking at what it left.
        let now = self.clone().with_cancel(Cancel::new()).node_facts(spec).await;
        let (up, down): (Vec<_>, Vec<_>) =
            now.unwrap_or_default().into_iter().partition(|facts| facts.process.is_alive());
        let name = &spec.name;
        let lines = [
            ("stopped", names(down.iter()), format!("cluster start {name}")),
            (
                "not in force yet on",
                names(up.iter().filter(|facts| facts.restart_needed)),
                format!("cluster restart {name} --rolling"),
            ),
        ];
        error.evidence.push("the new settings are written, and stay".to_string());
        for (what, names, next) in lines.into_iter().filter(|(_, names, _)| !names.is_empty()) {
            error.evidence.push(format!("{what}: {names}"));
            if error.next.len() < NEXT_MAX && !error.next.contains(&next) {
                error.next.push(next);
            }
        }
        if error.next.is_empty() {
            error.next.push(format!("cluster up {name}"));
        }
        error
    }

    /// Stops the cluster under its old settings, since with the new ones it would be looked for in
    /// another place, and plans anew. `stopped` are the nodes that ran and do so no more, also
    /// where it fails.
    async fn move_over(
        &self,
        old: &ClusterSpec,
        spec: &ClusterSpec,
        journal: &mut Journal,
        stopped: &mut Vec<Node>,
    ) -> Result<(Snapshot, Plan)> {
        let facts = self.node_facts(old).await?;
        let ran: Vec<Node> = alive(&facts).collect();
        self.note("addresses change, so the cluster is stopped and started");
        let step = "apply".to_string();
        let what = Action::Stop { nodes: ran.clone() };
        journal.write(Event::Intent { step: step.clone(), what })?;
        let stops = self.stop_nodes(old, &old.nodes(), &facts, &StopOptions::default()).await;
        match stops {
            Ok(_) => *stopped = ran,
            Err(error) => {
                // An interrupt must not keep us from looking at what it left.
                let now = self.clone().with_cancel(Cancel::new()).node_facts(old).await;
                let now = now.unwrap_or_default();
                let runs: Vec<Node> = alive(&now).collect();
                stopped.extend(ran.iter().filter(|node| !runs.contains(node)));
                let (code, message) = (error.code.to_string(), error.message.clone());
                // That it cannot be written down is the lesser trouble.
                let _ = journal.write(Event::Failed { step, code, message });
                return Err(error);
            }
        }
        journal.write(Event::Done { step })?;
        let (before, planned) = self.dry_run(spec).await?;
        // Ports that only the old servers' end laid open, for example.
        match plan::refusal(planned.findings()) {
            None => Ok((before, planned)),
            Some(error) => Err(error),
        }
    }

    /// The actions alone: what is not started cannot be verified.
    async fn lay_out(
        &self,
        run: &mut Run<'_>,
        planned: &Plan,
        journal: &mut Journal,
    ) -> Result<Snapshot> {
        for step in &planned.steps {
            for action in &step.plan.actions {
                self.one(run, step, action, journal).await?;
            }
        }
        self.look(run.spec, Some(&run.before.host)).await
    }
}

/// `broker 1, broker 2`
fn names<'a>(facts: impl Iterator<Item = &'a NodeFacts>) -> String {
    facts.map(|facts| facts.node.to_string()).collect::<Vec<_>>().join(", ")
}

/// An `up` that failed after it had stopped what ran with the old settings says so, and how to have
/// it back.
fn name_stopped(mut error: Error, stopped: &[Node], spec: &ClusterSpec) -> Error {
    if stopped.is_empty() {
        return error;
    }
    let nodes: Vec<String> = stopped.iter().map(ToString::to_string).collect();
    error.evidence.push(format!("stopped, to move to the new addresses: {}", nodes.join(", ")));
    let start = format!("cluster start {}", spec.name);
    error.next.retain(|next| *next != start);
    error.next.insert(0, start);
    error.next.truncate(NEXT_MAX);
    error
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
        Some(action) => format!("in the middle of this action: {action}"),
        None => format!("after {} actions", resumed.done),
    };
    format!("an earlier run was interrupted {at}; this run goes on from there")
}
