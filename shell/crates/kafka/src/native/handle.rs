//! An owned librdkafka client with its queues and topics.

use std::ffi::{CString, c_int};
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use kafsh_model::{Error, Result};
use rdkafka::bindings as rd;

use super::conf::Conf;
use super::events::{Event, Log};
use super::partitions::{Listener, Rebalanced, listen};

/// Delivery reports, as events of the main queue.
pub(crate) const DELIVERIES: c_int = rd::RD_KAFKA_EVENT_DR;

/// Which kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Producer,
    Consumer,
}

/// A client. It is destroyed on a thread of its own when the last reference goes, since that joins
/// librdkafka's threads and may take a while.
pub(crate) struct Handle {
    client: NonNull<rd::rd_kafka_t>,
    main: ManuallyDrop<Queue>,
    pub log: Arc<Log>,
    /// Where rebalances are told; librdkafka holds a pointer to it
    listener: Option<Listener>,
}

// SAFETY: librdkafka's clients and queues may be used from any thread, several at once
// (`INTRODUCTION.md`, "Threads and callbacks").
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

/// A queue, released when dropped. It must not outlive its client: holders keep both.
pub(crate) struct Queue(NonNull<rd::rd_kafka_queue_t>);

// SAFETY: as for `Handle`.
unsafe impl Send for Queue {}
// SAFETY: as for `Handle`.
unsafe impl Sync for Queue {}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: owned reference.
        unsafe { rd::rd_kafka_queue_destroy(self.0.as_ptr()) };
    }
}

impl Queue {
    pub(super) fn as_ptr(&self) -> *mut rd::rd_kafka_queue_t {
        self.0.as_ptr()
    }

    /// The next event, waiting up to `timeout_ms`.
    pub fn event(&self, timeout_ms: c_int) -> Option<Event> {
        // SAFETY: the queue is valid; the event is owned by us.
        let event = unsafe { rd::rd_kafka_queue_poll(self.0.as_ptr(), timeout_ms) };
        NonNull::new(event).map(Event::new)
    }

    /// Ends the wait of whoever polls the queue now.
    pub fn wake(&self) {
        // SAFETY: the queue is valid.
        unsafe { rd::rd_kafka_queue_yield(self.0.as_ptr()) };
    }
}

/// A topic of a client, by which records are produced and partitions read.
pub(crate) struct Topic {
    raw: NonNull<rd::rd_kafka_topic_t>,
    // Keeps the client alive for as long as its topic.
    _client: Arc<Handle>,
}

// SAFETY: topics may be used from any thread, like their client.
unsafe impl Send for Topic {}
// SAFETY: as above.
unsafe impl Sync for Topic {}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: owned reference.
        unsafe { rd::rd_kafka_topic_destroy(self.raw.as_ptr()) };
    }
}

impl Topic {
    pub(super) fn as_ptr(&self) -> *mut rd::rd_kafka_topic_t {
        self.raw.as_ptr()
    }

    /// The partition that Java's murmur2 gives `key` among `partitions` (librdkafka's own code).
    #[cfg(test)]
    pub fn murmur2(&self, key: &[u8], partitions: i32) -> i32 {
        // SAFETY: the topic is valid, the key has the length told.
        unsafe {
            rd::rd_kafka_msg_partitioner_murmur2(
                self.raw.as_ptr(),
                key.as_ptr().cast(),
                key.len(),
                partitions,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        }
    }

    /// Starts to fetch a partition from `offset` on into `queue`.
    pub fn start(&self, partition: i32, offset: i64, queue: &Queue) -> Result<(), i32> {
        // SAFETY: topic and queue are valid and of one client.
        let result = unsafe {
            rd::rd_kafka_consume_start_queue(self.raw.as_ptr(), partition, offset, queue.as_ptr())
        };
        if result == 0 { Ok(()) } else { Err(last_error()) }
    }

    /// Stops what `start` began.
    pub fn stop(&self, partition: i32) {
        // SAFETY: the topic is valid. An error says that it was not started: nothing to stop.
        unsafe { rd::rd_kafka_consume_stop(self.raw.as_ptr(), partition) };
    }
}

/// The calling thread's last error of librdkafka.
pub(super) fn last_error() -> i32 {
    // SAFETY: reads a thread-local of librdkafka, which only it sets, to its own codes.
    unsafe { rd::rd_kafka_last_error() as i32 }
}

impl Handle {
    /// Makes the client, which begins to connect at once. `events` are the kinds to be delivered
    /// through the main queue beside errors and log lines.
    pub fn new(
        kind: Kind,
        mut conf: Conf,
        events: c_int,
        listener: Option<Arc<dyn Rebalanced>>,
    ) -> Result<Arc<Handle>> {
        let listener = listener.map(Box::new);
        if let Some(listener) = &listener {
            listen(&mut conf, listener);
        }
        let events = events | rd::RD_KAFKA_EVENT_ERROR | rd::RD_KAFKA_EVENT_LOG;
        // SAFETY: the configuration is valid.
        unsafe { rd::rd_kafka_conf_set_events(conf.as_ptr(), events) };
        let kind = match kind {
            Kind::Producer => rd::rd_kafka_type_t::RD_KAFKA_PRODUCER,
            Kind::Consumer => rd::rd_kafka_type_t::RD_KAFKA_CONSUMER,
        };
        let client = conf.into_client(kind)?;
        // SAFETY: the client is valid; both queue references are owned by us. A null log queue
        // means the main one.
        let main = unsafe {
            rd::rd_kafka_set_log_queue(client.as_ptr(), ptr::null_mut());
            rd::rd_kafka_queue_get_main(client.as_ptr())
        };
        let main = NonNull::new(main).map(Queue).ok_or_else(|| Error::bug("no main queue"))?;
        Ok(Arc::new(Handle {
            client,
            main: ManuallyDrop::new(main),
            log: Arc::default(),
            listener,
        }))
    }

    pub(super) fn as_ptr(&self) -> *mut rd::rd_kafka_t {
        self.client.as_ptr()
    }

    /// Where errors, log lines and the events asked for arrive.
    pub fn main(&self) -> &Queue {
        &self.main
    }

    /// Takes errors and log lines from the main queue without waiting.
    pub fn collect_log(&self) {
        while let Some(event) = self.main.event(0) {
            event.log_into(&self.log);
        }
    }

    /// Waits until a broker is connected and known by its id, `timeout` at most. Blocks, and must
    /// come before the first topic.
    ///
    /// The first Metadata answer turns the bootstrap connection into that of a numbered broker; for
    /// a moment it counts as down, and whoever looks for a broker just then sleeps: for a producer
    /// id 500 ms, for a leader 100 ms. A second round trip passes through the same connection after
    /// that moment, and its answer starts the search for a producer id anew. Measured on loopback,
    /// 2 busy cores, unoptimised build, one-shot produce: without this 37 to 47 ms or, one run in
    /// three, 530 to 1580 ms; with it 28 to 47 ms in 25 runs of 25 (median 31), the same as without
    /// idempotence. kcat, which does neither, took 546 ms in one run of six.
    pub fn warm_up(&self, timeout: Duration) {
        for _ in 0..2 {
            if !self.ask_for_metadata(timeout) {
                return;
            }
        }
    }

    /// One Metadata request, `timeout` at most; whether it was answered. Blocks.
    pub fn ask_for_metadata(&self, timeout: Duration) -> bool {
        let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        let mut metadata = ptr::null();
        // SAFETY: the client is valid. No topic is named, so the answer is of those that it knows
        // already, and creates none; it is released at once.
        unsafe {
            let (client, topic) = (self.client.as_ptr(), ptr::null_mut());
            let code = rd::rd_kafka_metadata(client, 0, topic, &mut metadata, timeout_ms);
            if !metadata.is_null() {
                rd::rd_kafka_metadata_destroy(metadata);
            }
            code == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
        }
    }

    /// A queue of its own for records.
    pub fn new_queue(&self) -> Result<Queue> {
        // SAFETY: the client is valid; the queue is owned by us.
        let queue = unsafe { rd::rd_kafka_queue_new(self.client.as_ptr()) };
        NonNull::new(queue).map(Queue).ok_or_else(|| Error::bug("no memory for a queue"))
    }

    /// The queue of a consumer that is in a group.
    pub fn consumer_queue(&self) -> Result<Queue> {
        // SAFETY: the client is valid; the reference is owned by us.
        let queue = unsafe { rd::rd_kafka_queue_get_consumer(self.client.as_ptr()) };
        NonNull::new(queue).map(Queue).ok_or_else(|| Error::bug("no consumer queue"))
    }

    pub fn topic(self: &Arc<Self>, name: &str) -> Result<Topic> {
        let bad = || Error::usage("bad-topic-name", format!("`{}`", name.escape_debug()));
        let c_name = CString::new(name).map_err(|_| bad())?;
        // SAFETY: the client is valid, the name ends in NUL; a null configuration means the
        // client's default.
        let raw = unsafe {
            rd::rd_kafka_topic_new(self.client.as_ptr(), c_name.as_ptr(), ptr::null_mut())
        };
        let raw = NonNull::new(raw).ok_or_else(bad)?;
        Ok(Topic { raw, _client: self.clone() })
    }

    /// Forgets what waits to be sent and what waits for its acknowledgement: each is reported.
    pub fn purge(&self) {
        let flags = rd::RD_KAFKA_PURGE_F_QUEUE | rd::RD_KAFKA_PURGE_F_INFLIGHT;
        // SAFETY: the client is valid. The only errors are about flags.
        unsafe { rd::rd_kafka_purge(self.client.as_ptr(), flags) };
    }
}

/// The raw client, to be moved to the thread that destroys it.
struct Last(NonNull<rd::rd_kafka_t>, Option<Listener>);

// SAFETY: as for `Handle`.
unsafe impl Send for Last {}

impl Last {
    fn destroy(self) {
        // Consumers in a group were closed before; a second close would wait for nothing.
        let flags = rd::RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE;
        // SAFETY: the last reference, and no thread of librdkafka's.
        unsafe { rd::rd_kafka_destroy_flags(self.0.as_ptr(), flags) };
        // Only now does nobody point to it.
        drop(self.1);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // The reference to the queue must go before the client.
        // SAFETY: dropped once, here, and not used after.
        unsafe { ManuallyDrop::drop(&mut self.main) };
        let last = Last(self.client, self.listener.take());
        // Without a thread the client is left as it is: the process is out of resources anyway.
        let _ = std::thread::Builder::new()
            .name("kafsh-kafka-end".to_string())
            .spawn(move || last.destroy());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::produce;
    use kafsh_model::port::Target;

    /// The vectors of Kafka's own `UtilsTest.testMurmur2`.
    const VECTORS: [(&[u8], i32); 7] = [
        (b"21", -973_932_308),
        (b"foobar", -790_332_482),
        (b"a-little-bit-long-string", -985_981_536),
        (b"a-little-bit-longer-string", -1_486_304_829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        (b"abc", 479_470_107),
        (b"", 275_646_681),
    ];

    #[test]
    fn keys_go_where_the_java_client_puts_them() {
        let target = Target {
            bootstrap: vec!["127.0.0.1:1".into()],
            zookeeper: None,
            client: Vec::new(),
            timeout: Duration::from_secs(1),
        };
        let conf = produce::conf(&target).unwrap();
        assert_eq!(conf.get("partitioner").as_deref(), Some("murmur2_random"));
        assert_eq!(conf.get("acks").as_deref(), Some("-1"));
        assert_eq!(conf.get("enable.idempotence").as_deref(), Some("true"));
        assert_eq!(conf.get("allow.auto.create.topics").as_deref(), Some("false"));
        let client = Handle::new(Kind::Producer, conf, DELIVERIES, None).unwrap();
        let topic = client.topic("t").unwrap();
        for (key, hash) in VECTORS {
            // `Utils.toPositive(hash) % partitions`
            for partitions in [1, 10, 1_000_003] {
                assert_eq!(topic.murmur2(key, partitions), (hash & i32::MAX) % partitions);
            }
        }
    }
}
