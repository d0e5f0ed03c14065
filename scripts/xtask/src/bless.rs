//! Accepts what the tests see now as what they expect from now on.

use crate::machine::Machine;
use crate::place::{Place, test_home};
use crate::run::{Failure, Show, run};
use crate::test::{cargo_test, prepare_kafka, test_args};

/// Set to `1`, it has golden tests write their expected output instead of comparing with it.
const BLESS: &str = "KAFSH_BLESS";

/// Runs the tests with [`BLESS`] set; `git diff` then shows what was accepted.
///
/// # Errors
/// A test fails even so, for a reason that is not its expected output.
pub fn bless(machine: &Machine, place: &Place, args: &[String]) -> Result<(), Failure> {
    let advice = "the compiler's messages are above";
    run(cargo_test(machine).arg("--no-run"), Show::Inherit, None, advice)?;
    prepare_kafka(machine, place)?;
    let mut command = cargo_test(machine);
    command.args(test_args(args)).env(BLESS, "1").env("KAFSH_TEST_HOME", test_home()?);
    run(&mut command, Show::Inherit, None, "the failed tests are named above")?;
    eprintln!("blessed; `git diff` shows what changed");
    Ok(())
}
