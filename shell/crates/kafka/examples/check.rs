//! Checks the ports against a real cluster of three brokers and says what it saw:
//! `cargo run -p kafsh-kafka --example check -- 127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094`.
//! It makes topics whose names begin with `check-` and deletes them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kafsh_kafka::KafkaConnector;
use kafsh_model::Result;
use kafsh_model::config::{ConfigChange, ConfigResource, ConfigSource};
use kafsh_model::port::{Admin, Connector, ConsumeOptions, Consumer, From, Records, Target, To};
use kafsh_model::record::{Headers, RecordBatch, RecordView};
use kafsh_model::topic::{OffsetAt, TopicPartition, TopicSpec};

const WAIT: Duration = Duration::from_secs(1);

struct Cluster {
    admin: Arc<dyn Admin>,
    records: Arc<dyn Records>,
    target: Target,
    /// Apart from those of other runs
    run: u128,
}

type Case<'a> = (&'static str, std::pin::Pin<Box<dyn Future<Output = Result<()>> + 'a>>);

#[tokio::main]
async fn main() {
    let Some(bootstrap) = std::env::args().nth(1) else {
        eprintln!("an address is needed: host:port,…");
        std::process::exit(2);
    };
    let target = Target {
        bootstrap: bootstrap.split(',').map(str::to_string).collect(),
        zookeeper: None,
        client: Vec::new(),
        timeout: Duration::from_secs(5),
    };
    let connector = KafkaConnector::new();
    let run = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis());
    let cluster = Cluster {
        admin: connector.admin(&target).expect("a good target"),
        records: connector.records(&target).expect("a good target"),
        target,
        run,
    };
    let cases: Vec<Case<'_>> = vec![
        ("bytes come back as they went", Box::pin(bytes(&cluster))),
        ("starts and stops", Box::pin(ranges(&cluster))),
        ("empty topics end at once", Box::pin(empty(&cluster))),
        ("what cannot be produced", Box::pin(refused(&cluster))),
        ("cancelled calls lose nothing", Box::pin(cancelled(&cluster))),
        ("a group resumes where it committed", Box::pin(group(&cluster))),
        ("two members share the partitions", Box::pin(members(&cluster))),
        ("settings change key by key", Box::pin(settings(&cluster))),
        ("topics are made, grown, deleted", Box::pin(topics(&cluster))),
        ("brokers that are down", Box::pin(down(&cluster))),
    ];
    for (name, case) in cases {
        let began = Instant::now();
        case.await.unwrap_or_else(|error| panic!("{name}: {error:#?}"));
        println!("ok  {name}  {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
    }
}

impl Cluster {
    async fn topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) -> Result<String> {
        let name = format!("check-{name}-{}", self.run);
        let configs = configs.iter().map(|(k, v)| (k.to_string(), v.to_string()));
        let spec = TopicSpec {
            name: name.clone(),
            partitions: Some(partitions),
            replication_factor: Some(3),
            assignments: Vec::new(),
            configs: configs.collect::<BTreeMap<_, _>>(),
        };
        for (_, result) in self.admin.create_topics(&[spec], false).await? {
            result?;
        }
        Ok(name)
    }

    async fn delete(&self, name: &str) -> Result<()> {
        for (_, result) in self.admin.delete_topics(&[name.to_string()]).await? {
            result?;
        }
        Ok(())
    }

    async fn consumer(&self, topic: &str, from: From, to: To) -> Result<Box<dyn Consumer>> {
        self.records.consumer(options(topic, from, to)).await
    }

    /// Offsets of one partition, as read.
    async fn offsets(&self, topic: &str, from: From, to: To) -> Result<Vec<i64>> {
        let batch = drain(self.consumer(topic, from, to).await?).await?;
        Ok(batch.iter().map(|record| record.offset).collect())
    }

    async fn fill(&self, topic: &str, partition: i32, count: i64) -> Result<()> {
        let mut batch = RecordBatch::new();
        for index in 0..count {
            let value = format!("{index}");
            let record = RecordView {
                partition,
                timestamp_ms: 1_700_000_000_000 + index,
                ..RecordView::new(topic, None, Some(value.as_bytes()))
            };
            assert!(batch.push(record));
        }
        for delivery in self.records.producer()?.send(&batch).await? {
            delivery?;
        }
        Ok(())
    }
}

fn options(topic: &str, from: From, to: To) -> ConsumeOptions {
    ConsumeOptions {
        topics: vec![topic.to_string()],
        partitions: Vec::new(),
        from,
        to,
        group: None,
        count_hint: None,
        starts: Vec::new(),
    }
}

/// Everything up to the end, then closed.
async fn drain(mut consumer: Box<dyn Consumer>) -> Result<RecordBatch> {
    let mut all = RecordBatch::new();
    loop {
        let fetched = consumer.next(1_000, WAIT).await?;
        for record in fetched.batch.iter() {
            assert!(all.push(record));
        }
        if fetched.finished {
            break;
        }
    }
    consumer.close().await?;
    Ok(all)
}

async fn bytes(cluster: &Cluster) -> Result<()> {
    let topic = cluster.topic("bytes", 3, &[]).await?;
    let large: Vec<u8> =
        (0..1024 * 1024_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let headers: Vec<(&str, Option<&[u8]>)> = vec![
        ("a", Some(b"1")),
        ("b", None),
        ("a", Some(b"\xff\0")),
        ("", Some(b"")),
        ("a", Some(b"1")),
    ];
    let mut batch = RecordBatch::new();
    type Bytes<'a> = Option<&'a [u8]>;
    let pairs: [(Bytes<'_>, Bytes<'_>); 7] = [
        (None, None),
        (None, Some(b"")),
        (Some(b""), None),
        (Some(b""), Some(b"")),
        (Some(b"\0\xfe\r\n"), Some(b"\xff\xfe\0")),
        (Some("schlüssel".as_bytes()), Some("wert".as_bytes())),
        (Some(b"large"), Some(&large)),
    ];
    for (key, value) in pairs {
        for headers in [&headers[..], &[]] {
            for timestamp_ms in [1, 1_700_000_000_123, -1] {
                let record = RecordView {
                    partition: 1,
                    timestamp_ms,
                    headers: Headers::Slice(headers),
                    ..RecordView::new(&topic, key, value)
                };
                assert!(batch.push(record));
            }
        }
    }
    let deliveries = cluster.records.producer()?.send(&batch).await?;
    for (index, delivery) in deliveries.into_iter().enumerate() {
        let delivered = delivery?;
        assert_eq!((delivered.partition, delivered.offset), (1, index as i64), "in order");
    }
    let back = drain(cluster.consumer(&topic, From::Earliest, To::End).await?).await?;
    assert_eq!(back.len(), batch.len());
    for (sent, got) in batch.iter().zip(back.iter()) {
        assert_eq!((sent.key, sent.value), (got.key, got.value), "{}", got.coordinate());
        assert_eq!(sent.headers, got.headers, "{}", got.coordinate());
        assert!(sent.timestamp_ms < 0 || sent.timestamp_ms == got.timestamp_ms);
        assert!(got.timestamp_ms > 0);
    }
    cluster.delete(&topic).await
}

async fn ranges(cluster: &Cluster) -> Result<()> {
    let topic = cluster.topic("ranges", 1, &[]).await?;
    cluster.fill(&topic, 0, 20).await?;
    let at = 1_700_000_000_000;
    let all: Vec<i64> = (0..20).collect();
    let cases = [
        (From::Earliest, To::End, 0..20),
        (From::Offset(5), To::Offset(7), 5..7),
        (From::Offset(25), To::End, 0..0),
        (From::Tail(3), To::End, 17..20),
        (From::Tail(300), To::End, 0..20),
        (From::Latest, To::End, 0..0),
        (From::Timestamp(at + 4), To::Timestamp(at + 6), 4..6),
        (From::Timestamp(at + 400), To::End, 0..0),
        (From::Earliest, To::Offset(1), 0..1),
    ];
    for (from, to, expected) in cases {
        let offsets = cluster.offsets(&topic, from, to).await?;
        assert_eq!(offsets, all[expected], "{from:?} {to:?}");
    }
    let place = [TopicPartition { topic: topic.clone(), partition: 0 }];
    let list =
        async |at| Ok::<_, kafsh_model::Error>(cluster.admin.list_offsets(&place, at).await?[0].1);
    assert_eq!(list(OffsetAt::Earliest).await?, Some(0));
    assert_eq!(list(OffsetAt::Latest).await?, Some(20));
    assert_eq!(list(OffsetAt::Timestamp(at + 9)).await?, Some(9));
    assert_eq!(list(OffsetAt::Timestamp(at + 900)).await?, None);
    // From a place that is not there yet: what comes before it is left out.
    let mut late = cluster.consumer(&topic, From::Offset(22), To::Offset(24)).await?;
    assert!(late.next(10, Duration::from_millis(200)).await?.batch.is_empty());
    cluster.fill(&topic, 0, 5).await?;
    let offsets: Vec<i64> = drain(late).await?.iter().map(|record| record.offset).collect();
    assert_eq!(offsets, [22, 23]);
    cluster.delete(&topic).await
}

async fn empty(cluster: &Cluster) -> Result<()> {
    let topic = cluster.topic("empty", 12, &[]).await?;
    let began = Instant::now();
    let fetched =
        cluster.consumer(&topic, From::Earliest, To::End).await?.next(10, WAIT * 5).await?;
    assert!(fetched.finished && fetched.batch.is_empty());
    assert!(began.elapsed() < WAIT, "{:?}", began.elapsed());
    cluster.delete(&topic).await
}

async fn refused(cluster: &Cluster) -> Result<()> {
    let topic = cluster.topic("refused", 1, &[("max.message.bytes", "200000")]).await?;
    let missing = format!("check-missing-{}", cluster.run);
    let large = vec![b'x'; 300_000];
    let mut batch = RecordBatch::new();
    assert!(batch.push(RecordView::new(&topic, None, Some(b"fine"))));
    assert!(batch.push(RecordView::new(&missing, None, Some(b"lost"))));
    assert!(batch.push(RecordView { partition: 7, ..RecordView::new(&topic, None, Some(b"x")) }));
    assert!(batch.push(RecordView::new(&topic, None, Some(&large))));
    let began = Instant::now();
    let deliveries = cluster.records.producer()?.send(&batch).await?;
    let codes: Vec<String> = deliveries
        .iter()
        .map(|delivery| delivery.as_ref().map_or_else(|e| e.code.to_string(), |_| "ok".into()))
        .collect();
    assert_eq!(codes, ["ok", "topic-not-found", "partition-not-found", "record-too-large"]);
    assert!(began.elapsed() < WAIT * 3, "{:?}", began.elapsed());
    let error = cluster.consumer(&missing, From::Earliest, To::End).await.err();
    assert_eq!(error.map(|error| error.code.to_string()).as_deref(), Some("topic-not-found"));
    let all = cluster.admin.topics(None).await?;
    assert!(!all.iter().any(|topic| topic.name == missing), "it was created");
    cluster.delete(&topic).await
}

async fn cancelled(cluster: &Cluster) -> Result<()> {
    let topic = cluster.topic("cancelled", 2, &[]).await?;
    cluster.fill(&topic, 0, 3_000).await?;
    cluster.fill(&topic, 1, 3_000).await?;
    let mut consumer = cluster.consumer(&topic, From::Earliest, To::End).await?;
    let mut next = [0_i64; 2];
    for round in 0_u64.. {
        // Dropped at various points of its way.
        let patience = Duration::from_micros(round % 7 * 50);
        let fetch = consumer.next(1 + (round % 90) as usize, WAIT);
        let Ok(fetched) = tokio::time::timeout(patience, fetch).await else { continue };
        let fetched = fetched?;
        for record in fetched.batch.iter() {
            let expected = &mut next[record.partition as usize];
            assert_eq!(record.offset, *expected, "none lost, none twice");
            *expected += 1;
        }
        if fetched.finished {
            break;
        }
    }
    assert_eq!(next, [3_000, 3_000]);
    consumer.close().await?;
    cluster.delete(&topic).await
}

fn group_options(topic: &str, group: &str, from: From, to: To) -> ConsumeOptions {
    ConsumeOptions { group: Some(group.to_string()), ..options(topic, from, to) }
}

async fn group(cluster: &Cluster) -> Result<()> {
    let topic = cluster.topic("group", 2, &[]).await?;
    let group = format!("check-group-{}", cluster.run);
    cluster.fill(&topic, 0, 10).await?;
    let wanted = group_options(&topic, &group, From::Committed, To::End);
    let mut consumer = cluster.records.consumer(wanted.clone()).await?;
    let mut seen = 0;
    while seen < 4 {
        seen += consumer.next(4 - seen, WAIT).await?.batch.len();
    }
    let described = cluster.admin.describe_group(&group).await?;
    assert_eq!((described.state.as_str(), described.members.len()), ("Stable", 1));
    assert_eq!(described.members[0].assignment.len(), 2);
    consumer.commit().await?;
    let began = Instant::now();
    consumer.close().await?;
    println!("    left the group in {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
    let committed = cluster.admin.committed_offsets(&group).await?;
    assert_eq!(committed.iter().map(|c| (c.partition, c.offset)).collect::<Vec<_>>(), [(0, 4)]);
    assert_eq!(cluster.admin.describe_group(&group).await?.state, "Empty");

    let rest = drain(cluster.records.consumer(wanted.clone()).await?).await?;
    assert_eq!(rest.iter().map(|r| r.offset).collect::<Vec<_>>(), (4..10).collect::<Vec<_>>());
    // An explicit start wins over the commit; what is not committed is not moved.
    for (from, expected) in [(From::Earliest, 0..10), (From::Tail(2), 8..10), (From::Latest, 0..0)]
    {
        let wanted = ConsumeOptions { from, ..wanted.clone() };
        let got = drain(cluster.records.consumer(wanted).await?).await?;
        let got: Vec<i64> = got.iter().map(|record| record.offset).collect();
        assert_eq!(got, expected.collect::<Vec<_>>(), "{from:?}");
    }
    let committed = cluster.admin.committed_offsets(&group).await?;
    assert_eq!(committed[0].offset, 4);
    assert!(cluster.admin.list_groups().await?.iter().any(|listed| listed.group == group));
    cluster.delete(&topic).await
}

async fn members(cluster: &Cluster) -> Result<()> {
    let topic = cluster.topic("members", 4, &[]).await?;
    let group = format!("check-members-{}", cluster.run);
    let wanted = group_options(&topic, &group, From::Committed, To::Never);
    let mut first = cluster.records.consumer(wanted.clone()).await?;
    let mut second = cluster.records.consumer(wanted).await?;
    let short = Duration::from_millis(100);
    let began = Instant::now();
    loop {
        first.next(10, short).await?;
        second.next(10, short).await?;
        let described = match cluster.admin.describe_group(&group).await {
            // The members are still on their way.
            Err(error) if error.code == "group-not-found" => continue,
            described => described?,
        };
        let sizes: Vec<usize> = described.members.iter().map(|m| m.assignment.len()).collect();
        if sizes == [2, 2] {
            break;
        }
        assert!(began.elapsed() < WAIT * 20, "{described:?}");
    }
    for partition in 0..4 {
        cluster.fill(&topic, partition, 5).await?;
    }
    let mut seen = 0;
    while seen < 20 {
        seen += first.next(10, short).await?.batch.len();
        seen += second.next(10, short).await?.batch.len();
    }
    first.commit().await?;
    second.commit().await?;
    tokio::try_join!(first.close(), second.close())?;
    assert_eq!(cluster.admin.committed_offsets(&group).await?.len(), 4);
    cluster.delete(&topic).await
}

async fn settings(cluster: &Cluster) -> Result<()> {
    let topic = cluster.topic("settings", 1, &[("retention.ms", "1000000")]).await?;
    let resource = ConfigResource::Topic(topic.clone());
    let set = |key: &str, value: &str| ConfigChange::Set { key: key.into(), value: value.into() };
    let change = [set("segment.bytes", "1048576")];
    cluster.admin.alter_configs(&resource, &change, false).await?;
    let read = async |key: &str| {
        let described = cluster.admin.describe_configs(std::slice::from_ref(&resource)).await?;
        let entry = described[0].1.iter().find(|entry| entry.key == key).cloned();
        Ok::<_, kafsh_model::Error>(entry.expect("a known key"))
    };
    assert_eq!(read("segment.bytes").await?.value.as_deref(), Some("1048576"));
    let kept = read("retention.ms").await?;
    assert_eq!((kept.value.as_deref(), kept.source), (Some("1000000"), ConfigSource::Topic));
    assert!(kept.documentation.is_some() && kept.kind.as_deref() == Some("long"));
    let unset = [ConfigChange::Unset { key: "retention.ms".into() }];
    cluster.admin.alter_configs(&resource, &unset, false).await?;
    assert_eq!(read("retention.ms").await?.source, ConfigSource::Default);
    let bad = [set("segment.bytes", "many")];
    let error = cluster.admin.alter_configs(&resource, &bad, true).await.unwrap_err();
    assert_eq!(error.code, "invalid-config", "{error:?}");
    let broker = cluster.admin.cluster().await?.brokers[0].id;
    let both = [ConfigResource::Broker(broker), ConfigResource::BrokerDefault];
    let described = cluster.admin.describe_configs(&both).await?;
    let id = described[0].1.iter().find(|entry| entry.key == "broker.id");
    assert!(id.is_some_and(|entry| entry.read_only), "{id:?}");
    cluster.delete(&topic).await
}

async fn topics(cluster: &Cluster) -> Result<()> {
    let topic = cluster.topic("topics", 2, &[]).await?;
    let names = [topic.clone()];
    let described = cluster.admin.topics(Some(&names)).await?;
    assert_eq!(described[0].partitions.len(), 2);
    assert_eq!(described[0].replication_factor(), 3);
    cluster.admin.add_partitions(&topic, 5, true).await?;
    let error = cluster.admin.add_partitions(&topic, 1, false).await.unwrap_err();
    assert_eq!(error.code, "invalid-partitions");
    cluster.admin.add_partitions(&topic, 5, false).await?;
    let began = Instant::now();
    loop {
        let seen = cluster.admin.topics_on_every_broker(&names).await?;
        let grown = |topics: &[kafsh_model::topic::TopicDescription]| {
            topics.first().is_some_and(|topic| topic.partitions.len() == 5)
        };
        if seen.len() == 3 && seen.iter().all(|(_, topics)| grown(topics)) {
            break;
        }
        assert!(began.elapsed() < WAIT * 5);
    }
    let bad = TopicSpec {
        name: "no spaces".into(),
        partitions: None,
        replication_factor: None,
        assignments: Vec::new(),
        configs: BTreeMap::new(),
    };
    let results = cluster.admin.create_topics(&[bad], true).await?;
    assert_eq!(results[0].1.as_ref().unwrap_err().code, "bad-topic-name");
    cluster.delete(&topic).await?;
    let again = cluster.delete(&topic).await.unwrap_err();
    assert_eq!(again.code, "topic-not-found");
    Ok(())
}

async fn down(cluster: &Cluster) -> Result<()> {
    let timeout = Duration::from_millis(500);
    let bootstrap = vec!["127.0.0.1:1".to_string(), "127.0.0.1:2".to_string()];
    let target = Target { bootstrap, timeout, ..cluster.target.clone() };
    let connector = KafkaConnector::new();
    let records = connector.records(&target)?;
    let began = Instant::now();
    let mut batch = RecordBatch::new();
    assert!(batch.push(RecordView::new("t", None, Some(b"x"))));
    let error = records.producer()?.send(&batch).await.unwrap_err();
    assert_eq!(error.code, "unavailable", "{error:?}");
    assert!(error.evidence.iter().any(|line| line.contains("127.0.0.1:2")), "{error:?}");
    let error = records.consumer(options("t", From::Earliest, To::End)).await.err();
    assert_eq!(error.map(|error| error.code.to_string()).as_deref(), Some("unavailable"));
    let wanted = group_options("t", "g", From::Committed, To::End);
    let error = records.consumer(wanted).await.err();
    assert_eq!(error.map(|error| error.code.to_string()).as_deref(), Some("unavailable"));
    assert!(began.elapsed() < WAIT * 2, "{:?}", began.elapsed());
    Ok(())
}
