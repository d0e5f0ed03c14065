//! The table of commands: each noun lists its verbs, and nothing else knows them.

use crate::spec::CommandSpec;

mod broker;
mod cluster;
mod config;
mod group;
mod kafka;
mod pipes;
mod plugin;
mod policy;
mod records;
mod session;
mod topic;
mod zookeeper;

/// Every command, by noun and in the order in which `help` shows them.
pub fn all() -> Vec<&'static CommandSpec> {
    let tables: [&'static [&'static CommandSpec]; 12] = [
        cluster::COMMANDS,
        broker::COMMANDS,
        zookeeper::COMMANDS,
        kafka::COMMANDS,
        topic::COMMANDS,
        records::COMMANDS,
        group::COMMANDS,
        config::COMMANDS,
        plugin::COMMANDS,
        policy::COMMANDS,
        pipes::COMMANDS,
        session::COMMANDS,
    ];
    tables.into_iter().flatten().copied().collect()
}

/// A command of one word.
pub fn single(word: &str) -> Option<&'static CommandSpec> {
    all().into_iter().find(|spec| spec.path == [word])
}

/// A command of two words.
pub fn lookup(noun: &str, verb: &str) -> Option<&'static CommandSpec> {
    all().into_iter().find(|spec| spec.path == [noun, verb])
}

/// First words of the commands of two words.
pub fn nouns() -> Vec<&'static str> {
    let mut nouns: Vec<&'static str> = Vec::new();
    for spec in all() {
        if spec.path.len() == 2 && !nouns.contains(&spec.path[0]) {
            nouns.push(spec.path[0]);
        }
    }
    nouns
}

/// The verbs of a noun.
pub fn verbs(noun: &str) -> Vec<&'static str> {
    all()
        .into_iter()
        .filter(|s| s.path.len() == 2 && s.path[0] == noun)
        .map(|s| s.path[1])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Arity, Effect};
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_sound() {
        let mut paths = BTreeSet::new();
        for spec in all() {
            let name = spec.name();
            assert!(paths.insert(spec.path), "`{name}` stands twice");
            assert!((1..=2).contains(&spec.path.len()), "{name}");
            assert!(!spec.summary.is_empty() && !spec.summary.ends_with('.'), "{name}: summary");
            assert!(!spec.examples.is_empty(), "`{name}` has no example");
            for (index, arg) in spec.args.iter().enumerate() {
                let last = index + 1 == spec.args.len();
                let repeats = matches!(arg.arity, Arity::Any | Arity::Many);
                assert!(last || !repeats, "{name}: only the last argument repeats");
            }
            let mut flags = BTreeSet::new();
            let mut letters = BTreeSet::new();
            for flag in spec.flags {
                assert!(flags.insert(flag.name), "{name}: --{} twice", flag.name);
                assert!(flag.short.is_none_or(|l| letters.insert(l)), "{name}: -{:?}", flag.short);
                assert!(
                    !flag.help.is_empty() && !flag.help.ends_with('.'),
                    "{name}: {}",
                    flag.name
                );
                for alias in flag.aliases {
                    assert!(flags.insert(alias), "{name}: --{alias} twice");
                }
            }
            if spec.effect == Effect::Destructive {
                assert!(spec.question.is_some(), "`{name}` destroys and does not say what");
            }
            if spec.effect != Effect::Read && spec.path[0] != "session" {
                let dry = spec.flags.iter().any(|flag| flag.name == "dry-run");
                assert!(
                    dry || spec.path.len() == 1,
                    "`{name}` changes something without --dry-run"
                );
            }
        }
    }
}
