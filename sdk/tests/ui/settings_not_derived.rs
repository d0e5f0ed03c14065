//! Settings without the derive.

use kafsh_sdk::Result;
use kafsh_sdk::policy::{Request, Response, policy};

struct Limits;

#[policy]
fn check(_request: &Request, _limits: &Limits) -> Result<Response> {
    Ok(Response::allow())
}

fn main() {}
