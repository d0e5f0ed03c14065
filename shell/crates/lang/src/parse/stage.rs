//! Pipelines: stages, here-documents, redirects, clusters, lines for the system shell.

use super::{Parse, Parser};
use crate::cursor::CursorPlace;
use crate::diagnostic::Diagnostic;
use crate::highlight::TokenKind;
use crate::lex::{Kind, Token};
use crate::limits::{STAGES_MAX, WORDS_MAX};
use crate::tree::{Heredoc, Pipeline, Redirect, Span, Stage, StageKind, Word};

impl Parser<'_> {
    /// `STAGE | STAGE … [> FILE | >> FILE]`
    pub(super) fn pipeline(&mut self) -> Parse<Pipeline> {
        let mut stages = vec![self.stage(true)?];
        while self.pipe_follows() {
            let pipe = self.bump(TokenKind::Operator).span;
            if stages.len() == STAGES_MAX {
                let message = format!("more than {STAGES_MAX} stages in one pipeline");
                let help = "write the records to a topic or file between, and go on from there";
                self.report_limit("limit/stages", pipe, message, help);
                return None;
            }
            self.after_pipe(pipe)?;
            stages.push(self.stage(false)?);
        }
        let redirect = match self.peek().kind {
            Kind::Redirect { append } => Some(self.redirect(append, stages.last()?.span)?),
            _ => None,
        };
        let last = redirect.as_ref().map_or(stages[stages.len() - 1].span, |to| to.span);
        let span = stages[0].span.to(last);
        Some(Pipeline { stages, redirect, span })
    }

    /// Moves to the `|` that continues the pipeline, over a newline if it begins the next line.
    fn pipe_follows(&mut self) -> bool {
        if matches!(self.peek().kind, Kind::Newline) && self.lexer.line_continues() {
            self.bump(TokenKind::Operator);
        }
        matches!(self.peek().kind, Kind::Pipe)
    }

    /// Between a `|` and its stage: newlines may stand there, a second `|` or nothing may not.
    fn after_pipe(&mut self, pipe: Span) -> Parse<()> {
        self.trace.stage(false);
        if matches!(self.peek().kind, Kind::Pipe) && self.peek().span.start == pipe.end {
            let span = pipe.to(self.peek().span);
            let message = "`||` does not join commands here";
            let help = "write `try COMMAND` to go on after a failure, or `if COMMAND { … }`";
            self.report(Diagnostic::error("syntax/shell-operator", span, message).with_help(help));
            return None;
        }
        while matches!(self.peek().kind, Kind::Newline) {
            self.bump(TokenKind::Operator);
        }
        match self.peek().kind {
            Kind::End => {
                let message = "the text ends after `|`";
                let help = "write the next stage, or remove the `|`";
                let diagnostic = Diagnostic::error("syntax/trailing-pipe", pipe, message);
                self.report_unfinished(diagnostic.with_help(help));
                None
            }
            Kind::Word(_) | Kind::Heredoc(_) | Kind::Less => Some(()),
            _ => {
                let diagnostic =
                    Diagnostic::error("syntax/empty-stage", pipe, "no stage follows this `|`");
                self.report(diagnostic.with_help("write the stage, or remove the `|`"));
                None
            }
        }
    }

    fn stage(&mut self, first: bool) -> Parse<Stage> {
        self.trace.stage(first);
        let start = self.peek().span.start;
        let cluster = self.cluster()?;
        if let Kind::Word(_) = self.peek().kind {
            let at = self.peek().span.start;
            if self.lexer.text[at..].starts_with('!') {
                return self.system_stage(start, cluster);
            }
        }
        self.command(start, cluster)
    }

    /// `@name`: outer `None` when it is wrong, inner `None` when there is none.
    fn cluster(&mut self) -> Parse<Option<Word>> {
        let sign = self.peek().span.start;
        if !self.lexer.text[sign..].starts_with('@') {
            return Some(None);
        }
        self.reread_from(sign + 1);
        self.marks.push((Span::new(sign, sign + 1), TokenKind::Cluster));
        self.expecting(CursorPlace::Cluster);
        if !matches!(self.peek().kind, Kind::Word(_)) || self.peek().span.start != sign + 1 {
            let span = Span::new(sign, sign + 1);
            let message = "the name of a cluster is missing after `@`";
            let help = "write `@NAME COMMAND`; `cluster list` shows the names; \
                        `\\@` is the sign itself";
            self.report(Diagnostic::error("syntax/cluster", span, message).with_help(help));
            return None;
        }
        let word = self.word(TokenKind::Cluster)?.word;
        self.trace.cluster(&word, self.lexer.text);
        let next = self.peek().span;
        if self.lexer.text[next.start..].starts_with('@') {
            let message = "a stage works on one cluster";
            let help = "keep one `@NAME`; another cluster takes another stage or statement";
            self.report(Diagnostic::error("syntax/cluster", next, message).with_help(help));
            return None;
        }
        Some(Some(word))
    }

    /// `!TEXT`, where the text is the rest of the line.
    fn system_stage(&mut self, start: usize, cluster: Option<Word>) -> Parse<Stage> {
        let sign = self.peek().span.start;
        self.reread_from(sign);
        let (_, line, problems) = self.lexer.line(sign);
        let span = Span::new(sign + 1, line.end);
        self.marks.push((Span::new(sign, sign + 1), TokenKind::Operator));
        if span.start < span.end {
            self.marks.push((span, TokenKind::Os));
        }
        self.trace.system(span, self.lexer.text);
        for problem in problems {
            self.report(problem.diagnostic);
        }
        let text = self.text(span).to_owned();
        if text.trim().is_empty() {
            let diagnostic =
                Diagnostic::error("syntax/empty-stage", line, "no command follows this `!`");
            self.report(diagnostic.with_help("write the command, as in `topic list | !sort`"));
            return None;
        }
        let kind = StageKind::Os { text, span };
        Some(Stage { cluster, kind, span: Span::new(start, line.end) })
    }

    fn command(&mut self, start: usize, cluster: Option<Word>) -> Parse<Stage> {
        let mut words: Vec<Word> = Vec::new();
        let mut heredoc = None;
        let mut span = Span::new(start, start);
        loop {
            match self.peek().kind {
                Kind::Word(_) => {
                    self.refuse_shell_operator()?;
                    let mark = if words.is_empty() { TokenKind::Command } else { TokenKind::Word };
                    let word = self.word(mark)?.word;
                    span = span.to(word.span);
                    if words.len() == WORDS_MAX {
                        let message = format!("more than {WORDS_MAX} words in one command");
                        let help = "put the items in a file and use `read FILE | …`";
                        self.report_limit("limit/words", word.span, message, help);
                        return None;
                    }
                    words.push(word);
                    self.expecting(CursorPlace::Command);
                }
                Kind::Heredoc(index) => {
                    self.expecting(CursorPlace::Nothing);
                    let token = self.bump(TokenKind::Operator);
                    span = span.to(token.span);
                    if heredoc.is_some() {
                        self.second_document(token.span);
                    } else {
                        heredoc = Some(self.document(index, token.span));
                    }
                }
                Kind::Less => {
                    // The lexer has said what is wrong with it.
                    self.bump(TokenKind::Error);
                    return None;
                }
                _ => break,
            }
        }
        if words.is_empty() {
            return self.no_command(heredoc.as_ref());
        }
        Some(Stage { cluster, kind: StageKind::Command { words, heredoc }, span })
    }

    fn document(&self, index: usize, span: Span) -> Heredoc {
        Heredoc {
            tag: self.lexer.documents[index].tag.clone(),
            body: String::new(),
            span,
            // The number of the document, until `fill_documents` knows its body.
            body_span: Span::new(index, index),
        }
    }

    fn second_document(&mut self, span: Span) {
        let diagnostic =
            Diagnostic::error("syntax/second-heredoc", span, "a stage takes one here-document");
        self.report(diagnostic.with_help("put the lines in one, or use two commands"));
    }

    /// Reports why no command could be read.
    fn no_command<T>(&mut self, heredoc: Option<&Heredoc>) -> Parse<T> {
        let Token { kind, span, .. } = self.peek();
        let span = heredoc.map_or(*span, |heredoc| heredoc.span);
        let (code, message, help) = match kind {
            _ if heredoc.is_some() => (
                "syntax/empty-stage",
                "the here-document belongs to no command",
                "write the command before it, as in `produce TOPIC <<END`",
            ),
            Kind::Pipe => (
                "syntax/empty-stage",
                "nothing stands before this `|`",
                "a pipeline starts with a command; a line that begins with `|` continues \
                 the line right above it",
            ),
            Kind::Redirect { .. } => (
                "syntax/empty-stage",
                "nothing stands before this redirect",
                "write the command first, as in `topic list > FILE`",
            ),
            Kind::Open => (
                "syntax/unexpected",
                "a block cannot stand here",
                "a block follows `if`, `else`, `for` or `on-exit`; put `{` in quotes if it is \
                 an argument",
            ),
            _ => ("syntax/empty-stage", "no command stands here", "write the command"),
        };
        self.report(Diagnostic::error(code, span, message).with_help(help));
        None
    }

    /// `&&`, `&` and `&>` mean something in other shells, and here they would be mere words.
    fn refuse_shell_operator(&mut self) -> Parse<()> {
        let (message, help) = match self.peek_bare() {
            Some("&&") => (
                "`&&` does not join commands here",
                "put the next command on its own line, or after `;`: a script ends at the \
                 first failure",
            ),
            Some("&") => (
                "`&` does not put a command in the background here",
                "remove it; brokers and clusters keep running when the command is done",
            ),
            _ => return Some(()),
        };
        let span = self.peek().span;
        let help = format!("{help}; put the sign in quotes if it is an argument");
        self.report(Diagnostic::error("syntax/shell-operator", span, message).with_help(help));
        None
    }

    fn redirect(&mut self, append: bool, before: Span) -> Parse<Redirect> {
        let sign = self.peek().span;
        let digits = self.text(before).rsplit(char::is_whitespace).next().unwrap_or_default();
        let is_descriptor = before.end == sign.start
            && !digits.is_empty()
            && digits.bytes().all(|b| b.is_ascii_digit());
        if is_descriptor {
            let span = Span::new(sign.start - digits.len(), sign.end);
            let message = "a redirect takes the output of the pipeline and no descriptor";
            let help = "errors go to standard error on their own; \
                        put a blank before `>` if the number is an argument";
            let code = "syntax/redirect-descriptor";
            self.report(Diagnostic::error(code, span, message).with_help(help));
            return None;
        }
        self.expecting(CursorPlace::Redirect);
        self.bump(TokenKind::Operator);
        if self.peek_bare().is_some_and(|path| path.starts_with('&')) {
            let span = sign.to(self.peek().span);
            let message = "a redirect takes a file and no descriptor";
            let help = "errors go to standard error on their own; \
                        put the name in quotes if the file is called so";
            let code = "syntax/redirect-descriptor";
            self.report(Diagnostic::error(code, span, message).with_help(help));
            return None;
        }
        let Some(path) = self.word(TokenKind::Word) else {
            let diagnostic =
                Diagnostic::error("syntax/redirect", sign, "the file is missing after this");
            self.report(diagnostic.with_help("name it, as in `topic list > topics.txt`"));
            return None;
        };
        self.expecting(CursorPlace::Nothing);
        let path = path.word;
        self.after_redirect(&path)?;
        let span = sign.to(path.span);
        Some(Redirect { append, path, span })
    }

    /// A redirect ends its pipeline, on the next line too.
    fn after_redirect(&mut self, path: &Word) -> Parse<()> {
        let (message, help) = if self.pipe_follows() {
            ("output that goes to a file cannot go on", "move the redirect to the last stage")
        } else {
            match self.peek().kind {
                Kind::Word(_) if path.literal().as_deref() == Some("=") => (
                    "`>` is a redirect here, and no comparison",
                    "put the whole filter in quotes: `where '.partitions >= 5'`",
                ),
                Kind::Word(_) | Kind::Heredoc(_) => {
                    ("a redirect ends the pipeline", "put the redirect and its file last")
                }
                Kind::Redirect { .. } => {
                    ("output goes to one file", "keep one redirect, or use `| !tee FILE FILE`")
                }
                _ => return Some(()),
            }
        };
        let span = self.peek().span;
        self.report(Diagnostic::error("syntax/redirect", span, message).with_help(help));
        None
    }
}
