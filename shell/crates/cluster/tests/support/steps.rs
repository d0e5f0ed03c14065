//! Three steps that do what the real ones do, in as few lines.

use std::sync::Arc;

use kafsh_model::plan::{
    Action, Finding, Node, Severity, StepInfo, StepInput, StepPlan, Verification,
};
use kafsh_model::port::{Step, Steps};
use kafsh_model::snapshot::PortOwner;
use kafsh_model::{Error, Result};

pub struct FakeSteps;

impl Steps for FakeSteps {
    fn step(&self, name: &str) -> Result<Arc<dyn Step>> {
        let plan: fn(&StepInput) -> StepPlan = match name {
            "preflight" => preflight,
            "broker-layout" => layout,
            "launch" => launch,
            "prove" => prove,
            "archive" => archive,
            "creator" => creator,
            "stranger" => stranger,
            "deleter" => deleter,
            "prover" => prover,
            "endless" => endless,
            "finder" => finder,
            _ => return Err(Error::not_found("step-not-found", format!("no step `{name}`"))),
        };
        let info = StepInfo { name: name.into(), version: "1".into(), summary: String::new() };
        Ok(Arc::new(FakeStep { info, plan }))
    }

    fn list(&self) -> Vec<StepInfo> {
        Vec::new()
    }
}

struct FakeStep {
    info: StepInfo,
    plan: fn(&StepInput) -> StepPlan,
}

impl Step for FakeStep {
    fn info(&self) -> &StepInfo {
        &self.info
    }

    fn plan(&self, input: &StepInput) -> Result<StepPlan> {
        Ok((self.plan)(input))
    }

    fn verify(&self, input: &StepInput) -> Result<Verification> {
        if self.info.name == "endless" {
            return Ok(Verification::Met);
        }
        let observed = StepInput { planned: Vec::new(), ..input.clone() };
        Ok(match (self.plan)(&observed).actions.first() {
            None => Verification::Met,
            Some(action) => Verification::NotYet { reason: action.to_string() },
        })
    }
}

fn preflight(input: &StepInput) -> StepPlan {
    let taken =
        input.observed.ports.iter().filter(|port| matches!(port.owner, PortOwner::Foreign { .. }));
    let findings = taken.map(|port| Finding {
        severity: Severity::Problem,
        code: "port-taken".into(),
        subject: port.node.to_string(),
        message: format!("port {} is taken ({})", port.port, port.node),
        evidence: vec!["held by pid 7".into()],
        cause: None,
        next: vec!["cluster up demo --base-port 9191".into()],
        safe_to_fix: false,
    });
    let mut findings: Vec<Finding> = findings.collect();
    // The host's own check of a spec knows it, too, and takes it for a problem.
    if input.spec.properties.get("default.replication.factor").is_some_and(|n| n == "9") {
        findings.push(Finding {
            severity: Severity::Warning,
            code: "replication-above-brokers".into(),
            subject: "cluster".into(),
            message: "too many".into(),
            evidence: Vec::new(),
            cause: None,
            next: Vec::new(),
            safe_to_fix: false,
        });
    }
    StepPlan { findings, ..StepPlan::default() }
}

fn layout(input: &StepInput) -> StepPlan {
    let mut actions = Vec::new();
    for node in input.spec.nodes() {
        let facts = input.observed.node(node);
        if !facts.is_some_and(|facts| facts.data.iter().all(|dir| dir.exists)) {
            actions.push(Action::CreateDirectories { node });
        }
        let mut properties: Vec<(String, String)> =
            vec![("zookeeper.session.timeout.ms".into(), "6000".into())];
        properties.extend(input.spec.properties.clone());
        if facts.is_none_or(|facts| facts.properties != properties) {
            actions.push(Action::WriteProperties { node, properties });
        }
    }
    StepPlan { actions, ..StepPlan::default() }
}

fn launch(input: &StepInput) -> StepPlan {
    let down =
        |node: &Node| !input.observed.node(*node).is_some_and(|facts| facts.process.is_alive());
    let mut actions = Vec::new();
    if down(&Node::ZooKeeper) {
        actions.push(Action::Start { nodes: vec![Node::ZooKeeper] });
        actions.push(Action::AwaitReady { nodes: vec![Node::ZooKeeper] });
    }
    let brokers: Vec<Node> = input
        .spec
        .nodes()
        .into_iter()
        .filter(|node| *node != Node::ZooKeeper && down(node))
        .collect();
    if !brokers.is_empty() {
        actions.push(Action::Start { nodes: brokers });
    }
    if !actions.is_empty() || input.observed.ready_brokers.len() < input.spec.brokers.len() {
        actions.push(Action::AwaitReady { nodes: input.spec.nodes() });
    }
    let written = input.planned.iter().filter_map(|action| match action {
        Action::WriteProperties { node, .. } if !down(node) => Some(*node),
        _ => None,
    });
    let findings = written.map(|node| Finding {
        severity: Severity::Note,
        code: "restart-needed".into(),
        subject: node.to_string(),
        message: format!("{node} runs with older properties than its file has"),
        evidence: Vec::new(),
        cause: None,
        next: Vec::new(),
        safe_to_fix: false,
    });
    StepPlan { findings: findings.collect(), actions, ..StepPlan::default() }
}

fn prove(input: &StepInput) -> StepPlan {
    let starts = |action: &Action| matches!(action, Action::Start { .. });
    if input.observed.proven && !input.planned.iter().any(starts) {
        return StepPlan::default();
    }
    let topic = input.observed.probe_topics[0].clone();
    let width = input.spec.brokers.len() as i32;
    let actions = vec![
        Action::CreateTopic {
            topic: topic.clone(),
            partitions: width,
            replication_factor: width as i16,
            configs: Vec::new(),
        },
        Action::ProveTopic { topic: topic.clone(), partitions: width },
        Action::DeleteTopic { topic },
    ];
    StepPlan { actions, ..StepPlan::default() }
}

/// Archives data where there is some and nothing runs.
fn archive(input: &StepInput) -> StepPlan {
    let held = |facts: &kafsh_model::snapshot::NodeFacts| {
        !facts.process.is_alive() && facts.data.iter().any(|dir| !dir.empty)
    };
    let wanted = input.observed.nodes.iter().any(held);
    let action = Action::ArchiveData { reason: "old".into() };
    StepPlan { actions: wanted.then_some(action).into_iter().collect(), ..StepPlan::default() }
}

fn stranger(_: &StepInput) -> StepPlan {
    let actions = vec![Action::Start { nodes: vec![Node::Broker(77)] }];
    StepPlan { actions, ..StepPlan::default() }
}

/// A topic of its users', made with the cluster.
fn creator(_: &StepInput) -> StepPlan {
    let topic = Action::CreateTopic {
        topic: "orders".into(),
        partitions: 1,
        replication_factor: 1,
        configs: Vec::new(),
    };
    StepPlan { actions: vec![topic], ..StepPlan::default() }
}

/// Deletes what is its users', after a topic of that name would have been its own.
fn deleter(_: &StepInput) -> StepPlan {
    let actions = vec![
        Action::CreateTopic {
            topic: "orders".into(),
            partitions: 1,
            replication_factor: 1,
            configs: Vec::new(),
        },
        Action::DeleteTopic { topic: "orders".into() },
    ];
    StepPlan { actions, ..StepPlan::default() }
}

fn prover(_: &StepInput) -> StepPlan {
    let actions = vec![Action::ProveTopic { topic: "orders".into(), partitions: 1 }];
    StepPlan { actions, ..StepPlan::default() }
}

/// Plans the same whatever it sees, and says that it is done.
fn endless(input: &StepInput) -> StepPlan {
    let actions = vec![Action::AwaitReady { nodes: input.spec.nodes() }];
    StepPlan { summary: "everybody is waited for".into(), actions, ..StepPlan::default() }
}

/// Finds what only itself has a code for.
fn finder(_: &StepInput) -> StepPlan {
    let finding = Finding {
        severity: Severity::Problem,
        code: "no-quota".into(),
        subject: "host".into(),
        message: "the quota is used up".into(),
        evidence: vec!["0 of 10 left".into()],
        cause: None,
        next: Vec::new(),
        safe_to_fix: false,
    };
    StepPlan { findings: vec![finding], ..StepPlan::default() }
}
