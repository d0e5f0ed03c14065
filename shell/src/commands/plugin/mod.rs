//! The commands of `plugin`: what of others runs here and what it may do, and what authors make.

use crate::spec::CommandSpec;

mod bench;
mod build;
mod consent;
mod dev;
mod disable;
mod enable;
mod grant;
mod info;
mod inspect;
mod install;
mod limits;
mod list;
mod logs;
mod new;
mod project;
mod remove;
mod revoke;
mod rollback;
pub mod rows;
mod source;
mod test;
mod r#try;
mod verify;

pub const COMMANDS: &[&CommandSpec] = &[
    &list::SPEC,
    &info::SPEC,
    &install::SPEC,
    &grant::SPEC,
    &revoke::SPEC,
    &disable::SPEC,
    &enable::SPEC,
    &verify::SPEC,
    &rollback::SPEC,
    &remove::SPEC,
    &logs::SPEC,
    &inspect::SPEC,
    &new::SPEC,
    &build::SPEC,
    &test::SPEC,
    &r#try::SPEC,
    &dev::SPEC,
    &bench::SPEC,
];
