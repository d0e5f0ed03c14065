//! Plugins in a sandbox: WebAssembly components that decide, under limits, and touch nothing.
//!
//! The only crate that knows wasmtime. A plugin of a kind may import what is linked for that kind
//! and nothing else: today that is a log. Every call runs in a store of its own, on a thread of its
//! own, under a deadline and a bound on memory; what comes back is checked before anybody else
//! sees it; after a fault nothing of the instance is used again.
//!
//! ```no_run
//! use kafsh_host::{HostOptions, PluginHost};
//! use kafsh_model::port::Steps;
//!
//! # fn main() -> kafsh_model::Result<()> {
//! # let component = Vec::new();
//! let host = PluginHost::new(HostOptions::new("/var/cache/kafsh", "/var/lib/kafsh"));
//! host.add_step("preflight", component)?;
//! let step = host.step("preflight")?;
//! println!("{}", step.info().summary);
//! # Ok(())
//! # }
//! ```

mod cache;
mod capabilities;
mod engine;
mod fault;
mod guest;
mod inspect;
mod kinds;
pub mod limits;
mod log;
mod plugin_host;
pub mod store;
mod text;
mod ticker;

pub use inspect::{Inspected, MANIFEST_SECTION, SectionSize, inspect, is_plugin_name, lent_to};
pub use log::{LogLevel, LogLine, LogSink};
pub use plugin_host::{HostOptions, PluginHost};
