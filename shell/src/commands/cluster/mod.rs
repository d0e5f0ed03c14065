//! The commands of `cluster`.

use crate::spec::CommandSpec;

mod adopt;
mod archive;
mod attach;
pub(super) mod common;
mod create;
mod destroy;
mod detach;
mod doctor;
mod elections;
mod export;
pub(super) mod foreign;
mod health;
pub(super) mod in_sync;
pub(super) mod lifecycle;
mod list;
pub(super) mod logs;
mod orphans;
mod plan;
mod request;
mod restart;
mod restore;
mod since;
mod start;
mod status;
mod stop;
mod up;
mod r#use;

pub const COMMANDS: &[&CommandSpec] = &[
    &up::SPEC,
    &create::SPEC,
    &plan::SPEC,
    &start::SPEC,
    &stop::SPEC,
    &restart::SPEC,
    &status::SPEC,
    &health::SPEC,
    &doctor::SPEC,
    &logs::SPEC,
    &archive::SPEC,
    &restore::SPEC,
    &destroy::SPEC,
    &list::SPEC,
    &r#use::SPEC,
    &adopt::SPEC,
    &attach::SPEC,
    &detach::SPEC,
    &export::SPEC,
];
