//! Completion of kafsh's own command line, for the shells it is called from: argv to a text of the
//! language, and the names of a cluster within a budget.

use std::time::Duration;

use kafsh_host::store::PluginStore;

use super::{Candidate, Completion, Names, complete, values};
use crate::repl::live::{Live, Which, binding_names, cluster_names, plugin_names};
use crate::spec::OUTPUT_FORMATS;
use crate::wire::{self, Wired};

/// Longest that Tab in another shell waits for a cluster's names.
const NAMES_BUDGET: Duration = Duration::from_millis(300);

/// Options before the command; those with `true` take a value.
const GLOBALS: &[(&str, &str, bool)] = &[
    ("-C", "--cluster", true),
    ("-B", "--bootstrap", true),
    ("-O", "--output", true),
    ("-c", "", true),
    ("-y", "--yes", false),
    ("-h", "--help", false),
    ("-V", "--version", false),
    ("", "--rehearse", false),
    ("", "--check", false),
];

/// What stands before the word to complete.
#[derive(Debug, Default, PartialEq, Eq)]
struct Line<'w> {
    cluster: Option<&'w str>,
    bootstrap: Option<&'w str>,
    rehearse: bool,
    /// The option whose value is due
    pending: Option<&'static str>,
    /// A script follows, or its arguments: they are the script's own
    script: Option<usize>,
    /// The command, so far
    command: &'w [String],
}

/// Prints what may stand for the last of `words`, one a line, a tab before what is said of it.
pub fn print(words: &[String]) -> u8 {
    let completion = complete_words(words, live_names);
    for Candidate { text, about, .. } in &completion.candidates {
        match about.is_empty() {
            true => out!("{text}\n"),
            false => out!("{text}\t{about}\n"),
        }
    }
    0
}

fn complete_words(words: &[String], live: impl Fn(&Line<'_>, &mut Names)) -> Completion {
    let Some((partial, before)) = words.split_last() else { return Completion::default() };
    let line = read(before);
    let directory = std::env::current_dir().unwrap_or_default();
    let mut names = Names { directory, ..kept_names() };
    match (line.pending, line.script, line.command) {
        (Some("-C"), ..) => return listed(names.clusters.iter().map(String::as_str), partial),
        (Some("-O"), ..) => return listed(OUTPUT_FORMATS.iter().copied(), partial),
        (Some(_), ..) => return Completion::default(),
        (None, Some(0), _) => return script(partial, &names),
        (None, Some(_), _) => return Completion::default(),
        (None, None, []) => return first(partial, &names),
        (None, None, _) => {}
    }
    let mut text = String::new();
    for word in line.command {
        text.push_str(&super::quoted(word, None, true));
        text.push(' ');
    }
    if !partial.is_empty() {
        text.push_str(&super::quoted(partial, None, false));
    }
    let found = complete(&text, text.len(), &names);
    if !found.live {
        return found;
    }
    live(&line, &mut names);
    complete(&text, text.len(), &names)
}

fn read(before: &[String]) -> Line<'_> {
    let mut line = Line::default();
    for (index, word) in before.iter().enumerate() {
        let word = word.as_str();
        if let Some(option) = line.pending.take() {
            match option {
                "-C" => line.cluster = Some(word),
                "-B" => line.bootstrap = Some(word),
                _ => {}
            }
            continue;
        }
        let option = word.split('=').next().unwrap_or(word);
        let known = GLOBALS.iter().find(|(short, long, _)| option == *short || option == *long);
        match known {
            Some((_, long, _)) if *long == "--rehearse" => line.rehearse = true,
            Some((short, _, true)) if option == word => line.pending = Some(*short),
            Some((_, long, true)) if *long == "--cluster" => {
                line.cluster = word.split_once('=').map(|(_, name)| name);
            }
            Some(_) => {}
            None if matches!(word, "run" | "-") || word.contains('/') || word.ends_with(".ksh") => {
                let own = usize::from(word != "run");
                line.script = Some(before.len() - index - 1 + own);
                return line;
            }
            None => {
                line.command = &before[index..];
                return line;
            }
        }
    }
    line
}

fn listed<'n>(list: impl Iterator<Item = &'n str>, partial: &str) -> Completion {
    let kept = list.filter(|name| name.starts_with(partial));
    Completion {
        candidates: kept.map(|name| candidate(name, "")).collect(),
        ..Completion::default()
    }
}

fn candidate(text: &str, about: &str) -> Candidate {
    let text = text.to_string();
    let about = about.to_string();
    Candidate { replacement: text.clone(), display: text.clone(), text, about }
}

fn script(partial: &str, names: &Names) -> Completion {
    let list: Vec<String> =
        values::paths(partial, names, ".ksh").into_iter().map(|offer| offer.text).collect();
    listed(list.iter().map(String::as_str), partial)
}

/// The first word: an option, a command, `run`, or a script.
fn first(partial: &str, names: &Names) -> Completion {
    if partial.starts_with('-') {
        let long = GLOBALS.iter().map(|(_, long, _)| *long).filter(|long| !long.is_empty());
        return listed(long, partial);
    }
    if partial.contains('/') {
        return script(partial, names);
    }
    let mut found: Vec<Candidate> = super::command_words(true)
        .into_iter()
        .filter(|offer| offer.text.starts_with(partial))
        .map(|offer| candidate(&offer.text, &offer.about))
        .collect();
    if "run".starts_with(partial) {
        found.push(candidate("run", "run a script"));
    }
    found.extend(script(partial, names).candidates);
    Completion { candidates: found, ..Completion::default() }
}

/// Names of the clusters on disk.
/// What is known without asking a cluster.
fn kept_names() -> Names {
    let Ok(home) = crate::config::Home::find() else { return Names::default() };
    let plugins = plugin_names(&PluginStore::open(crate::plugins::folder(&home)));
    let Ok(store) = kafsh_cluster::store::Store::open(home.data) else { return Names::default() };
    let (clusters, bindings) = (cluster_names(&store), binding_names(&store));
    Names { clusters, plugins, bindings, ..Names::default() }
}

/// Asks the cluster, within the budget; what does not answer has no names.
fn live_names(line: &Line<'_>, names: &mut Names) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let wired = wire::context(line.rehearse, false, &names.directory);
    let (Ok(runtime), Ok(Wired { context, folder: _folder })) = (runtime, wired) else { return };
    let which = match (line.bootstrap, line.cluster) {
        (Some(bootstrap), _) => Some(Which::Bootstrap(bootstrap.to_string())),
        (None, Some(name)) => Some(Which::Cluster(name.to_string())),
        // The same rule as for a command in argv: the only cluster, never a guess.
        (None, None) => context.only_cluster(false).ok().map(Which::Cluster),
    };
    if let Some(which) = which {
        let live = Live::new(&context, runtime.handle().clone());
        let look = async { tokio::time::timeout(NAMES_BUDGET, live.look(&which)).await };
        let seen = runtime.block_on(look);
        if let Ok(seen) = seen {
            names.topics = seen.topics;
            names.groups = seen.groups;
            names.brokers = seen.brokers;
        }
    }
    runtime.shutdown_background();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        let found = complete_words(&words, |_, names| names.topics = vec!["orders".to_string()]);
        found.candidates.into_iter().map(|candidate| candidate.text).collect()
    }

    #[test]
    fn argv_is_completed_as_the_prompt_is() {
        assert!(texts(&["js"]).is_empty());
        assert!(texts(&["he"]).contains(&"help".to_string()));
        assert_eq!(texts(&["ru"]), ["run"]);
        assert_eq!(texts(&["-O", "js"]), ["json", "jsonl"]);
        assert_eq!(texts(&["--reh"]), ["--rehearse"]);
        assert!(texts(&["-c", "topic "]).is_empty());
        assert_eq!(texts(&["--rehearse", "version", "--output", "ya"]), ["yaml"]);
        assert_eq!(texts(&["version", "--output=ya"]), ["--output=yaml"]);
        assert_eq!(texts(&["run", "x.ksh", "--"]), Vec::<String>::new());
    }

    #[test]
    fn options_before_the_command_are_not_its_words() {
        let words = ["-C", "prod", "--yes", "topic", "describe"].map(String::from);
        let line = read(&words);
        assert_eq!((line.cluster, line.command), (Some("prod"), &words[3..]));
        let words = ["--bootstrap", "h:1"].map(String::from);
        assert_eq!(read(&words).bootstrap, Some("h:1"));
        let words = ["run"].map(String::from);
        assert_eq!(read(&words).script, Some(0));
        let words = ["./a.ksh", "--n"].map(String::from);
        assert_eq!(read(&words).script, Some(2));
    }

    #[test]
    fn a_word_of_argv_is_never_lexed_again() {
        // A quote or a variable in argv is text.
        assert!(texts(&["version", "$x"]).is_empty());
        assert!(texts(&["version", "'--out"]).is_empty());
    }
}
