//! A world with a store in a folder of its own.

use std::time::Duration;

use kafsh_cluster::engine::report::UpOptions;
use kafsh_cluster::spec::{self, Brokers, PortRegistry, SpecRequest};
use kafsh_cluster::{Engine, Store};
use kafsh_model::ClusterName;
use kafsh_model::spec::ClusterSpec;

use super::World;

const STEPS: [&str; 4] = ["preflight", "broker-layout", "launch", "prove"];

pub fn demo(brokers: u16) -> ClusterSpec {
    let mut request = SpecRequest::new(ClusterName::new("demo").unwrap());
    request.kafka = Some("3.9.2".into());
    request.brokers = Some(Brokers::Count(brokers));
    request.steps = STEPS.map(String::from).to_vec();
    spec::build(&request, &PortRegistry::default()).unwrap()
}

pub struct Bench {
    pub world: World,
    pub store: Store,
    _home: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        Bench { world: World::new(), store, _home: home }
    }

    pub fn engine(&self) -> Engine {
        self.world.engine(&self.store)
    }

    pub async fn up(&self, spec: &ClusterSpec) -> kafsh_model::Result<()> {
        self.engine().up(spec, &UpOptions::default()).await.map(|_| ())
    }

    /// `up`, bounded: a hang stands for a shell that was killed there.
    pub async fn up_or_die(&self, spec: &ClusterSpec) -> Option<kafsh_model::Result<()>> {
        tokio::time::timeout(Duration::from_millis(400), self.up(spec)).await.ok()
    }

    pub async fn is_converged(&self, spec: &ClusterSpec) {
        let engine = self.engine();
        let status = engine.status(spec).await.unwrap();
        assert!(status.healthy, "{:?}", status.reasons);
        assert!(status.proven);
        let (_, plan) = engine.dry_run(spec).await.unwrap();
        assert!(plan.is_empty(), "{plan:?}");
        assert!(self.world.state().topics.is_empty(), "the probe's topic is gone");
    }
}
