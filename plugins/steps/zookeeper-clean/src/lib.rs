//! The step `zookeeper-clean`: decides about what an earlier life of the cluster left in ZooKeeper,
//! before anything starts.
//!
//! It deletes nothing and moves nothing. Registrations of brokers that are gone end with their
//! sessions, so they are waited for; this needs a ZooKeeper that serves, so where it has yet to
//! start, the step `launch` waits instead, between ZooKeeper and the brokers. Data of another life
//! is reported with the commands that archive it, since only the user knows whether it is wanted.

#[cfg(test)]
mod tests;

use kafsh_sdk::Result;
use kafsh_sdk::step::{
    Action, Finding, Input, Node, NodeFacts, ProcessState, Registration, Step, StepPlan,
    Verification,
};

/// Waits for what goes by itself, and reports what does not.
pub struct ZookeeperClean;

impl Step for ZookeeperClean {
    fn plan(input: Input) -> Result<StepPlan> {
        let mut stale = stale(&input);
        let mut findings: Vec<Finding> = stale.iter().map(|id| registered(&input, *id)).collect();
        findings.extend(strangers(&input));
        findings.extend(earlier_life(&input));
        stale.retain(|id| !input.planned.contains(&Action::AwaitExpiry(*id)));
        let summary = match (stale.as_slice(), findings.is_empty()) {
            ([], true) => "nothing is left of an earlier life".to_owned(),
            ([], false) => "see what was found in ZooKeeper".to_owned(),
            (ids, _) => format!("wait until ZooKeeper has forgotten {}", names(ids)),
        };
        let actions = stale.into_iter().map(Action::AwaitExpiry).collect();
        Ok(StepPlan { summary, actions, findings })
    }

    fn verify(input: Input) -> Result<Verification> {
        Ok(match stale(&input).as_slice() {
            [] => Verification::Met,
            ids => Verification::NotYet(format!("ZooKeeper still knows {}", names(ids))),
        })
    }
}

kafsh_sdk::export_step!(ZookeeperClean);

fn facts<'a>(input: &'a Input, node: &Node) -> Option<&'a NodeFacts> {
    input.observed.nodes.iter().find(|facts| facts.node == *node)
}

fn is_alive(input: &Input, node: &Node) -> bool {
    facts(input, node).is_some_and(|facts| {
        matches!(facts.process, ProcessState::Running(_) | ProcessState::Paused(_))
    })
}

fn registration(input: &Input, id: i32) -> Option<&Registration> {
    let zookeeper = input.observed.zookeeper.as_ref()?;
    zookeeper.registrations.iter().find(|registration| registration.broker == id)
}

/// Brokers of the spec that are gone and still registered. One that answers is alive and not
/// stale: `preflight` tells of it, and waiting for it would never end.
fn stale(input: &Input) -> Vec<i32> {
    if input.observed.zookeeper.is_none() {
        return Vec::new();
    }
    let is_stale = |id: &i32| {
        let node = Node::Broker(*id);
        let flagged = facts(input, &node).is_some_and(|facts| facts.stale_registration);
        let found = registration(input, *id);
        !is_alive(input, &node) && found.map_or(flagged, |registration| !registration.answers)
    };
    input.spec.brokers.iter().map(|broker| broker.id).filter(is_stale).collect()
}

fn registered(input: &Input, id: i32) -> Finding {
    let broker = format!("broker {id}");
    let message = format!("{broker} is gone and still registered");
    Finding::note("stale-registration", broker, message)
        .evidence(registration(input, id).map_or_else(Vec::new, evidence))
        .cause("ZooKeeper keeps it until the old session has timed out")
}

fn evidence(registration: &Registration) -> Vec<String> {
    let owner = format!("session 0x{:x}", registration.session);
    registration.endpoints.iter().cloned().chain([owner]).collect()
}

/// Live brokers in our ZooKeeper that the spec does not have.
fn strangers(input: &Input) -> Vec<Finding> {
    let Some(zookeeper) = &input.observed.zookeeper else { return Vec::new() };
    let is_strange = |found: &&Registration| {
        found.answers && !input.spec.brokers.iter().any(|broker| broker.id == found.broker)
    };
    let tell = |found: &Registration| {
        let broker = format!("broker {}", found.broker);
        let message = format!("{broker} runs in this cluster and is not of its spec");
        Finding::warning("foreign-broker", broker, message)
            .evidence(evidence(found))
            .cause("somebody started it with this ZooKeeper; it takes part in everything")
            .next(format!("@{} broker describe {}", input.spec.name, found.broker))
    };
    zookeeper.registrations.iter().filter(is_strange).map(tell).collect()
}

/// ZooKeeper's data folder is full before ZooKeeper was ever laid out: its snapshots hold another
/// life's topics, configuration and cluster id.
fn earlier_life(input: &Input) -> Option<Finding> {
    let archives = |action: &Action| matches!(action, Action::ArchiveData(_));
    let zookeeper = facts(input, &Node::Zookeeper)?;
    if is_alive(input, &Node::Zookeeper)
        || !zookeeper.properties.is_empty()
        || input.planned.iter().any(archives)
    {
        return None;
    }
    let full = |facts: &NodeFacts| {
        let dirs = facts.data.iter().filter(|dir| dir.exists && !dir.empty);
        dirs.map(|dir| format!("{}  {}", name(&facts.node), dir.path)).collect::<Vec<_>>()
    };
    let snapshots = full(zookeeper);
    if snapshots.is_empty() {
        return None;
    }
    let brokers = input.observed.nodes.iter().filter(|facts| facts.node != Node::Zookeeper);
    let logs: Vec<String> = brokers.flat_map(full).collect();
    let spec = &input.spec;
    Some(if logs.is_empty() {
        let message = "zookeeper's data folder holds an earlier environment";
        let (name, brokers) = (&spec.name, spec.brokers.len());
        Finding::problem("zookeeper-stale", "zookeeper", message)
            .evidence(snapshots)
            .cause("its snapshots know topics and brokers of which no broker here has data")
            .next(format!("cluster archive {name}; cluster up {name} --brokers {brokers}"))
    } else {
        let message = "the cluster goes on with data that was there";
        Finding::note("earlier-data", "cluster", message).evidence(snapshots).evidence(logs)
    })
}

fn names(ids: &[i32]) -> String {
    ids.iter().map(|id| format!("broker {id}")).collect::<Vec<_>>().join(", ")
}

fn name(node: &Node) -> String {
    node.to_string()
}
