//! The nouns of kafsh, the plan, and the ports: what every other crate agrees on. No I/O, no
//! runtime, no client library.

pub mod codes;
pub mod config;
pub mod confirm;
pub mod error;
pub mod glob;
pub mod group;
pub mod keys;
pub mod log_dir;
pub mod name;
pub mod plan;
pub mod plugin;
pub mod policy;
pub mod port;
pub mod quote;
pub mod record;
pub mod secrets;
pub mod snapshot;
pub mod spec;
pub mod suggest;
pub mod topic;
pub mod transform;
pub mod units;

pub use error::{Class, Error, Result};
pub use name::{BrokerId, ClusterName};
