//! Records through transforms: batches cut by partition, warm instances, the poison record found,
//! what becomes of it, and progress that is kept together with what transforms remember.

pub mod checkpoint;
#[cfg(test)]
mod fakes;
pub mod input;
mod letters;
mod pool;
mod runner;
mod split;
mod stage;
// For `plugin try`.
pub mod trial;
mod worker;

pub use letters::Letters;
pub use pool::INSTANCES_MAX;
pub use runner::{OnFailure, Runner};
pub use split::{CALL_BYTES_MAX, CALL_RECORDS_MAX};
pub use stage::{OnError, Stage};
