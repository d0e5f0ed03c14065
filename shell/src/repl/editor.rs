//! The line editor on a thread of its own: history, completion, hints, colours, lines that go on.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};

use kafsh_model::{Error, Result};
use rustyline::completion::{Completer, Pair};
use rustyline::config::BellStyle;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter, HistoryHinter};
use rustyline::history::MemHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{ColorMode, CompletionType, Config, Context, Editor, Helper};
use tokio::sync::mpsc;

use super::history::{ENTRIES_MAX, HistoryFile, keeps};
use super::live::{Live, Which, binding_names, cluster_names, plugin_names};
use super::paint;
use super::prompt::Look;
use crate::bind::{Found, find_command};
use crate::complete::{Completion, Names, cluster_of, complete};
use crate::output::display_width;
use crate::session::Session;
use crate::spec::{Arity, CommandSpec};

/// Candidates that are listed without asking first.
const LISTED_MAX: usize = 100;

/// Most candidates that are drawn with what they are for, a line each.
const DETAILED_MAX: usize = 40;

const DIM: &str = "\u{1b}[2m";
const RESET: &str = "\u{1b}[0m";

/// What came from the terminal.
pub enum Typed {
    Line(String),
    /// Ctrl-C: the line is thrown away
    Cleared,
    /// Ctrl-D, or the terminal is gone
    End,
}

/// The other end of the editor's thread.
pub struct LineEditor {
    prompts: Sender<(String, String)>,
    lines: mpsc::UnboundedReceiver<Result<Typed>>,
}

/// What completion looks at.
pub struct Surroundings {
    pub live: Live,
    /// As in [`Live`]: this thread may still wait for a key when the program ends
    pub context: Weak<crate::context::Context>,
    /// Where history is kept
    pub state: PathBuf,
    pub session: Arc<Session>,
    pub directory: PathBuf,
}

impl LineEditor {
    /// Starts the thread; it ends with this, or with the program.
    pub fn start(surroundings: Surroundings, look: Look) -> Result<Self> {
        let (prompts, requests) = channel();
        let (answers, lines) = mpsc::unbounded_channel();
        let work = move || edit(surroundings, look, &requests, &answers);
        std::thread::Builder::new()
            .name("line-editor".to_string())
            .spawn(work)
            .map_err(|e| Error::io("the line editor could not be started", &e))?;
        Ok(LineEditor { prompts, lines })
    }

    /// Shows a prompt (without and with colours) and waits for a line.
    pub async fn read(&mut self, prompt: (String, String)) -> Result<Typed> {
        let gone = || Error::bug("the line editor has ended");
        self.prompts.send(prompt).map_err(|_| gone())?;
        self.lines.recv().await.unwrap_or_else(|| Err(gone()))
    }
}

type Prompts = Receiver<(String, String)>;

fn edit(
    surroundings: Surroundings,
    look: Look,
    requests: &Prompts,
    answers: &mpsc::UnboundedSender<Result<Typed>>,
) {
    let file = HistoryFile::under(&surroundings.state);
    let mut editor = match editor(surroundings, look, &file) {
        Ok(editor) => editor,
        Err(error) => {
            let _ = answers.send(Err(failed(&error)));
            return;
        }
    };
    while let Ok(prompt) = requests.recv() {
        let answer = match editor.readline(&prompt) {
            Ok(line) => {
                let entry = line.trim_end();
                if keeps(entry) && matches!(editor.add_history_entry(entry), Ok(true)) {
                    file.append(entry);
                }
                Ok(Typed::Line(line))
            }
            Err(ReadlineError::Interrupted) => Ok(Typed::Cleared),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            // The window changed its size at a bad moment: the prompt is drawn again.
            Err(ReadlineError::Signal(_)) => Ok(Typed::Cleared),
            Err(error) => Err(failed(&error)),
        };
        if answers.send(answer).is_err() {
            return;
        }
    }
}

fn failed(error: &ReadlineError) -> Error {
    Error::failed("terminal-failed", "the terminal could not be read").with_cause(error.to_string())
}

fn editor(
    surroundings: Surroundings,
    look: Look,
    file: &HistoryFile,
) -> rustyline::Result<Editor<Assistant, MemHistory>> {
    let config = Config::builder()
        .max_history_size(ENTRIES_MAX)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        .completion_prompt_limit(LISTED_MAX)
        .bell_style(BellStyle::None)
        .color_mode(if look.color { ColorMode::Enabled } else { ColorMode::Disabled })
        // What is pasted is one edit, whatever lines are in it: it runs when Enter is pressed.
        .bracketed_paste(true)
        .build();
    let history = MemHistory::with_config(&config);
    let mut editor = Editor::with_history(config, history)?;
    for entry in file.load() {
        editor.add_history_entry(entry)?;
    }
    let history = HistoryHinter::new();
    editor.set_helper(Some(Assistant { surroundings, look, history }));
    Ok(editor)
}

/// Helps while a line is typed. Nothing here waits for anything but the disk.
struct Assistant {
    surroundings: Surroundings,
    look: Look,
    history: HistoryHinter,
}

impl Helper for Assistant {}

impl Assistant {
    fn names(&self, line: &str, cursor: usize) -> Names {
        let Surroundings { live, context, session, directory, .. } = &self.surroundings;
        let Some(context) = context.upgrade() else { return Names::default() };
        let which = match cluster_of(line, cursor) {
            Some(name) => Some(Which::Cluster(name)),
            None => super::current(&context, session),
        };
        let seen = which.and_then(|which| live.known(&which)).unwrap_or_default();
        Names {
            clusters: cluster_names(&context.store),
            topics: seen.topics,
            groups: seen.groups,
            brokers: seen.brokers,
            variables: session.variables().into_keys().collect(),
            plugins: plugin_names(&context.plugins.store),
            bindings: binding_names(&context.store),
            directory: directory.clone(),
            at_prompt: true,
        }
    }
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        cursor: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let found = complete(line, cursor, &self.names(line, cursor));
        Ok((found.start, pairs(found)))
    }
}

/// How candidates are listed: with what they are for where that fits on a line each.
fn pairs(found: Completion) -> Vec<Pair> {
    let Completion { candidates, detailed, .. } = found;
    let widest = candidates.iter().map(|c| display_width(&c.display)).max().unwrap_or(0);
    let columns = crate::output::Medium::of_stdout().width.min(usize::from(u16::MAX));
    let room = columns.saturating_sub(widest + 4);
    let detailed = detailed && candidates.len() <= DETAILED_MAX && room >= 20;
    let pair = |candidate: crate::complete::Candidate| {
        let mut display = crate::output::escape_controls(&candidate.display);
        if detailed {
            let pad = " ".repeat(widest - display_width(&candidate.display) + 2);
            let about: String = candidate.about.chars().take(room).collect();
            display = format!("{display}{pad}{about}");
            // Wider than half of the terminal: one candidate a line.
            let missing = (columns / 2).saturating_sub(display_width(&display));
            display.push_str(&" ".repeat(missing));
        }
        Pair { display, replacement: candidate.replacement }
    };
    candidates.into_iter().map(pair).collect()
}

/// The rest of a line from history, or the arguments that are still due.
struct Ahead {
    text: String,
    /// It may be taken over as it stands
    takes: bool,
}

impl Hint for Ahead {
    fn display(&self) -> &str {
        &self.text
    }

    fn completion(&self) -> Option<&str> {
        self.takes.then_some(self.text.as_str())
    }
}

impl Hinter for Assistant {
    type Hint = Ahead;

    fn hint(&self, line: &str, cursor: usize, context: &Context<'_>) -> Option<Ahead> {
        // A line that goes on shows it: its quote, block or pipe is still open.
        if cursor == line.len() && line.ends_with('\n') {
            let sign = if self.look.ascii { "... " } else { "… " };
            return Some(Ahead { text: format!("{sign}goes on (Ctrl-C: no)"), takes: false });
        }
        // Without colours a hint could not be told from what was typed.
        if !self.look.color || cursor < line.len() || line.trim().is_empty() {
            return None;
        }
        let earlier = self.history.hint(line, cursor, context);
        // Of an entry of many lines the first is shown; taking it over would run the rest unseen.
        let earlier = earlier.filter(|text| !text.contains('\n'));
        if let Some(text) = earlier {
            return Some(Ahead { text, takes: true });
        }
        let text = due(line)?;
        Some(Ahead { text, takes: false })
    }
}

/// What a command still needs, once its name stands and nothing else.
fn due(line: &str) -> Option<String> {
    if !line.ends_with(' ') {
        return None;
    }
    let at = kafsh_lang::at_cursor(line, line.len());
    let words: Vec<&str> = at.words.iter().map(|word| word.text.as_str()).collect();
    let Found::Command { spec, words: taken, .. } = find_command(&words) else { return None };
    (taken == words.len()).then(|| arguments(spec)).filter(|text| !text.is_empty())
}

fn arguments(spec: &CommandSpec) -> String {
    let needed = spec.args.iter().filter(|arg| matches!(arg.arity, Arity::One | Arity::Many));
    needed.map(|arg| format!("<{}>", arg.name)).collect::<Vec<_>>().join(" ")
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, cursor: usize) -> Cow<'l, str> {
        match self.look.color {
            true => Cow::Owned(paint::paint(line, cursor)),
            false => Cow::Borrowed(line),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        match self.look.color {
            true => Cow::Owned(format!("{DIM}{hint}{RESET}")),
            false => Cow::Borrowed(hint),
        }
    }

    fn highlight_candidate<'c>(&self, candidate: &'c str, _: CompletionType) -> Cow<'c, str> {
        match candidate.split_once("  ") {
            Some((name, about)) if self.look.color => {
                Cow::Owned(format!("{name}  {DIM}{about}{RESET}"))
            }
            _ => Cow::Borrowed(candidate),
        }
    }

    /// Any key may change the colour of a whole word.
    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.look.color
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match kafsh_lang::parse(context.input()).incomplete {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}
