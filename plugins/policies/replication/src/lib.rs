//! The policy `replication`: how many replicas a topic has, and how many of them must have a record
//! before it counts as written.

#[cfg(test)]
mod tests;

use kafsh_sdk::policy::{Operation, Request, Response, TopicState, policy};
use kafsh_sdk::{Result, Settings};

const MIN_ISR: &str = "min.insync.replicas";
const FACTOR: &str = "replication-factor";

#[derive(Clone, Debug, Settings)]
pub struct Limits {
    /// Fewest replicas of a topic
    #[setting(default = "3")]
    pub min: u32,
    /// Most replicas of a topic
    pub max: Option<u32>,
    /// Least `min.insync.replicas` of a topic that sets it
    pub min_isr: Option<u32>,
    /// Whether `min.insync.replicas` is set to `min-isr` where the topic does not set it
    #[setting(default = "false")]
    pub fill: bool,
    /// Whether a topic has to set `min.insync.replicas` itself
    #[setting(default = "false")]
    pub require_isr: bool,
    /// Whether a new topic has to say its replication factor, instead of leaving it to the brokers
    #[setting(default = "false")]
    pub explicit: bool,
}

#[policy]
pub fn check(request: &Request, limits: &Limits) -> Result<Response> {
    let mut answer = Response::allow();
    if let Some(topic) = request.wanted() {
        factor(request, topic, limits, &mut answer);
        min_isr(request, topic, limits, &mut answer);
    }
    Ok(answer)
}

fn factor(request: &Request, topic: &TopicState, limits: &Limits, answer: &mut Response) {
    let severity = request.severity(|topic| topic.replication_factor);
    let factor = topic.replication_factor;
    let given = request.extra("given").map(|given| given.split(','));
    // A host that does not tell what was given is not held to it.
    let left_out = given.is_some_and(|mut given| !given.any(|field| field == FACTOR));
    if limits.explicit && left_out && request.operation == Operation::Create {
        answer
            .deny("replication-factor-missing", "the topic does not say its replication factor")
            .field(FACTOR)
            .suggest(limits.min);
    }
    if factor < limits.min {
        let message = format!("replication factor {factor} is less than {}", limits.min);
        answer
            .tell(severity, "replication-factor-too-low", message)
            .field(FACTOR)
            .suggest(limits.min);
    } else if let Some(max) = limits.max.filter(|max| factor > *max) {
        let message = format!("replication factor {factor} is more than {max}");
        answer.tell(severity, "replication-factor-too-high", message).field(FACTOR).suggest(max);
    }
}

fn min_isr(request: &Request, topic: &TopicState, limits: &Limits, answer: &mut Response) {
    let field = format!("config.{MIN_ISR}");
    let Some(isr) = topic.config(MIN_ISR) else {
        // Where replicas are too few, that is what is said of the topic.
        let fits = |least: &u32| limits.fill && *least <= topic.replication_factor;
        if let Some(least) = limits.min_isr.filter(fits) {
            answer.amend(field, least, "a topic says how many replicas must have a record");
        } else if limits.require_isr {
            let severity = request.severity(|topic| topic.config(MIN_ISR).is_none());
            let message = format!("the topic does not set `{MIN_ISR}`");
            let finding = answer.tell(severity, "min-isr-missing", message).field(field);
            if let Some(least) = limits.min_isr {
                finding.suggest(least);
            }
        }
        return;
    };
    // Kafka itself refuses what is no number.
    let Ok(isr) = isr.parse::<u32>() else { return };
    let severity =
        request.severity(|t| (t.config(MIN_ISR).map(str::to_owned), t.replication_factor));
    if let Some(least) = limits.min_isr.filter(|least| isr < *least) {
        let message = format!("`{MIN_ISR}` {isr} is less than {least}");
        answer.tell(severity, "min-isr-too-low", message).field(field).suggest(least);
    } else if isr > topic.replication_factor {
        let message = format!("`{MIN_ISR}` {isr} is more than the replicas there are");
        answer
            .tell(severity, "min-isr-too-high", message)
            .field(field)
            .suggest(topic.replication_factor.saturating_sub(1).max(1));
    } else if isr == topic.replication_factor && isr > 1 {
        let message = format!("with `{MIN_ISR}` {isr}, writes stop when one replica is down");
        answer.warn("min-isr-leaves-no-room", message).field(field).suggest(isr - 1);
    }
}
