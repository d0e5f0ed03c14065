//! The commands of `policy`: who is in charge of which topics, and what they say.

use crate::spec::CommandSpec;

mod bind;
mod check;
mod common;
mod explain;
mod list;
mod mode;
mod unbind;

pub const COMMANDS: &[&CommandSpec] =
    &[&list::SPEC, &bind::SPEC, &unbind::SPEC, &mode::SPEC, &check::SPEC, &explain::SPEC];
