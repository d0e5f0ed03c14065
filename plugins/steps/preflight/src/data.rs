//! Data folders, each by itself: whose they are, who uses them, what a start will find.

use kafsh_sdk::step::{DataDir, Finding, Node};

use crate::view::{View, name};

/// Codes `kraft-data`, `broker-id-mismatch`, `log-dir-locked`, `log-dir-shared`, `not-writable`,
/// `zookeeper-no-snapshot`, `log-recovery`.
pub(crate) fn check(view: &View, findings: &mut Vec<Finding>) {
    shared(view, findings);
    for node in view.idle() {
        for dir in view.facts(&node).map_or(&[][..], |facts| &facts.data) {
            findings.extend(not_writable(&node, dir));
            findings.extend(locked(view, &node, dir));
            if view.is_archived {
                continue;
            }
            match node {
                Node::Zookeeper => findings.extend(no_snapshot(view, dir)),
                Node::Broker(id) => findings.extend(misplaced(view, id, dir)),
                Node::Other(_) => {}
            }
        }
    }
    if !view.is_archived {
        findings.extend(recovery(view));
    }
}

fn not_writable(node: &Node, dir: &DataDir) -> Option<Finding> {
    (dir.exists && !dir.writable).then(|| {
        let node = name(node);
        let message = format!("{node} may not write to its data folder");
        Finding::problem("not-writable", node, message)
            .evidence([dir.path.clone()])
            .cause("the folder belongs to another user, or its file system is read-only")
            .next(format!("!ls -ld {}", quoted(&dir.path)))
    })
}

fn locked(view: &View, node: &Node, dir: &DataDir) -> Option<Finding> {
    let holder = dir.foreign_lock.as_ref()?;
    let cause = match node {
        Node::Zookeeper => {
            "another ZooKeeper works in it; neither locks it, and two corrupt it without a word"
        }
        _ => "another broker works in it, and two would destroy it",
    };
    let node = name(node);
    let message = format!("the data folder of {node} is in use");
    Some(
        Finding::problem("log-dir-locked", node, message)
            .evidence([dir.path.clone(), format!("held by {holder}")])
            .cause(cause)
            .next(format!("@{} cluster status", view.spec.name)),
    )
}

fn no_snapshot(view: &View, dir: &DataDir) -> Option<Finding> {
    dir.logs_without_snapshot.then(|| {
        let message = "zookeeper has transaction logs and no snapshot".to_owned();
        Finding::problem("zookeeper-no-snapshot", "zookeeper", message)
            .evidence([dir.path.clone()])
            .cause("somebody deleted the snapshots; ZooKeeper does not start from logs alone")
            .next(view.restore())
            .next(view.archive_and_up())
    })
}

/// What a log dir says of itself that does not fit the broker.
fn misplaced(view: &View, id: i32, dir: &DataDir) -> Option<Finding> {
    let node = name(Node::Broker(id));
    if dir.meta_version.is_some_and(|version| version > 0) {
        let message = format!("a log dir of {node} was formatted for KRaft");
        return Some(
            Finding::problem("kraft-data", node, message)
                .evidence([dir.path.clone()])
                .cause("a broker in ZooKeeper mode does not read it, and could not give it back")
                .next(view.archive_and_up()),
        );
    }
    let stored = dir.broker_id.filter(|stored| *stored != id)?;
    let message = format!("a log dir of {node} belongs to broker {stored}");
    Some(
        Finding::problem("broker-id-mismatch", node, message)
            .evidence([format!("{}/meta.properties has broker.id={stored}", dir.path)])
            .cause("folders were swapped or copied, or the broker was given another id")
            .next(view.restore())
            .next(view.archive_and_up()),
    )
}

/// The same folder, or one within the other, in two places.
fn shared(view: &View, findings: &mut Vec<Finding>) {
    let mut seen: Vec<(&Node, &str)> = Vec::new();
    let dirs = view.observed.nodes.iter().flat_map(|facts| {
        facts.data.iter().map(|dir| (&facts.node, dir.path.trim_end_matches('/')))
    });
    for (node, path) in dirs {
        let clash = seen.iter().find(|(_, other)| contains(other, path) || contains(path, other));
        // What runs has its folders to itself: Kafka locks them.
        let runs = |other: &Node| view.is_alive(other) && view.is_alive(node);
        if let Some((other, other_path)) = clash.filter(|(other, _)| !runs(other)) {
            let message = if *other == node {
                format!("{} would use one folder twice", name(node))
            } else {
                format!("{} and {} would share a folder", name(*other), name(node))
            };
            findings.push(
                Finding::problem("log-dir-shared", name(node), message)
                    .evidence([
                        format!("{}  {other_path}", name(*other)),
                        format!("{}  {path}", name(node)),
                    ])
                    .cause("a server takes everything in its data folder for its own"),
            );
        }
        seen.push((node, path));
    }
}

fn contains(outer: &str, inner: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn recovery(view: &View) -> Option<Finding> {
    let unclean = |dir: &&DataDir| dir.exists && !dir.empty && !dir.clean;
    let brokers = view.idle_brokers();
    let dirs: Vec<String> = brokers
        .iter()
        .flat_map(|facts| {
            let dirs = facts.data.iter().filter(unclean);
            dirs.map(|dir| format!("{}  {}", name(&facts.node), dir.path))
        })
        .collect();
    let message = match dirs.len() {
        0 => return None,
        1 => "one log dir will be recovered at the start".to_owned(),
        many => format!("{many} log dirs will be recovered at the start"),
    };
    Some(
        Finding::note("log-recovery", "cluster", message).evidence(dirs).cause(
            "these brokers were not stopped in order; the start takes longer, nothing is lost",
        ),
    )
}

/// A path as one word of `sh`.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', "'\\''"))
}
