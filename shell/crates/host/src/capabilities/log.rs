//! `log`: lines for the user's log, and the message of a panic.

use super::host::log::{Host, Level};
use crate::guest::GuestState;
use crate::log::LogLevel;

impl Host for GuestState {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        self.log.write(level, &message);
        Ok(())
    }

    fn panicked(&mut self, message: String) -> wasmtime::Result<()> {
        self.log.panicked(&message);
        Ok(())
    }
}
