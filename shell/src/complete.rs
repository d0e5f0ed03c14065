//! Completion from the table of commands and what is known of clusters: a pure function of the
//! text, but for paths, which are looked up on disk. The prompt and `kafsh --complete` share it.

pub mod argv;
mod values;

use std::path::PathBuf;

use kafsh_lang::{CursorContext, CursorPlace, CursorWord, at_cursor};
use kafsh_model::plugin::PluginKind;

use crate::bind::{Found, find_command};
use crate::commands;
use crate::help::topics;
use crate::spec::{ArgSpec, Arity, CommandSpec, FlagSpec, Kind, OUTPUT_FORMATS, Place};

/// Names that are known by now; nothing is asked for while a key is being handled.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub clusters: Vec<String>,
    pub topics: Vec<String>,
    pub groups: Vec<String>,
    /// Ids
    pub brokers: Vec<String>,
    pub variables: Vec<String>,
    /// Installed, not bundled
    pub plugins: Vec<(String, PluginKind)>,
    /// Policies in charge, by the names of their bindings
    pub bindings: Vec<String>,
    /// What relative paths are relative to
    pub directory: PathBuf,
    /// Words that only a prompt knows may stand here
    pub at_prompt: bool,
}

/// One way to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The word itself, as a command will get it
    pub text: String,
    /// What replaces the text from [`Completion::start`] to the cursor, with its quotes
    pub replacement: String,
    /// What is listed
    pub display: String,
    /// One line, or empty
    pub about: String,
}

/// What may stand at the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// Byte offset of what the candidates replace
    pub start: usize,
    pub candidates: Vec<Candidate>,
    /// Live names of the cluster were looked for: they may be worth fetching
    pub live: bool,
    /// The candidates are few and unlike: each is worth a line of its own
    pub detailed: bool,
}

/// A candidate before it is quoted.
#[derive(Clone, Debug, Default)]
struct Offer {
    text: String,
    /// Where it is not the text
    display: Option<String>,
    about: String,
    /// More of the same word follows: no blank after it
    open: bool,
}

impl Offer {
    fn new(text: impl Into<String>, about: impl Into<String>) -> Self {
        Offer { text: text.into(), about: about.into(), ..Offer::default() }
    }

    fn plain(text: impl Into<String>) -> Self {
        Offer::new(text, "")
    }
}

#[derive(Default)]
struct Offers {
    list: Vec<Offer>,
    live: bool,
    detailed: bool,
}

impl Offers {
    fn of(list: Vec<Offer>) -> Self {
        Offers { list, ..Offers::default() }
    }

    fn detailed(list: Vec<Offer>) -> Self {
        Offers { list, detailed: true, ..Offers::default() }
    }
}

/// Words that may begin a statement, beside commands.
pub const STATEMENTS: &[(&str, &str)] = &[
    ("let", "name a value"),
    ("if", "run a block if a pipeline gives true"),
    ("for", "run a block for each value"),
    ("wait", "pause, or wait until a pipeline gives true"),
    ("expect", "fail unless a pipeline gives true"),
    ("try", "go on after a failure"),
    ("on-exit", "run a block at the end"),
    ("param", "name a value that is given from outside"),
    ("set", "change a setting"),
    ("source", "run a script here"),
];

/// What may stand at `cursor`, a byte offset into `text`.
pub fn complete(text: &str, cursor: usize, names: &Names) -> Completion {
    let context = at_cursor(text, cursor);
    let partial = context.partial.text.as_str();
    let mut start = context.partial.span.start;
    let offers = match context.place {
        CursorPlace::Command => words(&context, names),
        CursorPlace::Cluster => {
            Offers::of(names.clusters.iter().map(|name| Offer::plain(name.as_str())).collect())
        }
        CursorPlace::Variable { braced } => return variables(&context, names, braced),
        CursorPlace::Redirect => Offers::of(values::paths(partial, names, "")),
        CursorPlace::Source => Offers::of(values::paths(partial, names, ".ksh")),
        CursorPlace::Setting => {
            Offers::of(crate::session::SETTINGS.iter().map(|name| Offer::plain(*name)).collect())
        }
        CursorPlace::Value if text[..start].trim_end().ends_with("output") => {
            let formats = OUTPUT_FORMATS.iter().chain(&["auto"]);
            Offers::of(formats.map(|format| Offer::plain(*format)).collect())
        }
        CursorPlace::Os => {
            let word = partial.rsplit([' ', '\t']).next().unwrap_or_default();
            start = context.partial.span.end - word.len();
            let offers = Offers::of(values::paths(word, names, ""));
            return finish(offers, word, None, start);
        }
        CursorPlace::Name
        | CursorPlace::Item
        | CursorPlace::Value
        | CursorPlace::Duration
        | CursorPlace::ErrorCode
        | CursorPlace::Nothing => Offers::default(),
    };
    // `@pr`: what is replaced is the name alone.
    if context.place == CursorPlace::Cluster && text[start..].starts_with('@') {
        start += 1;
    }
    finish(offers, partial, context.partial.quote, start)
}

/// The cluster that the stage at the cursor names: `@name`, `-C name`, `--cluster name`.
pub fn cluster_of(text: &str, cursor: usize) -> Option<String> {
    let context = at_cursor(text, cursor);
    let words = context.words.iter().map(|word| word.text.as_str());
    let mut pairs = words.clone().zip(words.clone().skip(1));
    let named = pairs.find(|(flag, _)| matches!(*flag, "-C" | "--cluster")).map(|(_, name)| name);
    let inline = words.clone().find_map(|word| word.strip_prefix("--cluster="));
    context.cluster.or_else(|| named.or(inline).map(String::from))
}

/// Keeps what begins as was typed and quotes it as it has to be.
fn finish(offers: Offers, partial: &str, quote: Option<char>, start: usize) -> Completion {
    let kept: Vec<Offer> =
        offers.list.into_iter().filter(|offer| offer.text.starts_with(partial)).collect();
    let alone = kept.len() == 1;
    let candidates = kept
        .into_iter()
        .map(|offer| {
            let whole = alone && !offer.open;
            let mut replacement = quoted(&offer.text, quote, whole);
            if whole {
                replacement.push(' ');
            }
            let display = offer.display.unwrap_or_else(|| offer.text.clone());
            Candidate { text: offer.text, replacement, display, about: offer.about }
        })
        .collect();
    Completion { start, candidates, live: offers.live, detailed: offers.detailed }
}

/// A word as it is written in the language; `closed`: with the quote at its end.
fn quoted(text: &str, quote: Option<char>, closed: bool) -> String {
    let plain = |c: char| c.is_alphanumeric() || "._-/=:,+%~".contains(c);
    let bare = !text.is_empty() && text.chars().all(plain);
    let (mark, body) = match quote {
        None if bare || (text.starts_with('@') && text[1..].chars().all(plain)) => {
            return text.to_string();
        }
        Some('"') => {
            let escape = |c: char| match c {
                '"' | '\\' | '$' => vec!['\\', c],
                c => vec![c],
            };
            ('"', text.chars().flat_map(escape).collect::<String>())
        }
        _ => ('\'', text.replace('\'', "'\\''")),
    };
    let end = if closed { mark.to_string() } else { String::new() };
    format!("{mark}{body}{end}")
}

fn variables(context: &CursorContext, names: &Names, braced: bool) -> Completion {
    let partial = context.partial.text.as_str();
    let found = names.variables.iter().filter(|name| name.starts_with(partial));
    let candidates: Vec<Candidate> = found
        .map(|name| Candidate {
            text: name.clone(),
            replacement: if braced { format!("${{{name}}}") } else { format!("${name}") },
            display: format!("${name}"),
            about: String::new(),
        })
        .collect();
    Completion { start: context.partial.span.start, candidates, ..Completion::default() }
}

/// A word of a stage: its command, or an argument of it.
fn words(context: &CursorContext, names: &Names) -> Offers {
    let typed: Vec<&str> = context.words.iter().map(|word| word.text.as_str()).collect();
    let Some(first) = typed.first() else {
        return first_words(context, names);
    };
    if typed.len() == 1 && commands::single(first).is_none() {
        return match find_command(&typed) {
            Found::VerbMissing { noun, .. } => verbs(&noun, context.first_stage),
            _ => Offers::default(),
        };
    }
    match find_command(&typed) {
        Found::Command { spec, words, .. } => {
            arguments(spec, &context.words[words..], context, names)
        }
        _ => Offers::default(),
    }
}

fn fits(spec: &CommandSpec, first_stage: bool) -> bool {
    match spec.place {
        Place::Both => true,
        Place::Head => first_stage,
        Place::Stage => !first_stage,
    }
}

/// The first word of each command that may stand here, and of statements.
fn first_words(context: &CursorContext, names: &Names) -> Offers {
    let mut list = command_words(context.first_stage);
    if context.statement_start {
        list.extend(STATEMENTS.iter().map(|(word, about)| Offer::new(*word, *about)));
        if names.at_prompt {
            list.push(Offer::new("clear", "clear the screen"));
        }
    }
    if context.partial.text.starts_with('@') {
        list.extend(names.clusters.iter().map(|name| Offer::plain(format!("@{name}"))));
    }
    Offers::of(list)
}

/// Nouns and the commands of one word.
fn command_words(first_stage: bool) -> Vec<Offer> {
    let mut list: Vec<Offer> = Vec::new();
    for spec in commands::all().into_iter().filter(|spec| fits(spec, first_stage)) {
        let word = spec.path[0];
        if list.iter().any(|offer| offer.text == word) {
            continue;
        }
        let about = match spec.path.len() {
            1 => spec.summary.to_string(),
            _ => commands::verbs(word).join(" "),
        };
        list.push(Offer::new(word, about));
    }
    list
}

fn verbs(noun: &str, first_stage: bool) -> Offers {
    let specs = commands::all().into_iter().filter(|spec| spec.path.len() == 2);
    let specs = specs.filter(|spec| spec.path[0] == noun && fits(spec, first_stage));
    Offers::detailed(specs.map(|spec| Offer::new(spec.path[1], spec.summary)).collect())
}

/// What was given to a command before the cursor.
#[derive(Default)]
struct Given<'w> {
    positional: Vec<&'w str>,
    flags: Vec<&'static FlagSpec>,
    /// The last word is a flag that waits for its value
    pending: Option<&'static FlagSpec>,
    /// After `--`
    only_positional: bool,
}

fn given<'w>(spec: &'static CommandSpec, words: &'w [CursorWord]) -> Given<'w> {
    let mut given = Given::default();
    for word in words {
        let text = word.text.as_str();
        if given.pending.take().is_some() {
            continue;
        }
        if given.only_positional || word.quoted || !is_flag(text) {
            given.positional.push(text);
        } else if text == "--" {
            given.only_positional = true;
        } else {
            let (flag, waits) = match text.strip_prefix("--") {
                Some(long) => {
                    (spec.flag(long.split('=').next().unwrap_or(long)), !long.contains('='))
                }
                // Of `-ab` only the last letter can wait for a value.
                None => (text.chars().last().and_then(|c| spec.short_flag(c)), text.len() == 2),
            };
            given.flags.extend(flag);
            given.pending = flag.filter(|flag| waits && flag.value.is_some());
        }
    }
    given
}

fn is_flag(text: &str) -> bool {
    text.len() > 1 && text.starts_with('-') && !text[1..].chars().all(|c| c.is_ascii_digit())
}

/// The argument of the table that is due after `count` positional words.
fn due(spec: &'static CommandSpec, count: usize) -> Option<&'static ArgSpec> {
    let last = spec.args.last().filter(|arg| matches!(arg.arity, Arity::Any | Arity::Many));
    spec.args.get(count).or(last)
}

fn arguments(
    spec: &'static CommandSpec,
    words: &[CursorWord],
    context: &CursorContext,
    names: &Names,
) -> Offers {
    let given = given(spec, words);
    let partial = context.partial.text.as_str();
    let bare = context.partial.quote.is_none() && !given.only_positional;
    if let (Some(FlagSpec { name: "set", .. }), Some(plugin)) =
        (given.pending, plugin(spec, &given))
    {
        let before: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        return values::plugin_settings(plugin, partial, &before);
    }
    if let Some((_, kind)) = given.pending.and_then(|flag| flag.value) {
        return values::of_kind(kind, partial, &[], names);
    }
    if let (Some(long), true) = (partial.strip_prefix("--"), bare)
        && let Some((name, value)) = long.split_once('=')
        && let Some((_, kind)) = spec.flag(name).and_then(|flag| flag.value)
    {
        let mut offers = values::of_kind(kind, value, &[], names);
        for offer in &mut offers.list {
            offer.display.get_or_insert_with(|| offer.text.clone());
            offer.text = format!("--{name}={}", offer.text);
        }
        return offers;
    }
    if bare && partial.starts_with('-') {
        return flags(spec, &given);
    }
    let offers = match due(spec, given.positional.len()) {
        Some(ArgSpec { kind: Kind::Command, .. }) => command_of(&given.positional),
        Some(arg) => values::of_kind(arg.kind, partial, &given.positional, names),
        None => Offers::default(),
    };
    // Nothing more is due, or anything may be: the flags are what is left to choose from.
    if offers.list.is_empty() && !offers.live && partial.is_empty() && bare {
        return flags(spec, &given);
    }
    offers
}

/// The plugin that a command's own words name: whose settings `--set` is about.
fn plugin<'w>(spec: &'static CommandSpec, given: &Given<'w>) -> Option<&'w str> {
    let at = spec.args.iter().position(|arg| matches!(arg.kind, Kind::Plugin(_)))?;
    given.positional.get(at).copied()
}

/// The words of a command, for `help`.
fn command_of(given: &[&str]) -> Offers {
    match given {
        [] => {
            let mut list = command_words(true);
            let stages = command_words(false);
            list.extend(stages.into_iter().filter(|stage| {
                commands::single(&stage.text).is_some_and(|spec| spec.place == Place::Stage)
            }));
            list.extend(topics::names().map(|(name, about)| Offer::new(name, about)));
            Offers::of(list)
        }
        [noun] => verbs(noun, true),
        _ => Offers::default(),
    }
}

fn flags(spec: &'static CommandSpec, given: &Given<'_>) -> Offers {
    let left = spec
        .all_flags()
        .filter(|flag| flag.repeats || !given.flags.iter().any(|used| used.name == flag.name));
    let list = left.map(|flag| {
        let about = match flag.short {
            Some(letter) => format!("{} (-{letter})", flag.help),
            None => flag.help.to_string(),
        };
        Offer::new(format!("--{}", flag.name), about)
    });
    Offers::detailed(list.collect())
}

#[cfg(test)]
mod tests;
