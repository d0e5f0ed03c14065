//! The commands of `zookeeper`.

use crate::spec::CommandSpec;

mod clean;
mod get;
mod ls;
mod path;
mod sessions;
mod start;
mod status;
mod stop;

pub const COMMANDS: &[&CommandSpec] =
    &[&status::SPEC, &start::SPEC, &stop::SPEC, &clean::SPEC, &ls::SPEC, &get::SPEC];
