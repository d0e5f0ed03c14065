//! From a wish to a running cluster: the spec, the plan, the journal, apply and undo, the gates,
//! doctor, and the state kept on disk. Server processes are the business of `runtime` alone.

pub mod cancel;
pub mod distribution;
pub mod engine;
pub mod logscan;
pub mod runtime;
pub mod spec;
pub mod store;

pub use cancel::Cancel;
pub use engine::Engine;
pub use store::Store;
