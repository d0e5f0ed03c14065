//! What a step may put into a properties file: no path, class or indirection that leads out of the
//! cluster, and nothing that another setting would silently override.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use kafsh_model::plan::Node;
use kafsh_model::spec::ClusterSpec;
use kafsh_model::{Error, Result};

/// Most properties in one file.
const PROPERTIES_MAX: usize = 1_000;

/// Longest key and value, in bytes.
const KEY_BYTES_MAX: usize = 256;
const VALUE_BYTES_MAX: usize = 64 << 10;

/// Keys whose value is a path of data: written by the runtime alone.
const PATH_KEYS: [&str; 6] =
    ["log.dir", "log.dirs", "metadata.log.dir", "dataDir", "dataLogDir", "dynamicConfigFile"];

/// Code that a server may load.
const OWN_CLASSES: [&str; 3] = ["org.apache.kafka.", "kafka.", "org.apache.zookeeper."];

/// Login modules beyond Kafka's own: Kerberos has none there.
const LOGIN_MODULES: [&str; 1] = ["com.sun.security.auth.module.Krb5LoginModule"];

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
    if names_classes(key) {
        let foreign =
            value.split(',').map(str::trim).find(|class| !class.is_empty() && !is_own_class(class));
        if let Some(class) = foreign {
            let cause = format!("`{class}` is not a class of Kafka");
            return Err(refused(node, key, &cause));
        }
    }
    if key.ends_with("sasl.jaas.config") {
        check_login_module(node, key, value)?;
    }
    let names_file = key.ends_with(".location") || key.ends_with(".file") || key.ends_with("File");
    if names_file && !granted(spec, key, value) && !lies_in(value, inside) {
        let cause = format!("`{value}` lies outside the cluster, and the spec does not name it");
        return Err(refused(node, key, &cause));
    }
    Ok(())
}

fn names_classes(key: &str) -> bool {
    const ENDS: [&str; 9] = [
        ".class",
        ".classes",
        ".class.name",
        "metric.reporters",
        "metrics.reporters",
        "security.providers",
        "className",
        "serverCnxnFactory",
        "clientCnxnSocket",
    ];
    ENDS.iter().any(|end| key.ends_with(end)) || key.starts_with("authProvider")
}

fn is_own_class(class: &str) -> bool {
    OWN_CLASSES.iter().any(|package| class.starts_with(package))
}

/// Only the value's first word is a class. The rest, passwords among it, is neither read nor shown.
fn check_login_module(node: Node, key: &str, value: &str) -> Result<()> {
    let module = value.split_whitespace().next().unwrap_or_default();
    if is_own_class(module) || LOGIN_MODULES.contains(&module) {
        return Ok(());
    }
    Err(refused(node, key, "its login module is not one of Kafka's")
        .with_cause("other modules reach the network or load code"))
}

/// The user's own spec says exactly this.
fn granted(spec: &ClusterSpec, key: &str, value: &str) -> bool {
    let own = [&spec.properties, &spec.zookeeper.properties];
    let brokers = spec.brokers.iter().map(|broker| &broker.properties);
    own.into_iter().chain(brokers).any(|map| map.get(key).is_some_and(|given| given == value))
}

fn lies_in(value: &str, inside: &[&Path]) -> bool {
    let path = Path::new(value);
    let climbs = path.components().any(|part| part == Component::ParentDir);
    !climbs && inside.iter().any(|folder| path.starts_with(folder))
}

/// The file must be that of this node: a wrong id or port would take another's place.
fn check_identity(spec: &ClusterSpec, node: Node, properties: &[(String, String)]) -> Result<()> {
    let (key, expected) = match node {
        Node::ZooKeeper => ("clientPort", spec.zookeeper.port.to_string()),
        Node::Broker(id) => ("broker.id", id.to_string()),
    };
    let found = properties.iter().find(|(name, _)| name == key).map(|(_, value)| value.trim());
    match found {
        Some(value) if value == expected => Ok(()),
        Some(value) => {
            Err(refused(node, key, &format!("it is `{value}`, but the spec says `{expected}`")))
        }
        None => Err(refused(node, key, &format!("it is missing, and must be `{expected}`"))),
    }
}

fn refused(node: Node, key: &str, cause: &str) -> Error {
    let shown: String = key.chars().take(80).flat_map(char::escape_debug).collect();
    Error::refused("property-refused", format!("`{shown}` cannot be written for {node}"))
        .with_cause(cause)
}

#[cfg(test)]
mod tests {
    use kafsh_model::spec::{Preset, SPEC_SCHEMA, ZooKeeperSpec};

    use super::*;

    fn spec() -> ClusterSpec {
        ClusterSpec {
            schema: SPEC_SCHEMA,
            name: kafsh_model::ClusterName::new("demo").unwrap(),
            kafka: "3.9.2".into(),
            preset: Preset::Dev,
            ephemeral: false,
            data_dir: None,
            steps: vec![],
            zookeeper: ZooKeeperSpec {
                bind: "127.0.0.1".into(),
                port: 2181,
                chroot: None,
                heap_mib: None,
                properties: Default::default(),
            },
            brokers: vec![],
            properties: [("ssl.keystore.location".to_string(), "/etc/mine.jks".to_string())].into(),
        }
    }

    fn broker(pairs: &[(&str, &str)]) -> Result<()> {
        let mut properties = vec![("broker.id".to_string(), "1".to_string())];
        properties.extend(pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())));
        check(&spec(), Node::Broker(1), &properties, &[Path::new("/srv/demo")])
    }

    #[test]
    fn ordinary_properties_pass() {
        let jaas = "org.apache.kafka.common.security.plain.PlainLoginModule required\n \
                    username=\"a\" password=\"p;=:\\\\\" ;";
        broker(&[
            ("listeners", "PLAINTEXT://127.0.0.1:9091"),
            ("authorizer.class.name", "kafka.security.authorizer.AclAuthorizer"),
            ("metric.reporters", ""),
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
            ("sasl.login.class", "com.evil.Login"),
            ("principal.builder.class", "kafkaesque.Evil"),
            ("remote.log.storage.manager.class.path", "/x/*"),
            ("config.providers", "file"),
            ("config.providers.file.class", "org.apache.kafka.common.config.provider.File"),
            ("ssl.key.password", "${file:/etc/shadow:root}"),
            ("sasl.jaas.config", "com.sun.security.auth.module.JndiLoginModule required;"),
            ("ssl.keystore.location", "/etc/other.jks"),
            ("ssl.truststore.location", "/srv/demo/../../etc/x"),
            ("listeners", "PLAINTEXT://:1\nlog.dirs=/etc"),
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
        let wrong = [("broker.id".to_string(), "2".to_string())];
        for properties in [&wrong[..], &[]] {
            let error = check(&spec(), Node::Broker(1), properties, &[]).unwrap_err();
            assert!(error.message.contains("broker.id"), "{error:?}");
        }
        let port = [("clientPort".to_string(), "2182".to_string())];
        assert!(check(&spec(), Node::ZooKeeper, &port, &[]).is_err());
    }
}
