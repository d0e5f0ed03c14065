//! One word: plain text, quotes, escapes and variables side by side.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_until, take_while, take_while1};
use nom::character::complete::{anychar, char, satisfy};
use nom::combinator::{opt, recognize, value};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::{Problem, line_continuation};
use crate::diagnostic::Diagnostic;
use crate::limits::DIAGNOSTICS_MAX;
use crate::tree::{Part, Span, Word};

/// How a stretch of a word was written; for highlighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PieceKind {
    Bare,
    Quoted,
    Variable,
}

/// A word and what only its lexer knows about it.
#[derive(Clone, Debug)]
pub(crate) struct RawWord {
    pub word: Word,
    pub pieces: Vec<(Span, PieceKind)>,
    /// The quote that the text ends in.
    pub open_quote: Option<char>,
    /// Where the `$` of a variable stands whose name the text ends in.
    pub open_variable: Option<usize>,
}

/// What a `$` turned out to be.
#[derive(Clone)]
enum Dollar<'a> {
    Variable(&'a str),
    /// `${name` at the end of the text
    Unclosed,
    /// `$( … )`, taken up to its end when that is on the line
    Substitution,
    /// `$1`, `$?` and their kind
    Special,
    /// `${` and then no name and `}`
    BadBraces,
    /// A sign like any other: `"^orders$"`
    Sign,
}

/// Characters that end an unquoted run of text.
fn is_plain(c: char) -> bool {
    !matches!(c, ' ' | '\t' | '\r' | '\n' | ';' | '|' | '<' | '>' | '\'' | '"' | '\\' | '$' | '`')
        && !is_refused(c)
}

/// What may stand in quotes and here-documents only.
fn is_refused(c: char) -> bool {
    is_control(c) || is_odd_blank(c)
}

/// Control characters that are not part of the layout.
pub(super) fn is_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r')
}

/// Looks like a blank, or like nothing, and is part of a word: always a slip of copy and paste.
fn is_odd_blank(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}' | '\u{3000}' | '\u{200b}' | '\u{feff}')
}

/// `[A-Za-z_][A-Za-z0-9_]*`
pub(crate) fn name(input: &str) -> IResult<&str, &str> {
    recognize((
        satisfy(|c| c.is_ascii_alphabetic() || c == '_'),
        take_while(|c: char| c.is_ascii_alphanumeric() || c == '_'),
    ))
    .parse(input)
}

fn dollar(input: &str) -> IResult<&str, Dollar<'_>> {
    let until = |end: char| take_while(move |c: char| c != end && c != '\n' && c != '"');
    alt((
        preceded(char('$'), name).map(Dollar::Variable),
        delimited(tag("${"), name, char('}')).map(Dollar::Variable),
        unclosed_braces,
        value(Dollar::Substitution, (tag("$("), until(')'), opt(char(')')))),
        value(Dollar::BadBraces, (tag("${"), until('}'), opt(char('}')))),
        value(
            Dollar::Special,
            (char('$'), satisfy(|c| c.is_ascii_digit() || "@*#?$!".contains(c))),
        ),
        value(Dollar::Sign, char('$')),
    ))
    .parse(input)
}

fn unclosed_braces(input: &str) -> IResult<&str, Dollar<'_>> {
    (preceded(tag("${"), opt(name)), nom::combinator::eof).map(|_| Dollar::Unclosed).parse(input)
}

/// Reads the word that starts at `start`; the caller has seen that one does.
pub(super) fn word(text: &str, start: usize) -> (RawWord, usize, Vec<Problem>) {
    let mut reader = Reader {
        text,
        at: start,
        raw: RawWord {
            word: Word { parts: Vec::new(), quoted: false, span: Span::new(start, start) },
            pieces: Vec::new(),
            open_quote: None,
            open_variable: None,
        },
        problems: Vec::new(),
    };
    while reader.piece() {}
    reader.raw.word.span.end = reader.at;
    (reader.raw, reader.at, reader.problems)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    raw: RawWord,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Moves to where `rest` starts and gives the span moved over.
    fn advance(&mut self, rest: &str) -> Span {
        let span = Span::new(self.at, self.text.len() - rest.len());
        self.at = span.end;
        span
    }

    fn literal(&mut self, text: &str) {
        match self.raw.word.parts.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Literal(literal)) => literal.push_str(text),
            _ => self.raw.word.parts.push(Part::Literal(text.to_owned())),
        }
    }

    fn mark(&mut self, span: Span, kind: PieceKind) {
        match self.raw.pieces.last_mut() {
            _ if span.start == span.end => {}
            Some((last, last_kind)) if *last_kind == kind && kind != PieceKind::Variable => {
                last.end = span.end;
            }
            _ => self.raw.pieces.push((span, kind)),
        }
    }

    fn problem(&mut self, diagnostic: Diagnostic, unfinished: bool) {
        if self.problems.len() < DIAGNOSTICS_MAX {
            self.problems.push(Problem { diagnostic, unfinished });
        }
    }

    /// Reads one stretch outside quotes; `false` at the end of the word.
    fn piece(&mut self) -> bool {
        let Some(first) = self.rest().chars().next() else { return false };
        match first {
            '\'' => self.single_quoted(),
            '"' => self.double_quoted(),
            '\\' => self.escape(),
            '$' => self.dollar(PieceKind::Bare),
            '`' => self.backtick(PieceKind::Bare),
            c if is_refused(c) => self.refused(c),
            c if is_plain(c) => {
                let plain = take_while1::<_, _, nom::error::Error<_>>(is_plain).parse(self.rest());
                let Ok((rest, text)) = plain else { return false };
                self.literal(text);
                let span = self.advance(rest);
                self.mark(span, PieceKind::Bare);
            }
            _ => return false,
        }
        true
    }

    fn escape(&mut self) {
        if let Ok((rest, _)) = line_continuation(self.rest()) {
            self.advance(rest);
            return;
        }
        match preceded(char('\\'), anychar::<_, nom::error::Error<_>>).parse(self.rest()) {
            Ok((rest, c)) => {
                let span = self.advance(rest);
                self.mark(span, PieceKind::Bare);
                // Before a newline an escaped carriage return would read as a continued line.
                if is_control(c) || c == '\r' {
                    self.problem(control_character(Span::new(span.start + 1, span.end), c), false);
                } else {
                    self.literal(c.encode_utf8(&mut [0; 4]));
                }
            }
            Err(_) => {
                let span = self.advance("");
                self.mark(span, PieceKind::Bare);
                let message = "the text ends after `\\`, which continues a line";
                let diagnostic = Diagnostic::error("syntax/trailing-backslash", span, message)
                    .with_help("write the next line, or `\\\\` for a backslash");
                self.problem(diagnostic, true);
            }
        }
    }

    fn single_quoted(&mut self) {
        self.raw.word.quoted = true;
        let quoted: IResult<&str, &str> =
            delimited(char('\''), take_until("'"), char('\'')).parse(self.rest());
        let open = self.at;
        let (rest, text) = quoted.unwrap_or_else(|_| ("", &self.rest()[1..]));
        self.literal(text);
        let closed = rest.len() + text.len() + 2 == self.rest().len();
        let span = self.advance(rest);
        self.mark(span, PieceKind::Quoted);
        if !closed {
            self.unclosed_quote(open, '\'');
        }
    }

    fn double_quoted(&mut self) {
        self.raw.word.quoted = true;
        let open = self.at;
        let mut from = self.at;
        self.at += 1;
        loop {
            let run: IResult<&str, &str> =
                take_while(|c| !matches!(c, '"' | '\\' | '$' | '`')).parse(self.rest());
            if let Ok((rest, text)) = run {
                self.literal(text);
                self.advance(rest);
            }
            match self.rest().chars().next() {
                None => {
                    self.mark(Span::new(from, self.at), PieceKind::Quoted);
                    return self.unclosed_quote(open, '"');
                }
                Some('"') => {
                    self.at += 1;
                    return self.mark(Span::new(from, self.at), PieceKind::Quoted);
                }
                Some('\\') => self.quoted_escape(),
                Some(other) => {
                    self.mark(Span::new(from, self.at), PieceKind::Quoted);
                    match other {
                        '$' => self.dollar(PieceKind::Quoted),
                        _ => self.backtick(PieceKind::Quoted),
                    }
                    from = self.at;
                }
            }
        }
    }

    /// In double quotes a backslash is a backslash, but before these.
    fn quoted_escape(&mut self) {
        if let Ok((rest, _)) = line_continuation(self.rest()) {
            self.advance(rest);
            return;
        }
        let escaped: IResult<&str, char> =
            preceded(char('\\'), satisfy(|c| matches!(c, '\\' | '"' | '$' | '`')))
                .parse(self.rest());
        match escaped {
            Ok((rest, c)) => {
                self.literal(c.encode_utf8(&mut [0; 4]));
                self.advance(rest);
            }
            Err(_) => {
                self.literal("\\");
                self.at += 1;
            }
        }
    }

    fn unclosed_quote(&mut self, open: usize, quote: char) {
        self.raw.open_quote = Some(quote);
        let message = format!("the quote `{quote}` is never closed");
        let span = Span::new(open, open + 1);
        let diagnostic =
            Diagnostic::error("syntax/unclosed-quote", span, message).with_help(match quote {
                // Nothing is special between them, a `\` neither.
                '\'' => {
                    "put a `'` where the text ends; one with a `'` in it stands in `\"…\"`".into()
                }
                _ => format!("put a `{quote}` where the text ends, or `\\{quote}` for the sign"),
            });
        self.problem(diagnostic, true);
    }

    fn dollar(&mut self, around: PieceKind) {
        let Ok((rest, dollar)) = dollar(self.rest()) else { return };
        let span = self.advance(rest);
        let at_end = rest.is_empty();
        let diagnostic = match dollar {
            Dollar::Variable(name) => {
                if at_end && !self.text[span.start..].ends_with('}') {
                    self.raw.open_variable = Some(span.start);
                }
                let name = name.to_owned();
                self.raw.word.parts.push(Part::Variable { name, span });
                return self.mark(span, PieceKind::Variable);
            }
            Dollar::Sign if around == PieceKind::Bare && rest.starts_with(['\'', '"']) => {
                let message = "`$` before a quote has no meaning here";
                Diagnostic::error("syntax/dollar-quote", span, message)
                    .with_help("put the character itself in quotes, or write `\\$` for the sign")
            }
            Dollar::Sign => {
                if at_end {
                    self.raw.open_variable = Some(span.start);
                }
                self.literal("$");
                return self.mark(span, around);
            }
            Dollar::Unclosed => {
                self.raw.open_variable = Some(span.start);
                self.mark(span, PieceKind::Variable);
                let diagnostic =
                    Diagnostic::error("syntax/bad-variable", span, "`${` is never closed")
                        .with_help("write `${name}`");
                return self.problem(diagnostic, true);
            }
            Dollar::Substitution => substitution(span, "`$( )` does not run a command here"),
            Dollar::Special => special_variable(span, &self.text[span.start..span.end]),
            Dollar::BadBraces => bad_braces(span, &self.text[span.start..span.end]),
        };
        self.mark(span, around);
        self.problem(diagnostic, false);
    }

    fn backtick(&mut self, around: PieceKind) {
        let command: IResult<&str, &str> =
            recognize((char('`'), take_while(|c| !matches!(c, '`' | '"' | '\n')), opt(char('`'))))
                .parse(self.rest());
        let Ok((rest, _)) = command else { return };
        let span = self.advance(rest);
        self.mark(span, around);
        self.problem(substitution(span, "a back-tick does not run a command here"), false);
    }

    fn refused(&mut self, c: char) {
        let span = Span::new(self.at, self.at + c.len_utf8());
        self.at = span.end;
        self.mark(span, PieceKind::Bare);
        let diagnostic = if is_odd_blank(c) {
            let message = format!("U+{:04X} looks like a blank and is none", u32::from(c));
            Diagnostic::error("syntax/odd-blank", span, message)
                .with_help("type an ordinary blank, or put the character in quotes")
        } else {
            control_character(span, c)
        };
        self.problem(diagnostic, false);
    }
}

pub(super) fn control_character(span: Span, c: char) -> Diagnostic {
    let message = format!("control character U+{:04X} outside quotes", u32::from(c));
    Diagnostic::error("syntax/control-character", span, message)
        .with_help("remove it; in quotes and here-documents any character may stand")
}

fn substitution(span: Span, message: &str) -> Diagnostic {
    Diagnostic::error("syntax/substitution", span, message).with_help(
        "name the result first, `let x = topic list | jq '…'`, then use `$x`; \
         single quotes keep text as it is",
    )
}

fn bad_braces(span: Span, text: &str) -> Diagnostic {
    let message = match text.ends_with('}') {
        true => "`${ }` holds one name and nothing else",
        false => "`${` is never closed",
    };
    Diagnostic::error("syntax/bad-variable", span, message)
        .with_help("write `${name}`; compute a value first with `let x = COMMAND | jq '…'`")
}

fn special_variable(span: Span, text: &str) -> Diagnostic {
    let help = match text.as_bytes()[1] {
        b'0'..=b'9' | b'@' | b'*' | b'#' => {
            "name an argument with `param NAME`, then use `$NAME`; write `\\$` for the sign"
        }
        b'?' => "use `if` or `expect` on the command itself; write `\\$` for the sign",
        _ => "write `\\$` for the sign",
    };
    Diagnostic::error("syntax/special-variable", span, format!("there is no `{text}`"))
        .with_help(help)
}
