//! The checks of a plugin: the crate's own tests, then its cases in the engine that users have.

use std::path::PathBuf;

use kafsh_model::plugin::PluginKind;
use kafsh_model::{Error, Result};
use serde_json::{Value, json};

use super::case::CaseFile;
use super::outcome::{self, Ran};
use super::project::Project;
use super::subject::{Component, Mode, Subject, in_background};
use crate::call::Call;

/// Folder of case files, beside a crate's `Cargo.toml` or a component.
const CASES: &str = "cases";

/// How a check went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub name: String,
    pub result: &'static str,
    pub fuel: Option<u64>,
    pub memory_bytes: usize,
    /// What is wrong, line by line
    pub wrong: Vec<String>,
}

impl Checked {
    pub fn failed(&self) -> bool {
        self.result == "failed"
    }

    pub fn value(&self) -> Value {
        json!({
            "case": self.name,
            "result": self.result,
            "fuel": self.fuel,
            "memory_bytes": (self.memory_bytes > 0).then_some(self.memory_bytes),
            "wrong": self.wrong,
        })
    }
}

/// What is checked, and where its cases lie.
pub struct Checks {
    kind: PluginKind,
    cases: PathBuf,
    component: Component,
}

impl Checks {
    /// A crate, which is built and natively tested first, or a component beside its cases.
    ///
    /// # Errors
    /// Those of the build, and `tests-failed`: there is no component to put cases to.
    pub async fn find(call: &Call, word: &str) -> Result<(Checks, Vec<Checked>)> {
        let path = call.directory.join(word);
        if path.is_dir() {
            let project = Project::open(&path, &call.cancel).await?;
            project.native_tests(&call.cancel).await?;
            let native = Checked {
                name: "tests of the crate".to_string(),
                result: "ok",
                fuel: None,
                memory_bytes: 0,
                wrong: Vec::new(),
            };
            let cases = project.folder.join(CASES);
            let component = Component::built(&project, call).await?;
            let kind = component.manifest.kind;
            return Ok((Checks { kind, cases, component }, vec![native]));
        }
        let component = Component::find(call, word).await?;
        let cases = path.parent().map_or(CASES.into(), |folder| folder.join(CASES));
        Ok((Checks { kind: component.manifest.kind, cases, component }, Vec::new()))
    }

    /// Puts every case to the component. With `bless`, what comes out is what is expected from now
    /// on.
    ///
    /// # Errors
    /// `bad-case`, `bad-setting`; what the host has against the component.
    pub async fn run(&self, call: &Call, bless: bool) -> Result<Vec<Checked>> {
        let files = CaseFile::all(&self.cases, self.kind)?;
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let subject = self.component.start(call, Mode::Counted).await?;
        let work = in_background(move || {
            let mut rows = Vec::new();
            for file in &files {
                rows.extend(check(&subject, file, bless)?);
            }
            Ok(rows)
        });
        call.cancel.run(work).await
    }

    /// Where cases are looked for.
    pub fn folder(&self) -> String {
        self.cases.display().to_string()
    }
}

fn check(subject: &Subject, file: &CaseFile, bless: bool) -> Result<Vec<Checked>> {
    let mut rows = Vec::new();
    let mut outcomes = Vec::new();
    for (index, case) in file.cases.iter().enumerate() {
        let Ran { outcome, fuel, memory_bytes } =
            outcome::run(&subject.host, &subject.manifest, case)?;
        let mut wrong = match case.expected.is_empty() {
            true => vec!["nothing is expected: `plugin test --bless` writes it".to_string()],
            false => outcome::differences(&case.expected, &outcome),
        };
        let mut result = "ok";
        if bless && !wrong.is_empty() {
            outcomes.push((index, outcome));
            wrong.clear();
            result = "blessed";
        }
        if let (Some(most), Some(used)) = (case.fuel, fuel)
            && used > most
        {
            wrong.push(format!("fuel: at most {most}, took {used}"));
        }
        if !wrong.is_empty() {
            result = "failed";
        }
        rows.push(Checked { name: case.name.clone(), result, fuel, memory_bytes, wrong });
    }
    if !outcomes.is_empty() {
        let outcomes: Vec<_> = outcomes.iter().map(|(index, outcome)| (*index, outcome)).collect();
        file.bless(&outcomes, subject.manifest.kind)?;
    }
    Ok(rows)
}

/// What `error` says, for a table that goes on after it.
pub fn failure(name: &str, error: &Error) -> Checked {
    let mut wrong = vec![error.message.clone()];
    wrong.extend(error.evidence.iter().cloned());
    wrong.extend(error.cause.iter().cloned());
    Checked { name: name.to_string(), result: "failed", fuel: None, memory_bytes: 0, wrong }
}
