//! The policy `config-keys`: which settings a topic may have, must not have, and has to have.

#[cfg(test)]
mod tests;

use kafsh_sdk::policy::{Request, Response, policy};
use kafsh_sdk::{Error, Result, Settings};

#[derive(Clone, Debug, Default, Settings)]
pub struct Keys {
    /// Keys that may be given, with `*` for any characters; none: all but those denied
    pub allowed: Vec<String>,
    /// Keys that may not be given, with `*` for any characters
    pub denied: Vec<String>,
    /// What has to be given: `KEY`, or `KEY=VALUE` for this value and no other
    pub required: Vec<String>,
    /// What is given where the topic does not say otherwise: `KEY=VALUE`
    pub default: Vec<String>,
}

#[policy]
pub fn check(request: &Request, keys: &Keys) -> Result<Response> {
    let mut answer = Response::allow();
    let Some(topic) = request.wanted() else { return Ok(answer) };
    for property in &topic.configs {
        let key = property.key.as_str();
        let listed = |list: &[String]| list.iter().any(|pattern| fits(pattern, key));
        let denied = listed(&keys.denied);
        if denied || !(keys.allowed.is_empty() || listed(&keys.allowed)) {
            let severity = request.severity(|topic| topic.config(key).map(str::to_owned));
            let message = format!("`{key}` may not be set");
            answer.tell(severity, "key-not-allowed", message).field(format!("config.{key}"));
        }
    }
    for wanted in &keys.required {
        let (key, value) = wanted
            .split_once('=')
            .map_or((wanted.as_str(), None), |(key, value)| (key, Some(value)));
        let given = topic.config(key);
        let message = match (given, value) {
            (None, _) => format!("`{key}` has to be set"),
            (Some(given), Some(value)) if given != value => {
                format!("`{key}` is `{given}` and has to be `{value}`")
            }
            _ => continue,
        };
        let rule = if given.is_none() { "key-missing" } else { "value-not-allowed" };
        let severity = request.severity(|topic| topic.config(key).map(str::to_owned));
        let finding = answer.tell(severity, rule, message);
        finding.field(format!("config.{key}"));
        if let Some(value) = value {
            finding.suggest(value);
        }
    }
    for given in &keys.default {
        let Some((key, value)) = given.split_once('=') else {
            let message = format!("`{given}` in `default` is no `KEY=VALUE`");
            return Err(Error::new("bad-default", message));
        };
        if topic.config(key).is_none() {
            answer.amend(format!("config.{key}"), value, "every topic here has it");
        }
    }
    Ok(answer)
}

/// Whether `text` is what `pattern` says, where `*` stands for any characters.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    let cuts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    cuts.into_iter().any(|at| fits(rest, &text[at..]))
}
