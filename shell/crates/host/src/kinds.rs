//! Kinds of plugins: what each is asked, given and held to.

pub(crate) mod policy;
pub(crate) mod step;
pub(crate) mod transform;
