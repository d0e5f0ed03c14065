//! A policy for `told.ksh`: warns with what it was told beside the topic.

use kafsh_sdk::policy::{Request, Response, policy};
use kafsh_sdk::{Result, Settings};

#[derive(Settings)]
pub struct Nothing {}

#[policy]
pub fn check(request: &Request, _: &Nothing) -> Result<Response> {
    let mut answer = Response::allow();
    let told = |key| format!("{key} {}", request.extra(key).unwrap_or("-"));
    answer.warn("told", ["file", "line", "dry-run", "given"].map(told).join(", "));
    Ok(answer)
}
