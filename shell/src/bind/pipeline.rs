//! Stages to commands of the table, and whether they may stand where they stand.

use kafsh_lang::{Diagnostic, Heredoc, Part, Pipeline, Redirect, Span, Stage, StageKind, Word};
use kafsh_model::quote::quoted;

use super::arguments::{BoundArg, bind_words};
use super::names::{Found, find_command};
use super::{Binder, Mode};
use crate::spec::{CommandSpec, Kind, Place};

#[derive(Clone, Debug)]
pub struct BoundPipeline {
    pub stages: Vec<BoundStage>,
    pub redirect: Option<Redirect>,
    pub span: Span,
}

impl BoundPipeline {
    /// One of its commands ends by itself, in order, when it is told to stop.
    pub fn is_cooperative(&self) -> bool {
        self.stages.iter().any(
            |stage| matches!(&stage.kind, BoundStageKind::Command { spec, .. } if spec.cooperative),
        )
    }
}

#[derive(Clone, Debug)]
pub struct BoundStage {
    pub at: Option<Word>,
    pub kind: BoundStageKind,
    pub span: Span,
}

#[derive(Clone)]
pub enum BoundStageKind {
    Command { spec: &'static CommandSpec, args: Vec<BoundArg>, heredoc: Option<Heredoc> },
    Os { text: String },
}

impl std::fmt::Debug for BoundStageKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BoundStageKind::Command { spec, args, .. } => {
                f.debug_tuple(&spec.name()).field(args).finish()
            }
            BoundStageKind::Os { text } => f.debug_tuple("!").field(text).finish(),
        }
    }
}

impl Binder<'_> {
    pub(super) fn pipeline(&mut self, pipeline: &Pipeline) -> Option<BoundPipeline> {
        let bound: Vec<Option<BoundStage>> = pipeline
            .stages
            .iter()
            .enumerate()
            .map(|(index, stage)| self.stage(stage, index))
            .collect();
        if let Some(redirect) = &pipeline.redirect {
            self.check_variables(&redirect.path);
        }
        let stages = bound.into_iter().collect::<Option<Vec<_>>>()?;
        Some(BoundPipeline { stages, redirect: pipeline.redirect.clone(), span: pipeline.span })
    }

    /// `where .size > 5` would write to a file named `5`.
    pub(super) fn check_comparison(&mut self, pipeline: &Pipeline) {
        let Some(redirect) = &pipeline.redirect else { return };
        let Some(StageKind::Command { words, .. }) = pipeline.stages.last().map(|s| &s.kind) else {
            return;
        };
        let Some(path) = redirect.path.literal().filter(|_| !redirect.path.quoted) else { return };
        let number = path.trim_start_matches('=');
        let (Some(name), Ok(_)) = (words[0].literal(), number.parse::<f64>()) else { return };
        if !matches!(&*name, "where" | "jq") || words.iter().any(|word| word.quoted) {
            return;
        }
        let filter: Vec<String> = words[1..].iter().filter_map(Word::literal).collect();
        let sign = match path.starts_with('=') {
            true => ">=",
            false => ">",
        };
        let message = format!("this would write to a file named `{}`", path.escape_debug());
        let meant = format!("`{name} '{} {sign} {number}'`", filter.join(" "));
        self.diagnostics.push(
            Diagnostic::error("bind/compared-redirect", redirect.span, message).with_help(format!(
                "to compare, put the whole filter in quotes: {meant}; a file that is called so is \
                 put in quotes"
            )),
        );
    }

    /// A pipeline whose output `taker` takes: a redirect would get nothing, and is most likely
    /// meant as a comparison.
    pub(super) fn taken(&mut self, pipeline: &Pipeline, taker: &str) -> Option<BoundPipeline> {
        if let Some(redirect) = &pipeline.redirect {
            let message = format!("`{taker}` takes the output, so nothing is left for a file");
            self.diagnostics.push(
                Diagnostic::error("bind/taken-output", redirect.span, message).with_help(
                    "to compare, put the whole filter in quotes: `| jq 'length > 3'`; to keep the \
                     output, write it to the file on a line of its own",
                ),
            );
        }
        self.pipeline(pipeline)
    }

    fn stage(&mut self, stage: &Stage, index: usize) -> Option<BoundStage> {
        if let Some(at) = &stage.cluster {
            self.check_variables(at);
        }
        let kind = match &stage.kind {
            StageKind::Os { text, .. } => BoundStageKind::Os { text: text.clone() },
            StageKind::Command { words, heredoc } => {
                let asked = noun_help(words);
                let words = asked.as_deref().unwrap_or(words);
                let spec_words = self.command(words, stage.span, index)?;
                let (spec, used) = spec_words;
                self.check_place(spec, index, words[0].span);
                let (args, wrong) = bind_words(spec, &words[used..], stage.span);
                let failed = !wrong.is_empty();
                self.diagnostics.extend(wrong);
                self.check_arguments(&args);
                if failed {
                    return None;
                }
                BoundStageKind::Command { spec, args, heredoc: heredoc.clone() }
            }
        };
        Some(BoundStage { at: stage.cluster.clone(), kind, span: stage.span })
    }

    fn command(
        &mut self,
        words: &[Word],
        span: Span,
        index: usize,
    ) -> Option<(&'static CommandSpec, usize)> {
        let literals: Vec<String> = words.iter().map_while(Word::literal).take(3).collect();
        if literals.is_empty() {
            self.error("bind/command-variable", span, "a command's name is literal");
            return None;
        }
        let texts: Vec<&str> = literals.iter().map(String::as_str).collect();
        let first = words[0].span;
        let both = words.get(1).map_or(first, |second| first.to(second.span));
        match find_command(&texts) {
            Found::Command { spec, words: used, corrected } => {
                if let Some(canonical) = corrected {
                    self.corrected(&canonical, both);
                }
                Some((spec, used))
            }
            Found::VerbMissing { noun, verbs } => {
                self.diagnostics.push(
                    Diagnostic::error("bind/verb-missing", first, format!("`{noun}` needs a verb"))
                        .with_help(format!("{noun} {}", verbs.join(" | "))),
                );
                None
            }
            Found::NoVerb { noun, verb, near, verbs } => {
                let help = match near.first() {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("{noun} {}", verbs.join(" | ")),
                };
                let message = format!("`{noun}` has no verb `{verb}`");
                self.diagnostics
                    .push(Diagnostic::error("bind/unknown-verb", both, message).with_help(help));
                None
            }
            Found::Unknown { near } => {
                let help = match near.first() {
                    _ if index == 0 && assigned(&literals).is_some() => {
                        let (name, value) = assigned(&literals).unwrap_or_default();
                        format!("`let {name} = {value}` names a value")
                    }
                    _ if near.is_empty()
                        && index == 0
                        && is_script(&self.directory.join(texts[0])) =>
                    {
                        format!("it is a file: {}", self.how_to_run(texts[0]))
                    }
                    _ if is_program(texts[0]) && (index > 0 || near.is_empty()) => {
                        let pipe = if index > 0 { "| " } else { "" };
                        let name = texts[0];
                        format!("`{name}` is a program of the system: write `{pipe}!{name} …`")
                    }
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "`help` lists the commands".to_string(),
                };
                let message = format!("there is no command `{}`", texts[0].escape_debug());
                self.diagnostics.push(
                    Diagnostic::error("bind/unknown-command", first, message).with_help(help),
                );
                None
            }
        }
    }

    /// The command that runs a file which was typed as if it were a command.
    fn how_to_run(&self, file: &str) -> String {
        let file = quoted(file);
        match self.mode {
            Mode::Lenient => format!("`kafsh run {file}` runs it, `source {file}` does so here"),
            Mode::File => format!("`source {file}` runs it here"),
        }
    }

    fn corrected(&mut self, canonical: &str, span: Span) {
        match self.mode {
            Mode::Lenient => self.diagnostics.push(Diagnostic::note(
                "bind/corrected",
                span,
                format!("understood as `{canonical}`"),
            )),
            Mode::File => self.diagnostics.push(
                Diagnostic::error("bind/not-canonical", span, "in a file the noun comes first")
                    .with_help(format!("write `{canonical}`")),
            ),
        }
    }

    fn check_place(&mut self, spec: &CommandSpec, index: usize, span: Span) {
        match spec.place {
            Place::Head if index > 0 => {
                let message = format!("`{}` takes nothing from a pipe", spec.name());
                self.error("bind/not-a-stage", span, message);
            }
            Place::Stage if index == 0 => {
                let message = format!("`{}` needs something before it", spec.name());
                self.diagnostics.push(
                    Diagnostic::error("bind/not-a-head", span, message)
                        .with_help(format!("for example `… | {}`", spec.name())),
                );
            }
            _ => {}
        }
    }

    fn check_arguments(&mut self, args: &[BoundArg]) {
        for arg in args {
            let Some(word) = &arg.word else { continue };
            self.check_variables(word);
            if let (Some(Kind::Jq), Some(text)) = (arg.kind, word.literal()) {
                self.check_filter(&text, word.span);
            }
        }
    }

    /// Compiles a filter once, so that a typo in it stops the script before it runs.
    fn check_filter(&mut self, text: &str, span: Span) {
        let variables =
            self.known.iter().map(|name| (name.clone(), serde_json::Value::Null)).collect();
        if let Err(message) = crate::jq::filter::Program::compile(text, &variables) {
            self.diagnostics.push(Diagnostic::error(
                "bind/bad-filter",
                span,
                format!("the filter cannot be used: {message}"),
            ));
        }
    }
}

/// `topic --help` as `help topic`.
fn noun_help(words: &[Word]) -> Option<Vec<Word>> {
    let [noun, flag] = words else { return None };
    if !matches!(flag.literal()?.as_str(), "--help" | "-h") {
        return None;
    }
    let noun_alone = matches!(find_command(&[&noun.literal()?]), Found::VerbMissing { .. });
    let help = Word { parts: vec![Part::Literal("help".into())], quoted: false, span: noun.span };
    noun_alone.then(|| vec![help, noun.clone()])
}

/// The name and the value of `x = 5` or `x=5`.
fn assigned(words: &[String]) -> Option<(String, String)> {
    let name = |text: &str| {
        let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        plain && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
    };
    let (left, right) = match words {
        [left, sign, right, ..] if sign == "=" => (left.as_str(), right.as_str()),
        [left, sign] if sign == "=" => (left.as_str(), "VALUE"),
        [whole, ..] => whole.split_once('=')?,
        [] => return None,
    };
    let bare = serde_json::from_str::<serde_json::Value>(right).is_ok_and(|v| !v.is_string())
        || right == "VALUE";
    let value = if bare { right.to_string() } else { format!("\"{}\"", right.escape_debug()) };
    name(left).then(|| (left.to_string(), value))
}

/// True of a file that might be a script: no program, and not too large.
fn is_script(path: &std::path::Path) -> bool {
    let size = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|m| m.len());
    size.is_some_and(|bytes| bytes <= kafsh_lang::limits::SOURCE_BYTES_MAX as u64)
}

/// Programs that people know from pipes; a script should be told of them on every machine.
const WELL_KNOWN_PROGRAMS: [&str; 16] = [
    "awk", "cat", "column", "cut", "grep", "less", "more", "rg", "sed", "sort", "tail", "tee",
    "tr", "uniq", "wc", "xargs",
];

/// True of a program that `!name` would run: a well-known one, or one on `PATH`.
fn is_program(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    if name.is_empty() || name.starts_with(['-', '.']) || !name.chars().all(plain) {
        return false;
    }
    WELL_KNOWN_PROGRAMS.contains(&name)
        || std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(name).is_file()))
}
