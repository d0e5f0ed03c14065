//! The step `launch`: starts what is not running, ZooKeeper first, and waits until all of it
//! serves.
//!
//! Who waits for a stale registration of a broker: where ZooKeeper serves already, the step
//! `zookeeper-clean`; where ZooKeeper has yet to start, this step, since only then is there
//! somebody to ask, and an ephemeral znode survives a restart of ZooKeeper until its session has
//! timed out.

#[cfg(test)]
mod tests;

use kafsh_sdk::Result;
use kafsh_sdk::step::{
    Action, Finding, Input, Node, NodeFacts, ProcessState, Severity, Step, StepPlan, Verification,
};

/// Starts ZooKeeper, then all brokers together, and waits until every gate is green.
pub struct Launch;

impl Step for Launch {
    fn plan(input: Input) -> Result<StepPlan> {
        let nodes = Nodes::of(&input);
        let findings = findings(&nodes);
        if findings.iter().any(|finding| finding.severity == Severity::Problem) {
            // A paused node never gets ready: waiting for it would only run out.
            let summary = "nothing is started while a node is paused".to_owned();
            return Ok(StepPlan { summary, actions: Vec::new(), findings });
        }
        let actions = actions(&nodes);
        Ok(StepPlan { summary: summary(&actions), actions, findings })
    }

    fn verify(input: Input) -> Result<Verification> {
        let input = Input { planned: Vec::new(), ..input };
        let nodes = Nodes::of(&input);
        let missing = nodes.all().into_iter().find(|node| !nodes.is_running(node));
        Ok(if let Some(node) = missing {
            Verification::NotYet(format!("{} is not running", name(&node)))
        } else if !nodes.zookeeper_serves() {
            Verification::NotYet("zookeeper does not serve yet".to_owned())
        } else if let Some(broker) = nodes.unready().first() {
            Verification::NotYet(format!("{} is not ready yet", name(broker)))
        } else {
            Verification::Met
        })
    }
}

kafsh_sdk::export_step!(Launch);

/// The nodes as they will be once the planned actions have run.
struct Nodes<'a> {
    input: &'a Input,
}

impl<'a> Nodes<'a> {
    fn of(input: &'a Input) -> Self {
        Nodes { input }
    }

    fn brokers(&self) -> Vec<Node> {
        self.input.spec.brokers.iter().map(|broker| Node::Broker(broker.id)).collect()
    }

    /// ZooKeeper first, then the brokers in the order of the spec.
    fn all(&self) -> Vec<Node> {
        std::iter::once(Node::Zookeeper).chain(self.brokers()).collect()
    }

    fn facts(&self, node: &Node) -> Option<&'a NodeFacts> {
        self.input.observed.nodes.iter().find(|facts| facts.node == *node)
    }

    fn process(&self, node: &Node) -> ProcessState {
        self.facts(node).map_or(ProcessState::Absent, |facts| facts.process.clone())
    }

    /// Whether earlier steps have planned to start or to stop the node.
    fn planned_to_run(&self, node: &Node) -> Option<bool> {
        self.input.planned.iter().rev().find_map(|action| match action {
            Action::Start(nodes) if nodes.contains(node) => Some(true),
            Action::Stop(nodes) if nodes.contains(node) => Some(false),
            _ => None,
        })
    }

    fn is_running(&self, node: &Node) -> bool {
        let now = matches!(self.process(node), ProcessState::Running(_));
        self.planned_to_run(node).unwrap_or(now)
    }

    fn zookeeper_serves(&self) -> bool {
        self.input.observed.zookeeper.is_some() && self.planned_to_run(&Node::Zookeeper).is_none()
    }

    /// Brokers that do not yet serve and know every other.
    fn unready(&self) -> Vec<Node> {
        let mut brokers = self.brokers();
        brokers.retain(|node| {
            let Node::Broker(id) = node else { return false };
            !self.input.observed.ready_brokers.contains(id) || self.planned_to_run(node).is_some()
        });
        brokers
    }

    /// A registration may have outlived the process: it died, was stopped in the midst of its
    /// work, or its znode was seen.
    fn may_be_registered(&self, node: &Node) -> bool {
        self.facts(node).is_some_and(|facts| {
            facts.stale_registration
                || matches!(facts.process, ProcessState::Died(_))
                || facts.data.iter().any(|dir| dir.exists && !dir.empty && !dir.clean)
        })
    }

    fn is_written(&self, node: &Node) -> bool {
        self.input
            .planned
            .iter()
            .any(|action| matches!(action, Action::WriteProperties(write) if write.node == *node))
    }
}

fn actions(nodes: &Nodes) -> Vec<Action> {
    let mut actions = Vec::new();
    let zookeeper_runs = nodes.is_running(&Node::Zookeeper);
    if !zookeeper_runs {
        actions.push(Action::Start(vec![Node::Zookeeper]));
    }
    let mut starting = nodes.brokers();
    starting.retain(|broker| !nodes.is_running(broker));
    if !nodes.zookeeper_serves() {
        // A broker gives up on a ZooKeeper that is not there only after its session timeout.
        actions.push(Action::AwaitReady(vec![Node::Zookeeper]));
        // A broker that finds its id registered does not try again: it exits.
        let old = starting.iter().filter(|broker| nodes.may_be_registered(broker));
        actions.extend(old.filter_map(Node::broker_id).map(Action::AwaitExpiry));
    }
    if !starting.is_empty() {
        actions.push(Action::Start(starting));
    }
    if !actions.is_empty() || !nodes.unready().is_empty() {
        actions.push(Action::AwaitReady(nodes.all()));
    }
    actions
}

fn findings(nodes: &Nodes) -> Vec<Finding> {
    let cluster = &nodes.input.spec.name;
    let mut findings = Vec::new();
    for node in nodes.all() {
        match nodes.process(&node) {
            ProcessState::Paused(pid) if nodes.planned_to_run(&node).is_none() => {
                findings.push(paused(&node, pid, cluster));
            }
            ProcessState::Died(pid) if nodes.planned_to_run(&node).is_none() => {
                findings.push(died(&node, pid, cluster));
            }
            ProcessState::Running(pid) if nodes.planned_to_run(&node).is_none() => {
                let old = nodes.facts(&node).is_some_and(|facts| facts.restart_needed);
                if old || nodes.is_written(&node) {
                    findings.push(restart_needed(&node, pid, cluster));
                }
            }
            _ => {}
        }
    }
    findings
}

fn paused(node: &Node, pid: u32, cluster: &str) -> Finding {
    // ZooKeeper has no verb to resume it: the signal goes to a process known to be ours.
    let resume = match node {
        Node::Broker(id) => format!("@{cluster} broker resume {id}"),
        _ => format!("!kill -CONT {pid}"),
    };
    let message = format!("{} is paused (pid {pid})", name(node));
    let found = Finding::problem("node-paused", name(node), message)
        .cause("it was stopped by SIGSTOP: it holds its port and answers nobody")
        .next(resume);
    match node {
        Node::Broker(_) => found.safe(),
        _ => found,
    }
}

fn died(node: &Node, pid: u32, cluster: &str) -> Finding {
    let message = format!("{} (pid {pid}) ended without having been stopped", name(node));
    Finding::note("node-died", name(node), message).next(match node {
        Node::Broker(id) => format!("@{cluster} broker logs {id}"),
        _ => format!("@{cluster} cluster logs --errors"),
    })
}

fn restart_needed(node: &Node, pid: u32, cluster: &str) -> Finding {
    let name = name(node);
    let message = format!("{name} runs with older properties than its file has (pid {pid})");
    Finding::note("restart-needed", name, message)
        .cause("properties are read when a server starts")
        .next(format!("cluster restart {cluster}"))
}

fn summary(actions: &[Action]) -> String {
    let starts: Vec<Node> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Start(nodes) => Some(nodes.as_slice()),
            _ => None,
        })
        .flatten()
        .cloned()
        .collect();
    if !starts.is_empty() {
        let names: Vec<String> = starts.iter().map(name).collect();
        format!("start {}", names.join(", "))
    } else if actions.is_empty() {
        "everything is running and ready".to_owned()
    } else {
        "wait until everything is ready".to_owned()
    }
}

fn name(node: &Node) -> String {
    node.to_string()
}
