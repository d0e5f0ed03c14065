//! The policy `naming`: what a topic may be called. It is asked about new topics and in reviews: a
//! name that is there cannot be changed.

#[cfg(test)]
mod tests;

use kafsh_sdk::policy::{Operation, Request, Response, policy};
use kafsh_sdk::{Error, Result, Settings};
use regex_lite::RegexBuilder;

/// Size of a pattern once it is compiled, at most, in bytes.
const PATTERN_BYTES_MAX: usize = 256 * 1024;

#[derive(Clone, Debug, Settings)]
pub struct Names {
    /// Regular expression for the whole name
    pub pattern: String,
    /// What the pattern stands for, shown with a refusal
    pub says: Option<String>,
    /// Most characters of a name
    pub max_length: Option<u32>,
    /// Beginnings of names that are free, such as `__`
    pub except: Vec<String>,
}

#[policy]
pub fn check(request: &Request, names: &Names) -> Result<Response> {
    let mut answer = Response::allow();
    let asked = matches!(request.operation, Operation::Create | Operation::Review);
    let topic = &request.topic;
    if !asked || names.except.iter().any(|start| topic.starts_with(start.as_str())) {
        return Ok(answer);
    }
    let pattern = format!("^(?:{})$", names.pattern);
    let pattern = RegexBuilder::new(&pattern)
        .size_limit(PATTERN_BYTES_MAX)
        .build()
        .map_err(|why| Error::new("bad-pattern", format!("`{}`: {why}", names.pattern)))?;
    if !pattern.is_match(topic) {
        let wanted = names.says.clone().unwrap_or_else(|| format!("`{}`", names.pattern));
        answer.deny("name-not-allowed", format!("`{topic}` is not {wanted}")).field("name");
    }
    let length = topic.chars().count();
    if let Some(max) = names.max_length.filter(|max| length > *max as usize) {
        let message = format!("`{topic}` has {length} characters, more than {max}");
        answer.deny("name-too-long", message).field("name");
    }
    Ok(answer)
}
