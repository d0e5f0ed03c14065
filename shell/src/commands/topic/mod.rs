//! The commands of `topic`.

use crate::spec::CommandSpec;

mod add_partitions;
mod create;
mod delete;
mod describe;
mod down;
mod list;
pub mod min_isr;
mod offsets;
mod rows;
mod set;
mod settle;
mod sizes;
mod unset;

pub const COMMANDS: &[&CommandSpec] = &[
    &list::SPEC,
    &describe::SPEC,
    &create::SPEC,
    &delete::SPEC,
    &set::SPEC,
    &unset::SPEC,
    &add_partitions::SPEC,
    &offsets::SPEC,
];
