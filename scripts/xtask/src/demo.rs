//! The demo: from a fresh machine to a running cluster that has been written to and read from.

use crate::machine::Machine;
use crate::need::Need;
use crate::place::Place;
use crate::run::{Failure, Show, run};
use crate::{KAFKA_VERSION, need, setup};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The script that the demo runs, in the checkout.
const SCRIPT: &str = "scripts/examples/first-cluster.ksh";
/// How long fetching Kafka's jars may take.
pub const KAFKA_FETCH_MAX: Duration = Duration::from_secs(1200);

/// Sets up, builds, installs Kafka, runs the script and says what to type next.
///
/// # Errors
/// One of these failed; each says what to do.
pub fn demo(machine: &mut Machine, place: &Place, yes: bool) -> Result<(), Failure> {
    let own_kafka = std::env::var_os("KAFKA_HOME").is_some_and(|home| !home.is_empty());
    setup::setup(machine, &needs(own_kafka), yes)?;
    eprintln!("build");
    let advice = "the compiler's messages are above";
    let mut cargo = machine.cargo();
    run(cargo.args(["build", "--locked", "-p", "kafsh"]), Show::Inherit, None, advice)?;
    let kafsh = place.kafsh()?;
    if !own_kafka {
        install_kafka(&mut machine.command(&kafsh))?;
    }
    eprintln!("run {SCRIPT}");
    let mut command = machine.command(&kafsh);
    let advice = format!("{} cluster status", kafsh.display());
    run(command.args(["run", SCRIPT]), Show::Inherit, None, &advice)?;
    let script = std::fs::read_to_string(place.checkout.join(SCRIPT)).unwrap_or_default();
    print!("{}", next_steps(&kafsh, cluster_of(&script)));
    Ok(())
}

/// Maven only fetches Kafka: who has one needs no Maven.
fn needs(own_kafka: bool) -> Vec<Need> {
    need::DEMO.into_iter().filter(|need| !(own_kafka && *need == Need::Maven)).collect()
}

/// Has the shell fetch the jars of Kafka, unless it has them.
///
/// # Errors
/// They cannot be fetched.
pub fn install_kafka(kafsh: &mut Command) -> Result<(), Failure> {
    eprintln!("Kafka {KAFKA_VERSION}");
    kafsh.args(["kafka", "install", KAFKA_VERSION]);
    let advice = "Maven fetches the jars: see that `mvn` works here, then run this again\n\
                  or point KAFKA_HOME at an unpacked release of Kafka";
    run(kafsh, Show::Inherit, Some(KAFKA_FETCH_MAX), advice)
}

/// The cluster that a script brings up; one that is called by a parameter, by its default.
fn cluster_of(script: &str) -> Option<&str> {
    let line = script.lines().find_map(|line| line.trim().strip_prefix("cluster up "))?;
    let name = line.split_whitespace().next()?;
    let Some(param) = name.strip_prefix('$') else {
        return Some(name).filter(|name| !name.starts_with(['-', '"']));
    };
    let value = script.lines().find_map(|line| {
        let (known, value) = line.trim().strip_prefix("param ")?.split_once('=')?;
        (known.trim() == param).then_some(value.trim())
    })?;
    value.strip_prefix('"')?.strip_suffix('"')
}

fn next_steps(kafsh: &Path, cluster: Option<&str>) -> String {
    let kafsh = kafsh.display();
    let of = cluster.map(|name| format!(" -C {name}")).unwrap_or_default();
    let name = cluster.unwrap_or("NAME");
    let steps = [
        (format!("{kafsh}{of}"), "the prompt: Tab completes, `help` explains"),
        (format!("{kafsh}{of} topic list"), "one command"),
        (format!("{kafsh}{of} ui"), "the cluster as a page in your browser"),
        (format!("{kafsh} cluster stop {name}"), "stops it and keeps its data"),
    ];
    let width = steps.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    let line = |(command, what): &(String, &str)| format!("  {command:width$}   # {what}\n");
    format!("\nthe shell is {kafsh}; next:\n{}", steps.iter().map(line).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_is_the_one_that_the_script_brings_up() {
        let script = "#!/usr/bin/env kafsh\n  cluster up first --brokers 3\ncluster up second\n";
        assert_eq!(cluster_of(script), Some("first"));
        assert_eq!(cluster_of("topic list\n"), None);
        assert_eq!(cluster_of("cluster up $name\n"), None);
        let with_param = "param base = 9091\nparam name = \"demo\"\ncluster up $name -b 3\n";
        assert_eq!(cluster_of(with_param), Some("demo"));
    }

    #[test]
    fn the_script_of_the_demo_names_its_cluster() {
        let place = Place::here().unwrap();
        let script = std::fs::read_to_string(place.checkout.join(SCRIPT)).unwrap();
        assert_eq!(cluster_of(&script), Some("demo"));
    }

    #[test]
    fn who_has_a_kafka_needs_no_maven() {
        assert!(needs(false).contains(&Need::Maven));
        assert!(!needs(true).contains(&Need::Maven) && needs(true).contains(&Need::Java));
    }

    #[test]
    fn the_next_steps_are_commands_of_the_built_shell() {
        let text = next_steps(Path::new("/t/kafsh"), Some("demo"));
        for line in ["", "topic list ", "ui "] {
            assert!(text.contains(&format!("/t/kafsh -C demo {line}")), "{text}");
        }
        assert!(text.contains("cluster stop demo "), "{text}");
        assert!(next_steps(Path::new("/t/kafsh"), None).contains("cluster stop NAME"));
    }
}
