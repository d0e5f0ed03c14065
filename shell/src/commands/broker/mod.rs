//! The commands of `broker`.

use crate::spec::CommandSpec;

mod config;
mod describe;
mod disks;
mod kill;
mod list;
mod logs;
mod nodes;
mod pause;
mod restart;
mod resume;
mod signal;
mod start;
mod stop;
mod wipe;

pub const COMMANDS: &[&CommandSpec] = &[
    &list::SPEC,
    &describe::SPEC,
    &start::SPEC,
    &stop::SPEC,
    &restart::SPEC,
    &kill::SPEC,
    &pause::SPEC,
    &resume::SPEC,
    &wipe::SPEC,
    &logs::SPEC,
    &config::SPEC,
];
