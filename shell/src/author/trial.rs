//! A transform tried on a few records: each as it was and as it became, side by side.

use std::sync::Arc;

use kafsh_model::Result;
use kafsh_model::plugin::Settings;
use kafsh_model::record::{RecordBatch, RecordView};
use kafsh_model::transform::Transforms;
use serde_json::{Value, json};

use super::subject::Subject;
use crate::records::envelope;
use crate::transforms::trial::{Fate, run};

/// What came of each record of `batch`, as rows, and what the transform has counted.
///
/// # Errors
/// What the transform says of its settings; `plugin-…` where it cannot be started.
pub fn transform(
    subject: &Subject,
    settings: Arc<Settings>,
    batch: &RecordBatch,
) -> Result<(Vec<Value>, Vec<String>)> {
    let transform = subject.host.transform(&subject.manifest.name)?;
    let (fates, counters) = run(transform, settings, batch.clone())?;
    let mut rows = Vec::new();
    for (index, fate) in fates.iter().enumerate() {
        let before = batch.get(index);
        let at = match before.offset < 0 {
            true => (index + 1).to_string(),
            false => before.coordinate(),
        };
        let mut row = |what: &str, became: Value, shown: String| {
            rows.push(json!({
                "at": at,
                "before": text(before.value),
                "after": shown,
                "what": what,
                "record": envelope::to_json(&before),
                "became": became,
            }));
        };
        match fate {
            Fate::Failed(failure) => {
                let shown = format!("{}: {}", failure.code, failure.message);
                row("failed", Value::Null, shown);
            }
            Fate::Became(batch) if batch.is_empty() => row("dropped", Value::Null, String::new()),
            Fate::Became(batch) => {
                for after in batch.iter() {
                    let what = changes(&before, &after);
                    row(&what, envelope::to_json(&after), text(after.value));
                }
            }
        }
    }
    let counters = counters.iter().map(|(name, count)| format!("{name}: {count}"));
    Ok((rows, counters.collect()))
}

fn text(bytes: Option<&[u8]>) -> String {
    bytes.map_or("null".to_string(), |bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// What is another than it was, in words.
fn changes(before: &RecordView<'_>, after: &RecordView<'_>) -> String {
    let mut parts = Vec::new();
    if before.topic != after.topic {
        parts.push(format!("to {}", after.topic));
    }
    if before.key != after.key {
        parts.push(format!("key {}", text(after.key)));
    }
    if before.value != after.value {
        parts.push("value".to_string());
    }
    if !before.headers.iter().eq(after.headers.iter()) {
        let headers = after.headers.iter().map(|(name, value)| format!("{name}={}", text(value)));
        parts.push(format!("headers {}", headers.collect::<Vec<_>>().join(" ")));
    }
    if before.timestamp_ms != after.timestamp_ms {
        parts.push(format!("timestamp {}", after.timestamp_ms));
    }
    match parts.is_empty() {
        true => "same".to_string(),
        false => parts.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_named() {
        let before = RecordView::new("t", Some(b"k"), Some(b"v"));
        assert_eq!(changes(&before, &before), "same");
        let after = RecordView { timestamp_ms: 5, ..RecordView::new("u", None, None) };
        assert_eq!(changes(&before, &after), "to u, key null, value, timestamp 5");
    }
}
