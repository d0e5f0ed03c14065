//! The policy `partitions`: how many partitions a topic has.

#[cfg(test)]
mod tests;

use kafsh_sdk::policy::{Request, Response, policy};
use kafsh_sdk::{Error, Result, Settings};

#[derive(Clone, Debug, Settings)]
pub struct Limits {
    /// Fewest partitions of a topic
    #[setting(default = "1")]
    pub min: u32,
    /// Most partitions of a topic
    pub max: Option<u32>,
    /// Number that partitions are a multiple of, such as that of the brokers
    pub multiple_of: Option<u32>,
}

#[policy]
pub fn check(request: &Request, limits: &Limits) -> Result<Response> {
    let mut answer = Response::allow();
    let unit = limits.multiple_of.unwrap_or(1);
    let max = limits.max.unwrap_or(u32::MAX);
    if unit == 0 || nearest(limits.min, unit, limits.min, max).is_none() {
        return Err(Error::new("bad-limits", "no number of partitions would be allowed"));
    }
    let Some(topic) = request.wanted() else { return Ok(answer) };
    let count = topic.partitions;
    let are = if count == 1 { "partition is" } else { "partitions are" };
    let (rule, message) = if count < limits.min {
        ("too-few-partitions", format!("{count} {are} fewer than {}", limits.min))
    } else if count > max {
        ("too-many-partitions", format!("{count} {are} more than {max}"))
    } else if !count.is_multiple_of(unit) {
        ("partitions-no-multiple", format!("{count} {are} no multiple of {unit}"))
    } else {
        return Ok(answer);
    };
    let finding = answer.tell(request.severity(|topic| topic.partitions), rule, message);
    finding.field("partitions");
    if let Some(allowed) = nearest(count, unit, limits.min, max) {
        finding.suggest(allowed);
    }
    Ok(answer)
}

/// The multiple of `unit` within the bounds that is next to `count`, above it if there is one.
fn nearest(count: u32, unit: u32, min: u32, max: u32) -> Option<u32> {
    let above = count.max(min).checked_next_multiple_of(unit).filter(|n| *n <= max);
    let below = count.min(max) / unit * unit;
    above.or((below >= min && below > 0).then_some(below))
}
