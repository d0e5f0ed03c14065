//! Plugins in a sandbox: WebAssembly components that decide, under limits, and touch nothing.
//!
//! The only crate that knows wasmtime. A plugin may import what it was granted and nothing else. It
//! runs on a thread whose stack is large enough, under a deadline and bounds on memory, stack and
//! output; what comes back is checked before anybody else sees it; after a fault nothing of the
//! instance is used again. Steps and policies have a new instance for each call, a transform a warm
//! one for each partition.
//!
//! ```no_run
//! use kafsh_host::{Digest, Grants, HostOptions, PluginHost, PluginSource, manifest_of};
//! use kafsh_model::policy::Policies;
//!
//! # fn main() -> kafsh_model::Result<()> {
//! # let component = Vec::new();
//! let host = PluginHost::new(HostOptions::new("/var/cache/kafsh", "/var/lib/kafsh"));
//! let manifest = manifest_of(&component)?;
//! host.add(PluginSource {
//!     kind: manifest.kind,
//!     name: manifest.name.clone(),
//!     digest: Digest::of(&component),
//!     component: component.into(),
//!     grants: Grants::none(),
//!     manifest,
//! })?;
//! println!("{}", host.policy("naming")?.manifest().summary);
//! # Ok(())
//! # }
//! ```

mod answer;
mod cache;
mod caller;
mod capabilities;
mod engine;
mod fault;
mod grants;
mod guest;
mod inspect;
mod kinds;
pub mod limits;
mod log;
mod plugin;
mod plugin_host;
mod runner;
mod shared;
pub mod store;
mod text;
mod ticker;

pub use engine::ENGINE_VERSION;
pub use grants::Grants;
pub use inspect::{
    Inspected, MANIFEST_SECTION, SectionSize, inspect, is_glob, is_plugin_name, lent_to,
};
pub use kafsh_pack::Digest;
pub use limits::Limits;
pub use log::{LogLevel, LogLine, LogSink};
pub use plugin::{Measured, PluginSource, manifest_of};
pub use plugin_host::PluginHost;
pub use runner::lend_this_thread;
pub use shared::HostOptions;
pub use text::shown;
