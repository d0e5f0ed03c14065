//! What goes wrong in a plugin and is told to its user.

use std::fmt;

use crate::json::JsonError;

/// `Result` whose error a plugin's user will read.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Code of errors of other crates that came in by `?`.
const UNEXPECTED: &str = "unexpected";

/// A plugin said no: a stable code in kebab-case, and one sentence for people: lower case, names
/// in back-ticks, no full stop.
///
/// Every error of the standard library or another crate becomes one by `?`, with the code
/// `unexpected`; errors of [`json`](crate::json) have the code `bad-json`.
///
/// ```
/// use kafsh_sdk::{Error, Result};
///
/// fn port(text: &str) -> Result<u16> {
///     if text.is_empty() {
///         return Err(Error::new("no-port", "the record has no port"));
///     }
///     Ok(text.parse()?)
/// }
///
/// assert_eq!(port("").unwrap_err().code(), "no-port");
/// assert_eq!(port("x").unwrap_err().code(), "unexpected");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    code: String,
    message: String,
}

impl Error {
    /// An error of the plugin's own: `code` in kebab-case, stable; `message` for people.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Error { code: code.into(), message: message.into() }
    }

    /// What programs tell errors apart by.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Code and message.
    pub fn into_parts(self) -> (String, String) {
        (self.code, self.message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

// Not itself a `std::error::Error`: that would forbid this conversion.
impl<E: std::error::Error + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        let json = (&error as &dyn std::error::Error).downcast_ref::<JsonError>();
        Error::new(json.map_or(UNEXPECTED, JsonError::code), error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_code_and_message() {
        let error = Error::new("no-key", "the record has no key");
        assert_eq!((error.code(), error.to_string().as_str()), ("no-key", "the record has no key"));
        assert_eq!(format!("{error:?}"), "no-key: the record has no key");
    }

    #[test]
    fn json_has_a_code_of_its_own() {
        let read = || -> Result<()> {
            crate::json::check(b"{")?;
            Ok(())
        };
        assert_eq!(read().unwrap_err().code(), "bad-json");
    }
}
