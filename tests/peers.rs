//! What the Java tools and kcat make of what we made, and the reverse.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Ran, RealCluster, finish};

/// Longest that one run of another tool may take: a JVM on a busy machine.
const TOOL_DEADLINE: Duration = Duration::from_secs(120);

/// Longest that brokers may take to agree on what is in sync.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);

#[test]
fn other_tools_read_what_we_made_and_the_reverse() {
    let cluster = RealCluster::up("peers", 3);
    cluster.run(&["topic", "create", "t", "-p", "6", "-r", "3"]).ok();
    cluster.kafsh().stdin("k1:v1\nk2:v2\n").run(&["produce", "t", "--key-separator", ":"]).ok();
    let bootstrap = cluster.bootstrap(3);
    let read = kcat(&["-C", "-b", &bootstrap, "-t", "t", "-e", "-q", "-f", "%k=%s\n"], "");
    let mut lines: Vec<&str> = read.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["k1=v1", "k2=v2"]);
    kcat(&["-P", "-b", &bootstrap, "-t", "t", "-K", ":"], "k3:v3\n");
    cluster.run(&["consume", "t", "-f", "%k=%s\\n"]).ok().says("k3=v3");
}

/// A topic as far as `TopicCommand` tells of it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    id: String,
    replication_factor: String,
    configs: BTreeMap<String, String>,
    /// Leader, replicas and in-sync replicas of each partition
    partitions: BTreeMap<String, [String; 3]>,
}

impl Told {
    /// What `topic describe` says.
    fn by_us(topic: &Value) -> Self {
        let ids = |ids: &Value, sort: bool| {
            let mut ids: Vec<i64> =
                ids.as_array().expect("ids").iter().filter_map(Value::as_i64).collect();
            if sort {
                ids.sort_unstable();
            }
            ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        };
        let partitions = topic["partitions"].as_array().expect("partitions").iter().map(|p| {
            let leader = p["leader"].as_i64().map_or("none".to_string(), |id| id.to_string());
            let told = [leader, ids(&p["replicas"], false), ids(&p["isr"], true)];
            (p["partition"].to_string(), told)
        });
        let configs = topic["configs"].as_object().expect("configs").iter();
        let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_string);
        Told {
            id: text(&topic["id"]),
            replication_factor: topic["replication_factor"].to_string(),
            configs: configs.map(|(key, value)| (key.clone(), text(value))).collect(),
            partitions: partitions.collect(),
        }
    }

    /// What `TopicCommand --describe` says: fields between tabs, `Name: value`.
    fn by_java(text: &str) -> BTreeMap<String, Self> {
        let mut told: BTreeMap<String, Told> = BTreeMap::new();
        for line in text.lines() {
            let fields: BTreeMap<&str, &str> =
                line.trim().split('\t').filter_map(|field| field.split_once(": ")).collect();
            let Some(name) = fields.get("Topic") else { continue };
            let topic = told.entry(name.to_string()).or_default();
            let field = |name: &str| fields.get(name).unwrap_or(&"").to_string();
            if fields.contains_key("Partition") {
                let mut isr: Vec<i64> =
                    field("Isr").split(',').filter_map(|id| id.parse().ok()).collect();
                isr.sort_unstable();
                let isr: Vec<String> = isr.iter().map(ToString::to_string).collect();
                let told = [field("Leader"), field("Replicas"), isr.join(",")];
                topic.partitions.insert(field("Partition"), told);
                continue;
            }
            topic.id = field("TopicId");
            topic.replication_factor = field("ReplicationFactor");
            let mut last = None;
            for part in field("Configs").split(',').filter(|part| !part.is_empty()) {
                // A comma may be part of a value.
                match (part.split_once('='), &last) {
                    (Some((key, value)), _) => {
                        topic.configs.insert(key.to_string(), value.to_string());
                        last = Some(key.to_string());
                    }
                    (None, Some(key)) => {
                        let value = topic.configs.get_mut(key).expect("the last");
                        *value = format!("{value},{part}");
                    }
                    (None, None) => panic!("a value without a key: {line}"),
                }
            }
        }
        told
    }
}

/// Both descriptions of these topics, when they agree; fails if they never do.
fn agreed(cluster: &RealCluster, topics: &[&str]) -> BTreeMap<String, Told> {
    let end = Instant::now() + SETTLED_WITHIN;
    loop {
        let words = [&["topic", "describe"][..], topics, &["-O", "json"]].concat();
        let described = cluster.run(&words).ok().json();
        let described = described.as_array().expect("several topics").iter();
        let ours: BTreeMap<String, Told> = described
            .map(|topic| (topic["name"].as_str().expect("a name").to_string(), Told::by_us(topic)))
            .collect();
        let theirs = Told::by_java(&java_topic_command(cluster, &["--describe"]));
        if ours == theirs {
            return ours;
        }
        // What is in sync may change between the two looks, and nothing else may.
        assert!(Instant::now() < end, "ours: {ours:#?}\ntheirs: {theirs:#?}");
    }
}

/// `TOPIC/PARTITION` of each line of a description.
fn listed(text: &str) -> BTreeSet<String> {
    let told = Told::by_java(text).into_iter();
    told.flat_map(|(name, topic)| {
        topic.partitions.into_keys().map(move |partition| format!("{name}/{partition}"))
    })
    .collect()
}

#[test]
fn the_java_tool_describes_topics_as_we_do_also_when_a_broker_is_gone() {
    let cluster = RealCluster::up("described", 3);
    let create = |words: &[&str]| {
        cluster.run(&[&["topic", "create"][..], words].concat()).ok();
    };
    create(&["plain", "-p", "6", "-r", "3"]);
    let policy = ["--config", "cleanup.policy=compact,delete", "--config", "retention.ms=7d"];
    let strict = ["--config", "min.insync.replicas=3", "--config", "compression.type=zstd"];
    create(&[&["set-up", "-p", "3", "-r", "3"][..], &policy, &strict].concat());
    create(&["single", "-p", "3", "-r", "1"]);
    let topics = ["plain", "set-up", "single"];
    let whole = agreed(&cluster, &topics);
    assert_eq!(whole["set-up"].configs["cleanup.policy"], "compact,delete");
    assert_eq!(whole["set-up"].configs["retention.ms"], "604800000");
    cluster.run(&["broker", "stop", "2", "--force"]).ok();
    let ill = agreed(&cluster, &topics);
    let all = || {
        let of = |(name, told): (&String, &Told)| {
            let name = name.clone();
            let of = told.partitions.clone().into_iter();
            of.map(move |(number, told)| (format!("{name}/{number}"), told)).collect::<Vec<_>>()
        };
        ill.iter().flat_map(of)
    };
    let lacking =
        |[_, replicas, isr]: &[String; 3]| replicas.split(',').count() > isr.split(',').count();
    let under: BTreeSet<String> = all().filter(|(_, p)| lacking(p)).map(|(name, _)| name).collect();
    assert_eq!(under.len(), 9, "all that have a replica elsewhere too: {under:?}");
    let gone: BTreeSet<String> =
        all().filter(|(_, p)| p[0] == "none").map(|(name, _)| name).collect();
    assert_eq!(gone.len(), 1, "what it alone had: {gone:?}");
    let asked = |flag: &str| listed(&java_topic_command(&cluster, &["--describe", flag]));
    assert_eq!(asked("--unavailable-partitions"), gone);
    let theirs = asked("--under-replicated-partitions");
    assert_eq!(theirs, under);
    let status = cluster.run(&["cluster", "status", "-O", "json"]).ok().json();
    // Who is gone is in sync with nobody, though metadata keeps the last of an ISR for ever.
    let lacking_or_gone = theirs.union(&gone).count();
    assert_eq!(status["partitions"]["under_replicated"], lacking_or_gone, "{status}");
    assert_eq!(status["partitions"]["offline"], gone.len(), "{status}");
    let health = cluster.run(&["topic", "list", "-O", "json"]).ok().json();
    let ill = |name: &str| {
        let rows = health.as_array().expect("rows").iter();
        rows.filter(|row| row["name"] == name).all(|row| row["health"] != "healthy")
    };
    assert!(topics.iter().all(|name| ill(name)), "{health}");
    cluster.run(&["broker", "start", "2"]).ok();
    let mended = agreed(&cluster, &topics);
    assert!(mended.values().flat_map(|told| told.partitions.values()).all(|p| !lacking(p)));
}

/// Keys of every length from 0 to 40 bytes, of one byte a character to four, control characters
/// included; none has what divides the lines (tab, line feed, carriage return).
fn keys() -> Vec<String> {
    const LONGEST: usize = 40;
    const OF_EACH: usize = 80;
    const ALPHABETS: [&str; 6] = [
        "abcdefghijklmnopqrstuvwxyz0123456789-_.",
        " !\"#$%&'()*+,/:;<=>?@[\\]^`{|}~\u{1}\u{7}\u{b}\u{1b}\u{7f}",
        "\u{80}\u{9f}\u{a0}\u{ff}éüßñœаяשم",
        "€한글日本\u{fffd}\u{800}\u{ffff}ก",
        "😀🦀\u{10000}\u{10ffff}𝄞",
        "a\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}z",
    ];
    let mut state = 1_u64;
    let mut next = move |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        usize::try_from(state >> 33).expect("31 bits") % bound
    };
    let mut found = BTreeSet::new();
    for length in 0..=LONGEST {
        for index in 0..OF_EACH {
            let letters: Vec<char> = ALPHABETS[index % ALPHABETS.len()].chars().collect();
            let mut key = String::new();
            while key.len() < length {
                let letter = letters[next(letters.len())];
                // The rest in bytes of one, where the letter is too long.
                let fits = key.len() + letter.len_utf8() <= length;
                key.push(if fits { letter } else { char::from(b'A' + next(26) as u8) });
            }
            found.insert(key);
        }
    }
    found.into_iter().collect()
}

#[test]
fn keys_land_where_the_java_producer_puts_them() {
    const PARTITIONS: &str = "61";
    let cluster = RealCluster::up("keys", 1);
    for topic in ["ours", "theirs"] {
        cluster.run(&["topic", "create", topic, "-p", PARTITIONS, "-r", "1"]).ok();
    }
    let keys = keys();
    assert!(keys.len() > 2_500, "only {} keys", keys.len());
    assert!((0..=40).all(|length| keys.iter().any(|key| key.len() == length)));
    let lines: String =
        keys.iter().enumerate().map(|(index, key)| format!("{key}\t{index}\n")).collect();
    let produced = cluster.kafsh().stdin(lines.as_str());
    produced.run(&["produce", "ours", "--key-separator", "\t"]).ok();
    let bootstrap = cluster.bootstrap(1);
    let words = ["--bootstrap-server", &bootstrap, "--topic", "theirs"];
    let keyed = ["--property", "parse.key=true", "--property", "key.separator=\t"];
    java(&cluster, "kafka.tools.ConsoleProducer", &[&words[..], &keyed].concat(), &lines);
    let places = |topic: &str| -> BTreeMap<usize, String> {
        let read = cluster.run(&["consume", topic, "-f", "%s %p\\n"]).ok();
        let pairs = read.stdout.lines().map(|line| line.split_once(' ').expect("two words"));
        pairs.map(|(index, place)| (index.parse().expect("ours"), place.to_string())).collect()
    };
    let (ours, theirs) = (places("ours"), places("theirs"));
    assert_eq!((ours.len(), theirs.len()), (keys.len(), keys.len()), "each key once");
    let wrong: Vec<String> = (0..keys.len())
        .filter(|index| ours[index] != theirs[index])
        .map(|index| format!("{:?}: {} and {}", keys[index], ours[&index], theirs[&index]))
        .collect();
    assert!(wrong.is_empty(), "{} of {}: {:?}", wrong.len(), keys.len(), &wrong[..5]);
    let used: BTreeSet<&String> = ours.values().collect();
    assert_eq!(used.len(), 61, "keys are spread over all partitions");
}

fn kcat(args: &[&str], stdin: &str) -> String {
    let mut command = Command::new("kcat");
    command.args(args);
    run(command, stdin, "kcat (`cargo xtask test` installs it)").stdout
}

/// The tool of the installed Kafka, in a JVM of its own.
fn java(cluster: &RealCluster, class: &str, args: &[&str], stdin: &str) -> String {
    let libs = cluster.home.join("kafka/3.9.2/libs/*");
    let mut command = Command::new("java");
    command.args(["-cp", libs.to_str().expect("a plain path"), class]).args(args);
    run(command, stdin, class).stdout
}

fn java_topic_command(cluster: &RealCluster, args: &[&str]) -> String {
    let bootstrap = cluster.bootstrap(3);
    let args = [&["--bootstrap-server", &bootstrap][..], args].concat();
    java(cluster, "org.apache.kafka.tools.TopicCommand", &args, "")
}

fn run(mut command: Command, stdin: &str, what: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{what}: {e}"));
    let (mut pipe, input) = (child.stdin.take().expect("a pipe"), stdin.to_string());
    // It may say more than a pipe holds before it has read all.
    let writer = std::thread::spawn(move || pipe.write_all(input.as_bytes()));
    let ran = finish(child, TOOL_DEADLINE, what);
    assert_eq!(ran.status, 0, "{what}: {}", ran.stderr);
    writer.join().expect("the writer ends").expect("input taken");
    ran
}
