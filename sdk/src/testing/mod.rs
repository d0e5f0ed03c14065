//! For native tests: builders of what a plugin is asked, and a host in miniature.
//!
//! - a step: [`input`], [`occupy_port`], [`bring_up`], [`apply`];
//! - a policy: [`create`], [`alter`], [`delete`], [`review`];
//! - a transform: [`records`], then [`each`], [`each_with`] or [`run`];
//! - settings and capabilities of any of them: [`Host`].
//!
//! ```
//! use kafsh_sdk::testing;
//!
//! let mut input = testing::input(); // ZooKeeper and three brokers wanted, nothing there
//! testing::occupy_port(&mut input, 9092, "pid 4121 java kafka.Kafka (kim, 3h)");
//! let request = testing::create("orders").partitions(6).config("retention.ms", "1000").build();
//! assert_eq!(request.proposed.unwrap().partitions, 6);
//! ```

mod host;
mod policy;
mod step;
mod transform;

pub use host::Host;
pub(crate) use host::{hmac_sha256, with};
pub use policy::{RequestBuilder, alter, create, delete, review};
pub use step::*;
pub use transform::{Out, Ran, RecordsBuilder, each, each_with, records, run};
