//! Runs a program: statements in order, pipelines stage by stage, results to where they go. The
//! prompt, files, standard input, `-c` and argv all come through here.

mod advice;
mod deliver;
mod expect;
mod near;
mod pipeline;
mod sink;

pub use pipeline::values_of_flow;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kafsh_cluster::Cancel;
use kafsh_lang::{Span, Word};
use kafsh_model::port::Progress;
use kafsh_model::{Class, Error};
use serde_json::Value;
use tokio::time::Instant;

use crate::args::{as_text, parse_duration};
use crate::bind::{
    BoundKind, BoundLet, BoundPipeline, BoundStage, BoundStatement, Program, Source, evaluate,
    without_secrets,
};
use crate::context::Context;
use crate::error::Failure;
use crate::output::{Format, Medium};
use crate::session::Session;
use crate::spec::LocalFuture;

/// First and longest pause between two tries of `wait`.
const WAIT_POLL_FIRST: Duration = Duration::from_millis(200);
const WAIT_POLL_MAX: Duration = Duration::from_secs(1);
/// How much longer than those before it a try may have taken, cut short by the end, without being
/// called silent.
const WAIT_SLOWER: u32 = 4;

/// Bound on each block of `on-exit` after an interrupt: an orderly stop may take 180 s.
const EXIT_BLOCK_DEADLINE: Duration = Duration::from_secs(240);

/// Rounds of `on-exit` blocks that set `on-exit` blocks of their own.
const EXIT_ROUNDS_MAX: usize = 16;

/// Most elements a `for` runs over.
const FOR_ITEMS_MAX: usize = 100_000;

pub type Outcome = Result<(), Failure>;

/// What one conversation or script run needs to run statements.
#[derive(Clone)]
pub struct Runner {
    pub context: Arc<Context>,
    pub session: Arc<Session>,
    pub cancel: Cancel,
    /// What relative paths are relative to
    pub directory: PathBuf,
    pub medium: Medium,
    /// Where remarks and questions go
    pub user: Arc<dyn User>,
    pub progress: Arc<dyn Progress>,
}

/// The person, or the lack of one: remarks and questions.
pub trait User: Send + Sync {
    /// A remark on standard error.
    fn note(&self, text: &str);
    /// Somebody reads standard error as it is written.
    fn is_there(&self) -> bool;
    /// Asks for consent; `None`: there is nobody to ask.
    fn ask(&self, question: &str) -> Option<bool>;
}

impl Runner {
    /// Runs a whole program, then the blocks of `on-exit`, also after a failure or an interrupt.
    pub async fn run_script(&self, program: &Program, params: &[(String, Value)]) -> Outcome {
        let outcome = async {
            self.set_params(program, params)?;
            self.run(program).await
        }
        .await;
        let closing = self.finish().await;
        outcome.and(closing)
    }

    /// Runs a program without ending the session: a line at the prompt.
    pub async fn run(&self, program: &Program) -> Outcome {
        for note in &program.notes {
            let style = crate::error::Style { color: false, ascii: self.medium.ascii, place: true };
            let text = match self.session.is_prompt() {
                true => format!("note: {}", note.message),
                false => crate::error::render_diagnostic(note, &program.source, style),
            };
            self.user.note(text.trim_end());
        }
        self.statements(&program.statements, &program.source).await
    }

    /// The blocks of `on-exit` and what was only for this session.
    pub async fn finish(&self) -> Outcome {
        let mut outcome = Ok(());
        // The interrupt was for the script; its closing words get a token of their own, which the
        // next one is for.
        let closing = Runner { cancel: Cancel::new(), ..self.clone() };
        let watcher = tokio::spawn(crate::terminal::cancel_on_interrupt(closing.cancel.clone()));
        for _ in 0..EXIT_ROUNDS_MAX {
            let blocks = self.session.take_exit_blocks();
            if blocks.is_empty() {
                break;
            }
            for (source, block) in blocks {
                self.session.begin_closing();
                outcome = outcome.and(closing.exit_block(&source, &block, self.hurries()).await);
            }
        }
        watcher.abort();
        for name in self.session.take_ephemeral() {
            let ended = self.context.destroy_ephemeral(&name, self.user.clone()).await;
            outcome = outcome.and(ended.map_err(Failure::from));
        }
        outcome
    }

    /// The run was interrupted: its end is waited for, but not for ever.
    fn hurries(&self) -> bool {
        self.cancel.is_cancelled()
    }

    async fn exit_block(
        &self,
        source: &Arc<Source>,
        block: &[BoundStatement],
        hurries: bool,
    ) -> Outcome {
        let run = self.statements(block, source);
        if !hurries {
            return run.await;
        }
        tokio::pin!(run);
        match tokio::time::timeout(EXIT_BLOCK_DEADLINE, &mut run).await {
            Ok(outcome) => outcome,
            Err(_) => {
                // Told to stop and awaited, not dropped in the middle.
                self.cancel.cancel();
                run.await.and(Err(Error::timed_out("an `on-exit` block took too long").into()))
            }
        }
    }

    fn set_params(&self, program: &Program, given: &[(String, Value)]) -> Outcome {
        for param in &program.params {
            let value = match given.iter().find(|(name, _)| *name == param.name) {
                Some((_, value)) => value.clone(),
                None => match &param.default {
                    Some(word) => literal_value(word, &self.session.variables())?,
                    None => {
                        let message = format!("param `{}` was not given", param.name);
                        let error = Error::usage("missing-param", message)
                            .with_cause(format!("give `--{} VALUE` after the script", param.name));
                        let place = Some((program.source.clone(), param.span));
                        return Err(Failure { error, place });
                    }
                },
            };
            self.session.set_variable(&param.name, value);
        }
        Ok(())
    }

    fn statements<'a>(
        &'a self,
        statements: &'a [BoundStatement],
        source: &'a Arc<Source>,
    ) -> LocalFuture<'a, Outcome> {
        Box::pin(async move {
            for statement in statements {
                if self.session.is_leaving() {
                    return Ok(());
                }
                if self.cancel.is_cancelled() {
                    return Err(Error::interrupted().into());
                }
                self.statement(statement, source).await?;
            }
            Ok(())
        })
    }

    async fn statement(&self, statement: &BoundStatement, source: &Arc<Source>) -> Outcome {
        let outcome = match &statement.kind {
            BoundKind::Pipeline(pipeline) => self.print(pipeline, source).await,
            BoundKind::Let { name, value } => self.bind_let(name, value, source).await,
            BoundKind::If { condition, then, otherwise } => {
                let value = self.one_value(condition, source).await.map_err(Failure::from);
                let chosen = match value.and_then(|v| truth(&v, "if").map_err(Failure::from)) {
                    Ok(true) => then,
                    Ok(false) => otherwise,
                    Err(failure) => return Err(placed(failure, source, statement.span)),
                };
                return self.statements(chosen, source).await;
            }
            BoundKind::For { name, items, body } => {
                return self.run_for(name, items, body, source, statement.span).await;
            }
            BoundKind::Wait { duration, pipeline } => {
                self.wait(duration, pipeline.as_ref(), source).await
            }
            BoundKind::Expect { error, pipeline } => {
                self.expect(error.as_ref(), pipeline, source).await
            }
            BoundKind::Try(inner) => return self.run_try(inner, source).await,
            BoundKind::OnExit(block) => {
                self.session.push_exit_block((source.clone(), block.clone()));
                Ok(())
            }
            BoundKind::Param => Ok(()),
            BoundKind::Set { name, value } => self.set(name, value),
            BoundKind::Sourced(program) => return Box::pin(self.run(program)).await,
        };
        outcome.map_err(|error| placed(error.into(), source, statement.span))
    }

    async fn bind_let(
        &self,
        name: &str,
        value: &BoundLet,
        source: &Arc<Source>,
    ) -> Result<(), Error> {
        let value = match value {
            BoundLet::Word(word) => literal_value(word, &self.session.variables())?,
            BoundLet::Pipeline(pipeline) => self.one_value(pipeline, source).await?,
        };
        self.session.set_variable(name, value);
        Ok(())
    }

    async fn run_for(
        &self,
        name: &str,
        items: &[Word],
        body: &[BoundStatement],
        source: &Arc<Source>,
        span: Span,
    ) -> Outcome {
        let mut values = Vec::new();
        for word in items {
            let value = literal_value(word, &self.session.variables());
            match value.map_err(|error| placed(error.into(), source, span))? {
                Value::Array(array) if items.len() == 1 && word.variable().is_some() => {
                    values.extend(array);
                }
                value => values.push(value),
            }
        }
        if values.len() > FOR_ITEMS_MAX {
            let message = format!("`for` runs over at most {FOR_ITEMS_MAX} elements");
            return Err(placed(Error::failed("too-many", message).into(), source, span));
        }
        for value in values {
            if self.session.is_leaving() {
                break;
            }
            self.session.set_variable(name, value);
            self.statements(body, source).await?;
        }
        Ok(())
    }

    async fn run_try(&self, inner: &BoundStatement, source: &Arc<Source>) -> Outcome {
        match Box::pin(self.statement(inner, source)).await {
            Err(failure) if failure.error.class != Class::Interrupted => {
                let style =
                    crate::error::Style { color: false, ascii: self.medium.ascii, place: true };
                let text = crate::error::render_failure(&failure, style);
                let text = text.strip_prefix("error:").unwrap_or(&text);
                self.user.note(format!("went on after:{text}").trim_end());
                Ok(())
            }
            other => other,
        }
    }

    fn set(&self, name: &Word, value: &Word) -> Result<(), Error> {
        let value = as_text(&evaluate(value, &self.session.variables())?);
        match name.literal().as_deref() {
            Some("output") if value == "auto" => self.session.set_format(None),
            Some("output") => self.session.set_format(Some(Format::parse(&value)?)),
            other => {
                let name = other.unwrap_or_default();
                return Err(Error::usage("unknown-setting", format!("no setting `{name}`")));
            }
        }
        Ok(())
    }

    /// `wait 30s PIPELINE`: until its one output is true. Not found and unavailable are "not yet".
    async fn wait(
        &self,
        duration: &Word,
        pipeline: Option<&BoundPipeline>,
        source: &Arc<Source>,
    ) -> Result<(), Error> {
        let text = as_text(&evaluate(duration, &self.session.variables())?);
        let limit = parse_duration(&text)?;
        let Some(pipeline) = pipeline else {
            return self.pause(limit).await;
        };
        let deadline = Instant::now() + limit;
        let mut pause = WAIT_POLL_FIRST;
        let mut last = "it was not tried once".to_string();
        let mut longest = Duration::ZERO;
        loop {
            let began = Instant::now();
            let tried = self.try_until(deadline, pipeline, source).await;
            let took = began.elapsed();
            match tried {
                Ok(Ok(value)) => {
                    if truth(&value, "wait")? {
                        return Ok(());
                    }
                    last = "it was false".to_string();
                }
                // No wait makes a cluster: its name is wrong.
                Ok(Err(error)) if error.code == "cluster-not-found" => return Err(error),
                // It may have been done: what would be done twice is for the user to decide.
                Ok(Err(error)) if error.code == "outcome-unknown" => return Err(error),
                Ok(Err(error)) if error.class.is_not_yet() => last = error.to_string(),
                Ok(Err(error)) => return Err(error),
                // Cut short by the end and no slower than those before: what they said stands.
                Err(_) if took <= longest * WAIT_SLOWER => {}
                Err(_) => last = format!("no answer in time; before that: {last}"),
            }
            longest = longest.max(took);
            if Instant::now() + pause >= deadline {
                let message = format!("waited {text} for `{}`", shown(source, pipeline));
                return Err(Error::timed_out(message).with_cause(last));
            }
            self.pause(pause).await?;
            pause = (pause * 2).min(WAIT_POLL_MAX);
        }
    }

    /// One try of a `wait`; `Err` where the time ran out first. A command that must end in order is
    /// told to stop and awaited, any other is dropped where it waits.
    async fn try_until(
        &self,
        deadline: Instant,
        pipeline: &BoundPipeline,
        source: &Arc<Source>,
    ) -> Result<Result<Value, Error>, tokio::time::error::Elapsed> {
        if !pipeline.is_cooperative() {
            return tokio::time::timeout_at(deadline, self.one_value(pipeline, source)).await;
        }
        let own = Runner { cancel: Cancel::new(), ..self.clone() };
        let tried = own.one_value(pipeline, source);
        tokio::pin!(tried);
        let out_of_time = tokio::time::timeout_at(deadline, std::future::pending::<()>());
        let elapsed = tokio::select! {
            value = &mut tried => return Ok(value),
            () = self.cancel.cancelled() => None,
            ran_out = out_of_time => ran_out.err(),
        };
        own.cancel.cancel();
        let ended = tried.await;
        elapsed.map_or(Ok(ended), Err)
    }

    async fn pause(&self, duration: Duration) -> Result<(), Error> {
        let sleep = async {
            tokio::time::sleep(duration).await;
            Ok(())
        };
        self.cancel.run(sleep).await
    }

    /// The one output of a pipeline. None or many is an error that says how to wrap it: "the last
    /// of many" would pass on a broken topic.
    async fn one_value(
        &self,
        pipeline: &BoundPipeline,
        source: &Arc<Source>,
    ) -> Result<Value, Error> {
        one_of(self.collect(pipeline, source).await?)
    }
}

/// The one of the outputs of a pipeline.
fn one_of(mut values: Vec<Value>) -> Result<Value, Error> {
    match (values.pop(), values.len()) {
        (Some(value), 0) => Ok(value),
        (None, _) => Err(Error::failed("no-output", "there is no output where one is needed")
            .with_cause("wrap the filter so that it always gives one: `| jq '[…] | length > 0'`")),
        (Some(_), more) => {
            let count = more + 1;
            Err(Error::failed("many-outputs", format!("{count} outputs where one is needed"))
                .with_cause(
                    "several become one by `| jq -s .`, or in the filter by `[…] | all`, `any`, \
                     `length`, `first`",
                ))
        }
    }
}

/// A word as a value: one bare word that is JSON's number, true, false or null has that type.
pub fn literal_value(
    word: &Word,
    variables: &std::collections::BTreeMap<String, Value>,
) -> Result<Value, Error> {
    if let (Some(text), false) = (word.literal(), word.quoted)
        && let Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) =
            serde_json::from_str(&text)
    {
        return Ok(value);
    }
    evaluate(word, variables)
}

fn truth(value: &Value, statement: &str) -> Result<bool, Error> {
    match value {
        Value::Bool(truth) => Ok(*truth),
        other => {
            let shown: String = other.to_string().chars().take(60).collect();
            Err(Error::failed("not-a-truth", format!("`{statement}` needs true or false"))
                .with_evidence(format!("it got {shown}"))
                .with_cause("end the pipeline in a comparison: `| jq '… == …'`"))
        }
    }
}

/// Longest command line that is kept for the audit log and for advice, in characters.
const LINE_CHARS_MAX: usize = 4_096;

/// Stages as they stand in the source, on one line, without secrets.
fn line_of(source: &Source, stages: &[BoundStage], span: Span) -> String {
    let text = without_secrets(&source.text, stages, span);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(LINE_CHARS_MAX).collect()
}

/// The file and line where a stage begins; none at the prompt and on the command line.
fn place_of(source: &Source, span: Span) -> Option<(String, usize)> {
    if source.name.starts_with('<') {
        return None;
    }
    let before = source.text.get(..span.start)?;
    Some((source.name.clone(), before.matches('\n').count() + 1))
}

/// The same for a message: cut.
fn shown(source: &Source, pipeline: &BoundPipeline) -> String {
    let line = line_of(source, &pipeline.stages, pipeline.span);
    if line.chars().count() > 100 { line.chars().take(99).chain(['…']).collect() } else { line }
}

/// The innermost place wins: a statement inside a block names its own line.
fn placed(failure: Failure, source: &Arc<Source>, span: Span) -> Failure {
    match failure.place {
        Some(_) => failure,
        None => Failure { place: Some((source.clone(), span)), ..failure },
    }
}
