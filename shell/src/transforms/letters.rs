//! The dead-letter topic: records that could not be transformed, as they were, with what happened.

use std::sync::Arc;

use kafsh_model::plugin::Manifest;
use kafsh_model::port::Producer;
use kafsh_model::record::{Headers, RecordBatch, RecordView};
use kafsh_model::{Error, Result};

use super::runner::Failure;

/// Longest error message that a header carries, in bytes.
const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// Where records go that could not be transformed.
pub struct Letters {
    producer: Arc<dyn Producer>,
    topic: String,
}

impl Letters {
    pub fn new(producer: Arc<dyn Producer>, topic: String) -> Self {
        Letters { producer, topic }
    }

    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The records to be sent: key, value, headers and time as they were, and headers of ours.
    pub fn write(&self, manifest: &Manifest, failures: &[Failure]) -> Result<RecordBatch> {
        let mut letters = RecordBatch::new();
        for failure in failures {
            let original = failure.original.iter().next();
            let original = original.ok_or_else(|| Error::bug("a failure without its record"))?;
            let numbers = [original.partition.to_string(), original.offset.to_string()];
            let mut ours: Vec<(&str, &str)> = vec![
                ("kafsh.error.plugin", &manifest.name),
                ("kafsh.error.version", &manifest.version),
                ("kafsh.error.code", &failure.code),
                ("kafsh.error.message", cut(&failure.message)),
                ("kafsh.source", &failure.place),
            ];
            if original.offset >= 0 {
                ours.push(("kafsh.source.topic", original.topic));
                ours.push(("kafsh.source.partition", &numbers[0]));
                ours.push(("kafsh.source.offset", &numbers[1]));
            }
            let mut headers: Vec<(&str, Option<&[u8]>)> = original.headers.iter().collect();
            headers.extend(ours.iter().map(|(name, value)| (*name, Some(value.as_bytes()))));
            let letter = RecordView {
                topic: &self.topic,
                partition: -1,
                offset: -1,
                headers: Headers::Slice(&headers),
                ..original
            };
            if !letters.push(letter) {
                return Err(Error::bug("dead letters of one batch do not fit a batch"));
            }
        }
        Ok(letters)
    }

    /// Sends them and awaits that every replica has them.
    ///
    /// # Errors
    /// `dead-letter-failed`, with what became of the first that was not written.
    pub async fn send(&self, letters: &RecordBatch) -> Result<()> {
        let deliveries = self.producer.send(letters).await?;
        let Some(error) = deliveries.into_iter().find_map(Result::err) else { return Ok(()) };
        let message = format!("a record could not be written to `{}`", self.topic);
        let evidence = format!("{}: {}", error.code, error.message);
        let failed = Error::failed("dead-letter-failed", message).with_evidence(evidence);
        let failed = error.evidence.into_iter().fold(failed, Error::with_evidence);
        Err(Error { cause: error.cause, next: error.next, ..failed })
    }
}

fn cut(message: &str) -> &str {
    let mut end = message.len().min(MESSAGE_BYTES_MAX);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    &message[..end]
}
