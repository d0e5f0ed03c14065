//! The commands of `group`.

use crate::spec::CommandSpec;

mod age;
mod describe;
mod lag;
mod list;

pub const COMMANDS: &[&CommandSpec] = &[&list::SPEC, &describe::SPEC];
