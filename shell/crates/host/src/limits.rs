//! What a plugin may use. Every bound of the sandbox is a constant of this file.

use std::time::Duration;

use kafsh_model::plugin::{LimitRequest, PluginKind};

/// Bytes of a component.
pub const COMPONENT_BYTES_MAX: usize = 16 << 20;
/// Elements of tables of a call, summed over all tables of its instances.
pub const TABLE_ELEMENTS_MAX: usize = 10_000;
/// Core instances, tables and memories of a call (a component of the SDK has 3, 2 and 1).
pub const INSTANCES_MAX: usize = 16;
pub const TABLES_MAX: usize = 16;
pub const MEMORIES_MAX: usize = 4;
/// Bytes of a guest's stack, unless it asks for more.
pub const STACK_BYTES: usize = 512 << 10;
/// Bytes of the stack of a thread that calls run on: the largest of a guest, and ours on top.
pub const THREAD_STACK_BYTES: usize = 4 << 20;
/// Bytes of such a stack that may be in use when a call begins: what is left then is the largest
/// stack of a guest and 1 MiB for what the host does in its name.
pub const THREAD_STACK_USED_MAX: usize = 1 << 20;

/// The most that a manifest can ask for.
pub const MEMORY_BYTES_CAP: usize = 256 << 20;
pub const STACK_BYTES_CAP: usize = 2 << 20;
pub const CALL_TIME_CAP: Duration = Duration::from_secs(30);
/// The least: less than this and nothing runs.
pub const MEMORY_BYTES_LEAST: usize = 1 << 20;
pub const STACK_BYTES_LEAST: usize = 64 << 10;

/// Compiling a component that is not in the cache.
pub const COMPILE_TIME_MAX: Duration = Duration::from_secs(20);
/// `describe` of any plugin.
pub const DESCRIBE_TIME_MAX: Duration = Duration::from_secs(1);
/// What a transform is given on top for each record of a batch beyond [`RECORDS_FREE`].
pub const RECORD_TIME: Duration = Duration::from_millis(10);
/// Records of a batch that the limit of a call covers.
pub const RECORDS_FREE: usize = 100;
/// How exactly deadlines are kept.
pub const TICK: Duration = Duration::from_millis(10);

/// Lines that one call may log.
pub const LOG_LINES_MAX: usize = 200;
/// Bytes of a logged line.
pub const LOG_LINE_BYTES_MAX: usize = 1 << 10;
/// Bytes of a panic's message.
pub const PANIC_BYTES_MAX: usize = 4 << 10;
/// Handles of secrets that an instance may hold at once.
pub const SECRETS_HELD_MAX: usize = 64;
/// Frames that are looked at of a fault: those of a panic's machinery come first.
pub const BACKTRACE_FRAMES_MAX: usize = 32;
/// Frames of a guest that are shown of a fault.
pub const FRAMES_SHOWN_MAX: usize = 8;

/// Actions of a plan.
pub const ACTIONS_MAX: usize = 10_000;
/// Findings of a plan.
pub const FINDINGS_MAX: usize = 1_000;
/// Properties of one action.
pub const PROPERTIES_MAX: usize = 2_000;
/// Lines of evidence of a finding.
pub const EVIDENCE_LINES_MAX: usize = 100;
/// Commands of a finding.
pub const NEXT_COMMANDS_MAX: usize = 10;
/// Bytes of a string that a plugin returns.
pub const STRING_BYTES_MAX: usize = 64 << 10;
/// Bytes of a code that a plugin makes up.
pub const CODE_BYTES_MAX: usize = 64;
/// Partitions of a topic (the order of what one cluster bears).
pub const PARTITIONS_MAX: i32 = 200_000;

/// Findings, and amendments, of a policy's answer.
pub const POLICY_FINDINGS_MAX: usize = 100;
/// Bytes of a message, suggestion, value or reason of a policy.
pub const POLICY_STRING_BYTES_MAX: usize = 4 << 10;
/// Bytes of a key of a topic's settings.
pub const CONFIG_KEY_BYTES_MAX: usize = 249;

/// Records of a batch, into a transform and out of it.
pub const BATCH_RECORDS_MAX: usize = 100_000;
/// Bytes of records that come out of a transform, however few went in.
pub const OUTPUT_BYTES_FREE: usize = 1 << 20;
/// So many times the bytes that went in may come out, beyond [`OUTPUT_BYTES_FREE`].
pub const OUTPUT_GROWTH_MAX: usize = 8;
/// Bytes of records that come out of a transform at once, however many went in.
pub const OUTPUT_BYTES_MAX: usize = 64 << 20;
/// Bytes of columns that a transform may give back beside its records.
pub const COLUMN_BYTES_MAX: usize = 16 << 20;
/// Topics that a transform may name in one answer.
pub const TOPIC_NAMES_MAX: usize = 1_000;
/// Bytes of the message of a record that could not be transformed.
pub const FAILURE_BYTES_MAX: usize = 1 << 10;
/// Records after which an instance of a transform makes place for a new one.
pub const INSTANCE_RECORDS_MAX: u64 = 1_000_000;

/// Instances of transforms at the same time: one for each partition that is read.
pub const INSTANCES_WARM_MAX: usize = 256;

/// Random bytes that a guest is given at once.
pub const RANDOM_BYTES_MAX: u32 = 4 << 10;
/// Counters of a plugin, and bytes of their names.
pub const COUNTERS_MAX: usize = 64;
pub const COUNTER_NAME_BYTES_MAX: usize = 64;
/// Bytes of a key and of a value that a transform keeps, and of all of them for one partition.
pub const STATE_KEY_BYTES_MAX: usize = 512;
pub const STATE_VALUE_BYTES_MAX: usize = 64 << 10;
pub const STATE_BYTES_MAX: usize = 16 << 20;
/// What an entry is counted for beside its bytes, so that many small ones are bounded too.
pub const STATE_ENTRY_BYTES: usize = 64;

/// Bytes of a file of the cache.
pub const CACHE_FILE_BYTES_MAX: u64 = 256 << 20;
/// Files of the cache; beyond it the oldest go.
pub const CACHE_FILES_MAX: usize = 128;

/// What a call of one plugin may use: the limits of its kind, or what its manifest asks for within
/// the caps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory, summed over all memories of its instances
    pub memory_bytes: usize,
    pub stack_bytes: usize,
    /// A call; a transform is given more for large batches
    pub call: Duration,
    /// Making an instance, its start functions included; a transform's `configure` too
    pub start: Duration,
    /// What one call from or to a guest may make the host allocate
    pub transfer_bytes: usize,
}

impl Limits {
    /// Those of `kind` with what `request` asks for, as far as it may.
    pub fn of(kind: PluginKind, request: &LimitRequest) -> Self {
        let (memory_mib, call, start, transfer_mib) = match kind {
            PluginKind::Policy => (16, Duration::from_millis(250), Duration::from_secs(1), 4),
            PluginKind::Step => (64, Duration::from_secs(5), Duration::from_secs(1), 16),
            PluginKind::Transform => (64, Duration::from_secs(1), Duration::from_secs(2), 16),
        };
        let bytes = |asked: Option<u32>, shift: u32, least: usize, cap: usize, usual: usize| {
            asked.map_or(usual, |asked| ((asked as usize) << shift).clamp(least, cap))
        };
        let LimitRequest { memory_mib: memory, stack_kib: stack, call_ms } = *request;
        let usual = memory_mib << 20;
        let asked_time = |ms: u32| Duration::from_millis(ms.into()).clamp(TICK, CALL_TIME_CAP);
        Limits {
            memory_bytes: bytes(memory, 20, MEMORY_BYTES_LEAST, MEMORY_BYTES_CAP, usual),
            stack_bytes: bytes(stack, 10, STACK_BYTES_LEAST, STACK_BYTES_CAP, STACK_BYTES),
            call: call_ms.map_or(call, asked_time),
            start,
            transfer_bytes: transfer_mib << 20,
        }
    }

    /// A transform's batch of so many records.
    pub fn of_batch(&self, records: usize) -> Duration {
        let beyond = records.saturating_sub(RECORDS_FREE);
        self.call + RECORD_TIME * u32::try_from(beyond).unwrap_or(u32::MAX)
    }
}

/// Bytes that may come out of a transform for so many that went in.
pub fn output_bytes_max(input_bytes: usize) -> usize {
    let grown = input_bytes.saturating_mul(OUTPUT_GROWTH_MAX);
    grown.clamp(OUTPUT_BYTES_FREE, OUTPUT_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_stays_under_the_caps() {
        let usual = Limits::of(PluginKind::Policy, &LimitRequest::default());
        assert_eq!((usual.memory_bytes, usual.call.as_millis()), (16 << 20, 250));
        let huge = LimitRequest {
            memory_mib: Some(u32::MAX),
            stack_kib: Some(u32::MAX),
            call_ms: Some(u32::MAX),
        };
        let capped = Limits::of(PluginKind::Transform, &huge);
        assert_eq!(capped.memory_bytes, MEMORY_BYTES_CAP);
        assert_eq!((capped.stack_bytes, capped.call), (STACK_BYTES_CAP, CALL_TIME_CAP));
        let tiny = LimitRequest { memory_mib: Some(0), stack_kib: Some(0), call_ms: Some(0) };
        let least = Limits::of(PluginKind::Step, &tiny);
        assert_eq!(least.memory_bytes, MEMORY_BYTES_LEAST);
        assert_eq!((least.stack_bytes, least.call), (STACK_BYTES_LEAST, TICK));
    }

    #[test]
    fn large_batches_have_more_time_and_room() {
        let limits = Limits::of(PluginKind::Transform, &LimitRequest::default());
        assert_eq!(limits.of_batch(100), Duration::from_secs(1));
        assert_eq!(limits.of_batch(500), Duration::from_secs(5));
        assert_eq!(output_bytes_max(0), 1 << 20);
        assert_eq!(output_bytes_max(1 << 20), 8 << 20);
        assert_eq!(output_bytes_max(usize::MAX), 64 << 20);
    }
}
