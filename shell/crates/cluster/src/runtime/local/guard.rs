//! What a step may put into a properties file: no path, class or indirection that leads out of the
//! cluster, and nothing that another setting would silently override.

mod reach;

use std::collections::BTreeSet;
use std::path::Path;

use kafsh_model::plan::Node;
use kafsh_model::spec::{ClusterSpec, ListenerSpec};
use kafsh_model::{Error, Result};

/// Most properties in one file.
const PROPERTIES_MAX: usize = 1_000;

/// Longest key and value, in bytes.
const KEY_BYTES_MAX: usize = 256;
const VALUE_BYTES_MAX: usize = 64 << 10;

/// Keys whose value is a path of data: written by the runtime alone.
const PATH_KEYS: [&str; 6] =
    ["log.dir", "log.dirs", "metadata.log.dir", "dataDir", "dataLogDir", "dynamicConfigFile"];

/// Values that span lines by nature.
const MULTI_LINE: [&str; 4] = [
    "sasl.jaas.config",
    "ssl.keystore.key",
    "ssl.keystore.certificate.chain",
    "ssl.truststore.certificates",
];

/// Checks what a step wants written for `node`; `inside` are the folders it may name files in,
/// beside those that the user's own spec names.
pub(super) fn check(
    spec: &ClusterSpec,
    node: Node,
    properties: &[(String, String)],
    inside: &[&Path],
) -> Result<()> {
    if properties.len() > PROPERTIES_MAX {
        return Err(Error::usage(
            "too-many-properties",
            format!("{} properties for {node}, at most {PROPERTIES_MAX}", properties.len()),
        ));
    }
    let mut seen = BTreeSet::new();
    for (key, value) in properties {
        if !seen.insert(key.as_str()) {
            return Err(refused(node, key, "it is given twice, and the last would win"));
        }
        check_key(node, key)?;
        check_value(spec, node, key, value, inside)?;
    }
    check_identity(spec, node, properties)
}

fn check_key(node: Node, key: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if key.is_empty() || key.len() > KEY_BYTES_MAX || !key.chars().all(good) {
        return Err(refused(node, key, "a key is letters, digits, `.`, `_` and `-`"));
    }
    if PATH_KEYS.contains(&key) {
        return Err(refused(node, key, "the data folders are kafsh's to choose")
            .with_next("help cluster up"));
    }
    if key.starts_with("config.providers") {
        return Err(refused(node, key, "providers read files and the environment"));
    }
    if key.ends_with("class.path") {
        return Err(refused(node, key, "it loads code from outside Kafka's own jars"));
    }
    Ok(())
}

fn check_value(
    spec: &ClusterSpec,
    node: Node,
    key: &str,
    value: &str,
    inside: &[&Path],
) -> Result<()> {
    if value.len() > VALUE_BYTES_MAX {
        return Err(refused(node, key, &format!("its value exceeds {VALUE_BYTES_MAX} bytes")));
    }
    if value.contains("${") {
        return Err(refused(node, key, "`${` is an indirection, and none is allowed"));
    }
    let line_ends = value.contains(['\n', '\r']);
    let control = value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    if control || line_ends && !MULTI_LINE.iter().any(|end| key.ends_with(end)) {
        return Err(refused(node, key, "its value holds a line end or control character"));
    }
    reach::check(spec, node, key, value, inside)
}

/// The file must be that of this node, at the addresses of the spec: a wrong id or port would take
/// another's place, another bind address would open the cluster to the network, and another
/// ZooKeeper would be another cluster. None may be missing: Kafka's own defaults listen everywhere.
fn check_identity(spec: &ClusterSpec, node: Node, properties: &[(String, String)]) -> Result<()> {
    for (key, expected) in expected(spec, node) {
        let found = properties.iter().find(|(name, _)| name == key).map(|(_, value)| value.trim());
        let cause = match (found, expected) {
            (None, None) => continue,
            (Some(value), Some(expected)) if same(key, value, &expected) => continue,
            (Some(value), Some(expected)) => {
                format!("it is `{}`, but the spec says `{expected}`", value.escape_debug())
            }
            (None, Some(expected)) => format!("it is missing, and must be `{expected}`"),
            (Some(value), None) => {
                format!("it is `{}`, but the spec says nothing", value.escape_debug())
            }
        };
        return Err(refused(node, key, &cause));
    }
    Ok(())
}

/// What follows from the spec, key by key; `None`: the key must not be there.
fn expected(spec: &ClusterSpec, node: Node) -> Vec<(&'static str, Option<String>)> {
    match node {
        Node::ZooKeeper => {
            let bind = Some(spec.zookeeper.bind.clone()).filter(|bind| !bind.is_empty());
            vec![("clientPort", Some(spec.zookeeper.port.to_string())), ("clientPortAddress", bind)]
        }
        Node::Broker(id) => {
            let listeners = spec.broker(id).map(|broker| &broker.listeners[..]).unwrap_or_default();
            let join = |one: fn(&ListenerSpec) -> String| {
                Some(listeners.iter().map(one).collect::<Vec<_>>().join(","))
            };
            vec![
                ("broker.id", Some(id.to_string())),
                ("listeners", join(|l| url(&l.name, &l.bind, l.port))),
                (
                    "advertised.listeners",
                    join(|l| url(&l.name, &l.advertised_host, l.advertised_port)),
                ),
                ("zookeeper.connect", Some(spec.zookeeper_connect())),
            ]
        }
    }
}

/// Listeners are a set; everything else is compared as it stands.
fn same(key: &str, value: &str, expected: &str) -> bool {
    if !key.ends_with("listeners") {
        return value == expected;
    }
    let set = |list: &str| {
        let mut list: Vec<String> = list.split(',').map(|one| one.trim().to_string()).collect();
        list.sort();
        list
    };
    set(value) == set(expected)
}

/// As Kafka reads it: an address of IPv6 is in brackets.
fn url(name: &str, host: &str, port: u16) -> String {
    let bare = host.contains(':') && !host.starts_with('[');
    if bare { format!("{name}://[{host}]:{port}") } else { format!("{name}://{host}:{port}") }
}

fn refused(node: Node, key: &str, cause: &str) -> Error {
    let shown: String = key.chars().take(80).flat_map(char::escape_debug).collect();
    Error::refused("property-refused", format!("`{shown}` cannot be written for {node}"))
        .with_cause(cause)
}

#[cfg(test)]
mod tests {
    use kafsh_model::spec::{
        BrokerSpec, ListenerSpec, Preset, SPEC_SCHEMA, SecurityProtocol, ZooKeeperSpec,
    };

    use super::*;

    fn spec() -> ClusterSpec {
        ClusterSpec {
            schema: SPEC_SCHEMA,
            name: kafsh_model::ClusterName::new("demo").unwrap(),
            kafka: "3.9.2".into(),
            preset: Preset::Dev,
            ephemeral: false,
            adopted: false,
            data_dir: None,
            steps: vec![],
            zookeeper: ZooKeeperSpec {
                bind: "127.0.0.1".into(),
                port: 2181,
                chroot: None,
                heap_mib: None,
                data_dir: None,
                data_log_dir: None,
                properties: Default::default(),
            },
            brokers: vec![BrokerSpec {
                id: 1,
                rack: None,
                listeners: vec![
                    listener("PLAINTEXT", "127.0.0.1", 9091),
                    listener("INTERNAL", "::1", 9191),
                ],
                log_dirs: vec![],
                heap_mib: None,
                controller_port: None,
                properties: Default::default(),
            }],
            properties: [
                ("ssl.keystore.location".to_string(), "/etc/mine.jks".to_string()),
                ("sasl.kerberos.kinit.cmd".to_string(), "/opt/krb5/bin/kinit".to_string()),
                ("metric.reporters".to_string(), "kafka.metrics.Mine".to_string()),
                ("acme.audit.folder".to_string(), "/srv/audit".to_string()),
            ]
            .into(),
        }
    }

    fn listener(name: &str, bind: &str, port: u16) -> ListenerSpec {
        ListenerSpec {
            name: name.into(),
            protocol: SecurityProtocol::Plaintext,
            bind: bind.into(),
            port,
            advertised_host: "localhost".into(),
            advertised_port: port,
            inter_broker: false,
        }
    }

    const IDENTITY: [(&str, &str); 4] = [
        ("broker.id", "1"),
        ("listeners", "PLAINTEXT://127.0.0.1:9091,INTERNAL://[::1]:9191"),
        ("advertised.listeners", "PLAINTEXT://localhost:9091,INTERNAL://localhost:9191"),
        ("zookeeper.connect", "127.0.0.1:2181"),
    ];

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    fn broker(pairs: &[(&str, &str)]) -> Result<()> {
        let properties = owned(&[&IDENTITY, pairs].concat());
        check(&spec(), Node::Broker(1), &properties, &[Path::new("/srv/demo")])
    }

    #[test]
    fn ordinary_properties_pass() {
        let jaas = "org.apache.kafka.common.security.plain.PlainLoginModule required\n \
                    username=\"a\" password=\"p;=:\\\\\" ;";
        broker(&[
            ("sasl.kerberos.kinit.cmd", "/opt/krb5/bin/kinit"),
            ("authorizer.class.name", "kafka.security.authorizer.AclAuthorizer"),
            ("metric.reporters", "kafka.metrics.Mine"),
            ("num.recovery.threads.per.data.dir", "2"),
            ("acme.audit.folder", "/srv/audit"),
            ("acme.other.folder", "/srv/demo/acme"),
            ("super.users", "User:CN=a;User:b"),
            ("sasl.kerberos.principal.to.local.rules", "RULE:[1:$1@$0](.*)s/@.*//,DEFAULT"),
            ("listener.name.sasl_plaintext.plain.sasl.jaas.config", jaas),
            ("ssl.keystore.location", "/etc/mine.jks"),
            ("ssl.truststore.location", "/srv/demo/nodes/broker-1/trust.jks"),
        ])
        .unwrap();
    }

    #[test]
    fn what_leads_out_of_the_cluster_is_refused() {
        let cases = [
            ("log.dirs", "/etc"),
            ("log.dir", "x"),
            ("dataDir", "x"),
            ("authorizer.class.name", "com.evil.Authorizer"),
            ("metric.reporters", "kafka.metrics.X, com.evil.Reporter"),
            ("metric.reporters", "kafka.metrics.KafkaCSVMetricsReporter"),
            ("kafka.metrics.reporters", "kafka.metrics.KafkaCSVMetricsReporter"),
            ("kafka.metrics.reporters", "org.apache.kafka.common.metrics.JmxReporter"),
            ("kafka.csv.metrics.dir", "/srv/demo/metrics"),
            ("kafka.csv.metrics.reporter.enabled", "true"),
            ("acme.dirs", "metrics"),
            ("acme.audit.folder", "/srv/other"),
            ("acme.audit.folders", "a, /srv/other"),
            ("acme.audit.url", "file:///srv/other"),
            (
                "sasl.login.callback.handler.class",
                "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler",
            ),
            ("sasl.login.class", "com.evil.Login"),
            ("principal.builder.class", "kafkaesque.Evil"),
            ("remote.log.storage.manager.class.path", "/x/*"),
            ("config.providers", "file"),
            ("config.providers.file.class", "org.apache.kafka.common.config.provider.File"),
            ("ssl.key.password", "${file:/etc/shadow:root}"),
            ("sasl.jaas.config", "com.sun.security.auth.module.JndiLoginModule required;"),
            ("ssl.keystore.location", "/etc/other.jks"),
            ("ssl.truststore.location", "/srv/demo/../../etc/x"),
            ("sasl.kerberos.kinit.cmd", "/bin/sh"),
            ("listener.name.internal.sasl.kerberos.kinit.cmd", "/opt/krb5/bin/kinit"),
            ("broker.rack", "a\nlog.dirs=/etc"),
            ("a key", "x"),
            ("", "x"),
            ("broker.id", "1"),
        ];
        for (key, value) in cases {
            let error = broker(&[(key, value)]).expect_err(key);
            assert_eq!(error.code, "property-refused", "{key}");
        }
    }

    #[test]
    fn a_secret_is_not_in_the_refusal() {
        let error = broker(&[("sasl.jaas.config", "evil.Module password=\"hunter2\";")]);
        assert!(!format!("{:?}", error.unwrap_err()).contains("hunter2"));
    }

    #[test]
    fn the_identity_is_the_specs() {
        let spec = spec();
        let node = Node::Broker(1);
        for (index, (key, _)) in IDENTITY.iter().enumerate() {
            let mut properties = owned(&IDENTITY);
            properties.remove(index);
            let error = check(&spec, node, &properties, &[]).expect_err(key);
            assert!(error.message.contains(key), "{error:?}");
        }
        let wrong = [
            ("broker.id", "2"),
            ("listeners", "PLAINTEXT://127.0.0.1:9091"),
            ("listeners", "PLAINTEXT://0.0.0.0:9091,INTERNAL://[::1]:9191"),
            ("listeners", "PLAINTEXT://127.0.0.1:9092,INTERNAL://[::1]:9191"),
            ("listeners", "PLAINTEXT://127.0.0.1:9091,INTERNAL://[::1]:9191,X://:1"),
            ("advertised.listeners", "PLAINTEXT://evil:9091,INTERNAL://localhost:9191"),
            ("zookeeper.connect", "127.0.0.1:2182"),
            ("zookeeper.connect", "127.0.0.1:2181/other"),
        ];
        for (key, value) in wrong {
            let mut properties = owned(&IDENTITY);
            properties.iter_mut().find(|(name, _)| name == key).unwrap().1 = value.to_string();
            let error = check(&spec, node, &properties, &[]).expect_err(value);
            assert!(error.message.contains(key), "{error:?}");
        }
        let mut properties = owned(&IDENTITY);
        properties[1].1 = "INTERNAL://[::1]:9191, PLAINTEXT://127.0.0.1:9091".to_string();
        check(&spec, node, &properties, &[]).unwrap();
    }

    #[test]
    fn zookeeper_listens_where_the_spec_says() {
        let ask = |spec: &ClusterSpec, pairs: &[(&str, &str)]| {
            check(spec, Node::ZooKeeper, &owned(pairs), &[])
        };
        let mut spec = spec();
        ask(&spec, &[("clientPort", "2181"), ("clientPortAddress", "127.0.0.1")]).unwrap();
        let wrong: [&[(&str, &str)]; 4] = [
            &[("clientPort", "2182"), ("clientPortAddress", "127.0.0.1")],
            &[("clientPort", "2181"), ("clientPortAddress", "0.0.0.0")],
            &[("clientPort", "2181")],
            &[("clientPortAddress", "127.0.0.1")],
        ];
        for pairs in wrong {
            assert_eq!(ask(&spec, pairs).unwrap_err().code, "property-refused", "{pairs:?}");
        }
        let own = [("clientPort", "2181"), ("clientPortAddress", "127.0.0.1")];
        let with = |pair: (&'static str, &'static str)| [own[0], own[1], pair];
        ask(&spec, &with(("admin.enableServer", "false"))).unwrap();
        let opening = [
            ("admin.enableServer", "true"),
            ("admin.serverPort", "8080"),
            ("secureClientPort", "2281"),
            ("secureClientPortAddress", "0.0.0.0"),
            ("server.1", "10.0.0.1:2888:3888"),
            ("metricsProvider.httpPort", "7000"),
            ("quorumListenOnAllIPs", "true"),
        ];
        for pair in opening {
            let error = ask(&spec, &with(pair)).expect_err(pair.0);
            assert_eq!(error.code, "property-refused", "{pair:?}");
            spec.zookeeper.properties = [(pair.0.to_string(), pair.1.to_string())].into();
            ask(&spec, &with(pair)).expect("what the spec says itself");
        }
        spec.zookeeper.properties.clear();
        spec.zookeeper.bind.clear();
        ask(&spec, &[("clientPort", "2181")]).unwrap();
        assert!(ask(&spec, &[("clientPort", "2181"), ("clientPortAddress", "::")]).is_err());
        spec.zookeeper.chroot = Some("/kafka".into());
        let mut properties = owned(&IDENTITY);
        properties[3].1 = ":2181/kafka".to_string();
        check(&spec, Node::Broker(1), &properties, &[]).unwrap();
    }
}
