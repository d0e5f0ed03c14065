//! Where server processes live: files, processes and ports of this host.
//!
//! The only part of kafsh that starts or signals a server. It knows no order and no protocol; the
//! engine does.

pub(crate) mod files;
mod local;
pub(crate) mod properties;

pub(crate) use local::process::{Stat, boot_id, stat};
pub use local::{LocalOptions, LocalRuntime};
