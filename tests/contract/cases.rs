//! What every implementation of the ports must do: cases that run against a rehearsal and against
//! real clusters alike, so that the one can stand for the other.
//!
//! Include this file as a module (`#[path = …] mod cases;`) and call [`run_all`]. Cases share a
//! cluster and may run side by side: each makes topics and groups of its own and removes them.

mod cluster;
mod configs;
mod consume;
mod groups;
mod produce;
mod records;
mod support;
mod topics;
mod zookeeper;

use std::sync::Arc;
use std::time::Duration;

use kafsh_model::port::{BoxFuture, Connector, Target};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use support::{Ctx, Outcome};

/// Longest time a case may take, on a busy machine too.
pub const CASE_TIMEOUT: Duration = Duration::from_secs(90);
/// Longest time for the removal of what a case has made.
const CLEAN_TIMEOUT: Duration = Duration::from_secs(20);

/// One thing that holds for every implementation.
pub struct Case {
    pub name: &'static str,
    /// Left out where the target names no ZooKeeper
    pub needs_zookeeper: bool,
    pub run: fn(Ctx) -> BoxFuture<'static, Outcome>,
}

macro_rules! list {
    ($($module:ident: $($case:ident)+;)+) => {
        vec![$($(Case {
            name: concat!(stringify!($module), "::", stringify!($case)),
            needs_zookeeper: matches!(stringify!($module).as_bytes(), b"zookeeper"),
            run: |ctx| Box::pin($module::$case(ctx)),
        },)+)+]
    };
}

/// All cases, in order of modules.
pub fn cases() -> Vec<Case> {
    list! {
        topics:
            create_and_describe create_with_the_brokers_defaults create_twice bad_names
            colliding_names replication_factor_out_of_range partitions_out_of_range
            validate_only_creates_nothing several_in_one_call placed_by_hand
            bad_placement unknown_topic_is_not_created listed_by_name delete_and_create_again
            delete_unknown add_partitions add_partitions_refused every_broker_knows;
        configs:
            created_with_configs bad_configs_on_create set_and_unset append_and_subtract
            bad_changes validate_only_changes_nothing unknown_resources broker_entries
            broker_read_only broker_values broker_default_set_and_unset types_are_told;
        records:
            every_byte_comes_back null_and_empty headers large_record timestamps_are_kept
            log_append_time keys_go_where_java_sends_them order_is_kept;
        produce:
            too_large large_together_keeps_its_order unknown_topic partition_by_hand
            good_and_bad_in_one_batch nothing_to_send
            min_isr_beyond_the_replicas compacted_needs_keys one_producer_for_many;
        consume:
            empty_topic_ends_at_once from_offsets from_tail_of_each_partition
            each_partition_from_its_own_offset by_time to_offset
            end_is_fixed_at_the_start follows_until_cancelled several_topics chosen_partitions
            count_is_a_bound unknown_topic latest_to_end offset_beyond_the_end small_bites;
        groups:
            commit_and_resume reading_commits_nothing listed_and_described committed_offsets
            unknown_group groups_are_apart members_share_partitions idle_member_takes_over
            count_bounds_what_is_committed no_commit_is_lag;
        cluster:
            view probe_each_broker greet_each_broker dead_address
            offsets_of_partitions offsets_of_unknown log_dirs;
        zookeeper:
            serves create_read_delete refusals kafkas_znodes dead_zookeeper four_letter_words;
    }
}

/// Runs every case that the target allows, at most `parallel` at a time, each bounded by
/// [`CASE_TIMEOUT`]; results come in the order of [`cases`].
pub async fn run_all(
    connector: Arc<dyn Connector>,
    target: Target,
    parallel: usize,
) -> Vec<(&'static str, Outcome)> {
    let places = Arc::new(Semaphore::new(parallel.max(1)));
    let mut running = JoinSet::new();
    for (index, case) in cases().into_iter().enumerate() {
        if case.needs_zookeeper && target.zookeeper.is_none() {
            continue;
        }
        let (connector, target, places) = (connector.clone(), target.clone(), places.clone());
        running.spawn(async move {
            // The semaphore is never closed; without a place the case would only run at once.
            let _place = places.acquire_owned().await;
            (index, case.name, run_one(&case, connector, target).await)
        });
    }
    let mut outcomes = Vec::new();
    while let Some(joined) = running.join_next().await {
        match joined {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) => outcomes.push((usize::MAX, "a case", Err(error.to_string()))),
        }
    }
    outcomes.sort_by_key(|(index, _, _)| *index);
    outcomes.into_iter().map(|(_, name, outcome)| (name, outcome)).collect()
}

/// Runs one case and removes what it has made, whatever became of it.
pub async fn run_one(case: &Case, connector: Arc<dyn Connector>, target: Target) -> Outcome {
    let ctx = Ctx::new(connector, target)?;
    let outcome = match tokio::time::timeout(CASE_TIMEOUT, (case.run)(ctx.clone())).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!("not done in {} s", CASE_TIMEOUT.as_secs())),
    };
    match tokio::time::timeout(CLEAN_TIMEOUT, ctx.clean()).await {
        Ok(()) => outcome,
        Err(_) => outcome.and(Err("its topics could not be removed in time".to_string())),
    }
}
