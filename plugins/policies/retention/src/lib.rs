//! The policy `retention`: how long a topic keeps records, and how many bytes of them. Topics that
//! are compacted alone keep by key, and are left alone.

#[cfg(test)]
mod tests;

use std::time::Duration;

use kafsh_sdk::policy::{Request, Response, TopicState, policy};
use kafsh_sdk::settings::Size;
use kafsh_sdk::{Result, Settings};

const TIME: &str = "retention.ms";
const BYTES: &str = "retention.bytes";

/// What Kafka has for "without bound".
const UNBOUNDED: i64 = -1;

#[derive(Clone, Debug, Default, Settings)]
pub struct Bounds {
    /// Shortest `retention.ms`
    pub min: Option<Duration>,
    /// Longest `retention.ms`; with it, none may be without bound
    pub max: Option<Duration>,
    /// Most `retention.bytes` of a partition; with it, a topic that sets them sets a bound
    pub max_bytes: Option<Size>,
    /// Whether a topic has to set `retention.ms` itself
    #[setting(default = "false")]
    pub required: bool,
    /// Whether what is out of bounds is moved to the bound instead of refused
    #[setting(default = "false")]
    pub clamp: bool,
}

#[policy]
pub fn check(request: &Request, bounds: &Bounds) -> Result<Response> {
    let mut answer = Response::allow();
    let Some(topic) = request.wanted() else { return Ok(answer) };
    if topic.config("cleanup.policy") == Some("compact") {
        return Ok(answer);
    }
    let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let time = Bound { key: TIME, min: bounds.min.map(ms), max: bounds.max.map(ms) };
    let most = bounds.max_bytes.map(|Size(bytes)| i64::try_from(bytes).unwrap_or(i64::MAX));
    let bytes = Bound { key: BYTES, min: None, max: most };
    if bounds.required && topic.config(TIME).is_none() {
        let finding = answer.tell(
            request.severity(|topic| topic.config(TIME).is_none()),
            "retention-missing",
            format!("the topic does not say how long it keeps records (`{TIME}`)"),
        );
        finding.field(format!("config.{TIME}"));
        if let Some(longest) = time.max {
            finding.suggest(longest);
        }
    }
    for bound in [time, bytes] {
        bound.check(request, topic, bounds.clamp, &mut answer);
    }
    Ok(answer)
}

struct Bound {
    key: &'static str,
    min: Option<i64>,
    max: Option<i64>,
}

impl Bound {
    fn check(&self, request: &Request, topic: &TopicState, clamp: bool, answer: &mut Response) {
        let key = self.key;
        // Kafka itself refuses what is no number.
        let Some(value) = topic.config(key).and_then(|value| value.parse::<i64>().ok()) else {
            return;
        };
        let above = self.max.filter(|max| value == UNBOUNDED || value > *max);
        let below = self.min.filter(|min| value != UNBOUNDED && value < *min);
        let (rule, allowed, relation) = match (above, below) {
            (Some(max), _) => ("retention-too-long", max, "more"),
            (_, Some(min)) => ("retention-too-short", min, "less"),
            _ => return,
        };
        let field = format!("config.{key}");
        let (value, bound) = (shown(key, value), shown(key, allowed));
        let message = format!("`{key}` {value} is {relation} than {bound}");
        if clamp {
            answer.amend(field, allowed, message);
            return;
        }
        let severity = request.severity(|topic| topic.config(key).map(str::to_owned));
        answer.tell(severity, rule, message).field(field).suggest(allowed);
    }
}

/// A value as Kafka has it, and as somebody would type it: `604800000 (7d)`.
fn shown(key: &str, value: i64) -> String {
    const TIMES: [(i64, &str); 4] =
        [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    const SIZES: [(i64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    if value == UNBOUNDED {
        return "without bound".into();
    }
    let units = if key == TIME { &TIMES[..] } else { &SIZES[..] };
    match units.iter().find(|(unit, _)| value != 0 && value % unit == 0) {
        Some((unit, name)) => format!("{value} ({}{name})", value / unit),
        None => value.to_string(),
    }
}
