//! The kafsh language: text to a tree with spans and diagnostics. It knows no command.
//!
//! The grammar is described in `GRAMMAR.md` beside this crate. Everything here is a pure function
//! of the text: [`parse`] for running, [`at_cursor`] for completion, [`tokens`] for colours,
//! [`render()`] for showing a diagnostic.

mod cursor;
mod diagnostic;
mod highlight;
mod lex;
pub mod limits;
mod parse;
mod print;
mod render;
mod tree;
mod visit;

pub use cursor::{CursorContext, CursorPlace, CursorWord, PartialWord, at_cursor};
pub use diagnostic::{Diagnostic, Severity};
pub use highlight::{TokenKind, tokens};
pub use limits::decode;
pub use parse::{KEYWORDS, parse};
pub use render::{brief, line_col, render};
pub use tree::*;
pub use visit::walk;

/// What parsing a text gave: always a tree, with what is wrong beside it.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    pub script: Script,
    pub diagnostics: Vec<Diagnostic>,
    /// The text stops inside a quote, block, here-document or after `\` or `|`, or before the
    /// block that an `if` needs, and nothing else is wrong with it: a prompt asks for another
    /// line. A file that ends so also has an error among the diagnostics.
    pub incomplete: bool,
}
