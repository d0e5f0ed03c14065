//! The prompt: reads lines until Ctrl-D and runs each as a program of its own.

mod editor;
mod history;
pub mod live;
mod paint;
pub mod progress;
mod prompt;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kafsh_cluster::Cancel;
use kafsh_model::{Class, Result};

use crate::bind::{Mode, Source, compile};
use crate::cli::status_of;
use crate::commands;
use crate::context::{Context, KAFKA_VERSION};
use crate::error::{Style, render_rejected};
use crate::output::Medium;
use crate::run::Runner;
use crate::session::Session;
use crate::terminal::{Restore, Standing, interruptible, is_leaving};

use editor::{LineEditor, Surroundings, Typed};
use live::{Live, Which, cluster_names};
use paint::{CLEAR, LEAVE};
use prompt::{Found, Look, banner};

/// Longest that a prompt waits for how its cluster does; after that it shows what was known.
const HEALTH_WAIT: Duration = Duration::from_millis(100);

/// The same for the first prompt: start to prompt has a budget of 30 ms.
const FIRST_HEALTH_WAIT: Duration = Duration::from_millis(15);

/// Longest that the banner waits to learn which Java there is: an unknown one is run once.
const JAVA_WAIT: Duration = Duration::from_millis(10);

/// Empties the screen of a terminal and puts the cursor at its top left.
const CLEAR_SCREEN: &str = "\u{1b}[H\u{1b}[2J";

/// Status of the shell when it was told to end.
const STATUS_ENDED: u8 = 130;

/// Reads and runs lines until Ctrl-D; the exit status of the last.
pub async fn run(runner: Runner, style: Style) -> Result<u8> {
    let restore = Restore::take();
    let mut standing = Standing::take();
    let look = Look { color: Medium::of_stdout().color, ascii: style.ascii };
    let live = Live::new(&runner.context, tokio::runtime::Handle::current());
    let mut editor = LineEditor::start(
        Surroundings {
            live: live.clone(),
            context: Arc::downgrade(&runner.context),
            state: runner.context.home.state.clone(),
            session: runner.session.clone(),
            directory: runner.directory.clone(),
        },
        look,
    )?;
    let mut health_wait = FIRST_HEALTH_WAIT;
    let found = found(&runner.context);
    let (found, first) = tokio::join!(found, ready_prompt(&runner, &live, look, health_wait));
    tell!("{}", banner(&found, look, Medium::of_stdout().width));
    let mut next = Some(first);
    let mut status = 0;
    loop {
        let words = match next.take() {
            Some(words) => words,
            None => ready_prompt(&runner, &live, look, health_wait).await,
        };
        health_wait = HEALTH_WAIT;
        let typed = tokio::select! {
            typed = editor.read(words) => typed?,
            () = standing.told_to_leave() => {
                restore.put_back();
                status = STATUS_ENDED;
                break;
            }
        };
        match typed {
            Typed::Line(line) if line.trim().is_empty() => {}
            Typed::Line(line) if line.trim() == CLEAR => out!("{CLEAR_SCREEN}"),
            Typed::Line(line) if LEAVE.contains(&line.trim()) => break,
            Typed::Line(line) => {
                status = run_line(&runner, line, style).await;
                if runner.session.is_leaving() {
                    status = runner.session.exit_status().unwrap_or(status);
                    break;
                }
            }
            Typed::Cleared => {}
            Typed::End => break,
        }
        if is_leaving() {
            status = STATUS_ENDED;
            break;
        }
    }
    let closing = status_of(runner.finish().await, Style { place: true, ..style });
    Ok(if closing == 0 { status } else { closing })
}

/// One line, or several that belong together: its status. Nothing of it outlives it but what it
/// did: Ctrl-C ends it and not the shell.
async fn run_line(runner: &Runner, line: String, style: Style) -> u8 {
    // The line stands just above: a place helps only among several.
    let style = Style { place: line.trim_end().contains('\n'), ..style };
    let known: BTreeSet<String> = runner.session.variables().into_keys().collect();
    let source = Source { name: "<prompt>".to_string(), text: line };
    let program = match compile(source, Mode::Lenient, &known, &runner.directory) {
        Ok(program) => program,
        Err(rejected) => {
            tell!("{}", render_rejected(&rejected, style));
            return 2;
        }
    };
    let cancel = Cancel::new();
    let runner = Runner { cancel: cancel.clone(), medium: Medium::of_stdout(), ..runner.clone() };
    let outcome = interruptible(cancel, runner.run(&program)).await;
    if matches!(&outcome, Err(failure) if failure.error.class == Class::Interrupted) {
        // The terminal has written `^C`.
        tell!("\n");
    }
    status_of(outcome, style)
}

/// The cluster that a command would work on now, if one can be told.
pub fn current(context: &Context, session: &Session) -> Option<Which> {
    if let Some(bootstrap) = session.bootstrap() {
        return Some(Which::Bootstrap(bootstrap));
    }
    let named = session.cluster().or_else(|| context.only_cluster(true).ok());
    named.map(Which::Cluster)
}

/// The next prompt, with how the cluster does now if that can be had in time.
async fn ready_prompt(
    runner: &Runner,
    live: &Live,
    look: Look,
    wait: Duration,
) -> (String, String) {
    let Some(which) = current(&runner.context, &runner.session) else {
        return prompt::prompt(None, None, look);
    };
    if let Some(looking) = live.refresh(&which) {
        // Too late is no error: the look goes on behind, for the next prompt.
        let _ = tokio::time::timeout(wait, looking).await;
    }
    let health = live.known(&which).map(|seen| seen.health);
    prompt::prompt(Some(which.name()), health, look)
}

/// What the banner says; nothing that is not on this machine is asked.
async fn found(context: &Arc<Context>) -> Found {
    let installed = context.distributions.list().unwrap_or_default();
    let wanted = installed.iter().find(|found| found.version == KAFKA_VERSION);
    let kafka = wanted.or(installed.first()).map(|found| found.version.clone());
    let distributions = context.distributions.clone();
    let version = kafka.clone().unwrap_or_else(|| KAFKA_VERSION.to_string());
    let java = tokio::task::spawn_blocking(move || distributions.java(&version, None));
    let java = match tokio::time::timeout(JAVA_WAIT, java).await {
        Ok(Ok(Ok(java))) => Some(java.major),
        _ => None,
    };
    let install = commands::lookup("kafka", "install").map(|_| KAFKA_VERSION.to_string());
    let clusters = cluster_names(&context.store);
    Found { kafka, java, clusters, rehearsing: context.rehearsing, install }
}
