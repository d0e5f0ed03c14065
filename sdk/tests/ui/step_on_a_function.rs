//! A step that is no `impl`.

use kafsh_sdk::step::step;

#[step]
fn plan() {}

fn main() {}
