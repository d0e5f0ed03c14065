//! What brokers that die, and data that is moved or lost, do to topics and records.

mod support;

use std::time::{Duration, Instant};

use kafsh_model::Class;
use kafsh_model::plan::Node;
use kafsh_model::port::{ConsumeOptions, Consumer, From, Runtime, To};

use support::{Host, SOON};

fn whole(topic: &str) -> ConsumeOptions {
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

async fn read(host: &Host, options: ConsumeOptions) -> kafsh_model::Result<Vec<String>> {
    let mut consumer = host.records().consumer(options).await?;
    read_on(&mut *consumer).await
}

async fn read_on(consumer: &mut dyn Consumer) -> kafsh_model::Result<Vec<String>> {
    let mut values = Vec::new();
    loop {
        let fetched = consumer.next(10, Duration::from_millis(50)).await?;
        let text = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap()).into_owned();
        values.extend(fetched.batch.iter().map(|record| text(record.value)));
        if fetched.finished {
            return Ok(values);
        }
    }
}

#[tokio::test]
async fn leaders_move_and_come_back_in_sync() {
    let host = Host::up_with(3).await;
    host.create("t", Some(3), Some(3)).await;
    host.send("t", 0, "a").await.unwrap();
    let before = host.topic("t").await;
    host.lose(1).await;
    let during = host.topic("t").await;
    for (old, new) in before.partitions.iter().zip(&during.partitions) {
        assert!(new.leader.is_some_and(|id| id != 1) && !new.isr.contains(&1), "{new:?}");
        assert_eq!((new.isr.len(), &new.offline_replicas), (2, &vec![1]));
        assert_eq!(new.leader_epoch, old.leader_epoch + i32::from(old.leader == Some(1)));
    }
    host.send("t", 0, "b").await.unwrap();
    host.start(Node::Broker(1)).await;
    let after = host.topic("t").await;
    assert!(after.partitions.iter().all(|p| p.isr.len() == 3 && p.offline_replicas.is_empty()));
    // What it has caught up with is there when it is the last one left.
    host.lose(2).await;
    host.lose(3).await;
    assert_eq!(read(&host, whole("t")).await.unwrap(), ["a", "b"]);
}

#[tokio::test]
async fn too_few_replicas_in_sync_refuse_records() {
    let host = Host::up_with(3).await;
    host.create_with("t", Some(1), Some(3), &[("min.insync.replicas", "2")]).await;
    host.lose(1).await;
    host.send("t", 0, "a").await.expect("two are left");
    host.lose(2).await;
    let error = host.send("t", 0, "b").await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.class), ("not-enough-replicas", Class::Busy));
    assert_eq!(read(&host, whole("t")).await.unwrap(), ["a"]);
    host.start(Node::Broker(1)).await;
    assert_eq!(host.send("t", 0, "b").await.unwrap().offset, 1);
}

#[tokio::test]
async fn partitions_go_offline_with_their_last_replica() {
    let host = Host::up_with(2).await;
    host.create("single", Some(2), Some(1)).await;
    let topic = host.topic("single").await;
    let at = topic.partitions.iter().position(|p| p.leader == Some(2)).unwrap() as i32;
    host.send("single", at, "kept").await.unwrap();
    host.lose(2).await;
    let partition = host.topic("single").await.partitions[at as usize].clone();
    assert!(partition.is_offline() && partition.isr == [2], "{partition:?}");
    let began = Instant::now();
    let error = host.send("single", at, "lost").await.unwrap_err();
    assert_eq!(error.class, Class::TimedOut);
    let error = read(&host, whole("single")).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.class), ("leader-not-available", Class::Unavailable));
    assert!(began.elapsed() < SOON);
    host.start(Node::Broker(2)).await;
    assert_eq!(read(&host, whole("single")).await.unwrap(), ["kept"]);
}

#[tokio::test]
async fn the_last_in_sync_leads_again_or_unclean_ones_do() {
    let host = Host::up_with(2).await;
    host.create("safe", Some(1), Some(2)).await;
    let unclean = [("unclean.leader.election.enable", "true")];
    host.create_with("unsafe", Some(1), Some(2), &unclean).await;
    host.lose(1).await;
    for topic in ["safe", "unsafe"] {
        host.send(topic, 0, "late").await.unwrap();
    }
    host.kill(Node::Broker(2)).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    // Only one that has missed a record is up.
    host.start(Node::Broker(1)).await;
    assert!(host.topic("safe").await.partitions[0].is_offline());
    let partition = host.topic("unsafe").await.partitions[0].clone();
    assert_eq!((partition.leader, partition.isr), (Some(1), vec![1]));
    host.start(Node::Broker(2)).await;
    let partition = host.topic("safe").await.partitions[0].clone();
    assert!(partition.leader == Some(2) && partition.isr.len() == 2, "{partition:?}");
    assert_eq!(read(&host, whole("safe")).await.unwrap(), ["late"]);
    assert!(read(&host, whole("unsafe")).await.unwrap().is_empty(), "as it was warned of");
}

#[tokio::test]
async fn records_and_offsets_outlive_a_stop() {
    let host = Host::up_with(3).await;
    host.create("t", Some(1), Some(3)).await;
    host.send("t", 0, "a").await.unwrap();
    let grouped =
        || ConsumeOptions { from: From::Committed, group: Some("g".into()), ..whole("t") };
    let mut consumer = host.records().consumer(grouped()).await.unwrap();
    assert_eq!(read_on(&mut *consumer).await.unwrap(), ["a"]);
    consumer.commit().await.unwrap();
    consumer.close().await.unwrap();
    let id = host.admin().cluster().await.unwrap().cluster_id;
    host.stop_all().await;
    let error = host.admin().cluster().await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.class), ("unavailable", Class::Unavailable));
    host.start_all().await;
    assert_eq!(host.admin().cluster().await.unwrap().cluster_id, id);
    assert!(host.topic("t").await.partitions.iter().all(|p| p.isr.len() == 3));
    assert!(read(&host, grouped()).await.unwrap().is_empty());
    assert_eq!(read(&host, whole("t")).await.unwrap(), ["a"]);
}

#[tokio::test]
async fn a_wiped_zookeeper_makes_another_cluster() {
    let host = Host::up_with(1).await;
    let (rehearsal, spec) = (&host.rehearsal, &host.spec);
    host.stop_all().await;
    let running = rehearsal.node(spec, Node::ZooKeeper).await.unwrap();
    assert!(!running.data[0].empty);
    rehearsal.wipe(spec, Node::ZooKeeper).await.unwrap();
    let wiped = rehearsal.node(spec, Node::ZooKeeper).await.unwrap();
    assert!(wiped.data[0].exists && wiped.data[0].empty);
    host.start(Node::ZooKeeper).await;
    rehearsal.start(spec, Node::Broker(1)).await.unwrap();
    let facts = rehearsal.node(spec, Node::Broker(1)).await.unwrap();
    assert!(!facts.process.is_alive() && facts.data[0].cluster_id.is_some());
    let log = rehearsal.log_tail(spec, Node::Broker(1), 9).await.unwrap().join("\n");
    assert!(log.contains("Invalid cluster.id in: "), "{log}");
    rehearsal.wipe(spec, Node::Broker(1)).await.unwrap();
    host.start(Node::Broker(1)).await;
}

#[tokio::test]
async fn a_wiped_broker_fetches_from_the_others() {
    let host = Host::up_with(2).await;
    host.create("t", Some(1), Some(2)).await;
    host.send("t", 0, "a").await.unwrap();
    host.stop(Node::Broker(2)).await;
    host.rehearsal.wipe(&host.spec, Node::Broker(2)).await.unwrap();
    host.start(Node::Broker(2)).await;
    host.lose(1).await;
    assert_eq!(read(&host, whole("t")).await.unwrap(), ["a"]);
}

#[tokio::test]
async fn data_moves_aside_and_back_as_one() {
    let host = Host::up_with(2).await;
    let (rehearsal, spec) = (&host.rehearsal, &host.spec);
    host.create("t", Some(1), Some(2)).await;
    host.send("t", 0, "a").await.unwrap();
    let error = rehearsal.archive(spec, "x").await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.class), ("still-running", Class::Refused));
    host.stop_all().await;
    let unit = rehearsal.archive(spec, "A reset!").await.unwrap();
    assert!(unit.ends_with("Z-a-reset"), "{unit}");
    for node in spec.nodes() {
        let facts = rehearsal.node(spec, node).await.unwrap();
        assert!(facts.data[0].empty && !facts.data[0].exists && !facts.properties.is_empty());
    }
    host.start_all().await;
    assert!(host.admin().topics(None).await.unwrap().is_empty());
    host.stop_all().await;
    let error = rehearsal.restore(spec, &unit).await.unwrap_err();
    assert_eq!(error.code, "data-present");
    let other = rehearsal.archive(spec, "a reset").await.unwrap();
    assert_eq!(rehearsal.archives(spec).await.unwrap(), [unit.clone(), other.clone()]);
    rehearsal.restore(spec, &unit).await.unwrap();
    assert_eq!(rehearsal.archives(spec).await.unwrap(), [other]);
    host.start_all().await;
    assert_eq!(read(&host, whole("t")).await.unwrap(), ["a"]);
    host.stop_all().await;
    rehearsal.destroy(spec, false).await.unwrap();
    assert_eq!(rehearsal.archives(spec).await.unwrap().len(), 1);
    let facts = rehearsal.node(spec, Node::Broker(1)).await.unwrap();
    assert!(facts.properties.is_empty() && !facts.data[0].exists);
    rehearsal.destroy(spec, true).await.unwrap();
    assert!(rehearsal.archives(spec).await.unwrap().is_empty());
    let error = rehearsal.restore(spec, &unit).await.unwrap_err();
    assert_eq!(error.code, "archive-not-found");
}

#[tokio::test]
async fn without_zookeeper_records_flow_and_nothing_is_ordered() {
    let host = Host::up_with(2).await;
    host.create("t", Some(1), Some(2)).await;
    host.kill(Node::ZooKeeper).await;
    host.send("t", 0, "a").await.unwrap();
    let error = host.admin().delete_topics(&["t".to_string()]).await.unwrap_err();
    assert_eq!(error.class, Class::Unavailable);
    // A broker that dies now is noticed when ZooKeeper is back.
    host.kill(Node::Broker(2)).await;
    host.start(Node::ZooKeeper).await;
    host.until(|view| view.brokers.len() == 1).await;
    assert_eq!(read(&host, whole("t")).await.unwrap(), ["a"]);
}

#[tokio::test]
async fn a_reader_is_woken_and_told_of_a_topic_that_goes() {
    let host = Host::up_with(1).await;
    host.create("t", Some(1), Some(1)).await;
    let follow = ConsumeOptions { to: To::Never, ..whole("t") };
    let mut consumer = host.records().consumer(follow).await.unwrap();
    let began = Instant::now();
    let (fetched, ()) = tokio::join!(consumer.next(10, SOON), async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        host.send("t", 0, "a").await.unwrap();
    });
    assert!(fetched.unwrap().batch.len() == 1 && began.elapsed() < SOON / 2);
    host.admin().delete_topics(&["t".to_string()]).await.unwrap();
    let error = consumer.next(10, SOON).await.map(|_| ()).unwrap_err();
    assert_eq!((error.code.as_ref(), error.class), ("topic-not-found", Class::NotFound));
}
