//! Whether a spec can work: every contradiction at once, before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use kafsh_model::keys::{self, Scope};
use kafsh_model::plan::{Finding, Severity};
use kafsh_model::spec::{BrokerSpec, ClusterSpec, ListenerSpec, SPEC_SCHEMA, SecurityProtocol};
use kafsh_model::{Class, Error, Result, codes};

use super::ports::{PortRegistry, ports_of};
use super::{BROKER_ID_MAX, BROKERS_MAX};

/// Most heap that one server of one host is given, MiB: a slip of a unit, not a wish.
const HEAP_MIB_MAX: u32 = 262_144;

/// Least heap that a server starts with, MiB.
const HEAP_MIB_MIN: u32 = 32;

/// The last line of Kafka that runs with ZooKeeper, by its newest version.
const LAST_WITH_ZOOKEEPER: &str = "3.9.2";

/// What is below these the kernel makes up.
const KERNEL_FOLDERS: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Keys that kafsh derives from other parts of a spec, and the part.
const OWNED_BROKER_KEYS: [(&str, &str); 14] = [
    ("broker.id", "`id` of the broker"),
    ("node.id", "`id` of the broker"),
    ("broker.rack", "`rack` of the broker"),
    ("listeners", "`listeners` of the broker"),
    ("advertised.listeners", "`listeners` of the broker"),
    ("listener.security.protocol.map", "`listeners` of the broker"),
    ("inter.broker.listener.name", "`inter_broker` of a listener"),
    ("security.inter.broker.protocol", "`inter_broker` of a listener"),
    ("log.dir", "`log_dirs` of the broker"),
    ("log.dirs", "`log_dirs` of the broker"),
    ("metadata.log.dir", "`log_dirs` of the broker"),
    ("zookeeper.connect", "`zookeeper`"),
    ("process.roles", "the mode of the cluster"),
    ("controller.quorum.voters", "the mode of the cluster"),
];

const OWNED_ZOOKEEPER_KEYS: [(&str, &str); 4] = [
    ("clientPort", "`port` of zookeeper"),
    ("clientPortAddress", "`bind` of zookeeper"),
    ("dataDir", "the cluster's folder"),
    ("dataLogDir", "the cluster's folder"),
];

/// Keys of which one gives a listener its certificate.
const KEYSTORES: [&str; 3] =
    ["ssl.keystore.location", "ssl.keystore.certificate.chain", "ssl.engine.factory.class"];

struct Checker<'a> {
    spec: &'a ClusterSpec,
    found: Vec<Finding>,
}

/// Everything that contradicts itself in a spec. What depends on the host, the version, or the
/// values that a preset stands for is the business of the step `preflight`; where both must know,
/// the codes are the same.
pub fn check(spec: &ClusterSpec) -> Vec<Finding> {
    let mut checker = Checker { spec, found: Vec::new() };
    checker.cluster();
    checker.zookeeper();
    for broker in &spec.brokers {
        checker.broker(broker);
    }
    checker.brokers_together();
    checker.ports();
    checker.replication();
    checker.found
}

/// Checks a spec, and its ports against those of other clusters. Returns warnings and notes.
///
/// # Errors
/// One error with every problem: its code is the problem's own where there is only one, else
/// `bad-spec`. Class usage, but where the spec is right and another cluster keeps its port.
pub fn validate(spec: &ClusterSpec, registry: Option<&PortRegistry>) -> Result<Vec<Finding>> {
    let mut found = check(spec);
    if let Some(registry) = registry {
        found.extend(against(spec, registry));
    }
    let (problems, rest): (Vec<Finding>, Vec<Finding>) =
        found.into_iter().partition(|finding| finding.severity == Severity::Problem);
    let Some(first) = problems.first() else { return Ok(rest) };
    if problems.len() == 1 {
        let class = codes::find(&first.code).map_or(Class::Usage, |known| known.class);
        let mut error = Error::new(class, first.code.clone(), first.message.clone());
        error.evidence.clone_from(&first.evidence);
        error.cause.clone_from(&first.cause);
        error.next.clone_from(&first.next);
        return Err(error);
    }
    let count = problems.len();
    let mut error = Error::usage("bad-spec", format!("the spec has {count} problems"));
    for problem in problems {
        let cause = problem.cause.map(|cause| format!(": {cause}")).unwrap_or_default();
        error.evidence.push(format!("{}: {}{cause}", problem.subject, problem.message));
        for next in problem.next {
            if error.next.len() < 3 && !error.next.contains(&next) {
                error.next.push(next);
            }
        }
    }
    Err(error)
}

/// Ports that another cluster keeps.
fn against(spec: &ClusterSpec, registry: &PortRegistry) -> Vec<Finding> {
    let mut checker = Checker { spec, found: Vec::new() };
    let count = u16::try_from(spec.brokers.len()).unwrap_or(u16::MAX);
    for (port, user) in ports_of(spec) {
        if let Some(keeper) = registry.keeper(port).filter(|keeper| **keeper != spec.name) {
            let message = format!("port {port} of {user} is kept for cluster `{keeper}`");
            let finding = checker.problem("port-reserved", node_of(&user), message);
            if let Ok(base) = registry.next_base(count, false) {
                finding.next.push(format!("cluster up {} --base-port {base}", spec.name));
            }
        }
    }
    checker.found
}

impl Checker<'_> {
    fn put(
        &mut self,
        severity: Severity,
        code: &str,
        subject: &str,
        message: String,
    ) -> &mut Finding {
        self.found.push(Finding {
            severity,
            code: code.to_string(),
            subject: subject.to_string(),
            message,
            evidence: Vec::new(),
            cause: None,
            next: Vec::new(),
            safe_to_fix: false,
        });
        // Just pushed, so there is a last one.
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    fn problem(&mut self, code: &str, subject: &str, message: String) -> &mut Finding {
        self.put(Severity::Problem, code, subject, message)
    }

    fn warning(&mut self, code: &str, subject: &str, message: String) -> &mut Finding {
        self.put(Severity::Warning, code, subject, message)
    }

    fn cluster(&mut self) {
        let spec = self.spec;
        if spec.schema != SPEC_SCHEMA {
            let message =
                format!("schema {} is not known; this kafsh writes {SPEC_SCHEMA}", spec.schema);
            self.problem("unknown-schema", "cluster", message);
        }
        if spec.brokers.is_empty() || spec.brokers.len() > BROKERS_MAX {
            let message =
                format!("a cluster has 1 to {BROKERS_MAX} brokers, not {}", spec.brokers.len());
            self.problem("bad-broker-count", "cluster", message);
        }
        let version = spec.kafka.split('.').map(str::parse::<u32>);
        if spec.kafka.split('.').count() < 2 || version.into_iter().any(|part| part.is_err()) {
            let message = format!("`{}` is no version of Kafka", spec.kafka.escape_debug());
            self.problem("bad-kafka-version", "cluster", message).next.push("kafka list".into());
        } else if spec
            .kafka
            .split('.')
            .next()
            .is_some_and(|major| major.parse::<u32>().is_ok_and(|major| major >= 4))
        {
            let message = format!("Kafka {} has no ZooKeeper mode", spec.kafka);
            let next = format!("cluster up {} --kafka {LAST_WITH_ZOOKEEPER}", spec.name);
            let found = self.problem("no-zookeeper-mode", "cluster", message);
            found.cause = Some(format!(
                "Kafka 4.0 and later run without ZooKeeper, which kafsh cannot provision yet; \
                 {LAST_WITH_ZOOKEEPER} is the last version with it"
            ));
            found.next.push(next);
        }
        if spec.steps.is_empty() {
            self.problem("no-steps", "cluster", "`steps` names no step".into());
        }
        let mut seen = BTreeSet::new();
        for step in spec.steps.iter().filter(|step| !seen.insert(step.as_str())) {
            self.problem("duplicate-step", "cluster", format!("step `{step}` is named twice"));
        }
        if let Some(path) = &spec.data_dir {
            self.absolute(path, "data-dir", "cluster");
            self.of_the_kernel(path);
        }
        self.properties("cluster", Scope::Broker, &spec.properties, &OWNED_BROKER_KEYS);
    }

    /// What is there looks like folders and keeps nothing; `/dev/shm` alone does, in memory.
    fn of_the_kernel(&mut self, path: &str) {
        let below = |root: &str| {
            path.strip_prefix(root).is_some_and(|p| p.is_empty() || p.starts_with('/'))
        };
        let Some(root) = KERNEL_FOLDERS.iter().find(|root| below(root)) else { return };
        if below("/dev/shm") {
            return;
        }
        let message = format!("`{}` cannot keep data", path.escape_debug());
        let next = format!("cluster up {} --data-dir /var/tmp/kafka", self.spec.name);
        let found = self.problem("bad-data-dir", "cluster", message);
        found.cause = Some(format!("`{root}` is the kernel's: no files can be made there"));
        found.next.push(next);
    }

    fn absolute(&mut self, path: &str, what: &str, subject: &str) {
        let bad = !path.starts_with('/')
            || path.split('/').any(|part| part == ".." || part == ".")
            || path.contains([',', '\0', '\n']);
        if bad || path.trim_matches('/').is_empty() {
            let message = format!("`{}` is no folder for data", path.escape_debug());
            self.problem(&format!("bad-{what}"), subject, message).cause =
                Some("it is an absolute path below `/`, without `..` and without commas".into());
        }
    }

    fn zookeeper(&mut self) {
        let zookeeper = &self.spec.zookeeper;
        self.address(&zookeeper.bind, "zookeeper");
        self.heap(zookeeper.heap_mib, "zookeeper");
        for dir in zookeeper.data_dir.iter().chain(&zookeeper.data_log_dir) {
            self.absolute(dir, "data-dir", "zookeeper");
        }
        if let Some(chroot) = &zookeeper.chroot {
            let good = chroot.len() > 1
                && chroot.starts_with('/')
                && chroot[1..].split('/').all(|part| {
                    !matches!(part, "" | "." | ".." | "zookeeper")
                        && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
                });
            if !good {
                let message = format!("`{}` is no chroot", chroot.escape_debug());
                self.problem("bad-chroot", "zookeeper", message).cause =
                    Some("it is `/name` or `/a/b`, and not ZooKeeper's own `/zookeeper`".into());
            }
        }
        self.properties(
            "zookeeper",
            Scope::ZooKeeper,
            &zookeeper.properties,
            &OWNED_ZOOKEEPER_KEYS,
        );
    }

    fn heap(&mut self, heap_mib: Option<u32>, subject: &str) {
        if let Some(heap) = heap_mib.filter(|heap| !(HEAP_MIB_MIN..=HEAP_MIB_MAX).contains(heap)) {
            let message = format!("a heap of {heap} MiB is out of range");
            self.problem("bad-heap", subject, message).cause =
                Some(format!("it is {HEAP_MIB_MIN} to {HEAP_MIB_MAX} MiB"));
        }
    }

    fn address(&mut self, bind: &str, subject: &str) {
        if !is_host(bind) {
            let message = format!("`{}` is no address to bind", bind.escape_debug());
            self.problem("bad-address", subject, message);
        }
    }

    fn broker(&mut self, broker: &BrokerSpec) {
        let subject = format!("broker {}", broker.id);
        if !(0..=BROKER_ID_MAX).contains(&broker.id) {
            let message = format!("`{}` is no broker id", broker.id);
            self.problem("bad-broker-id", &subject, message).cause =
                Some(format!("it is 0 to {BROKER_ID_MAX}"));
        }
        self.heap(broker.heap_mib, &subject);
        if broker.rack.as_deref().is_some_and(|rack| rack.trim().is_empty()) {
            self.problem("bad-rack", &subject, "the rack's name is empty".into());
        }
        self.listeners(broker, &subject);
        for dir in &broker.log_dirs {
            if dir.contains('/') {
                self.absolute(dir, "log-dir", &subject);
            } else if dir.is_empty() || dir.starts_with('.') || dir.contains([',', '\0', '\n']) {
                let message = format!("`{}` is no folder's name", dir.escape_debug());
                self.problem("bad-log-dir", &subject, message);
            }
        }
        self.properties(&subject, Scope::Broker, &broker.properties, &OWNED_BROKER_KEYS);
    }

    fn listeners(&mut self, broker: &BrokerSpec, subject: &str) {
        if broker.listeners.is_empty() {
            self.problem("no-listener", subject, "it has no listener".into());
        }
        let mut names = BTreeSet::new();
        for listener in &broker.listeners {
            let name = &listener.name;
            let good = !name.is_empty()
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
            if !good {
                let message = format!("`{}` is no name for a listener", name.escape_debug());
                self.problem("bad-listener-name", subject, message);
            }
            if !names.insert(name.to_ascii_uppercase()) {
                let message = format!("two listeners are called `{name}`");
                self.problem("duplicate-listener", subject, message);
            }
            let own_word = SecurityProtocol::Plaintext.name() == name
                || ["SSL", "SASL_PLAINTEXT", "SASL_SSL"].contains(&name.as_str());
            if own_word && listener.protocol.name() != name {
                let message =
                    format!("listener `{name}` has the protocol {}", listener.protocol.name());
                self.warning("listener-misnamed", subject, message);
            }
            self.address(&listener.bind, subject);
            let host = &listener.advertised_host;
            if host == "0.0.0.0" || host == "::" || host == "[::]" {
                let message =
                    format!("`{host}` cannot be advertised: clients cannot connect to it");
                let next = format!("cluster up {} --advertise localhost", self.spec.name);
                self.problem("bad-advertised-host", subject, message).next.push(next);
            } else if !is_host(host) {
                let message = format!("`{}` is no host to advertise", host.escape_debug());
                self.problem("bad-advertised-host", subject, message);
            }
            self.secured(broker, listener, subject);
            if listener.advertised_port == 0 {
                self.problem("bad-port", subject, "the advertised port is 0".into());
            }
        }
        let inter = broker.listeners.iter().filter(|listener| listener.inter_broker).count();
        if inter > 1 {
            self.problem(
                "two-inter-broker",
                subject,
                format!("{inter} listeners are `inter_broker`"),
            )
            .cause = Some("brokers talk to each other over one listener".into());
        }
    }

    /// What a listener cannot serve without: a broker would die of it, or serve nobody.
    fn secured(&mut self, broker: &BrokerSpec, listener: &ListenerSpec, subject: &str) {
        let (name, protocol) = (&listener.name, listener.protocol);
        let own = format!("listener.name.{}.", name.to_ascii_lowercase());
        let all = || self.spec.properties.keys().chain(broker.properties.keys());
        let says = |key: &str| all().any(|k| k.strip_prefix(&own).unwrap_or(k) == key);
        let tls = matches!(protocol, SecurityProtocol::Ssl | SecurityProtocol::SaslSsl);
        let sasl = matches!(protocol, SecurityProtocol::SaslPlaintext | SecurityProtocol::SaslSsl);
        let certified = KEYSTORES.iter().any(|key| says(key));
        // Brokers take it with listener and mechanism in front of it alone.
        let mut own_keys = all().filter_map(|k| k.strip_prefix(&own));
        let jaas = own_keys.any(|rest| rest.ends_with(".sasl.jaas.config"));
        // A server that somebody else set up may have these from its environment.
        if self.spec.adopted {
            return;
        }
        if tls && !certified {
            let message = format!("listener `{name}` has no certificate");
            self.problem("listener-unsecured", subject, message).cause =
                Some(format!("`{own}ssl.keystore.location` or `ssl.keystore.location` names it"));
        }
        if sasl && !jaas {
            let message = format!("listener `{name}` does not say who may log in");
            self.problem("listener-unsecured", subject, message).cause =
                Some(format!("`{own}MECHANISM.sasl.jaas.config` does, as with `scram-sha-256`"));
        }
    }

    fn brokers_together(&mut self) {
        let spec = self.spec;
        let mut ids = BTreeSet::new();
        for broker in spec.brokers.iter().filter(|broker| !ids.insert(broker.id)) {
            let message = format!("two brokers have the id {}", broker.id);
            self.problem("duplicate-broker-id", &format!("broker {}", broker.id), message);
        }
        let mut dirs: BTreeMap<&str, String> = BTreeMap::new();
        let mut endpoints: BTreeMap<(&str, u16), String> = BTreeMap::new();
        for broker in &spec.brokers {
            let subject = format!("broker {}", broker.id);
            let mut own = BTreeSet::new();
            for dir in &broker.log_dirs {
                let shared = dir.starts_with('/')
                    && dirs.insert(dir.trim_end_matches('/'), subject.clone()).is_some();
                if shared || !own.insert(dir.trim_end_matches('/')) {
                    let message = format!("`{dir}` is the log.dirs of two");
                    self.problem("shared-log-dir", &subject, message).cause =
                        Some("each folder belongs to one broker, which locks it".into());
                }
            }
            for listener in &broker.listeners {
                let at = (listener.advertised_host.as_str(), listener.advertised_port);
                if let Some(other) = endpoints.insert(at, subject.clone()) {
                    let message = format!("{}:{} is advertised by {other} too", at.0, at.1);
                    self.problem("duplicate-endpoint", &subject, message);
                }
            }
        }
        let inter = |broker: &BrokerSpec| {
            let chosen = broker.listeners.iter().find(|listener| listener.inter_broker);
            chosen.or(broker.listeners.first()).map(|listener| listener.name.clone())
        };
        let names: BTreeSet<String> = spec.brokers.iter().filter_map(inter).collect();
        if names.len() > 1 {
            let words = names.into_iter().collect::<Vec<_>>().join("`, `");
            let message = format!("brokers differ in the listener among themselves: `{words}`");
            self.problem("inter-broker-differs", "cluster", message);
        }
    }

    fn ports(&mut self) {
        let mut users: BTreeMap<u16, String> = BTreeMap::new();
        for (port, user) in ports_of(self.spec) {
            if port == 0 {
                self.problem("bad-port", &user, "port 0 is none".into());
                continue;
            }
            if let Some(other) = users.insert(port, user.clone()) {
                let message = format!("port {port} of {user} is also that of {other}");
                self.problem("duplicate-port", node_of(&user), message);
            }
            if port < 1024 {
                let message = format!("port {port} of {user} can be bound only by root");
                self.warning("port-privileged", node_of(&user), message);
            }
        }
    }

    /// A number in force on a broker, where the spec itself says one.
    fn number(&self, broker: Option<&BrokerSpec>, key: &str) -> Option<i64> {
        let own = broker.and_then(|broker| broker.properties.get(key));
        own.or_else(|| self.spec.properties.get(key))?.trim().parse().ok()
    }

    fn replication(&mut self) {
        let count = i64::try_from(self.spec.brokers.len()).unwrap_or(i64::MAX);
        let factors = [
            "default.replication.factor",
            "offsets.topic.replication.factor",
            "transaction.state.log.replication.factor",
        ];
        let places: Vec<Option<&BrokerSpec>> =
            std::iter::once(None).chain(self.spec.brokers.iter().map(Some)).collect();
        for place in places {
            let subject =
                place.map_or("cluster".to_string(), |broker| format!("broker {}", broker.id));
            let says = |key: &str| place.is_none_or(|broker| broker.properties.contains_key(key));
            for key in factors {
                if let Some(factor) = self.number(place, key).filter(|f| *f > count && says(key)) {
                    let message =
                        format!("`{key}={factor}` needs {factor} brokers; there are {count}");
                    self.problem("replication-above-brokers", &subject, message).cause =
                        Some("the topic could never be created".into());
                }
            }
        }
    }

    fn properties(
        &mut self,
        subject: &str,
        scope: Scope,
        properties: &BTreeMap<String, String>,
        owned: &[(&str, &str)],
    ) {
        for (key, value) in properties {
            if let Some((_, part)) = owned.iter().find(|(name, _)| name == key) {
                let message = format!("`{key}` cannot be set among the properties");
                self.problem("owned-key", subject, message).cause =
                    Some(format!("it follows from {part}"));
                continue;
            }
            // A server that somebody else set up has run with it, whatever it is.
            let taken_over = self.spec.adopted;
            if !taken_over && let Err(error) = keys::check_in(scope, key, value) {
                let finding = self.problem(&error.code, subject, error.message);
                finding.cause = error.cause;
            }
            if value.contains(['\n', '\r', '\0']) {
                self.problem(
                    "bad-config-value",
                    subject,
                    format!("the value of `{key}` has a line break"),
                );
            }
        }
    }
}

/// `broker 2` of `broker 2 (PLAINTEXT)`
fn node_of(user: &str) -> &str {
    user.split_once(" (").map_or(user, |(node, _)| node)
}

/// A host name or an address, IPv6 with or without brackets.
fn is_host(text: &str) -> bool {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    if bare.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    text.len() <= 253 && text.split('.').all(label)
}
