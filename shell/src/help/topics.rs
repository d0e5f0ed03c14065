//! Help that is no command's: statements, what the prompt itself understands, and error codes.

use kafsh_model::codes;
use kafsh_model::error::Class;

/// A page with its first line: `name`, what it is for, how it is written, and lines that show it.
struct Topic {
    name: &'static str,
    summary: &'static str,
    text: &'static str,
}

const fn topic(name: &'static str, summary: &'static str, text: &'static str) -> Topic {
    Topic { name, summary, text }
}

const TOPICS: &[Topic] = &[
    topic(
        "let",
        "name a value",
        "let NAME = WORD
let NAME = PIPELINE

A word is a text and stands in quotes where a command might begin; a pipeline gives the value, and
exactly one: `| jq -s .` makes one list of several. `$NAME` is always exactly one word, and in jq it
is a typed variable. A variable that is not set is an error before anything runs.

  let limit = \"100\"
  let names = topic list | jq '[.[].name]'
",
    ),
    topic(
        "if",
        "run a block if a pipeline gives true",
        "if PIPELINE { STATEMENTS } [else if PIPELINE { … }] [else { … }]

The pipeline gives exactly one output, true or false.

  if topic list | jq 'any(.name == \"orders\")' { topic describe orders }
",
    ),
    topic(
        "for",
        "run a block for each value",
        "for NAME in WORD… { STATEMENTS }

A variable that holds a list stands for its elements.

  for t in $names { topic describe $t }
",
    ),
    topic(
        "wait",
        "pause, or wait until a pipeline gives true",
        "wait DURATION
wait DURATION PIPELINE

Runs the pipeline again and again until it gives true. Something that is not there, is busy or
does not answer means \"not yet\"; a wrong use and a lack of rights end the wait at once. When the
time runs out the exit status is 4, and the last reason is said.

  wait 30s cluster status | jq '.healthy'
",
    ),
    topic(
        "expect",
        "fail unless a pipeline gives true, or fails with a code",
        "expect PIPELINE
expect error CODE PIPELINE

The first fails unless the one output is true. The second fails unless the pipeline fails with
that code; `help errors` lists the codes.

  expect topic describe test | jq '.partitions | length == 10'
  expect error topic-exists topic create test
",
    ),
    topic(
        "try",
        "go on after a failure",
        "try STATEMENT

What failed is told on standard error, and the next statement runs.

  try topic delete old --yes
",
    ),
    topic(
        "on-exit",
        "run a block at the end",
        "on-exit { STATEMENTS }

Runs when the script or the prompt ends, also after a failure or Ctrl-C; the last block first.

  on-exit { cluster logs --errors > \"bring-up.log\" }
",
    ),
    topic(
        "param",
        "name a value that is given from outside",
        "param NAME
param NAME = DEFAULT

`kafsh run FILE --NAME VALUE` sets it; `kafsh run FILE --help` lists all. Without a default it
must be given. Its type is that of its default: behind a number only a number is taken, behind
`true` or `false` only those; anything else, and a default in quotes, makes it a text.

  param brokers = 3
  param ephemeral = false
  param name = \"demo\"
",
    ),
    topic(
        "set",
        "change a setting",
        "set NAME VALUE

  set output json      how results are written: table, json, jsonl, yaml, csv, tsv, name
",
    ),
    topic(
        "source",
        "run a script here",
        "source FILE

FILE is a literal path, from the folder of the script that names it. It is checked before anything
runs; its variables stay.

  source \"common.ksh\"
",
    ),
    topic(
        "pipes",
        "how commands are put together: |",
        "COMMAND | STAGE [| STAGE]…

A stage takes what comes before it: the one value of a command, lines, or records. `jq`, `where`,
`head`, `transform`, `produce` and whatever else takes rows may stand there; `help COMMAND` says
so. A line that begins with `|` continues the line above it. Each stage may have its own `@NAME`.

  topic list | where '.partitions > 5' | jq '[.[].name]'
",
    ),
    topic(
        "!",
        "a program of the system",
        "! COMMAND-LINE

Takes the rest of its line as it stands, to `sh -c`: also `|`, `>` and `}`. Script variables are in
its environment, and `KAFSH_BOOTSTRAP`. A status other than 0 is a failure. Between pipes it is fed
lines and gives lines.

  topic list | !sort | head 3
",
    ),
    topic(
        "@",
        "the cluster of one stage",
        "@NAME COMMAND

Works on that cluster whatever `-C` or `cluster use` say; it comes before a name that is not
written there. `$NAME` may stand in it.

  @prod consume orders | @staging produce orders
",
    ),
    topic(
        ">",
        "write to a file: > and >>",
        "PIPELINE > FILE
PIPELINE >> FILE

Last in its pipeline. `>` puts the new text in place of the old once it is there whole, `>>` adds
to it. Without a terminal results are tab-separated, without a header; `-O` chooses another format.
To compare, put the filter in quotes: `where '.partitions > 5'`.

  topic list -O json > topics.json
",
    ),
    topic(
        "<<",
        "text in the script: a here-document",
        "COMMAND <<TAG
TEXT
TAG

The lines up to the one that is TAG and nothing else are what the command takes, byte for byte: no
variables, no escapes. TAG is any word of yours.

  produce orders <<END
",
    ),
    topic(
        "run",
        "run a script from the command line",
        "kafsh run FILE [--NAME VALUE]…

`kafsh ./FILE` and `kafsh FILE.ksh` do the same, and so does `#!/usr/bin/env kafsh` in its first
line; `-` is standard input. All of it is read and bound before its first line runs, and
`kafsh --check run FILE` does only that. In a script, `source FILE` runs another one.

  kafsh run first-cluster.ksh --brokers 3
",
    ),
    topic(
        "options",
        "options of kafsh itself, before the command or file",
        "kafsh [OPTIONS] [COMMAND | run FILE | -c TEXT]

  -C, --cluster NAME      the cluster to work on; `@NAME` before a stage goes before it
  -B, --bootstrap H:P     a cluster that has no name here
  -O, --output FORMAT     table, json, jsonl, yaml, csv, tsv, name
      --rehearse          clusters in memory: no server is touched; `!` and `>` are real
      --check             read and check a script, run nothing
      --locked            only plugins of `kafsh-plugins.lock`, as it has them
  -y, --yes               do not ask before something is lost
  -c TEXT                 statements and pipelines
  -h, --help
  -V, --version

`-C`, `-B`, `-O` and `-y` may also stand behind the command they are for.
",
    ),
    topic(
        "clear",
        "clear the screen of the prompt (also Ctrl-L)",
        "clear

At the prompt alone. Other keys: Tab completes, Up and Down go through the history, Ctrl-R searches
it, Ctrl-C ends the command that runs, Ctrl-D leaves.
",
    ),
];

/// Other words for a page.
const ALIASES: &[(&str, &str)] = &[
    ("|", "pipes"),
    ("pipe", "pipes"),
    ("pipelines", "pipes"),
    (">>", ">"),
    ("redirect", ">"),
    ("heredoc", "<<"),
    ("system", "!"),
    ("flags", "options"),
    ("option", "options"),
    ("--help", "options"),
    ("scripts", "run"),
];

/// Names of the pages that are no command's, with a line of each: statements, then the rest.
pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    let errors = ("errors", "error codes for `expect error`, and exit statuses");
    TOPICS.iter().map(|topic| (topic.name, topic.summary)).chain([errors])
}

/// The page of a word that is no command, if there is one; a code of an error has one too.
pub fn page(word: &str) -> Option<String> {
    let word = ALIASES.iter().find(|(from, _)| *from == word).map_or(word, |(_, to)| *to);
    if let Some(topic) = TOPICS.iter().find(|topic| topic.name == word) {
        return Some(format!("{}: {}\n\nusage: {}", topic.name, topic.summary, topic.text));
    }
    if ["errors", "error", "codes"].contains(&word) {
        return Some(errors());
    }
    let code = codes::find(word)?;
    let (class, status) = (code.class.name(), code.class.exit_status());
    Some(format!("{word}: {}\n\nclass {class}, exit status {status}\n", code.meaning))
}

/// Every code, by the exit status that it leads to.
fn errors() -> String {
    let mut page = String::from(
        "errors: codes for `expect error CODE`, and exit statuses

exit status
    0  done
    1  failed, false, not there, or one of several items failed
    2  wrong use or syntax: nothing was tried
    3  refused: by a policy, or because a confirmation or consent was not given
    4  a wait ran out
    5  unreachable, or not authorised
   70  a fault of kafsh
  130  interrupted

`wait` goes on while the class is not-found, busy, unavailable or timed-out.
A plugin's own code is in the evidence of `plugin-failed`.
",
    );
    let width = codes::all().iter().map(|entry| entry.code.len()).max().unwrap_or(0);
    for class in Class::ALL {
        page.push_str(&format!("\n{} (exit status {})\n", class.name(), class.exit_status()));
        for entry in codes::all().iter().filter(|entry| entry.class == class) {
            page.push_str(&format!("  {:<width$}  {}\n", entry.code, entry.meaning));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_has_a_page_that_shows_it() {
        let pages: Vec<&str> = TOPICS.iter().map(|topic| topic.name).collect();
        for (word, _) in crate::complete::STATEMENTS {
            assert!(pages.contains(word), "{word}");
            let page = page(word).unwrap();
            assert!(page.lines().any(|line| line.starts_with(&format!("  {word} "))), "{page}");
        }
        for topic in TOPICS {
            assert!(crate::commands::single(topic.name).is_none(), "{} is hidden", topic.name);
        }
    }

    #[test]
    fn every_code_is_listed_once_with_its_status() {
        let page = page("errors").unwrap();
        for entry in codes::all() {
            let begin = format!("  {} ", entry.code);
            assert_eq!(page.lines().filter(|line| line.starts_with(&begin)).count(), 1, "{begin}");
        }
        let one = super::page("locked").unwrap();
        assert!(one.contains("class busy, exit status 1"), "{one}");
        assert_eq!(super::page("nonsense"), None);
    }
}
