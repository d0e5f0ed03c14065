//! The engine over a world in memory: what a cluster goes through, a file for each kind of trouble.
//! One binary: to link the engine eight times takes longer than to run all of these.

mod admit;
mod adopt;
mod authored;
mod faults;
mod gates;
mod ground;
mod safety;
mod stale;
#[path = "../support/mod.rs"]
mod support;
