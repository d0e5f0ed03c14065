//! The step `{{name}}`: says what is to be done to bring a cluster up.

use kafsh_sdk::Result;
use kafsh_sdk::step::{Action, CreateTopic, Input, Step, StepPlan, Verification, step};

/// Topic that a new cluster gets.
const TOPIC: &str = "events";

pub struct TopicAtBirth;

#[step]
impl Step for TopicAtBirth {
    /// Asked again after its plan was carried out, it must plan nothing.
    fn plan(input: Input) -> Result<StepPlan> {
        if has_topics(&input) {
            return Ok(StepPlan::nothing("the cluster has topics"));
        }
        let brokers = i16::try_from(input.spec.brokers.len()).unwrap_or(i16::MAX);
        let topic = CreateTopic {
            topic: TOPIC.into(),
            partitions: 6,
            replication_factor: brokers.clamp(1, 3),
            configs: vec![],
        };
        Ok(StepPlan {
            summary: format!("create topic `{TOPIC}`"),
            actions: vec![Action::CreateTopic(topic)],
            findings: vec![],
        })
    }

    fn verify(input: Input) -> Result<Verification> {
        Ok(match has_topics(&input) {
            true => Verification::Met,
            false => Verification::NotYet(format!("topic `{TOPIC}` is not there")),
        })
    }
}

fn has_topics(input: &Input) -> bool {
    input.observed.zookeeper.as_ref().is_some_and(|zookeeper| zookeeper.topics > 0)
}

#[cfg(test)]
mod tests {
    use kafsh_sdk::testing;

    use super::*;

    #[test]
    fn the_topic_is_planned_once() {
        let mut input = testing::input();
        testing::bring_up(&mut input);
        let plan = TopicAtBirth::plan(input.clone()).unwrap();
        assert_eq!(plan.summary, "create topic `events`");
        testing::apply(&mut input, &plan.actions);
        assert!(TopicAtBirth::plan(input.clone()).unwrap().actions.is_empty());
        assert_eq!(TopicAtBirth::verify(input).unwrap(), Verification::Met);
    }
}
