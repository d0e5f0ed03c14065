//! Case files: `cases/*.toml` beside a plugin, lists of questions with the answers expected. Their
//! form is told in `sdk/template/README.md`.

mod input;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use kafsh_model::plan::StepInput;
use kafsh_model::plugin::{ClusterFacts, PluginKind};
use kafsh_model::policy::PolicyRequest;
use kafsh_model::record::RecordBatch;
use kafsh_model::transform::SourcePartition;
use kafsh_model::{Error, Result};
use serde::Deserialize;
use toml::{Spanned, Table, Value};

use crate::files;

/// Bytes of a case file.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// A file of cases.
#[derive(Debug)]
pub struct CaseFile {
    pub path: PathBuf,
    text: String,
    pub cases: Vec<Case>,
}

/// A question, and the answer that is expected.
#[derive(Debug)]
pub struct Case {
    pub name: String,
    pub input: Input,
    pub settings: Vec<(String, String)>,
    /// Most work that the answer may take; of a transform, for each record
    pub fuel: Option<u64>,
    /// By the keys of its kind
    pub expected: Table,
    /// Where the values of those keys stand in the file
    places: BTreeMap<String, std::ops::Range<usize>>,
    /// End of a value of the case: a place for what is not there yet
    end: usize,
}

#[derive(Debug)]
pub enum Input {
    Policy { request: Box<PolicyRequest>, facts: Option<ClusterFacts> },
    Transform { source: SourcePartition, batch: RecordBatch },
    Step(Box<StepInput>),
}

/// The keys of what is expected.
fn expected_keys(kind: PluginKind) -> &'static [&'static str] {
    match kind {
        PluginKind::Policy => &["expect", "error"],
        PluginKind::Transform => &["output", "failures", "error"],
        PluginKind::Step => &["actions", "findings", "verify", "error"],
    }
}

/// A value that users may write without quotes.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Word {
    Text(String),
    Integer(i64),
    Number(f64),
    Boolean(bool),
}

impl Word {
    pub fn text(&self) -> String {
        match self {
            Word::Text(text) => text.clone(),
            Word::Integer(number) => number.to_string(),
            Word::Number(number) => number.to_string(),
            Word::Boolean(yes) => yes.to_string(),
        }
    }
}

/// Bytes as a case file has them, under `name` or `name-hex`.
pub fn bytes(name: &str, bytes: &[u8]) -> (String, Value) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (name.to_string(), Value::String(text.to_string())),
        Err(_) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            (format!("{name}-hex"), Value::String(hex))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(default)]
    case: Vec<BTreeMap<String, Spanned<Value>>>,
}

impl CaseFile {
    /// Reads a file as cases of a plugin of `kind`.
    ///
    /// # Errors
    /// `bad-case`, with the file and what is wrong in it.
    pub fn read(path: &Path, kind: PluginKind) -> Result<CaseFile> {
        let wrong = |why: String| bad(path, &why);
        let unreadable = |e: std::io::Error| Error::io(format!("`{}`", path.display()), &e);
        let text = files::read_text_at_most(path, FILE_BYTES_MAX).map_err(unreadable)?;
        let text =
            text.ok_or_else(|| wrong(format!("it is larger than {} MiB", FILE_BYTES_MAX >> 20)))?;
        let read: Read = toml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        let mut cases = Vec::new();
        for (index, table) in read.case.into_iter().enumerate() {
            let name = table.get("name").and_then(|name| name.get_ref().as_str());
            let name = name.map_or_else(|| format!("case {}", index + 1), String::from);
            let case = Case::of(table, kind, name.clone(), &text);
            cases.push(case.map_err(|why| wrong(format!("`{name}`:\n{why}")))?);
        }
        if cases.is_empty() {
            return Err(wrong("it has no `[[case]]`".to_string()));
        }
        Ok(CaseFile { path: path.to_path_buf(), text, cases })
    }

    /// All files in `folder`, by name; none where there is no such folder.
    ///
    /// # Errors
    /// As [`CaseFile::read`], of the first that is wrong.
    pub fn all(folder: &Path, kind: PluginKind) -> Result<Vec<CaseFile>> {
        let mut paths: Vec<PathBuf> = match fs::read_dir(folder) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(Error::io(format!("`{}`", folder.display()), &e)),
        };
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
        paths.sort();
        paths.iter().map(|path| CaseFile::read(path, kind)).collect()
    }

    /// Writes outcomes, each with the index of its case, as what is expected; everything else in
    /// the file stays as it is.
    ///
    /// # Errors
    /// `bad-case`: the cases are written in a form in which they cannot be edited.
    pub fn bless(&self, outcomes: &[(usize, &Table)], kind: PluginKind) -> Result<()> {
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        for (index, outcome) in outcomes {
            let case = &self.cases[*index];
            // Backwards, since what is put in one place later stands there first.
            for key in expected_keys(kind).iter().rev() {
                match (case.places.get(*key), outcome.get(*key)) {
                    (Some(place), Some(value)) => edits.push((place.clone(), inline(value))),
                    // A list of nothing is what is left of one that was expected.
                    (Some(place), None) if case.expected[*key].is_array() => {
                        edits.push((place.clone(), "[]".to_string()));
                    }
                    (Some(place), None) => edits.push((self.entry(place), String::new())),
                    (None, Some(value)) => {
                        // Below the line, which may be taken away itself.
                        let below = self.entry(&(case.end..case.end)).end;
                        let ended = self.text[..below].ends_with('\n');
                        let line = format!("{key} = {}", inline(value));
                        let line = if ended { line + "\n" } else { format!("\n{line}") };
                        edits.push((below..below, line));
                    }
                    (None, None) => {}
                }
            }
        }
        edits.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
        let mut text = self.text.clone();
        for (place, new) in edits {
            text.replace_range(place, &new);
        }
        let expected = |text: &str| -> Option<Vec<Table>> {
            let read: Read = toml::from_str(text).ok()?;
            let cases =
                read.case.into_iter().map(|table| Case::of(table, kind, String::new(), text));
            cases.map(|case| case.ok().map(|case| case.expected)).collect()
        };
        let written = expected(&text);
        let as_wanted = |written: &Vec<Table>| {
            outcomes.iter().all(|(index, outcome)| {
                written.get(*index).is_some_and(|table| {
                    outcome.iter().all(|(key, value)| table.get(key) == Some(value))
                })
            })
        };
        if !written.is_some_and(|written| as_wanted(&written)) {
            let why = "its cases cannot be edited: write `expect = { … }`, not a table of its own";
            return Err(bad(&self.path, why));
        }
        let failed = |e: std::io::Error| Error::io(format!("`{}`", self.path.display()), &e);
        fs::write(&self.path, text).map_err(failed)
    }

    /// The lines of the entry whose value lies at `value`.
    fn entry(&self, value: &Range<usize>) -> Range<usize> {
        let start = self.text[..value.start].rfind('\n').map_or(0, |at| at + 1);
        let end =
            self.text[value.end..].find('\n').map_or(self.text.len(), |at| value.end + at + 1);
        start..end
    }
}

impl Case {
    fn of(
        table: BTreeMap<String, Spanned<Value>>,
        kind: PluginKind,
        name: String,
        text: &str,
    ) -> Result<Case, String> {
        let end = last_entry(table.values().map(Spanned::span).collect(), text);
        let (mut expected, mut places, mut rest) = (Table::new(), BTreeMap::new(), Table::new());
        for (key, value) in table {
            if expected_keys(kind).contains(&key.as_str()) {
                places.insert(key.clone(), value.span());
                expected.insert(key, value.into_inner());
            } else {
                rest.insert(key, value.into_inner());
            }
        }
        rest.remove("name");
        let fuel = match rest.remove("fuel") {
            None => None,
            Some(Value::Integer(fuel)) => {
                Some(u64::try_from(fuel).map_err(|_| "`fuel` is below 0".to_string())?)
            }
            Some(_) => return Err("`fuel` is a whole number".to_string()),
        };
        let settings = match rest.remove("settings") {
            None => Vec::new(),
            Some(Value::Table(settings)) => pairs(settings)?,
            Some(_) => return Err("`settings` is a table".to_string()),
        };
        let input = input::read(kind, rest, expected_keys(kind))?;
        Ok(Case { name, input, settings, fuel, expected, places, end })
    }
}

/// Where the last of a case's own entries ends: behind it, and before a table that has a heading,
/// is room for more.
fn last_entry(mut places: Vec<Range<usize>>, text: &str) -> usize {
    places.sort_by_key(|place| place.start);
    let headed = |place: &Range<usize>| {
        let line = text[..place.start].rfind('\n').map_or(0, |at| at + 1);
        text[line..].trim_start().starts_with('[')
    };
    let own = places.iter().take_while(|place| !headed(place)).last();
    own.or(places.first()).map_or(0, |place| place.end)
}

/// A value on one line; a list of tables with a line for each.
fn inline(value: &Value) -> String {
    match value {
        Value::Array(items) if items.iter().any(Value::is_table) => {
            let lines: String = items.iter().map(|item| format!("    {item},\n")).collect();
            format!("[\n{lines}]")
        }
        other => other.to_string(),
    }
}

fn bad(path: &Path, why: &str) -> Error {
    let mut lines = why.lines().map(str::trim_end).filter(|line| !line.is_empty());
    let mut error = Error::failed("bad-case", format!("`{}` has no cases", path.display()));
    error.cause = lines.next_back().map(String::from);
    error.evidence = lines.map(String::from).collect();
    error
}

/// Settings as `--set` has them; a list is one pair for each value.
fn pairs(settings: Table) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    for (name, value) in settings {
        let values = match value {
            Value::Array(values) => values,
            other => vec![other],
        };
        for value in values {
            let word: Word = value
                .try_into()
                .map_err(|_| format!("`settings.{name}` is a text, a number or a list of them"))?;
            pairs.push((name.clone(), word.text()));
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests;
