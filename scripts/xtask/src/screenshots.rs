//! Pictures of every page of `ui`, dark and light, on a desk and on a phone: for a person to look
//! at, and for README.

use crate::machine::Machine;
use crate::run::{Failure, Show, run};
use crate::{need, setup};
use std::path::Path;
use std::process::Command;

/// Where the test that takes them leaves them.
const PICTURES: &str = "KAFSH_PICTURES";
/// The test that takes them: pages come to be looked at in the same way as they are tested.
const TEST: &str = "usable::every_page_has_its_picture_in_every_dress";

/// Sets up, builds, and writes the pictures into `folder`, which is made if it is not there.
///
/// # Errors
/// Something is missing, does not compile, or a page cannot be shown.
pub fn screenshots(machine: &mut Machine, yes: bool, folder: &Path) -> Result<(), Failure> {
    let folder = std::path::absolute(folder)
        .map_err(|cause| Failure::new(format!("`{}` is no folder\n  {cause}", folder.display())))?;
    setup::setup(machine, &need::PICTURES, yes)?;
    run(&mut command(machine, &folder), Show::Inherit, None, "what failed is said above")?;
    eprintln!("the pictures are in {}", folder.display());
    Ok(())
}

fn command(machine: &Machine, folder: &Path) -> Command {
    let mut command = machine.cargo();
    command.args(["test", "--locked", "-p", "kafsh", "--test", "page", "--", "--exact", TEST]);
    command.env(PICTURES, folder).env_remove("KAFSH_HOME");
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Place;

    #[test]
    fn the_test_that_takes_pictures_is_there() {
        let line = crate::run::command_line(&command(
            &crate::sandbox::Sandbox::new().machine(),
            Path::new("/pictures"),
        ));
        let (_, name) = line.rsplit_once("::").unwrap();
        let file = Place::here().unwrap().checkout.join("tests/page/use.rs");
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains(&format!("fn {name}()")), "{line}");
        assert!(text.contains(PICTURES), "the test looks for no `{PICTURES}`");
    }
}
