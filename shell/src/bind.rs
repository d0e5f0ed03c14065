//! A parsed source and the table of commands make a program: every name, flag, literal value,
//! variable and filter is checked before the first line runs.

mod arguments;
mod names;
mod pipeline;
mod secrets;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kafsh_lang::{
    Block, Diagnostic, Else, LetValue, Name, Script, Span, Statement, StatementKind, Word,
};

pub use arguments::{evaluate, values_of};
pub use names::{Found, find_command};
pub use pipeline::{BoundPipeline, BoundStage, BoundStageKind};
pub use secrets::without_secrets;

/// Files that may be sourced inside one another.
const SOURCE_DEPTH_MAX: usize = 16;

/// The name of a source that is one command from argv.
pub const COMMAND_LINE: &str = "<command>";

/// A text and where it came from, for messages.
#[derive(Debug)]
pub struct Source {
    /// A path, `<prompt>`, `<command line>` or `<standard input>`
    pub name: String,
    pub text: String,
}

/// How strict binding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `create topic` is understood, with a note
    Lenient,
    /// In a file it is an error with the suggestion
    File,
}

/// A source whose every word was looked up.
#[derive(Debug)]
pub struct Program {
    pub source: Arc<Source>,
    pub statements: Vec<BoundStatement>,
    pub params: Vec<Param>,
    pub notes: Vec<Diagnostic>,
}

/// `param NAME [= DEFAULT]`.
#[derive(Clone, Debug)]
pub struct Param {
    pub name: String,
    pub default: Option<Word>,
    pub span: Span,
}

#[derive(Debug)]
pub struct BoundStatement {
    pub kind: BoundKind,
    pub span: Span,
}

#[derive(Debug)]
pub enum BoundKind {
    Pipeline(BoundPipeline),
    Let {
        name: String,
        value: BoundLet,
    },
    If {
        condition: BoundPipeline,
        then: Vec<BoundStatement>,
        otherwise: Vec<BoundStatement>,
    },
    For {
        name: String,
        items: Vec<Word>,
        body: Vec<BoundStatement>,
    },
    Wait {
        duration: Word,
        pipeline: Option<BoundPipeline>,
    },
    Expect {
        error: Option<Word>,
        pipeline: BoundPipeline,
    },
    Try(Box<BoundStatement>),
    OnExit(Arc<Vec<BoundStatement>>),
    /// Bound to its value before the first statement
    Param,
    Set {
        name: Word,
        value: Word,
    },
    Sourced(Program),
}

#[derive(Debug)]
pub enum BoundLet {
    Word(Word),
    Pipeline(BoundPipeline),
}

/// What went wrong, with the source it went wrong in.
#[derive(Debug)]
pub struct Rejected {
    pub source: Arc<Source>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Parses and binds a source. `known` are variables that are set already.
pub fn compile(
    source: Source,
    mode: Mode,
    known: &BTreeSet<String>,
    directory: &Path,
) -> Result<Program, Rejected> {
    let mut loading = Vec::new();
    compile_within(source, mode, &mut known.clone(), directory, &mut loading)
}

fn compile_within(
    source: Source,
    mode: Mode,
    known: &mut BTreeSet<String>,
    directory: &Path,
    loading: &mut Vec<PathBuf>,
) -> Result<Program, Rejected> {
    let source = Arc::new(source);
    let parsed = kafsh_lang::parse(&source.text);
    let is_error = |d: &Diagnostic| d.severity == kafsh_lang::Severity::Error;
    if parsed.incomplete || parsed.diagnostics.iter().any(is_error) {
        return Err(Rejected { source, diagnostics: parsed.diagnostics });
    }
    let mut binder = Binder {
        mode,
        known,
        directory,
        loading,
        diagnostics: parsed.diagnostics,
        params: Vec::new(),
        rejected: None,
    };
    let statements = binder.script(&parsed.script);
    let Binder { diagnostics, params, rejected, .. } = binder;
    if let Some(rejected) = rejected {
        return Err(rejected);
    }
    if diagnostics.iter().any(is_error) {
        return Err(Rejected { source, diagnostics });
    }
    Ok(Program { source, statements, params, notes: diagnostics })
}

struct Binder<'a> {
    mode: Mode,
    known: &'a mut BTreeSet<String>,
    directory: &'a Path,
    loading: &'a mut Vec<PathBuf>,
    diagnostics: Vec<Diagnostic>,
    params: Vec<Param>,
    /// A sourced file was wrong: its own diagnostics, against its own text
    rejected: Option<Rejected>,
}

impl Binder<'_> {
    fn script(&mut self, script: &Script) -> Vec<BoundStatement> {
        script.statements.iter().filter_map(|statement| self.statement(statement)).collect()
    }

    fn block(&mut self, block: &Block) -> Vec<BoundStatement> {
        block.statements.iter().filter_map(|statement| self.statement(statement)).collect()
    }

    fn statement(&mut self, statement: &Statement) -> Option<BoundStatement> {
        let kind = match &statement.kind {
            StatementKind::Pipeline(pipeline) => {
                self.check_comparison(pipeline);
                BoundKind::Pipeline(self.pipeline(pipeline)?)
            }
            StatementKind::Let { name, value } => self.bind_let(name, value)?,
            StatementKind::If { condition, then, otherwise } => {
                let condition = self.taken(condition, "if");
                let then = self.block(then);
                let otherwise = match otherwise {
                    None => Vec::new(),
                    Some(Else::Block(block)) => self.block(block),
                    Some(Else::If(statement)) => self.statement(statement).into_iter().collect(),
                };
                BoundKind::If { condition: condition?, then, otherwise }
            }
            StatementKind::For { name, items, body } => {
                items.iter().for_each(|word| self.check_variables(word));
                self.known.insert(name.text.clone());
                let body = self.block(body);
                BoundKind::For { name: name.text.clone(), items: items.clone(), body }
            }
            StatementKind::Wait { duration, pipeline } => {
                self.check_duration(duration);
                let pipeline = match pipeline {
                    Some(pipeline) => Some(self.taken(pipeline, "wait")?),
                    None => None,
                };
                BoundKind::Wait { duration: duration.clone(), pipeline }
            }
            StatementKind::Expect { error, pipeline } => {
                error.iter().for_each(|word| self.check_code(word));
                let pipeline = self.taken(pipeline, "expect")?;
                BoundKind::Expect { error: error.clone(), pipeline }
            }
            StatementKind::Try(inner) => BoundKind::Try(Box::new(self.statement(inner)?)),
            StatementKind::OnExit(block) => BoundKind::OnExit(Arc::new(self.block(block))),
            StatementKind::Param { name, default } => self.bind_param(name, default.as_ref()),
            StatementKind::Set { name, value } => {
                self.check_setting(name, value);
                BoundKind::Set { name: name.clone(), value: value.clone() }
            }
            StatementKind::Source { path } => BoundKind::Sourced(self.bind_source(path)?),
        };
        Some(BoundStatement { kind, span: statement.span })
    }

    fn bind_let(&mut self, name: &Name, value: &LetValue) -> Option<BoundKind> {
        let value = match value {
            LetValue::Word(word) => {
                self.check_variables(word);
                Some(BoundLet::Word(word.clone()))
            }
            LetValue::Pipeline(pipeline) => match bare_word(pipeline) {
                Some(word) => {
                    self.diagnostics.push(
                        Diagnostic::error(
                            "bind/bare-value",
                            pipeline.span,
                            format!("`{}` is no command", word.escape_debug()),
                        )
                        .with_help(format!(
                            "a text stands in quotes: `let {} = \"{}\"`",
                            name.text,
                            word.escape_debug()
                        )),
                    );
                    None
                }
                None => self.taken(pipeline, "let").map(BoundLet::Pipeline),
            },
        };
        // Known from here on even if its value was wrong: one mistake, one message.
        self.known.insert(name.text.clone());
        Some(BoundKind::Let { name: name.text.clone(), value: value? })
    }

    fn bind_param(&mut self, name: &Name, default: Option<&Word>) -> BoundKind {
        if let Some(word) = default {
            self.check_variables(word);
        }
        if self.params.iter().any(|param| param.name == name.text) {
            self.error("bind/param-twice", name.span, format!("`{}` is a param twice", name.text));
        }
        self.known.insert(name.text.clone());
        let (name, span) = (name.text.clone(), name.span);
        self.params.push(Param { name, default: default.cloned(), span });
        BoundKind::Param
    }

    fn bind_source(&mut self, path: &Word) -> Option<Program> {
        let Some(literal) = path.literal() else {
            self.error("bind/source-variable", path.span, "`source` takes a literal path");
            return None;
        };
        let full = self.directory.join(&literal);
        let canonical = full.canonicalize().unwrap_or_else(|_| full.clone());
        if self.loading.contains(&canonical) || self.loading.len() >= SOURCE_DEPTH_MAX {
            let message = format!("`{literal}` sources itself, or files are sourced too deep");
            self.error("bind/source-cycle", path.span, message);
            return None;
        }
        let text = match read_source(&full) {
            Ok(text) => text,
            Err(message) => {
                self.error("bind/source-unreadable", path.span, message);
                return None;
            }
        };
        self.loading.push(canonical);
        let directory = full.parent().unwrap_or(self.directory).to_path_buf();
        let source = Source { name: literal, text };
        let inner = compile_within(source, Mode::File, self.known, &directory, self.loading);
        self.loading.pop();
        match inner {
            Ok(program) => {
                self.params.extend(program.params.iter().cloned());
                Some(program)
            }
            Err(rejected) => {
                self.rejected.get_or_insert(rejected);
                None
            }
        }
    }

    fn check_setting(&mut self, name: &Word, value: &Word) {
        self.check_variables(value);
        let Some(text) = name.literal() else {
            return self.error("bind/unknown-setting", name.span, "a setting's name is literal");
        };
        if !crate::session::SETTINGS.contains(&text.as_str()) {
            let known = crate::session::SETTINGS.join(", ");
            self.diagnostics.push(
                Diagnostic::error(
                    "bind/unknown-setting",
                    name.span,
                    format!("there is no setting `{text}`"),
                )
                .with_help(format!("settings: {known}")),
            );
        }
    }

    /// A code that no error has would make `expect error` fail when it is too late, or never.
    fn check_code(&mut self, word: &Word) {
        self.check_variables(word);
        let Some(text) = word.literal() else { return };
        if kafsh_model::codes::find(&text).is_some() {
            return;
        }
        let codes = kafsh_model::codes::all().iter().map(|entry| entry.code);
        let help = match kafsh_model::suggest::suggest(&text, codes).first() {
            Some(near) => format!("did you mean `{near}`? `help errors` lists them"),
            None => "`help errors` lists them".to_string(),
        };
        let message = format!("no error has the code `{}`", text.escape_debug());
        self.diagnostics
            .push(Diagnostic::error("bind/unknown-code", word.span, message).with_help(help));
    }

    fn check_duration(&mut self, word: &Word) {
        self.check_variables(word);
        if let Some(text) = word.literal()
            && let Err(error) = crate::args::parse_duration(&text)
        {
            self.diagnostics.push(
                Diagnostic::error("bind/bad-value", word.span, error.message)
                    .with_help(error.cause.unwrap_or_default()),
            );
        }
    }

    fn check_variables(&mut self, word: &Word) {
        for (name, span) in word.variables() {
            if !self.known.contains(name) {
                let near =
                    kafsh_model::suggest::suggest(name, self.known.iter().map(String::as_str));
                let mut diagnostic =
                    Diagnostic::error("bind/unset-variable", span, format!("`${name}` is not set"));
                if let Some(near) = near.first() {
                    diagnostic = diagnostic.with_help(format!("did you mean `${near}`?"));
                }
                self.diagnostics.push(diagnostic);
            }
        }
    }

    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(code, span, message));
    }
}

/// The word of `let x = word`, where no command is called so: a text without its quotes.
fn bare_word(pipeline: &kafsh_lang::Pipeline) -> Option<String> {
    let [stage] = pipeline.stages.as_slice() else { return None };
    let kafsh_lang::StageKind::Command { words, heredoc: None } = &stage.kind else { return None };
    let [word] = words.as_slice() else { return None };
    let word = word.literal()?;
    matches!(find_command(&[&word]), Found::Unknown { .. }).then_some(word)
}

/// Reads a script's text; the message says what is wrong with the file.
pub fn read_source(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let max = kafsh_lang::limits::SOURCE_BYTES_MAX as u64;
    let read = crate::files::read_at_most(path, max);
    let Some(bytes) = read.map_err(|e| format!("`{shown}` cannot be read: {e}"))? else {
        return Err(format!("`{shown}` is too large for a script (more than {max} bytes)"));
    };
    match kafsh_lang::decode(&bytes) {
        Ok(text) => Ok(text.to_string()),
        Err(diagnostic) => Err(format!("`{shown}`: {}", diagnostic.message)),
    }
}

/// Commands in words that were never lexed, one behind the other.
pub fn pipeline(source: Source, stages: Vec<Vec<Word>>) -> Result<Program, Rejected> {
    let span = Span::new(0, source.text.len());
    let stage = |words| kafsh_lang::Stage {
        cluster: None,
        kind: kafsh_lang::StageKind::Command { words, heredoc: None },
        span,
    };
    let stages = stages.into_iter().map(stage).collect();
    let pipeline = kafsh_lang::Pipeline { stages, redirect: None, span };
    let statement = Statement { kind: StatementKind::Pipeline(pipeline), span };
    let mut known = BTreeSet::new();
    let mut loading = Vec::new();
    let mut binder = Binder {
        mode: Mode::Lenient,
        known: &mut known,
        directory: Path::new("."),
        loading: &mut loading,
        diagnostics: Vec::new(),
        params: Vec::new(),
        rejected: None,
    };
    let statements = binder.script(&Script { statements: vec![statement] });
    let diagnostics = binder.diagnostics;
    let source = Arc::new(source);
    if diagnostics.iter().any(|d| d.severity == kafsh_lang::Severity::Error) {
        return Err(Rejected { source, diagnostics });
    }
    Ok(Program { source, statements, params: Vec::new(), notes: diagnostics })
}
