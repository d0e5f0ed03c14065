//! The log capability: what a plugin says during a call, bounded, handed on after it.

use std::sync::Arc;

use crate::limits::{LOG_LINE_BYTES_MAX, LOG_LINES_MAX, PANIC_BYTES_MAX};
use crate::text::{one_line, shown_within};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// A line that a plugin logged, safe to be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Name of the plugin
    pub plugin: String,
    pub level: LogLevel,
    pub text: String,
    /// Code of the error with which the host ended a call or refused one; a plugin cannot set it
    pub code: Option<String>,
}

/// Told of each line after the call in which it was logged; also of what the host itself has to
/// say of a plugin or its cache.
pub type LogSink = Arc<dyn Fn(&LogLine) + Send + Sync>;

/// Lines of one call.
#[derive(Default)]
pub(crate) struct Captured {
    lines: Vec<(LogLevel, String)>,
    dropped: u64,
    pub(crate) panic: Option<String>,
}

impl Captured {
    pub(crate) fn write(&mut self, level: LogLevel, message: &str) {
        if self.lines.len() < LOG_LINES_MAX {
            self.lines.push((level, shown_within(message, LOG_LINE_BYTES_MAX)));
        } else {
            self.dropped += 1;
        }
    }

    /// The first message counts: a panic while panicking says less.
    pub(crate) fn panicked(&mut self, message: &str) {
        self.panic.get_or_insert_with(|| shown_within(&one_line(message), PANIC_BYTES_MAX));
    }

    pub(crate) fn hand_over(self, plugin: &str, sink: &LogSink) {
        for (level, text) in self.lines {
            sink(&LogLine { plugin: plugin.into(), level, text, code: None });
        }
        if self.dropped > 0 {
            let text = format!("{} more lines were not kept", self.dropped);
            sink(&LogLine { plugin: plugin.into(), level: LogLevel::Warn, text, code: None });
        }
    }
}
