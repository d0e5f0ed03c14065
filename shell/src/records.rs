//! Records between the wire, JSON and text.

pub mod envelope;
pub mod format;
pub mod input;
pub mod lines;
pub mod position;
pub mod reading;
pub mod resume;
pub mod sending;
pub mod shape;
