//! The ports tried by hand against a real cluster, with the time that each call takes:
//! `cargo run -p kafsh-kafka --example ports -- 127.0.0.1:9092 topics`.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafsh_kafka::KafkaConnector;
use kafsh_model::Result;
use kafsh_model::config::ConfigResource;
use kafsh_model::port::{Connector, ConsumeOptions, From, Target, To};
use kafsh_model::record::{RecordBatch, RecordView};
use kafsh_model::topic::TopicSpec;

const USAGE: &str = "BOOTSTRAP cluster|topics|probe ADDRESS|everywhere TOPIC|create TOPIC N RF|\
    delete TOPIC|configs TOPIC|groups|group NAME|committed NAME|produce TOPIC [LINES]|\
    consume TOPIC [N] [GROUP]|zookeeper ADDRESS PATH";

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let began = Instant::now();
    let result = match words.as_slice() {
        [bootstrap, rest @ ..] if !rest.is_empty() => run(bootstrap, rest).await,
        _ => {
            eprintln!("{USAGE}");
            std::process::exit(2);
        }
    };
    eprintln!("{:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    if let Err(error) = result {
        eprintln!("{error:#?}");
        std::process::exit(i32::from(error.class.exit_status()));
    }
}

async fn run(bootstrap: &str, words: &[&str]) -> Result<()> {
    let client = std::env::var("CLIENT").unwrap_or_default();
    let client = client.split_whitespace().filter_map(|pair| pair.split_once('='));
    let target = Target {
        bootstrap: bootstrap.split(',').map(str::to_string).collect(),
        zookeeper: None,
        client: client.map(|(key, value)| (key.to_string(), value.to_string())).collect(),
        timeout: Duration::from_secs(5),
    };
    let connector = KafkaConnector::new();
    let admin = connector.admin(&target)?;
    match words {
        ["cluster"] => println!("{:#?}", admin.cluster().await?),
        ["topics"] => {
            let cluster = admin.cluster().await?;
            let topics = admin.topics(None).await?;
            println!("{} brokers, {} topics", cluster.brokers.len(), topics.len());
        }
        ["topic", name] => println!("{:#?}", admin.topics(Some(&[name.to_string()])).await?),
        ["probe", address] => {
            println!("{:?}", admin.probe(address, Duration::from_secs(2)).await?);
        }
        ["everywhere", name] => {
            println!("{:?}", admin.topics_on_every_broker(&[name.to_string()]).await?);
        }
        ["create", name, partitions, factor] => {
            let spec = TopicSpec {
                name: name.to_string(),
                partitions: partitions.parse().ok(),
                replication_factor: factor.parse().ok(),
                assignments: Vec::new(),
                configs: Default::default(),
            };
            println!("{:#?}", admin.create_topics(&[spec], false).await?);
        }
        ["delete", name] => println!("{:#?}", admin.delete_topics(&[name.to_string()]).await?),
        ["configs", name] => {
            let resource = match name.parse() {
                Ok(id) => ConfigResource::Broker(id),
                Err(_) => ConfigResource::Topic(name.to_string()),
            };
            for entry in &admin.describe_configs(&[resource]).await?[0].1 {
                println!("{entry:?}");
            }
        }
        ["groups"] => println!("{:#?}", admin.list_groups().await?),
        ["group", name] => println!("{:#?}", admin.describe_group(name).await?),
        ["committed", name] => println!("{:#?}", admin.committed_offsets(name).await?),
        ["produce", topic, count @ ..] => produce(&target, topic, count).await?,
        ["consume", topic, rest @ ..] => consume(&target, topic, rest).await?,
        ["zookeeper", address, path] => {
            let zookeeper = connector.zookeeper(address)?;
            println!("{:?}", zookeeper.status(Duration::from_secs(2)).await?);
            println!("{:?}", zookeeper.get(path).await?);
            println!("{:?}", zookeeper.children(path).await?);
        }
        _ => eprintln!("{USAGE}"),
    }
    Ok(())
}

async fn produce(target: &Target, topic: &str, count: &[&str]) -> Result<()> {
    let producer = KafkaConnector::new().records(target)?.producer()?;
    let mut lines: Vec<Vec<u8>> = Vec::new();
    match count {
        [count] => {
            let line = vec![b'x'; 100];
            lines.resize(count.parse().unwrap_or(1), line);
        }
        _ => lines.extend(std::io::stdin().lock().split(b'\n').map_while(std::result::Result::ok)),
    }
    for lines in lines.chunks(10_000) {
        let mut batch = RecordBatch::new();
        for line in lines {
            assert!(batch.push(RecordView::new(topic, None, Some(line))));
        }
        let began = Instant::now();
        let deliveries = producer.send(&batch).await?;
        let failed = deliveries.iter().filter(|delivery| delivery.is_err()).count();
        let elapsed = began.elapsed().as_secs_f64() * 1e3;
        eprintln!("{} sent, {failed} failed, {elapsed:.1} ms", deliveries.len());
        if let Some(Err(error)) = deliveries.into_iter().find(std::result::Result::is_err) {
            return Err(error);
        }
    }
    Ok(())
}

async fn consume(target: &Target, topic: &str, rest: &[&str]) -> Result<()> {
    let records = KafkaConnector::new().records(target)?;
    let count: Option<u64> = rest.first().and_then(|count| count.parse().ok());
    let options = ConsumeOptions {
        topics: vec![topic.to_string()],
        partitions: Vec::new(),
        from: if rest.len() > 1 { From::Committed } else { From::Earliest },
        to: To::End,
        group: rest.get(1).map(ToString::to_string),
        count_hint: count,
        starts: Vec::new(),
    };
    let mut consumer = records.consumer(options).await?;
    let (mut seen, mut bytes) = (0_u64, 0_usize);
    let out = Arc::new(std::io::stdout());
    loop {
        let wanted = count.map_or(10_000, |count| (count - seen).min(10_000) as usize);
        let fetched = consumer.next(wanted, Duration::from_secs(1)).await?;
        seen += fetched.batch.len() as u64;
        bytes += fetched.batch.bytes();
        if count.is_some() {
            for record in fetched.batch.iter() {
                // A closed pipe ends the listing, not the program.
                let _ = out.lock().write_all(record.value.unwrap_or_default());
                let _ = out.lock().write_all(b"\n");
            }
        }
        if fetched.finished || count.is_some_and(|count| seen >= count) {
            break;
        }
    }
    consumer.commit().await?;
    let began = Instant::now();
    consumer.close().await?;
    eprintln!("{seen} records, {bytes} bytes, closed in {:?}", began.elapsed());
    Ok(())
}
