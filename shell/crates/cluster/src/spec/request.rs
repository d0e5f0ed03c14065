//! From flags to a spec.

use std::collections::BTreeMap;

use kafsh_model::keys::{self, Scope};
use kafsh_model::spec::{
    BrokerSpec, ClusterSpec, DEFAULT_STEPS, ListenerSpec, Preset, SPEC_SCHEMA, SecurityProtocol,
    ZooKeeperSpec,
};
use kafsh_model::{BrokerId, ClusterName, Error, Result};

use super::ports::{DEFAULT_BASE_PORT, PortRegistry, block_last};
use super::{BROKERS_MAX, check};

/// Brokers of a new cluster where no number is asked for: the seed document's.
const BROKERS_DEFAULT: u16 = 3;

/// Where every server binds unless a spec file says otherwise.
const LOOPBACK: &str = "127.0.0.1";

/// Which brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Brokers {
    /// So many, numbered from 1
    Count(u16),
    /// These
    Ids(Vec<BrokerId>),
}

/// Where the block of ports begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BasePort {
    /// What the cluster has already; else 9091, or the next block that no other cluster keeps
    #[default]
    Default,
    At(u16),
    /// What the cluster has already; else the first block that can be bound now
    Auto,
}

/// One `--config [ID:]KEY=VALUE`; `broker` is `None` for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSetting {
    pub broker: Option<BrokerId>,
    pub key: String,
    pub value: String,
}

/// What the flags of `cluster up` and `cluster create` ask for. `None` and empty leave it to what
/// the cluster has already, else to the default.
#[derive(Clone, Debug)]
pub struct SpecRequest {
    pub name: ClusterName,
    /// The cluster's spec, if it exists: what the flags do not name stays as it is
    pub existing: Option<ClusterSpec>,
    pub brokers: Option<Brokers>,
    pub base_port: BasePort,
    pub zookeeper_port: Option<u16>,
    /// Host that clients are told; the servers then bind every address
    pub advertise: Option<String>,
    /// Absolute
    pub data_dir: Option<String>,
    pub ephemeral: bool,
    pub preset: Option<Preset>,
    /// Given to the brokers in turn
    pub racks: Vec<String>,
    pub config: Vec<ConfigSetting>,
    /// Version of Kafka; needed where there is no existing spec
    pub kafka: Option<String>,
    pub steps: Vec<String>,
}

impl SpecRequest {
    /// Asks for nothing but a name.
    pub fn new(name: ClusterName) -> Self {
        SpecRequest {
            name,
            existing: None,
            brokers: None,
            base_port: BasePort::Default,
            zookeeper_port: None,
            advertise: None,
            data_dir: None,
            ephemeral: false,
            preset: None,
            racks: Vec::new(),
            config: Vec::new(),
            kafka: None,
            steps: Vec::new(),
        }
    }
}

/// Reads `KEY=VALUE` or `ID:KEY=VALUE` and checks key and value against what Kafka knows.
///
/// # Errors
/// `bad-config`, `unknown-config`, `bad-config-value`; all of class usage.
pub fn parse_config(text: &str) -> Result<ConfigSetting> {
    let bad = || {
        Error::usage("bad-config", "a setting is `KEY=VALUE`, or `ID:KEY=VALUE` for one broker")
            .with_evidence(text.split('=').next().unwrap_or("").to_string())
            .with_next("cluster up demo --config num.partitions=3")
    };
    let (left, value) = text.split_once('=').ok_or_else(bad)?;
    let (broker, key) = match left.split_once(':') {
        Some((id, key)) => (Some(id.trim().parse::<BrokerId>().map_err(|_| bad())?), key.trim()),
        None => (None, left.trim()),
    };
    if key.is_empty() {
        return Err(bad());
    }
    let value = keys::raw(Scope::Broker, key, value);
    keys::check_written(Scope::Broker, key, &value)?;
    Ok(ConfigSetting { broker, key: key.to_string(), value })
}

/// Makes a spec and checks it: the same request and registry give the same spec.
///
/// # Errors
/// What [`super::validate`] finds; `port-reserved` where another cluster keeps a port; class usage
/// for numbers out of range.
pub fn build(request: &SpecRequest, registry: &PortRegistry) -> Result<ClusterSpec> {
    let old = request.existing.as_ref();
    refuse_preset(request)?;
    let ids = broker_ids(request)?;
    let count = u16::try_from(ids.len()).unwrap_or(u16::MAX);
    let (base, fresh) = base_port(request, registry, count)?;
    let auto = request.base_port == BasePort::Auto;
    let mut zookeeper = match old {
        Some(old) => old.zookeeper.clone(),
        None => ZooKeeperSpec {
            bind: LOOPBACK.to_string(),
            port: registry.zookeeper_port(base, count, auto),
            chroot: None,
            heap_mib: None,
            data_dir: None,
            data_log_dir: None,
            properties: BTreeMap::new(),
        },
    };
    if let Some(port) = request.zookeeper_port {
        zookeeper.port = port;
    }
    let brokers = ids
        .iter()
        .enumerate()
        .map(|(index, id)| {
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            let kept = old.filter(|_| !fresh).and_then(|old| old.broker(*id));
            kept.cloned().unwrap_or_else(|| plain_broker(*id, base + index, base + count + index))
        })
        .collect();
    let mut spec = ClusterSpec {
        schema: SPEC_SCHEMA,
        name: request.name.clone(),
        kafka: match (&request.kafka, old) {
            (Some(version), _) => version.clone(),
            (None, Some(old)) => old.kafka.clone(),
            (None, None) => {
                return Err(Error::usage("no-kafka-version", "no version of Kafka was chosen")
                    .with_next("kafka list"));
            }
        },
        preset: request.preset.or(old.map(|old| old.preset)).unwrap_or_default(),
        ephemeral: request.ephemeral || old.is_some_and(|old| old.ephemeral),
        adopted: old.is_some_and(|old| old.adopted),
        data_dir: request.data_dir.clone().or(old.and_then(|old| old.data_dir.clone())),
        steps: match (request.steps.is_empty(), old) {
            (false, _) => request.steps.clone(),
            (true, Some(old)) => old.steps.clone(),
            (true, None) => DEFAULT_STEPS.map(String::from).to_vec(),
        },
        zookeeper,
        brokers,
        properties: old.map(|old| old.properties.clone()).unwrap_or_default(),
    };
    renumber_clashes(&mut spec);
    lay_over(&mut spec, request)?;
    check::validate(&spec, Some(registry))?;
    Ok(spec)
}

/// The settings of an adopted cluster are those of its files, and a preset would change them all.
fn refuse_preset(request: &SpecRequest) -> Result<()> {
    let adopted = request.existing.as_ref().is_some_and(|old| old.adopted);
    let (true, Some(preset)) = (adopted, request.preset) else { return Ok(()) };
    let (name, word) = (&request.name, preset.name());
    Err(Error::usage("bad-flags", format!("`--preset {word}` is not for an adopted cluster"))
        .with_cause(format!("`{name}` keeps the settings of the files it was adopted with"))
        .with_next(format!("cluster export {name}")))
}

fn broker_ids(request: &SpecRequest) -> Result<Vec<BrokerId>> {
    let many = |count: usize| {
        Error::usage(
            "bad-broker-count",
            format!("a cluster has 1 to {BROKERS_MAX} brokers, not {count}"),
        )
    };
    match (&request.brokers, &request.existing) {
        (Some(Brokers::Ids(ids)), _) if ids.is_empty() || ids.len() > BROKERS_MAX => {
            Err(many(ids.len()))
        }
        (Some(Brokers::Ids(ids)), _) => Ok(ids.clone()),
        (Some(Brokers::Count(count)), _) if *count == 0 || usize::from(*count) > BROKERS_MAX => {
            Err(many(usize::from(*count)))
        }
        (Some(Brokers::Count(count)), Some(old)) => {
            Ok(grown_ids(&old.brokers, usize::from(*count)))
        }
        (Some(Brokers::Count(count)), None) => Ok((1..=BrokerId::from(*count)).collect()),
        (None, Some(old)) => Ok(old.brokers.iter().map(|broker| broker.id).collect()),
        (None, None) => Ok((1..=BrokerId::from(BROKERS_DEFAULT)).collect()),
    }
}

/// The first `count` of the brokers there are, and then the lowest free numbers.
fn grown_ids(old: &[BrokerSpec], count: usize) -> Vec<BrokerId> {
    let mut ids: Vec<BrokerId> = old.iter().map(|broker| broker.id).take(count).collect();
    let mut next = 1;
    while ids.len() < count {
        if !ids.contains(&next) {
            ids.push(next);
        }
        next += 1;
    }
    ids
}

/// The base port, and whether the brokers that exist get new ports from it.
fn base_port(request: &SpecRequest, registry: &PortRegistry, count: u16) -> Result<(u16, bool)> {
    let current = request.existing.as_ref().and_then(|old| {
        old.brokers.iter().flat_map(|b| &b.listeners).map(|listener| listener.port).min()
    });
    let (base, fresh) = match (request.base_port, current) {
        (BasePort::At(base), current) => (base, current != Some(base)),
        (_, Some(current)) => (current, false),
        (BasePort::Default, None) => (registry.next_base(count, false)?, true),
        (BasePort::Auto, None) => (registry.next_base(count, true)?, true),
    };
    if block_last(base, count).is_none() {
        return Err(Error::usage(
            "bad-port",
            format!("`{base}` is no base port for {count} brokers"),
        )
        .with_cause(
            "ports are 1024 to 65535, and brokers, controllers and ZooKeeper need a block in a row",
        )
        .with_next(format!("cluster up {} --base-port {DEFAULT_BASE_PORT}", request.name)));
    }
    Ok((base, fresh))
}

fn plain_broker(id: BrokerId, port: u16, controller_port: u16) -> BrokerSpec {
    BrokerSpec {
        id,
        rack: None,
        listeners: vec![ListenerSpec {
            name: "PLAINTEXT".to_string(),
            protocol: SecurityProtocol::Plaintext,
            bind: LOOPBACK.to_string(),
            port,
            advertised_host: LOOPBACK.to_string(),
            advertised_port: port,
            inter_broker: true,
        }],
        log_dirs: Vec::new(),
        heap_mib: None,
        controller_port: Some(controller_port),
        properties: BTreeMap::new(),
    }
}

/// Brokers added to a cluster may meet ports that its block gave to controllers when it was
/// smaller: controllers move, since nothing listens there yet.
fn renumber_clashes(spec: &mut ClusterSpec) {
    let listening: Vec<u16> = spec
        .brokers
        .iter()
        .flat_map(|broker| &broker.listeners)
        .map(|listener| listener.port)
        .chain([spec.zookeeper.port])
        .collect();
    let mut taken = listening.clone();
    let clashes: Vec<bool> = spec
        .brokers
        .iter()
        .map(|broker| match broker.controller_port {
            Some(port) if taken.contains(&port) => true,
            Some(port) => {
                taken.push(port);
                false
            }
            None => false,
        })
        .collect();
    for (broker, clash) in spec.brokers.iter_mut().zip(clashes) {
        if clash {
            let top = taken.iter().copied().filter(|port| *port != spec.zookeeper.port).max();
            broker.controller_port = top.and_then(|top| top.checked_add(1));
            taken.extend(broker.controller_port);
        }
    }
}

/// Advertised host, racks and properties, over what is there.
fn lay_over(spec: &mut ClusterSpec, request: &SpecRequest) -> Result<()> {
    if let Some(host) = &request.advertise {
        let local = is_loopback(host);
        for listener in spec.brokers.iter_mut().flat_map(|broker| &mut broker.listeners) {
            listener.advertised_host.clone_from(host);
            listener.bind = if local { LOOPBACK.to_string() } else { "0.0.0.0".to_string() };
        }
    }
    if !request.racks.is_empty() {
        for (index, broker) in spec.brokers.iter_mut().enumerate() {
            broker.rack = Some(request.racks[index % request.racks.len()].clone());
        }
    }
    for setting in &request.config {
        keys::check(&setting.key, &setting.value)?;
        let properties = match setting.broker {
            None => &mut spec.properties,
            Some(id) => match spec.brokers.iter_mut().find(|broker| broker.id == id) {
                Some(broker) => &mut broker.properties,
                None => {
                    return Err(Error::usage(
                        "bad-config",
                        format!(
                            "`{id}:{}` is for a broker that the cluster does not have",
                            setting.key
                        ),
                    ));
                }
            },
        };
        properties.insert(setting.key.clone(), setting.value.clone());
    }
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
