//! Groups of consumers in librdkafka: subscription, rebalances, committed positions.

use std::ffi::{CStr, CString, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;

use kafsh_model::topic::TopicPartition;
use rdkafka::bindings as rd;

use super::conf::Conf;
use super::error::{Code, NO_ERROR, NO_OFFSET};
use super::handle::Handle;

/// `RD_KAFKA_OFFSET_INVALID`: from the committed offset, else by `auto.offset.reset`.
pub(crate) const COMMITTED: i64 = rd::RD_KAFKA_OFFSET_INVALID as i64;

/// An owned list of partitions with offsets.
struct List(NonNull<rd::rd_kafka_topic_partition_list_t>);

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: owned.
        unsafe { rd::rd_kafka_topic_partition_list_destroy(self.0.as_ptr()) };
    }
}

impl List {
    fn new<'a>(entries: impl Iterator<Item = (&'a str, i32, i64)>) -> Option<List> {
        // SAFETY: the list is owned; it grows as needed.
        let list = unsafe { rd::rd_kafka_topic_partition_list_new(0) };
        let list = List(NonNull::new(list)?);
        for (topic, partition, offset) in entries {
            let Ok(topic) = CString::new(topic) else { continue };
            // SAFETY: the list is valid, the name ends in NUL and is copied; the new entry is
            // valid until the list changes.
            unsafe {
                let raw = list.0.as_ptr();
                let entry = rd::rd_kafka_topic_partition_list_add(raw, topic.as_ptr(), partition);
                (*entry).offset = offset;
            }
        }
        Some(list)
    }
}

/// What a group tells its member; called on the thread that polls.
pub(crate) trait Rebalanced: Send + Sync {
    /// Partitions were given: the offset at which each begins, or [`COMMITTED`].
    fn assigned(&self, partitions: &[TopicPartition]) -> Vec<i64>;
    fn revoked(&self, partitions: &[TopicPartition]);
}

/// A listener behind a thin pointer, which is all that C carries.
pub(super) type Listener = Box<Arc<dyn Rebalanced>>;

/// Makes `listener` hear of rebalances. The caller keeps it until the client is destroyed.
pub(super) fn listen(conf: &mut Conf, listener: &Listener) {
    let opaque: *const Arc<dyn Rebalanced> = &raw const **listener;
    // SAFETY: the configuration is valid; the callback's type is C's.
    unsafe {
        rd::rd_kafka_conf_set_opaque(conf.as_ptr(), opaque.cast_mut().cast());
        rd::rd_kafka_conf_set_rebalance_cb(conf.as_ptr(), Some(on_rebalance));
    }
}

unsafe extern "C" fn on_rebalance(
    client: *mut rd::rd_kafka_t,
    code: rd::rd_kafka_resp_err_t,
    partitions: *mut rd::rd_kafka_topic_partition_list_t,
    opaque: *mut c_void,
) {
    let listener = opaque.cast_const().cast::<Arc<dyn Rebalanced>>();
    // A panic must not cross C: whatever happens, the rebalance itself is answered below.
    let assigned = code == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: set by `listen` and kept as long as the client; the list is librdkafka's.
        let (listener, entries) = unsafe {
            let count = usize::try_from((*partitions).cnt).unwrap_or(0);
            let entries = (0..count).map(|index| (*partitions).elems.add(index));
            (&*listener, entries.collect::<Vec<_>>())
        };
        let named: Vec<TopicPartition> = entries
            .iter()
            .map(|entry| {
                // SAFETY: entries are valid and their names end in NUL.
                let (topic, partition) =
                    unsafe { (CStr::from_ptr((**entry).topic), (**entry).partition) };
                TopicPartition { topic: topic.to_string_lossy().into_owned(), partition }
            })
            .collect();
        if !assigned {
            listener.revoked(&named);
            return;
        }
        for (entry, offset) in entries.iter().zip(listener.assigned(&named)) {
            // SAFETY: as above.
            unsafe { (**entry).offset = offset };
        }
    }));
    // SAFETY: client and list are librdkafka's; errors come with the next poll.
    unsafe {
        let protocol = rd::rd_kafka_rebalance_protocol(client);
        let cooperative = !protocol.is_null() && CStr::from_ptr(protocol) == c"COOPERATIVE";
        let error = match (cooperative, assigned) {
            (true, true) => rd::rd_kafka_incremental_assign(client, partitions),
            (true, false) => rd::rd_kafka_incremental_unassign(client, partitions),
            (false, true) => {
                rd::rd_kafka_assign(client, partitions);
                std::ptr::null_mut()
            }
            (false, false) => {
                rd::rd_kafka_assign(client, std::ptr::null());
                std::ptr::null_mut()
            }
        };
        if !error.is_null() {
            rd::rd_kafka_error_destroy(error);
        }
    }
}

impl Handle {
    pub fn subscribe(&self, topics: &[String]) -> Result<(), Code> {
        let entries = topics.iter().map(|topic| (topic.as_str(), -1, COMMITTED));
        let Some(list) = List::new(entries) else { return Ok(()) };
        // SAFETY: client and list are valid.
        code(unsafe { rd::rd_kafka_subscribe(self.as_ptr(), list.0.as_ptr()) as Code })
    }

    /// Commits the offsets of the next records to be read and waits for the coordinator's answer.
    pub fn commit(&self, positions: &[(TopicPartition, i64)]) -> Result<(), Code> {
        let entries = positions.iter().map(|(p, next)| (p.topic.as_str(), p.partition, *next));
        let Some(list) = List::new(entries) else { return Ok(()) };
        const WAIT: c_int = 0;
        // SAFETY: client and list are valid.
        let result = unsafe { rd::rd_kafka_commit(self.as_ptr(), list.0.as_ptr(), WAIT) as Code };
        match result {
            NO_OFFSET => Ok(()),
            result => code(result),
        }
    }

    /// Leaves the group. Blocks until the coordinator knows, or cannot be reached.
    pub fn leave(&self) {
        // SAFETY: the client is valid. What goes wrong here goes wrong for a client that is gone.
        unsafe { rd::rd_kafka_consumer_close(self.as_ptr()) };
    }
}

fn code(code: Code) -> Result<(), Code> {
    if code == NO_ERROR { Ok(()) } else { Err(code) }
}
