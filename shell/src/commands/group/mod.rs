//! The commands of `group`.

use crate::spec::CommandSpec;

mod describe;
mod list;

pub const COMMANDS: &[&CommandSpec] = &[&list::SPEC, &describe::SPEC];
