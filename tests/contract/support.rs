//! What the cases share: unique names, records that can be compared, and the checks.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use kafsh_model::config::{ConfigEntry, ConfigResource};
use kafsh_model::port::{
    Admin, Connector, ConsumeOptions, Consumer, Delivered, Delivery, From, Producer, Records,
    Target, To, ZooKeeper,
};
use kafsh_model::record::{Headers, RecordBatch, RecordView, TimestampType};
use kafsh_model::topic::{TopicDescription, TopicPartition, TopicSpec};
use kafsh_model::{Class, Error};
use tokio::net::TcpSocket;

/// `Err` says what was expected and what came.
pub type Outcome = Result<(), String>;

/// How long an effect may take to be seen on every broker.
const SETTLE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);
/// How long a read to an end may take.
const READ: Duration = Duration::from_secs(40);

/// Fails the case where the condition does not hold.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}
pub(crate) use ensure;

/// Fails the case where two values differ.
macro_rules! ensure_eq {
    ($left:expr, $right:expr, $what:expr) => {
        match (&$left, &$right) {
            (left, right) if left == right => {}
            (left, right) => return Err(format!("{}: got {left:?}, not {right:?}", $what)),
        }
    };
}
pub(crate) use ensure_eq;

/// What a case works with.
#[derive(Clone)]
pub struct Ctx {
    pub connector: Arc<dyn Connector>,
    pub target: Target,
    pub admin: Arc<dyn Admin>,
    pub records: Arc<dyn Records>,
    prefix: String,
    made: Arc<Mutex<Vec<String>>>,
}

/// A record that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub timestamp_ms: i64,
    pub timestamp_type: TimestampType,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Owned {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.value.as_deref().unwrap_or(b"(null)")).into_owned()
    }
}

/// Words for an error that should not have come.
pub fn told(error: Error) -> String {
    let Error { code, class, message, evidence, cause, .. } = error;
    format!("{code} ({class:?}): {message}; {evidence:?}; {cause:?}")
}

/// Holds where the call failed with this code and class.
pub fn fails<T>(what: &str, result: kafsh_model::Result<T>, code: &str, class: Class) -> Outcome {
    match result {
        Ok(_) => Err(format!("{what}: done, not {code}")),
        Err(error) if error.code == code && error.class == class => Ok(()),
        Err(error) => Err(format!("{what}: expected {code} ({class:?}), got {}", told(error))),
    }
}

pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

/// An address at which nothing listens, and nobody else can while the socket is kept.
pub fn dead_address() -> Result<(TcpSocket, String), String> {
    let socket = TcpSocket::new_v4().map_err(|error| error.to_string())?;
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(loopback).map_err(|error| error.to_string())?;
    let address = socket.local_addr().map_err(|error| error.to_string())?;
    Ok((socket, address.to_string()))
}

impl Ctx {
    pub fn new(connector: Arc<dyn Connector>, target: Target) -> Result<Ctx, String> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Ok(Ctx {
            admin: connector.admin(&target).map_err(told)?,
            records: connector.records(&target).map_err(told)?,
            connector,
            target,
            prefix: format!("contract-{}-{}-{number}", std::process::id(), now_ms()),
            made: Arc::default(),
        })
    }

    /// A name that nothing else has; a topic of that name is removed after the case.
    pub fn name(&self, word: &str) -> String {
        let name = format!("{}-{word}", self.prefix);
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(name.clone());
        name
    }

    /// Removes the topics; whatever fails here is no fault of the case.
    pub async fn clean(&self) {
        let names: Vec<String> =
            self.made.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect();
        let _ = self.admin.delete_topics(&names).await;
    }

    pub async fn broker_ids(&self) -> Result<Vec<i32>, String> {
        let view = self.admin.cluster().await.map_err(told)?;
        Ok(view.brokers.iter().map(|broker| broker.id).collect())
    }

    /// As many replicas as make sense: at most 3.
    pub async fn factor(&self) -> Result<i16, String> {
        Ok(self.broker_ids().await?.len().min(3) as i16)
    }

    pub async fn spec(&self, name: &str, partitions: i32) -> Result<TopicSpec, String> {
        Ok(TopicSpec {
            name: name.to_string(),
            partitions: Some(partitions),
            replication_factor: Some(self.factor().await?),
            assignments: Vec::new(),
            configs: Default::default(),
        })
    }

    pub async fn create_one(&self, spec: &TopicSpec, validate_only: bool) -> Result<(), Error> {
        let specs = std::slice::from_ref(spec);
        let mut outcomes = self.admin.create_topics(specs, validate_only).await?;
        match outcomes.pop() {
            Some((name, outcome)) if name == spec.name && outcomes.is_empty() => outcome.map(drop),
            other => Err(Error::bug(format!("the answer is about {other:?}"))),
        }
    }

    /// A new topic that every broker knows.
    pub async fn topic(&self, word: &str, partitions: i32) -> Result<String, String> {
        self.topic_with(word, partitions, &[]).await
    }

    pub async fn topic_with(
        &self,
        word: &str,
        partitions: i32,
        configs: &[(&str, &str)],
    ) -> Result<String, String> {
        let name = self.name(word);
        let mut spec = self.spec(&name, partitions).await?;
        let configs = configs.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string()));
        spec.configs = configs.collect();
        self.create_one(&spec, false).await.map_err(told)?;
        self.await_everywhere(&name, |topic| {
            let led = |topic: &TopicDescription| topic.partitions.iter().all(|p| !p.is_offline());
            topic.is_some_and(|topic| topic.partitions.len() == partitions as usize && led(topic))
        })
        .await?;
        Ok(name)
    }

    /// Waits until every broker shows the topic so.
    pub async fn await_everywhere(
        &self,
        name: &str,
        good: impl Fn(Option<&TopicDescription>) -> bool,
    ) -> Outcome {
        let names = [name.to_string()];
        let deadline = Instant::now() + SETTLE;
        loop {
            let seen = self.admin.topics_on_every_broker(&names).await.map_err(told)?;
            let each = |(_, topics): &(i32, Vec<TopicDescription>)| {
                good(topics.iter().find(|topic| topic.name == name))
            };
            if !seen.is_empty() && seen.iter().all(each) {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "`{name}` does not settle on every broker: {seen:?}"
            );
            tokio::time::sleep(POLL).await;
        }
    }

    pub async fn describe(&self, name: &str) -> Result<TopicDescription, String> {
        let names = [name.to_string()];
        let mut topics = self.admin.topics(Some(&names)).await.map_err(told)?;
        ensure!(topics.len() == 1, "{} topics of that name", topics.len());
        topics.pop().ok_or_else(|| "no topic".to_string())
    }

    /// True where the topic is in the list of all.
    pub async fn is_listed(&self, name: &str) -> Result<bool, String> {
        let topics = self.admin.topics(None).await.map_err(told)?;
        Ok(topics.iter().any(|topic| topic.name == name))
    }

    pub async fn config(&self, topic: &str, key: &str) -> Result<ConfigEntry, String> {
        self.config_of(&ConfigResource::Topic(topic.to_string()), key).await
    }

    pub async fn config_of(&self, at: &ConfigResource, key: &str) -> Result<ConfigEntry, String> {
        let resources = [at.clone()];
        let described = self.admin.describe_configs(&resources).await.map_err(told)?;
        let (resource, entries) = described.into_iter().next().ok_or("nothing was described")?;
        ensure!(resource == *at, "asked for {at:?}, told of {resource:?}");
        let found = entries.into_iter().find(|entry| entry.key == key);
        found.ok_or_else(|| format!("no entry `{key}` of {at:?}"))
    }

    /// Polls until an entry is as wanted: brokers hear of a change one after the other.
    pub async fn await_config(
        &self,
        at: &ConfigResource,
        key: &str,
        good: impl Fn(&ConfigEntry) -> bool,
    ) -> Outcome {
        let deadline = Instant::now() + SETTLE;
        loop {
            let entry = self.config_of(at, key).await?;
            if good(&entry) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the change is not seen: {entry:?}");
            tokio::time::sleep(POLL).await;
        }
    }

    pub fn producer(&self) -> Result<Arc<dyn Producer>, String> {
        self.records.producer().map_err(told)
    }

    pub async fn send(&self, records: &[RecordView<'_>]) -> Result<Vec<Delivery>, String> {
        let batch = batch(records)?;
        let deliveries = self.producer()?.send(&batch).await.map_err(told)?;
        ensure_eq!(deliveries.len(), records.len(), "deliveries");
        Ok(deliveries)
    }

    /// Sends records that must all arrive.
    pub async fn put(&self, records: &[RecordView<'_>]) -> Result<Vec<Delivered>, String> {
        let deliveries = self.send(records).await?;
        deliveries.into_iter().map(|delivery| delivery.map_err(told)).collect()
    }

    /// Values without keys, to one partition.
    pub async fn put_values(&self, topic: &str, partition: i32, values: &[&str]) -> Outcome {
        let views: Vec<RecordView<'_>> = values
            .iter()
            .map(|value| RecordView {
                partition,
                ..RecordView::new(topic, None, Some(value.as_bytes()))
            })
            .collect();
        self.put(&views).await.map(|_| ())
    }

    pub async fn open(&self, options: ConsumeOptions) -> Result<Box<dyn Consumer>, String> {
        self.records.consumer(options).await.map_err(told)
    }

    /// Reads to the end and closes.
    pub async fn read(&self, options: ConsumeOptions) -> Result<Vec<Owned>, String> {
        let mut consumer = self.open(options).await?;
        let records = read_to_end(&mut *consumer).await?;
        consumer.close().await.map_err(told)?;
        Ok(records)
    }

    pub fn zookeeper(&self) -> Result<Arc<dyn ZooKeeper>, String> {
        let (address, _) = self.target.zookeeper.as_ref().ok_or("the target has no ZooKeeper")?;
        self.connector.zookeeper(address).map_err(told)
    }

    /// The path of a znode of Kafka's own.
    pub fn znode(&self, path: &str) -> String {
        let chroot = self.target.zookeeper.as_ref().map_or("", |(_, chroot)| chroot.as_str());
        format!("{chroot}{path}")
    }
}

pub fn batch(records: &[RecordView<'_>]) -> Result<RecordBatch, String> {
    let mut batch = RecordBatch::new();
    for record in records {
        ensure!(batch.push(*record), "the batch is full");
    }
    Ok(batch)
}

/// All topics' partitions from the earliest record to the end, without a group.
pub fn whole(topic: &str) -> ConsumeOptions {
    ConsumeOptions {
        topics: vec![topic.to_string()],
        partitions: Vec::new(),
        from: From::Earliest,
        to: To::End,
        group: None,
        count_hint: None,
        starts: Vec::new(),
    }
}

pub fn owned(view: RecordView<'_>) -> Owned {
    let headers = view.headers.iter();
    Owned {
        topic: view.topic.to_string(),
        partition: view.partition,
        offset: view.offset,
        timestamp_ms: view.timestamp_ms,
        timestamp_type: view.timestamp_type,
        key: view.key.map(<[u8]>::to_vec),
        value: view.value.map(<[u8]>::to_vec),
        headers: headers.map(|(n, v)| (n.to_string(), v.map(<[u8]>::to_vec))).collect(),
    }
}

pub async fn read_to_end(consumer: &mut dyn Consumer) -> Result<Vec<Owned>, String> {
    let deadline = Instant::now() + READ;
    let mut records = Vec::new();
    loop {
        let fetched = consumer.next(100, Duration::from_millis(500)).await.map_err(told)?;
        ensure!(fetched.batch.len() <= 100, "more records than asked for");
        records.extend(fetched.batch.iter().map(owned));
        if fetched.finished {
            return Ok(records);
        }
        ensure!(Instant::now() < deadline, "no end after {} records", records.len());
    }
}

/// Reads until so many records are there, from a consumer that does not end before.
pub async fn read_count(consumer: &mut dyn Consumer, count: usize) -> Result<Vec<Owned>, String> {
    let deadline = Instant::now() + READ;
    let mut records = Vec::new();
    while records.len() < count {
        let fetched = consumer.next(100, Duration::from_millis(500)).await.map_err(told)?;
        records.extend(fetched.batch.iter().map(owned));
        let few = records.len() < count;
        ensure!(!(few && fetched.finished), "it ended after {} of {count} records", records.len());
        ensure!(Instant::now() < deadline, "{} of {count} records came", records.len());
    }
    Ok(records)
}

pub fn texts(records: &[Owned]) -> Vec<String> {
    records.iter().map(Owned::text).collect()
}

pub fn at(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition { topic: topic.to_string(), partition }
}

pub fn with_headers<'a>(
    record: RecordView<'a>,
    headers: &'a [(&'a str, Option<&'a [u8]>)],
) -> RecordView<'a> {
    RecordView { headers: Headers::Slice(headers), ..record }
}
