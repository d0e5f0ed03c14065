//! Ports: taken, reserved, in the kernel's range, or known for something else.

use kafsh_sdk::step::{Finding, Node, PortFacts, PortOwner};

use crate::view::{View, name};

/// Ports that other software of the trade takes by default.
const WELL_KNOWN: [(u16, &str); 2] = [
    (8080, "user interfaces for Kafka and ZooKeeper's AdminServer come up on it by default"),
    (9999, "a `JMX_PORT` of 9999 is what many people set for every Java process"),
];

/// Addresses that stand for every address of the machine.
const WILDCARDS: [&str; 4] = ["0.0.0.0", "::", "[::]", ""];

/// Codes `port-taken`, `port-reserved`, `duplicate-port`, `port-ephemeral`, `port-well-known`.
pub(crate) fn check(view: &View, findings: &mut Vec<Finding>) {
    let ports = view.observed.ports.iter().filter(|facts| !view.is_alive(&facts.node));
    let ports: Vec<&PortFacts> = ports.collect();
    findings.extend(ports.iter().filter_map(|facts| held(view, facts)));
    findings.extend(twice(view));
    findings.extend(ephemeral(view, &ports));
    for facts in &ports {
        if let Some((port, reason)) = WELL_KNOWN.iter().find(|(port, _)| *port == facts.port) {
            let message = format!("port {port} is known for something else ({})", whose(facts));
            findings
                .push(Finding::note("port-well-known", name(&facts.node), message).cause(*reason));
        }
    }
}

fn held(view: &View, facts: &PortFacts) -> Option<Finding> {
    let (port, node) = (facts.port, name(&facts.node));
    match &facts.owner {
        PortOwner::Free | PortOwner::Ours | PortOwner::Other(_) => None,
        PortOwner::Foreign(owner) => Some(
            Finding::problem(
                "port-taken",
                node,
                format!("port {port} is taken ({})", whose(facts)),
            )
            .evidence([format!("held by {}", owner.description)])
            .next(view.up_elsewhere()),
        ),
        PortOwner::Reserved(cluster) => {
            let message = format!("port {port} is kept for cluster `{cluster}` ({})", whose(facts));
            Some(
                Finding::problem("port-reserved", node, message)
                    .cause("each cluster keeps its ports while it is stopped")
                    .next(view.up_elsewhere()),
            )
        }
    }
}

/// Two that want the same port of an address, as the spec has them.
fn twice(view: &View) -> Vec<Finding> {
    let zookeeper = &view.spec.zookeeper;
    let mut seen = vec![(Node::Zookeeper, zookeeper.bind.as_str(), zookeeper.port)];
    let mut findings = Vec::new();
    for broker in &view.spec.brokers {
        for listener in &broker.listeners {
            let (node, port) = (Node::Broker(broker.id), listener.port);
            let clash =
                |other: &&(Node, &str, u16)| other.2 == port && overlap(other.1, &listener.bind);
            if let Some((other, ..)) = seen.iter().find(clash) {
                let (here, there) = (name(&node), name(other));
                let message = if here == there {
                    format!("port {port} is wanted twice by {here}")
                } else {
                    format!("port {port} is wanted by {there} and by {here}")
                };
                findings.push(
                    Finding::problem("duplicate-port", here, message)
                        .cause("only one server can listen on a port of an address")
                        .next(format!("cluster up {} --base-port auto", view.spec.name)),
                );
            }
            seen.push((node, &listener.bind, port));
        }
    }
    findings
}

fn overlap(one: &str, other: &str) -> bool {
    one == other || WILDCARDS.contains(&one) || WILDCARDS.contains(&other)
}

fn ephemeral(view: &View, ports: &[&PortFacts]) -> Option<Finding> {
    let within: Vec<&&PortFacts> =
        ports.iter().filter(|facts| view.is_ephemeral(facts.port)).collect();
    let (first, last) = (view.observed.host.ephemeral_first, view.observed.host.ephemeral_last);
    let message = match within.as_slice() {
        [] => return None,
        [one] => format!("port {} is one that the kernel hands out to clients", one.port),
        many => format!("{} ports are ones that the kernel hands out to clients", many.len()),
    };
    let lines = within.iter().map(|facts| format!("port {} ({})", facts.port, whose(facts)));
    let range = format!("the kernel's range is {first}-{last}");
    Some(
        Finding::warning("port-ephemeral", "host", message)
            .evidence(lines.chain([range]))
            .cause("some connection may hold the port just when its server starts")
            .next(view.up_elsewhere()),
    )
}

/// `broker 2`; a broker's other listeners by name as well.
fn whose(facts: &PortFacts) -> String {
    let node = name(&facts.node);
    match facts.purpose.as_str() {
        "client" | "PLAINTEXT" => node,
        purpose => format!("{node}, {purpose}"),
    }
}
