//! Commands about the conversation itself: `ui`, `help`, `version`, `completion`.

use crate::spec::CommandSpec;

mod completion;
mod help;
mod ui;
mod version;

pub const COMMANDS: &[&CommandSpec] = &[&ui::SPEC, &help::SPEC, &version::SPEC, &completion::SPEC];
