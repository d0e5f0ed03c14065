//! How lines, values and records become records to be sent.

use kafsh_model::record::{Headers, RecordBatch, RecordView};
use kafsh_model::{Error, Result};
use serde_json::Value;

use super::envelope::Envelope;

/// What the flags of `produce` say of every record.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    pub topic: String,
    /// Instead of the record's own
    pub key: Option<Vec<u8>>,
    /// A line is split into key and value where this first stands
    pub key_separator: Option<Vec<u8>>,
    /// After the record's own
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    pub partition: Option<i32>,
    /// Records and envelopes go to the partition number they name
    pub keep_partitions: bool,
    /// ms since 1970-01-01 UTC, instead of the record's own
    pub timestamp_ms: Option<i64>,
    /// Lines and objects are envelopes
    pub envelope: bool,
    /// A key or value of exactly this text is null
    pub null: Option<Vec<u8>>,
}

/// A record did not fit: the batch is to be sent first.
#[derive(Debug)]
pub struct Full;

impl Shape {
    /// A line: an envelope, or key and value, or a value.
    pub fn line(&self, line: &[u8]) -> Result<Envelope> {
        if self.envelope {
            let value: Value = serde_json::from_slice(line).map_err(|error| {
                Error::failed("bad-envelope", "a line is no envelope").with_cause(error.to_string())
            })?;
            return Envelope::from_json(&value);
        }
        let at = self.key_separator.as_deref().and_then(|separator| {
            let found = line.windows(separator.len()).position(|part| part == separator)?;
            Some((found, found + separator.len()))
        });
        let (key, value) = match at {
            Some((end, start)) => (Some(&line[..end]), &line[start..]),
            // As kcat does: no separator, no key.
            None => (None, line),
        };
        let kept = |bytes: &[u8]| (self.null.as_deref() != Some(bytes)).then(|| bytes.to_vec());
        Ok(Envelope { key: key.and_then(kept), value: kept(value), ..Envelope::default() })
    }

    /// A JSON value: a text is its bytes, an object may be an envelope, all else compact JSON.
    pub fn value(&self, value: &Value) -> Result<Envelope> {
        match value {
            Value::String(text) => self.line(text.as_bytes()),
            other if self.envelope => Envelope::from_json(other),
            other => {
                Ok(Envelope { value: Some(other.to_string().into_bytes()), ..Envelope::default() })
            }
        }
    }

    pub fn push_envelope(&self, envelope: &Envelope, batch: &mut RecordBatch) -> Result<(), Full> {
        let headers: Vec<(&str, Option<&[u8]>)> = envelope
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_deref()))
            .collect();
        self.push(
            RecordView {
                partition: envelope.partition.unwrap_or(-1),
                timestamp_ms: envelope.timestamp_ms.unwrap_or(-1),
                headers: Headers::Slice(&headers),
                ..RecordView::new(&self.topic, envelope.key.as_deref(), envelope.value.as_deref())
            },
            batch,
        )
    }

    /// A transform chose another topic for it: one with a topic that is in none yet.
    fn is_routed(&self, record: &RecordView<'_>) -> bool {
        record.offset < 0 && !record.topic.is_empty() && record.topic != self.topic
    }

    /// A record as it stands, but for what the flags say.
    pub fn push(&self, record: RecordView<'_>, batch: &mut RecordBatch) -> Result<(), Full> {
        let routed = self.is_routed(&record);
        let mut headers: Vec<(&str, Option<&[u8]>)> = Vec::new();
        if !self.headers.is_empty() {
            headers.extend(record.headers.iter());
            headers.extend(self.headers.iter().map(|(name, v)| (name.as_str(), v.as_deref())));
        }
        let kept = if self.keep_partitions { record.partition } else { -1 };
        let pushed = batch.push(RecordView {
            topic: if routed { record.topic } else { &self.topic },
            // A number of a partition is one of the topic that was named.
            partition: if routed { -1 } else { self.partition.unwrap_or(kept) },
            offset: -1,
            timestamp_ms: self.timestamp_ms.unwrap_or(record.timestamp_ms),
            key: self.key.as_deref().or(record.key),
            headers: match self.headers.is_empty() {
                true => record.headers,
                false => Headers::Slice(&headers),
            },
            ..record
        });
        if pushed { Ok(()) } else { Err(Full) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shape() -> Shape {
        Shape { topic: "t".to_string(), ..Shape::default() }
    }

    fn pair(envelope: &Envelope) -> (Option<&[u8]>, Option<&[u8]>) {
        (envelope.key.as_deref(), envelope.value.as_deref())
    }

    #[test]
    fn lines_are_split_at_the_first_separator() {
        let shape =
            Shape { key_separator: Some(b"::".to_vec()), null: Some(b"NULL".to_vec()), ..shape() };
        type Pair = (Option<&'static [u8]>, Option<&'static [u8]>);
        let cases: [(&[u8], Pair); 6] = [
            (b"k::v::w", (Some(b"k"), Some(b"v::w"))),
            (b"::v", (Some(b""), Some(b"v"))),
            (b"k::", (Some(b"k"), Some(b""))),
            (b"no separator", (None, Some(b"no separator"))),
            (b"k::NULL", (Some(b"k"), None)),
            (b"NULL::\xff\r", (None, Some(b"\xff\r"))),
        ];
        for (line, wanted) in cases {
            assert_eq!(pair(&shape.line(line).unwrap()), wanted, "{line:?}");
        }
    }

    #[test]
    fn values_are_texts_envelopes_or_json() {
        let plain = shape();
        let text = |value: Value| plain.value(&value).unwrap().value.unwrap();
        assert_eq!(text(json!("a b")), b"a b");
        assert_eq!(text(json!({"value": "x"})), b"{\"value\":\"x\"}");
        assert_eq!(text(json!([1, null])), b"[1,null]");
        let enveloped = Shape { envelope: true, ..shape() };
        let read = enveloped.value(&json!({"key": "k", "value": null})).unwrap();
        assert_eq!(pair(&read), (Some(b"k".as_slice()), None));
        assert_eq!(enveloped.line(b"nonsense").unwrap_err().code, "bad-envelope");
    }

    #[test]
    fn what_a_transform_sent_elsewhere_goes_there() {
        let flags = Shape { partition: Some(4), headers: vec![("h".into(), None)], ..shape() };
        let routed = RecordView::new("audit", Some(b"k"), Some(b"v"));
        let read = RecordView { partition: 1, offset: 7, ..routed };
        let mut batch = RecordBatch::new();
        for record in [routed, read, RecordView::new("", None, None)] {
            flags.push(record, &mut batch).unwrap();
        }
        let places: Vec<_> =
            batch.iter().map(|r| (r.topic, r.partition, r.headers.len())).collect();
        assert_eq!(places, [("audit", -1, 1), ("t", 4, 1), ("t", 4, 1)]);
    }

    #[test]
    fn flags_come_before_what_a_record_says() {
        let headers: Vec<(&str, Option<&[u8]>)> = vec![("a", Some(b"1"))];
        let record = RecordView {
            partition: 3,
            offset: 9,
            timestamp_ms: 5,
            headers: Headers::Slice(&headers),
            ..RecordView::new("other", Some(b"k"), Some(b"v"))
        };
        let mut batch = RecordBatch::new();
        shape().push(record, &mut batch).unwrap();
        let kept = batch.get(0);
        assert_eq!((kept.topic, kept.partition, kept.offset), ("t", -1, -1));
        assert_eq!((kept.timestamp_ms, kept.key, kept.value), (5, record.key, record.value));
        assert_eq!(kept.headers, record.headers);
        let flags = Shape {
            key: Some(b"K".to_vec()),
            headers: vec![("a".to_string(), Some(b"2".to_vec())), ("b".to_string(), None)],
            timestamp_ms: Some(7),
            keep_partitions: true,
            ..shape()
        };
        flags.push(record, &mut batch).unwrap();
        let changed = batch.get(1);
        assert_eq!((changed.partition, changed.timestamp_ms), (3, 7));
        assert_eq!((changed.key, changed.headers.len()), (Some(b"K".as_slice()), 3));
    }
}
