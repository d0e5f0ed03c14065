//! What an author of plugins works with: templates, builds, cases, trials, figures.
//!
//! A plugin under development is never installed: it runs in a host of its own, with all that its
//! manifest asks for, so that nothing has to be granted between a change and its trial.

pub mod bench;
pub mod case;
pub mod check;
pub mod outcome;
pub mod project;
pub mod sample;
pub mod subject;
pub mod template;
pub mod trial;
pub mod watch;
