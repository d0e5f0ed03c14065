//! Stages that belong to no noun: `jq`, `where`, `head`, `read`.

use crate::spec::CommandSpec;

mod head;
mod jq;
mod read;
mod r#where;

pub const COMMANDS: &[&CommandSpec] = &[&jq::SPEC, &r#where::SPEC, &head::SPEC, &read::SPEC];
