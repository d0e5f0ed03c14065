//! The page's way to the commands: words in, what `-O json` would print out, and only reading.

mod browse;
pub mod browser;

use std::path::PathBuf;
use std::sync::Arc;

use kafsh_cluster::Cancel;
use kafsh_model::port::{BoxFuture, Progress};
use kafsh_model::{Error, Result};
use kafsh_page::{Answer, Ask, Browse, Question, Records};
use serde_json::Value;

use crate::bind::{BoundKind, BoundStage, BoundStageKind, Program, values_of};
use crate::call::{Call, advise};
use crate::context::Context;
use crate::flow::{Flow, Output};
use crate::repl::progress::Quiet;
use crate::run::values_of_flow;
use crate::session::{Origin, Session};
use crate::spec::{Effect, Needs};

/// One cluster as the page shows it.
pub struct Shown {
    context: Arc<Context>,
    /// Of its own: `cluster use` at the prompt does not change what an open page is about
    session: Arc<Session>,
    directory: PathBuf,
    program: Vec<String>,
    cluster: String,
    /// Client properties that `ui` was given
    connection: Vec<String>,
}

impl Shown {
    /// The cluster that a call is about.
    ///
    /// # Errors
    /// Where the call names none, or one that does not exist.
    pub fn of(call: &Call) -> Result<Shown> {
        let session = Session::new(Origin::Script, false);
        let mut program = vec!["kafsh".to_string()];
        if call.context.rehearsing {
            program.push("--rehearse".to_string());
        }
        let cluster = match call.address() {
            Some(address) => {
                session.use_bootstrap(address.clone());
                program.extend(["-B".to_string(), address.clone()]);
                address
            }
            None => {
                let name = call.cluster_name()?;
                call.context.known(&name)?;
                session.use_cluster(Some(name.clone()));
                program.extend(["-C".to_string(), name.clone()]);
                name
            }
        };
        let properties = call.args.texts("client").into_iter().map(|p| format!("--client={p}"));
        let files = call.args.opt_text("command-config").map(|f| format!("--command-config={f}"));
        Ok(Shown {
            context: call.context.clone(),
            session: Arc::new(session),
            directory: call.directory.clone(),
            program,
            cluster,
            connection: properties.chain(files).collect(),
        })
    }

    /// Calls of commands that only read, one behind the other.
    fn calls(&self, stages: Vec<Vec<String>>) -> Result<Vec<Ready>> {
        let stages: Vec<Vec<String>> =
            stages.into_iter().map(|words| self.connected(words)).collect();
        let program = crate::cli::stages_program(&stages)
            .map_err(|rejected| Error::usage("bad-value", first_message(&rejected)))?;
        let bound =
            commands(&program).ok_or_else(|| Error::bug("a question of the page is no command"))?;
        bound.into_iter().map(|bound| self.call(bound?)).collect()
    }

    fn call(&self, (spec, args): Bound) -> Result<Ready> {
        let writes = ["group", "dead-letter", "checkpoint"].iter().any(|flag| args.has(flag));
        if spec.effect != Effect::Read || writes {
            let message = format!("`{}` changes something, and the page only shows", spec.name());
            return Err(Error::refused("read-only", message).with_next(spec.name()));
        }
        let call = Call {
            context: self.context.clone(),
            session: self.session.clone(),
            args,
            input: Flow::Nothing.into(),
            at: None,
            cancel: Cancel::new(),
            confirmed: None,
            found: None.into(),
            line: spec.name(),
            place: None,
            on_command_line: true,
            directory: self.directory.clone(),
            progress: Arc::new(Quiet) as Arc<dyn Progress>,
        };
        Ok((spec.run, call))
    }

    /// With the client properties that `ui` was given, where the command takes them.
    fn connected(&self, mut words: Vec<String>) -> Vec<String> {
        let two = match words.as_slice() {
            [noun, verb, ..] => crate::commands::lookup(noun, verb),
            _ => None,
        };
        let spec = two.or_else(|| crate::commands::single(words.first()?));
        if let Some(spec) = spec.filter(|spec| spec.needs == Needs::Cluster) {
            let at = spec.path.len();
            words.splice(at..at, self.connection.iter().cloned());
        }
        words
    }
}

fn first_message(rejected: &crate::bind::Rejected) -> String {
    let first = rejected.diagnostics.first();
    first.map_or_else(String::new, |diagnostic| diagnostic.message.clone())
}

/// A command and what it is given.
type Ready = (crate::spec::RunFn, Call);

type Bound = (&'static crate::spec::CommandSpec, crate::args::Args);

fn commands(program: &Program) -> Option<Vec<Result<Bound>>> {
    let [statement] = program.statements.as_slice() else { return None };
    let BoundKind::Pipeline(pipeline) = &statement.kind else { return None };
    let command = |stage: &BoundStage| match &stage.kind {
        BoundStageKind::Command { spec, args, .. } => {
            Some(values_of(args, &Default::default()).map(|args| (*spec, args)))
        }
        BoundStageKind::Os { .. } => None,
    };
    pipeline.stages.iter().map(command).collect()
}

impl Ask for Shown {
    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Answer>> {
        let address = self.session.bootstrap();
        let calls = self.calls(vec![question.words().to_vec()]);
        Box::pin(async move {
            let last = calls?.pop();
            let (run, call) = last.ok_or_else(|| Error::bug("a question without a command"))?;
            let Output { flow, mut notes, .. } =
                run(call).await.map_err(|error| advise(error, address.as_deref()))?;
            let value = match flow {
                Flow::Nothing => Value::Null,
                Flow::Value { value, .. } => value,
                stream => {
                    let (values, more) = values_of_flow(stream).await?;
                    notes.extend(more);
                    Value::Array(values)
                }
            };
            Ok(Answer { value, notes })
        })
    }

    fn browse(&self, browse: Browse) -> BoxFuture<'static, Result<Box<dyn Records>>> {
        let address = self.session.bootstrap();
        let mut stages = vec![browse.consume.words().to_vec()];
        if let Some(keep) = browse.keep {
            let words = ["transform", "filter", "--on-error=skip"].map(String::from);
            stages.push(words.into_iter().chain([format!("--set=keep={keep}")]).collect());
        }
        let calls = self.calls(stages);
        Box::pin(async move {
            let mut calls = calls?.into_iter();
            let reading = calls.next().ok_or_else(|| Error::bug("nothing to read from"))?;
            let filter = calls.next();
            let browsing = browse::start(reading, browse.text, filter).await;
            let browsing = browsing.map_err(|error| advise(error, address.as_deref()))?;
            Ok(Box::new(browsing) as Box<dyn Records>)
        })
    }

    fn program(&self) -> Vec<String> {
        self.program.clone()
    }

    fn cluster(&self) -> String {
        self.cluster.clone()
    }
}
