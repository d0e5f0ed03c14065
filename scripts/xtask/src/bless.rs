//! Accepts what golden scripts print now as what they are expected to print from now on.

use crate::machine::Machine;
use crate::place::{Place, test_home};
use crate::run::{Failure, Show, run};
use crate::test::prepare_kafka;

/// Set to `1`, the golden scripts write their expected output instead of comparing with it.
const BLESS: &str = "KAFSH_BLESS";

/// Those golden scripts alone whose path contains this.
const GOLDEN: &str = "KAFSH_GOLDEN";

/// Runs the golden scripts with [`BLESS`] set; `git diff` then shows what was accepted.
///
/// # Errors
/// One cannot be run at all.
pub fn bless(machine: &Machine, place: &Place, part: Option<&str>) -> Result<(), Failure> {
    let goldens = ["test", "--locked", "-p", "kafsh", "--test", "scripts"];
    let goldens = || {
        let mut command = machine.cargo();
        command.args(goldens).env_remove("KAFKA_HOME").env_remove("KAFSH_HOME");
        command
    };
    let advice = "the compiler's messages are above";
    run(goldens().arg("--no-run"), Show::Inherit, None, advice)?;
    prepare_kafka(machine, place)?;
    let mut command = goldens();
    command.env(BLESS, "1").env("KAFSH_TEST_HOME", test_home()?);
    command.env(GOLDEN, part.unwrap_or_default());
    run(&mut command, Show::Inherit, None, "the failed tests are named above")?;
    eprintln!("blessed; `git diff` shows what changed");
    Ok(())
}
