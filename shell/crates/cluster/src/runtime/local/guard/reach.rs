//! How far a property reaches: which classes a server would load for it, which files and folders
//! it would touch, and which ports it would open. The user's own spec may say more than a step.

use std::path::{Component, Path};

use kafsh_model::Result;
use kafsh_model::keys::{self, Key, KeyType};
use kafsh_model::plan::Node;
use kafsh_model::spec::ClusterSpec;

use super::refused;

/// Classes that ship with Kafka and do no more than their key says, each by its full name: others
/// of the same packages delete folders or call the network.
const CLASSES: [&str; 14] = [
    "kafka.security.authorizer.AclAuthorizer",
    "org.apache.kafka.common.metrics.JmxReporter",
    "org.apache.kafka.common.replica.RackAwareReplicaSelector",
    "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder",
    "org.apache.kafka.common.security.authenticator.DefaultLogin",
    "org.apache.kafka.common.security.kerberos.KerberosLogin",
    "org.apache.kafka.common.security.ssl.DefaultSslEngineFactory",
    "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager",
    "org.apache.zookeeper.ClientCnxnSocketNIO",
    "org.apache.zookeeper.ClientCnxnSocketNetty",
    "org.apache.zookeeper.server.NIOServerCnxnFactory",
    "org.apache.zookeeper.server.NettyServerCnxnFactory",
    "org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
];

/// Login modules that check names and passwords, Kerberos among them.
const LOGIN_MODULES: [&str; 5] = [
    "com.sun.security.auth.module.Krb5LoginModule",
    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule",
    "org.apache.kafka.common.security.plain.PlainLoginModule",
    "org.apache.kafka.common.security.scram.ScramLoginModule",
    "org.apache.zookeeper.server.auth.DigestLoginModule",
];

/// Packages of which the user's own spec may name any class.
const OWN_PACKAGES: [&str; 3] = ["org.apache.kafka.", "kafka.", "org.apache.zookeeper."];

/// Ends of keys whose value is run as a program.
const PROGRAMS: [&str; 1] = ["sasl.kerberos.kinit.cmd"];

/// Settings of the reporters in Kafka's core, one of which deletes its folder when it starts,
/// whether it is enabled or not.
const REPORTERS: &str = "kafka.";

/// Ends of keys that name files or folders.
const PATH_ENDS: [&str; 9] =
    [".location", ".file", "File", ".dir", "Dir", ".dirs", "Dirs", ".path", "Path"];

/// Beginnings of ZooKeeper's keys that open a port, or make the server one of an ensemble.
const ZOOKEEPER_PORTS: [&str; 7] = [
    "admin.",
    "secureClientPort",
    "server.",
    "group.",
    "metricsProvider.",
    "quorumListenOnAllIPs",
    "multiAddress.",
];

/// What of those closes one.
const CLOSED: (&str, &str) = ("admin.enableServer", "false");

/// Checks one property that a step wants written; `inside` are the folders it may name files in.
pub(super) fn check(
    spec: &ClusterSpec,
    node: Node,
    key: &str,
    value: &str,
    inside: &[&Path],
) -> Result<()> {
    let granted = granted(spec, key, value);
    check_classes(node, key, value, granted)?;
    if granted {
        return Ok(());
    }
    if key.starts_with(REPORTERS) {
        return Err(refused(node, key, "its reporters write to any folder; the spec must name it"));
    }
    if PROGRAMS.iter().any(|end| key.ends_with(end)) {
        return Err(refused(node, key, "it names a program, and the spec does not name it"));
    }
    let opens = node == Node::ZooKeeper && ZOOKEEPER_PORTS.iter().any(|b| key.starts_with(b));
    if opens && (key, value.trim()) != CLOSED {
        return Err(refused(node, key, "it opens a port, and the spec does not say so"));
    }
    if names_path(node, key, value) && !lies_in(value, inside) {
        let value = if keys::is_sensitive(key) { "it" } else { &format!("`{value}`") };
        let cause = format!("{value} lies outside the cluster, and the spec does not name it");
        return Err(refused(node, key, &cause));
    }
    Ok(())
}

fn check_classes(node: Node, key: &str, value: &str, granted: bool) -> Result<()> {
    if names_classes(key) {
        let known = |class: &str| CLASSES.contains(&class) || granted && is_own(class);
        let mut classes = value.split(',').map(str::trim).filter(|class| !class.is_empty());
        if let Some(class) = classes.find(|class| !known(class)) {
            let cause = match is_own(class) {
                true => format!("`{class}` is not among the classes that a step may name"),
                false => format!("`{class}` is not a class of Kafka"),
            };
            return Err(refused(node, key, &cause));
        }
    }
    match key.ends_with("sasl.jaas.config") {
        true => check_login_module(node, key, value, granted),
        false => Ok(()),
    }
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

fn is_own(class: &str) -> bool {
    OWN_PACKAGES.iter().any(|package| class.starts_with(package))
}

/// Only the value's first word is a class. The rest, passwords among it, is neither read nor shown.
fn check_login_module(node: Node, key: &str, value: &str, granted: bool) -> Result<()> {
    let module = value.split_whitespace().next().unwrap_or_default();
    if LOGIN_MODULES.contains(&module) || granted && is_own(module) {
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

/// By its name, or, where the key is not known, by its value: some class may read it as a path.
fn names_path(node: Node, key: &str, value: &str) -> bool {
    let known = match node {
        Node::ZooKeeper => keys::zookeeper(key),
        Node::Broker(_) => keys::broker(key),
    };
    // `num.recovery.threads.per.data.dir` is a number.
    let is_text = |key: &Key| matches!(key.kind, KeyType::String | KeyType::List);
    if known.is_none_or(is_text) && PATH_ENDS.iter().any(|end| key.ends_with(end)) {
        return true;
    }
    let absolute = |part: &str| {
        let part = part.trim();
        part.starts_with('/') || part.starts_with("file:")
    };
    known.is_none() && !keys::is_sensitive(key) && value.split([',', ';']).any(absolute)
}

fn lies_in(value: &str, inside: &[&Path]) -> bool {
    let path = Path::new(value);
    let climbs = path.components().any(|part| part == Component::ParentDir);
    !climbs && inside.iter().any(|folder| path.starts_with(folder))
}
