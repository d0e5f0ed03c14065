//! The commands of `config`: settings of topics and brokers.

use crate::spec::CommandSpec;

pub mod change;
mod diff;
mod get;
pub mod resource;
mod set;
mod unset;
pub mod values;

pub const COMMANDS: &[&CommandSpec] = &[&get::SPEC, &set::SPEC, &unset::SPEC, &diff::SPEC];
