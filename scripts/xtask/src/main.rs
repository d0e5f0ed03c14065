//! Chores of the project, run as `cargo xtask COMMAND`; the standard library only, because this
//! is the first thing that a fresh machine compiles.

mod apt;
mod bare;
mod bench;
mod bless;
mod demo;
mod guest;
mod java;
mod leftovers;
mod machine;
mod measure;
mod need;
mod page;
mod place;
mod run;
#[cfg(test)]
mod sandbox;
mod screenshots;
mod setup;
mod stats;
mod test;

use machine::Machine;
use place::Place;
use run::Failure;
use std::process::ExitCode;

/// The Kafka version that the demo, the tests and the benchmarks run.
pub const KAFKA_VERSION: &str = "3.9.2";

const HELP: &str = "\
chores of the project

usage: cargo xtask COMMAND

  setup [--yes]           find or install what building, running and testing need
  demo  [--yes]           set up, build, then bring up a real cluster and use it
  test  [--yes] [NAME…]   set up, then run every test, or those whose names contain NAME;
                          what follows `--` goes to the test programs as it stands
  bless [PART]            accept what golden scripts print now as what they are expected to print:
                          all of them, or those whose path contains PART
  bench [--yes]           measure a release build against kcat and Kafka's own tools;
                          prints the table that BENCHMARKS.md holds
  screenshots [--yes] FOLDER
                          set up what that takes, then write pictures of every page of `ui` into
                          FOLDER: dark and light, on a desk and on a phone
  help                    this text

Set-up names what it will install and asks once. With --yes, or without a terminal, it installs
at once; that takes root and apt-get. Otherwise it prints the line to run and stops.
";

/// One command line, understood.
#[derive(Debug, PartialEq, Eq)]
enum Chore {
    Help,
    Setup { yes: bool },
    Demo { yes: bool },
    Test { yes: bool, args: Vec<String> },
    Bless { part: Option<String> },
    Bench { yes: bool },
    Screenshots { yes: bool, folder: String },
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match parse(&args).and_then(perform) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", failure.text);
            ExitCode::from(failure.status)
        }
    }
}

fn parse(args: &[String]) -> Result<Chore, Failure> {
    let Some((name, rest)) = args.split_first() else { return Ok(Chore::Help) };
    // What follows `--` is the test programs' business, even when it reads `--yes`.
    let ours = rest.iter().position(|arg| arg == "--").unwrap_or(rest.len());
    let yes = rest[..ours].iter().any(|arg| arg == "--yes" || arg == "-y");
    let mut args = rest.to_vec();
    let mut index = 0;
    args.retain(|arg| {
        index += 1;
        index > ours || !(arg == "--yes" || arg == "-y")
    });
    let chore = match name.as_str() {
        "help" | "--help" | "-h" => return Ok(Chore::Help),
        "setup" => Chore::Setup { yes },
        "demo" => Chore::Demo { yes },
        "bench" => Chore::Bench { yes },
        "test" => Chore::Test { yes, args: args.clone() },
        "bless" => {
            let part = args.first().filter(|part| !part.starts_with('-')).cloned();
            if part.is_some() {
                args.remove(0);
            }
            Chore::Bless { part }
        }
        "screenshots" => match args.first().filter(|folder| !folder.starts_with('-')) {
            Some(folder) => {
                let folder = folder.clone();
                args.remove(0);
                Chore::Screenshots { yes, folder }
            }
            None => return Err(Failure::usage(format!("`{name}` takes a FOLDER\n\n{HELP}"))),
        },
        other => {
            return Err(Failure::usage(format!("no chore is called `{other}`\n\n{HELP}")));
        }
    };
    let takes_names = matches!(chore, Chore::Test { .. });
    let stray = args.iter().find(|arg| !takes_names || arg.starts_with('-'));
    match stray {
        Some(arg) if !takes_names || arg != "--" => {
            Err(Failure::usage(format!("`{name}` does not take `{arg}`\n\n{HELP}")))
        }
        _ => Ok(chore),
    }
}

fn perform(chore: Chore) -> Result<(), Failure> {
    if chore == Chore::Help {
        print!("{HELP}");
        return Ok(());
    }
    let place = Place::here()?;
    let mut machine = Machine::here(&place);
    match chore {
        Chore::Help => Ok(()),
        Chore::Setup { yes } => setup::setup(&mut machine, &need::EVERY, yes),
        Chore::Demo { yes } => demo::demo(&mut machine, &place, yes),
        Chore::Test { yes, args } => test::test(&mut machine, &place, yes, &args),
        Chore::Bless { part } => bless::bless(&machine, &place, part.as_deref()),
        Chore::Bench { yes } => bench::bench(&mut machine, &place, yes),
        Chore::Screenshots { yes, folder } => {
            screenshots::screenshots(&mut machine, yes, folder.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Chore, Failure> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn nothing_and_help_give_help() {
        for line in ["", "help", "--help"] {
            assert_eq!(parsed(line).unwrap(), Chore::Help, "{line}");
        }
    }

    #[test]
    fn yes_is_taken_out_of_the_names() {
        let chore = parsed("test a --yes b").unwrap();
        assert_eq!(chore, Chore::Test { yes: true, args: vec!["a".into(), "b".into()] });
    }

    #[test]
    fn what_follows_two_dashes_is_left_alone() {
        let chore = parsed("test a -- --nocapture --yes").unwrap();
        let args = ["a", "--", "--nocapture", "--yes"].map(str::to_owned).to_vec();
        assert_eq!(chore, Chore::Test { yes: false, args });
    }

    #[test]
    fn pictures_go_into_the_folder_that_is_named() {
        let chore = parsed("screenshots docs/pictures --yes").unwrap();
        assert_eq!(chore, Chore::Screenshots { yes: true, folder: "docs/pictures".into() });
    }

    #[test]
    fn unknown_words_are_usage_errors() {
        let lines = ["tset", "demo now", "test --release", "setup --force", "bench -- x"];
        for line in lines.into_iter().chain(["screenshots", "screenshots --all", "screenshots a b"])
        {
            assert_eq!(parsed(line).unwrap_err().status, 2, "{line}");
        }
    }
}
