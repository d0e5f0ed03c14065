//! The guides for authors of plugins are true: every command in them is run, in order, on a
//! rehearsal, and says what stands below it.

mod support;

use std::path::PathBuf;

use support::{Kafsh, Ran, root};

/// What the guides may count on.
const GROUND: &str = "cluster up demo --brokers 3\n";

/// A line after `$ kafsh`, or one of a script, and what it is to say.
#[derive(Debug)]
struct Step {
    command: String,
    says: Vec<String>,
}

impl Step {
    fn fails(&self) -> bool {
        self.says.first().is_some_and(|line| line.starts_with("error: "))
    }
}

/// The commands of a guide: in blocks marked `console`, after `$ kafsh`; in those marked `ksh`,
/// each line.
fn steps(guide: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut inside, mut script) = (false, false);
    for line in guide.lines() {
        if line.starts_with("```") {
            (inside, script) = (line == "```console", line == "```ksh");
        } else if script {
            steps.push(Step { command: line.to_owned(), says: Vec::new() });
        } else if inside && let Some(command) = line.strip_prefix("$ kafsh ") {
            // In a script the cluster stands before the command.
            let command = match command.strip_prefix("-C ").and_then(|rest| rest.split_once(' ')) {
                Some((cluster, rest)) => format!("@{cluster} {rest}"),
                None => command.to_owned(),
            };
            steps.push(Step { command, says: Vec::new() });
        } else if inside && let Some(step) = steps.last_mut() {
            step.says.push(line.trim().to_owned());
        }
    }
    steps
}

fn run(script: &str) -> Ran {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kafsh = Kafsh::at(home.path()).in_directory(folder.path()).with_cargo();
    kafsh.with(&["--rehearse", "--yes", "-c", script]).run(&[])
}

/// Runs a guide as one script; each command that is to fail at the end of what stands before it.
#[track_caller]
fn check(path: &str, least: usize) {
    let path: PathBuf = root().join("plugins").join(path);
    let steps = steps(&std::fs::read_to_string(&path).unwrap());
    assert!(steps.len() >= least, "{}: only {} commands", path.display(), steps.len());
    let mut script = GROUND.to_owned();
    for step in steps.iter().filter(|step| step.fails()) {
        let before = steps.iter().take_while(|other| !std::ptr::eq(*other, step));
        let before: String = before
            .filter(|other| !other.fails())
            .map(|other| format!("{}\n", other.command))
            .collect();
        let ran = run(&format!("{GROUND}{before}{}\n", step.command));
        assert_ne!(ran.status, 0, "{}: `{}` passes", path.display(), step.command);
        says(&ran, step);
    }
    for step in steps.iter().filter(|step| !step.fails()) {
        script.push_str(&step.command);
        script.push('\n');
    }
    let ran = run(&script).ok();
    steps.iter().filter(|step| !step.fails()).for_each(|step| says(&ran, step));
}

#[track_caller]
fn says(ran: &Ran, step: &Step) {
    for line in &step.says {
        let said = ran.stdout.contains(line) || ran.stderr.contains(line);
        assert!(said, "`{}` does not say `{line}`:\n{}\n{}", step.command, ran.stdout, ran.stderr);
    }
}

#[test]
fn from_nothing_to_a_refused_topic_in_five_commands() {
    check("README.md", 6);
}

#[test]
fn the_guide_to_policies_is_true() {
    check("policies/README.md", 8);
}

#[test]
fn the_guide_to_transforms_is_true() {
    check("transforms/README.md", 7);
}

#[test]
fn the_guide_to_steps_is_true() {
    check("steps/README.md", 6);
}
