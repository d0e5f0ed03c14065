//! A cluster laid out by hand, as the engine would do it.
#![allow(dead_code)] // Each test target uses its own part.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kafsh_model::ClusterName;
use kafsh_model::plan::Node;
use kafsh_model::port::{Admin, Connector, Delivery, Records, Runtime, Signal, Target};
use kafsh_model::record::{RecordBatch, RecordView};
use kafsh_model::spec::{
    BrokerSpec, ClusterSpec, ListenerSpec, Preset, SPEC_SCHEMA, SecurityProtocol, ZooKeeperSpec,
};
use kafsh_model::topic::{ClusterView, TopicDescription, TopicSpec};
use kafsh_rehearsal::Rehearsal;

/// Far longer than anything takes here.
pub const SOON: Duration = Duration::from_secs(10);

pub fn spec(name: &str, brokers: i32) -> ClusterSpec {
    let bind = || "127.0.0.1".to_string();
    let listener = |port| ListenerSpec {
        name: "PLAINTEXT".to_string(),
        protocol: SecurityProtocol::Plaintext,
        bind: bind(),
        port,
        advertised_host: bind(),
        advertised_port: port,
        inter_broker: false,
    };
    let broker = |id: i32| BrokerSpec {
        id,
        rack: None,
        listeners: vec![listener(9_090 + id as u16)],
        log_dirs: Vec::new(),
        heap_mib: None,
        controller_port: None,
        properties: Default::default(),
    };
    ClusterSpec {
        schema: SPEC_SCHEMA,
        name: ClusterName::new(name).unwrap(),
        kafka: "3.9.2".to_string(),
        preset: Preset::Dev,
        ephemeral: false,
        adopted: false,
        data_dir: None,
        steps: Vec::new(),
        zookeeper: ZooKeeperSpec {
            bind: bind(),
            port: 2_181,
            chroot: Some("/kafka".to_string()),
            heap_mib: None,
            data_dir: None,
            data_log_dir: None,
            properties: Default::default(),
        },
        brokers: (1..=brokers).map(broker).collect(),
        properties: Default::default(),
    }
}

/// A host with one cluster, `demo`.
pub struct Host {
    pub rehearsal: Rehearsal,
    pub spec: ClusterSpec,
}

impl Host {
    pub fn new(brokers: i32) -> Self {
        Host { rehearsal: Rehearsal::new(), spec: spec("demo", brokers) }
    }

    pub async fn up_with(brokers: i32) -> Self {
        let host = Host::new(brokers);
        host.up().await;
        host
    }

    pub fn properties(&self, node: Node) -> Vec<(String, String)> {
        let pairs = match node {
            Node::ZooKeeper => vec![
                ("clientPort", "2181".to_string()),
                ("clientPortAddress", "127.0.0.1".to_string()),
            ],
            Node::Broker(id) => vec![
                ("broker.id", id.to_string()),
                ("listeners", format!("PLAINTEXT://127.0.0.1:{}", 9_090 + id)),
                ("zookeeper.connect", self.spec.zookeeper_connect()),
                ("offsets.topic.num.partitions", "1".to_string()),
                ("offsets.topic.replication.factor", "1".to_string()),
            ],
        };
        pairs.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
    }

    pub async fn lay_out(&self) {
        for node in self.spec.nodes() {
            self.rehearsal.create_directories(&self.spec, node).await.unwrap();
            let properties = self.properties(node);
            self.rehearsal.write_properties(&self.spec, node, &properties).await.unwrap();
        }
    }

    pub async fn up(&self) {
        self.lay_out().await;
        for node in self.spec.nodes() {
            self.rehearsal.start(&self.spec, node).await.unwrap();
        }
    }

    /// Starts a node that must come up.
    pub async fn start(&self, node: Node) {
        self.rehearsal.start(&self.spec, node).await.unwrap();
        let facts = self.rehearsal.node(&self.spec, node).await.unwrap();
        let log = self.rehearsal.log_tail(&self.spec, node, 9).await.unwrap();
        assert!(facts.process.is_alive(), "{log:?}");
    }

    pub async fn stop(&self, node: Node) {
        self.rehearsal.signal(&self.spec, node, Signal::Terminate).await.unwrap();
        self.rehearsal.wait_exit(&self.spec, node, SOON).await.unwrap();
        self.rehearsal.forget(&self.spec, node).await.unwrap();
    }

    /// Stops every node, ZooKeeper last.
    pub async fn stop_all(&self) {
        for node in self.spec.nodes().into_iter().rev() {
            self.stop(node).await;
        }
    }

    pub async fn start_all(&self) {
        for node in self.spec.nodes() {
            self.start(node).await;
        }
    }

    pub async fn kill(&self, node: Node) {
        self.rehearsal.signal(&self.spec, node, Signal::Kill).await.unwrap();
    }

    /// Kills a broker and waits until its cluster has noticed.
    pub async fn lose(&self, id: i32) {
        self.kill(Node::Broker(id)).await;
        self.until(|view| view.brokers.iter().all(|broker| broker.id != id)).await;
    }

    pub fn target(&self) -> Target {
        Target {
            bootstrap: self.spec.bootstrap(),
            zookeeper: None,
            client: Vec::new(),
            timeout: Duration::from_millis(200),
        }
    }

    pub fn admin(&self) -> Arc<dyn Admin> {
        self.rehearsal.admin(&self.target()).unwrap()
    }

    pub fn records(&self) -> Arc<dyn Records> {
        self.rehearsal.records(&self.target()).unwrap()
    }

    /// Waits until any broker sees the cluster so.
    pub async fn until(&self, good: impl Fn(&ClusterView) -> bool) {
        let deadline = Instant::now() + SOON;
        loop {
            let view = self.admin().cluster().await;
            if view.as_ref().is_ok_and(&good) {
                return;
            }
            assert!(Instant::now() < deadline, "{view:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn create(&self, name: &str, partitions: Option<i32>, factor: Option<i16>) {
        self.create_with(name, partitions, factor, &[]).await;
    }

    pub async fn create_with(
        &self,
        name: &str,
        partitions: Option<i32>,
        replication_factor: Option<i16>,
        configs: &[(&str, &str)],
    ) {
        let configs = configs.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect();
        let (name, assignments) = (name.to_string(), Vec::new());
        let spec = TopicSpec { name, partitions, replication_factor, assignments, configs };
        let mut outcomes = self.admin().create_topics(&[spec], false).await.unwrap();
        outcomes.remove(0).1.unwrap();
    }

    pub async fn topic(&self, name: &str) -> TopicDescription {
        self.admin().topics(Some(&[name.to_string()])).await.unwrap().remove(0)
    }

    /// Sends one value to a partition.
    pub async fn send(&self, topic: &str, partition: i32, value: &str) -> Delivery {
        let mut batch = RecordBatch::new();
        let view = RecordView::new(topic, None, Some(value.as_bytes()));
        assert!(batch.push(RecordView { partition, ..view }));
        self.records().producer()?.send(&batch).await?.remove(0)
    }
}
