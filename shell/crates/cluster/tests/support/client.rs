//! The client ports over the world.

use std::sync::Arc;
use std::time::Duration;

use kafsh_model::config::{ConfigChange, ConfigEntry, ConfigResource, ConfigSource};
use kafsh_model::group::{CommittedOffset, GroupDescription};
use kafsh_model::plan::Node;
use kafsh_model::port::{
    Admin, BrokerGroups, BrokerLogDirs, Connector, ConsumeOptions, Consumer, Delivered, Delivery,
    Fetched, ItemResult, Producer, Records, Target, ZnodeData, ZooKeeper, ZooKeeperStatus,
};
use kafsh_model::record::{RecordBatch, RecordView};
use kafsh_model::spec::SecurityProtocol;
use kafsh_model::topic::{
    BrokerView, ClusterView, OffsetAt, PartitionDescription, TopicDescription, TopicPartition,
    TopicSpec,
};
use kafsh_model::{BrokerId, Error, Result};

use super::{Answer, State, World};

fn not_here<'a, T>() -> Answer<'a, T> {
    Box::pin(async { Err(Error::bug("the engine has no use for this")) })
}

impl Connector for World {
    fn admin(&self, _: &Target) -> Result<Arc<dyn Admin>> {
        Ok(Arc::new(self.clone()))
    }
    fn records(&self, _: &Target) -> Result<Arc<dyn Records>> {
        Ok(Arc::new(self.clone()))
    }
    fn zookeeper(&self, _: &str) -> Result<Arc<dyn ZooKeeper>> {
        Ok(Arc::new(self.clone()))
    }
}

fn view(state: &State) -> ClusterView {
    let brokers = state.brokers();
    ClusterView {
        cluster_id: Some("world".into()),
        controller: brokers.first().copied(),
        brokers: brokers
            .iter()
            .map(|id| BrokerView {
                id: *id,
                host: "127.0.0.1".into(),
                port: 9090 + *id as u16,
                rack: None,
            })
            .collect(),
    }
}

fn topic(state: &State, name: &str) -> TopicDescription {
    let (partitions, factor) = state.topics[name];
    let all: Vec<BrokerId> = (1..=BrokerId::from(factor)).collect();
    let listed = |id: &BrokerId| state.brokers().contains(id) || state.lingering.contains(id);
    let isr: Vec<BrokerId> = all.iter().copied().filter(listed).collect();
    TopicDescription {
        name: name.into(),
        id: None,
        internal: false,
        partitions: (0..partitions)
            .map(|partition| PartitionDescription {
                partition,
                leader: isr.first().copied(),
                leader_epoch: 0,
                replicas: all.clone(),
                isr: isr.clone(),
                offline_replicas: Vec::new(),
            })
            .collect(),
    }
}

/// The spec's ports in these tests are 9090 and the id; those of more listeners, 9190 and 9290.
fn broker_at(address: &str) -> Option<BrokerId> {
    let port: i32 = address.rsplit(':').next()?.parse().ok()?;
    Some((port - 9090) % 100)
}

impl Admin for World {
    fn cluster(&self) -> Answer<'_, ClusterView> {
        Box::pin(async { Ok(view(&self.state())) })
    }

    fn probe<'a>(&'a self, address: &'a str, _: Duration) -> Answer<'a, ClusterView> {
        Box::pin(async move {
            let id = broker_at(address).unwrap_or(0);
            if self.is_paused(Node::Broker(id)) {
                // The kernel takes the connection; nobody ever answers.
                std::future::pending::<()>().await;
            }
            let state = self.state();
            match broker_at(address) {
                Some(id) if state.serves(Node::Broker(id)) && state.serves(Node::ZooKeeper) => {
                    Ok(view(&state))
                }
                _ => Err(Error::unavailable("refused", "connection refused")),
            }
        })
    }

    fn greet<'a>(
        &'a self,
        address: &'a str,
        protocol: SecurityProtocol,
        timeout: Duration,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            {
                let mut state = self.state();
                state.greeted.insert((address.to_string(), protocol.name()));
                if state.deaf.as_deref() == Some(address) {
                    return Err(Error::unavailable("refused", "connection refused"));
                }
            }
            self.probe(address, timeout).await.map(drop)
        })
    }

    fn topics<'a>(&'a self, _: Option<&'a [String]>) -> Answer<'a, Vec<TopicDescription>> {
        Box::pin(async {
            let state = self.state();
            if state.brokers().is_empty() {
                return Err(Error::unavailable("refused", "no broker answers"));
            }
            Ok(state.topics.keys().map(|name| topic(&state, name)).collect())
        })
    }

    fn topics_on_every_broker<'a>(
        &'a self,
        names: &'a [String],
    ) -> Answer<'a, Vec<(BrokerId, Vec<TopicDescription>)>> {
        Box::pin(async move {
            let state = self.state();
            let known = names.iter().filter(|name| state.topics.contains_key(*name));
            let list: Vec<TopicDescription> = known.map(|name| topic(&state, name)).collect();
            Ok(state.brokers().into_iter().map(|id| (id, list.clone())).collect())
        })
    }

    fn create_topics<'a>(
        &'a self,
        topics: &'a [TopicSpec],
        _: bool,
    ) -> Answer<'a, Vec<ItemResult<TopicSpec>>> {
        Box::pin(async move {
            let wanted = topics[0].clone();
            let name = wanted.name.clone();
            if self.state().topics.contains_key(&name) {
                let error = Error::failed("topic-exists", format!("topic `{name}` exists"));
                return Ok(vec![(name, Err(error))]);
            }
            let counts = (wanted.partitions.unwrap_or(1), wanted.replication_factor.unwrap_or(1));
            self.change(format!("create topic {name}"), |state| {
                state.topics.insert(wanted.name.clone(), counts);
            })
            .await?;
            Ok(vec![(name, Ok(wanted))])
        })
    }

    fn delete_topics<'a>(&'a self, names: &'a [String]) -> Answer<'a, Vec<ItemResult>> {
        Box::pin(async move {
            let name = names[0].clone();
            let gone = self
                .change(format!("delete topic {name}"), |state| state.topics.remove(&names[0]))
                .await?;
            let outcome = match gone {
                Some(_) => Ok(()),
                None => Err(Error::not_found("topic-not-found", "no such topic")),
            };
            Ok(vec![(name, outcome)])
        })
    }

    fn add_partitions<'a>(&'a self, _: &'a str, _: i32, _: bool) -> Answer<'a, i32> {
        not_here()
    }

    fn describe_configs<'a>(
        &'a self,
        resources: &'a [ConfigResource],
    ) -> Answer<'a, Vec<(ConfigResource, Vec<ConfigEntry>)>> {
        Box::pin(async move {
            let min_isr = self.state().min_isr;
            let entry = ConfigEntry {
                key: "min.insync.replicas".into(),
                value: Some(min_isr.to_string()),
                source: ConfigSource::Default,
                read_only: false,
                sensitive: false,
                kind: None,
                documentation: None,
            };
            Ok(resources.iter().map(|r| (r.clone(), vec![entry.clone()])).collect())
        })
    }

    fn alter_configs<'a>(
        &'a self,
        _: &'a ConfigResource,
        _: &'a [ConfigChange],
        _: bool,
    ) -> Answer<'a, Vec<ConfigChange>> {
        not_here()
    }

    fn list_groups(&self, _: Duration) -> Answer<'_, Vec<BrokerGroups>> {
        not_here()
    }

    fn describe_group<'a>(&'a self, _: &'a str) -> Answer<'a, GroupDescription> {
        not_here()
    }

    fn committed_offsets<'a>(&'a self, _: &'a str) -> Answer<'a, Vec<CommittedOffset>> {
        not_here()
    }

    fn list_offsets<'a>(
        &'a self,
        _: &'a [TopicPartition],
        _: OffsetAt,
    ) -> Answer<'a, Vec<(TopicPartition, Option<i64>)>> {
        not_here()
    }

    fn log_dirs<'a>(
        &'a self,
        _: Option<&'a [TopicPartition]>,
        _: Duration,
    ) -> Answer<'a, Vec<BrokerLogDirs>> {
        not_here()
    }
}

impl Records for World {
    fn producer(&self) -> Result<Arc<dyn Producer>> {
        Ok(Arc::new(self.clone()))
    }

    fn consumer(&self, _: ConsumeOptions) -> Answer<'_, Box<dyn Consumer>> {
        let world = self.clone();
        Box::pin(async move { Ok(Box::new(Reader { world }) as Box<dyn Consumer>) })
    }
}

impl Producer for World {
    fn send<'a>(&'a self, batch: &'a RecordBatch) -> Answer<'a, Vec<Delivery>> {
        Box::pin(async move {
            let records: Vec<(i32, Vec<u8>)> = batch
                .iter()
                .map(|record| (record.partition, record.value.unwrap_or_default().to_vec()))
                .collect();
            self.change("send".to_string(), |state| state.records.extend(records)).await?;
            let delivered =
                |record: RecordView<'_>| Ok(Delivered { partition: record.partition, offset: 0 });
            Ok(batch.iter().map(delivered).collect())
        })
    }
}

struct Reader {
    world: World,
}

impl Consumer for Reader {
    fn next<'a>(&'a mut self, _: usize, _: Duration) -> Answer<'a, Fetched> {
        Box::pin(async {
            let mut batch = RecordBatch::default();
            for (partition, value) in &self.world.state().records {
                let mut record = RecordView::new("any", None, Some(value));
                record.partition = *partition;
                assert!(batch.push(record));
            }
            Ok(Fetched { batch, finished: true })
        })
    }

    fn commit(&mut self) -> Answer<'_, ()> {
        not_here()
    }

    fn close(self: Box<Self>) -> Answer<'static, ()> {
        Box::pin(async { Ok(()) })
    }
}

fn znode(data: String, owner: i64) -> ZnodeData {
    ZnodeData {
        data: data.into_bytes(),
        ephemeral_owner: owner,
        created_ms: 0,
        modified_ms: 0,
        version: 0,
        children: 0,
    }
}

fn registered(id: BrokerId, listeners: &[&str]) -> ZnodeData {
    let listeners: &[&str] = if listeners.is_empty() { &["PLAINTEXT"] } else { listeners };
    let endpoint =
        |(n, name): (i32, &&str)| format!(r#""{name}://127.0.0.1:{}""#, 9090 + 100 * n + id);
    let endpoints: Vec<String> = (0..).zip(listeners).map(endpoint).collect();
    znode(format!(r#"{{"endpoints":[{}]}}"#, endpoints.join(",")), 7)
}

impl ZooKeeper for World {
    fn status(&self, _: Duration) -> Answer<'_, ZooKeeperStatus> {
        Box::pin(async {
            if self.is_paused(Node::ZooKeeper) {
                std::future::pending::<()>().await;
            }
            match self.state().serves(Node::ZooKeeper) {
                true => Ok(ZooKeeperStatus { mode: "standalone".into(), ..Default::default() }),
                false => Err(Error::unavailable("refused", "connection refused")),
            }
        })
    }

    fn four_letter<'a>(&'a self, _: &'a str, _: Duration) -> Answer<'a, String> {
        not_here()
    }

    fn get<'a>(&'a self, path: &'a str) -> Answer<'a, ZnodeData> {
        Box::pin(async move {
            let mut state = self.state();
            let absent = Error::not_found("znode-not-found", format!("no `{path}`"));
            match path {
                "/cluster/id" => Ok(znode(r#"{"version":"1","id":"world"}"#.into(), 0)),
                "/controller" => {
                    match &state.controller.unwrap_or(state.brokers().first().copied()) {
                        Some(id) => Ok(znode(format!(r#"{{"brokerid":{id}}}"#), 7)),
                        None => Err(absent),
                    }
                }
                _ => {
                    let id = path.strip_prefix("/brokers/ids/").and_then(|id| id.parse().ok());
                    let Some(id) = id else { return Err(absent) };
                    if let Some(left) = state.stale.get_mut(&id) {
                        *left = left.saturating_sub(1);
                        if *left == 0 {
                            state.stale.remove(&id);
                        }
                        return Ok(registered(id, &state.listeners));
                    }
                    match state.serves(Node::Broker(id)) {
                        true => Ok(registered(id, &state.listeners)),
                        false => Err(absent),
                    }
                }
            }
        })
    }

    fn children<'a>(&'a self, path: &'a str) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            let state = self.state();
            Ok(match path {
                "/brokers/ids" => {
                    let stale = state.stale.keys().copied();
                    state.brokers().into_iter().chain(stale).map(|id| id.to_string()).collect()
                }
                "/admin/delete_topics" => state.going.iter().cloned().collect(),
                _ => state.topics.keys().chain(&state.going).cloned().collect(),
            })
        })
    }

    fn create<'a>(&'a self, _: &'a str, _: &'a [u8]) -> Answer<'a, ()> {
        not_here()
    }

    fn delete<'a>(&'a self, _: &'a str) -> Answer<'a, ()> {
        not_here()
    }
}
