//! Numbers, sizes and times as people read them. Integers are written from their own digits: none
//! ever passes through a floating-point number or a script.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use serde_json::Value;

/// What stands where a value could not be found out.
pub const UNKNOWN: &str = "unknown";

const KIB: f64 = 1024.0;

/// `1.5 MiB`.
pub fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= KIB && unit + 1 < units.len() {
        value /= KIB;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} B"),
        _ if value < 10.0 => format!("{value:.1} {}", units[unit]),
        _ => format!("{value:.0} {}", units[unit]),
    }
}

/// `2d 3h`, `4m 5s`, `120 ms`: the two largest units.
pub fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    let (seconds, minutes, hours, days) =
        (ms / 1_000, ms / 60_000, ms / 3_600_000, ms / 86_400_000);
    match () {
        () if days > 0 => format!("{days}d {}h", hours % 24),
        () if hours > 0 => format!("{hours}h {}m", minutes % 60),
        () if minutes > 0 => format!("{minutes}m {}s", seconds % 60),
        () if seconds > 0 => format!("{seconds}s"),
        () => format!("{ms} ms"),
    }
}

/// Digits in groups of three: `1 234 567`, with thin spaces.
pub fn grouped(digits: &str) -> String {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits),
    };
    if digits.len() < 5 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return format!("{sign}{digits}");
    }
    let mut out = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('\u{2009}');
        }
        out.push(digit);
    }
    out
}

/// A number of a command's answer; `unknown` where there is none.
pub fn number(value: &Value) -> Markup {
    match value {
        Value::Number(number) => html! { (grouped(&number.to_string())) },
        _ => unknown(),
    }
}

pub fn unknown() -> Markup {
    html! { span.unknown { (UNKNOWN) } }
}

/// Bytes of an answer.
pub fn size_of(value: &Value) -> Markup {
    match value.as_u64() {
        Some(bytes) => html! { span title={ (bytes) " bytes" } { (size(bytes)) } },
        None => unknown(),
    }
}

/// A length of time in ms of an answer.
pub fn duration_of(value: &Value) -> Markup {
    match value.as_i64() {
        Some(ms) => html! { (duration(ms)) },
        None => unknown(),
    }
}

/// A point in time, ms since 1970: local time, the full one on pointing at it.
pub fn time(ms: i64) -> Markup {
    let Ok(at) = Timestamp::from_millisecond(ms) else { return html! { (ms) } };
    let local = at.to_zoned(TimeZone::system());
    let today = Timestamp::now().to_zoned(TimeZone::system()).date() == local.date();
    let format = if today { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    let full = local.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string();
    html! { time datetime=(full) title=(full) { (local.strftime(format)) } }
}

/// The time zone of what [`time`] shows, as an offset: `UTC+09:00`.
pub fn zone() -> String {
    let now = Timestamp::now().to_zoned(TimeZone::system());
    now.strftime("UTC%:z").to_string().replace("+00:00", "")
}

/// `since 12:03:44 (5m 2s)`; nothing where it is not known.
pub fn since(value: &Value, now_ms: i64) -> Markup {
    match value.as_i64() {
        Some(ms) => html! { "since " (ago(ms, now_ms)) },
        None => html! {},
    }
}

/// `12:03:44 (5m 2s)`; where there is no room, the time stands above how long it is ago.
pub fn ago(ms: i64, now_ms: i64) -> Markup {
    html! { (time(ms)) " " span.short { "(" (duration(now_ms - ms)) ")" } }
}

/// A value as text: strings raw, lists joined, null as nothing.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A value as text in which nothing hides.
pub fn safe(value: &Value) -> String {
    visible(&text(value))
}

/// Control characters as they are written in source, so that nothing hides in a text.
pub fn visible(text: &str) -> String {
    let hidden = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            // Marks that turn the direction of text around.
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' |
                '\u{200f}')
    };
    if !text.chars().any(hidden) {
        return text.to_string();
    }
    text.chars().fold(String::with_capacity(text.len() + 8), |mut out, c| {
        if hidden(c) {
            out.extend(c.escape_default())
        } else {
            out.push(c)
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn people_can_read_it() {
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(50 << 30), "50 GiB");
        assert_eq!(duration(999), "999 ms");
        assert_eq!(duration(61_000), "1m 1s");
        assert_eq!(duration(90_000_000), "1d 1h");
        assert_eq!(duration(-5), "0 ms");
        assert_eq!(grouped("1234"), "1234");
        assert_eq!(grouped("-1234567"), "-1\u{2009}234\u{2009}567");
    }

    #[test]
    fn large_integers_keep_their_digits() {
        let value: Value = serde_json::from_str("9223372036854775807").unwrap();
        let digits: String =
            number(&value).into_string().chars().filter(char::is_ascii_digit).collect();
        assert_eq!(digits, "9223372036854775807");
    }

    #[test]
    fn what_is_not_known_is_not_nought() {
        assert!(number(&Value::Null).into_string().contains("unknown"));
        assert!(size_of(&Value::Null).into_string().contains("unknown"));
        assert_eq!(since(&Value::Null, 5).into_string(), "");
        assert_eq!(number(&json!(0)).into_string(), "0");
    }

    #[test]
    fn nothing_hides_in_a_text() {
        assert_eq!(visible("a\u{202e}b\u{1b}[2Jc\td"), "a\\u{202e}b\\u{1b}[2Jc\td");
        assert_eq!(visible("plain\n한글"), "plain\n한글");
    }
}
