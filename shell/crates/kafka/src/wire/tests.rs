//! The client against scripted brokers: negotiation, routing, and everything that goes wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::describe_groups_response::DescribedGroup;
use kafka_protocol::messages::describe_log_dirs_response::DescribeLogDirsResult;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::metadata_response::{
    MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, CreateTopicsRequest, CreateTopicsResponse, DescribeGroupsResponse,
    DescribeLogDirsResponse, FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest,
};
use kafka_protocol::protocol::StrBytes;
use kafsh_model::Class;
use kafsh_model::config::{ConfigChange, ConfigResource};
use kafsh_model::port::{Admin, Target};
use kafsh_model::topic::TopicSpec;

use super::fake::{Answer, Call, FakeBroker, body, cluster, metadata, versions};
use crate::admin::KafkaAdmin;

/// Writes in one piece.
const WHOLE: usize = usize::MAX;

fn admin(brokers: &[&FakeBroker], timeout_ms: u64) -> Arc<KafkaAdmin> {
    let addresses = brokers.iter().map(|broker| broker.address.clone()).collect();
    admin_at(addresses, timeout_ms)
}

fn admin_at(bootstrap: Vec<String>, timeout_ms: u64) -> Arc<KafkaAdmin> {
    let timeout = Duration::from_millis(timeout_ms);
    let target = Target { bootstrap, zookeeper: None, client: Vec::new(), timeout };
    KafkaAdmin::new(&target).unwrap()
}

fn spec(name: &str) -> TopicSpec {
    TopicSpec {
        name: name.into(),
        partitions: None,
        replication_factor: None,
        assignments: Vec::new(),
        configs: Default::default(),
    }
}

/// ApiVersions and Metadata of one broker that is its own controller.
fn alone(call: &Call) -> Answer {
    match call.api {
        ApiKey::ApiVersions => versions(call.version, &[]),
        ApiKey::Metadata => cluster(call.version, &[(1, 9092)], 1),
        other => panic!("{other:?} was not expected"),
    }
}

/// A port on which nothing listens.
async fn closed_port() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn one_round_trip_each_for_versions_and_metadata() {
    let broker = FakeBroker::start(WHOLE, alone).await;
    let admin = admin(&[&broker], 2_000);
    for _ in 0..3 {
        assert_eq!(admin.cluster().await.unwrap().controller, Some(1));
    }
    assert_eq!(broker.count(ApiKey::ApiVersions), 1, "the connection is kept");
    assert_eq!(broker.count(ApiKey::Metadata), 3);
}

#[tokio::test]
async fn the_newest_common_version_is_used() {
    for (low, high, expected) in [(0, 9, 9), (9, 99, 13), (0, 4, 4)] {
        let broker = FakeBroker::start(WHOLE, move |call| match call.api {
            ApiKey::ApiVersions => versions(call.version, &[(ApiKey::Metadata, low, high)]),
            _ => alone(call),
        })
        .await;
        admin(&[&broker], 2_000).cluster().await.unwrap();
        assert_eq!(broker.seen().last(), Some(&(ApiKey::Metadata, expected)));
    }
}

#[tokio::test]
async fn no_common_version_is_said_with_both_ranges() {
    let broker = FakeBroker::start(WHOLE, |call| match call.api {
        ApiKey::ApiVersions => versions(call.version, &[(ApiKey::Metadata, 77, 78)]),
        _ => alone(call),
    })
    .await;
    let error = admin(&[&broker], 2_000).cluster().await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.class), ("unsupported-version", Class::Failed));
    assert!(error.evidence[0].contains("77 to 78"), "{error:?}");
}

#[tokio::test]
async fn an_old_broker_is_asked_for_its_versions_in_version_0() {
    let broker = FakeBroker::start(WHOLE, |call| match (call.api, call.version) {
        (ApiKey::ApiVersions, 1..) => body(&ApiVersionsResponse::default().with_error_code(35), 0),
        (ApiKey::ApiVersions, _) => versions(0, &[(ApiKey::Metadata, 0, 5)]),
        _ => alone(call),
    })
    .await;
    admin(&[&broker], 2_000).cluster().await.unwrap();
    let seen = broker.seen();
    assert_eq!(seen[1..], [(ApiKey::ApiVersions, 0), (ApiKey::Metadata, 5)]);
}

#[tokio::test]
async fn answers_may_come_byte_by_byte() {
    let broker = FakeBroker::start(7, |call| match call.api {
        ApiKey::ApiVersions => versions(call.version, &[]),
        _ => alone(call),
    })
    .await;
    assert_eq!(admin(&[&broker], 5_000).cluster().await.unwrap().brokers.len(), 1);
}

#[tokio::test]
async fn silence_ends_at_the_deadline_and_the_next_call_connects_anew() {
    let calls = AtomicUsize::new(0);
    let broker = FakeBroker::start(WHOLE, move |call| match call.api {
        ApiKey::Metadata if calls.fetch_add(1, Ordering::SeqCst) == 0 => Answer::Silence,
        _ => alone(call),
    })
    .await;
    let admin = admin(&[&broker], 150);
    let began = Instant::now();
    let error = admin.cluster().await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!((error.code.as_ref(), error.class), ("unavailable", Class::Unavailable));
    assert!(error.evidence[0].contains("no answer to Metadata"), "{error:?}");
    assert!(admin.cluster().await.is_ok());
}

/// The request was sent: nobody knows whether the topic is there now.
#[tokio::test]
async fn another_is_asked_where_a_broker_hangs_and_first_from_then_on() {
    let hanging = FakeBroker::start(WHOLE, |call| match call.api {
        ApiKey::ApiVersions => versions(call.version, &[]),
        _ => Answer::Silence,
    })
    .await;
    let other = FakeBroker::start(WHOLE, alone).await;
    // Far above what a look at another takes.
    let admin = admin(&[&hanging, &other], 60_000);
    let began = Instant::now();
    admin.cluster().await.unwrap();
    admin.cluster().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(hanging.count(ApiKey::Metadata), 1, "it owes an answer");
    assert_eq!(other.count(ApiKey::Metadata), 2);
}

#[tokio::test]
async fn a_late_answer_counts_where_nobody_else_is_there() {
    let broker = FakeBroker::start(WHOLE, |call| match call.api {
        ApiKey::Metadata => Answer::Late(Duration::from_millis(900), Box::new(alone(call))),
        _ => alone(call),
    })
    .await;
    let closed = closed_port().await;
    let admin = admin_at(vec![broker.address.clone(), closed], 60_000);
    assert_eq!(admin.cluster().await.unwrap().controller, Some(1));
    assert_eq!(broker.count(ApiKey::Metadata), 1, "asked once, and waited for");
}

#[tokio::test]
async fn a_change_that_is_not_answered_may_have_been_done() {
    for answer in [|| Answer::Silence, || Answer::Close] {
        let port = Arc::new(AtomicI32::new(0));
        let known = port.clone();
        let broker = FakeBroker::start(WHOLE, move |call| match call.api {
            ApiKey::Metadata => cluster(call.version, &[(1, known.load(Ordering::SeqCst))], 1),
            ApiKey::CreateTopics | ApiKey::IncrementalAlterConfigs => answer(),
            _ => alone(call),
        })
        .await;
        port.store(broker.port, Ordering::SeqCst);
        let admin = admin(&[&broker], 300);
        let error = admin.create_topics(&[spec("orders")], false).await.unwrap_err();
        assert_eq!(error.code, "outcome-unknown", "{error:?}");
        assert_eq!(broker.count(ApiKey::CreateTopics), 1, "not asked again");
        let broker_1 = ConfigResource::Broker(1);
        let change = ConfigChange::Unset { key: "log.cleaner.threads".to_string() };
        let error = admin.alter_configs(&broker_1, &[change], false).await.unwrap_err();
        assert_eq!(error.code, "outcome-unknown", "{error:?}");
    }
}

#[tokio::test]
async fn what_is_not_kafka_is_named_so() {
    let broker = FakeBroker::start(WHOLE, |_| {
        Answer::Raw(Bytes::from_static(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    })
    .await;
    let error = admin(&[&broker], 2_000).cluster().await.unwrap_err();
    assert_eq!(error.code, "not-kafka");
    assert!(error.evidence[0].contains("1213486160 bytes"), "{error:?}");
    let broker =
        FakeBroker::start(WHOLE, |_| Answer::Raw(Bytes::from_static(b"\0\0\0\x02hi"))).await;
    assert_eq!(admin(&[&broker], 2_000).cluster().await.unwrap_err().code, "not-kafka");
}

#[tokio::test]
async fn all_addresses_are_tried_and_named_when_none_answers() {
    let broker = FakeBroker::start(WHOLE, alone).await;
    let first = closed_port().await;
    let good = admin_at(vec![first.clone(), broker.address.clone()], 2_000);
    assert!(good.cluster().await.is_ok());

    // One that is silent does not hold up the next.
    let silent = FakeBroker::start(WHOLE, |_| Answer::Silence).await;
    let began = Instant::now();
    assert!(admin(&[&silent, &broker], 3_000).cluster().await.is_ok());
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());

    let second = closed_port().await;
    let error = admin_at(vec![first.clone(), second.clone()], 500).cluster().await.unwrap_err();
    assert_eq!(error.class, Class::Unavailable);
    for address in [&first, &second] {
        assert!(error.evidence.iter().any(|line| line.contains(address.as_str())), "{error:?}");
    }
    let error = admin_at(vec![silent.address.clone(), first], 300).cluster().await.unwrap_err();
    assert_eq!(error.evidence.len(), 2, "{error:?}");
}

#[tokio::test]
async fn a_closed_connection_is_replaced() {
    let calls = AtomicUsize::new(0);
    let broker = FakeBroker::start(WHOLE, move |call| match call.api {
        ApiKey::Metadata if calls.fetch_add(1, Ordering::SeqCst) == 1 => Answer::Close,
        _ => alone(call),
    })
    .await;
    let admin = admin(&[&broker], 2_000);
    for _ in 0..3 {
        admin.cluster().await.unwrap();
    }
    assert_eq!(broker.count(ApiKey::ApiVersions), 2);
}

#[tokio::test]
async fn creation_follows_the_controller() {
    // Both brokers name the controller that `truth` holds; the old one says that it is not.
    let truth = Arc::new(AtomicI32::new(1));
    let ports: Arc<[AtomicI32; 2]> = Arc::default();
    let mut brokers = Vec::new();
    for id in [1, 2] {
        let (truth, known) = (truth.clone(), ports.clone());
        let script = move |call: &Call| match call.api {
            ApiKey::ApiVersions => versions(call.version, &[]),
            ApiKey::Metadata => {
                let port = |index: usize| known[index].load(Ordering::SeqCst);
                cluster(call.version, &[(1, port(0)), (2, port(1))], truth.load(Ordering::SeqCst))
            }
            ApiKey::CreateTopics => {
                let request: CreateTopicsRequest = call.read();
                // The controller moves while the request is under way.
                let code = if id == 2 { 0 } else { 41 };
                truth.store(2, Ordering::SeqCst);
                let result = CreatableTopicResult::default()
                    .with_name(request.topics[0].name.clone())
                    .with_error_code(code);
                body(&CreateTopicsResponse::default().with_topics(vec![result]), call.version)
            }
            other => panic!("{other:?} was not expected"),
        };
        let broker = FakeBroker::start(WHOLE, script).await;
        ports[id as usize - 1].store(broker.port, Ordering::SeqCst);
        brokers.push(broker);
    }
    let admin = admin(&[&brokers[0], &brokers[1]], 3_000);
    let results = admin.create_topics(&[spec("orders")], false).await.unwrap();
    assert_eq!(results, [("orders".to_string(), Ok(spec("orders")))]);
    assert_eq!(brokers[0].count(ApiKey::CreateTopics), 1);
    assert_eq!(brokers[1].count(ApiKey::CreateTopics), 1);
}

#[tokio::test]
async fn no_controller_is_waited_for_and_then_said() {
    let broker = FakeBroker::start(WHOLE, |call| match call.api {
        ApiKey::Metadata => cluster(call.version, &[(1, 9092)], -1),
        _ => alone(call),
    })
    .await;
    let error = admin(&[&broker], 400).create_topics(&[spec("orders")], false).await.unwrap_err();
    assert_eq!(error.class, Class::Unavailable);
    assert!(broker.count(ApiKey::Metadata) > 2, "asked again");
}

#[tokio::test]
async fn a_change_is_not_repeated_when_its_outcome_is_unknown() {
    let port = Arc::new(AtomicI32::new(0));
    let of_script = port.clone();
    let broker = FakeBroker::start(WHOLE, move |call| match call.api {
        ApiKey::Metadata => cluster(call.version, &[(1, of_script.load(Ordering::SeqCst))], 1),
        ApiKey::CreateTopics => Answer::Close,
        _ => alone(call),
    })
    .await;
    port.store(broker.port, Ordering::SeqCst);
    let error = admin(&[&broker], 2_000).create_topics(&[spec("orders")], false).await.unwrap_err();
    assert_eq!(error.code, "outcome-unknown");
    assert_eq!(broker.count(ApiKey::CreateTopics), 1);
}

#[tokio::test]
async fn many_topics_are_asked_for_in_several_requests_and_keep_their_results() {
    let port = Arc::new(AtomicI32::new(0));
    let asked: Arc<std::sync::Mutex<Vec<usize>>> = Arc::default();
    let (of_script, counts) = (port.clone(), asked.clone());
    let broker = FakeBroker::start(WHOLE, move |call| match call.api {
        ApiKey::Metadata => cluster(call.version, &[(1, of_script.load(Ordering::SeqCst))], 1),
        ApiKey::CreateTopics => {
            let request: CreateTopicsRequest = call.read();
            let mut counts = counts.lock().unwrap();
            counts.push(request.topics.len());
            if counts.len() == 4 {
                return Answer::Close;
            }
            let made = |topic: &CreatableTopic| {
                let code = if &*topic.name.0 == "t150" { 36 } else { 0 };
                CreatableTopicResult::default().with_name(topic.name.clone()).with_error_code(code)
            };
            let results = request.topics.iter().map(made).collect();
            body(&CreateTopicsResponse::default().with_topics(results), call.version)
        }
        _ => alone(call),
    })
    .await;
    port.store(broker.port, Ordering::SeqCst);
    let mut specs: Vec<TopicSpec> = (0..330).map(|at| spec(&format!("t{at}"))).collect();
    specs[205].partitions = Some(990);
    let admin = admin(&[&broker], 2_000);
    let results = admin.create_topics(&specs, false).await.unwrap();
    // The third: 990 partitions and ten topics of one. The fourth is not answered.
    assert_eq!(*asked.lock().unwrap(), [100, 100, 11, 100]);
    let names: Vec<&str> = results.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, specs.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>());
    let failed = |at: usize| results[at].1.as_ref().err().map(|error| error.code.to_string());
    assert_eq!(failed(150).as_deref(), Some("topic-exists"));
    let lost = |code: &str| -> Vec<usize> {
        (0..330).filter(|at| failed(*at).as_deref() == Some(code)).collect()
    };
    assert_eq!(lost("outcome-unknown"), (211..311).collect::<Vec<_>>());
    assert_eq!(lost("not-tried"), (311..330).collect::<Vec<_>>());
    assert_eq!((0..330).filter(|at| failed(*at).is_some()).count(), 1 + 100 + 19);
}

/// Metadata of one topic: known here, or not.
fn one_topic(version: i16, brokers: &[(i32, i32)], name: &str, known: bool) -> Answer {
    let partition = MetadataResponsePartition::default()
        .with_leader_id(1.into())
        .with_replica_nodes(vec![1.into()])
        .with_isr_nodes(vec![1.into()]);
    let topic = MetadataResponseTopic::default()
        .with_name(Some(StrBytes::from_string(name.to_string()).into()))
        .with_error_code(if known { 0 } else { 3 })
        .with_partitions(if known { vec![partition] } else { Vec::new() });
    body(&metadata(brokers, 1).with_topics(vec![topic]), version)
}

#[tokio::test]
async fn a_topic_that_only_some_brokers_know_yet_is_found() {
    let ports: Arc<[AtomicI32; 2]> = Arc::default();
    let mut brokers = Vec::new();
    for id in [1, 2] {
        let known = ports.clone();
        let script = move |call: &Call| match call.api {
            ApiKey::ApiVersions => versions(call.version, &[]),
            _ => {
                let port = |index: usize| known[index].load(Ordering::SeqCst);
                let all = [(1, port(0)), (2, port(1))];
                let request: MetadataRequest = call.read();
                let names = request.topics.unwrap_or_default();
                match names.first().and_then(|topic| topic.name.as_ref()) {
                    None => cluster(call.version, &all, 1),
                    Some(name) => {
                        let here = id == 2 && &*name.0 == "new";
                        one_topic(call.version, &all, &name.0, here)
                    }
                }
            }
        };
        let broker = FakeBroker::start(WHOLE, script).await;
        ports[id as usize - 1].store(broker.port, Ordering::SeqCst);
        brokers.push(broker);
    }
    let admin = admin(&[&brokers[0]], 3_000);
    let topics = admin.topics(Some(&["new".to_string()])).await.unwrap();
    assert_eq!((topics.len(), topics[0].name.as_str()), (1, "new"));
    let error = admin.topics(Some(&["none".to_string()])).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.class), ("topic-not-found", Class::NotFound));
    let seen = admin.topics_on_every_broker(&["new".to_string()]).await.unwrap();
    assert_eq!(seen.iter().map(|(id, t)| (*id, t.len())).collect::<Vec<_>>(), [(1, 0), (2, 1)]);
}

#[tokio::test]
async fn groups_follow_their_coordinator() {
    let port = Arc::new(AtomicI32::new(0));
    let (of_script, asked) = (port.clone(), AtomicUsize::new(0));
    let described = AtomicUsize::new(0);
    let broker = FakeBroker::start(WHOLE, move |call| match call.api {
        ApiKey::Metadata => cluster(call.version, &[(1, of_script.load(Ordering::SeqCst))], 1),
        ApiKey::FindCoordinator => {
            let request: FindCoordinatorRequest = call.read();
            assert_eq!(&*request.coordinator_keys[0], "g");
            // First `__consumer_offsets` is just being made.
            let code = if asked.fetch_add(1, Ordering::SeqCst) == 0 { 15 } else { 0 };
            let found = Coordinator::default().with_node_id(1.into()).with_error_code(code);
            let response = FindCoordinatorResponse::default().with_coordinators(vec![found]);
            body(&response, call.version)
        }
        ApiKey::DescribeGroups => {
            // Then the coordinator moves, then it loads.
            let code = [16, 14, 0][described.fetch_add(1, Ordering::SeqCst).min(2)];
            let group = DescribedGroup::default()
                .with_error_code(code)
                .with_group_state(StrBytes::from_static_str("Empty"));
            body(&DescribeGroupsResponse::default().with_groups(vec![group]), call.version)
        }
        _ => alone(call),
    })
    .await;
    port.store(broker.port, Ordering::SeqCst);
    let group = admin(&[&broker], 3_000).describe_group("g").await.unwrap();
    assert_eq!((group.state.as_str(), group.coordinator), ("Empty", Some(1)));
    assert_eq!(broker.count(ApiKey::FindCoordinator), 4);
    assert_eq!(broker.count(ApiKey::DescribeGroups), 3);
}

#[tokio::test]
async fn a_probe_tells_refused_silent_and_not_ready_apart() {
    let soon = Duration::from_millis(150);
    let silent = FakeBroker::start(WHOLE, |_| Answer::Silence).await;
    let lonely = FakeBroker::start(WHOLE, |call| match call.api {
        ApiKey::Metadata => cluster(call.version, &[], -1),
        _ => alone(call),
    })
    .await;
    let ready = FakeBroker::start(WHOLE, alone).await;
    let admin = admin(&[&ready], 1_000);
    assert!(admin.probe(&ready.address, soon).await.is_ok());
    let refused = closed_port().await;
    let cases = [
        (&refused, "nothing listens"),
        (&silent.address, "silent"),
        (&lonely.address, "not ready"),
    ];
    for (address, word) in cases {
        let error = admin.probe(address, soon).await.unwrap_err();
        assert_eq!(error.code, "unavailable");
        assert!(error.message.contains(word), "{error:?}");
    }
}

#[tokio::test]
async fn metadata_never_asks_for_topics_to_be_created() {
    let broker = FakeBroker::start(WHOLE, |call| {
        if call.api == ApiKey::Metadata {
            let request: MetadataRequest = call.read();
            assert!(!request.allow_auto_topic_creation);
            assert_eq!(request.topics.map(|topics| topics.len()), Some(0));
        }
        alone(call)
    })
    .await;
    admin(&[&broker], 2_000).cluster().await.unwrap();
}

#[tokio::test]
async fn targets_that_cannot_be_right_are_refused_at_once() {
    let target = |bootstrap: &[&str], client: &[(&str, &str)]| Target {
        bootstrap: bootstrap.iter().map(ToString::to_string).collect(),
        zookeeper: None,
        client: client.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
        timeout: Duration::from_secs(1),
    };
    let code = |target: &Target| KafkaAdmin::new(target).err().map(|error| error.code);
    assert_eq!(code(&target(&[], &[])).as_deref(), Some("no-bootstrap"));
    for bad in ["localhost", ":9092", "localhost:", "localhost:0", "localhost:99999"] {
        assert_eq!(code(&target(&[bad], &[])).as_deref(), Some("bad-address"), "{bad}");
    }
    let secure = [("security.protocol", "SASL_SSL")];
    assert_eq!(code(&target(&["h:1"], &secure)).as_deref(), Some("unsupported-security"));
    assert_eq!(code(&target(&["h:1"], &[("security.protocol", "plaintext")])), None);
}

fn one_folder(version: i16) -> Answer {
    let folder = DescribeLogDirsResult::default().with_log_dir(StrBytes::from_static_str("/data"));
    body(&DescribeLogDirsResponse::default().with_results(vec![folder]), version)
}

#[tokio::test]
async fn log_folders_of_the_others_are_told_where_a_broker_hangs() {
    let hangs = FakeBroker::start(WHOLE, |call| match call.api {
        ApiKey::DescribeLogDirs => Answer::Silence,
        _ => alone(call),
    })
    .await;
    let silent = hangs.port;
    let ports = Arc::new(AtomicI32::new(0));
    let own = ports.clone();
    let tells = FakeBroker::start(WHOLE, move |call| match call.api {
        ApiKey::DescribeLogDirs => one_folder(call.version),
        ApiKey::Metadata => {
            cluster(call.version, &[(1, own.load(Ordering::SeqCst)), (2, silent)], 1)
        }
        _ => alone(call),
    })
    .await;
    ports.store(tells.port, Ordering::SeqCst);
    let began = Instant::now();
    let told = admin(&[&tells], 10_000).log_dirs(None, Duration::from_millis(300)).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let [(1, Ok(folders)), (2, Err(error))] = &told[..] else { panic!("{told:?}") };
    assert_eq!((folders[0].path.as_str(), folders[0].total_bytes), ("/data", None));
    assert_eq!(error.class, Class::Unavailable, "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_less_for_log_folders_takes_nothing_from_others() {
    let port = Arc::new(AtomicI32::new(0));
    let own = port.clone();
    let broker = FakeBroker::start(WHOLE, move |call| match call.api {
        ApiKey::DescribeLogDirs => {
            std::thread::sleep(Duration::from_millis(500));
            one_folder(call.version)
        }
        ApiKey::Metadata => cluster(call.version, &[(1, own.load(Ordering::SeqCst))], 1),
        _ => alone(call),
    })
    .await;
    port.store(broker.port, Ordering::SeqCst);
    let admin = admin(&[&broker], 10_000);
    admin.cluster().await.unwrap();
    let late = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        // Behind the slow one on the same connection, when that is given up.
        admin.cluster().await
    };
    let (told, seen) = tokio::join!(admin.log_dirs(None, Duration::from_millis(200)), late);
    assert!(told.unwrap()[0].1.is_err(), "it was not waited for");
    assert_eq!(seen.unwrap().controller, Some(1));
    assert_eq!(broker.count(ApiKey::ApiVersions), 1, "the connection is kept");
}
