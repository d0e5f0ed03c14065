//! `broker start ID…`.

use std::time::Duration;

use kafsh_model::Result;
use tokio::time::Instant;

use super::nodes::{BROKERS, named};
use crate::call::Call;
use crate::commands::cluster::common::{self, DRY_RUN};
use crate::commands::cluster::lifecycle;
use crate::flow::Output;
use crate::spec::{CommandSpec, Effect, Example, Needs};

/// Longest that the partitions are watched after the start; they go on catching up without us.
const IN_SYNC_PATIENCE: Duration = Duration::from_secs(10);

/// Pause between two looks.
const IN_SYNC_POLL: Duration = Duration::from_millis(200);

pub static SPEC: CommandSpec = CommandSpec {
    path: &["broker", "start"],
    summary: "start brokers that do not run, and wait until they serve",
    detail: "After the start it watches, for at most ten seconds, until every partition is in \
             sync again, and says what is left.",
    args: &[BROKERS],
    flags: &[DRY_RUN],
    effect: Effect::Write,
    needs: Needs::Cluster,
    examples: &[
        Example { line: "broker start 2", about: "one broker" },
        Example { line: "@demo broker start 1 2 3", about: "several, at the same time" },
    ],
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let output = lifecycle::start(&call, Some(named(&call)?)).await?;
    if call.args.switch("dry-run") {
        return Ok(output);
    }
    Ok(match in_sync(&call).await {
        Some(note) => output.note(note),
        None => output,
    })
}

/// `in sync 10/10`; `None` where nobody tells.
async fn in_sync(call: &Call) -> Option<String> {
    let spec = common::managed(call).ok()?;
    let admin = call.context.admin(&call.context.target(spec.name.as_str()).ok()?).ok()?;
    let deadline = Instant::now() + IN_SYNC_PATIENCE;
    loop {
        let topics = call.cancel.run(admin.topics(None)).await.ok()?;
        let partitions = || topics.iter().flat_map(|topic| &topic.partitions);
        let all = partitions().count();
        let lacking = partitions().filter(|partition| partition.is_under_replicated()).count();
        if lacking == 0 {
            return Some(format!("in sync {all}/{all}"));
        }
        if Instant::now() + IN_SYNC_POLL >= deadline {
            return Some(format!("in sync {}/{all}, the others are catching up", all - lacking));
        }
        tokio::select! {
            () = call.cancel.cancelled() => return None,
            () = tokio::time::sleep(IN_SYNC_POLL) => {}
        }
    }
}
