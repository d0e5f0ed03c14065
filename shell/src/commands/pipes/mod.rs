//! Stages that belong to no noun: `jq`, `where`, `transform`, `head`, `read`.

use crate::spec::CommandSpec;

mod head;
mod jq;
mod read;
mod transform;
mod unknown;
mod r#where;

pub const COMMANDS: &[&CommandSpec] =
    &[&jq::SPEC, &r#where::SPEC, &transform::SPEC, &head::SPEC, &read::SPEC];
