//! Commands about the conversation itself: `ui`, `help`, `version`, `audit`, `completion`, `exit`.

use crate::spec::CommandSpec;

mod audit;
mod completion;
mod exit;
mod help;
mod ui;
mod version;

pub const COMMANDS: &[&CommandSpec] =
    &[&ui::SPEC, &help::SPEC, &version::SPEC, &audit::SPEC, &completion::SPEC, &exit::SPEC];
