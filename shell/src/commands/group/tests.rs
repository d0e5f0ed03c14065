//! Many groups and many partitions, in memory: what is bounded, and what is said of the rest.

use std::sync::Arc;
use std::time::Duration;

use kafsh_model::port::{Admin, Connector, ConsumeOptions, From, Records, Target, To};
use kafsh_model::record::{Headers, RecordBatch, RecordView, TimestampType};
use kafsh_model::topic::{TopicPartition, TopicSpec};
use kafsh_rehearsal::Rehearsal;
use serde_json::Value;

use super::age;
use super::list::with_lag;
use crate::flow::{Flow, Output};

/// More than are asked for together.
const GROUPS: usize = 450;

struct Ports {
    admin: Arc<dyn Admin>,
    records: Arc<dyn Records>,
}

/// One broker with a topic `t`, a record in each partition.
async fn cluster(partitions: i32) -> Ports {
    let bootstrap = vec!["127.0.0.1:9092".to_string()];
    let rehearsal = Rehearsal::new();
    rehearsal.attach_ready(&bootstrap).unwrap();
    let timeout = Duration::from_secs(5);
    let target = Target { bootstrap, zookeeper: None, client: Vec::new(), timeout };
    let (admin, records) = (rehearsal.admin(&target).unwrap(), rehearsal.records(&target).unwrap());
    let spec = TopicSpec {
        name: "t".to_string(),
        partitions: Some(partitions),
        replication_factor: Some(1),
        assignments: Vec::new(),
        configs: Default::default(),
    };
    admin.create_topics(&[spec], false).await.unwrap().remove(0).1.unwrap();
    let mut batch = RecordBatch::default();
    for partition in 0..partitions {
        assert!(batch.push(RecordView {
            topic: "t",
            partition,
            offset: -1,
            timestamp_ms: 1_000 + i64::from(partition),
            timestamp_type: TimestampType::Create,
            key: None,
            value: Some(b"v"),
            headers: Headers::Slice(&[]),
        }));
    }
    let sent = records.producer().unwrap().send(&batch).await.unwrap();
    assert!(sent.iter().all(Result::is_ok));
    Ports { admin, records }
}

/// A group that has read `count` records of `t` and left.
async fn read(ports: &Ports, group: String, count: u64) {
    let options = ConsumeOptions {
        topics: vec!["t".to_string()],
        partitions: Vec::new(),
        from: From::Committed,
        to: To::End,
        group: Some(group),
        count_hint: Some(count),
        starts: Vec::new(),
    };
    let mut consumer = ports.records.consumer(options).await.unwrap();
    consumer.next(100, Duration::from_secs(1)).await.unwrap();
    consumer.commit().await.unwrap();
    consumer.close().await.unwrap();
}

fn rows(output: Output) -> (Vec<Value>, Vec<String>) {
    match output.flow {
        Flow::Value { value: Value::Array(rows), .. } => (rows, output.notes),
        _ => panic!("no rows"),
    }
}

#[tokio::test]
async fn the_lag_of_many_groups_is_read_in_batches_and_within_its_time() {
    let ports = cluster(3).await;
    for number in 0..GROUPS {
        read(&ports, format!("g{number:03}"), 1 + number as u64 % 3).await;
    }
    let output = with_lag(ports.admin.clone(), Duration::from_secs(60)).await.unwrap();
    let (all, notes) = rows(output);
    let lags: Vec<i64> = all.iter().map(|row| row["total_lag"].as_i64().unwrap()).collect();
    let wanted: Vec<i64> = [2, 1, 0].into_iter().flat_map(|lag| [lag; GROUPS / 3]).collect();
    assert_eq!((lags, notes), (wanted, Vec::new()), "the worst first");
    assert_eq!((&all[0]["group"], &all[0]["stuck"]), (&"g000".into(), &2.into()));
    // With no time at all, what is not known is null, and the groups are named all the same.
    let (all, notes) = rows(with_lag(ports.admin.clone(), Duration::ZERO).await.unwrap());
    assert_eq!(all.len(), GROUPS);
    assert!(all.iter().all(|row| row["total_lag"].is_null() && row["state"] == "Empty"));
    assert!(notes[0].starts_with("of 450 of 450 groups the lag is not known"), "{notes:?}");
}

#[tokio::test]
async fn first_unread_records_are_read_of_so_many_partitions() {
    let count = age::PARTITIONS_MAX + 6;
    let ports = cluster(count as i32).await;
    let place = |partition| TopicPartition { topic: "t".to_string(), partition };
    let unread = |partition: i32| (place(partition), 0, i64::from(partition) + 1);
    // Of two groups that stand at the same place, one record is read.
    let wanted = (0..count as i32).map(unread).chain([unread(9)]);
    let times = age::times(ports.records.clone(), wanted).await;
    assert_eq!(times.unknown, 6, "those with the smallest lag");
    assert_eq!(times.lag_ms(&place(5), 0, 2_000), None);
    assert_eq!(times.lag_ms(&place(6), 0, 2_000), Some(994));
    assert_eq!(times.lag_ms(&place(6), 0, 500), Some(0), "a clock that is ahead");
    // Nothing is there to be read: no time, and no wait for one.
    let times = age::times(ports.records, [(place(0), 1, 1)].into_iter()).await;
    assert_eq!((times.unknown, times.lag_ms(&place(0), 1, 2_000)), (1, None));
}
