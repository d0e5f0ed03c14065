//! Values of keys as people write them: `7d` and `64MiB` instead of Kafka's raw numbers.

use super::{Key, KeyType, Scope, check_in};
use crate::error::{Error, Result};
use crate::units;

/// Kafka's raw value of a setting: `7d` for a key in ms is 604800000, `64MiB` for one in bytes is
/// 67108864. Anything else stays as it is.
pub fn raw(scope: Scope, key: &str, value: &str) -> String {
    let is_number = scope
        .table()
        .get(key)
        .is_none_or(|key: &Key| matches!(key.kind, KeyType::Int | KeyType::Long | KeyType::Short));
    if !is_number || value.parse::<i64>().is_ok() {
        return value.to_string();
    }
    let time = |unit_ms: u128| {
        let ms = units::parse_duration(value)?.as_millis();
        ms.is_multiple_of(unit_ms).then(|| (ms / unit_ms).to_string())
    };
    let converted = match unit_of(key) {
        "ms" => time(1),
        "seconds" => time(1_000),
        "minutes" => time(60_000),
        "hours" => time(3_600_000),
        "bytes" => units::parse_size(value).map(|bytes| bytes.to_string()),
        _ => None,
    };
    converted.unwrap_or_else(|| value.to_string())
}

/// As [`check_in`]; where a unit would have been understood, it says which there are.
///
/// # Errors
/// As [`check_in`].
pub fn check_written(scope: Scope, key: &str, value: &str) -> Result<()> {
    check_in(scope, key, value).map_err(|error| with_units(error, key, value))
}

fn with_units(error: Error, key: &str, value: &str) -> Error {
    let units = match unit_of(key) {
        _ if error.code == "unknown-config" => return error,
        "ms" => "`500ms`, `30s`, `5m`, `2h` or `7d`",
        "seconds" => "`30s`, `5m`, `2h` or `7d`",
        "minutes" => "`5m`, `2h` or `7d`",
        "hours" => "`2h` or `7d`",
        "bytes" => "`64MiB`, `1GiB` or `500kB`",
        _ => return error,
    };
    let why = error.cause.clone().unwrap_or_else(|| "it is not understood".to_string());
    let meant = units::meant_duration(value).filter(|_| !units.contains("MiB"));
    let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    error.with_cause(format!("{why}, or has a unit: {units}{meant}"))
}

/// The last word of a key, which is its unit where it has one.
fn unit_of(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_become_raw_numbers() {
        let topic = [
            ("retention.ms", "7d", "604800000"),
            ("retention.ms", "-1", "-1"),
            ("segment.bytes", "64MiB", "67108864"),
            ("max.message.bytes", "5", "5"),
            ("cleanup.policy", "compact", "compact"),
            ("retention.ms", "soon", "soon"),
            ("compression.type", "7d", "7d"),
        ];
        for (key, value, wanted) in topic {
            assert_eq!(raw(Scope::Topic, key, value), wanted, "{key}={value}");
        }
        let broker = [
            ("log.retention.hours", "7d", "168"),
            ("log.retention.hours", "90m", "90m"),
            ("log.retention.minutes", "2h", "120"),
            ("metrics.sample.window.ms", "30s", "30000"),
            ("listener.name.sasl.connections.max.reauth.ms", "1h", "3600000"),
        ];
        for (key, value, wanted) in broker {
            assert_eq!(raw(Scope::Broker, key, value), wanted, "{key}={value}");
        }
    }

    #[test]
    fn what_is_no_value_is_told_with_the_units_there_are() {
        let cause = |key, value| check_written(Scope::Broker, key, value).unwrap_err().cause;
        let cause = |key, value| cause(key, value).unwrap_or_default();
        assert!(cause("log.retention.ms", "7days").ends_with("did you mean `7d`?"));
        assert!(cause("log.retention.hours", "90m").contains("a unit: `2h` or `7d`"));
        assert!(cause("log.segment.bytes", "1XB").contains("`64MiB`"));
        assert!(!cause("num.partitions", "x").contains("unit"));
    }
}
