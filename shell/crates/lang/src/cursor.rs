//! Where the cursor is, for completion: what was typed of the stage, and what is due next.

use crate::highlight::TokenKind;
use crate::lex::RawWord;
use crate::parse::Parser;
use crate::tree::{Part, Span, Word};

/// What kind of text is due where the cursor is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CursorPlace {
    /// A word of a command: its name if [`CursorContext::words`] is empty, else an argument
    #[default]
    Command,
    /// The name of a cluster, after `@`
    Cluster,
    /// The name of a variable, after `$` (or `${`, when `braced`); the partial word is that name,
    /// its span starts at the `$`
    Variable { braced: bool },
    /// A file, after `>` or `>>`
    Redirect,
    /// A new name, after `let`, `for` or `param`
    Name,
    /// A word that `for` goes through
    Item,
    /// A plain value: the default of a `param`, the value of a `set`
    Value,
    /// A duration, after `wait`
    Duration,
    /// The code of an error, after `expect error`
    ErrorCode,
    /// The name of a setting, after `set`
    Setting,
    /// A script, after `source`
    Source,
    /// A command line of the system, after `!`
    Os,
    /// A comment, a here-document, an operator: nothing can be offered
    Nothing,
}

/// A word before the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorWord {
    /// Without quotes and escapes; variables as they are written
    pub text: String,
    pub quoted: bool,
    pub span: Span,
}

/// The word that the cursor touches, up to the cursor; empty after a blank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartialWord {
    /// Without quotes and escapes
    pub text: String,
    /// What a completion replaces
    pub span: Span,
    /// The quote that the cursor is in
    pub quote: Option<char>,
}

/// What [`at_cursor`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CursorContext {
    pub place: CursorPlace,
    /// Whole words of the stage (or of the statement's own part) before the partial word
    pub words: Vec<CursorWord>,
    pub partial: PartialWord,
    /// The stage is the first of its pipeline
    pub first_stage: bool,
    /// The partial word is the first of a statement, so a keyword may stand here
    pub statement_start: bool,
    /// The cluster that `@name` picked for the stage
    pub cluster: Option<String>,
}

/// Says what is due at `cursor`, a byte offset into `text` (moved down to a character boundary).
/// Only the text before the cursor counts, and it may be incomplete or wrong.
pub fn at_cursor(text: &str, cursor: usize) -> CursorContext {
    let before = &text[..text.floor_char_boundary(cursor)];
    let (parser, _) = Parser::run(before);
    let end = before.len();
    let in_comment = parser
        .marks
        .iter()
        .rev()
        .take_while(|(span, _)| span.end == end)
        .any(|(_, kind)| *kind == TokenKind::Comment);
    let mut context = parser.trace.context(before);
    if in_comment || parser.lexer.in_document {
        let partial = PartialWord { span: Span::new(end, end), ..PartialWord::default() };
        context =
            CursorContext { place: CursorPlace::Nothing, partial, ..CursorContext::default() };
    }
    context
}

/// What the parser is about to read, kept up to date until it reaches the end of the text.
#[derive(Default)]
pub(crate) struct Trace {
    place: CursorPlace,
    words: Vec<CursorWord>,
    /// The last word's open quote and variable
    tail: (Option<char>, Option<usize>),
    first_stage: bool,
    statement_start: bool,
    cluster: Option<String>,
    frozen: bool,
}

impl Trace {
    /// The end of the text is reached: what happens from now on is the parser unwinding.
    pub fn freeze(&mut self) {
        self.frozen = true;
    }

    /// A statement is due.
    pub fn statement(&mut self) {
        if !self.frozen {
            *self = Trace { first_stage: true, statement_start: true, ..Trace::default() };
        }
    }

    /// A stage is due; the first of a statement is where the statement began.
    pub fn stage(&mut self, first: bool) {
        let same = first && self.statement_start && self.words.is_empty();
        if !self.frozen && !same {
            *self = Trace { first_stage: first, ..Trace::default() };
        }
    }

    /// Something is due; words gather while that stays the same.
    pub fn place(&mut self, place: CursorPlace) {
        if !self.frozen && self.place != place {
            self.place = place;
            self.words.clear();
            self.statement_start = false;
        }
    }

    pub fn word(&mut self, raw: &RawWord, text: &str) {
        if self.frozen {
            return;
        }
        let Word { quoted, span, .. } = raw.word;
        self.words.push(CursorWord { text: written(&raw.word, text), quoted, span });
        self.tail = (raw.open_quote, raw.open_variable);
        self.frozen = span.end == text.len();
    }

    /// The name after `@` was read, and the command is due.
    pub fn cluster(&mut self, word: &Word, text: &str) {
        if !self.frozen {
            self.cluster = Some(written(word, text));
            self.place(CursorPlace::Command);
        }
    }

    /// A `!` line was read.
    pub fn system(&mut self, span: Span, text: &str) {
        if !self.frozen {
            self.place(CursorPlace::Os);
            let line = text[span.start..span.end].to_owned();
            self.words = vec![CursorWord { text: line, quoted: false, span }];
            self.tail = (None, None);
            self.frozen = span.end == text.len();
        }
    }

    fn context(mut self, text: &str) -> CursorContext {
        let end = text.len();
        let mut partial = PartialWord { span: Span::new(end, end), ..PartialWord::default() };
        let mut place = self.place;
        if let Some(word) = self.words.pop_if(|word| word.span.end == end) {
            partial = PartialWord { text: word.text, span: word.span, quote: self.tail.0 };
            if let Some(start) = self.tail.1 {
                let braced = text[start..].starts_with("${");
                place = CursorPlace::Variable { braced };
                partial.text = text[start..].trim_start_matches(['$', '{']).to_owned();
                partial.span.start = start;
            }
        }
        CursorContext {
            place,
            statement_start: self.statement_start && self.words.is_empty(),
            words: self.words,
            partial,
            first_stage: self.first_stage,
            cluster: self.cluster,
        }
    }
}

/// A word without its quotes, its variables as they stand in the text.
fn written(word: &Word, text: &str) -> String {
    let parts = word.parts.iter().map(|part| match part {
        Part::Literal(literal) => literal.as_str(),
        Part::Variable { span, .. } => &text[span.start..span.end],
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `text` with the cursor at its end: place, words, partial word (with `@start` and quote).
    fn check(text: &str, place: CursorPlace, words: &[&str], partial: &str) -> CursorContext {
        let context = at_cursor(text, text.len());
        let texts: Vec<&str> = context.words.iter().map(|word| word.text.as_str()).collect();
        let found = (context.place, texts, context.partial.text.as_str());
        assert_eq!(found, (place, words.to_vec(), partial), "{text:?}");
        assert_eq!(context.partial.span.end, text.len(), "{text:?}");
        context
    }

    #[test]
    fn words_of_a_command() {
        use CursorPlace::Command;
        assert!(check("", Command, &[], "").statement_start);
        assert!(check("to", Command, &[], "to").statement_start);
        assert!(check("if", Command, &[], "if").statement_start);
        assert!(!check("topic ", Command, &["topic"], "").statement_start);
        check("topic describe or", Command, &["topic", "describe"], "or");
        check("a; topic describe ", Command, &["topic", "describe"], "");
        check("a\nb c", Command, &["b"], "c");
        check("on-exit { cluster lo", Command, &["cluster"], "lo");
        check("if topic li", Command, &["topic"], "li");
        assert!(!check("if to", Command, &[], "to").statement_start);
        assert!(check("try to", Command, &[], "to").statement_start);
        check("wait 30s cluster st", Command, &["cluster"], "st");
        check("expect error denied topic cr", Command, &["topic"], "cr");
        check("let x = topic li", Command, &["topic"], "li");
        check("let x = ", Command, &[], "");
        check("for t in $names { topic des", Command, &["topic"], "des");
        check("produce t <<END\na\nEND\ntop", Command, &[], "top");
        check("wrong } } | | topic li", Command, &["topic"], "li");
    }

    #[test]
    fn stages() {
        let context = check("topic list | jq ", CursorPlace::Command, &["jq"], "");
        assert!(!context.first_stage && !context.statement_start);
        assert!(check("topic list", CursorPlace::Command, &["topic"], "list").first_stage);
        assert!(!check("topic list |\n wh", CursorPlace::Command, &[], "wh").first_stage);
        let context = check("a | @prod produce or", CursorPlace::Command, &["produce"], "or");
        assert_eq!(context.cluster.as_deref(), Some("prod"));
        check("@pr", CursorPlace::Cluster, &[], "pr");
        check("a | @", CursorPlace::Cluster, &[], "");
        assert!(check("@prod to", CursorPlace::Command, &[], "to").cluster.is_some());
    }

    #[test]
    fn quotes() {
        let context =
            check("topic create 'my to", CursorPlace::Command, &["topic", "create"], "my to");
        assert_eq!(context.partial.quote, Some('\''));
        assert_eq!(context.partial.span.start, 13);
        let context = check("jq \"a\\\" b", CursorPlace::Command, &["jq"], "a\" b");
        assert_eq!(context.partial.quote, Some('"'));
        let context = check("jq 'a' b\\ c", CursorPlace::Command, &["jq", "a"], "b c");
        assert_eq!(context.partial.quote, None);
        assert!(context.words[1].quoted);
        assert_eq!(context.words[1].span, Span::new(3, 6));
    }

    #[test]
    fn variables() {
        let plain = CursorPlace::Variable { braced: false };
        let braced = CursorPlace::Variable { braced: true };
        assert_eq!(check("topic x$na", plain, &["topic"], "na").partial.span.start, 7);
        check("topic $", plain, &["topic"], "");
        check("topic \"a ${na", braced, &["topic"], "na");
        check("topic ${", braced, &["topic"], "");
        check("topic ${name}", CursorPlace::Command, &["topic"], "${name}");
        check("topic '$na", CursorPlace::Command, &["topic"], "$na");
        check("for t in $na", plain, &[], "na");
        check("topic $name ", CursorPlace::Command, &["topic", "$name"], "");
    }

    #[test]
    fn other_places() {
        check("topic list > fi", CursorPlace::Redirect, &[], "fi");
        check("topic list >> ", CursorPlace::Redirect, &[], "");
        check("let na", CursorPlace::Name, &[], "na");
        check("for x in a b", CursorPlace::Item, &["a"], "b");
        check("wait 3", CursorPlace::Duration, &[], "3");
        check("expect error no", CursorPlace::ErrorCode, &[], "no");
        check("set out", CursorPlace::Setting, &[], "out");
        check("set output js", CursorPlace::Value, &[], "js");
        check("source lib", CursorPlace::Source, &[], "lib");
        check("param x = 3", CursorPlace::Value, &[], "3");
        check("a | !sort -", CursorPlace::Os, &[], "sort -");
        check("topic list # com", CursorPlace::Nothing, &[], "");
        check("produce t <<END\na", CursorPlace::Nothing, &[], "");
        check("produce t <<EN", CursorPlace::Nothing, &[], "");
    }

    #[test]
    fn only_the_text_before_the_cursor_counts() {
        let context = at_cursor("topic list 'unclosed", 8);
        assert_eq!(context.partial.text, "li");
        assert_eq!(at_cursor("é", 1).partial.span, Span::new(0, 0));
        assert_eq!(at_cursor("a", 99).partial.text, "a");
    }
}
