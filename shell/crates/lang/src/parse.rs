//! Recursive descent from tokens to the tree. It never fails: what is wrong is reported, the
//! statement is left out, and parsing goes on with the next one.

mod stage;
mod statement;
#[cfg(test)]
mod tests;

use crate::Parsed;
use crate::cursor::{CursorPlace, Trace};
use crate::diagnostic::{Diagnostic, Severity};
use crate::highlight::TokenKind;
use crate::lex::{Kind, Lexer, PieceKind, RawWord, Token};
use crate::limits::{DIAGNOSTICS_MAX, NESTING_MAX, SOURCE_BYTES_MAX, STATEMENTS_MAX, too_large};
use crate::tree::{Script, Span, StageKind, Statement, StatementKind};
use crate::visit;
pub(crate) use statement::is_bare_value;

/// The words that begin a statement other than a command, when unquoted and first in it.
pub const KEYWORDS: &[&str] = &[
    "else", "expect", "for", "if", "in", "let", "on-exit", "param", "set", "source", "try", "wait",
];

/// Parses a source text. Always gives a tree; what could not be understood is left out of it and
/// reported. Spans are byte offsets into `text` and lie on character boundaries.
pub fn parse(text: &str) -> Parsed {
    let (parser, script) = Parser::run(text);
    Parsed { script, incomplete: parser.incomplete(), diagnostics: parser.diagnostics }
}

/// `None` means: reported, and the statement cannot be built.
type Parse<T> = Option<T>;

pub(crate) struct Parser<'a> {
    pub lexer: Lexer<'a>,
    peeked: Option<Token>,
    pub diagnostics: Vec<Diagnostic>,
    /// The text stops where more was due; reported once, by whoever notices first.
    unfinished: bool,
    /// A limit was passed: the rest of the text is not read.
    stopped: bool,
    nesting: usize,
    statements: usize,
    /// Where the last token ended that was no newline
    last_end: usize,
    pub marks: Vec<(Span, TokenKind)>,
    pub trace: Trace,
}

impl<'a> Parser<'a> {
    pub fn run(text: &'a str) -> (Self, Script) {
        let readable = text.len() <= SOURCE_BYTES_MAX;
        let mut parser = Parser {
            lexer: Lexer::new(if readable { text } else { "" }),
            peeked: None,
            diagnostics: Vec::new(),
            unfinished: false,
            stopped: false,
            nesting: 0,
            statements: 0,
            last_end: 0,
            marks: Vec::new(),
            trace: Trace::default(),
        };
        if !readable {
            parser.report(too_large(text.len()));
        }
        let mut script = Script { statements: parser.statements(false) };
        parser.fill_documents(&mut script);
        parser.diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
        parser.marks.append(&mut parser.lexer.marks);
        parser.marks.sort_by_key(|(span, _)| span.start);
        (parser, script)
    }

    fn incomplete(&self) -> bool {
        let errors =
            self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
        self.unfinished && !self.stopped && errors.count() == 1
    }

    fn text(&self, span: Span) -> &'a str {
        &self.lexer.text[span.start..span.end]
    }

    // Tokens

    fn peek(&mut self) -> &Token {
        let (lexer, trace) = (&mut self.lexer, &mut self.trace);
        self.peeked.get_or_insert_with(|| {
            let token = lexer.next();
            if matches!(token.kind, Kind::End) {
                trace.freeze();
            }
            token
        })
    }

    fn end(&self) -> Token {
        let at = self.lexer.text.len();
        Token { kind: Kind::End, span: Span::new(at, at), problems: Vec::new() }
    }

    /// Takes the next token; what the lexer found wrong with it counts from now on.
    fn bump(&mut self, mark: TokenKind) -> Token {
        self.peek();
        let mut token = self.peeked.take().unwrap_or_else(|| self.end());
        let problems = std::mem::take(&mut token.problems);
        match &token.kind {
            Kind::Word(raw) => {
                self.mark_word(raw, mark);
                self.trace.word(raw, self.lexer.text);
            }
            Kind::Newline | Kind::End => {}
            _ => self.marks.push((token.span, mark)),
        }
        if !matches!(token.kind, Kind::Newline | Kind::End) {
            self.last_end = token.span.end;
        }
        for problem in problems {
            if problem.unfinished {
                self.report_unfinished(problem.diagnostic);
            } else {
                self.report(problem.diagnostic);
            }
        }
        token
    }

    /// Takes the next token if it is a word.
    fn word(&mut self, mark: TokenKind) -> Parse<RawWord> {
        if !matches!(self.peek().kind, Kind::Word(_)) {
            return None;
        }
        match self.bump(mark).kind {
            Kind::Word(raw) => Some(*raw),
            _ => None,
        }
    }

    /// The source of the next token if that is a word without quotes, escapes and variables.
    fn peek_bare(&mut self) -> Option<&'a str> {
        let Token { kind: Kind::Word(raw), span, .. } = self.peek() else { return None };
        let (span, quoted, literal) = (*span, raw.word.quoted, raw.word.literal()?);
        (!quoted && literal == self.text(span)).then(|| self.text(span))
    }

    /// Reads again from `at` on: the last token peeked meant something else there.
    fn reread_from(&mut self, at: usize) {
        self.peeked = None;
        self.lexer.at = at;
    }

    fn mark_word(&mut self, raw: &RawWord, mark: TokenKind) {
        if mark == TokenKind::Keyword {
            return self.marks.push((raw.word.span, mark));
        }
        for &(span, kind) in &raw.pieces {
            let kind = match kind {
                PieceKind::Bare => mark,
                PieceKind::Quoted => TokenKind::Quoted,
                PieceKind::Variable => TokenKind::Variable,
            };
            self.marks.push((span, kind));
        }
    }

    // Findings

    fn report(&mut self, diagnostic: Diagnostic) {
        if self.stopped {
            return;
        }
        self.diagnostics.push(diagnostic);
        if self.diagnostics.len() >= DIAGNOSTICS_MAX {
            self.stop();
        }
    }

    /// Reports that the text ends too early. Only the first such report tells something new.
    fn report_unfinished(&mut self, diagnostic: Diagnostic) {
        if !self.unfinished {
            self.report(diagnostic);
            self.unfinished = true;
        }
    }

    /// Reports a limit passed, and reads no further.
    fn report_limit(&mut self, code: &'static str, span: Span, message: String, help: &str) {
        self.report(Diagnostic::error(code, span, message).with_help(help));
        self.stop();
    }

    fn stop(&mut self) {
        self.stopped = true;
        self.peeked = None;
        self.lexer.at = self.lexer.text.len();
    }

    /// Reports what is missing at the next token: unfinished where the text ends.
    fn report_missing(&mut self, code: &'static str, message: impl Into<String>, help: &str) {
        let Token { kind, span, .. } = self.peek();
        let at_end = matches!(kind, Kind::End);
        let mut span = *span;
        if at_end || matches!(kind, Kind::Newline) {
            span = Span::new(self.last_end, self.last_end);
        }
        let diagnostic = Diagnostic::error(code, span, message).with_help(help);
        if at_end { self.report_unfinished(diagnostic) } else { self.report(diagnostic) }
    }

    /// Goes one level deeper, if the tree may be that deep.
    fn nested<T>(&mut self, span: Span, inner: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        if self.nesting == NESTING_MAX {
            let message = format!("more than {NESTING_MAX} blocks inside each other");
            self.report_limit(
                "limit/nesting",
                span,
                message,
                "move the inner part to a file \
                of its own and use `source FILE`",
            );
            return None;
        }
        self.nesting += 1;
        let result = inner(self);
        self.nesting -= 1;
        result
    }

    // Lists of statements

    /// Statements up to the end of the text, or up to the `}` of a block.
    fn statements(&mut self, in_block: bool) -> Vec<Statement> {
        let mut statements = Vec::new();
        loop {
            self.trace.statement();
            match self.peek().kind {
                Kind::End => {
                    self.bump(TokenKind::Error);
                    return statements;
                }
                Kind::Newline | Kind::Semicolon => {
                    self.bump(TokenKind::Operator);
                }
                Kind::Close if in_block => return statements,
                Kind::Close => {
                    let span = self.bump(TokenKind::Error).span;
                    let message = "this `}` closes no block";
                    let diagnostic = Diagnostic::error("syntax/surplus-brace", span, message)
                        .with_help("remove it, or put it in quotes if it is an argument");
                    self.report(diagnostic);
                }
                _ => {
                    if !self.count_statement() {
                        return statements;
                    }
                    match self.statement() {
                        Some(statement) => {
                            self.separator(&statement);
                            statements.push(statement);
                        }
                        None => self.synchronise(),
                    }
                }
            }
        }
    }

    fn count_statement(&mut self) -> bool {
        self.statements += 1;
        if self.statements > STATEMENTS_MAX {
            let span = self.peek().span;
            let message = format!("more than {STATEMENTS_MAX} statements");
            self.report_limit("limit/statements", span, message, "split the file in several");
        }
        !self.stopped
    }

    /// After a statement comes its end. If not, that is reported; what follows a block may be a
    /// good statement and is read as one.
    fn separator(&mut self, before: &Statement) {
        let span = self.peek().span;
        let (message, help) = match self.peek().kind {
            Kind::Newline | Kind::Semicolon | Kind::Close | Kind::End => return,
            // The lexer has said what is wrong with it.
            Kind::Less => return self.synchronise(),
            Kind::Open if mistyped_keyword(before).is_some() => {
                let (word, meant) = mistyped_keyword(before).unwrap_or_default();
                let message = format!("a block cannot stand behind `{word}`");
                let help = format!("did you mean `{meant}`?");
                let diagnostic = Diagnostic::error("syntax/unexpected", span, message);
                self.report(diagnostic.with_help(help));
                return self.synchronise();
            }
            Kind::Open => (
                "a block cannot stand here",
                "a block follows `if`, `else`, `for` or `on-exit`; put `{` in quotes if it is \
                 an argument",
            ),
            Kind::Pipe => ("a block has no output to pipe", "put the pipeline inside the block"),
            Kind::Redirect { .. } => {
                ("a block has no output to redirect", "redirect the commands inside the block")
            }
            _ => {
                let message = "a newline or `;` is missing before this";
                let diagnostic = Diagnostic::error("syntax/missing-separator", span, message)
                    .with_help("put the statement on a line of its own");
                self.report(diagnostic);
                if !ends_in_block(before) {
                    self.synchronise();
                }
                return;
            }
        };
        self.report(Diagnostic::error("syntax/unexpected", span, message).with_help(help));
        self.synchronise();
    }

    /// Skips to the end of a statement that could not be read. Blocks on the way are read for
    /// what is wrong in them, and so that their braces stay matched.
    fn synchronise(&mut self) {
        let mut after_pipe = false;
        loop {
            let span = self.peek().span;
            let system = after_pipe && self.text(span).starts_with('!');
            after_pipe = false;
            let is_newline = matches!(self.peek().kind, Kind::Newline);
            let continues = is_newline && self.lexer.line_continues();
            match self.peek().kind {
                Kind::End | Kind::Close | Kind::Semicolon => return,
                Kind::Newline if continues => {
                    self.bump(TokenKind::Operator);
                }
                Kind::Newline => return,
                Kind::Open => {
                    if self.block("this").is_none() {
                        return;
                    }
                }
                Kind::Word(_) if system => {
                    self.peeked = None;
                    self.lexer.line(span.start);
                }
                Kind::Word(_) => {
                    self.bump(TokenKind::Word);
                }
                Kind::Pipe => {
                    self.bump(TokenKind::Operator);
                    after_pipe = true;
                }
                _ => {
                    self.bump(TokenKind::Operator);
                }
            }
        }
    }

    /// Puts into the tree what the lexer read after the lines that announced it.
    fn fill_documents(&self, script: &mut Script) {
        if self.lexer.documents.is_empty() {
            return;
        }
        visit::stages_mut(&mut script.statements, &mut |stage| {
            if let StageKind::Command { heredoc: Some(heredoc), .. } = &mut stage.kind {
                // The parser left the document's number here.
                let document = &self.lexer.documents[heredoc.body_span.start];
                heredoc.body_span = document.body;
                heredoc.body = self.text(document.body).to_owned();
            }
        });
    }

    fn expecting(&mut self, place: CursorPlace) {
        self.trace.place(place);
    }
}

/// The first word of a command before a block, and the keyword that was most likely meant.
fn mistyped_keyword(before: &Statement) -> Option<(String, &'static str)> {
    let StatementKind::Pipeline(pipeline) = &before.kind else { return None };
    let [stage] = pipeline.stages.as_slice() else { return None };
    let StageKind::Command { words, heredoc: None } = &stage.kind else { return None };
    let word = words.first()?.literal()?;
    let near = kafsh_model::suggest::suggest(&word, ["if", "for", "on-exit"]);
    near.first().map(|meant| (word, *meant))
}

fn ends_in_block(statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::If { .. } | StatementKind::For { .. } | StatementKind::OnExit(_) => true,
        StatementKind::Try(inner) => ends_in_block(inner),
        _ => false,
    }
}
