//! `cluster doctor`: everything that is wrong, and what may be mended without asking.

use kafsh_model::Result;
use kafsh_model::plan::{Finding, Node, Severity};
use kafsh_model::port::Signal;
use kafsh_model::snapshot::{NodeFacts, ProcessState, Snapshot};
use kafsh_model::spec::ClusterSpec;

use super::Engine;
use super::ailing;
use super::report::FixReport;
use super::start::ZOOKEEPER_WIPED;
use crate::spec;
use crate::store::Owner;

/// The step whose findings doctor shows.
pub(super) const PREFLIGHT: &str = "preflight";

impl Engine {
    /// Preflight's findings over a fresh snapshot, the spec's own, logs of nodes that died, stale
    /// registrations, strangers; worst first. Takes no lock.
    ///
    /// # Errors
    /// As [`Engine::observe`].
    pub async fn doctor(&self, spec: &ClusterSpec) -> Result<Vec<Finding>> {
        Ok(fold(self.everything(spec).await?))
    }

    /// The same with what one cause brought about told apart: each is mended by itself.
    async fn everything(&self, spec: &ClusterSpec) -> Result<Vec<Finding>> {
        let snapshot = self.cancel.run(self.observe(spec)).await?;
        let mut findings = self.preflight(spec, &snapshot).await?;
        let dead: Vec<Node> = snapshot
            .nodes
            .iter()
            .filter(|facts| matches!(facts.process, ProcessState::Died { .. }))
            .map(|facts| facts.node)
            .collect();
        merge(&mut findings, self.diagnose(spec, &dead).await);
        merge(&mut findings, own(spec, &snapshot));
        merge(&mut findings, ailing::of_nodes(spec, &snapshot));
        findings.extend(ailing::of_controller(spec, &snapshot));
        merge(&mut findings, self.ailing_partitions(spec, &snapshot).await);
        findings.extend(self.orphaned_by(spec).map(|owner| orphaned(spec, &owner)));
        merge(&mut findings, spec::check(spec));
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Ok(findings)
    }

    pub(super) async fn preflight(
        &self,
        spec: &ClusterSpec,
        snapshot: &Snapshot,
    ) -> Result<Vec<Finding>> {
        let mut only = spec.clone();
        only.steps = vec![PREFLIGHT.to_string()];
        match self.plan(&only, snapshot).await {
            Ok(plan) => Ok(plan.findings().cloned().collect()),
            Err(error) if error.code == "interrupted" => Err(error),
            Err(error) => Ok(vec![Finding {
                severity: Severity::Warning,
                code: "preflight-missing".to_string(),
                subject: "host".to_string(),
                message: "the checks of step `preflight` could not be made".to_string(),
                evidence: vec![error.message],
                cause: error.cause,
                next: error.next,
                safe_to_fix: false,
            }]),
        }
    }

    /// The shell that made this ephemeral cluster, and was to end it, where it is gone.
    pub(super) fn orphaned_by(&self, spec: &ClusterSpec) -> Option<Owner> {
        spec.ephemeral.then(|| self.store.lost_owner(&spec.name)).flatten()
    }

    /// Mends what is safe to mend: starts nodes that died, wakes paused ones, waits for stale
    /// registrations to expire. No data is moved, no process that is not ours is touched. An
    /// ephemeral cluster whose shell is gone is ended, as that shell was told to.
    ///
    /// # Errors
    /// `locked`; what starting a node says.
    pub async fn doctor_fix(&self, spec: &ClusterSpec) -> Result<FixReport> {
        // It was made with `--ephemeral`: that it goes is what was asked for.
        if let Some(owner) = self.destroy_orphan(spec).await? {
            let done = format!("ended `{}`, whose shell (pid {}) is gone", spec.name, owner.pid);
            return Ok(FixReport { done: vec![done], left: Vec::new() });
        }
        let findings = self.everything(spec).await?;
        let _lock = self.store.lock(&spec.name, &self.command)?;
        let mut report = FixReport::default();
        let facts = self.node_facts(spec).await?;
        // What partitions lack does not stand in the way of a start: it may well mend it.
        let in_the_way = findings.iter().any(|finding| {
            finding.severity == Severity::Problem
                && !finding.safe_to_fix
                && !ailing::MENDED_BY_A_START.contains(&finding.code.as_str())
        });
        let mut start = Vec::new();
        for finding in findings {
            let node = spec.nodes().into_iter().find(|node| node.to_string() == finding.subject);
            match (finding.code.as_str(), node) {
                ("node-paused", Some(node)) if finding.safe_to_fix => {
                    self.runtime.signal(spec, node, Signal::Resume).await?;
                    report.done.push(format!("{node} goes on"));
                }
                ("stale-registration", Some(Node::Broker(id))) if finding.safe_to_fix => {
                    self.cancel.run(self.await_expiry(spec, id)).await?;
                    report.done.push(format!("the old registration of broker {id} has expired"));
                }
                ("node-died", Some(node)) if finding.safe_to_fix && !in_the_way => start.push(node),
                _ => report.left.push(finding),
            }
        }
        start.retain(|node| {
            facts
                .iter()
                .any(|f| f.node == *node && !f.process.is_alive() && !f.properties.is_empty())
        });
        // ZooKeeper first, whatever was found first.
        start.sort();
        if !start.is_empty() {
            let started = self.start_locked(spec, &start).await?;
            report.done.extend(started.started.iter().map(|node| format!("started {node}")));
        }
        Ok(report)
    }
}

fn orphaned(spec: &ClusterSpec, owner: &Owner) -> Finding {
    let name = &spec.name;
    Finding {
        severity: Severity::Warning,
        code: "ephemeral-orphan".to_string(),
        subject: "cluster".to_string(),
        message: format!("`{name}` is ephemeral, and its shell (pid {}) is gone", owner.pid),
        evidence: Vec::new(),
        cause: Some("the shell was killed before it could end what it had made".to_string()),
        next: vec![format!("cluster destroy {name} --yes"), format!("cluster doctor {name} --fix")],
        safe_to_fix: true,
    }
}

/// A broker that died stays registered for a while: one cause, so one finding.
/// So are a controller that is missing and a ZooKeeper that died, where its data is gone too: to
/// start it empty is what must not be done.
fn fold(mut findings: Vec<Finding>) -> Vec<Finding> {
    if findings.iter().any(|finding| finding.code == ZOOKEEPER_WIPED) {
        let zookeeper = Node::ZooKeeper.to_string();
        findings.retain(|finding| finding.code != ailing::NO_CONTROLLER);
        for finding in
            findings.iter_mut().filter(|f| f.code == "node-died" && f.subject == zookeeper)
        {
            finding.next.clear();
        }
    }
    let died = |subject: &str| {
        findings.iter().any(|other| other.code == "node-died" && other.subject == subject)
    };
    let (stale, mut kept): (Vec<Finding>, Vec<Finding>) = findings
        .iter()
        .cloned()
        .partition(|finding| finding.code == "stale-registration" && died(&finding.subject));
    for stale in stale {
        let of = |other: &&mut Finding| other.code == "node-died" && other.subject == stale.subject;
        let Some(died) = kept.iter_mut().find(of) else { continue };
        died.severity = died.severity.max(stale.severity);
        died.evidence.push("it is still registered in ZooKeeper, until its session ends".into());
        let next: Vec<String> =
            stale.next.into_iter().filter(|next| !died.next.contains(next)).collect();
        died.next.extend(next);
    }
    kept
}

/// Adds what another source found. What both know is told once, at its worst, and by the one that
/// can mend it where they agree; what one source tells of a subject in several findings stays.
fn merge(kept: &mut Vec<Finding>, more: Vec<Finding>) {
    let earlier = kept.len();
    for finding in more {
        let same = |other: &&mut Finding| {
            (&other.code, &other.subject) == (&finding.code, &finding.subject)
        };
        let Some(other) = kept[..earlier].iter_mut().find(same) else {
            kept.push(finding);
            continue;
        };
        let safe_to_fix = other.safe_to_fix || finding.safe_to_fix;
        if (finding.severity, finding.safe_to_fix) > (other.severity, other.safe_to_fix) {
            *other = finding;
        }
        other.safe_to_fix = safe_to_fix;
    }
}

/// No broker runs, and not because they were stopped.
fn outage(spec: &ClusterSpec, snapshot: &Snapshot) -> Option<Finding> {
    let mut brokers = snapshot.nodes.iter().filter(|facts| facts.node != Node::ZooKeeper);
    let runs = |facts: &NodeFacts| matches!(facts.process, ProcessState::Running { .. });
    let ailing = |facts: &NodeFacts| {
        facts.process.is_alive() || matches!(facts.process, ProcessState::Died { .. })
    };
    if brokers.clone().any(runs) || !brokers.any(ailing) {
        return None;
    }
    Some(Finding {
        severity: Severity::Problem,
        code: "no-broker-runs".to_string(),
        subject: "brokers".to_string(),
        message: "no broker runs: nothing can be read or written".to_string(),
        evidence: Vec::new(),
        cause: None,
        next: vec![format!("cluster start {}", spec.name)],
        safe_to_fix: false,
    })
}

/// What the snapshot alone shows.
fn own(spec: &ClusterSpec, snapshot: &Snapshot) -> Vec<Finding> {
    let name = &spec.name;
    let finding = |severity, code: &str, subject: String, message: String| Finding {
        severity,
        code: code.to_string(),
        subject,
        message,
        evidence: Vec::new(),
        cause: None,
        next: Vec::new(),
        safe_to_fix: false,
    };
    let mut findings = Vec::new();
    for facts in &snapshot.nodes {
        let node = facts.node;
        let subject = node.to_string();
        let start = match node {
            Node::Broker(id) => format!("@{name} broker start {id}"),
            Node::ZooKeeper => format!("@{name} zookeeper start"),
        };
        match facts.process {
            ProcessState::Died { pid } => findings.push(Finding {
                next: vec![start],
                safe_to_fix: true,
                ..finding(
                    Severity::Warning,
                    "node-died",
                    subject.clone(),
                    format!("{node} (pid {pid}) ended without having been stopped"),
                )
            }),
            ProcessState::Paused { pid } => findings.push(Finding {
                cause: Some(
                    "it was stopped by SIGSTOP: it holds its port and answers nobody".into(),
                ),
                next: match node {
                    Node::Broker(id) => vec![format!("@{name} broker resume {id}")],
                    Node::ZooKeeper => vec![format!("cluster doctor {name} --fix")],
                },
                safe_to_fix: true,
                ..finding(
                    Severity::Warning,
                    "node-paused",
                    subject.clone(),
                    format!("{node} is paused (pid {pid})"),
                )
            }),
            _ => {}
        }
        if facts.stale_registration {
            findings.push(Finding {
                cause: Some(
                    "it was not stopped in order, and its session has not timed out".into(),
                ),
                next: vec![format!("cluster doctor {name} --fix")],
                safe_to_fix: true,
                ..finding(
                    Severity::Warning,
                    "stale-registration",
                    subject.clone(),
                    format!("{node} is registered in ZooKeeper and does not run"),
                )
            });
        }
        if facts.restart_needed && facts.process.is_alive() {
            findings.push(Finding {
                next: vec![format!("cluster restart {name} --rolling")],
                ..finding(
                    Severity::Note,
                    "restart-needed",
                    subject,
                    format!("{node} runs with older properties than its file has"),
                )
            });
        }
    }
    findings.extend(outage(spec, snapshot));
    let registered = snapshot.zookeeper.iter().flat_map(|zookeeper| &zookeeper.registrations);
    for stranger in registered.filter(|r| spec.broker(r.broker).is_none()) {
        let answers = if stranger.answers { "answers" } else { "does not answer" };
        findings.push(Finding {
            evidence: stranger.endpoints.clone(),
            cause: Some("it was not started from here, or was taken out of the spec".into()),
            next: vec![format!("@{name} broker list")],
            ..finding(
                Severity::Warning,
                "unknown-broker",
                format!("broker {}", stranger.broker),
                format!(
                    "broker {} is registered, {answers}, and is not in the spec",
                    stranger.broker
                ),
            )
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(code: &str, subject: &str, severity: Severity) -> Finding {
        Finding {
            severity,
            code: code.to_string(),
            subject: subject.to_string(),
            message: code.to_string(),
            evidence: Vec::new(),
            cause: None,
            next: vec![format!("mend {code}")],
            safe_to_fix: true,
        }
    }

    #[test]
    fn a_zookeeper_without_its_data_is_not_to_be_started() {
        let folded = fold(vec![
            finding("zookeeper-wiped", "zookeeper", Severity::Problem),
            finding("no-controller", "cluster", Severity::Problem),
            finding("node-died", "zookeeper", Severity::Warning),
            finding("node-died", "broker 1", Severity::Warning),
        ]);
        let next: Vec<&[String]> = folded.iter().map(|finding| finding.next.as_slice()).collect();
        assert_eq!(
            next,
            [&["mend zookeeper-wiped".to_string()][..], &[], &["mend node-died".into()]]
        );
    }

    #[test]
    fn one_cause_is_one_finding() {
        let all = vec![
            finding("stale-registration", "broker 1", Severity::Problem),
            finding("node-died", "broker 1", Severity::Warning),
            finding("stale-registration", "broker 2", Severity::Warning),
        ];
        let folded = fold(all);
        let told: Vec<(&str, &str)> =
            folded.iter().map(|f| (f.code.as_str(), f.subject.as_str())).collect();
        assert_eq!(told, [("node-died", "broker 1"), ("stale-registration", "broker 2")]);
        assert_eq!(folded[0].severity, Severity::Problem, "the worse of both");
        assert_eq!(folded[0].next, ["mend node-died", "mend stale-registration"]);
        assert_eq!(folded[0].evidence.len(), 1);
    }
}
