//! The end of a pipeline: standard output, or the file behind `>`.

use std::io::Write;
use std::sync::Arc;

use kafsh_model::record::RecordView;
use kafsh_model::{Error, Result};

use super::Runner;
use super::pipeline::some_failed;
use crate::args::as_text;
use crate::bind::{BoundPipeline, BoundStageKind, Source, evaluate};
use crate::flow::Flow;
use crate::output::{Format, Medium, escape_controls, render, render_item};
use crate::records::envelope;

/// Where bytes go. Standard output closed by its reader ends a pipeline quietly.
enum Sink {
    Stdout(std::io::Stdout),
    File { file: std::fs::File, path: String },
}

impl Sink {
    /// False: nobody reads any more.
    fn write(&mut self, bytes: &[u8]) -> Result<bool> {
        let outcome = match self {
            Sink::Stdout(stdout) => {
                let mut lock = stdout.lock();
                lock.write_all(bytes).and_then(|()| lock.flush())
            }
            Sink::File { file, .. } => file.write_all(bytes),
        };
        match (outcome, &self) {
            (Ok(()), _) => Ok(true),
            (Err(error), Sink::Stdout(_)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                Ok(false)
            }
            (Err(error), Sink::Stdout(_)) => Err(Error::io("standard output", &error)),
            (Err(error), Sink::File { path, .. }) => {
                Err(Error::io(format!("`{path}` could not be written"), &error))
            }
        }
    }
}

impl Runner {
    /// Runs a pipeline and prints what it gives.
    pub(super) async fn print(&self, pipeline: &BoundPipeline, source: &Arc<Source>) -> Result<()> {
        // Opened first: a file that cannot be written must not cost the work before it.
        let (mut sink, medium) = self.sink(pipeline)?;
        let format = self.format_of(pipeline)?;
        let output = self.output(pipeline, source).await?;
        let failed_items = output.failed_items;
        let cooperative = matches!(&pipeline.stages.last().map(|stage| &stage.kind),
            Some(BoundStageKind::Command { spec, .. }) if spec.cooperative);
        let delivery = deliver(output.flow, format, medium, &mut sink);
        let notes = match cooperative {
            true => delivery.await?,
            false => self.cancel.run(delivery).await?,
        };
        notes.iter().for_each(|note| self.user.note(note));
        some_failed(failed_items)
    }

    fn sink(&self, pipeline: &BoundPipeline) -> Result<(Sink, Medium)> {
        let Some(redirect) = &pipeline.redirect else {
            return Ok((Sink::Stdout(std::io::stdout()), self.medium));
        };
        let text = as_text(&evaluate(&redirect.path, &self.session.variables())?);
        let path = self.directory.join(&text);
        let mut options = std::fs::OpenOptions::new();
        options.create(true).write(true).append(redirect.append).truncate(!redirect.append);
        let file = options.open(&path);
        let file = file.map_err(|e| Error::io(format!("`{text}` could not be opened"), &e))?;
        Ok((
            Sink::File { file, path: text },
            Medium { ascii: self.medium.ascii, ..Medium::plain() },
        ))
    }

    /// `-O` of the last command, else the session's.
    fn format_of(&self, pipeline: &BoundPipeline) -> Result<Option<Format>> {
        let variables = self.session.variables();
        for stage in pipeline.stages.iter().rev() {
            let BoundStageKind::Command { args, .. } = &stage.kind else { continue };
            let given = args.iter().find(|arg| arg.name == "output");
            if let Some(word) = given.and_then(|arg| arg.word.as_ref()) {
                return Format::parse(&as_text(&evaluate(word, &variables)?)).map(Some);
            }
        }
        Ok(self.session.format())
    }
}

async fn deliver(
    flow: Flow,
    format: Option<Format>,
    medium: Medium,
    sink: &mut Sink,
) -> Result<Vec<String>> {
    match flow {
        Flow::Nothing => Ok(Vec::new()),
        Flow::Value { value, view } => {
            sink.write(render(&value, view, format, medium).as_bytes())?;
            Ok(Vec::new())
        }
        Flow::Values(mut stream) => {
            while let Some(value) = stream.next().await? {
                if !sink.write(render_item(&value, format, medium).as_bytes())? {
                    return Ok(Vec::new());
                }
                stream.acknowledge().await?;
            }
            stream.finish().await
        }
        Flow::Lines(mut stream) => {
            let ending = stream.ending();
            while let Some(lines) = stream.next().await? {
                let mut bytes = Vec::new();
                for line in lines {
                    match ending.foreign && medium.terminal {
                        true => bytes.extend_from_slice(
                            escape_controls(&String::from_utf8_lossy(&line)).as_bytes(),
                        ),
                        false => bytes.extend_from_slice(&line),
                    }
                    if ending.newline {
                        bytes.push(b'\n');
                    }
                }
                if !sink.write(&bytes)? {
                    return Ok(Vec::new());
                }
                stream.acknowledge().await?;
            }
            stream.finish().await
        }
        Flow::Records(mut stream) => {
            let mut bytes = Vec::new();
            while let Some(batch) = stream.next().await? {
                bytes.clear();
                batch.iter().for_each(|record| write_record(&record, format, medium, &mut bytes));
                if !sink.write(&bytes)? {
                    return Ok(Vec::new());
                }
                stream.acknowledge().await?;
            }
            stream.finish().await
        }
    }
}

/// A record without a format of its own: the value and a newline, or its envelope.
fn write_record(
    record: &RecordView<'_>,
    format: Option<Format>,
    medium: Medium,
    out: &mut Vec<u8>,
) {
    match format {
        Some(Format::Json | Format::Jsonl) => {
            out.extend_from_slice(envelope::to_json(record).to_string().as_bytes());
        }
        Some(format @ (Format::Yaml | Format::Csv)) => {
            let text = render_item(&envelope::to_json(record), Some(format), medium);
            out.extend_from_slice(text.trim_end().as_bytes());
        }
        Some(Format::Name) => out.extend_from_slice(record.coordinate().as_bytes()),
        None | Some(Format::Table | Format::Tsv) => {
            let value = record.value.unwrap_or_default();
            match medium.terminal {
                // Records are somebody else's bytes: a terminal is shown them, not given them.
                true => out
                    .extend_from_slice(escape_controls(&String::from_utf8_lossy(value)).as_bytes()),
                false => out.extend_from_slice(value),
            }
        }
    }
    out.push(b'\n');
}
