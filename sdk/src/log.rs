//! Lines for the user's log. In native tests they go to standard error.
//!
//! In one call 200 lines of 1 KiB are kept; more are counted.
//!
//! ```
//! kafsh_sdk::info!("topic `{}` has {} partitions", "orders", 12);
//! kafsh_sdk::log::warn("no settings given");
//! ```

/// For the author alone: shown where the user asks for it.
pub fn debug(message: impl AsRef<str>) {
    write(Level::Debug, message.as_ref());
}

/// What the user may want to know: shown as it comes.
pub fn info(message: impl AsRef<str>) {
    write(Level::Info, message.as_ref());
}

/// What the user should look at, though the work goes on.
pub fn warn(message: impl AsRef<str>) {
    write(Level::Warn, message.as_ref());
}

/// What is wrong. It ends nothing: what ends a call is its `Err`.
pub fn error(message: impl AsRef<str>) {
    write(Level::Error, message.as_ref());
}

/// [`log::debug`](crate::log::debug) with the arguments of `format!`.
#[macro_export]
macro_rules! debug {
    ($($message:tt)+) => { $crate::log::debug(::std::format!($($message)+)) };
}

/// [`log::info`](crate::log::info) with the arguments of `format!`.
#[macro_export]
macro_rules! info {
    ($($message:tt)+) => { $crate::log::info(::std::format!($($message)+)) };
}

/// [`log::warn`](crate::log::warn) with the arguments of `format!`.
#[macro_export]
macro_rules! warn {
    ($($message:tt)+) => { $crate::log::warn(::std::format!($($message)+)) };
}

/// [`log::error`](crate::log::error) with the arguments of `format!`.
#[macro_export]
macro_rules! error {
    ($($message:tt)+) => { $crate::log::error(::std::format!($($message)+)) };
}

use crate::bindings::host::kafsh::host::log::Level;

#[cfg(target_arch = "wasm32")]
fn write(level: Level, message: &str) {
    crate::bindings::host::kafsh::host::log::write(level, message);
}

/// The import exists in a component only.
#[cfg(not(target_arch = "wasm32"))]
fn write(level: Level, message: &str) {
    eprintln!("{level:?}: {message}");
}

#[cfg(test)]
mod tests {
    #[test]
    fn logging_works_natively() {
        super::debug("a");
        super::info(String::from("b"));
        crate::warn!("{}", "c");
        crate::error!("d {}", 1);
    }
}
