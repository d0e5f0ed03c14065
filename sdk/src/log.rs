//! Lines for the user's log. In native tests they go to standard error.

/// For the author alone: shown where the user asks for it.
pub fn debug(message: impl AsRef<str>) {
    write(Level::Debug, message.as_ref());
}

pub fn info(message: impl AsRef<str>) {
    write(Level::Info, message.as_ref());
}

pub fn warn(message: impl AsRef<str>) {
    write(Level::Warn, message.as_ref());
}

pub fn error(message: impl AsRef<str>) {
    write(Level::Error, message.as_ref());
}

use crate::bindings::kafsh::step::log::Level;

#[cfg(target_arch = "wasm32")]
fn write(level: Level, message: &str) {
    crate::bindings::kafsh::step::log::write(level, message);
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
        super::warn("c");
        super::error("d");
    }
}
