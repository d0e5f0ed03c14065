//! Commands about the conversation itself: `help`, `version`, `completion`.

use crate::spec::CommandSpec;

mod completion;
mod help;
mod version;

pub const COMMANDS: &[&CommandSpec] = &[&help::SPEC, &version::SPEC, &completion::SPEC];
