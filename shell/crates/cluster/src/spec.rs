//! Specs: made from flags or a file, checked, written, compared.

use kafsh_model::BrokerId;

pub(crate) mod adopt;
mod check;
mod diff;
mod file;
mod ports;
mod request;

pub use adopt::server_file;
pub use check::{check, validate};
pub use diff::{Consequence, Difference, diff, refuse_ephemeral};
pub(crate) use file::read_full;
pub use file::{parse, render};
pub use ports::{BLOCK_STEP, DEFAULT_BASE_PORT, DEFAULT_ZOOKEEPER_PORT, PortRegistry};
pub use request::{BasePort, Brokers, ConfigSetting, SpecRequest, build, parse_config};

/// Most brokers of one cluster on one host.
pub const BROKERS_MAX: usize = 64;

/// Largest `broker.id`: `reserved.broker.max.id` holds only where brokers make up their ids, and
/// ours never do (`broker.id.generation.enable=false`).
pub const BROKER_ID_MAX: BrokerId = BrokerId::MAX;
