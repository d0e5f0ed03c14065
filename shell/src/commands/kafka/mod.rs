//! The commands of `kafka`: installed versions.

use crate::spec::CommandSpec;

mod install;
mod list;
pub(super) mod provide;
mod remove;
mod verify;

pub const COMMANDS: &[&CommandSpec] = &[&install::SPEC, &list::SPEC, &verify::SPEC, &remove::SPEC];
