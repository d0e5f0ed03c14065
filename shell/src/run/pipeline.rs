//! One pipeline: each stage gets what the one before gives, the last is pulled.

use std::path::Path;
use std::sync::Arc;

use kafsh_model::confirm::Confirmed;
use kafsh_model::port::ProgressEvent;
use kafsh_model::{Error, Result};
use serde_json::Value;

use super::advice::{Asked, typed};
use super::{Runner, line_of, place_of};
use crate::args::as_text;
use crate::bind::{BoundPipeline, BoundStage, BoundStageKind, Source, evaluate, values_of};
use crate::call::Call;
use crate::flow::{Flow, Output};
use crate::records::{envelope, lines};
use crate::spec::{CommandSpec, Consent, ConsentFn, Effect, Kind, Needs};

/// Most values, and bytes of them, that `let`, `expect`, `if` and `wait` take in.
const VALUES_MAX: usize = 100_000;

/// Bytes of text in the outputs that one value is made of: `let x = consume big` must not fill the
/// memory.
const VALUES_BYTES_MAX: usize = 64 << 20;

impl Runner {
    /// Runs all stages; the output of the last, remarks of those before already said.
    pub(super) async fn output(
        &self,
        pipeline: &BoundPipeline,
        source: &Arc<Source>,
    ) -> Result<Output> {
        self.stages(&pipeline.stages, Output::nothing(), source).await
    }

    async fn stages(
        &self,
        stages: &[BoundStage],
        mut output: Output,
        source: &Arc<Source>,
    ) -> Result<Output> {
        let mut failed_items = output.failed_items;
        for stage in stages {
            let input = output.flow;
            output = self.stage(stage, input, source).await?;
            failed_items += output.failed_items;
            for note in output.notes.drain(..) {
                self.user.note(&note);
            }
            if let Some(hint) = output.hint.take().filter(|_| self.user.is_there()) {
                self.user.note(&hint);
            }
        }
        output.failed_items = failed_items;
        Ok(output)
    }

    async fn stage(&self, stage: &BoundStage, input: Flow, source: &Arc<Source>) -> Result<Output> {
        let variables = self.session.variables();
        match &stage.kind {
            BoundStageKind::Os { text } => self.os_stage(text, input).map(Output::of),
            BoundStageKind::Command { spec, args, heredoc } => {
                let args = values_of(args, &variables)?;
                if args.switch("help") {
                    return Ok(Output::text(crate::help::page(spec)));
                }
                let input = match heredoc {
                    Some(heredoc) => Flow::lines(lines::split(heredoc.body.as_bytes())),
                    None => input,
                };
                let at = match &stage.at {
                    Some(word) => Some(as_text(&evaluate(word, &variables)?)),
                    None => None,
                };
                let call = Call {
                    context: self.context.clone(),
                    session: self.session.clone(),
                    args,
                    input: input.into(),
                    at,
                    cancel: self.cancel.clone(),
                    confirmed: None,
                    found: None.into(),
                    line: line_of(source, std::slice::from_ref(stage), stage.span),
                    place: place_of(source, stage.span),
                    on_command_line: source.name == crate::bind::COMMAND_LINE,
                    directory: self.directory.clone(),
                    progress: self.progress.clone(),
                };
                self.call(spec, call).await
            }
        }
    }

    async fn call(&self, spec: &'static CommandSpec, mut call: Call) -> Result<Output> {
        check_one_cluster(spec, &call)?;
        let address = call.address();
        let asked = Asked::of(spec, &call);
        if spec.effect == Effect::Destructive {
            match self.confirm(spec, &call).await {
                Ok(confirmed) => call.confirmed = Some(confirmed),
                Err(error) => return Err(asked.error(error).await),
            }
        }
        if let Some(consent) = spec.consent {
            call.confirmed = self.consent(consent, &call).await?;
        }
        // Of what changes nothing, neither what it would do nor what stops it is an event.
        let audit = (spec.effect != Effect::Read && !(spec.reads)(&call.args))
            .then(|| (call.context.clone(), call.line.clone()));
        let named = || call.cluster_name().ok();
        let cluster = audit.as_ref().and_then(|_| match spec.needs {
            Needs::Cluster => address.clone().or_else(named),
            Needs::Nothing => named(),
        });
        let run = (spec.run)(call);
        let outcome = match spec.cooperative {
            true => run.await,
            false => self.cancel.run(run).await,
        };
        let outcome = match outcome {
            Ok(output) => Ok(asked.output(output).await),
            Err(error) => Err(asked.error(error).await),
        };
        // What draws progress makes room for the result.
        self.progress.event(ProgressEvent::Ended { error: outcome.as_ref().err() });
        if let Some((context, line)) = audit {
            let failed = match &outcome {
                Ok(output) if output.failed_items == 0 => None,
                Ok(output) => Some(output.failed_code.clone().unwrap_or(ITEM_FAILED.to_string())),
                Err(error) => Some(error.code.to_string()),
            };
            context.audit(cluster.as_deref(), &line, failed.as_deref());
        }
        outcome
    }

    /// The question of a destructive command, asked or answered by `--yes`.
    async fn confirm(&self, spec: &'static CommandSpec, call: &Call) -> Result<Confirmed> {
        if call.args.switch("yes") || self.session.assumes_yes() || call.args.switch("dry-run") {
            return Ok(Confirmed::by_user());
        }
        let question = match spec.question {
            Some(question) => question(call).await?,
            None => Some(format!("`{}` cannot be undone", call.line)),
        };
        let Some(question) = question else {
            return Ok(Confirmed::by_user());
        };
        match self.user.ask(&question) {
            Some(true) => Ok(Confirmed::by_user()),
            Some(false) => Err(Error::refused("not-confirmed", "nothing was done")),
            None => Err(Error::refused("confirmation-needed", question)
                .with_cause("there is no terminal to ask on")
                .with_next(format!("{} --yes", typed(spec, &call.args, call.at.as_deref())))),
        }
    }

    /// The consent to what code of others may do; `None`: none was needed.
    async fn consent(&self, consent: ConsentFn, call: &Call) -> Result<Option<Confirmed>> {
        if call.args.switch("yes") || self.session.assumes_yes() || call.args.switch("dry-run") {
            return Ok(Some(Confirmed::by_user()));
        }
        // Looking it up may take a while: it goes on the network.
        let asked = self.cancel.run(consent(call)).await?;
        let Some(Consent { lines, question, unasked }) = asked else { return Ok(None) };
        match self.user.ask(&format!("{}\n{question}", lines.join("\n"))) {
            Some(true) => Ok(Some(Confirmed::by_user())),
            Some(false) => Err(Error::refused("consent-refused", "nothing was done")),
            None => Err(unasked),
        }
    }

    fn os_stage(&self, text: &str, input: Flow) -> Result<Flow> {
        let input = match input {
            Flow::Nothing => None,
            other => Some(lines::from_flow(other)),
        };
        let mut environment: Vec<(String, String)> = self
            .session
            .variables()
            .into_iter()
            .map(|(name, value)| (name, as_text(&value)))
            .collect();
        if let Some(bootstrap) = self.bootstrap() {
            environment.push(("KAFSH_BOOTSTRAP".to_string(), bootstrap));
        }
        let directory: &Path = &self.directory;
        Ok(Flow::Lines(Box::new(crate::exec::shell(text, &environment, input, directory)?)))
    }

    /// Of the session's cluster, for `!` commands.
    fn bootstrap(&self) -> Option<String> {
        self.session.bootstrap().or_else(|| {
            let name = self.session.cluster()?;
            Some(self.context.target(&name).ok()?.bootstrap.join(","))
        })
    }

    /// All outputs of a pipeline, for `let`, `if`, `wait` and `expect`.
    pub(super) async fn collect(
        &self,
        pipeline: &BoundPipeline,
        source: &Arc<Source>,
    ) -> Result<Vec<Value>> {
        self.collect_seeing(pipeline, source, &mut None).await
    }

    /// The same; `given` is what the last stage got, where that is one value.
    pub(super) async fn collect_seeing(
        &self,
        pipeline: &BoundPipeline,
        source: &Arc<Source>,
        given: &mut Option<Value>,
    ) -> Result<Vec<Value>> {
        // A command that must end in order watches the token itself; dropped it would leave half
        // its work.
        match pipeline.is_cooperative() {
            true => self.collect_uncancelled(pipeline, source, given).await,
            false => self.cancel.run(self.collect_uncancelled(pipeline, source, given)).await,
        }
    }

    async fn collect_uncancelled(
        &self,
        pipeline: &BoundPipeline,
        source: &Arc<Source>,
        given: &mut Option<Value>,
    ) -> Result<Vec<Value>> {
        let last = pipeline.stages.len().saturating_sub(1);
        let (before, last) = pipeline.stages.split_at(last);
        let output = self.stages(before, Output::nothing(), source).await?;
        if let Flow::Value { value, .. } = &output.flow {
            *given = Some(value.clone());
        }
        let output = self.stages(last, output, source).await?;
        let (failed_items, words) = (output.failed_items, output.failed_as);
        let (values, notes) = values_of_flow(output.flow).await?;
        notes.iter().for_each(|note| self.user.note(note));
        some_failed(failed_items, words)?;
        Ok(values)
    }
}

/// All that a flow gives, within bounds, and its remarks; acknowledged, since it is held now.
///
/// # Errors
/// `too-many`, `too-large`; what pulling says.
pub async fn values_of_flow(flow: Flow) -> Result<(Vec<Value>, Vec<String>)> {
    let mut values = Gathered::default();
    let notes = match flow {
        Flow::Nothing => Vec::new(),
        Flow::Value { value, .. } => {
            // It is in memory already.
            values.list.push(value);
            Vec::new()
        }
        Flow::Values(mut stream) => {
            while let Some(value) = stream.next().await? {
                values.push(value)?;
            }
            stream.acknowledge().await?;
            stream.finish().await?
        }
        Flow::Lines(mut stream) => {
            while let Some(lines) = stream.next().await? {
                for line in lines {
                    let text = String::from_utf8_lossy(&line).into_owned();
                    values.push(Value::String(text))?;
                }
            }
            stream.acknowledge().await?;
            stream.finish().await?
        }
        Flow::Records(mut stream) => {
            while let Some(batch) = stream.next().await? {
                for record in batch.iter() {
                    values.push(envelope::to_json(&record))?;
                }
            }
            stream.acknowledge().await?;
            stream.finish().await?
        }
    };
    Ok((values.list, notes))
}

/// Outputs that become a value, within bounds.
#[derive(Default)]
struct Gathered {
    list: Vec<Value>,
    bytes: usize,
}

impl Gathered {
    fn push(&mut self, value: Value) -> Result<()> {
        self.bytes = self.bytes.saturating_add(text_bytes(&value));
        let (code, what) = if self.list.len() >= VALUES_MAX {
            ("too-many", format!("more than {VALUES_MAX} outputs"))
        } else if self.bytes > VALUES_BYTES_MAX {
            ("too-large", format!("outputs of more than {} MiB", VALUES_BYTES_MAX >> 20))
        } else {
            self.list.push(value);
            return Ok(());
        };
        Err(Error::failed(code, format!("{what} where a value is made of them")).with_cause(
            "a value is held in memory: take fewer (`| head 100`, `| where …`), or write them to \
             a file (`… > FILE`)",
        ))
    }
}

/// Bytes of the texts, numbers and names in a value; its JSON is about as long.
fn text_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(text_bytes).sum::<usize>() + items.len(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| name.len() + text_bytes(value)).sum()
        }
    }
}

/// Items that failed make the whole fail, once their rows were shown.
/// Code of a command that did its work for some items and not for others.
const ITEM_FAILED: &str = "item-failed";

/// `kafsh -C a cluster up b` names two clusters for one command.
fn check_one_cluster(spec: &'static CommandSpec, call: &Call) -> Result<()> {
    let takes_one = spec.args.iter().any(|arg| arg.name == "cluster" && arg.kind == Kind::Cluster);
    let named = call.args.opt_text("cluster").filter(|_| takes_one && call.on_command_line);
    match (call.session.given_cluster(), named) {
        (Some(given), Some(named)) if given != named => {
            let message = format!("`-C {given}` and `{}` name two clusters", call.line);
            Err(Error::usage("bad-flags", message).with_next(format!("kafsh {}", call.line)))
        }
        _ => Ok(()),
    }
}

pub(super) fn some_failed(items: usize, words: Option<(&'static str, &'static str)>) -> Result<()> {
    let (one, several) = words.unwrap_or(("item failed", "items failed"));
    match items {
        0 => Ok(()),
        1 => Err(Error::failed(ITEM_FAILED, format!("1 {one}"))),
        many => Err(Error::failed(ITEM_FAILED, format!("{many} {several}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_bounded_by_count_and_by_bytes() {
        let mut many = Gathered::default();
        for _ in 0..VALUES_MAX {
            many.push(Value::Null).unwrap();
        }
        assert_eq!(many.push(Value::Null).unwrap_err().code, "too-many");
        let mut large = Gathered::default();
        let half = Value::from(vec!["x".repeat(VALUES_BYTES_MAX / 2 - 100)]);
        large.push(half.clone()).unwrap();
        large.push(half.clone()).unwrap();
        let error = large.push(half).unwrap_err();
        assert_eq!(error.code, "too-large");
        assert!(error.message.contains("64 MiB"), "{}", error.message);
        assert!(error.cause.unwrap().contains("head 100"));
    }
}
