//! `broker kill ID…`: SIGKILL, to see what a crash does.

use kafsh_model::plan::Node;
use kafsh_model::snapshot::NodeFacts;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Error, Result};
use serde_json::Value;

use super::nodes::{BROKERS, named};
use crate::call::Call;
use crate::commands::cluster::common::{self, DRY_RUN, NODE_COLUMNS, node_row};
use crate::commands::cluster::lifecycle::told;
use crate::flow::{Output, View};
use crate::spec::{CommandSpec, Effect, Example, LocalFuture, Needs};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["broker", "kill"],
    summary: "kill brokers as a crash would (SIGKILL); their data stays",
    detail: "What was acknowledged by all replicas in sync is on the others; a partition with one \
             replica is offline until `broker start`, which recovers the logs.",
    args: &[BROKERS],
    flags: &[DRY_RUN],
    effect: Effect::Destructive,
    needs: Needs::Cluster,
    examples: &[Example { line: "broker kill 2 --yes", about: "and `broker start 2` after it" }],
    question: Some(|call| -> LocalFuture<'_, Result<Option<String>>> { Box::pin(question(call)) }),
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn question(call: &Call) -> Result<Option<String>> {
    let (_, alive) = alive(call).await?;
    let named = |facts: &NodeFacts| match facts.process.pid() {
        Some(pid) => format!("{} (pid {pid})", facts.node),
        None => facts.node.to_string(),
    };
    let names: Vec<String> = alive.iter().map(named).collect();
    Ok((!names.is_empty()).then(|| format!("kill -9 {}?", names.join(", "))))
}

/// The brokers named, which all have to run.
async fn alive(call: &Call) -> Result<(ClusterSpec, Vec<NodeFacts>)> {
    let spec = common::managed(call)?;
    let nodes = named(call)?;
    common::check_nodes(&spec, &nodes)?;
    let facts = common::facts(&common::engine(call)?, &spec, &nodes).await?;
    match facts.iter().find(|facts| !facts.process.is_alive()) {
        None => Ok((spec, facts)),
        Some(down) => Err(Error::failed("not-running", format!("{} is not running", down.node))
            .with_next(format!("@{} broker list", spec.name))),
    }
}

async fn run(mut call: Call) -> Result<Output> {
    let (spec, facts) = alive(&call).await?;
    let row = |facts: &NodeFacts, action, ms| node_row(facts.node, action, facts.process.pid(), ms);
    if call.args.switch("dry-run") {
        let rows = facts.iter().map(|facts| row(facts, "would be killed", None)).collect();
        return Ok(Output::value(rows, View::Rows(NODE_COLUMNS)));
    }
    let _spent = call.confirmed()?;
    let engine = common::engine(&call)?;
    let nodes: Vec<Node> = facts.iter().map(|facts| facts.node).collect();
    // Asked before: after it, the brokers that are left need a session timeout to notice.
    let touched = replicas_on(&call, &spec, &nodes).await;
    let mut rows = Vec::new();
    for facts in &facts {
        let elapsed = engine.kill(&spec, facts.node).await?;
        rows.push(row(facts, "killed", Some(common::millis(elapsed))));
    }
    let rows = Value::Array(rows);
    let view = told(&rows, &["killed"]);
    let output = Output::value(rows, view);
    Ok(match touched {
        Some(hit) => output.note(hit.words()),
        None => output.note("killed"),
    })
}

/// Partitions that lose a replica, and those of them that lose the last in sync.
struct Hit {
    replicas: usize,
    offline: usize,
}

impl Hit {
    fn words(&self) -> String {
        let under = self.replicas - self.offline;
        let under = (under > 0 || self.offline == 0)
            .then(|| format!("{} under-replicated", common::counted(under, "partition")));
        let offline = (self.offline > 0)
            .then(|| format!("{} offline", common::counted(self.offline, "partition")));
        ["killed".to_string()]
            .into_iter()
            .chain(offline)
            .chain(under)
            .collect::<Vec<_>>()
            .join(" · ")
    }
}

/// What the death of these brokers does; `None` where nobody tells.
async fn replicas_on(call: &Call, spec: &ClusterSpec, nodes: &[Node]) -> Option<Hit> {
    let admin = call.context.admin(&call.context.target(spec.name.as_str()).ok()?).ok()?;
    let topics = call.cancel.run(admin.topics(None)).await.ok()?;
    let dies = |id: &i32| nodes.contains(&Node::Broker(*id));
    let partitions = topics.iter().flat_map(|topic| &topic.partitions);
    let hit = partitions.filter(|partition| partition.replicas.iter().any(dies));
    let mut all = Hit { replicas: 0, offline: 0 };
    for partition in hit {
        all.replicas += 1;
        all.offline += usize::from(partition.isr.iter().all(dies));
    }
    Some(all)
}
