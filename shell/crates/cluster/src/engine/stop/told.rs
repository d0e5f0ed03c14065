//! What is told of a stop that was not orderly, or could not be.

use std::time::Duration;

use kafsh_model::plan::{Finding, Node, Severity};
use kafsh_model::snapshot::NodeFacts;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Class, Error};

use super::Stopped;

/// Why brokers cannot hand over their partitions before they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Lost {
    /// ZooKeeper's process is not there
    Gone,
    /// It is there and does not answer
    Silent,
    /// It answers, and does not know the cluster any more
    Wiped,
}

impl Lost {
    fn seen(self, spec: &ClusterSpec) -> String {
        let address = spec.zookeeper_address();
        match self {
            Lost::Gone => format!("nothing serves at {address}"),
            Lost::Silent => format!("ZooKeeper at {address} does not answer"),
            Lost::Wiped => format!("ZooKeeper at {address} has no `/cluster/id`: it was wiped"),
        }
    }

    /// A broker whose ZooKeeper is away waits for it, at its end too, for minutes.
    pub(super) fn refusal(self, spec: &ClusterSpec) -> Error {
        let name = &spec.name;
        let mended = match self {
            Lost::Gone => Some(format!("@{name} zookeeper start")),
            Lost::Silent => Some(format!("cluster doctor {name} --fix")),
            Lost::Wiped => None,
        };
        let mut error = Error::refused(
            "stop-needs-zookeeper",
            "the brokers are not stopped: without ZooKeeper they cannot hand over their partitions",
        )
        .with_cause(
            "they would wait for it for minutes; with --force they are killed, which loses no \
             record that was acknowledged, and recover their logs at their next start",
        )
        .with_evidence(self.seen(spec));
        error.next = mended.into_iter().chain([format!("cluster stop {name} --force")]).collect();
        error
    }
}

pub(super) fn stop_late(
    spec: &ClusterSpec,
    node: Node,
    facts: &NodeFacts,
    after: Duration,
) -> Error {
    let after = kafsh_model::units::show_duration(after);
    let pid = facts.process.pid().map_or(String::new(), |pid| format!(" (pid {pid})"));
    let next = match node {
        Node::Broker(id) => format!("@{} broker stop {id} --force", spec.name),
        Node::ZooKeeper => format!("cluster stop {} --force", spec.name),
    };
    Error::new(
        Class::TimedOut,
        "stop-timed-out",
        format!("{node}{pid} has not ended {after} after SIGTERM"),
    )
    .with_cause(
        "it may still be handing over partitions; killed, it recovers its logs at its next start",
    )
    .with_next(next)
}

/// It got SIGKILL, as `--force` says; what it did instead of ending is worth a look.
pub(super) fn was_killed(spec: &ClusterSpec, stopped: &Stopped) -> Finding {
    let node = stopped.node;
    let logs = match node {
        Node::Broker(id) => format!("@{} broker logs {id}", spec.name),
        Node::ZooKeeper => format!("@{} cluster logs --errors", spec.name),
    };
    Finding {
        severity: Severity::Warning,
        code: "stop-forced".to_string(),
        subject: node.to_string(),
        message: format!("{node} did not end in time and was killed"),
        evidence: vec![match &stopped.threads {
            Some(path) => format!("what its threads did: {path}"),
            None => "it did not show what its threads did".to_string(),
        }],
        cause: None,
        next: vec![logs],
        safe_to_fix: false,
    }
}

/// A broker that is still loading its logs does not wait for SIGTERM's end: it halts.
pub(super) fn in_recovery(spec: &ClusterSpec, node: Node) -> Finding {
    Finding {
        severity: Severity::Warning,
        code: "stopped-in-recovery".to_string(),
        subject: node.to_string(),
        message: format!("{node} was ended in the middle of its log recovery"),
        evidence: Vec::new(),
        cause: Some("nothing is lost, and the recovery begins again at its next start".into()),
        next: vec![match node {
            Node::Broker(id) => format!("@{} broker start {id}", spec.name),
            Node::ZooKeeper => format!("@{} zookeeper start", spec.name),
        }],
        safe_to_fix: false,
    }
}

pub(super) fn without_zookeeper(spec: &ClusterSpec, lost: Lost) -> Finding {
    Finding {
        severity: Severity::Warning,
        code: "stopped-without-zookeeper".to_string(),
        subject: "zookeeper".to_string(),
        message: "ZooKeeper was gone before the brokers".to_string(),
        evidence: vec![lost.seen(spec)],
        cause: Some(
            "brokers could not hand over their partitions and recover their logs".to_string(),
        ),
        next: vec![format!("cluster start {}", spec.name)],
        safe_to_fix: false,
    }
}
