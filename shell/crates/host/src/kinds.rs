//! Kinds of plugins: what each is asked, given and held to.

pub(crate) mod step;
