//! `transform PLUGIN`: what becomes of each record is a plugin's to say.

use std::sync::Arc;

use kafsh_model::plugin::{PluginKind, Settings};
use kafsh_model::{Error, Result};

use crate::call::Call;
use crate::context::Context;
use crate::flow::{Flow, Origin, Output};
use crate::spec::{ArgSpec, Arity, CommandSpec, Example, FlagSpec, Kind, Place};
use crate::transforms::checkpoint::{Checkpoint, Key};
use crate::transforms::{self, Letters, OnError, OnFailure, Runner, Stage};

const CHOICES: &[&str] = &["fail", "skip", "dead-letter"];

const FLAGS: &[FlagSpec] = &[
    FlagSpec::value("set", "NAME=VALUE", Kind::KeyValue, "a setting of the plugin").repeated(),
    FlagSpec::value(
        "on-error",
        "WHAT",
        Kind::Choice(CHOICES),
        "what becomes of a record that cannot be transformed: fail (default), skip, dead-letter",
    ),
    FlagSpec::value(
        "dead-letter",
        "TOPIC",
        Kind::Topic,
        "the topic for `--on-error dead-letter`, which it implies; it must exist",
    ),
];

pub static SPEC: CommandSpec = CommandSpec {
    path: &["transform"],
    summary: "give each record to a plugin, which emits, changes, drops or fails it",
    detail: "Lines and values become records without a key. Records of one partition keep their \
             order. A plugin may send a record to another topic, one that its manifest names: \
             `produce` then sends it there.\n\n\
             A record that fails never passes. With `--on-error fail` everything before it passes, \
             then the pipeline ends and names it: `topic/partition@offset`. A record that breaks \
             the plugin is found among its neighbours by halving. `skip` leaves such records out \
             and counts them. `dead-letter` writes them as they were to a topic of the cluster \
             they came from (`@name transform …` picks another), with headers `kafsh.error.code`, \
             `kafsh.error.message`, `kafsh.error.plugin`, `kafsh.error.version`, `kafsh.source` \
             and `kafsh.source.topic`, `.partition`, `.offset`.\n\n\
             A group, or `consume --checkpoint FILE`, moves on only after everything that was read \
             is acknowledged, dropped, or written as a dead letter: what was in hand when the \
             pipeline was killed is read again, nothing is lost. What a plugin remembers \
             (`dedupe`) is kept in the checkpoint together with the progress; without one it ends \
             with the run.",
    args: &[ArgSpec {
        name: "plugin",
        kind: Kind::Plugin(PluginKind::Transform),
        arity: Arity::One,
        help: "the name of a transform",
    }],
    flags: FLAGS,
    place: Place::Stage,
    examples: EXAMPLES,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

const EXAMPLES: &[Example] = &[
    Example {
        line: "jq -n '{name: \"Ada\", email: \"a@b.c\"}' | transform mask-fields --set fields=email",
        about: "a field of JSON made unreadable",
    },
    Example {
        line: "consume test | transform mask-fields --set fields=email --on-error skip",
        about: "records that are no JSON are left out",
    },
];

async fn run(mut call: Call) -> Result<Output> {
    let choice = choice(&call)?;
    let upstream = transforms::input::records(call.take_input());
    let origin = upstream.as_ref().and_then(|upstream| upstream.origin());
    let on_error = on_error(&call, choice, origin.as_ref()).await?;
    let checkpoint = origin.and_then(|origin| origin.checkpoint);
    let (context, name) = (call.context.clone(), call.args.text("plugin")?);
    let given = call.args.pairs("set")?;
    let on_failure = match &on_error {
        OnError::Fail => OnFailure::Stop,
        OnError::Skip | OnError::DeadLetter(_) => OnFailure::GoOn,
    };
    // Loading compiles what was not compiled before, and asks the plugin about its settings.
    let loading = move || load(&context, &name, &given, on_failure, checkpoint);
    let loaded = tokio::task::spawn_blocking(loading).await;
    let (runner, kept) =
        loaded.map_err(|error| Error::bug(format!("a task of ours failed: {error}")))??;
    let Some(upstream) = upstream else { return Ok(Output::nothing()) };
    let stage = Stage::start(runner, upstream, on_error, kept)?;
    Ok(Output::of(Flow::Records(Box::new(stage))))
}

enum Choice {
    Fail,
    Skip,
    DeadLetter(String),
}

fn choice(call: &Call) -> Result<Choice> {
    let topic = call.args.opt_text("dead-letter");
    match (call.args.opt_text("on-error").as_deref(), topic) {
        (None | Some("dead-letter"), Some(topic)) => Ok(Choice::DeadLetter(topic)),
        (Some("dead-letter"), None) => {
            Err(Error::usage("bad-flags", "`--on-error dead-letter` needs a topic")
                .with_next("… | transform PLUGIN --on-error dead-letter --dead-letter TOPIC"))
        }
        (Some(other), Some(_)) => {
            let message = format!("`--on-error {other}` writes nothing to a dead-letter topic");
            Err(Error::usage("bad-flags", message))
        }
        (Some("skip"), None) => Ok(Choice::Skip),
        (_, None) => Ok(Choice::Fail),
    }
}

/// With the dead-letter topic looked up: it is not found out at the first record that fails.
async fn on_error(call: &Call, choice: Choice, origin: Option<&Origin>) -> Result<OnError> {
    let topic = match choice {
        Choice::Fail => return Ok(OnError::Fail),
        Choice::Skip => return Ok(OnError::Skip),
        Choice::DeadLetter(topic) => topic,
    };
    let target = match origin.filter(|_| call.at.is_none()) {
        Some(origin) if origin.topics.contains(&topic) => {
            let message =
                format!("`{topic}` is what is read: its dead letters would be read again");
            return Err(Error::usage("bad-flags", message)
                .with_next(format!("topic create {topic}-dead"))
                .with_next(format!("… | transform PLUGIN --dead-letter {topic}-dead")));
        }
        Some(origin) => {
            if let Some(cluster) = &origin.cluster {
                call.context.check_writable(cluster, &origin.target).await?;
            }
            origin.target.clone()
        }
        None => {
            call.check_writable().await?;
            call.target()?
        }
    };
    let producer = call.context.producer(&target)?;
    call.context.admin(&target)?.topics(Some(std::slice::from_ref(&topic))).await?;
    Ok(OnError::DeadLetter(Letters::new(producer, topic)))
}

type Loaded = (Runner, Option<(Arc<Checkpoint>, Key)>);

fn load(
    context: &Context,
    name: &str,
    given: &[(String, String)],
    on_failure: OnFailure,
    checkpoint: Option<Arc<Checkpoint>>,
) -> Result<Loaded> {
    let transform = context.transform(name)?;
    let specs = transform.manifest().settings.clone();
    let settings = Arc::new(Settings::read(name, &specs, given, &crate::config::secret)?);
    let runner = Runner::new(transform, settings.clone(), on_failure)?;
    match checkpoint {
        None => Ok((runner, None)),
        Some(checkpoint) => {
            let (key, states) = checkpoint.register(&runner.manifest().name)?;
            Ok((runner.with_states(settings, states), Some((checkpoint, key))))
        }
    }
}
