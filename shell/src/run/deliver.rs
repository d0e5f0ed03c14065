//! The end of a pipeline: standard output, or the file behind `>`.

use std::sync::Arc;

use kafsh_model::Result;
use kafsh_model::record::RecordView;

use super::Runner;
use super::pipeline::some_failed;
use super::sink::Sink;
use crate::args::as_text;
use crate::bind::{BoundPipeline, BoundStageKind, Source, evaluate};
use crate::flow::Flow;
use crate::output::{Format, Medium, escape_controls, render, render_item};
use crate::records::envelope;

impl Runner {
    /// Runs a pipeline and prints what it gives.
    pub(super) async fn print(&self, pipeline: &BoundPipeline, source: &Arc<Source>) -> Result<()> {
        // Opened first: a file that cannot be written must not cost the work before it.
        let (mut sink, medium) = self.sink(pipeline)?;
        let format = self.format_of(pipeline)?;
        let output = self.output(pipeline, source).await?;
        let (failed_items, words) = (output.failed_items, output.failed_as);
        let cooperative = matches!(&pipeline.stages.last().map(|stage| &stage.kind),
            Some(BoundStageKind::Command { spec, .. }) if spec.cooperative);
        let delivery = deliver(output.flow, format, medium, &mut sink);
        let notes = match cooperative {
            true => delivery.await?,
            false => self.cancel.run(delivery).await?,
        };
        sink.finish()?;
        notes.iter().for_each(|note| self.user.note(note));
        some_failed(failed_items, words)
    }

    fn sink(&self, pipeline: &BoundPipeline) -> Result<(Sink, Medium)> {
        let Some(redirect) = &pipeline.redirect else {
            return Ok((Sink::Stdout(std::io::stdout()), self.medium));
        };
        let text = as_text(&evaluate(&redirect.path, &self.session.variables())?);
        let sink = Sink::file(self.directory.join(&text), text, redirect.append)?;
        Ok((sink, Medium { ascii: self.medium.ascii, ..Medium::plain() }))
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
            sink.write_whole(render(&value, view, format, medium).as_bytes())?;
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
