//! Topics of a plan pass the policies before anything is started.

use std::sync::Arc;

use crate::support::{Bench, demo};
use kafsh_cluster::engine::report::UpOptions;
use kafsh_model::plan::Action;
use kafsh_model::port::{BoxFuture, TopicGate};
use kafsh_model::topic::TopicSpec;
use kafsh_model::{Class, Error, Result};

/// Refuses topics without three replicas where it is told to; else gives them.
struct Gate {
    refuses: bool,
}

impl TopicGate for Gate {
    fn admit<'a>(
        &'a self,
        cluster: &'a str,
        topic: &'a TopicSpec,
    ) -> BoxFuture<'a, Result<TopicSpec>> {
        Box::pin(async move {
            assert_eq!((cluster, topic.name.as_str()), ("demo", "orders"), "the probe is ours");
            if self.refuses {
                let message = "topic `orders` may not be created: refused by policy `three`";
                return Err(Error::refused("policy-denied", message).with_next("policy list"));
            }
            let configs = [("min.insync.replicas".to_string(), "2".to_string())].into();
            Ok(TopicSpec { replication_factor: Some(3), configs, ..topic.clone() })
        })
    }
}

#[tokio::test]
async fn a_refused_topic_stops_the_plan_before_its_first_action() {
    let bench = Bench::new();
    let mut spec = demo(3);
    spec.steps.push("creator".into());
    let engine = bench.engine().with_gate(Arc::new(Gate { refuses: true }));
    let error = engine.up(&spec, &UpOptions::default()).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.class), ("policy-denied", Class::Refused));
    assert!(error.message.contains("nothing was started"), "{error}");
    assert!(bench.world.state().is_blank(), "nothing was started");
}

#[tokio::test]
async fn an_amended_topic_is_planned_as_amended() {
    let bench = Bench::new();
    let mut spec = demo(3);
    spec.steps.push("creator".into());
    let engine = bench.engine().with_gate(Arc::new(Gate { refuses: false }));
    let (_, plan) = engine.dry_run(&spec).await.unwrap();
    let planned = plan.actions().find_map(|action| match action {
        Action::CreateTopic { topic, replication_factor, configs, .. } if topic == "orders" => {
            Some((*replication_factor, configs.clone()))
        }
        _ => None,
    });
    assert_eq!(planned, Some((3, vec![("min.insync.replicas".to_string(), "2".to_string())])));
}
