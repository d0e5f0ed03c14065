//! Commands about the conversation itself: `ui`, `help`, `version`, `audit`, `completion`.

use crate::spec::CommandSpec;

mod audit;
mod completion;
mod help;
mod ui;
mod version;

pub const COMMANDS: &[&CommandSpec] =
    &[&ui::SPEC, &help::SPEC, &version::SPEC, &audit::SPEC, &completion::SPEC];
