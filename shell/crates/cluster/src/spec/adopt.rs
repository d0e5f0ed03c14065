//! From the properties files of servers that somebody else runs to a spec.
//!
//! What a spec has a place for (ids, listeners, folders, ZooKeeper's address) goes there; every
//! other setting becomes a property of its node, as it stands. No preset adds to them.

use std::collections::BTreeMap;

use kafsh_model::snapshot::ServerFile;
use kafsh_model::spec::{
    BrokerSpec, ClusterSpec, ListenerSpec, Preset, SPEC_SCHEMA, SecurityProtocol, ZooKeeperSpec,
};
use kafsh_model::{BrokerId, ClusterName, Error, Result};

use crate::runtime::properties;

/// Steps of an adopted cluster: none that moves data aside or writes to a topic.
pub const ADOPTED_STEPS: [&str; 3] = ["preflight", "broker-layout", "launch"];

/// Kafka's own, where a file names no listener, folder or port.
const DEFAULT_LISTENERS: &str = "PLAINTEXT://:9092";
const DEFAULT_LOG_DIRS: &str = "/tmp/kafka-logs";
const DEFAULT_INTER_BROKER: &str = "PLAINTEXT";

/// Every address of the host, as a spec writes it.
const EVERYWHERE: &str = "0.0.0.0";

/// Keys that a spec has a place for. `metadata.log.dir` means nothing with ZooKeeper.
const BROKER_PLACES: [&str; 12] = [
    "broker.id",
    "node.id",
    "broker.rack",
    "listeners",
    "advertised.listeners",
    "listener.security.protocol.map",
    "inter.broker.listener.name",
    "security.inter.broker.protocol",
    "log.dir",
    "log.dirs",
    "metadata.log.dir",
    "zookeeper.connect",
];
const ZOOKEEPER_PLACES: [&str; 4] = ["clientPort", "clientPortAddress", "dataDir", "dataLogDir"];

/// Reads a properties file as Java would; `path` is absolute.
///
/// # Errors
/// `bad-properties`.
pub fn server_file(path: &str, bytes: &[u8]) -> Result<ServerFile> {
    let properties = properties::parse(bytes)
        .map_err(|error| Error { message: format!("`{path}` cannot be read"), ..error })?;
    Ok(ServerFile { path: path.to_string(), properties })
}

/// What `zookeeper.connect` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    pub host: String,
    pub port: u16,
    pub chroot: Option<String>,
}

impl Connect {
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// A broker as its file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerFile {
    pub path: String,
    /// `None`: Kafka chooses, and keeps its choice in `meta.properties`
    pub id: Option<BrokerId>,
    pub connect: Connect,
    pub rack: Option<String>,
    pub listeners: Vec<ListenerSpec>,
    /// The file leaves it to Kafka what clients are told: the host's own idea of its name
    pub names_itself: bool,
    /// As they are written: perhaps relative
    pub log_dirs: Vec<String>,
    pub properties: BTreeMap<String, String>,
}

impl BrokerFile {
    /// The listener over which kafsh asks.
    pub fn plain(&self) -> Option<&ListenerSpec> {
        self.listeners.iter().find(|l| l.protocol == SecurityProtocol::Plaintext)
    }
}

/// A ZooKeeper as its file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZooKeeperFile {
    pub path: String,
    pub bind: String,
    pub port: u16,
    /// As they are written: perhaps relative
    pub data_dir: String,
    pub data_log_dir: Option<String>,
    pub properties: BTreeMap<String, String>,
}

/// # Errors
/// `not-server-properties` where it is something else; `no-zookeeper-mode` for KRaft;
/// `unsupported-security` where no listener is plaintext; `bad-address`; `bad-listener-name`.
pub fn broker_file(file: &ServerFile) -> Result<BrokerFile> {
    if file.get("process.roles").is_some() {
        let message = format!("`{}` is of a server in KRaft mode", file.path);
        return Err(Error::usage("no-zookeeper-mode", message)
            .with_evidence("it sets `process.roles`")
            .with_cause("kafsh runs clusters with ZooKeeper; to a KRaft cluster it can connect")
            .with_next("help cluster attach"));
    }
    let Some(connect) = file.get("zookeeper.connect") else {
        let is_zookeeper = file.get("clientPort").is_some();
        let next = if is_zookeeper { "it is ZooKeeper's" } else { "it has no `zookeeper.connect`" };
        let message = format!("`{}` is no server.properties of a broker", file.path);
        let error = Error::usage("not-server-properties", message).with_cause(next);
        return Err(match is_zookeeper {
            true => error.with_next(format!("help cluster adopt # --zookeeper {}", file.path)),
            false => error.with_next("help cluster adopt"),
        });
    };
    let id = match file.get("broker.id").or(file.get("node.id")) {
        None | Some("-1") => None,
        Some(text) => Some(text.parse().map_err(|_| bad(file, "broker.id", text))?),
    };
    let broker = BrokerFile {
        path: file.path.clone(),
        id,
        connect: connect_of(file, connect)?,
        rack: file.get("broker.rack").map(String::from),
        listeners: listeners(file)?,
        names_itself: names_itself(file),
        log_dirs: words(file.get("log.dirs").or(file.get("log.dir")).unwrap_or(DEFAULT_LOG_DIRS)),
        properties: rest(file, &BROKER_PLACES),
    };
    match broker.plain() {
        Some(_) => Ok(broker),
        None => Err(secure_only(file, &broker)),
    }
}

/// # Errors
/// `not-server-properties`; `bad-address`; `bad-properties` where the ZooKeeper is one of several.
pub fn zookeeper_file(file: &ServerFile) -> Result<ZooKeeperFile> {
    let (port, data_dir) = (file.get("clientPort"), file.get("dataDir"));
    let (Some(port), Some(data_dir)) = (port, data_dir) else {
        let message = format!("`{}` is no zookeeper.properties", file.path);
        return Err(Error::usage("not-server-properties", message)
            .with_cause("it lacks `clientPort` or `dataDir`")
            .with_next("help cluster adopt"));
    };
    if let Some((key, _)) = file.properties.iter().find(|(key, _)| key.starts_with("server.")) {
        let message = format!("`{}` is of an ensemble", file.path);
        return Err(Error::usage("not-server-properties", message)
            .with_evidence(format!("it sets `{key}`"))
            .with_cause("kafsh runs clusters with one ZooKeeper on one host")
            .with_next("help cluster attach"));
    }
    Ok(ZooKeeperFile {
        path: file.path.clone(),
        bind: bound(file.get("clientPortAddress").unwrap_or_default()),
        port: port.parse().map_err(|_| bad(file, "clientPort", port))?,
        data_dir: data_dir.to_string(),
        data_log_dir: file.get("dataLogDir").filter(|dir| *dir != data_dir).map(String::from),
        properties: rest(file, &ZOOKEEPER_PLACES),
    })
}

/// The `zookeeper.connect` that all files share.
///
/// # Errors
/// `other-zookeeper` where they do not; `duplicate-broker-id`.
pub fn together(brokers: &[BrokerFile]) -> Result<Connect> {
    let Some(first) = brokers.first() else {
        return Err(Error::usage("missing-argument", "no properties file was given")
            .with_next("help cluster adopt"));
    };
    // The chroot is written once, behind the last host; two names of one host are not told apart
    // here, since a broker that is registered elsewhere is found out later.
    if let Some(other) = brokers.iter().find(|other| other.connect != first.connect) {
        let line = |file: &BrokerFile| {
            let chroot = file.connect.chroot.as_deref().unwrap_or_default();
            format!("{}: {}{chroot}", file.path, file.connect.address())
        };
        return Err(Error::usage("other-zookeeper", "the files name different ZooKeepers")
            .with_evidence(line(first))
            .with_evidence(line(other))
            .with_cause("brokers of one cluster have the same `zookeeper.connect`")
            .with_next("help cluster adopt"));
    }
    for (index, file) in brokers.iter().enumerate() {
        let twin = brokers[..index].iter().find(|twin| file.id.is_some() && twin.id == file.id);
        if let (Some(twin), Some(id)) = (twin, file.id) {
            let message = format!("two files are of broker {id}");
            return Err(Error::usage("duplicate-broker-id", message)
                .with_evidence(twin.path.clone())
                .with_evidence(file.path.clone())
                .with_cause("each broker has its own `broker.id`")
                .with_next("help cluster adopt"));
        }
    }
    Ok(first.connect.clone())
}

/// The spec of what the files describe; ids and folders are known by now.
///
/// # Errors
/// `bad-properties` where a broker has no id.
pub fn adopted(
    name: ClusterName,
    kafka: String,
    zookeeper: ZooKeeperFile,
    brokers: Vec<BrokerFile>,
) -> Result<ClusterSpec> {
    let chroot = brokers.first().and_then(|broker| broker.connect.chroot.clone());
    let broker = |file: BrokerFile| {
        let id = file.id.ok_or_else(|| {
            Error::usage("bad-broker-id", format!("`{}` sets no `broker.id`", file.path))
                .with_cause("Kafka chose one at its first start, which has not been yet")
                .with_next("help cluster adopt")
        })?;
        Ok(BrokerSpec {
            id,
            rack: file.rack,
            listeners: file.listeners,
            log_dirs: file.log_dirs,
            heap_mib: None,
            controller_port: None,
            properties: file.properties,
        })
    };
    Ok(ClusterSpec {
        schema: SPEC_SCHEMA,
        name,
        kafka,
        // The heaps and collectors of Kafka's own start scripts.
        preset: Preset::Classic,
        ephemeral: false,
        adopted: true,
        data_dir: None,
        steps: ADOPTED_STEPS.map(String::from).to_vec(),
        zookeeper: ZooKeeperSpec {
            bind: zookeeper.bind,
            port: zookeeper.port,
            chroot,
            heap_mib: None,
            data_dir: Some(zookeeper.data_dir),
            data_log_dir: zookeeper.data_log_dir,
            properties: zookeeper.properties,
        },
        brokers: brokers.into_iter().map(broker).collect::<Result<_>>()?,
        properties: BTreeMap::new(),
    })
}

fn bad(file: &ServerFile, key: &str, value: &str) -> Error {
    Error::usage("bad-properties", format!("`{}`: `{key}` makes no sense", file.path))
        .with_evidence(format!("{key}={value}"))
}

fn rest(file: &ServerFile, places: &[&str]) -> BTreeMap<String, String> {
    let kept = file.properties.iter().filter(|(key, _)| !places.contains(&key.as_str()));
    kept.cloned().collect()
}

fn words(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(String::from).collect()
}

fn bound(host: &str) -> String {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if matches!(bare, "" | "::") { EVERYWHERE.to_string() } else { bare.to_string() }
}

/// `localhost:2181/kafka`
fn connect_of(file: &ServerFile, text: &str) -> Result<Connect> {
    let (hosts, chroot) = match text.find('/') {
        Some(at) => (&text[..at], Some(text[at..].trim_end_matches('/'))),
        None => (text, None),
    };
    if hosts.contains(',') {
        let message = format!("`{}` names several ZooKeepers", file.path);
        return Err(Error::usage("other-zookeeper", message)
            .with_evidence(format!("zookeeper.connect={text}"))
            .with_cause("kafsh runs clusters with one ZooKeeper on one host")
            .with_next("help cluster attach"));
    }
    let (host, port) = hosts.rsplit_once(':').unwrap_or((hosts, "2181"));
    let port = port.parse().map_err(|_| bad(file, "zookeeper.connect", text))?;
    let chroot = chroot.filter(|chroot| !chroot.is_empty()).map(String::from);
    Ok(Connect { host: host.to_string(), port, chroot })
}

fn names_itself(file: &ServerFile) -> bool {
    let own = urls(file.get("listeners").unwrap_or(DEFAULT_LISTENERS));
    file.get("advertised.listeners").is_none() && own.iter().any(|(_, host, _)| host.is_empty())
}

/// `NAME://host:port` by parts, as text.
fn urls(text: &str) -> Vec<(String, String, String)> {
    let part = |url: &String| {
        let (name, address) = url.split_once("://")?;
        let (host, port) = address.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some((name.to_string(), host.to_string(), port.to_string()))
    };
    words(text).iter().filter_map(part).collect()
}

fn listeners(file: &ServerFile) -> Result<Vec<ListenerSpec>> {
    let text = file.get("listeners").unwrap_or(DEFAULT_LISTENERS);
    let own = urls(text);
    if own.is_empty() || own.len() != words(text).len() {
        return Err(bad(file, "listeners", text));
    }
    let told = urls(file.get("advertised.listeners").unwrap_or_default());
    let protocols = file.get("listener.security.protocol.map").unwrap_or_default();
    let protocols: BTreeMap<String, String> =
        words(protocols).iter().filter_map(|w| w.split_once(':')).map(pair).collect();
    let inter = inter_broker(file);
    own.into_iter()
        .map(|(name, host, port)| {
            let number = |text: &str| text.parse().map_err(|_| bad(file, "listeners", text));
            let upper = name.to_ascii_uppercase();
            let word = protocols.get(&upper).cloned().unwrap_or(upper.clone());
            let protocol = protocol(&word).ok_or_else(|| bad(file, "listeners", &word))?;
            let port = number(&port)?;
            let advertised = told.iter().find(|(other, ..)| other.eq_ignore_ascii_case(&name));
            let (advertised_host, advertised_port) = match advertised {
                Some((_, host, port)) => (host.clone(), number(port)?),
                // What Kafka calls this host is told by its registration, where it is registered.
                None if host.is_empty() => ("localhost".to_string(), port),
                None => (host.clone(), port),
            };
            let inter_broker = inter.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(&name));
            let bind = bound(&host);
            Ok(ListenerSpec {
                name: upper,
                protocol,
                bind,
                port,
                advertised_host,
                advertised_port,
                inter_broker,
            })
        })
        .collect()
}

fn pair((name, protocol): (&str, &str)) -> (String, String) {
    (name.trim().to_ascii_uppercase(), protocol.trim().to_ascii_uppercase())
}

/// The listener's name: given, or that of the protocol, by default plaintext.
fn inter_broker(file: &ServerFile) -> Option<String> {
    let named = file.get("inter.broker.listener.name");
    let named = named.or(file.get("security.inter.broker.protocol"));
    Some(named.unwrap_or(DEFAULT_INTER_BROKER).to_string())
}

fn protocol(word: &str) -> Option<SecurityProtocol> {
    use SecurityProtocol::{Plaintext, SaslPlaintext, SaslSsl, Ssl};
    [Plaintext, Ssl, SaslPlaintext, SaslSsl].into_iter().find(|one| one.name() == word)
}

fn secure_only(file: &ServerFile, broker: &BrokerFile) -> Error {
    let names: Vec<String> =
        broker.listeners.iter().map(|l| format!("{} ({})", l.name, l.protocol.name())).collect();
    Error::usage("unsupported-security", format!("`{}` has no plaintext listener", file.path))
        .with_evidence(format!("its listeners: {}", names.join(", ")))
        .with_cause(
            "kafsh could start and stop such a broker, but not ask it about topics, replicas or \
             records; beside a plaintext listener others are kept as they are",
        )
        .with_next("help cluster adopt")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> ServerFile {
        server_file(path, text.as_bytes()).unwrap()
    }

    fn broker(text: &str) -> Result<BrokerFile> {
        broker_file(&file("/etc/kafka/server.properties", text))
    }

    const SEED: &str = "# The id\nbroker.id=2\nlisteners=PLAINTEXT://:9092\nlog.dirs=/broker2\n\
                        zookeeper.connect=localhost:2181\nlog.flush.interval.messages=2\n\
                        acme.odd.key = a \\u00e9\\\n   b  \ntransaction.state.log.min.isr=3\n";

    #[test]
    fn a_file_of_the_seed_becomes_a_broker() {
        let read = broker(SEED).unwrap();
        assert_eq!((read.id, read.names_itself), (Some(2), true));
        assert_eq!(read.connect.address(), "localhost:2181");
        assert_eq!(read.log_dirs, ["/broker2"]);
        let listener = read.plain().unwrap();
        assert_eq!((listener.bind.as_str(), listener.port), ("0.0.0.0", 9092));
        assert!(listener.inter_broker);
        let kept: Vec<(&str, &str)> =
            read.properties.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let expected = [
            ("acme.odd.key", "a éb  "),
            ("log.flush.interval.messages", "2"),
            ("transaction.state.log.min.isr", "3"),
        ];
        assert_eq!(kept, expected, "byte for byte, and nothing else");
    }

    #[test]
    fn listeners_are_taken_apart() {
        let read = broker(
            "broker.id=1\nzookeeper.connect=h:2181,/x\n\
             listeners=CLIENT://10.0.0.1:9092,TLS://[::1]:9093\n",
        );
        assert_eq!(read.unwrap_err().code, "other-zookeeper", "two hosts");
        let read = broker(
            "broker.id=1\nzookeeper.connect=h:2182/kafka/one\n\
             listeners=client://10.0.0.1:9092 , TLS://[::1]:9093\n\
             advertised.listeners=CLIENT://kafka.test:19092,TLS://kafka.test:19093\n\
             listener.security.protocol.map=CLIENT:PLAINTEXT,TLS:SSL\n\
             inter.broker.listener.name=TLS\nlog.dirs=/a, /b\n",
        )
        .unwrap();
        assert_eq!(read.connect.chroot.as_deref(), Some("/kafka/one"));
        assert_eq!(read.log_dirs, ["/a", "/b"]);
        let shown: Vec<String> = read
            .listeners
            .iter()
            .map(|l| {
                let (host, port) = (&l.advertised_host, l.advertised_port);
                format!("{} {} {}:{} {host}:{port}", l.name, l.protocol.name(), l.bind, l.port)
            })
            .collect();
        let expected = [
            "CLIENT PLAINTEXT 10.0.0.1:9092 kafka.test:19092",
            "TLS SSL ::1:9093 kafka.test:19093",
        ];
        assert_eq!(shown, expected);
        assert!(read.listeners[1].inter_broker && !read.names_itself);
    }

    #[test]
    fn what_is_no_broker_of_such_a_cluster_is_refused() {
        let cases = [
            ("a=1\n", "not-server-properties"),
            ("clientPort=2181\ndataDir=/x\n", "not-server-properties"),
            ("process.roles=broker\nnode.id=1\n", "no-zookeeper-mode"),
            ("zookeeper.connect=a:1,b:2\n", "other-zookeeper"),
            ("zookeeper.connect=a:x\n", "bad-properties"),
            ("zookeeper.connect=a:1\nbroker.id=x\n", "bad-properties"),
            ("zookeeper.connect=a:1\nlisteners=9092\n", "bad-properties"),
            ("zookeeper.connect=a:1\nlisteners=X://:9092\n", "bad-properties"),
            ("zookeeper.connect=a:1\nlisteners=SASL_SSL://:9092\n", "unsupported-security"),
        ];
        for (text, code) in cases {
            let error = broker(text).expect_err(text);
            assert_eq!(error.code, code, "{text}");
        }
        let zookeeper = |text: &str| zookeeper_file(&file("/z", text)).map(|z| z.bind);
        assert_eq!(zookeeper("clientPort=2181\ndataDir=/x\n").unwrap(), "0.0.0.0");
        for text in ["dataDir=/x\n", "clientPort=1\ndataDir=/x\nserver.1=a:2:3\n"] {
            assert_eq!(zookeeper(text).unwrap_err().code, "not-server-properties", "{text}");
        }
    }

    #[test]
    fn files_of_two_clusters_do_not_make_one() {
        let with = |id: &str, at: &str| {
            broker(&format!("broker.id={id}\nzookeeper.connect={at}\n")).unwrap()
        };
        assert_eq!(together(&[]).unwrap_err().code, "missing-argument");
        let other = together(&[with("1", "a:1"), with("2", "a:2")]);
        assert_eq!(other.unwrap_err().code, "other-zookeeper");
        let twice = together(&[with("1", "a:1"), with("2", "a:1"), with("1", "a:1")]);
        assert_eq!(twice.unwrap_err().code, "duplicate-broker-id");
        let good = together(&[with("1", "a:1/x"), with("-1", "a:1/x"), with("-1", "a:1/x")]);
        assert_eq!(good.unwrap().chroot.as_deref(), Some("/x"), "Kafka chooses ids");
    }
}
