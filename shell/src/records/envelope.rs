//! A record as JSON, and back without a byte changed.
//!
//! `{"topic","partition","offset","timestamp","key","value","headers"}`: timestamp in ms since
//! 1970; key and value are null, text, or `{"base64": …}` where the bytes are not UTF-8; headers
//! are `[{"name","value"}]` in order, since a name may occur more than once. A record that is in no
//! topic yet has null there.

use kafsh_model::record::RecordView;
use kafsh_model::{Error, Result};
use serde_json::{Map, Value, json};

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The envelope of a record.
pub fn to_json(record: &RecordView<'_>) -> Value {
    let headers: Vec<Value> = record
        .headers
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": bytes_to_json(value) }))
        .collect();
    json!({
        "topic": (!record.topic.is_empty()).then_some(record.topic),
        "partition": (record.partition >= 0).then_some(record.partition),
        "offset": (record.offset >= 0).then_some(record.offset),
        "timestamp": (record.timestamp_ms >= 0).then_some(record.timestamp_ms),
        "key": bytes_to_json(record.key),
        "value": bytes_to_json(record.value),
        "headers": headers,
    })
}

/// The envelope with `.json`, the parsed value or null: what filters see.
pub fn to_filter_input(record: &RecordView<'_>) -> Value {
    let parsed = record.value.and_then(|value| serde_json::from_slice(value).ok());
    let mut envelope = to_json(record);
    if let Value::Object(map) = &mut envelope {
        map.insert("json".to_string(), parsed.unwrap_or(Value::Null));
    }
    envelope
}

fn bytes_to_json(bytes: Option<&[u8]>) -> Value {
    match bytes {
        None => Value::Null,
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::String(text.to_string()),
            Err(_) => json!({ "base64": encode(bytes) }),
        },
    }
}

/// A record read from an envelope, owning its bytes. The coordinates it once had (offset, topic,
/// partition) are the caller's to use or not.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Envelope {
    pub topic: Option<String>,
    pub partition: Option<i32>,
    pub timestamp_ms: Option<i64>,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Envelope {
    /// Reads an envelope; unknown keys are refused, so that a typo loses nothing silently.
    pub fn from_json(value: &Value) -> Result<Envelope> {
        let Value::Object(map) = value else {
            return Err(bad("an envelope is a JSON object"));
        };
        let mut envelope = Envelope::default();
        for (key, value) in map {
            match key.as_str() {
                "topic" => envelope.topic = optional(value, Value::as_str, key)?.map(String::from),
                "partition" => {
                    envelope.partition = optional(value, Value::as_i64, key)?
                        .map(|p| i32::try_from(p).map_err(|_| bad("`partition` is out of range")))
                        .transpose()?;
                }
                "timestamp" => {
                    envelope.timestamp_ms = optional(value, Value::as_i64, key)?;
                    if envelope.timestamp_ms.is_some_and(|ms| ms <= 0) {
                        return Err(bad("`timestamp` is in ms since 1970, from 1 on"));
                    }
                }
                "key" => envelope.key = bytes_from_json(value, key)?,
                "value" => envelope.value = bytes_from_json(value, key)?,
                "headers" => envelope.headers = headers_from_json(value)?,
                "offset" | "json" => {}
                other => {
                    return Err(bad(format!("an envelope has no key `{other}`")).with_cause(
                        "its keys are topic, partition, offset, timestamp, key, value, headers",
                    ));
                }
            }
        }
        Ok(envelope)
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::failed("bad-envelope", message)
}

fn optional<'v, T>(
    value: &'v Value,
    read: impl Fn(&'v Value) -> Option<T>,
    key: &str,
) -> Result<Option<T>> {
    match value {
        Value::Null => Ok(None),
        other => read(other).map(Some).ok_or_else(|| bad(format!("`{key}` has the wrong type"))),
    }
}

fn bytes_from_json(value: &Value, key: &str) -> Result<Option<Vec<u8>>> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone().into_bytes())),
        Value::Object(map) if map.len() == 1 => match map.get("base64").and_then(Value::as_str) {
            Some(text) => match decode(text) {
                Some(bytes) => Ok(Some(bytes)),
                None => Err(bad(format!("`{key}` is not base64"))),
            },
            None => Err(bad(format!("`{key}` is null, text or {{\"base64\": …}}"))),
        },
        _ => Err(bad(format!("`{key}` is null, text or {{\"base64\": …}}"))),
    }
}

fn headers_from_json(value: &Value) -> Result<Vec<(String, Option<Vec<u8>>)>> {
    let read = |item: &Value| -> Result<(String, Option<Vec<u8>>)> {
        let name = item.get("name").and_then(Value::as_str);
        let name = name.ok_or_else(|| bad("a header has a `name` and a `value`"))?;
        let value = item.get("value").unwrap_or(&Value::Null);
        Ok((name.to_string(), bytes_from_json(value, "value")?))
    };
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => items.iter().map(read).collect(),
        // A plain object is what people write by hand.
        Value::Object(map) => flat_headers(map),
        _ => Err(bad("`headers` is a list of {\"name\", \"value\"}")),
    }
}

fn flat_headers(map: &Map<String, Value>) -> Result<Vec<(String, Option<Vec<u8>>)>> {
    map.iter().map(|(name, value)| Ok((name.clone(), bytes_from_json(value, name)?))).collect()
}

/// Standard base64 with padding (RFC 4648).
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |acc, byte| acc << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let six = (group >> (18 - 6 * position)) & 63;
            text.push(if position <= chunk.len() { BASE64[six as usize] as char } else { '=' });
        }
    }
    text
}

/// `None` where it is not standard base64.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let groups = text.len() / 4;
    for (index, group) in text.chunks(4).enumerate() {
        let padding = group.iter().rev().take_while(|byte| **byte == b'=').count();
        if padding > 2 || (padding > 0 && index + 1 < groups) {
            return None;
        }
        let mut value = 0u32;
        for byte in &group[..4 - padding] {
            let six = BASE64.iter().position(|known| known == byte)?;
            value = value << 6 | six as u32;
        }
        value <<= 6 * padding;
        bytes.extend_from_slice(&value.to_be_bytes()[1..4 - padding]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafsh_model::record::{Headers, RecordBatch};

    #[test]
    fn base64_is_rfc_4648s() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, coded) in cases {
            assert_eq!(encode(plain.as_bytes()), coded);
            assert_eq!(decode(coded), Some(plain.as_bytes().to_vec()));
        }
        for bad in ["Z", "Zg=", "Zg==Zg==", "Z===", "Zm9\u{e9}", "Zm 9"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&all)), Some(all));
    }

    #[test]
    fn an_envelope_goes_back_unchanged() {
        let headers: Vec<(&str, Option<&[u8]>)> =
            vec![("a", Some(b"1")), ("a", Some(b"\xff")), ("b", None)];
        let mut batch = RecordBatch::new();
        for (key, value) in [
            (Some(b"k".as_slice()), Some(b"{\"a\":1}".as_slice())),
            (None, Some(b"\xfe\x00")),
            (Some(b""), None),
        ] {
            let record = RecordView {
                partition: 2,
                offset: 7,
                timestamp_ms: 1_700_000_000_000,
                headers: Headers::Slice(&headers),
                ..RecordView::new("t", key, value)
            };
            assert!(batch.push(record));
        }
        let shape = crate::records::shape::Shape {
            topic: "t".to_string(),
            keep_partitions: true,
            ..Default::default()
        };
        let mut copy = RecordBatch::new();
        for record in batch.iter() {
            let text = to_json(&record).to_string();
            let envelope = Envelope::from_json(&serde_json::from_str(&text).unwrap()).unwrap();
            shape.push_envelope(&envelope, &mut copy).unwrap();
        }
        for (before, after) in batch.iter().zip(copy.iter()) {
            assert_eq!(RecordView { offset: 0, ..before }, RecordView { offset: 0, ..after });
        }
    }

    #[test]
    fn a_typo_is_refused() {
        let error = Envelope::from_json(&json!({ "vlaue": "x" })).unwrap_err();
        assert_eq!(error.code, "bad-envelope");
    }
}
