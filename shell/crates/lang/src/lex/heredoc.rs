//! Here-documents: announced by `<<TAG`, read when their line has ended, byte for byte.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while};
use nom::character::complete::{char, satisfy};
use nom::combinator::{opt, peek, recognize};
use nom::sequence::{delimited, terminated};
use nom::{IResult, Parser};

use super::{Kind, Lexer, Problem, blanks, word_end};
use crate::diagnostic::Diagnostic;
use crate::highlight::TokenKind;
use crate::tree::Span;

/// A here-document; its body is known once the newline after it has been read.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub tag: String,
    /// Of `<<TAG`
    pub span: Span,
    pub body: Span,
}

/// `[A-Za-z_][A-Za-z0-9_.-]*`
fn document_tag(input: &str) -> IResult<&str, &str> {
    recognize((
        satisfy(|c| c.is_ascii_alphabetic() || c == '_'),
        take_while(|c: char| c.is_ascii_alphanumeric() || "_.-".contains(c)),
    ))
    .parse(input)
}

/// `<<TAG`; quotes around the tag change nothing, since the body is literal anyway.
fn announcement(input: &str) -> IResult<&str, (Option<char>, &str)> {
    let quoted = alt((
        delimited(char('\''), document_tag, char('\'')),
        delimited(char('"'), document_tag, char('"')),
        document_tag,
    ));
    (tag("<<"), opt(char('-')), blanks, terminated(quoted, peek(word_end)))
        .map(|(_, dash, _, tag)| (dash, tag))
        .parse(input)
}

impl Lexer<'_> {
    /// Reads what starts with `<`.
    pub(super) fn less(&mut self, problems: &mut Vec<Problem>) -> Kind {
        let start = self.at;
        if let Ok((rest, (dash, tag))) = announcement(self.rest()) {
            self.at = self.offset(rest);
            let span = Span::new(start, self.at);
            if dash.is_some() {
                let message = "`<<-` would strip tabs from records; lines keep their bytes here";
                let diagnostic = Diagnostic::error("syntax/heredoc-dash", span, message)
                    .with_help(format!("write `<<{tag}`, with `{tag}` at the start of its line"));
                problems.push(Problem { diagnostic, unfinished: false });
            }
            self.pending.push(self.documents.len());
            self.documents.push(Document { tag: tag.to_owned(), span, body: Span::default() });
            return Kind::Heredoc(self.documents.len() - 1);
        }
        let signs = self.rest().len() - self.rest().trim_start_matches('<').len();
        self.at += signs;
        let span = Span::new(start, self.at);
        let (message, help) = match signs {
            1 => ("`<` does not read a file here", "start the pipeline with it: `read FILE | …`"),
            2 => (
                "`<<` needs a tag: a letter or `_`, then letters, digits, `_`, `.` or `-`",
                "write `<<END`, then the lines, then `END` on a line of its own",
            ),
            _ => (
                "`<<<` does not give a word as input here",
                "write `<<END`, then the lines, then `END` on a line of its own",
            ),
        };
        let diagnostic = Diagnostic::error("syntax/input-redirect", span, message).with_help(help);
        problems.push(Problem { diagnostic, unfinished: false });
        Kind::Less
    }

    /// Reads the bodies of the documents that the line now ended has announced.
    pub(super) fn read_documents(&mut self, problems: &mut Vec<Problem>) {
        for index in std::mem::take(&mut self.pending) {
            if self.in_document {
                return;
            }
            self.read_document(index, problems);
        }
    }

    fn read_document(&mut self, index: usize, problems: &mut Vec<Problem>) {
        let body_start = self.at;
        let mut line_start = self.at;
        for line in self.rest().split_inclusive('\n') {
            let content = line.strip_suffix('\n').unwrap_or(line);
            if content.strip_suffix('\r').unwrap_or(content) == self.documents[index].tag {
                let body = Span::new(body_start, line_start);
                self.documents[index].body = body;
                self.at = line_start + line.len();
                let tag_end = line_start + self.documents[index].tag.len();
                if body.start < body.end {
                    self.marks.push((body, TokenKind::HeredocBody));
                }
                self.marks.push((Span::new(line_start, tag_end), TokenKind::Operator));
                return;
            }
            line_start += line.len();
        }
        let body = Span::new(body_start, self.text.len());
        self.documents[index].body = body;
        self.at = self.text.len();
        self.in_document = true;
        if body.start < body.end {
            self.marks.push((body, TokenKind::HeredocBody));
        }
        problems.push(self.unclosed_document(index));
    }

    pub(super) fn unclosed_document(&self, index: usize) -> Problem {
        let Document { tag, span, body } = &self.documents[index];
        let message = format!("the here-document `{tag}` is never closed");
        let indented = self.text[body.start..body.end].lines().any(|line| line.trim() == tag);
        let help = if indented {
            format!("`{tag}` must start its line, with nothing before or after it")
        } else {
            format!("put `{tag}` on a line of its own after the last record")
        };
        Problem {
            diagnostic: Diagnostic::error("syntax/unclosed-heredoc", *span, message)
                .with_help(help),
            unfinished: true,
        }
    }
}
