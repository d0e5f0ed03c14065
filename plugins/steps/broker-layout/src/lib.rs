//! The step `broker-layout`: folders and properties files of ZooKeeper and the brokers.
//!
//! What is rendered is in [`preset`] (values that a preset stands for) and [`render`] (what follows
//! from the spec, and whose word wins).

pub mod preset;
pub mod render;
#[cfg(test)]
mod tests;

use kafsh_sdk::step::{
    Action, ClusterSpec, Input, Node, NodeFacts, Preset, Property, Step, StepPlan, Verification,
    WriteProperties,
};
use kafsh_sdk::{Error, Result};

/// Creates the folders that are missing and writes the properties files that differ from what is
/// wanted.
pub struct BrokerLayout;

impl Step for BrokerLayout {
    fn plan(input: Input) -> Result<StepPlan> {
        if let Preset::Other(name) = &input.spec.preset
            && name != preset::ADOPTED
        {
            let message = format!("preset `{name}` is not known to this version of the step");
            return Err(Error::new("preset-unknown", message));
        }
        let actions = actions(&input);
        Ok(StepPlan { summary: summary(&actions), actions, findings: Vec::new() })
    }

    fn verify(input: Input) -> Result<Verification> {
        // What is planned is not there yet: only what was observed counts.
        let observed = Input { planned: Vec::new(), ..input };
        Ok(match actions(&observed).first() {
            None => Verification::Met,
            Some(Action::CreateDirectories(node)) => {
                Verification::NotYet(format!("{} has no folder yet", name(node)))
            }
            Some(Action::WriteProperties(write)) => Verification::NotYet(format!(
                "the properties file of {} is not as wanted yet",
                name(&write.node)
            )),
            Some(_) => Verification::NotYet("the layout is not as wanted yet".to_owned()),
        })
    }
}

kafsh_sdk::export_step!(BrokerLayout);

fn actions(input: &Input) -> Vec<Action> {
    let nodes = nodes(&input.spec);
    let folders = nodes.iter().filter(|node| !has_folders(input, node));
    let mut actions: Vec<Action> = folders.cloned().map(Action::CreateDirectories).collect();
    for node in nodes {
        let properties = wanted(&input.spec, &node);
        if !same(present(input, &node), &properties) {
            actions.push(Action::WriteProperties(WriteProperties { node, properties }));
        }
    }
    actions
}

/// ZooKeeper first, then the brokers in the order of the spec.
fn nodes(spec: &ClusterSpec) -> Vec<Node> {
    let brokers = spec.brokers.iter().map(|broker| Node::Broker(broker.id));
    std::iter::once(Node::Zookeeper).chain(brokers).collect()
}

fn wanted(spec: &ClusterSpec, node: &Node) -> Vec<Property> {
    match node {
        Node::Zookeeper => render::zookeeper(spec),
        Node::Broker(id) => spec
            .brokers
            .iter()
            .find(|broker| broker.id == *id)
            .map_or_else(Vec::new, |broker| render::broker(spec, broker)),
        Node::Other(_) => Vec::new(),
    }
}

fn facts<'a>(input: &'a Input, node: &Node) -> Option<&'a NodeFacts> {
    input.observed.nodes.iter().find(|facts| facts.node == *node)
}

/// Whether every folder of the node will be there once the planned actions have run.
fn has_folders(input: &Input, node: &Node) -> bool {
    let there = facts(input, node)
        .is_some_and(|facts| !facts.data.is_empty() && facts.data.iter().all(|dir| dir.exists));
    input.planned.iter().fold(there, |there, action| match action {
        Action::ArchiveData(_) => false,
        Action::CreateDirectories(of) if of == node => true,
        _ => there,
    })
}

/// The properties that the file will hold once the planned actions have run; empty: no file.
fn present<'a>(input: &'a Input, node: &Node) -> &'a [Property] {
    let written = input.planned.iter().rev().find_map(|action| match action {
        Action::WriteProperties(write) if write.node == *node => Some(write.properties.as_slice()),
        _ => None,
    });
    written
        .or_else(|| facts(input, node).map(|facts| facts.properties.as_slice()))
        .unwrap_or_default()
}

/// Same keys with the same values, in whatever order: Java reads the file into a map.
fn same(present: &[Property], wanted: &[Property]) -> bool {
    present.len() == wanted.len() && wanted.iter().all(|property| present.contains(property))
}

fn summary(actions: &[Action]) -> String {
    let count = |wanted: fn(&&Action) -> bool| actions.iter().filter(wanted).count();
    let folders = count(|action| matches!(action, Action::CreateDirectories(_)));
    let files = count(|action| matches!(action, Action::WriteProperties(_)));
    match (folders, files) {
        (0, 0) => "folders and properties are as wanted".to_owned(),
        (0, files) => format!("write {}", counted(files, "properties file")),
        (folders, 0) => format!("create the folders of {}", counted(folders, "node")),
        (folders, files) => format!(
            "create the folders of {}, write {}",
            counted(folders, "node"),
            counted(files, "properties file")
        ),
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn name(node: &Node) -> String {
    node.to_string()
}
