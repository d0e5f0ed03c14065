//! Durations and sizes as people write them: `30s`, `7d`, `64MiB`.

use std::time::Duration;

/// A duration: a whole number and `ms`, `s`, `m`, `h` or `d`; a bare `0` is also one.
/// `1h30m` is understood as the sum of its parts.
pub fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut total_ms: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let amount: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit_len = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit_ms: u64 = match &rest[..unit_len] {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        rest = &rest[unit_len..];
        total_ms = total_ms.checked_add(amount.checked_mul(unit_ms)?)?;
    }
    (!text.is_empty()).then(|| Duration::from_millis(total_ms))
}

/// Other names of units, by the one that is understood and how many of it they are.
const UNIT_NAMES: [(&[&str], &str, f64); 6] = [
    (&["msec", "msecs", "millis", "millisecond", "milliseconds"], "ms", 1.0),
    (&["", "sec", "secs", "second", "seconds"], "s", 1_000.0),
    (&["mins", "minute", "minutes"], "m", 60_000.0),
    (&["hr", "hrs", "hour", "hours"], "h", 3_600_000.0),
    (&["day", "days"], "d", 86_400_000.0),
    (&["w", "wk", "week", "weeks"], "d", 604_800_000.0),
];

/// The duration that somebody meant who wrote `7days`, `1.5h`, `2w` or `30`: as it is understood
/// here, where it is a whole number of ms.
pub fn meant_duration(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let amount: f64 = text[..digits].parse().ok()?;
    let unit = text[digits..].trim_start();
    let known = UNIT_NAMES.iter().find(|(names, short, _)| names.contains(&unit) || *short == unit);
    let total_ms = amount * known?.2;
    // Beyond this a float is no whole number of ms any more.
    let is_whole = total_ms.fract() == 0.0 && (1.0..9e15).contains(&total_ms);
    let total_ms = is_whole.then_some(total_ms as u64)?;
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let (unit, of_ms) = units.into_iter().find(|(_, of_ms)| total_ms.is_multiple_of(*of_ms))?;
    Some(format!("{}{unit}", total_ms / of_ms))
}

/// A size in bytes: a whole number and nothing, `B`, `k`/`kB`, `M`/`MB`, `G`/`GB` (powers of 1000)
/// or `KiB`, `MiB`, `GiB`, `TiB` (powers of 1024).
pub fn parse_size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let amount: u64 = text[..digits].parse().ok()?;
    let factor: u64 = match &text[digits..] {
        "" | "B" => 1,
        "k" | "kB" | "KB" => 1_000,
        "M" | "MB" => 1_000_000,
        "G" | "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" | "Ki" => 1 << 10,
        "MiB" | "Mi" => 1 << 20,
        "GiB" | "Gi" => 1 << 30,
        "TiB" | "Ti" => 1 << 40,
        _ => return None,
    };
    amount.checked_mul(factor)
}

/// A duration for people: `250ms`, `2.4s`, `3m 20s`, `5h 3m`, `2d 4h`.
pub fn show_duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    let s = duration.as_secs();
    if ms < 1_000 {
        format!("{ms}ms")
    } else if s < 60 {
        format!("{:.1}s", duration.as_secs_f64())
    } else if s < 3_600 {
        format!("{}m {}s", s / 60, s % 60)
    } else if s < 86_400 {
        format!("{}h {}m", s / 3_600, s % 3_600 / 60)
    } else {
        format!("{}d {}h", s / 86_400, s % 86_400 / 3_600)
    }
}

/// A size for people, in powers of 1024: `812 B`, `1.5 MiB`.
pub fn show_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases =
            [("0", 0), ("5ms", 5), ("30s", 30_000), ("1h30m", 5_400_000), ("7d", 604_800_000)];
        for (text, ms) in cases {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(ms)), "{text}");
        }
        for bad in ["", "5", "s", "-5s", "5x", "5s ", "99999999999999999999d", "1.5s"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
        assert_eq!(show_duration(Duration::from_millis(2_400)), "2.4s");
        assert_eq!(show_duration(Duration::from_secs(200)), "3m 20s");
    }

    #[test]
    fn durations_of_others_are_told_in_ours() {
        let cases = [
            ("7days", Some("7d")),
            ("7 Days", Some("7d")),
            ("2w", Some("14d")),
            ("1.5h", Some("90m")),
            ("30", Some("30s")),
            ("500millis", Some("500ms")),
            ("0.1ms", None),
            ("soon", None),
            ("99999999999999999999d", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(meant_duration(text).as_deref(), wanted, "{text}");
            assert!(wanted.is_none_or(|meant| parse_duration(meant).is_some()), "{text}");
        }
    }

    #[test]
    fn sizes() {
        let cases = [("0", 0), ("64MiB", 64 << 20), ("1kB", 1_000), ("2Gi", 2 << 30), ("7", 7)];
        for (text, bytes) in cases {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for bad in ["", "MiB", "1.5GB", "5 MB", "99999999999TiB", "-1"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
        assert_eq!(show_size(1_572_864), "1.5 MiB");
    }
}
