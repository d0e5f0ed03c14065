//! The page that shows a cluster: served on loopback, read-only, drawn on the server.
//!
//! It knows no Kafka and no command. What it shows it asks for through [`Ask`], in the words of the
//! shell's own commands, and beside every answer stands the line that gives the same one.

mod advice;
mod ask;
mod asset;
mod connection;
mod desk;
mod follow;
mod gate;
mod layout;
mod link;
mod live;
mod pages;
mod server;
mod show;
mod trend;

pub use ask::{Answer, Ask, Browse, Progress, Question, Records};
pub use server::{Options, Server};

#[cfg(test)]
mod testing;
