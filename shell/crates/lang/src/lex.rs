//! Text to tokens with spans, one at a time: what a character means hangs on what the parser
//! expects (`!` takes a line only where a stage starts), so the parser pulls.

mod heredoc;
mod word;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{char, one_of};
use nom::combinator::{eof, not, opt, peek, recognize, value};
use nom::multi::many0_count;
use nom::sequence::terminated;
use nom::{IResult, Parser};

use crate::diagnostic::Diagnostic;
use crate::highlight::TokenKind;
use crate::limits::{DIAGNOSTICS_MAX, LINE_BYTES_MAX};
use crate::tree::Span;
pub(crate) use heredoc::Document;
pub(crate) use word::{PieceKind, RawWord, name};

/// A finding, and whether more text could mend it.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub diagnostic: Diagnostic,
    pub unfinished: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Boxed, since a word is large and tokens are moved about.
    Word(Box<RawWord>),
    Pipe,
    Semicolon,
    /// With the bodies of the here-documents that its line announced.
    Newline,
    /// `{` as a whole word
    Open,
    /// `}` as a whole word
    Close,
    Redirect {
        append: bool,
    },
    /// `<<TAG`: an index into [`Lexer::documents`]
    Heredoc(usize),
    /// `<` in any other form; it has no meaning
    Less,
    End,
}

#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub kind: Kind,
    pub span: Span,
    pub problems: Vec<Problem>,
}

pub(crate) struct Lexer<'a> {
    pub text: &'a str,
    /// After the last token read, and after the here-documents if that was a newline.
    pub at: usize,
    pub documents: Vec<Document>,
    /// Documents announced on this line, their bodies still to come.
    pending: Vec<usize>,
    /// The text ends inside a here-document.
    pub in_document: bool,
    /// Comments and here-documents, which the parser never sees.
    pub marks: Vec<(Span, TokenKind)>,
    /// Lines beyond [`LINE_BYTES_MAX`], in order; nearly always none.
    overlong: Vec<Span>,
}

/// `\` at the end of a line.
fn line_continuation(input: &str) -> IResult<&str, &str> {
    recognize((char('\\'), newline)).parse(input)
}

fn newline(input: &str) -> IResult<&str, &str> {
    alt((tag("\n"), tag("\r\n"))).parse(input)
}

/// Blanks; a carriage return that ends no line is one, and a continued line is one.
fn blanks(input: &str) -> IResult<&str, &str> {
    recognize(many0_count(alt((
        take_while1(|c| c == ' ' || c == '\t'),
        terminated(tag("\r"), not(char('\n'))),
        line_continuation,
    ))))
    .parse(input)
}

fn comment(input: &str) -> IResult<&str, &str> {
    recognize((char('#'), take_while(|c| c != '\n'))).parse(input)
}

/// Where an unquoted word cannot go on.
fn word_end(input: &str) -> IResult<&str, ()> {
    alt((value((), one_of(" \t\r\n;|<>")), value((), line_continuation), value((), eof)))
        .parse(input)
}

/// Told apart by its first character, since most tokens are words and none of these.
fn operator(input: &str) -> Option<(&str, Kind)> {
    let whole = |sign| terminated(char(sign), peek(word_end));
    let parsed: IResult<&str, Kind> = match input.as_bytes().first()? {
        b'\n' | b'\r' => value(Kind::Newline, newline).parse(input),
        b';' => value(Kind::Semicolon, char(';')).parse(input),
        b'|' => value(Kind::Pipe, char('|')).parse(input),
        b'>' => (char('>'), opt(char('>')))
            .map(|(_, second)| Kind::Redirect { append: second.is_some() })
            .parse(input),
        b'{' => value(Kind::Open, whole('{')).parse(input),
        b'}' => value(Kind::Close, whole('}')).parse(input),
        _ => return None,
    };
    parsed.ok()
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Lexer {
            text,
            at: if text.starts_with('\u{feff}') { 3 } else { 0 },
            documents: Vec::new(),
            pending: Vec::new(),
            in_document: false,
            marks: Vec::new(),
            overlong: overlong_lines(text),
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn offset(&self, rest: &str) -> usize {
        self.text.len() - rest.len()
    }

    /// The next token, with the blanks and the comment before it skipped.
    pub fn next(&mut self) -> Token {
        let mut problems = Vec::new();
        // Before the trivia too: a comment may be the overlong line.
        if let Some(token) = self.overlong_at(self.at, self.at) {
            return token;
        }
        self.skip_trivia(&mut problems);
        let start = self.at;
        if let Some(token) = self.overlong_at(start, start) {
            return token;
        }
        let kind = if self.rest().is_empty() {
            self.end_of_text(&mut problems);
            Kind::End
        } else if let Some((rest, kind)) = operator(self.rest()) {
            self.at = self.offset(rest);
            kind
        } else if self.rest().starts_with('<') {
            self.less(&mut problems)
        } else {
            let (raw, end, found) = word::word(self.text, start);
            self.at = end;
            problems.extend(found);
            Kind::Word(Box::new(raw))
        };
        let span = Span::new(start, self.at);
        if let Some(token) = self.overlong_at(start, span.end) {
            return token;
        }
        if matches!(kind, Kind::Newline) {
            self.read_documents(&mut problems);
        }
        Token { kind, span, problems }
    }

    /// The rest of the line from `start` on, which the parser knows to be for the system shell.
    pub fn line(&mut self, start: usize) -> (&'a str, Span, Vec<Problem>) {
        let rest = &self.text[start..];
        let line = rest.split('\n').next().unwrap_or_default();
        // All of them, so that no printed line can end in one that was not there.
        let line = line.trim_end_matches('\r');
        let span = Span::new(start, start + line.len());
        self.at = span.end;
        let mut problems = Vec::new();
        control_characters(line, start, &mut problems);
        (line, span, problems)
    }

    /// Does the next line, after blanks, begin with `|`? Asked when a newline was just read.
    pub fn line_continues(&self) -> bool {
        blanks(self.rest()).is_ok_and(|(rest, _)| rest.starts_with('|'))
    }

    /// Is the next word, after any blank lines and comments, this one?
    pub fn word_follows(&self, word: &str) -> bool {
        (tag::<_, _, nom::error::Error<_>>(word), word_end).parse(self.after_trivia()).is_ok()
    }

    /// Are there only blank lines and comments left?
    pub fn nothing_follows(&self) -> bool {
        self.after_trivia().is_empty()
    }

    fn after_trivia(&self) -> &'a str {
        let blank = take_while1(|c| c == ' ' || c == '\t' || c == '\r');
        let trivia = many0_count(alt((comment, newline, line_continuation, blank)));
        recognize(trivia).parse(self.rest()).map_or(self.rest(), |(rest, _)| rest)
    }

    fn skip_trivia(&mut self, problems: &mut Vec<Problem>) {
        let is_blank = |c| matches!(c, ' ' | '\t' | '\r' | '\\');
        if self.rest().starts_with(is_blank)
            && let Ok((rest, _)) = blanks(self.rest())
        {
            self.at = self.offset(rest);
        }
        if let Ok((rest, text)) = comment(self.rest()) {
            // The carriage return belongs to the newline that follows.
            let cut = usize::from(text.ends_with('\r') && !rest.is_empty());
            let span = Span::new(self.at, self.offset(rest) - cut);
            control_characters(&self.text[span.start..span.end], span.start, problems);
            self.marks.push((span, TokenKind::Comment));
            self.at = span.end;
        }
    }

    fn end_of_text(&mut self, problems: &mut Vec<Problem>) {
        if let Some(&index) = self.pending.first() {
            self.pending.clear();
            problems.push(self.unclosed_document(index));
        }
    }

    /// The end token that takes the place of everything from an overlong line on, if one that
    /// the span touches is.
    fn overlong_at(&mut self, start: usize, end: usize) -> Option<Token> {
        let touches = |line: &&Span| line.end > start && line.start < end.max(start + 1);
        let line = *self.overlong.iter().find(touches)?;
        let bytes = line.end - line.start;
        let message = format!("the line has {bytes} bytes, more than {LINE_BYTES_MAX}");
        let span = Span::new(line.start, line.start);
        let diagnostic = Diagnostic::error("limit/line", span, message)
            .with_help("keep records in a file of their own and use `read FILE | …`");
        self.overlong.clear();
        self.pending.clear();
        self.at = self.text.len();
        Some(Token {
            kind: Kind::End,
            span: Span::new(self.at, self.at),
            problems: vec![Problem { diagnostic, unfinished: false }],
        })
    }
}

fn overlong_lines(text: &str) -> Vec<Span> {
    let mut lines = Vec::new();
    let mut start = 0;
    while text.len() - start > LINE_BYTES_MAX {
        let end = text[start..].find('\n').map_or(text.len(), |length| start + length);
        if end - start > LINE_BYTES_MAX {
            lines.push(Span::new(start, end));
        }
        start = (end + 1).min(text.len());
    }
    lines
}

fn control_characters(text: &str, offset: usize, problems: &mut Vec<Problem>) {
    let found = text.char_indices().filter(|(_, c)| word::is_control(*c));
    for (at, c) in found.take(DIAGNOSTICS_MAX) {
        let span = Span::new(offset + at, offset + at + c.len_utf8());
        let diagnostic = word::control_character(span, c);
        problems.push(Problem { diagnostic, unfinished: false });
    }
}
