//! A policy that answers nothing.

use kafsh_sdk::policy::{Request, policy};

#[policy]
fn check(_request: &Request) {}

fn main() {}
