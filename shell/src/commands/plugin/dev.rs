//! `plugin dev DIR`: builds and tests a plugin again whenever one of its files changes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kafsh_model::port::BoxFuture;
use kafsh_model::{Class, Error, Result};

use super::build::FOLDER_ARG;
use crate::author::check::{Checked, Checks, failure};
use crate::author::watch::{self, Files};
use crate::call::Call;
use crate::flow::{Flow, Lines, Output, Source};
use crate::spec::{CommandSpec, Example};

pub static SPEC: CommandSpec = CommandSpec {
    path: &["plugin", "dev"],
    summary: "build and test a plugin again whenever one of its files changes",
    detail: "Goes on until Ctrl-C. After the first time only what changed is shown: a case that \
             passes now, one that fails now or fails differently.",
    args: &[FOLDER_ARG],
    examples: &[Example {
        line: "plugin new limits --kind policy; plugin dev limits | head 3",
        about: "until it has said three lines",
    }],
    cooperative: true,
    run: |call| Box::pin(run(call)),
    ..CommandSpec::BLANK
};

async fn run(call: Call) -> Result<Output> {
    let word = call.args.opt_text("folder").unwrap_or_else(|| ".".to_string());
    let folder = call.directory.join(&word);
    if !folder.join("Cargo.toml").is_file() {
        return Err(Error::failed("plugin-no-crate", format!("no plugin's crate in `{word}`"))
            .with_next("plugin new NAME --kind policy"));
    }
    let output = Output::of(Flow::Lines(Box::new(Watching {
        call,
        word,
        folder,
        files: None,
        before: BTreeMap::new(),
    })));
    Ok(output.note("Ctrl-C ends it"))
}

/// One batch of lines for each time that something changed.
struct Watching {
    call: Call,
    word: String,
    folder: PathBuf,
    /// As they were when the plugin was last tested
    files: Option<Files>,
    /// How each check went then
    before: BTreeMap<String, Checked>,
}

impl Watching {
    async fn turn(&mut self) -> Result<Lines> {
        let mut lines = Vec::new();
        let files = match &self.files {
            None => Files::look(&self.folder),
            Some(before) => {
                let changed = watch::change(&self.folder, before, &self.call.cancel).await?;
                lines.push(format!("changed: {}", changed.1.join(", ")));
                changed.0
            }
        };
        let first = self.files.is_none();
        self.files = Some(files);
        let rows = match self.check().await {
            Ok(rows) => rows,
            Err(error) if error.class == Class::Interrupted => return Err(error),
            Err(error) => vec![failure(&error.code, &error)],
        };
        let failed = rows.iter().filter(|row| row.failed()).count();
        for row in &rows {
            let same = |old: &Checked| (old.result, &old.wrong) == (row.result, &row.wrong);
            if !self.before.get(&row.name).is_some_and(same) {
                lines.extend(drawn(row));
            }
        }
        if lines.len() == 1 && !first {
            lines.push("as before".to_string());
        }
        lines.push(match failed {
            0 => format!("{} ok", rows.len()),
            failed => format!("{failed} of {} failed", rows.len()),
        });
        // What could not be checked this time is shown again when it can.
        self.before = rows.into_iter().map(|row| (row.name.clone(), row)).collect();
        Ok(lines.into_iter().map(String::into_bytes).collect())
    }

    async fn check(&self) -> Result<Vec<Checked>> {
        let (checks, mut rows) = Checks::find(&self.call, &self.word).await?;
        rows.extend(checks.run(&self.call, false).await?);
        Ok(rows)
    }
}

fn drawn(row: &Checked) -> Vec<String> {
    let fuel = row.fuel.map(|fuel| format!(" ({fuel} fuel)")).unwrap_or_default();
    let mut lines = vec![format!("{:<6} {}{fuel}", row.result, row.name)];
    lines.extend(row.wrong.iter().map(|line| format!("       {line}")));
    lines
}

impl Source<Lines> for Watching {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Lines>>> {
        Box::pin(async {
            match self.turn().await {
                Ok(lines) => Ok(Some(lines)),
                // That is how it ends.
                Err(error) if error.class == Class::Interrupted => Ok(None),
                Err(error) => Err(error),
            }
        })
    }
}
