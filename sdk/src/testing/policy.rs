//! Requests to policies.

use crate::policy::{Operation, Property, Request, TopicState};

/// A request in the making: one partition, one replica, no settings, cluster `test`.
#[derive(Clone, Debug)]
pub struct RequestBuilder {
    request: Request,
    state: TopicState,
}

/// A topic is to be created.
pub fn create(topic: &str) -> RequestBuilder {
    RequestBuilder::new(Operation::Create, topic)
}

/// A topic of one partition, one replica and no settings is to be changed.
pub fn alter(topic: &str) -> RequestBuilder {
    let mut builder = RequestBuilder::new(Operation::Alter, topic);
    builder.request.current = Some(builder.state.clone());
    builder
}

/// A topic is to be deleted; what the builder is told is what is there.
pub fn delete(topic: &str) -> RequestBuilder {
    RequestBuilder::new(Operation::Delete, topic)
}

/// A topic that is there is looked at.
pub fn review(topic: &str) -> RequestBuilder {
    RequestBuilder::new(Operation::Review, topic)
}

impl RequestBuilder {
    fn new(operation: Operation, topic: &str) -> Self {
        let state = TopicState { partitions: 1, replication_factor: 1, configs: Vec::new() };
        let request = Request {
            operation,
            topic: topic.to_owned(),
            cluster: "test".to_owned(),
            current: None,
            proposed: None,
            touched: Vec::new(),
            extras: Vec::new(),
        };
        RequestBuilder { request, state }
    }

    /// Name of the cluster; `test` where none is given.
    pub fn cluster(mut self, name: &str) -> Self {
        self.request.cluster = name.to_owned();
        self
    }

    /// How many the topic is to have; 1 where nothing is said.
    pub fn partitions(mut self, count: u32) -> Self {
        self.state.partitions = count;
        self
    }

    /// How many replicas of each partition; 1 where nothing is said.
    pub fn replication_factor(mut self, count: u32) -> Self {
        self.state.replication_factor = count;
        self
    }

    /// A setting that the request gives.
    pub fn config(mut self, key: &str, value: impl ToString) -> Self {
        self.state.configs.push(Property::new(key, value.to_string()));
        self.request.touched.push(key.to_owned());
        self
    }

    /// A setting that the topic has already, for [`alter`]: the request leaves it as it is.
    pub fn has_config(mut self, key: &str, value: impl ToString) -> Self {
        let property = Property::new(key, value.to_string());
        if let Some(current) = &mut self.request.current {
            current.configs.push(property.clone());
        }
        self.state.configs.push(property);
        self
    }

    /// The topic as it is, for [`alter`].
    pub fn current(mut self, current: TopicState) -> Self {
        self.request.current = Some(current);
        self
    }

    /// `user`, `file`, `line`, `dry-run`, `given`: as [`Request::extra`] has them.
    pub fn extra(mut self, key: &str, value: &str) -> Self {
        self.request.extras.push(Property::new(key, value));
        self
    }

    /// The request as a policy gets it.
    pub fn build(self) -> Request {
        let RequestBuilder { mut request, state } = self;
        match request.operation {
            Operation::Delete => {
                request.current = Some(state);
                request.touched.clear();
            }
            Operation::Review => {
                request.current = Some(state.clone());
                request.proposed = Some(state);
                request.touched.clear();
            }
            _ => request.proposed = Some(state),
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_topic_has_is_not_touched() {
        let request = alter("orders").has_config("retention.ms", 1000).build();
        assert!(!request.touches("retention.ms"));
        assert!(!request.changes(|topic| topic.configs.clone()));
        assert_eq!(request.wanted().unwrap().config("retention.ms"), Some("1000"));
        let request = alter("orders").config("retention.ms", 1000).build();
        assert!(request.touches("retention.ms"));
        assert!(request.changes(|topic| topic.configs.clone()));
    }
}
