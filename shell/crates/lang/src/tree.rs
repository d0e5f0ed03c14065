//! The tree of a parsed source: what the grammar knows, and no command name.

use std::fmt;

/// A half-open range of byte offsets into the source text.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Span { start, end }
    }

    /// The smallest span that covers both.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// A whole source: a file, a line at the prompt, the text after `-c`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Script {
    pub statements: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub kind: StatementKind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatementKind {
    Pipeline(Pipeline),
    /// `let NAME = VALUE`
    Let {
        name: Name,
        value: LetValue,
    },
    /// `if PIPELINE { … } [else { … } | else if …]`
    If {
        condition: Pipeline,
        then: Block,
        otherwise: Option<Else>,
    },
    /// `for NAME in WORD… { … }`; a word that is one variable holding an array is iterated
    For {
        name: Name,
        items: Vec<Word>,
        body: Block,
    },
    /// `wait DURATION [PIPELINE]`
    Wait {
        duration: Word,
        pipeline: Option<Pipeline>,
    },
    /// `expect PIPELINE`, or `expect error CODE PIPELINE` (the pipeline must fail with that code)
    Expect {
        error: Option<Word>,
        pipeline: Pipeline,
    },
    /// `try STATEMENT`: go on after a failure
    Try(Box<Statement>),
    /// `on-exit { … }`
    OnExit(Block),
    /// `param NAME [= DEFAULT]`
    Param {
        name: Name,
        default: Option<Word>,
    },
    /// `set NAME VALUE`
    Set {
        name: Word,
        value: Word,
    },
    /// `source PATH`, a literal
    Source {
        path: Word,
    },
}

/// What stands after `let NAME =`: one word that is certainly a value, or a pipeline to run.
///
/// A single word is a value when it is quoted, a variable, a number, `true`, `false` or `null`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LetValue {
    Word(Word),
    Pipeline(Pipeline),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Else {
    Block(Block),
    /// `else if …`: always a statement of kind `If`
    If(Box<Statement>),
}

/// `{ … }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub statements: Vec<Statement>,
    pub span: Span,
}

/// A name of a variable: `[A-Za-z_][A-Za-z0-9_]*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub text: String,
    pub span: Span,
}

/// `STAGE | STAGE … [> FILE | >> FILE]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    pub stages: Vec<Stage>,
    pub redirect: Option<Redirect>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// `@name` before the stage: the cluster it works on
    pub cluster: Option<Word>,
    pub kind: StageKind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StageKind {
    /// Words as they stand, and the records of a here-document
    Command { words: Vec<Word>, heredoc: Option<Heredoc> },
    /// `!TEXT`: the rest of the line, for `sh -c`, never lexed
    Os { text: String, span: Span },
}

/// The lines between `<<END` and `END`, byte for byte, last newline included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heredoc {
    pub tag: String,
    pub body: String,
    pub span: Span,
    pub body_span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    pub append: bool,
    pub path: Word,
    pub span: Span,
}

/// One argument: literal text and variables side by side, never split again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub parts: Vec<Part>,
    /// Some part of it stood in quotes (so `""` is a word, and `"--x"` is no flag).
    pub quoted: bool,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Literal(String),
    /// `$name` or `${name}`. Alone in an unquoted word it keeps its type; beside text, a string
    /// goes in raw and anything else as compact JSON.
    Variable {
        name: String,
        span: Span,
    },
}

impl Word {
    /// The text of a word without variables.
    pub fn literal(&self) -> Option<String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Variable { .. } => return None,
            }
        }
        Some(text)
    }

    /// The variable, when the word is one variable and nothing else.
    pub fn variable(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Variable { name, .. }] => Some(name),
            _ => None,
        }
    }

    /// Names of the variables in the word, in order.
    pub fn variables(&self) -> impl Iterator<Item = (&str, Span)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Variable { name, span } => Some((name.as_str(), *span)),
        })
    }
}
