//! A policy with a parameter too many.

use kafsh_sdk::Result;
use kafsh_sdk::policy::{Request, Response, policy};

#[policy]
fn check(_request: &Request, _settings: &(), _more: u32) -> Result<Response> {
    Ok(Response::allow())
}

fn main() {}
