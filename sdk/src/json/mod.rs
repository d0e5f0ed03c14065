//! JSON read and edited in place: no tree is built, and what is not edited keeps its bytes.
//!
//! Every function reads the whole text and refuses what is malformed, so that half a document
//! never passes for a whole one. Texts are read in one pass; nesting is bounded by [`DEPTH_MAX`].
//!
//! ```
//! use kafsh_sdk::json::{self, Edits, Path};
//!
//! let text = br#"{"user": {"name": "Kim", "age": 41},  "n": 1.50}"#;
//! let name = json::find(text, &Path::parse("user.name").unwrap()).unwrap();
//! assert_eq!(name, Some(b"\"Kim\"".as_slice()));
//!
//! let edits = Edits::new().set("user.name", "\"***\"")?.remove("user.age")?;
//! let mut out = Vec::new();
//! assert_eq!(edits.apply(text, &mut out)?, 2);
//! assert_eq!(out, br#"{"user": {"name": "***"},  "n": 1.50}"#);
//! # Ok::<(), kafsh_sdk::Error>(())
//! ```

mod edit;
mod path;
mod read;
mod scan;

use std::fmt;

pub use edit::Edits;
pub use path::{BadPath, Path};
pub use read::{Members, check, find, map_strings, members, quote, scalar, text};
pub use scan::DEPTH_MAX;

/// Why a text cannot be worked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// It is no JSON
    Malformed {
        /// Bytes before it
        at: usize,
        /// What should stand there
        expected: &'static str,
    },
    /// A field cannot get this name: its object has such a field already
    NameTaken(String),
}

impl JsonError {
    /// `bad-json` or `name-taken`.
    pub fn code(&self) -> &'static str {
        match self {
            JsonError::Malformed { .. } => "bad-json",
            JsonError::NameTaken(_) => "name-taken",
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonError::Malformed { at, expected } => {
                write!(f, "not JSON: {expected} is missing at byte {at}")
            }
            JsonError::NameTaken(name) => write!(f, "there is a field `{name}` already"),
        }
    }
}

impl std::error::Error for JsonError {}
