//! Words to a command of the table, with what was probably meant where there is none.

use kafsh_model::suggest::suggest;

use crate::commands;
use crate::spec::CommandSpec;

/// What the first words of a stage name.
pub enum Found {
    /// The command, how many words named it, and the canonical form where other words were used
    Command {
        spec: &'static CommandSpec,
        words: usize,
        corrected: Option<String>,
    },
    /// A noun without its verb: the verbs it has
    VerbMissing {
        noun: String,
        verbs: Vec<&'static str>,
    },
    /// A noun with a verb it does not have
    NoVerb {
        noun: String,
        verb: String,
        near: Vec<String>,
        verbs: Vec<&'static str>,
    },
    Unknown {
        near: Vec<String>,
    },
}

/// Other words for nouns and verbs, as people know them from other tools.
const NOUN_ALIASES: &[(&str, &str)] = &[
    ("topics", "topic"),
    ("clusters", "cluster"),
    ("brokers", "broker"),
    ("groups", "group"),
    ("cg", "group"),
    ("configs", "config"),
    ("zk", "zookeeper"),
    ("plugins", "plugin"),
];

const VERB_ALIASES: &[(&str, &str)] = &[
    ("ls", "list"),
    ("rm", "delete"),
    ("show", "describe"),
    ("info", "describe"),
    ("get", "describe"),
];

/// Looks up the words a stage begins with.
pub fn find_command(words: &[&str]) -> Found {
    let Some(&first) = words.first() else {
        return Found::Unknown { near: Vec::new() };
    };
    if let Some(spec) = commands::single(first) {
        return Found::Command { spec, words: 1, corrected: None };
    }
    let second = words.get(1).copied().filter(|word| !word.starts_with('-'));
    if let Some(found) = second.and_then(|second| pair(first, second)) {
        return found;
    }
    let noun = noun_of(first);
    if let Some(noun) = noun {
        let verbs = commands::verbs(noun);
        return match second {
            None => Found::VerbMissing { noun: noun.to_string(), verbs },
            Some(verb) => Found::NoVerb {
                near: suggest(verb, verbs.iter().copied())
                    .into_iter()
                    .map(|near| format!("{noun} {near}"))
                    .collect(),
                noun: noun.to_string(),
                verb: verb.to_string(),
                verbs,
            },
        };
    }
    Found::Unknown { near: nearest(first, second) }
}

/// `topic create`, or what is understood as it: `topics create`, `create topic`, `describe topics`.
fn pair(first: &str, second: &str) -> Option<Found> {
    if let Some(spec) = commands::lookup(first, second) {
        return Some(Found::Command { spec, words: 2, corrected: None });
    }
    let found = |noun: &str, verb: &str| {
        let noun = noun_of(noun)?;
        commands::lookup(noun, verb).or_else(|| commands::lookup(noun, verb_of(verb)?))
    };
    let spec = found(first, second).or_else(|| found(second, first))?;
    let same_noun = noun_of(first) == Some(spec.path[0]) && first == "zk";
    // `zk` is a name in its own right, not a slip.
    let corrected = (!(same_noun && second == spec.path[1])).then(|| spec.name());
    Some(Found::Command { spec, words: 2, corrected })
}

fn noun_of(word: &str) -> Option<&'static str> {
    let alias = NOUN_ALIASES.iter().find(|(from, _)| *from == word).map(|(_, to)| *to);
    commands::nouns().into_iter().find(|noun| Some(*noun) == alias || *noun == word)
}

fn verb_of(word: &str) -> Option<&'static str> {
    VERB_ALIASES.iter().find(|(from, _)| *from == word).map(|(_, to)| *to)
}

fn nearest(first: &str, second: Option<&str>) -> Vec<String> {
    let names: Vec<String> = commands::all().iter().map(|spec| spec.name()).collect();
    let typed = match second {
        Some(second) => format!("{first} {second}"),
        None => first.to_string(),
    };
    let mut near: Vec<String> =
        suggest(&typed, names.iter().map(String::as_str)).into_iter().map(String::from).collect();
    if near.is_empty() {
        let statements = crate::complete::STATEMENTS.iter().map(|(word, _)| *word);
        let words = commands::nouns().into_iter().chain(statements);
        near.extend(suggest(first, words).into_iter().map(String::from));
    }
    near
}
