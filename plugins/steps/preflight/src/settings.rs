//! Properties as the brokers will have them: what does not fit their number, or itself.

use kafsh_sdk::step::{BrokerSpec, Finding, Node, Preset, Property};

use crate::view::{View, name};

/// Replicas of a topic in the presets, where there are brokers enough.
const REPLICATION_MAX: i64 = 3;

/// A flush to disk after fewer messages than this is told of.
const FLUSH_MESSAGES_FEW: i64 = 100;

/// Ticks of ZooKeeper between which a session's timeout must lie, and its default tick, ms.
const SESSION_TICKS_MIN: i64 = 2;
const SESSION_TICKS_MAX: i64 = 20;
const TICK_MS: i64 = 2000;

/// Codes `replication-above-brokers`, `min-isr-above-replication`, `transactions-fragile`,
/// `min-isr-without-slack`, `flush-every-2`, `session-timeout-clamped`.
pub(crate) fn check(view: &View, findings: &mut Vec<Finding>) {
    each(view, findings, replication_above_brokers);
    each(view, findings, min_isr_above_replication);
    each(view, findings, transactions_fragile);
    each(view, findings, min_isr_without_slack);
    each(view, findings, flush_often);
    each(view, findings, session_timeout);
}

/// What a check of one broker finds; findings that all brokers share are told once.
fn each<F>(view: &View, findings: &mut Vec<Finding>, check: F)
where
    F: Fn(&View, &Effective) -> Vec<Finding>,
{
    let brokers = &view.spec.brokers;
    let found: Vec<(i32, Vec<Finding>)> = brokers
        .iter()
        .map(|broker| (broker.id, check(view, &Effective { view, broker })))
        .collect();
    let Some((_, first)) = found.first() else { return };
    if found.iter().all(|(_, other)| other == first) {
        findings.extend(first.iter().cloned());
    } else {
        for (id, own) in found {
            let subject = name(Node::Broker(id));
            findings.extend(own.into_iter().map(|f| Finding { subject: subject.clone(), ..f }));
        }
    }
}

/// The values that are in force for one broker: its own, else everybody's, else the preset's, else
/// Kafka's.
struct Effective<'a> {
    view: &'a View<'a>,
    broker: &'a BrokerSpec,
}

impl Effective<'_> {
    fn asked(&self, key: &str) -> Option<i64> {
        let asked = value(&self.broker.properties, key);
        asked.or_else(|| value(&self.view.spec.properties, key))?.trim().parse().ok()
    }

    fn number(&self, key: &str) -> Option<i64> {
        self.asked(key).or_else(|| self.default(key))
    }

    /// What the step `broker-layout` writes, and Kafka's defaults.
    fn default(&self, key: &str) -> Option<i64> {
        let brokers = i64::try_from(self.view.spec.brokers.len()).unwrap_or(i64::MAX);
        let replicas = brokers.clamp(1, REPLICATION_MAX);
        let isr = if brokers >= REPLICATION_MAX { 2 } else { 1 };
        let preset = &self.view.spec.preset;
        if matches!(preset, Preset::Other(_)) {
            return kafkas_own(key);
        }
        Some(match (key, preset) {
            (
                "offsets.topic.replication.factor" | "transaction.state.log.replication.factor",
                _,
            ) => replicas,
            ("transaction.state.log.min.isr", Preset::Classic) => replicas,
            ("transaction.state.log.min.isr", _) => isr,
            ("default.replication.factor" | "min.insync.replicas", Preset::Classic) => 1,
            ("default.replication.factor", _) => replicas,
            ("min.insync.replicas", _) => isr,
            ("log.flush.interval.messages", Preset::Classic) => 2,
            ("zookeeper.session.timeout.ms", Preset::Dev) => 6_000,
            ("zookeeper.session.timeout.ms", _) => 18_000,
            _ => return None,
        })
    }
}

/// What a broker has where nobody says anything: so in a cluster that somebody else set up.
fn kafkas_own(key: &str) -> Option<i64> {
    Some(match key {
        "offsets.topic.replication.factor" | "transaction.state.log.replication.factor" => 3,
        "transaction.state.log.min.isr" => 2,
        "default.replication.factor" | "min.insync.replicas" => 1,
        "zookeeper.session.timeout.ms" => 18_000,
        _ => return None,
    })
}

fn value<'a>(properties: &'a [Property], key: &str) -> Option<&'a str> {
    properties.iter().find(|property| property.key == key).map(|property| property.value.as_str())
}

fn replication_above_brokers(view: &View, effective: &Effective) -> Vec<Finding> {
    let brokers = view.spec.brokers.len();
    let above = |key: &&str| {
        let asked = effective.asked(key)?;
        (asked > i64::try_from(brokers).unwrap_or(i64::MAX)).then_some(asked)
    };
    let keys = [
        "default.replication.factor",
        "offsets.topic.replication.factor",
        "transaction.state.log.replication.factor",
    ];
    let tell = |key: &str, asked: i64| {
        let message = format!("`{key}` is {asked}, and there are {brokers} brokers");
        Finding::problem("replication-above-brokers", "cluster", message)
            .evidence([format!("{key}={asked}")])
            .cause("such topics cannot be created; consumers or transactions would wait for ever")
            .next(format!("{} --config {key}={}", view.up(), brokers.clamp(1, 3)))
    };
    keys.iter().filter_map(|key| above(key).map(|asked| tell(key, asked))).collect()
}

fn min_isr_above_replication(view: &View, effective: &Effective) -> Vec<Finding> {
    let pairs = [
        ("min.insync.replicas", "default.replication.factor"),
        ("transaction.state.log.min.isr", "transaction.state.log.replication.factor"),
    ];
    // Before 3.7 nothing capped it (KAFKA-15583).
    let is_capped = view.version().is_none_or(|version| version >= (3, 7));
    let tell = |(isr_key, replicas_key): (&str, &str)| {
        let (isr, replicas) = (effective.number(isr_key)?, effective.number(replicas_key)?);
        // The presets agree with themselves, so somebody asked for one of the two.
        if isr <= replicas {
            return None;
        }
        let message = format!("`{isr_key}` is {isr}, above `{replicas_key}`, {replicas}");
        // Topics of users may be given more replicas when they are created; that of transactions
        // never is.
        let found = if is_capped || isr_key == "min.insync.replicas" {
            Finding::warning("min-isr-above-replication", "cluster", message)
        } else {
            Finding::problem("min-isr-above-replication", "cluster", message)
        };
        let cause = if is_capped {
            "such topics then need all of their replicas, and one broker down stops every write"
        } else {
            "no write with acks=all to such a topic can succeed"
        };
        Some(
            found
                .evidence([format!("{isr_key}={isr}"), format!("{replicas_key}={replicas}")])
                .cause(cause)
                .next(format!(
                    "{} --config {isr_key}={}",
                    view.up(),
                    replicas.saturating_sub(1).max(1)
                )),
        )
    };
    pairs.into_iter().filter_map(tell).collect()
}

fn transactions_fragile(view: &View, effective: &Effective) -> Vec<Finding> {
    let (isr_key, replicas_key) =
        ("transaction.state.log.min.isr", "transaction.state.log.replication.factor");
    let values = (effective.number(isr_key), effective.number(replicas_key));
    let (Some(isr), Some(replicas)) = values else { return Vec::new() };
    if isr != replicas || replicas < 2 {
        return Vec::new();
    }
    let message = "one broker down will stop all transactions".to_owned();
    vec![
        Finding::warning("transactions-fragile", "cluster", message)
            .evidence([format!("{isr_key}={isr}"), format!("{replicas_key}={replicas}")])
            .cause("every replica of the transaction topic has to be in sync for a commit")
            .next(format!("{} --config {isr_key}={}", view.up(), isr - 1)),
    ]
}

/// Only where somebody asked for it: the presets leave a replica to spare.
fn min_isr_without_slack(_: &View, effective: &Effective) -> Vec<Finding> {
    let (isr_key, replicas_key) = ("min.insync.replicas", "default.replication.factor");
    let values = (effective.number(isr_key), effective.number(replicas_key));
    let (Some(isr), Some(replicas)) = values else { return Vec::new() };
    if isr != replicas || replicas < 2 {
        return Vec::new();
    }
    let message = format!("`{isr_key}` is {isr}, all replicas that a topic has by default");
    vec![
        Finding::warning("min-isr-without-slack", "cluster", message)
            .evidence([format!("{isr_key}={isr}"), format!("{replicas_key}={replicas}")])
            .cause("while one broker is down, writes with acks=all to such topics stop")
            .next(format!("{} --config {isr_key}={}", effective.view.up(), isr - 1)),
    ]
}

fn flush_often(view: &View, effective: &Effective) -> Vec<Finding> {
    let key = "log.flush.interval.messages";
    let few = effective.number(key).filter(|count| (1..FLUSH_MESSAGES_FEW).contains(count));
    let Some(count) = few else { return Vec::new() };
    let message = match count {
        1 => "every message will be flushed to disk by itself".to_owned(),
        count => format!("every {count} messages will be flushed to disk by themselves"),
    };
    vec![
        Finding::warning("flush-every-2", "cluster", message)
            .evidence([format!("{key}={count}")])
            .cause(
                "an fsync for each partition that often is slow; replicas are what keeps records",
            )
            .next(format!("{} --config {key}={}", view.up(), i64::MAX)),
    ]
}

fn session_timeout(view: &View, effective: &Effective) -> Vec<Finding> {
    let key = "zookeeper.session.timeout.ms";
    let of_zookeeper = |key| value(&view.spec.zookeeper.properties, key);
    let tick = of_zookeeper("tickTime").map_or(Some(TICK_MS), |text| text.trim().parse().ok());
    // What makes no sense as a tick is ZooKeeper's to refuse.
    let tick = tick.filter(|tick| (1..=i64::from(i32::MAX)).contains(tick));
    let has_own_range =
        ["minSessionTimeout", "maxSessionTimeout"].into_iter().any(|k| of_zookeeper(k).is_some());
    let (Some(asked), Some(tick), false) = (effective.number(key), tick, has_own_range) else {
        return Vec::new();
    };
    let granted = asked.clamp(SESSION_TICKS_MIN * tick, SESSION_TICKS_MAX * tick);
    if granted == asked {
        return Vec::new();
    }
    let message = format!("ZooKeeper will grant sessions of {granted} ms instead of {asked} ms");
    vec![
        Finding::warning("session-timeout-clamped", "cluster", message)
            .evidence([format!("{key}={asked}"), format!("tickTime={tick}")])
            .cause("it grants between 2 and 20 ticks")
            .next(format!("{} --config {key}={granted}", view.up())),
    ]
}
