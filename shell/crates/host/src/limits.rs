//! What a plugin may use. Every bound of the sandbox is a constant of this file.

use std::time::Duration;

/// Bytes of a component.
pub const COMPONENT_BYTES_MAX: usize = 16 << 20;
/// Bytes of linear memory of a call, summed over all memories of its instances.
pub const MEMORY_BYTES_MAX: usize = 64 << 20;
/// Elements of tables of a call, summed over all tables of its instances.
pub const TABLE_ELEMENTS_MAX: usize = 10_000;
/// Core instances, tables and memories of a call (a component of the SDK has 3, 2 and 1).
pub const INSTANCES_MAX: usize = 16;
pub const TABLES_MAX: usize = 16;
pub const MEMORIES_MAX: usize = 4;
/// Bytes of a guest's stack.
pub const STACK_BYTES_MAX: usize = 512 << 10;
/// Bytes of the stack of the thread that a call runs on: the guest's and ours on top.
pub const THREAD_STACK_BYTES: usize = 2 << 20;
/// Bytes that one call from or to a guest may make the host allocate.
pub const TRANSFER_BYTES_MAX: usize = 8 << 20;

/// Compiling a component that is not in the cache.
pub const COMPILE_TIME_MAX: Duration = Duration::from_secs(20);
/// Making an instance, its start functions included.
pub const INSTANTIATE_TIME_MAX: Duration = Duration::from_secs(1);
/// `describe` of a step.
pub const DESCRIBE_TIME_MAX: Duration = Duration::from_secs(1);
/// `plan` and `verify` of a step.
pub const PLAN_TIME_MAX: Duration = Duration::from_secs(5);
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

/// Bytes of a file of the cache.
pub const CACHE_FILE_BYTES_MAX: u64 = 256 << 20;
/// Files of the cache; beyond it the oldest go.
pub const CACHE_FILES_MAX: usize = 128;
