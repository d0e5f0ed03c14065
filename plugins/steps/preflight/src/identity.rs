//! Whether ZooKeeper's data and the brokers' belong together.

use kafsh_sdk::step::{DataDir, Finding, Node, NodeFacts};

use crate::view::{View, name, names};

/// Codes `cluster-id-mismatch`, `zookeeper-wiped`, `broker-data-missing`.
pub(crate) fn check(view: &View, findings: &mut Vec<Finding>) {
    if view.is_archived {
        return;
    }
    findings.extend(mismatch(view));
    findings.extend(wiped(view));
    findings.extend(missing(view));
}

/// A log dir that knows its cluster.
struct Stamp<'a> {
    node: &'a Node,
    path: &'a str,
    id: &'a str,
}

fn stamps<'a>(view: &View<'a>) -> Vec<Stamp<'a>> {
    let brokers = view.observed.nodes.iter().filter(|facts| facts.node != Node::Zookeeper);
    let stamp = |facts: &'a NodeFacts| {
        facts.data.iter().filter_map(|dir| {
            let id = dir.cluster_id.as_deref()?;
            Some(Stamp { node: &facts.node, path: &dir.path, id })
        })
    };
    brokers.flat_map(stamp).collect()
}

fn mismatch(view: &View) -> Option<Finding> {
    let stamps = stamps(view);
    let served = view.observed.zookeeper.as_ref().and_then(|facts| facts.cluster_id.as_deref());
    // A broker that runs has been accepted by ZooKeeper.
    let running = stamps.iter().find(|stamp| view.is_alive(stamp.node)).map(|stamp| stamp.id);
    let reference = served.or(running).or(stamps.first().map(|stamp| stamp.id))?;
    let strays: Vec<&Stamp> =
        stamps.iter().filter(|stamp| stamp.id != reference && !view.is_alive(stamp.node)).collect();
    let first = strays.first()?;
    let message = match served {
        Some(id) => {
            format!("{} belongs to cluster {}, ZooKeeper holds {id}", name(first.node), first.id)
        }
        None => format!("the log dirs belong to different clusters, {reference} and {}", first.id),
    };
    let mut lines: Vec<String> = stamps
        .iter()
        .map(|stamp| format!("{}  {}  {}", name(stamp.node), stamp.path, stamp.id))
        .collect();
    lines.extend(served.map(|id| format!("zookeeper  /cluster/id  {id}")));
    let cause = if served.is_some() {
        "ZooKeeper was wiped, or it is not the one that these brokers ran with"
    } else {
        "folders of several clusters were mixed"
    };
    let subject = if served.is_some() { name(first.node) } else { "cluster".to_owned() };
    Some(
        Finding::problem("cluster-id-mismatch", subject, message)
            .evidence(lines)
            .cause(cause)
            .next(view.restore())
            .next(view.archive_and_up()),
    )
}

fn has_data(dir: &DataDir) -> bool {
    dir.exists && !dir.empty
}

/// ZooKeeper knows nothing, the brokers do: it would make a new cluster id, and no broker would
/// start. Those that run go on without a controller, and end at their next start.
fn wiped(view: &View) -> Option<Finding> {
    let zookeeper = view.facts(Node::Zookeeper)?;
    let is_blank = match &view.observed.zookeeper {
        // Brokers write the id when they start.
        Some(facts) => facts.cluster_id.is_none() && facts.topics == 0,
        None => !view.is_alive(Node::Zookeeper) && !zookeeper.data.iter().any(has_data),
    };
    // A broker that runs without an id is about to write the first one.
    let some_run = view.idle_brokers().len() < view.spec.brokers.len();
    let of_this_mode = |dir: &&DataDir| has_data(dir) && dir.meta_version.is_none_or(|v| v == 0);
    let brokers = view.observed.nodes.iter().filter(|facts| facts.node != Node::Zookeeper);
    let lines: Vec<String> = brokers
        .flat_map(|facts| {
            let dirs = facts.data.iter().filter(of_this_mode);
            dirs.filter_map(move |dir| match &dir.cluster_id {
                Some(id) => Some(format!("{}  {}  cluster {id}", name(&facts.node), dir.path)),
                None if some_run => None,
                None => Some(format!("{}  {}", name(&facts.node), dir.path)),
            })
        })
        .collect();
    if !is_blank || lines.is_empty() {
        return None;
    }
    let empty = zookeeper.data.iter().map(|dir| match has_data(dir) {
        true => format!("zookeeper  {}  knows no cluster", dir.path),
        false => format!("zookeeper  {}  empty", dir.path),
    });
    let message = "zookeeper was wiped while brokers hold data".to_owned();
    Some(
        Finding::problem("zookeeper-wiped", "zookeeper", message)
            .evidence(empty.chain(lines))
            .cause("ZooKeeper would make a new cluster id, and no broker with data would start")
            .next(view.restore())
            .next(view.archive_and_up()),
    )
}

/// ZooKeeper knows topics whose data is gone. Brokers that were never laid out are new, not empty.
fn missing(view: &View) -> Option<Finding> {
    let idle = view.idle_brokers();
    let laid_out = idle.iter().filter(|facts| !facts.properties.is_empty());
    let empty: Vec<&Node> = laid_out
        .filter(|facts| !facts.data.is_empty() && !facts.data.iter().any(has_data))
        .map(|facts| &facts.node)
        .collect();
    if empty.is_empty() {
        return None;
    }
    let known = match &view.observed.zookeeper {
        Some(facts) if facts.topics > 0 => format!("ZooKeeper knows {} topics", facts.topics),
        Some(_) => return None,
        None => {
            let zookeeper = view.facts(Node::Zookeeper)?;
            let ran = !view.is_alive(Node::Zookeeper)
                && !zookeeper.properties.is_empty()
                && zookeeper.data.iter().any(has_data);
            if !ran || empty.len() < view.spec.brokers.len() {
                return None;
            }
            "ZooKeeper has data of an earlier run".to_owned()
        }
    };
    let all = empty.len() == view.spec.brokers.len();
    let cause = if all {
        "if these brokers ran before, their records are gone; else nothing is lost"
    } else {
        "if they ran before, they fetch from other replicas; partitions with one replica are gone"
    };
    let subject = match empty.as_slice() {
        [one] => name(*one),
        _ => "cluster".to_owned(),
    };
    let message = format!("no data in the log dirs of {}", names(empty));
    let found =
        Finding::warning("broker-data-missing", subject, message).evidence([known]).cause(cause);
    Some(found.next(view.restore()).next(view.archive_and_up()))
}
