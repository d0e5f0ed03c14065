//! `produce` and `consume`.

use crate::spec::CommandSpec;

mod consume;
mod produce;

pub const COMMANDS: &[&CommandSpec] = &[&produce::SPEC, &consume::SPEC];
