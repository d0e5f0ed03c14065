//! Statements and blocks.

use nom::Parser as _;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{char, one_of, satisfy};
use nom::combinator::{all_consuming, opt, recognize};

use super::{KEYWORDS, Parse, Parser};
use crate::cursor::CursorPlace;
use crate::diagnostic::Diagnostic;
use crate::highlight::TokenKind;
use crate::lex::{self, Kind, Token};
use crate::limits::WORDS_MAX;
use crate::tree::{
    Block, Else, LetValue, Name, Part, Pipeline, Span, Stage, StageKind, Statement, StatementKind,
    Word,
};

impl Parser<'_> {
    pub(super) fn statement(&mut self) -> Parse<Statement> {
        let keyword = self.peek_bare().filter(|word| KEYWORDS.contains(word));
        let Some(keyword) = keyword else {
            let pipeline = self.pipeline()?;
            let span = pipeline.span;
            return Some(Statement { kind: StatementKind::Pipeline(pipeline), span });
        };
        let span = self.bump(TokenKind::Keyword).span;
        match keyword {
            "let" => self.let_(span),
            "if" => self.if_(span),
            "for" => self.for_(span),
            "wait" => self.wait(span),
            "expect" => self.expect(span),
            "try" => self.try_(span),
            "on-exit" => {
                let block = self.block("`on-exit`")?;
                let span = span.to(block.span);
                Some(Statement { kind: StatementKind::OnExit(block), span })
            }
            "param" => self.param(span),
            "set" => self.set(span),
            "source" => self.source(span),
            "else" => self.misplaced(
                span,
                "no `if` stands before this `else`",
                "write `if COMMAND { … } else { … }`; `else` follows the `}`",
            ),
            _ => {
                let help = "write `for NAME in WORDS { … }`";
                self.misplaced(span, "`in` belongs to a `for`", help)
            }
        }
    }

    fn misplaced<T>(&mut self, span: Span, message: &str, help: &str) -> Parse<T> {
        let diagnostic = Diagnostic::error("syntax/misplaced-keyword", span, message);
        self.report(diagnostic.with_help(format!("{help}; a command so named takes quotes")));
        None
    }

    /// Reports the shape a statement should have had.
    fn malformed<T>(&mut self, span: Span, message: &str, help: &str) -> Parse<T> {
        self.report(Diagnostic::error("syntax/malformed", span, message).with_help(help));
        None
    }

    /// `{ … }`, on the same line or below. `owner` says what it belongs to.
    pub(super) fn block(&mut self, owner: &str) -> Parse<Block> {
        self.expecting(CursorPlace::Nothing);
        self.peek();
        let is_below = self.lexer.word_follows("{") || self.lexer.nothing_follows();
        while is_below && matches!(self.peek().kind, Kind::Newline) {
            self.bump(TokenKind::Operator);
        }
        if !matches!(self.peek().kind, Kind::Open) {
            return self.no_block(owner);
        }
        let open = self.bump(TokenKind::Operator).span;
        let statements = self.nested(open, |parser| Some(parser.statements(true)))?;
        let span = open.to(self.peek().span);
        if matches!(self.peek().kind, Kind::Close) {
            self.expecting(CursorPlace::Nothing);
            self.bump(TokenKind::Operator);
        } else {
            let diagnostic =
                Diagnostic::error("syntax/unclosed-block", open, "this block is never closed");
            self.report_unfinished(diagnostic.with_help(unclosed_help(&statements)));
        }
        self.expecting(CursorPlace::Nothing);
        Some(Block { statements, span })
    }

    fn no_block<T>(&mut self, owner: &str) -> Parse<T> {
        let before = &self.lexer.text[..self.last_end];
        let help = if before.lines().next_back().is_some_and(|line| line.contains(" {")) {
            "put a blank or a newline after `{` and before `}`"
        } else {
            "write `{ … }`; a `!` before it takes the whole line, so the `{` goes to the next"
        };
        self.report_missing("syntax/missing-block", format!("{owner} needs a block"), help);
        None
    }

    /// A name that the script gives to a value.
    fn name(&mut self, help: &str) -> Parse<Name> {
        self.expecting(CursorPlace::Name);
        let Token { kind, span, .. } = self.peek();
        let (span, is_variable) =
            (*span, matches!(kind, Kind::Word(raw) if raw.word.variable().is_some()));
        let is_word = matches!(kind, Kind::Word(_));
        if let Some(text) = self.peek_bare() {
            if all_consuming(lex::name).parse(text).is_ok() {
                self.bump(TokenKind::Variable);
                return Some(Name { text: text.to_owned(), span });
            }
            if text.contains('=') {
                return self.malformed(span, "blanks are missing around `=`", help);
            }
        }
        let message = if is_variable {
            "a name is given without the `$`"
        } else if is_word {
            "a name is a letter or `_`, then letters, digits or `_`"
        } else {
            "a name is missing"
        };
        self.malformed(span, message, help)
    }

    fn let_(&mut self, keyword: Span) -> Parse<Statement> {
        let help = "write `let NAME = VALUE` or `let NAME = COMMAND`";
        let name = self.name(help)?;
        self.expecting(CursorPlace::Nothing);
        if self.peek_bare() != Some("=") {
            let span = self.peek().span;
            return self.malformed(span, "`=` is missing after the name", help);
        }
        self.bump(TokenKind::Operator);
        self.trace.stage(true);
        if !matches!(self.peek().kind, Kind::Word(_)) {
            let span = self.peek().span;
            return self.malformed(span, "the value is missing after `=`", help);
        }
        let pipeline = self.pipeline()?;
        let span = keyword.to(pipeline.span);
        let value = self.let_value(pipeline);
        Some(Statement { kind: StatementKind::Let { name, value }, span })
    }

    fn let_value(&self, mut pipeline: Pipeline) -> LetValue {
        let single = pipeline.stages.len() == 1 && pipeline.redirect.is_none();
        let stage = &mut pipeline.stages[0];
        match &mut stage.kind {
            StageKind::Command { words, heredoc: None }
                if single
                    && stage.cluster.is_none()
                    && words.len() == 1
                    && is_value(&words[0], self.text(words[0].span)) =>
            {
                LetValue::Word(words.remove(0))
            }
            _ => LetValue::Pipeline(pipeline),
        }
    }

    fn if_(&mut self, keyword: Span) -> Parse<Statement> {
        let condition = self.condition()?;
        let then = self.block("`if`")?;
        let mut span = keyword.to(then.span);
        let mut otherwise = None;
        if self.else_follows() {
            let else_span = self.bump(TokenKind::Keyword).span;
            let branch = if self.peek_bare() == Some("if") {
                let if_span = self.bump(TokenKind::Keyword).span;
                let inner = self.nested(else_span, |parser| parser.if_(if_span))?;
                span = span.to(inner.span);
                Else::If(Box::new(inner))
            } else {
                let block = self.block("`else`")?;
                span = span.to(block.span);
                Else::Block(block)
            };
            otherwise = Some(branch);
        }
        Some(Statement { kind: StatementKind::If { condition, then, otherwise }, span })
    }

    fn condition(&mut self) -> Parse<Pipeline> {
        if matches!(self.peek().kind, Kind::Open) {
            let span = self.peek().span;
            return self.malformed(
                span,
                "`if` needs a command before its block",
                "write `if COMMAND { … }`, as in `if topic list | jq 'length > 0' { … }`",
            );
        }
        self.pipeline()
    }

    /// Moves to the `else` after a block, over newlines if it stands below.
    fn else_follows(&mut self) -> bool {
        if matches!(self.peek().kind, Kind::Newline) && self.lexer.word_follows("else") {
            while matches!(self.peek().kind, Kind::Newline) {
                self.bump(TokenKind::Operator);
            }
        }
        self.peek_bare() == Some("else")
    }

    fn for_(&mut self, keyword: Span) -> Parse<Statement> {
        let help = "write `for NAME in WORDS { … }`";
        let name = self.name(help)?;
        self.expecting(CursorPlace::Nothing);
        if self.peek_bare() != Some("in") {
            let span = self.peek().span;
            return self.malformed(span, "`in` is missing after the name", help);
        }
        self.bump(TokenKind::Keyword);
        let mut items: Vec<Word> = Vec::new();
        self.expecting(CursorPlace::Item);
        while let Some(raw) = self.word(TokenKind::Word) {
            if items.len() == WORDS_MAX {
                let message = format!("more than {WORDS_MAX} words in one list");
                let help = "keep them in a file: `let items = read FILE | jq -s '…'`";
                self.report_limit("limit/words", raw.word.span, message, help);
                return None;
            }
            if let Some(Part::Literal(text)) = raw.word.parts.first()
                && !raw.word.quoted
                && text.starts_with('[')
            {
                let help = "write the words with spaces, `for x in 1 2 { … }`; a list comes of a \
                            name, `let items = jq -n '[1,2]'`, then `for x in $items { … }`";
                return self.malformed(raw.word.span, "`for` goes through words, not a list", help);
            }
            items.push(raw.word);
            self.expecting(CursorPlace::Item);
        }
        if items.is_empty() {
            let span = self.peek().span;
            return self.malformed(span, "the words to go through are missing after `in`", help);
        }
        if matches!(self.peek().kind, Kind::Pipe) {
            let span = self.peek().span;
            return self.malformed(
                span,
                "`for` goes through words and runs no pipeline",
                "name \
                the result first, `let items = COMMAND | …`, then `for item in $items { … }`",
            );
        }
        let body = self.block("`for`")?;
        let span = keyword.to(body.span);
        Some(Statement { kind: StatementKind::For { name, items, body }, span })
    }

    fn wait(&mut self, keyword: Span) -> Parse<Statement> {
        self.expecting(CursorPlace::Duration);
        let help = "write `wait 30s` or `wait 30s COMMAND`";
        // By what the word says and not by how it is written, so that it can be printed bare.
        let is_duration = match &self.peek().kind {
            Kind::Word(raw) => raw
                .word
                .literal()
                .is_none_or(|text| text.starts_with(|c: char| c.is_ascii_digit() || c == '.')),
            _ => false,
        };
        if !is_duration {
            let span = self.peek().span;
            return self.malformed(span, "`wait` needs a duration first", help);
        }
        let duration = self.word(TokenKind::Word)?.word;
        let mut span = keyword.to(duration.span);
        self.trace.stage(true);
        let pipeline = match self.peek().kind {
            Kind::Newline | Kind::Semicolon | Kind::Close | Kind::End => None,
            _ => Some(self.pipeline()?),
        };
        if let Some(pipeline) = &pipeline {
            span = span.to(pipeline.span);
        }
        Some(Statement { kind: StatementKind::Wait { duration, pipeline }, span })
    }

    fn expect(&mut self, keyword: Span) -> Parse<Statement> {
        self.trace.stage(true);
        let mut error = None;
        if self.peek_bare() == Some("error") {
            let span = self.bump(TokenKind::Keyword).span;
            self.expecting(CursorPlace::ErrorCode);
            let Some(code) = self.word(TokenKind::Word) else {
                let help = "write `expect error CODE COMMAND`, \
                            as in `expect error policy-denied topic create X`";
                return self.malformed(span, "the code is missing after `expect error`", help);
            };
            error = Some(code.word);
            self.trace.stage(true);
        }
        let pipeline = self.pipeline()?;
        let span = keyword.to(pipeline.span);
        Some(Statement { kind: StatementKind::Expect { error, pipeline }, span })
    }

    fn try_(&mut self, keyword: Span) -> Parse<Statement> {
        self.trace.statement();
        let inner = self.nested(keyword, Self::statement)?;
        let span = keyword.to(inner.span);
        Some(Statement { kind: StatementKind::Try(Box::new(inner)), span })
    }

    fn param(&mut self, keyword: Span) -> Parse<Statement> {
        let help = "write `param NAME` or `param NAME = DEFAULT`";
        let name = self.name(help)?;
        let mut span = keyword.to(name.span);
        let mut default = None;
        self.expecting(CursorPlace::Nothing);
        if self.peek_bare() == Some("=") {
            let sign = self.bump(TokenKind::Operator).span;
            self.expecting(CursorPlace::Value);
            let Some(raw) = self.word(TokenKind::Word) else {
                return self.malformed(sign, "the default is missing after `=`", help);
            };
            span = span.to(raw.word.span);
            default = Some(raw.word);
        }
        self.nothing_more("`param` takes a name and one default", help)?;
        Some(Statement { kind: StatementKind::Param { name, default }, span })
    }

    fn set(&mut self, keyword: Span) -> Parse<Statement> {
        let help = "write `set NAME VALUE`, with quotes around a value of several words";
        self.expecting(CursorPlace::Setting);
        let Some(name) = self.word(TokenKind::Word) else {
            return self.malformed(keyword, "`set` takes a name and a value", help);
        };
        self.expecting(CursorPlace::Value);
        let Some(value) = self.word(TokenKind::Word) else {
            return self.malformed(name.word.span, "the value of the setting is missing", help);
        };
        let span = keyword.to(value.word.span);
        self.nothing_more("`set` takes a name and one value", help)?;
        let kind = StatementKind::Set { name: name.word, value: value.word };
        Some(Statement { kind, span })
    }

    fn source(&mut self, keyword: Span) -> Parse<Statement> {
        let help = "write `source FILE`, the path as it is";
        self.expecting(CursorPlace::Source);
        let Some(path) = self.word(TokenKind::Word) else {
            return self.malformed(keyword, "`source` takes a file", help);
        };
        let path = path.word;
        if path.literal().is_none() {
            let message = "the path after `source` holds no variables: \
                           all files are read before the first line runs";
            return self.malformed(path.span, message, help);
        }
        self.nothing_more("`source` takes one file", help)?;
        let span = keyword.to(path.span);
        Some(Statement { kind: StatementKind::Source { path }, span })
    }

    fn nothing_more(&mut self, message: &str, help: &str) -> Parse<()> {
        self.expecting(CursorPlace::Nothing);
        match self.peek().kind {
            Kind::Newline | Kind::Semicolon | Kind::Close | Kind::End => Some(()),
            _ => {
                let span = self.peek().span;
                self.malformed(span, message, help)
            }
        }
    }
}

/// The help for a block that a `!` line swallowed the end of says so.
fn unclosed_help(statements: &[Statement]) -> &'static str {
    let swallows = |stage: &Stage| match &stage.kind {
        StageKind::Os { text, .. } => text.trim_end().ends_with('}'),
        StageKind::Command { .. } => false,
    };
    let last = statements.last().and_then(Statement::pipeline);
    let swallowed = last.is_some_and(|pipeline| pipeline.stages.iter().any(swallows));
    if swallowed {
        "`!` takes the rest of its line, the `}` too: put the `}` on a line of its own"
    } else {
        "put a `}` after its last statement, with a blank, newline or `;` before and after"
    }
}

/// A word that is certainly a value; see [`LetValue`].
fn is_value(word: &Word, source: &str) -> bool {
    word.quoted || word.variables().next().is_some() || is_bare_value(source)
}

/// A number as JSON writes it, or one of JSON's three names.
pub(crate) fn is_bare_value(text: &str) -> bool {
    let digits = |input| take_while1(|c: char| c.is_ascii_digit()).parse(input);
    let whole = nom::branch::alt((
        recognize((satisfy(|c| matches!(c, '1'..='9')), take_while(|c: char| c.is_ascii_digit()))),
        tag("0"),
    ));
    let fraction = (char('.'), digits);
    let exponent = (one_of("eE"), opt(one_of("+-")), digits);
    let number: nom::IResult<&str, &str> =
        all_consuming(recognize((opt(char('-')), whole, opt(fraction), opt(exponent)))).parse(text);
    matches!(text, "true" | "false" | "null") || number.is_ok()
}
