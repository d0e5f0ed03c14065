//! The commands of `group`.

use crate::spec::CommandSpec;

mod age;
mod describe;
mod lag;
mod list;
#[cfg(test)]
mod tests;

pub const COMMANDS: &[&CommandSpec] = &[&list::SPEC, &describe::SPEC];
