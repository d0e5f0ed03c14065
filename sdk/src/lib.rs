//! What authors of kafsh plugins depend on.
//!
//! A plugin decides, the host acts. It is one of three kinds: a **policy** says whether a topic may
//! be created, changed or deleted ([`policy`](mod@policy)); a **transform** says what becomes of
//! each record ([`transform`](mod@transform)); a **provisioning step** says what is to be done to
//! bring a cluster up ([`step`](mod@step)). It touches no file, process or socket, and has of the
//! host what its user granted it ([`clock`], [`random`], [`metrics`], [`cluster`], [`state`]).
//!
//! The crate is a library of both kinds: `cdylib` becomes the plugin, `rlib` lets its logic be
//! tested natively. What users read of it is in its `Cargo.toml`:
//!
//! ```toml
//! [package]
//! name = "topic-at-birth"
//! version = "0.1.0"
//! description = "Creates the topic `events` with a cluster"
//!
//! [package.metadata.kafsh]
//! kind = "step"
//!
//! [lib]
//! crate-type = ["cdylib", "rlib"]
//! ```
//!
//! ```
//! use kafsh_sdk::step::*;
//! use kafsh_sdk::{Result, testing};
//!
//! struct TopicAtBirth;
//!
//! #[step]
//! impl Step for TopicAtBirth {
//!     fn plan(input: Input) -> Result<StepPlan> {
//!         let there = input.observed.zookeeper.as_ref().is_some_and(|z| z.topics > 0);
//!         if there {
//!             return Ok(StepPlan::nothing("topic `events` is there"));
//!         }
//!         let topic = CreateTopic {
//!             topic: "events".into(),
//!             partitions: 10,
//!             replication_factor: input.spec.brokers.len().min(3) as i16,
//!             configs: vec![],
//!         };
//!         Ok(StepPlan {
//!             summary: "create topic `events`".into(),
//!             actions: vec![Action::CreateTopic(topic)],
//!             findings: vec![],
//!         })
//!     }
//!
//!     fn verify(input: Input) -> Result<Verification> {
//!         Ok(match input.observed.zookeeper {
//!             Some(zookeeper) if zookeeper.topics > 0 => Verification::Met,
//!             _ => Verification::NotYet("topic `events` is not there".into()),
//!         })
//!     }
//! }
//!
//! // In a test: planning again after the plan was applied must give no action.
//! let mut input = testing::input();
//! testing::bring_up(&mut input);
//! let plan = TopicAtBirth::plan(input.clone()).unwrap();
//! testing::apply(&mut input, &plan.actions);
//! assert!(TopicAtBirth::plan(input).unwrap().actions.is_empty());
//! ```
//!
//! # What holds a plugin
//!
//! A call of a policy has 250 ms and 16 MiB of memory, one of a step 5 s and 64 MiB, one of a
//! transform 1 s for a batch of 100 records, 10 ms for each more, and 64 MiB; the stack has
//! 512 KiB. A panic is shown to the user with its message and place.

#![deny(missing_docs)]

// The attributes and derives name the SDK by its name, here as elsewhere.
extern crate self as kafsh_sdk;

#[doc(hidden)]
pub mod bindings;
mod error;
pub mod json;
mod lent;
pub mod log;
mod macros;
pub mod policy;
#[doc(hidden)]
pub mod rt;
pub mod settings;
pub mod step;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod transform;

pub use error::{Error, Result};
pub use lent::{clock, cluster, metrics, random, state};
pub use macros::{Choice, Settings, policy, step, transform};
