//! Registrations in ZooKeeper that somebody else holds. Nothing here is ever deleted: what answers
//! is alive.

use kafsh_sdk::step::{BrokerSpec, Finding, Node, Registration};

use crate::view::{View, name};

/// Codes `broker-id-taken`, `endpoint-registered`.
pub(crate) fn check(view: &View, findings: &mut Vec<Finding>) {
    let Some(zookeeper) = &view.observed.zookeeper else { return };
    for registration in &zookeeper.registrations {
        let node = Node::Broker(registration.broker);
        let is_ours = view.broker(registration.broker).is_some();
        if is_ours && !view.is_alive(node) {
            if registration.answers {
                findings.push(id_taken(view, registration));
            }
            // Else it is stale, and waited for.
            continue;
        }
        let others = view.spec.brokers.iter().filter(|broker| broker.id != registration.broker);
        let idle = others.filter(|broker| !view.is_alive(Node::Broker(broker.id)));
        findings.extend(idle.filter_map(|broker| endpoint(view, broker, registration)));
    }
}

fn id_taken(view: &View, registration: &Registration) -> Finding {
    let node = name(Node::Broker(registration.broker));
    let message = format!("another {node} is running");
    Finding::problem("broker-id-taken", node, message)
        .evidence(evidence(registration))
        .cause("it registered under this id, answers, and was not started from here")
        .next(format!("@{} broker describe {}", view.spec.name, registration.broker))
}

fn endpoint(view: &View, broker: &BrokerSpec, registration: &Registration) -> Option<Finding> {
    let registered = |host_port: &String| {
        let known = registration.endpoints.iter().filter_map(|known| known.split("://").nth(1));
        known.into_iter().any(|known| known == host_port)
    };
    let wanted = broker.listeners.iter().map(|listener| {
        let (host, port) = (&listener.advertised_host, listener.advertised_port);
        if host.contains(':') && !host.starts_with('[') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        }
    });
    let taken = wanted.into_iter().find(registered)?;
    let (node, other) = (name(Node::Broker(broker.id)), registration.broker);
    let message = format!("{taken} of {node} is registered by broker {other}");
    let found =
        Finding::problem("endpoint-registered", node, message).evidence(evidence(registration));
    Some(if registration.answers {
        found
            .cause("Kafka refuses an endpoint that another broker has registered")
            .next(format!("@{} broker describe {other}", view.spec.name))
    } else {
        found
            .cause("that broker is gone, and its registration ends with its session, within 40 s")
            .next(format!(
                "wait 40s @{} broker list | jq 'all(.[]; .id != {other})'",
                view.spec.name
            ))
            .next(view.up())
    })
}

fn evidence(registration: &Registration) -> Vec<String> {
    let owner = format!("session 0x{:x}", registration.session);
    registration.endpoints.iter().cloned().chain([owner]).collect()
}
