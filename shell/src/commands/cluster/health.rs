//! `cluster health [CLUSTER]`: what an operator looks at first, each thing with since when.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use kafsh_cluster::engine::Partitions;
use kafsh_cluster::engine::report::{ClusterStatus, NodeStatus};
use kafsh_model::topic::{PartitionDescription, TopicPartition};
use kafsh_model::{BrokerId, Result};
use serde_json::{Value, json};

use super::common::{self, CLUSTER_ARG};
use super::since::{self, Since};
use super::{elections, foreign, orphans};
use crate::call::Call;
use crate::context::Known;
use crate::flow::{Column, Output, Section, Show, View, column, column_as};
use crate::spec::{CommandSpec, Example};

/// Most partitions listed; the others are counted in `partitions_left_out`.
const PARTITIONS_MAX: usize = 500;

const FIELDS: &[Column] = &[
    column("name", "cluster"),
    column("state", "state"),
    column_as("reasons", "because", Show::Sentences),
    column("brokers_ready", "brokers ready"),
    column("brokers_total", "brokers expected"),
    column("controller.broker", "controller"),
    column_as("controller.since_ms", "controller since", Show::Time),
    column("topics", "topics"),
    column("partitions_total", "partitions"),
    column("offline.count", "offline"),
    column_as("offline.since_ms", "offline since", Show::Time),
    column("under_min_isr.count", "under min.isr"),
    column_as("under_min_isr.since_ms", "under min.isr since", Show::Time),
    column("under_replicated.count", "under-replicated"),
    column_as("under_replicated.since_ms", "under-replicated since", Show::Time),
    column("leader_skew_percent", "leader skew (%)"),
];

const PARTITIONS: Section = Section {
    key: "partitions",
    title: "partitions that need care",
    columns: &[
        column("topic", "TOPIC"),
        column("partition", "PARTITION"),
        column_as("problems", "PROBLEMS", Show::Sentences),
        column("leader", "LEADER"),
        column("replicas", "REPLICAS"),
        column("isr", "ISR"),
        column("missing", "MISSING"),
        column("min_isr", "MIN ISR"),
        column_as("since_ms", "SINCE", Show::Time),
    ],
};

const LEADERS: Section = Section {
    key: "leaders",
    title: "leaders",
    columns: &[
        column("broker", "BROKER"),
        column("leaders", "LEADS"),
        column("preferred", "PREFERRED OF"),
        column("replicas", "REPLICAS"),
    ],
};

const CHANGES: Section = Section {
    key: "controller.changes",
    title: "controllers of the last hour",
    columns: &[
        column_as("time_ms", "TIME", Show::Time),
        column("broker", "BROKER"),
        column("epoch", "EPOCH"),
    ],
};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["cluster", "health"],
    summary: "say which partitions are ill and since when, who leads, who is the controller",
    detail: "Partitions come worst first: offline (no leader), under-min-isr (acks=all writes \
             fail), under-replicated. `since_ms` is when leader or in-sync replicas of a partition \
             last changed, as ZooKeeper has it, and until it has noticed, since when the brokers \
             are gone that it lacks; of several partitions, the oldest that is known. \
             Changes of the controller are found in the logs of brokers that are ours. \
             `leader_skew_percent` is how many leaders the busiest broker has beyond its even \
             share. null is what could not be told, which is not the same as none.",
    args: &[CLUSTER_ARG],
    examples: &[
        Example { line: "cluster health", about: "the session's cluster" },
        Example {
            line: "cluster health demo | jq '.partitions[] | select(.leader == null) | .topic'",
            about: "topics with a partition that nobody leads",
        },
        Example {
            line: "cluster health demo | jq '.controller.changes'",
            about: "who was elected in the last hour",
        },
    ],
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let name = common::name(&call)?;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let (status, partitions, changes) = match call.context.known(name.as_str())? {
        Known::Managed(spec) => {
            let engine = common::engine(&call)?;
            // Brokers of this host log in its zone; those of a rehearsal in UTC.
            let rehearsing = call.context.rehearsing;
            let zone = if rehearsing { TimeZone::UTC } else { TimeZone::system() };
            let changes = elections::changes(&engine, &spec, &zone, now_ms);
            let (told, changes) = tokio::join!(engine.status_and_partitions(&spec), changes);
            let (status, partitions) = told?;
            (status, partitions, changes)
        }
        Known::Attached(attached) => {
            let (status, partitions) = foreign::status(&call, &attached).await?;
            (status, Some(partitions), Value::Null)
        }
    };
    let ill = partitions.as_ref().map(ill);
    let since = asked(&call, &status, ill.as_deref().unwrap_or_default()).await?;
    let notes = if status.orphaned { orphans::note(&call, &name) } else { None };
    let value =
        value(&Seen { status, partitions: partitions.as_ref(), ill, since, changes, now_ms });
    let view = View::Record { fields: FIELDS, sections: &[PARTITIONS, LEADERS, CHANGES] };
    Ok(Output { notes: notes.into_iter().collect(), ..Output::value(value, view) })
}

/// What ZooKeeper tells; nothing where it is not known or does not run.
async fn asked(call: &Call, status: &ClusterStatus, ill: &[Ill<'_>]) -> Result<Since> {
    let target = call.context.target(&status.name)?;
    let Ok((zookeeper, chroot)) = call.context.zookeeper(&target) else {
        return Ok(Since::default());
    };
    let down: Vec<BrokerId> = status
        .nodes
        .iter()
        .filter(|node| node.state != "running")
        .filter_map(|node| node.broker)
        .collect();
    let places: Vec<TopicPartition> = ill.iter().map(Ill::place).collect();
    let mut since = since::ask(zookeeper, &chroot, &places, &down).await;
    for ill in ill {
        if let Some(ms) = ill.since_its_brokers(status) {
            since.partitions.entry(ill.place()).or_insert(ms);
        }
    }
    Ok(since)
}

/// All that was found out.
struct Seen<'a> {
    status: ClusterStatus,
    /// `None`: no broker told
    partitions: Option<&'a Partitions>,
    ill: Option<Vec<Ill<'a>>>,
    since: Since,
    changes: Value,
    now_ms: i64,
}

/// What may be wrong with a partition, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Problem {
    /// No leader: neither reads nor writes
    Offline,
    /// Fewer in sync than `min.insync.replicas`: acks=all writes fail
    UnderMinIsr,
    /// A replica is out of sync: redundancy is lost
    UnderReplicated,
}

impl Problem {
    const fn name(self) -> &'static str {
        match self {
            Problem::Offline => "offline",
            Problem::UnderMinIsr => "under-min-isr",
            Problem::UnderReplicated => "under-replicated",
        }
    }
}

/// A partition with something wrong.
struct Ill<'a> {
    topic: &'a str,
    partition: &'a PartitionDescription,
    min_isr: usize,
    /// At least one, worst first
    problems: Vec<Problem>,
}

impl Ill<'_> {
    fn place(&self) -> TopicPartition {
        TopicPartition { topic: self.topic.to_string(), partition: self.partition.partition }
    }

    fn missing(&self) -> Vec<&BrokerId> {
        let partition = self.partition;
        // The last one in sync stays in the set when it leaves.
        let away = |id: &BrokerId| partition.offline_replicas.contains(id);
        let lacks = |id: &&BrokerId| away(id) || !partition.isr.contains(id);
        partition.replicas.iter().filter(lacks).collect()
    }

    /// Since when the brokers are gone that it lacks: until ZooKeeper has noticed, that is since
    /// when it is ill. The first of them took a replica, the last one the leader.
    fn since_its_brokers(&self, status: &ClusterStatus) -> Option<i64> {
        let missing = self.missing();
        let gone = |node: &&NodeStatus| node.broker.is_some_and(|id| missing.contains(&&id));
        let times = status.nodes.iter().filter(gone).filter_map(|node| node.since_ms);
        match self.problems[0] {
            Problem::Offline => times.max(),
            Problem::UnderMinIsr | Problem::UnderReplicated => times.min(),
        }
    }

    fn row(&self, since: &Since) -> Value {
        let Ill { topic, partition, min_isr, problems } = self;
        let missing = self.missing();
        json!({
            "topic": topic,
            "partition": partition.partition,
            "problems": problems.iter().map(|problem| problem.name()).collect::<Vec<_>>(),
            "leader": partition.leader,
            "replicas": partition.replicas,
            "isr": partition.isr,
            "missing": missing,
            "min_isr": min_isr,
            "since_ms": since.partitions.get(&self.place()),
        })
    }
}

/// Partitions with something wrong, worst first, then by topic and number.
fn ill(partitions: &Partitions) -> Vec<Ill<'_>> {
    let mut all = Vec::new();
    for topic in &partitions.topics {
        let min_isr = partitions.min_isr(&topic.name);
        for partition in &topic.partitions {
            let found = [
                (partition.is_offline(), Problem::Offline),
                (partition.is_under_min_isr(min_isr), Problem::UnderMinIsr),
                (partition.is_under_replicated(), Problem::UnderReplicated),
            ];
            let problems: Vec<Problem> =
                found.into_iter().filter(|(is_so, _)| *is_so).map(|(_, problem)| problem).collect();
            if !problems.is_empty() {
                all.push(Ill { topic: &topic.name, partition, min_isr, problems });
            }
        }
    }
    all.sort_by(|a, b| {
        let key = |ill: &Ill<'_>| (ill.problems[0], ill.partition.partition);
        let ((worst_a, number_a), (worst_b, number_b)) = (key(a), key(b));
        (worst_a, a.topic, number_a).cmp(&(worst_b, b.topic, number_b))
    });
    all
}

fn value(seen: &Seen<'_>) -> Value {
    let Seen { status, partitions, ill, since, changes, now_ms } = seen;
    let class = |problem: Problem| {
        let of = |all: &Vec<Ill<'_>>| {
            let some = all.iter().filter(|ill| ill.problems.contains(&problem));
            let times = some.clone().filter_map(|ill| since.partitions.get(&ill.place()));
            json!({ "count": some.count(), "since_ms": times.min() })
        };
        ill.as_ref().map_or(json!({ "count": null, "since_ms": null }), of)
    };
    let rows = ill.as_ref().map(|all| {
        all.iter().take(PARTITIONS_MAX).map(|ill| ill.row(since)).collect::<Vec<Value>>()
    });
    let leaders = partitions.map(|partitions| leaders(status, partitions));
    let counts = partitions.map(Partitions::health);
    json!({
        "name": status.name,
        "state": status.state,
        "healthy": status.healthy,
        "reasons": status.reasons,
        "brokers_ready": status.brokers_ready,
        "brokers_total": status.brokers_total,
        "controller": controller(status.controller, since, changes),
        "offline": class(Problem::Offline),
        "under_min_isr": class(Problem::UnderMinIsr),
        "under_replicated": class(Problem::UnderReplicated),
        "leader_skew_percent": leaders.as_ref().and_then(|all| skew_percent(status, all)),
        "leaders": leaders.map(|all| all.iter().map(Share::row).collect::<Vec<Value>>()),
        "topics": counts.map(|counts| counts.topics),
        "partitions_total": counts.map(|counts| counts.partitions),
        "partitions": rows,
        "partitions_left_out": ill.as_ref().map(|all| all.len().saturating_sub(PARTITIONS_MAX)),
        "read_ms": now_ms,
    })
}

/// Time and epoch are told only of the controller that the status names: it may have moved.
fn controller(broker: Option<BrokerId>, since: &Since, changes: &Value) -> Value {
    let elected = since.elected.controller.filter(|(id, _)| broker == Some(*id));
    json!({
        "broker": broker,
        "since_ms": elected.map(|(_, ms)| ms),
        "epoch": elected.and(since.elected.epoch),
        "changes": changes,
    })
}

/// What a broker has of all partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Share {
    broker: BrokerId,
    leaders: usize,
    replicas: usize,
    /// Partitions whose first replica is here
    preferred: usize,
}

impl Share {
    fn row(&self) -> Value {
        let Share { broker, leaders, replicas, preferred } = self;
        json!({
            "broker": broker, "leaders": leaders, "replicas": replicas, "preferred": preferred,
        })
    }
}

/// Of every broker that there should be or that holds a replica, by id.
fn leaders(status: &ClusterStatus, partitions: &Partitions) -> Vec<Share> {
    let shares = foreign::shares(&partitions.topics);
    let mut preferred: BTreeMap<BrokerId, usize> = BTreeMap::new();
    for partition in partitions.topics.iter().flat_map(|topic| &topic.partitions) {
        if let Some(first) = partition.replicas.first() {
            *preferred.entry(*first).or_default() += 1;
        }
    }
    let known = status.nodes.iter().filter_map(|node| node.broker);
    let all: BTreeSet<BrokerId> = known.chain(shares.keys().copied()).collect();
    let share = |broker: BrokerId| {
        let (leaders, replicas) = shares.get(&broker).copied().unwrap_or_default();
        let preferred = preferred.get(&broker).copied().unwrap_or_default();
        Share { broker, leaders, replicas, preferred }
    };
    all.into_iter().map(share).collect()
}

/// How many leaders the busiest of the brokers that serve has beyond what each would have if all
/// had as many as can be, in percent of the mean; `None` where nobody leads anything that is there.
fn skew_percent(status: &ClusterStatus, shares: &[Share]) -> Option<f64> {
    let serves = |id: BrokerId| status.nodes.iter().any(|n| n.broker == Some(id) && n.ready);
    let counts: Vec<usize> =
        shares.iter().filter(|share| serves(share.broker)).map(|share| share.leaders).collect();
    skew(&counts, shares.iter().all(|share| share.replicas == 0))
}

fn skew(counts: &[usize], is_empty: bool) -> Option<f64> {
    let (most, sum) = (*counts.iter().max()?, counts.iter().sum::<usize>());
    if sum == 0 {
        return is_empty.then_some(0.0);
    }
    let even = sum.div_ceil(counts.len());
    let mean = sum as f64 / counts.len() as f64;
    let percent = most.saturating_sub(even) as f64 / mean * 100.0;
    Some((percent * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skew_is_what_is_beyond_an_even_share() {
        assert_eq!(skew(&[4, 3, 3], false), Some(0.0), "as even as ten can be");
        assert_eq!(skew(&[10, 0], false), Some(100.0));
        assert_eq!(skew(&[15, 15, 0], false), Some(50.0), "one that came back leads nothing");
        assert_eq!(skew(&[0, 0], true), Some(0.0), "there are no partitions");
        assert_eq!(skew(&[0, 0], false), None, "all are offline");
        assert_eq!(skew(&[], false), None, "nobody serves");
    }

    #[test]
    fn a_controller_that_moved_meanwhile_has_no_time() {
        let mut since = Since::default();
        since.elected.controller = Some((2, 5));
        since.elected.epoch = Some(7);
        let told = controller(Some(2), &since, &Value::Null);
        let all = json!({ "broker": 2, "since_ms": 5, "epoch": 7, "changes": null });
        assert_eq!(told, all);
        let moved = controller(Some(1), &since, &Value::Null);
        assert_eq!((&moved["since_ms"], &moved["epoch"]), (&Value::Null, &Value::Null));
        assert_eq!(controller(None, &since, &Value::Null)["broker"], Value::Null);
    }
}
