//! Runs every test, those on a real cluster included.

use crate::machine::Machine;
use crate::place::{Place, test_home};
use crate::run::{Failure, Show, run};
use crate::{demo, leftovers, need, setup};
use std::process::Command;
use std::time::Instant;

/// Sets up, builds the tests, installs Kafka where they look for it, and runs them.
///
/// # Errors
/// Something is missing, does not compile, or a test fails; cargo's exit status is ours.
pub fn test(
    machine: &mut Machine,
    place: &Place,
    yes: bool,
    args: &[String],
) -> Result<(), Failure> {
    let started = Instant::now();
    setup::setup(machine, &need::EVERY, yes)?;
    // Built by the command that runs them, so that nothing is compiled twice with other features;
    // the integration tests have cargo build the shell itself too.
    eprintln!("build");
    let advice = "the compiler's messages are above";
    run(cargo_test(machine).arg("--no-run"), Show::Inherit, None, advice)?;
    prepare_kafka(machine, place)?;
    eprintln!("test");
    let home = test_home()?;
    let before = leftovers::before()?;
    let mut command = cargo_test(machine);
    command.args(test_args(args)).env("KAFSH_TEST_HOME", &home);
    // Of what is left in a folder of their own, nobody has to guess whose it is.
    command.envs(before.own.iter().map(|own| ("TMPDIR", own)));
    let outcome = run(&mut command, Show::Inherit, None, "the failed tests are named above");
    let outcome = outcome.and_then(|()| leftovers::check(&home, &before));
    let seconds = started.elapsed().as_secs();
    eprintln!("total time {} min {} s", seconds / 60, seconds % 60);
    outcome
}

/// Installs Kafka into the store that all tests share.
///
/// # Errors
/// It cannot be fetched.
pub fn prepare_kafka(machine: &Machine, place: &Place) -> Result<(), Failure> {
    let home = test_home()?;
    std::fs::create_dir_all(&home).map_err(|cause| {
        Failure::new(format!(
            "`{}` cannot be made\n  {cause}\n  export KAFSH_TEST_HOME=/some/folder",
            home.display()
        ))
    })?;
    let mut kafsh = machine.command(place.kafsh()?);
    // The tests are about the pinned version, whatever the user has elsewhere.
    demo::install_kafka(kafsh.env("KAFSH_HOME", home).env_remove("KAFKA_HOME"))
}

/// `cargo test` for all crates, without what the user's own set-up would change in a test.
pub fn cargo_test(machine: &Machine) -> Command {
    let mut command = machine.cargo();
    command.args(["test", "--locked", "--workspace", "--no-fail-fast"]);
    command.env_remove("KAFKA_HOME").env_remove("KAFSH_HOME");
    command
}

/// Names and what follows `--`, as cargo wants them: it takes one name, a test program several.
pub fn test_args(args: &[String]) -> Vec<String> {
    if args.is_empty() {
        return Vec::new();
    }
    let mut split = args.splitn(2, |arg| arg == "--");
    let names = split.next().unwrap_or_default();
    let rest = split.next().unwrap_or_default();
    let dashes = std::iter::once("--".to_owned());
    dashes.chain(names.iter().cloned()).chain(rest.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_options_reach_the_test_programs() {
        let cases = [
            ("", ""),
            ("a b", "-- a b"),
            ("a -- --nocapture", "-- a --nocapture"),
            ("-- --exact", "-- --exact"),
        ];
        for (given, expected) in cases {
            let given: Vec<String> = given.split_whitespace().map(str::to_owned).collect();
            assert_eq!(test_args(&given).join(" "), expected);
        }
    }

    #[test]
    fn every_crate_is_tested_from_the_lock_file() {
        let machine = crate::sandbox::Sandbox::new().machine();
        let line = crate::run::command_line(&cargo_test(&machine));
        assert!(line.ends_with(" test --locked --workspace --no-fail-fast"), "{line}");
    }
}
