//! Properties files: what follows from the spec, over it the preset's values, over those the
//! user's.

use kafsh_sdk::step::{BrokerSpec, ClusterSpec, Listener, Property, SecurityProtocol};

use crate::preset;

/// Keys that the host writes, since it alone knows and guards paths: asking for them here would
/// make the file differ from what is wanted for ever.
const HOST_KEYS: [&str; 4] = ["dataDir", "dataLogDir", "log.dir", "log.dirs"];

/// Listener that brokers use among themselves unless told otherwise.
const DEFAULT_INTER_BROKER: &str = "PLAINTEXT";

/// ZooKeeper's properties, without `dataDir`.
#[must_use]
pub fn zookeeper(spec: &ClusterSpec) -> Vec<Property> {
    let mut file = File::default();
    file.set("clientPort", &spec.zookeeper.port.to_string());
    if !spec.zookeeper.bind.is_empty() {
        file.set("clientPortAddress", &spec.zookeeper.bind);
    }
    if !preset::is_empty(&spec.preset) {
        for (key, value) in preset::ZOOKEEPER {
            file.set(key, value);
        }
    }
    file.set_all(&spec.zookeeper.properties);
    file.0
}

/// A broker's properties, without `log.dirs`.
#[must_use]
pub fn broker(spec: &ClusterSpec, broker: &BrokerSpec) -> Vec<Property> {
    let mut file = File::default();
    file.set("broker.id", &broker.id.to_string());
    if !preset::is_empty(&spec.preset) {
        // Ids are given, so any id will do, also one above `reserved.broker.max.id`.
        file.set("broker.id.generation.enable", "false");
    }
    if let Some(rack) = &broker.rack {
        file.set("broker.rack", rack);
    }
    listeners(&mut file, &broker.listeners);
    file.set("zookeeper.connect", &spec.zookeeper.connect);
    for (key, value) in preset::broker(&spec.preset, spec.brokers.len()) {
        file.set(key, &value);
    }
    file.set_all(&spec.properties);
    file.set_all(&broker.properties);
    file.0
}

fn listeners(file: &mut File, listeners: &[Listener]) {
    let join =
        |one: fn(&Listener) -> String| listeners.iter().map(one).collect::<Vec<_>>().join(",");
    file.set("listeners", &join(|l| url(&l.name, &l.bind, l.port)));
    // Never left out: Kafka would tell clients the machine's own idea of its name.
    let advertised = join(|l| url(&l.name, &l.advertised_host, l.advertised_port));
    file.set("advertised.listeners", &advertised);
    if listeners.iter().any(|l| l.name != protocol(l.protocol)) {
        let map = join(|l| format!("{}:{}", l.name, protocol(l.protocol)));
        file.set("listener.security.protocol.map", &map);
    }
    let marked = listeners.iter().find(|l| l.inter_broker).or(listeners.first());
    if let Some(listener) = marked.filter(|l| l.name != DEFAULT_INTER_BROKER) {
        file.set("inter.broker.listener.name", &listener.name);
    }
}

fn url(name: &str, host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("{name}://[{host}]:{port}")
    } else {
        format!("{name}://{host}:{port}")
    }
}

fn protocol(protocol: SecurityProtocol) -> &'static str {
    match protocol {
        SecurityProtocol::Plaintext => "PLAINTEXT",
        SecurityProtocol::Ssl => "SSL",
        SecurityProtocol::SaslPlaintext => "SASL_PLAINTEXT",
        SecurityProtocol::SaslSsl => "SASL_SSL",
    }
}

/// A properties file in the making: each key once, in the order in which it first came.
#[derive(Default)]
struct File(Vec<Property>);

impl File {
    fn set(&mut self, key: &str, value: &str) {
        match self.0.iter_mut().find(|property| property.key == key) {
            Some(property) => value.clone_into(&mut property.value),
            None => self.0.push(Property { key: key.to_owned(), value: value.to_owned() }),
        }
    }

    fn set_all(&mut self, properties: &[Property]) {
        for property in properties {
            if !HOST_KEYS.contains(&property.key.as_str()) {
                self.set(&property.key, &property.value);
            }
        }
    }
}
