//! Where a value comes from that a topic or broker does not set itself.

use kafsh_model::BrokerId;
use kafsh_model::config::ConfigSource;
use kafsh_model::keys;

use crate::cluster::Cluster;

/// Keys of topics whose broker-wide default is named otherwise than `log.KEY` or `KEY`, with the
/// ms in one of each (`LogConfig.SERVER_CONFIG_MAPPING` and `ServerTopicConfigSynonyms`).
const SYNONYMS: [(&str, &[(&str, i64)]); 15] = [
    ("delete.retention.ms", &[("log.cleaner.delete.retention.ms", 1)]),
    ("file.delete.delay.ms", &[("log.segment.delete.delay.ms", 1)]),
    ("flush.messages", &[("log.flush.interval.messages", 1)]),
    ("flush.ms", &[("log.flush.interval.ms", 1), ("log.flush.scheduler.interval.ms", 1)]),
    ("max.compaction.lag.ms", &[("log.cleaner.max.compaction.lag.ms", 1)]),
    ("max.message.bytes", &[("message.max.bytes", 1)]),
    ("min.cleanable.dirty.ratio", &[("log.cleaner.min.cleanable.ratio", 1)]),
    ("min.compaction.lag.ms", &[("log.cleaner.min.compaction.lag.ms", 1)]),
    ("local.retention.bytes", &[("log.local.retention.bytes", 1)]),
    ("local.retention.ms", &[("log.local.retention.ms", 1)]),
    (
        "retention.ms",
        &[
            ("log.retention.ms", 1),
            ("log.retention.minutes", 60_000),
            ("log.retention.hours", 3_600_000),
        ],
    ),
    ("segment.index.bytes", &[("log.index.size.max.bytes", 1)]),
    ("segment.jitter.ms", &[("log.roll.jitter.ms", 1), ("log.roll.jitter.hours", 3_600_000)]),
    ("segment.ms", &[("log.roll.ms", 1), ("log.roll.hours", 3_600_000)]),
    ("index.interval.bytes", &[("log.index.interval.bytes", 1)]),
];

/// A value in a properties file.
pub(crate) fn static_value<'a>(fixed: &'a [(String, String)], key: &str) -> Option<&'a str> {
    fixed.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

/// What a broker's key is set to, by whom; `None` where nobody has set it.
pub(crate) fn set_value(
    cluster: &Cluster,
    broker: Option<BrokerId>,
    fixed: &[(String, String)],
    key: &str,
) -> Option<(String, ConfigSource)> {
    let dynamic = |of| cluster.dynamic.get(&of).and_then(|set| set.get(key)).cloned();
    if let Some(value) = broker.and_then(|id| dynamic(Some(id))) {
        return Some((value, ConfigSource::DynamicBroker));
    }
    if let Some(value) = dynamic(None) {
        return Some((value, ConfigSource::DynamicDefaultBroker));
    }
    static_value(fixed, key).map(|value| (value.to_string(), ConfigSource::StaticBroker))
}

/// What a topic has that does not set the key itself.
pub(crate) fn topic_default(
    cluster: &Cluster,
    broker: Option<BrokerId>,
    fixed: &[(String, String)],
    key: &str,
) -> (Option<String>, ConfigSource) {
    let prefixed = format!("log.{key}");
    let usual = [(key, 1), (prefixed.as_str(), 1)];
    let listed = SYNONYMS.iter().find(|(name, _)| *name == key).map(|(_, synonyms)| *synonyms);
    for (synonym, factor) in listed.unwrap_or(&usual) {
        if let Some((value, source)) = set_value(cluster, broker, fixed, synonym) {
            let scaled = match (*factor, value.trim().parse::<i64>()) {
                // A limit below 0 is none, in whatever unit.
                (2.., Ok(number)) if number > 0 => number.saturating_mul(*factor).to_string(),
                _ => value,
            };
            return (Some(scaled), source);
        }
    }
    let default = keys::topic(key).and_then(|known| known.default);
    (Some(default.unwrap_or_default().to_string()), ConfigSource::Default)
}
