//! Records in and out of librdkafka, byte for byte.

use std::borrow::Cow;
use std::ffi::{CStr, c_int, c_void};
use std::ptr;

use kafsh_model::record::{Headers, RecordBatch, RecordView, TimestampType};
use rdkafka::bindings as rd;

use super::error::{Code, INVALID_ARG, NO_ERROR, PARTITION_EOF};
use super::handle::{Handle, Queue, Topic, last_error};

/// Records taken from librdkafka at once.
const CHUNK: usize = 512;

/// Hands a record to the producer's queue; `tag` comes back in its delivery report. Everything is
/// copied.
pub(crate) fn produce(
    client: &Handle,
    topic: &Topic,
    record: &RecordView<'_>,
    tag: usize,
) -> Result<(), Code> {
    let partition = if record.partition < 0 { -1 } else { record.partition };
    if record.headers.is_empty() && record.timestamp_ms < 0 {
        let (value, value_len) = parts(record.value);
        let (key, key_len) = parts(record.key);
        // SAFETY: the topic is valid, the slices live during the call and are copied by it (the
        // flag), so the value is not written to in spite of its type.
        let result = unsafe {
            rd::rd_kafka_produce(
                topic.as_ptr(),
                partition,
                rd::RD_KAFKA_MSG_F_COPY,
                value.cast_mut(),
                value_len,
                key,
                key_len,
                tag as *mut c_void,
            )
        };
        return if result == 0 { Ok(()) } else { Err(last_error()) };
    }
    produce_in_full(client, topic, record, partition, tag)
}

/// The call that knows timestamps and headers.
fn produce_in_full(
    client: &Handle,
    topic: &Topic,
    record: &RecordView<'_>,
    partition: i32,
    tag: usize,
) -> Result<(), Code> {
    use rd::rd_kafka_vtype_t as T;
    // SAFETY: a union of plain C values, of which zero is one.
    let blank = |vtype| rd::rd_kafka_vu_t { vtype, u: unsafe { std::mem::zeroed() } };
    let bytes = |vtype, slice| {
        let (ptr, size) = parts(slice);
        let mut unit = blank(vtype);
        unit.u.mem = rd::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 { ptr: ptr.cast_mut(), size };
        unit
    };
    let headers = header_list(record.headers);
    let mut units = [
        blank(T::RD_KAFKA_VTYPE_RKT),
        blank(T::RD_KAFKA_VTYPE_PARTITION),
        blank(T::RD_KAFKA_VTYPE_MSGFLAGS),
        bytes(T::RD_KAFKA_VTYPE_VALUE, record.value),
        bytes(T::RD_KAFKA_VTYPE_KEY, record.key),
        blank(T::RD_KAFKA_VTYPE_OPAQUE),
        // 0 is librdkafka's "now"; a record that means 0 itself does not come as far as this.
        blank(T::RD_KAFKA_VTYPE_TIMESTAMP),
        blank(T::RD_KAFKA_VTYPE_HEADERS),
    ];
    units[0].u.rkt = topic.as_ptr();
    units[1].u.i32_ = partition;
    units[2].u.i = rd::RD_KAFKA_MSG_F_COPY;
    units[5].u.ptr = tag as *mut c_void;
    units[6].u.i64_ = record.timestamp_ms.max(0);
    units[7].u.headers = headers;
    let count = if headers.is_null() { units.len() - 1 } else { units.len() };
    // SAFETY: every unit carries what its type says; what they point to lives during the call and
    // is copied by it.
    let error = unsafe { rd::rd_kafka_produceva(client.as_ptr(), units.as_ptr(), count) };
    if error.is_null() {
        // The headers belong to the record now.
        return Ok(());
    }
    // SAFETY: the error is owned by us, and so are the headers still.
    unsafe {
        let code = rd::rd_kafka_error_code(error) as Code;
        rd::rd_kafka_error_destroy(error);
        if !headers.is_null() {
            rd::rd_kafka_headers_destroy(headers);
        }
        Err(if code == NO_ERROR { INVALID_ARG } else { code })
    }
}

/// Null, or an owned list of the headers in their order.
fn header_list(headers: Headers<'_>) -> *mut rd::rd_kafka_headers_t {
    if headers.is_empty() {
        return ptr::null_mut();
    }
    // SAFETY: the list is ours until it is handed over; names and values are copied.
    unsafe {
        let list = rd::rd_kafka_headers_new(headers.len());
        for (name, value) in headers.iter() {
            let (value, size) = parts(value);
            // Fails only for a read-only list.
            rd::rd_kafka_header_add(
                list,
                name.as_ptr().cast(),
                name.len() as isize,
                value,
                size as isize,
            );
        }
        list
    }
}

/// Null for nothing; never null for an empty slice, which is something else.
fn parts(slice: Option<&[u8]>) -> (*const c_void, usize) {
    match slice {
        None => (ptr::null(), 0),
        Some(slice) => (slice.as_ptr().cast(), slice.len()),
    }
}

/// What a queue of records may hold beside records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// The reader of the partition has reached this offset and there is nothing more
    End { topic: String, partition: i32, offset: i64 },
    /// Something went wrong, perhaps for one partition only
    Trouble { code: Code, detail: String, topic: String },
}

/// An owned message.
struct Message(*mut rd::rd_kafka_message_t);

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: owned.
        unsafe { rd::rd_kafka_message_destroy(self.0) };
    }
}

/// Takes up to `max` records (512 at most) that are there or come within `timeout_ms`, which ends
/// with the first. `wanted` tells whether a record goes to `batch`; `sign` hears of the rest.
/// Returns how many entries were taken, records or not.
///
/// With a time-out `max` should be 1: librdkafka waits until it has as many as asked for.
pub(crate) fn take(
    queue: &Queue,
    max: usize,
    timeout_ms: c_int,
    batch: &mut RecordBatch,
    mut wanted: impl FnMut(&RecordView<'_>) -> bool,
    mut sign: impl FnMut(Sign),
) -> usize {
    let mut raw: [*mut rd::rd_kafka_message_t; CHUNK] = [ptr::null_mut(); CHUNK];
    let max = max.min(CHUNK);
    // SAFETY: the array has room for `max` pointers.
    let count = unsafe {
        rd::rd_kafka_consume_batch_queue(queue.as_ptr(), timeout_ms, raw.as_mut_ptr(), max)
    };
    let count = usize::try_from(count).unwrap_or(0);
    let mut topics: Vec<(*mut rd::rd_kafka_topic_t, Cow<'_, str>)> = Vec::new();
    for message in raw.into_iter().take(count) {
        let message = Message(message);
        // SAFETY: the message is valid until it is dropped; fields are read without making a
        // reference to the whole, since `err` may hold a foreign number.
        let (topic, code) =
            unsafe { ((*message.0).rkt, (&raw const (*message.0).err).cast::<Code>().read()) };
        let index = match topics.iter().position(|(known, _)| *known == topic) {
            Some(index) => index,
            None => {
                topics.push((topic, topic_name(topic)));
                topics.len() - 1
            }
        };
        let name = &topics[index].1;
        match code {
            NO_ERROR => copy_record(&message, name, batch, &mut wanted),
            PARTITION_EOF => {
                // SAFETY: as above.
                let (partition, offset) = unsafe { ((*message.0).partition, (*message.0).offset) };
                sign(Sign::End { topic: name.to_string(), partition, offset });
            }
            code => {
                // SAFETY: the text lives as long as the message.
                let detail = unsafe {
                    let text = rd::rd_kafka_message_errstr(message.0);
                    if text.is_null() { c"" } else { CStr::from_ptr(text) }
                };
                let detail = detail.to_string_lossy().into_owned();
                sign(Sign::Trouble { code, detail, topic: name.to_string() });
            }
        }
    }
    count
}

fn topic_name<'a>(topic: *mut rd::rd_kafka_topic_t) -> Cow<'a, str> {
    if topic.is_null() {
        return Cow::Borrowed("");
    }
    // SAFETY: the topic is valid while a message of it is; its name ends in NUL. Owned, so that it
    // outlives both.
    let name = unsafe { CStr::from_ptr(rd::rd_kafka_topic_name(topic)) };
    Cow::Owned(name.to_string_lossy().into_owned())
}

fn copy_record(
    message: &Message,
    topic: &str,
    batch: &mut RecordBatch,
    wanted: &mut impl FnMut(&RecordView<'_>) -> bool,
) {
    let mut timestamp_type = rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    let mut headers = Vec::new();
    // SAFETY: the message is valid and a record; its bytes live as long as it, and are copied by
    // `push` before it is dropped.
    let mut record = unsafe {
        let timestamp_ms = rd::rd_kafka_message_timestamp(message.0, &mut timestamp_type);
        let raw = message.0;
        RecordView {
            partition: (*raw).partition,
            offset: (*raw).offset,
            timestamp_ms,
            ..RecordView::new(
                topic,
                slice((*raw).key.cast(), (*raw).key_len),
                slice((*raw).payload.cast(), (*raw).len),
            )
        }
    };
    record.timestamp_type = match timestamp_type {
        rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => {
            TimestampType::NotAvailable
        }
        rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_CREATE_TIME => TimestampType::Create,
        rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => {
            TimestampType::LogAppend
        }
    };
    if !wanted(&record) {
        return;
    }
    read_headers(message, &mut headers);
    let named: Vec<(&str, Option<&[u8]>)> =
        headers.iter().map(|(name, value)| (name.as_ref(), *value)).collect();
    record.headers = Headers::Slice(&named);
    // A batch is closed long before it is full: see `BATCH_BYTES`.
    let pushed = batch.push(record);
    debug_assert!(pushed, "a batch took more than it can hold");
}

type OwnedHeader<'a> = (Cow<'a, str>, Option<&'a [u8]>);

fn read_headers<'a>(message: &'a Message, into: &mut Vec<OwnedHeader<'a>>) {
    let mut list = ptr::null_mut();
    // SAFETY: the message is valid; the list, if any, lives as long as it.
    let code = unsafe { rd::rd_kafka_message_headers(message.0, &mut list) as Code };
    if code != NO_ERROR || list.is_null() {
        return;
    }
    for index in 0.. {
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0_usize);
        // SAFETY: the three places are valid for writing; an index past the end is an error.
        let code = unsafe {
            rd::rd_kafka_header_get_all(list, index, &mut name, &mut value, &mut size) as Code
        };
        if code != NO_ERROR {
            return;
        }
        // SAFETY: names end in NUL, values have the size told, both live as long as the message.
        into.push(unsafe { (CStr::from_ptr(name).to_string_lossy(), slice(value.cast(), size)) });
    }
}

/// # Safety
/// `start` is null, or valid for `len` bytes that live as long as the caller uses them.
unsafe fn slice<'a>(start: *const u8, len: usize) -> Option<&'a [u8]> {
    if start.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { std::slice::from_raw_parts(start, len) })
}
