//! What a client reports through its main queue: deliveries, errors, log lines. The last lines are
//! kept as evidence for an error; nothing is printed.

use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_int};
use std::ptr::{self, NonNull};
use std::sync::{Mutex, PoisonError};

use kafsh_model::Error;
use rdkafka::bindings as rd;

use super::error::Code;

/// Lines kept of a client's errors and warnings, and the longest of them, in bytes.
const LOG_LINES_MAX: usize = 16;
const LOG_LINE_BYTES_MAX: usize = 512;

/// Lines that one error carries.
const EVIDENCE_LINES: usize = 3;

/// syslog's number for a notice: what is above (info, debug) is no evidence of a failure.
const NOTICE: c_int = 5;

/// The last errors and warnings of a client.
#[derive(Default)]
pub(crate) struct Log(Mutex<VecDeque<String>>);

impl Log {
    fn add(&self, mut line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if line.len() > LOG_LINE_BYTES_MAX {
            let end = line.floor_char_boundary(LOG_LINE_BYTES_MAX);
            line.truncate(end);
        }
        // A broker that stays down says the same again and again.
        if lines.contains(&line) {
            return;
        }
        if lines.len() == LOG_LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// `error` with the latest lines.
    pub fn explain(&self, mut error: Error) -> Error {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = lines.len().saturating_sub(EVIDENCE_LINES);
        for line in lines.iter().skip(from) {
            error = error.with_evidence(format!("librdkafka: {line}"));
        }
        error
    }
}

/// One delivery report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    /// What was given to `produce`
    pub tag: usize,
    pub code: Code,
    pub partition: i32,
    pub offset: i64,
}

/// An owned event.
pub(crate) struct Event(NonNull<rd::rd_kafka_event_t>);

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: owned.
        unsafe { rd::rd_kafka_event_destroy(self.0.as_ptr()) };
    }
}

impl Event {
    pub(super) fn new(raw: NonNull<rd::rd_kafka_event_t>) -> Self {
        Event(raw)
    }

    fn is(&self, kind: c_int) -> bool {
        // SAFETY: the event is valid.
        unsafe { rd::rd_kafka_event_type(self.0.as_ptr()) == kind }
    }

    /// Adds an error or log line to `log`; other events do nothing.
    pub fn log_into(&self, log: &Log) {
        if self.is(rd::RD_KAFKA_EVENT_ERROR) {
            // SAFETY: the event is an error; its text lives as long as it.
            let text = unsafe { text(rd::rd_kafka_event_error_string(self.0.as_ptr())) };
            log.add(text);
        } else if self.is(rd::RD_KAFKA_EVENT_LOG) {
            let (mut facility, mut line) = (ptr::null(), ptr::null());
            let mut level = 0;
            // SAFETY: the event is a log line; the three places are valid for writing, and the
            // texts live as long as the event.
            let line = unsafe {
                rd::rd_kafka_event_log(self.0.as_ptr(), &mut facility, &mut line, &mut level);
                text(line)
            };
            if level <= NOTICE {
                // `[thrd:127.0.0.1:9092/bootstrap]: ` tells nobody anything.
                let line = line.split_once("]: ").map_or(line.as_str(), |(_, rest)| rest);
                log.add(line.to_string());
            }
        }
    }

    /// Calls `each` with every delivery report of the event.
    pub fn deliveries(&self, mut each: impl FnMut(Report)) {
        if !self.is(rd::RD_KAFKA_EVENT_DR) {
            return;
        }
        loop {
            // SAFETY: the event holds delivery reports; messages live as long as it.
            let message = unsafe { rd::rd_kafka_event_message_next(self.0.as_ptr()) };
            if message.is_null() {
                return;
            }
            // SAFETY: as above; no reference is made, since `err` may hold a foreign number.
            each(unsafe {
                Report {
                    tag: (*message)._private as usize,
                    code: (&raw const (*message).err).cast::<Code>().read(),
                    partition: (*message).partition,
                    offset: (*message).offset,
                }
            });
        }
    }
}

/// # Safety
/// `raw` is null or a text that ends in NUL.
unsafe fn text(raw: *const c_char) -> String {
    if raw.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(raw) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_bounded_and_does_not_repeat_itself() {
        let log = Log::default();
        for index in 0..40 {
            log.add(format!("line {}", index / 2));
        }
        log.add("ü".repeat(LOG_LINE_BYTES_MAX));
        let lines = log.0.lock().unwrap().len();
        assert_eq!(lines, LOG_LINES_MAX);
        let error = log.explain(Error::bug("x"));
        assert_eq!(error.evidence.len(), EVIDENCE_LINES);
        assert_eq!(error.evidence[1], "librdkafka: line 19");
        assert!(error.evidence[2].len() <= LOG_LINE_BYTES_MAX + 20);
    }
}
