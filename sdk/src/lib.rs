//! What authors of kafsh plugins depend on.
//!
//! A plugin decides, the host acts. A **provisioning step** is told what a cluster is to be and
//! what is there already, and answers with a plan of typed actions; it touches no file, process or
//! socket. The host shows the plan, permits it, runs it, records it and, if need be, undoes it.
//!
//! # A step
//!
//! The crate is a library of both kinds: `cdylib` becomes the plugin, `rlib` lets its logic be
//! tested natively.
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib", "rlib"]
//! ```
//!
//! ```
//! use kafsh_sdk::export_step;
//! use kafsh_sdk::step::*;
//!
//! struct TopicAtBirth;
//!
//! impl Step for TopicAtBirth {
//!     fn plan(input: Input) -> kafsh_sdk::Result<StepPlan> {
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
//!     fn verify(input: Input) -> kafsh_sdk::Result<Verification> {
//!         Ok(match input.observed.zookeeper {
//!             Some(zookeeper) if zookeeper.topics > 0 => Verification::Met,
//!             _ => Verification::NotYet("topic `events` is not there".into()),
//!         })
//!     }
//! }
//!
//! export_step!(TopicAtBirth);
//!
//! // In a test: planning again after the plan was applied must give no action.
//! let mut input = kafsh_sdk::testing::input();
//! kafsh_sdk::testing::bring_up(&mut input);
//! let plan = TopicAtBirth::plan(input.clone()).unwrap();
//! kafsh_sdk::testing::apply(&mut input, &plan.actions);
//! assert!(TopicAtBirth::plan(input).unwrap().actions.is_empty());
//! ```
//!
//! # What holds a step
//!
//! A call has 5 s, 64 MiB of memory and 512 KiB of stack. A plan has at most 10,000 actions and
//! names only nodes of its spec. A panic is shown to the user with its message and place. Lines
//! written with [`log`] go to the user's log: 200 of 1 KiB at most in one call.

#[doc(hidden)]
pub mod bindings;
mod error;
pub mod json;
pub mod log;
#[doc(hidden)]
pub mod rt;
pub mod step;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use error::{Error, Result};
