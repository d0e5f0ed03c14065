//! One record: what its key, value and headers hold, as text or as bytes, cut where they are large.

use kafsh_model::Error;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::Drawn;
use crate::ask::{Answer, Question};
use crate::desk::{Asked, Visit};
use crate::layout;
use crate::{link, show};

/// Characters of a text that the page of a record shows: what is more is brought as a file.
const TEXT_CHARS_MAX: usize = 64 << 10;

/// Characters of a text that a row shows.
const SHORT_CHARS: usize = 160;

/// Bytes of binary that are shown as hexadecimal.
const HEX_BYTES_MAX: usize = 1 << 10;

/// A key, a value or a header's value.
pub struct Body<'v> {
    value: &'v Value,
}

impl<'v> Body<'v> {
    pub fn of(value: &'v Value) -> Self {
        Body { value }
    }

    /// What it seems to be.
    fn format(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::String(text) if text.is_empty() => "empty",
            Value::String(text) => match serde_json::from_str::<Value>(text) {
                Ok(_) => "JSON",
                Err(_) => "text",
            },
            _ => "bytes",
        }
    }

    /// Its beginning on one line.
    pub fn short(&self) -> Markup {
        match self.value {
            Value::Null => html! { span.unknown { "null" } },
            Value::String(text) if text.is_empty() => html! { span.unknown { "empty" } },
            Value::String(text) => {
                let cut: String = text.chars().take(SHORT_CHARS).collect();
                let more = cut.len() < text.len();
                let cut = cut.replace(['\n', '\t'], " ");
                html! { (show::visible(&cut)) @if more { "…" } }
            }
            _ => {
                html! {
                    span.unknown { "bytes " } code { (show::visible(&hex(self.base64(), 16))) }
                }
            }
        }
    }

    fn base64(&self) -> &str {
        self.value["base64"].as_str().unwrap_or_default()
    }

    /// All of it that may be shown.
    fn whole(&self) -> Markup {
        match self.value {
            Value::Null => html! { p.unknown { "null" } },
            Value::String(text) if text.is_empty() => html! { p.unknown { "empty" } },
            Value::String(text) => {
                let cut: String = text.chars().take(TEXT_CHARS_MAX).collect();
                // Written anew with its line breaks; numbers keep their digits, keys their order.
                let parsed =
                    (cut.len() == text.len()).then(|| serde_json::from_str::<Value>(text).ok());
                let pretty = parsed.flatten().filter(|v| v.is_object() || v.is_array());
                let shown = match pretty.and_then(|value| serde_json::to_string_pretty(&value).ok())
                {
                    Some(pretty) => pretty,
                    None => cut.clone(),
                };
                html! {
                    pre.body tabindex="0" { (show::visible(&shown)) }
                    @if cut.len() < text.len() {
                        p.note { "The beginning of " (text.len()) " bytes." }
                    }
                }
            }
            _ => html! { pre.body tabindex="0" { (hex(self.base64(), HEX_BYTES_MAX)) } },
        }
    }
}

/// A record as a list keeps it: no page holds more of a text than a row shows.
pub fn cut(mut record: Value) -> Value {
    for key in ["key", "value"] {
        shorten(&mut record[key]);
    }
    for header in record["headers"].as_array_mut().into_iter().flatten() {
        shorten(&mut header["value"]);
    }
    record
}

/// Characters that a list keeps of a text, in its JSON too.
const KEPT_CHARS: usize = 4 << 10;

fn shorten(value: &mut Value) {
    let text = match value {
        Value::String(text) => text,
        Value::Object(fields) => match fields.get_mut("base64") {
            Some(Value::String(text)) => text,
            _ => return,
        },
        _ => return,
    };
    if let Some((at, _)) = text.char_indices().nth(KEPT_CHARS) {
        text.truncate(at);
        text.push('…');
    }
}

/// `00 ff …`, at most so many bytes of them.
fn hex(base64: &str, bytes_max: usize) -> String {
    let bytes = decode(base64);
    let shown: Vec<String> =
        bytes.iter().take(bytes_max).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > bytes_max { " …" } else { "" };
    format!("{}{more}", shown.join(" "))
}

/// Bytes of base64; what is none of it is left out.
fn decode(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u8> = text.bytes().filter_map(digit).collect();
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        let bits = group.iter().fold(0_u32, |bits, digit| (bits << 6) | u32::from(*digit));
        let bits = bits << (6 * (4 - group.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    bytes
}

/// `/topics/T/messages/PARTITION/OFFSET`.
pub async fn draw(visit: &Visit) -> Drawn {
    let name = visit.request.name();
    let at = |index: usize| visit.request.segments.get(index).map_or("", String::as_str);
    let (partition, offset) = (at(3), at(4));
    let title = format!("{name}/{partition}@{offset}");
    let (asked, behind) = one(visit, name, partition, offset).await;
    let body = match asked.outcome.as_ref().map(|answer| answer.value.get(0)) {
        Err(error) => return Drawn::new(title, layout::error(error)).still(),
        Ok(None) => {
            let gone = gone(name, partition, behind);
            return Drawn::new(title, gone).missing();
        }
        Ok(Some(record)) => whole(visit, name, record),
    };
    Drawn::new(title, body).still()
}

/// Where a record would be, and is not: offsets have gaps where records were deleted, compacted
/// away, or tell of transactions.
fn gone(name: &str, partition: &str, behind: Option<i64>) -> Markup {
    let messages = format!("{}/messages", link::topic(name));
    html! {
        p { "There is no such record: deleted, compacted away, or not there yet." }
        p {
            @if let Some(offset) = behind {
                a.button href=(format!("{messages}/{}/{offset}", link::segment(partition))) {
                    "The next that is there: " (offset) " →"
                } " "
            }
            a href=(link::with(&messages, &[("partition", partition)])) {
                "the newest of the partition"
            }
        }
    }
}

/// Reads one record; where it is not there, also the offset of the one behind it.
async fn one(visit: &Visit, name: &str, partition: &str, offset: &str) -> (Asked, Option<i64>) {
    let question = Question::new(["consume"])
        .name(name)
        .flag("partition", partition)
        .flag("from", offset)
        .flag("count", "1")
        .flag("output", "jsonl");
    let asked = visit.ask("record", question).await;
    // Where it is gone, reading begins at the next one that is there.
    let found = asked.value().get(0).map(|record| &record["offset"]);
    match found.filter(|found| show::text(found) != offset).map(Value::as_i64) {
        None => (asked, None),
        Some(behind) => {
            let nothing = Answer { value: json!([]), notes: Vec::new() };
            (Asked { outcome: Ok(nothing), ..asked }, behind)
        }
    }
}

fn whole(visit: &Visit, name: &str, record: &Value) -> Markup {
    let partition = show::text(&record["partition"]);
    let offset = record["offset"].as_i64().unwrap_or(0);
    let messages = format!("{}/messages", link::topic(name));
    let beside = |offset: i64| format!("{messages}/{partition}/{offset}");
    let raw = |part: &str| {
        let at = visit.request.address();
        link::with("/raw", &[("at", &at), ("part", part)])
    };
    let (key, value) = (Body::of(&record["key"]), Body::of(&record["value"]));
    let headers = record["headers"].as_array().map_or(&[][..], Vec::as_slice);
    html! {
        p {
            @if offset > 0 { a.button href=(beside(offset - 1)) { "← Before" } " " }
            a.button href=(beside(offset + 1)) { "Next →" } " "
            a href=(link::with(&messages, &[("partition", &partition), ("from", &(offset -
                5).max(0).to_string()), ("mark", "")])) {
                "those around it"
            }
        }
        dl.facts {
            dt { "Topic" }
            dd { a href=(link::topic(name)) { (show::visible(name)) } ", partition " (partition) }
            dt { "Offset" } dd { (offset) }
            dt { "Time" }
            dd {
                @match record["timestamp"].as_i64() {
                    Some(ms) => { (show::time(ms)) " (" (ms) ")" }, None => (show::unknown())
                }
            }
        }
        h2 { "Key " span.unknown { (key.format()) } }
        (key.whole())
        h2 { "Value " span.unknown { (value.format()) } }
        (value.whole())
        p {
            a href=(raw("value")) { "The value as a file" }
            " · " a href=(raw("key")) { "the key as a file" }
        }
        h2 { "Headers" }
        @if headers.is_empty() { p.note { "None." } }
        dl.facts {
            @for header in headers {
                dt { (show::safe(&header["name"])) }
                dd { (Body::of(&header["value"]).short()) }
            }
        }
    }
}

/// The bytes of a part of a record.
///
/// # Errors
/// What reading it says; `record-not-found` (not found) where it is not there.
pub async fn bytes(visit: &Visit, part: &str) -> kafsh_model::Result<Vec<u8>> {
    let at = |index: usize| visit.request.segments.get(index).map_or("", String::as_str);
    let (asked, _) = one(visit, visit.request.name(), at(3), at(4)).await;
    let answer = asked.outcome?;
    let part = if part == "key" { "key" } else { "value" };
    match answer.value.get(0).map(|record| &record[part]) {
        None => Err(Error::not_found("record-not-found", "there is no such record")),
        Some(Value::String(text)) => Ok(text.clone().into_bytes()),
        Some(Value::Object(fields)) => {
            Ok(decode(fields.get("base64").and_then(Value::as_str).unwrap_or_default()))
        }
        Some(_) => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::Desk;
    use crate::testing::{Told, request};
    use std::sync::Arc;

    #[test]
    fn bytes_are_what_they_were() {
        assert_eq!(decode("AP9/"), [0, 255, 127]);
        assert_eq!(decode("AP8="), [0, 255]);
        assert_eq!(decode("AA=="), [0]);
        assert!(decode("").is_empty());
        assert_eq!(hex("AP9/", 2), "00 ff …");
    }

    #[tokio::test]
    async fn a_gap_says_where_it_goes_on() {
        let question = "consume t --partition=0 --from=5 --count=1 --output=jsonl";
        let told = Told::new().answers(question, json!([{ "offset": 9, "partition": 0 }]));
        let desk = Arc::new(Desk::new(Arc::new(told)));
        let visit = Visit::new(desk, request("/topics/t/messages/0/5"));
        let drawn = draw(&visit).await;
        assert_eq!(drawn.status, axum::http::StatusCode::NOT_FOUND);
        let text = drawn.body.into_string();
        assert!(text.contains("href=\"/topics/t/messages/0/9\""), "{text}");
    }

    #[test]
    fn a_large_text_is_cut_in_lists() {
        let record = json!({ "key": "k", "value": "é".repeat(KEPT_CHARS + 5), "headers": [] });
        let cut = cut(record);
        assert_eq!(cut["value"].as_str().unwrap().chars().count(), KEPT_CHARS + 1);
        assert_eq!(cut["key"], "k");
    }

    #[test]
    fn markup_in_a_record_is_text() {
        let value = json!("<script>alert(1)</script>");
        for shown in [Body::of(&value).short(), Body::of(&value).whole()] {
            let shown = shown.into_string();
            assert!(shown.contains("&lt;script&gt;") && !shown.contains("<script"), "{shown}");
        }
    }
}
